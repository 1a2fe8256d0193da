"""What drifts: floating waste piece by piece, leaves, lily pads, boats, branches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.training.renders.blender.materials import Palette
from detection.training.renders.blender.register import Register, Thing
from detection.training.renders.blender.shapes import Shape, blob, mesh_from, place
from detection.training.renders.blender.terrain import Course
from detection.training.renders.blender.water import Patch, blot

__all__ = ["build_afloat", "build_litter"]

FloatArray = NDArray[np.float64]
_PIECES = (
    "bottle", "bottle", "bottle", "bottle", "bag", "bag", "bag", "foam", "cup", "cup", "sheet",
    "crate",
)  # fmt: skip
_COLOURS = {
    "bottle": ((0.62, 0.68, 0.66), (0.10, 0.32, 0.14), (0.60, 0.64, 0.70), (0.12, 0.30, 0.52)),
    "bag": ((0.72, 0.72, 0.70), (0.55, 0.07, 0.06), (0.08, 0.16, 0.42), (0.03, 0.03, 0.03), (0.72, 0.60, 0.16)),  # noqa: E501
    "foam": ((0.80, 0.80, 0.78), (0.74, 0.72, 0.66)),
    "cup": ((0.70, 0.68, 0.62), (0.60, 0.10, 0.08)),
    "sheet": ((0.62, 0.60, 0.55), (0.30, 0.38, 0.46), (0.55, 0.42, 0.24)),
    "crate": ((0.50, 0.10, 0.05), (0.06, 0.20, 0.42), (0.40, 0.30, 0.18)),
    "plank": ((0.24, 0.17, 0.10), (0.14, 0.105, 0.07)),
}  # fmt: skip


def _piece(kind: str, palette: Palette, rng: np.random.Generator) -> Any:
    """A mesh of one piece of waste, lying in the water."""
    colours = _COLOURS[kind]
    material = palette("plain", colours[int(rng.integers(len(colours)))])
    shape = Shape()
    if kind == "bottle":
        length = float(rng.uniform(0.18, 0.34))
        r = length * 0.16
        shape.tube(r, (-length / 2, length * 0.25), sides=10, centre=(0, r * 0.3))
        shape.tube(r * 0.45, (length * 0.25, length / 2), sides=8, centre=(0, r * 0.3), slot=1)
        cap = palette(
            "plain", ((0.6, 0.05, 0.04), (0.05, 0.15, 0.5), (0.7, 0.7, 0.7))[int(rng.integers(3))]
        )
        return shape.build(kind, [material, cap])
    if kind in ("bag", "sheet"):
        points, faces = blob(rng, 0.55, 0.22 if kind == "bag" else 0.06)
        size = rng.uniform([0.14, 0.10, 0.2], [0.34, 0.26, 0.3])
        if kind == "sheet":
            size[:2] *= 1.9
        return mesh_from(kind, points * size, faces, [material], smooth=True)
    if kind == "cup":
        shape.tube(0.045, (-0.06, 0.06), bore=0.04, sides=10, centre=(0, 0.02))
    else:
        low, high = {"foam": ((0.12, 0.1), (0.42, 0.32)), "crate": ((0.35, 0.25), (0.6, 0.4)),
                     "plank": ((0.6, 0.06), (1.8, 0.18))}[kind]  # fmt: skip
        a, b = rng.uniform(low, high)
        up = 0.04 if kind == "plank" else float(rng.uniform(0.05, 0.2))
        shape.box((-a / 2, a / 2), (-b / 2, b / 2), (-0.05, up))
        if kind == "crate":
            shape.box(
                (-a / 2 + 0.03, a / 2 - 0.03), (-b / 2 + 0.03, b / 2 - 0.03), (up, up + 0.004), 1
            )
        return shape.build(kind, [material, palette("dark")])
    return shape.build(kind, [material, palette("dark")])


def _drop(
    mesh: Any, xy: FloatArray, rng: np.random.Generator, register: Register, thing: Thing, name: str
) -> None:
    lean = tuple(rng.normal(0, 0.14, 2).tolist())
    spot = (float(xy[0]), float(xy[1]), float(rng.uniform(-0.01, 0.03)))
    placed = place(name, mesh, spot, float(rng.uniform(0, 6.28)), 1.0, 0, (lean[0], lean[1]))
    register.add(placed, thing, name)


def build_litter(course: Course, w: Any, palette: Palette, register: Register) -> list[Patch]:
    """One clump or one piece of floating waste, class `floating_waste`; returns its scum."""
    rng = np.random.default_rng(w.seed)
    middle = course.xy(w.side, w.s_m, -w.out_m)
    if w.count == 1:
        kind = _PIECES[int(rng.integers(len(_PIECES)))]
        mesh = _piece(kind, palette, rng)
        _drop(mesh, middle, rng, register, register.thing("floating_waste", kind), "piece")
        return []
    thing = register.thing("floating_waste", "clump")
    kinds = [_PIECES[int(rng.integers(len(_PIECES) - 1))] for _ in range(18)] + ["plank"]
    kinds += ["crate"] if rng.random() < 0.4 else []
    meshes = [_piece(kind, palette, rng) for kind in kinds]
    knots = rng.normal(0, 0.2, (int(rng.integers(2, 5)), 2))
    at = knots[rng.integers(len(knots), size=w.count)] + rng.normal(0, 0.15, (w.count, 2))
    reach = np.linalg.norm(at, axis=1, keepdims=True)
    at = at * np.minimum(1, 0.5 / np.maximum(reach, 1e-6)) * [w.length_m, w.width_m]
    turn = course.turn(w.s_m) + math.pi / 2
    c, s = math.cos(turn), math.sin(turn)
    for x, y in at:
        spot = middle + np.array([c * x - s * y, s * x + c * y])
        if float(course.out(spot, w.side)) > 0.05:
            _drop(meshes[int(rng.integers(len(meshes)))], spot, rng, register, thing, "pieces")
    if not w.scum:
        return []
    tone = ((0.16, 0.13, 0.085), (0.10, 0.11, 0.05), (0.30, 0.29, 0.25))[int(rng.integers(3))]
    return [blot(middle, (w.length_m, w.width_m), turn, w.seed, tone, w.scum, 0.06)]


def _lily(course: Course, c: Any, palette: Palette, rng: np.random.Generator) -> None:
    pad = Shape()
    angle = np.linspace(0.25, 6.03, 14)
    pad.face([(0.0, 0.0, 0.0), *[(math.cos(a), math.sin(a), 0.0) for a in angle.tolist()]])
    mesh = pad.build("lily", [palette("leaf", (0.045, 0.12, 0.03))])
    for _ in range(int(60 * c.size)):
        d = c.back_m + rng.normal(0, 1.1 * c.size)
        xy = course.xy(c.side, c.s_m + rng.normal(0, 2.2 * c.size), min(d, -0.3))
        place("lily", mesh, (*xy, 0.015), rng.uniform(0, 6.28), float(rng.uniform(0.09, 0.26)), 3)


def _boat(course: Course, c: Any, palette: Palette, register: Register) -> None:
    """A punt or a small work boat; not a class of ours."""
    rng = np.random.default_rng(c.seed)
    length, half = 3.4 * c.size + 1.0, 0.55 * c.size + 0.25
    ts = np.linspace(-1, 1, 11)
    width = half * (1 - np.abs(ts) ** 3) ** 0.6
    shape = Shape()
    up = 0.42
    for (t0, w0), (t1, w1) in zip(
        zip(ts, width, strict=True), list(zip(ts, width, strict=True))[1:], strict=False
    ):
        x0, x1 = t0 * length / 2, t1 * length / 2
        for sign in (-1, 1):
            shape.face(
                [
                    (x0, sign * w0, up),
                    (x1, sign * w1, up),
                    (x1, sign * w1 * 0.7, -0.2),
                    (x0, sign * w0 * 0.7, -0.2),
                ],
                0,
            )
            shape.face(
                [
                    (x0, sign * w0, up),
                    (x1, sign * w1, up),
                    (x1, sign * w1 * 0.85, up),
                    (x0, sign * w0 * 0.85, up),
                ],
                1,
            )
        shape.face(
            [
                (x0, -w0 * 0.85, 0.1),
                (x1, -w1 * 0.85, 0.1),
                (x1, w1 * 0.85, 0.1),
                (x0, w0 * 0.85, 0.1),
            ],
            2,
        )
    for x in (-0.25, 0.2):
        shape.box((x * length - 0.12, x * length + 0.12), (-half * 0.9, half * 0.9), (0.3, 0.36), 1)
    tones = ((0.10, 0.18, 0.30), (0.24, 0.17, 0.10), (0.05, 0.12, 0.07), (0.40, 0.40, 0.38))
    hull = palette("plain", tones[int(rng.integers(4))])
    materials = [
        hull,
        palette("planks", (0.26, 0.19, 0.12)),
        palette("planks", (0.16, 0.12, 0.085)),
    ]
    xy = course.xy(c.side, c.s_m, min(c.back_m, -half - 0.3))
    turn = course.turn(c.s_m) + math.pi / 2 + rng.normal(0, 0.35)
    thing = register.thing("", "boat")
    register.add(place("boat", shape.build("boat", materials), (*xy, 0.0), turn), thing, "boat")


def build_afloat(course: Course, c: Any, palette: Palette, register: Register) -> list[Patch]:
    """Something natural or harmless on the water; returns what lies on the surface as patches."""
    rng = np.random.default_rng(c.seed)
    middle = course.xy(c.side, c.s_m, c.back_m)
    turn = course.turn(c.s_m)
    if c.kind == "duckweed":
        size = (float(rng.uniform(2, 7)) * c.size, float(rng.uniform(3, 16)) * c.size)
        return [blot(middle, size, turn, c.seed, (0.06, 0.115, 0.02), 0.8, 0.12)]
    if c.kind == "leaves":
        size = (float(rng.uniform(1, 4)) * c.size, float(rng.uniform(2, 9)) * c.size)
        tone = ((0.22, 0.13, 0.04), (0.13, 0.085, 0.035), (0.28, 0.22, 0.06))[int(rng.integers(3))]
        return [blot(middle, size, turn, c.seed, tone, float(rng.uniform(0.25, 0.6)), 0.13)]
    if c.kind == "lily":
        _lily(course, c, palette, rng)
    elif c.kind == "boat":
        _boat(course, c, palette, register)
    else:
        stick = Shape()
        for _ in range(int(rng.integers(2, 7))):
            stick.tube(float(rng.uniform(0.02, 0.07)), (0.0, float(rng.uniform(0.6, 2.6))), sides=6)
        mesh = stick.build("branch", [palette("planks", (0.13, 0.095, 0.06))])
        for _ in range(int(rng.integers(1, 5))):
            xy = middle + rng.normal(0, 0.5, 2)
            lean = (float(rng.normal(0, 0.12)), 0.0)
            place("branch", mesh, (*xy, 0.0), rng.uniform(0, 6.28), 1.0, 3, lean)
    return []
