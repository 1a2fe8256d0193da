"""Outlets: pipes, culverts and flap gates with headwalls, wings, aprons and stains.

Each lies in axes of its own: x along the bank, y out over the water, z up from the water.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from detection.training.renders.blender.materials import Palette
from detection.training.renders.blender.nodes import Graph
from detection.training.renders.blender.register import Register
from detection.training.renders.blender.shapes import Shape, place
from detection.training.renders.blender.terrain import TERRAIN, Course

__all__ = ["build_outlet"]

_SURFACE = {
    "concrete_pipe": "pipe_concrete", "twin_pipe": "pipe_concrete", "pvc_pipe": "pipe_plastic",
    "box_culvert": "concrete_wall", "iron_pipe": "pipe_plastic", "brick_culvert": "brick",
    "steel_pipe": "pipe_steel", "flap_gate": "pipe_concrete",
}  # fmt: skip


def _pipe(shape: Shape, o: Any, x: float, back: float, tilt_flange: bool) -> None:
    r = o.size_m / 2
    wall = 0.12 if o.kind in ("concrete_pipe", "twin_pipe") else 0.05
    bore = r * (1 - wall * (1.4 if o.size_m < 0.5 else 1.0))
    shape.tube(r, (-back, o.reach_m), bore=bore, centre=(x, o.up_m), slot=0, inner_slot=1,
               deep=min(o.size_m * 1.6, back + o.reach_m - 0.02))  # fmt: skip
    if tilt_flange and o.reach_m > 0.15:
        shape.tube(r * 1.16, (o.reach_m - 0.08 - 0.06 * o.size_m, o.reach_m), bore=bore,
                   centre=(x, o.up_m), slot=0, inner_slot=1)  # fmt: skip


def _box_mouth(shape: Shape, o: Any, back: float) -> None:
    """A rectangular barrel that is open towards the water."""
    half, wall = o.size_m / 2, max(0.12, o.size_m * 0.11)
    tall = o.size_m * 0.72 / 2
    z0, z1 = o.up_m - tall, o.up_m + tall
    y = (-back, o.reach_m + 0.15)
    shape.box((-half, half), y, (z1 - wall, z1), 0)
    shape.box((-half, half), y, (z0 - 0.4, z0 + wall * 0.5), 0)
    shape.box((-half, -half + wall), y, (z0, z1), 0)
    shape.box((half - wall, half), y, (z0, z1), 0)
    deep = y[1] - min(1.2 * o.size_m, y[1] + back - 0.05)
    shape.box((-half + wall, half - wall), (deep - 0.03, deep), (z0, z1 - wall), 1)


def _flap(shape: Shape, o: Any) -> None:
    """A flap hung before the mouth, ajar, with hinges and ribs."""
    r = o.size_m / 2
    rng = np.random.default_rng([o.seed, 3])
    open_rad = float(rng.uniform(0.05, 0.6))
    y0 = o.reach_m + 0.06
    top = o.up_m + r * 1.08
    c, s = math.cos(open_rad), math.sin(open_rad)

    def at(x: float, drop: float, off: float) -> tuple[float, float, float]:
        return x, y0 + drop * s + off * c, top - drop * c + off * s

    if rng.random() < 0.5:
        outline = [(r * 1.1 * math.cos(a), r * 1.1 * (1 - math.sin(a)))
                   for a in np.linspace(0, 2 * math.pi, 24, endpoint=False)]  # fmt: skip
    else:
        outline = [(-r * 1.1, 0), (r * 1.1, 0), (r * 1.1, r * 2.2), (-r * 1.1, r * 2.2)]
    for off in (0.0, 0.07):
        shape.face([at(x, d, off) for x, d in outline], 2)
    for (xa, da), (xb, db) in zip(outline, outline[1:] + outline[:1], strict=True):
        shape.face([at(xa, da, 0), at(xb, db, 0), at(xb, db, 0.07), at(xa, da, 0.07)], 2)
    for x in (-0.5 * r, 0.5 * r):
        w = 0.06 * r + 0.02
        corners = [
            at(x - w, 0.1 * r, 0.1),
            at(x + w, 0.1 * r, 0.1),
            at(x + w, 1.9 * r, 0.1),
            at(x - w, 1.9 * r, 0.1),
        ]
        shape.face(corners, 2)
        shape.box((x - w, x + w), (y0 - 0.25, y0 + 0.12), (top - 0.04, top + 0.1), 2)


def _headwall(shape: Shape, o: Any, course: Course, back: float) -> None:
    side = course.sides[o.side]
    half = o.headwall_m / 2
    rng = np.random.default_rng([o.seed, 4])
    top = o.up_m + o.size_m * 0.5 + float(rng.uniform(0.2, 0.5))
    if side.bank.run_m > 0:
        top = min(top, side.bank.height_m + 0.4)
    y = (-back * 0.75 - 0.3, -back * 0.75 + 0.15) if back > 0.6 else (-0.3, 0.06)
    shape.box((-half, half), y, (-0.8, top), 3)
    shape.box((-half - 0.05, half + 0.05), (y[0] - 0.04, y[1] + 0.05), (top, top + 0.12), 3)
    if o.wings:
        reach = y[1] + float(rng.uniform(0.7, 1.6)) * max(o.size_m, 0.7)
        flare = float(rng.uniform(0.0, 0.6)) * (reach - y[1])
        for sign in (-1, 1):
            a, b = sign * half, sign * (half + flare)
            t = 0.24 * sign
            low = top * 0.45
            feet = [(a - t, y[1]), (a, y[1]), (b, reach), (b - t, reach)]
            tops = (top, top, low, low)
            upper = [(px, py, tz) for (px, py), tz in zip(feet, tops, strict=True)]
            lower = [(px, py, -0.8) for px, py in feet]
            shape.face(upper, 3)
            for k in range(4):
                n = (k + 1) % 4
                shape.face([lower[k], lower[n], upper[n], upper[k]], 3)


def _apron(shape: Shape, o: Any, course: Course) -> None:
    """A concrete chute from below the mouth down the slope into the water."""
    side = course.sides[o.side]
    half = max(o.size_m * 0.7, 0.35)
    for sign in (-1, 1):
        shape.box((sign * half - 0.06, sign * half + 0.06), (-0.1, 0.5), (-0.5, 0.12), 4)
    steps = np.linspace(-side.bank.run_m * 0.92, 0.7, 7)
    for a, b in zip(steps[:-1].tolist(), steps[1:].tolist(), strict=True):
        za, zb = (side.height(-t) + 0.09 if t <= 0 else -0.05 - t * 0.2 for t in (a, b))
        shape.face([(-half, a, za), (half, a, za), (half * 1.1, b, zb), (-half * 1.1, b, zb)], 4)
        for sign in (-1, 1):
            x = sign * half * 1.05
            shape.face(
                [(x, a, za - 0.3), (x, b, zb - 0.3), (x, b, zb + 0.12), (x, a, za + 0.12)], 4
            )
            x2 = x + sign * 0.12
            shape.face(
                [(x, a, za + 0.12), (x, b, zb + 0.12), (x2, b, zb + 0.12), (x2, a, za + 0.12)], 4
            )
            shape.face(
                [(x2, a, za - 0.3), (x2, b, zb - 0.3), (x2, b, zb + 0.12), (x2, a, za + 0.12)], 4
            )


def _stain(o: Any, course: Course, tone: tuple[float, float, float], matrix: Any) -> None:
    """A run of rust or slime down the wall below the mouth; not part of the outlet."""
    g = Graph("stain")
    run = g.noise(g.scaled(g.local, (3.5, 1, 0.5)), 1.0, 0.7)
    across = g.math("ABSOLUTE", g.axis(g.local, "x"))
    edge = g.span(across, 0.12 * o.size_m, 0.75 * o.size_m, (0.42, -0.35))
    cover = g.span(g.math("ADD", run, edge), 0.52, 0.78, (0.0, 0.92))
    colour = g.shade(tone, g.noise(g.local, 5, 0.7), 0.6, 1.4)
    shader = g.node("BsdfPrincipled", {"Base Color": colour, "Roughness": 0.5, "Alpha": cover})
    g.tree.links.new(shader.outputs[0], g.out.inputs[0])
    shape = Shape()
    half = o.size_m * 0.8
    shape.face(
        [(-half, 0.05, o.up_m), (half, 0.05, o.up_m), (half, 0.05, -0.3), (-half, 0.05, -0.3)]
    )
    stain = place("decal", shape.build("stain", [g.material]), matrix[0], matrix[1], index=TERRAIN)
    stain.visible_shadow = False


def build_outlet(course: Course, o: Any, palette: Palette, register: Register) -> None:
    """Build one outlet; its things are registered as class `outfall`."""
    side = course.sides[o.side]
    run, height = side.bank.run_m, side.bank.height_m
    # the pipe comes out of the bank where that is about as high as its crown
    back = side.back_at(min(o.up_m + o.size_m * 0.45, height * 0.95)) if run else 0.0
    back = max(back, 0.0)
    x, y = course.xy(o.side, o.s_m, 0.0)
    # local y points over the water: -side along x
    turn = course.turn(o.s_m) + (math.pi / 2 if o.side > 0 else -math.pi / 2)
    at = ((float(x), float(y), 0.0), turn)
    thing = register.thing("outfall", o.kind)
    tone = tuple(o.tone)
    cement = tuple(round(0.8 * c + 0.04, 4) for c in (0.36, 0.35, 0.32))
    surface = palette(_SURFACE[o.kind], tone)
    gate = palette("pipe_steel", (0.05, 0.08, 0.10) if o.seed % 2 else (0.16, 0.15, 0.14))
    materials = [surface, palette("dark"), gate, palette("concrete_wall", cement),
                 palette("concrete_wall", cement)]  # fmt: skip
    root = back + 0.35
    mouth = Shape()
    if o.kind in ("box_culvert", "brick_culvert"):
        _box_mouth(mouth, o, root)
    elif o.kind == "twin_pipe":
        for x_off in (-0.62 * o.size_m, 0.62 * o.size_m):
            _pipe(mouth, o, x_off, root, True)
    else:
        _pipe(mouth, o, 0.0, root, o.kind in ("concrete_pipe", "iron_pipe", "steel_pipe"))
        if o.kind == "flap_gate":
            _flap(mouth, o)
    swivel = math.radians(o.swivel_deg) if not o.headwall_m else 0.0
    part = "culvert" if "culvert" in o.kind else "pipe"
    register.add(place(part, mouth.build(part, materials), at[0], turn + swivel), thing, part)
    if o.headwall_m:
        wall = Shape()
        _headwall(wall, o, course, back)
        register.add(place("headwall", wall.build("headwall", materials), *at), thing, "headwall")
    if o.apron:
        chute = Shape()
        _apron(chute, o, course)
        register.add(place("apron", chute.build("apron", materials), *at), thing, "apron")
    if o.rust > 0.45 and run == 0 and o.up_m > 0.2:
        tone = (0.22, 0.075, 0.025) if o.rust > 0.7 else (0.03, 0.032, 0.022)
        _stain(o, course, tone, at)
