"""Things on land that are none of the classes and may be taken for one."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from detection.training.renders.blender.materials import Palette
from detection.training.renders.blender.register import Register
from detection.training.renders.blender.shapes import Shape, blob, mesh_from, place
from detection.training.renders.blender.terrain import Course

__all__ = ["build_ashore"]

_PAINT = (
    (0.55, 0.55, 0.55),
    (0.05, 0.05, 0.055),
    (0.60, 0.04, 0.03),
    (0.05, 0.12, 0.32),
    (0.75, 0.74, 0.70),
    (0.35, 0.36, 0.37),
)


def _manhole(c: Any, rng: np.random.Generator, palette: Palette) -> tuple[Shape, list[Any]]:
    s = Shape()
    r = 0.34
    angle = np.linspace(0, 2 * math.pi, 25)[:-1].tolist()
    up = float(rng.choice([0.01, 0.25]))
    ring = [(r * 1.5 * math.cos(a), r * 1.5 * math.sin(a)) for a in angle]
    s.face([(x, y, up) for x, y in ring], 0)
    for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
        s.face([(ax, ay, -0.3), (bx, by, -0.3), (bx, by, up), (ax, ay, up)], 0)
    s.face([(r * math.cos(a), r * math.sin(a), up + 0.012) for a in angle], 1)
    lid = palette("dark") if rng.random() < 0.35 else palette("pipe_steel", (0.09, 0.085, 0.08))
    return s, [palette("yard"), lid]


def _pipe_stack(c: Any, rng: np.random.Generator, palette: Palette) -> tuple[Shape, list[Any]]:
    s = Shape()
    r = float(rng.uniform(0.12, 0.45)) * min(c.size, 1.2)
    length = float(rng.uniform(2, 6))
    rows = int(rng.integers(1, 4))
    for row in range(rows):
        for k in range(int(rng.integers(2, 5)) + rows - row):
            x = (k + row * 0.5 - 3) * 2 * r
            off = float(rng.normal(0, 0.08))
            s.tube(r, (-length / 2 + off, length / 2 + off), bore=r * 0.86, deep=1.0, sides=20,
                   centre=(x, r + row * 1.73 * r), slot=0, inner_slot=1)  # fmt: skip
    kind = ("pipe_concrete", "pipe_plastic")[int(rng.integers(2))]
    return s, [palette(kind, (0.38, 0.37, 0.34)), palette("dark")]


def _tyres(c: Any, rng: np.random.Generator, palette: Palette) -> tuple[Shape, list[Any]]:
    s = Shape()
    angle = np.linspace(0, 2 * math.pi, 21)[:-1]
    for _ in range(int(rng.integers(1, 7))):
        px, py = rng.normal(0, 0.6, 2)
        pz = float(rng.choice([0.0, 0.2]))
        r, w = 0.33, 0.1
        loops = [(r - 2 * w, 0.0), (r - 2 * w, 0.16), (r - w, 0.21), (r, 0.16), (r, 0.0)]
        for (r0, z0), (r1, z1) in pairwise(loops):
            for a, b in zip(angle.tolist(), np.roll(angle, -1).tolist(), strict=True):
                s.face(
                    [
                        (px + r0 * math.cos(a), py + r0 * math.sin(a), pz + z0),
                        (px + r0 * math.cos(b), py + r0 * math.sin(b), pz + z0),
                        (px + r1 * math.cos(b), py + r1 * math.sin(b), pz + z1),
                        (px + r1 * math.cos(a), py + r1 * math.sin(a), pz + z1),
                    ],
                    0,
                )
    return s, [palette("plain", (0.018, 0.018, 0.018))]


def _car(c: Any, rng: np.random.Generator, palette: Palette) -> tuple[Shape, list[Any]]:
    s = Shape()
    half, deep = 2.2, 0.88
    s.box((-half, half), (-deep, deep), (0.32, 0.82), 0)
    x = [-half * 0.85, -half * 0.55, half * 0.25, half * 0.55]
    if rng.random() < 0.3:
        x = [-half * 0.98, -half * 0.9, half * 0.5, half * 0.75]  # a van
    low, high = 0.82, 1.45 if x[0] > -2 else 1.85
    d = deep * 0.82
    s.face([(x[1], -d, high), (x[2], -d, high), (x[2], d, high), (x[1], d, high)], 0)
    s.face([(x[0], -deep, low), (x[1], -d, high), (x[1], d, high), (x[0], deep, low)], 1)
    s.face([(x[3], -deep, low), (x[2], -d, high), (x[2], d, high), (x[3], deep, low)], 1)
    for sign in (-1, 1):
        s.face(
            [
                (x[0], sign * deep, low),
                (x[3], sign * deep, low),
                (x[2], sign * d, high),
                (x[1], sign * d, high),
            ],
            1,
        )
        for wx in (-1.3, 1.35):
            s.box((wx - 0.32, wx + 0.32), (sign * deep - 0.1, sign * deep + 0.02), (0, 0.64), 1)
    return s, [palette("car", _PAINT[int(rng.integers(6))]), palette("glass")]


def _sign(c: Any, rng: np.random.Generator, palette: Palette) -> tuple[Shape, list[Any]]:
    """The lawful board at an outfall or a river: a panel on posts, with lines of text."""
    s = Shape()
    w, low, high = float(rng.uniform(0.4, 1.0)), 0.9, float(rng.uniform(1.5, 2.2))
    lean = 0.05
    s.face([(-w, 0, low), (w, 0, low), (w, -lean, high), (-w, -lean, high)], 0)
    for k in range(5):
        z = high - 0.15 - k * 0.14
        if z > low + 0.1:
            s.face(
                [
                    (-w * 0.8, 0.012, z - 0.05),
                    (w * float(rng.uniform(0.2, 0.8)), 0.012, z - 0.05),
                    (w * 0.6, 0.012, z),
                    (-w * 0.8, 0.012, z),
                ],
                2,
            )
    for x in (-w * 0.85, w * 0.85):
        s.box((x - 0.035, x + 0.035), (-0.07, -0.01), (-0.2, high), 1)
    tones = ((0.03, 0.13, 0.42), (0.03, 0.25, 0.10), (0.7, 0.7, 0.68))
    return s, [palette("plain", tones[int(rng.integers(3))]), palette("plain", (0.35, 0.35, 0.36)),
               palette("plain", (0.75, 0.75, 0.72))]  # fmt: skip


def _people(c: Any, rng: np.random.Generator, palette: Palette) -> tuple[Shape, list[Any]]:
    s = Shape()
    for k in range(int(rng.integers(1, 5))):
        px, py = rng.normal(0, 0.8, 2) * (k > 0)
        s.box((px - 0.13, px + 0.13), (py - 0.2, py + 0.2), (0.0, 0.8), 1)
        s.box((px - 0.14, px + 0.14), (py - 0.26, py + 0.26), (0.8, 1.42), 0)
        s.box((px - 0.1, px + 0.1), (py - 0.1, py + 0.1), (1.45, 1.7), 2)
    return s, [palette("plain", _PAINT[int(rng.integers(6))]), palette("plain", (0.04, 0.04, 0.07)),
               palette("plain", (0.03, 0.022, 0.018))]  # fmt: skip


def _bench(c: Any, rng: np.random.Generator, palette: Palette) -> tuple[Shape, list[Any]]:
    s = Shape()
    for y in (-0.16, 0.0, 0.16):
        s.box((-0.8, 0.8), (y - 0.06, y + 0.06), (0.42, 0.46), 0)
    s.box((-0.8, 0.8), (0.26, 0.3), (0.5, 0.85), 0)
    for x in (-0.65, 0.65):
        s.box((x - 0.05, x + 0.05), (-0.22, 0.28), (-0.1, 0.42), 1)
    return s, [palette("planks", (0.25, 0.15, 0.08)), palette("plain", (0.2, 0.2, 0.2))]


def _bin(c: Any, rng: np.random.Generator, palette: Palette) -> tuple[Shape, list[Any]]:
    s = Shape()
    for k in range(int(rng.integers(1, 4))):
        s.box((k * 0.7, k * 0.7 + 0.58), (-0.35, 0.35), (0.0, 1.0), 0)
        s.box((k * 0.7 - 0.03, k * 0.7 + 0.61), (-0.4, 0.38), (1.0, 1.08), 1)
    tones = ((0.03, 0.16, 0.07), (0.04, 0.12, 0.32), (0.2, 0.2, 0.21))
    tone = tones[int(rng.integers(3))]
    return s, [palette("plain", tone), palette("plain", tuple(t * 0.7 for t in tone))]


def _pallets(c: Any, rng: np.random.Generator, palette: Palette) -> tuple[Shape, list[Any]]:
    s = Shape()
    for k in range(int(rng.integers(1, 6))):
        for y in np.linspace(-0.5, 0.42, 7).tolist():
            s.box((-0.6, 0.6), (y, y + 0.1), (0.12 + k * 0.15, 0.15 + k * 0.15), 0)
    return s, [palette("planks", (0.28, 0.20, 0.12))]


_MAKERS = {
    "manhole": _manhole, "pipe_stack": _pipe_stack, "tyre": _tyres, "car": _car, "sign": _sign,
    "people": _people, "bench": _bench, "bin": _bin, "pallet": _pallets,
}  # fmt: skip


def _stones(course: Course, c: Any, rng: np.random.Generator, palette: Palette) -> None:
    points, faces = blob(rng, 0.35, 0.7)
    mesh = mesh_from("stone", points, faces, [palette("flat_roof", (0.26, 0.25, 0.23))])
    for _ in range(int(rng.integers(3, 22))):
        d = c.back_m + rng.normal(0, 1.5)
        at = course.on_land(c.side, c.s_m + rng.normal(0, 1.5), max(d, 0.3))
        size = float(rng.uniform(0.1, 0.45)) * c.size
        place("stone", mesh, at, rng.uniform(0, 6.28), size, 2)


def _fence(course: Course, c: Any, reach_s: tuple[float, float], palette: Palette) -> None:
    s = Shape()
    rng = np.random.default_rng(c.seed)
    tone = ((0.55, 0.55, 0.54), (0.35, 0.34, 0.31), (0.06, 0.07, 0.07))[int(rng.integers(3))]
    posts = np.arange(max(reach_s[0], -90), min(reach_s[1], 90), 2.0)
    at = [course.on_land(c.side, float(p), c.back_m) for p in posts]
    for (ax, ay, az), (bx, by, bz) in pairwise(at):
        s.box((ax - 0.06, ax + 0.06), (ay - 0.06, ay + 0.06), (az - 0.2, az + 1.1), 0)
        for up in (0.35, 0.7, 1.05):
            for dx in (-0.035, 0.035):  # a rail as two upright strips and a top
                s.face(
                    [
                        (ax + dx, ay, az + up),
                        (bx + dx, by, bz + up),
                        (bx + dx, by, bz + up + 0.06),
                        (ax + dx, ay, az + up + 0.06),
                    ],
                    0,
                )
            s.face(
                [
                    (ax - 0.035, ay, az + up + 0.06),
                    (bx - 0.035, by, bz + up + 0.06),
                    (bx + 0.035, by, bz + up + 0.06),
                    (ax + 0.035, ay, az + up + 0.06),
                ],
                0,
            )
    place("fence", s.build("fence", [palette("plain", tone)]), (0, 0, 0), index=2)


def _bridge(course: Course, c: Any, palette: Palette, register: Register) -> None:
    bank = max((s.bank for s in course.sides.values()), key=lambda b: b.height_m)
    half = course.river.width_m / 2 + bank.run_m + 14
    deep, up = 2.6 * c.size + 1.0, bank.height_m + 0.5
    s = Shape()
    s.box((-half, half), (-deep, deep), (up - 0.7, up), 0)
    s.face(
        [
            (-half, -deep * 0.7, up + 0.01),
            (half, -deep * 0.7, up + 0.01),
            (half, deep * 0.7, up + 0.01),
            (-half, deep * 0.7, up + 0.01),
        ],
        1,
    )
    for sign in (-1, 1):
        y = sorted((sign * deep, sign * (deep - 0.2)))
        s.box((-half, half), (y[0], y[1]), (up, up + 0.9), 0)
    for x in np.linspace(-half * 0.4, half * 0.4, 2 if half > 12 else 1).tolist():
        s.box((x - 0.5, x + 0.5), (-deep * 0.8, deep * 0.8), (-1.0, up - 0.5), 0)
    materials = [palette("yard"), palette("asphalt")]
    at = (float(course.centre(np.array(c.s_m))), c.s_m, 0.0)
    turn = course.turn(c.s_m) + math.radians(c.angle_deg)
    thing = register.thing("", "bridge")
    register.add(place("bridge", s.build("bridge", materials), at, turn), thing, "bridge")


def build_ashore(
    course: Course, c: Any, reach_s: tuple[float, float], palette: Palette, register: Register
) -> None:
    """Build one piece of clutter on land; registered without a class."""
    rng = np.random.default_rng(c.seed)
    if c.kind == "stones":
        _stones(course, c, rng, palette)
    elif c.kind == "fence":
        _fence(course, c, reach_s, palette)
    elif c.kind == "bridge":
        _bridge(course, c, palette, register)
    else:
        shape, materials = _MAKERS[c.kind](c, rng, palette)
        at = course.on_land(c.side, c.s_m, c.back_m)
        turn = math.radians(c.angle_deg)
        if c.kind in ("sign", "bench", "car") and rng.random() < 0.7:
            turn = course.turn(c.s_m) + math.pi / 2
        thing = register.thing("", c.kind)
        register.add(place(c.kind, shape.build(c.kind, materials), at, turn), thing, c.kind)
