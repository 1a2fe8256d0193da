"""Buildings: houses, sheds, cabins, tarpaulin shelters, huts, foundations being dug.

Each lies in axes of its own: x along the ridge, y across it, z up from the ground.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from detection.training.renders.blender.materials import Palette
from detection.training.renders.blender.register import Register
from detection.training.renders.blender.shapes import Shape, blob, mesh_from, place
from detection.training.renders.blender.terrain import Course

__all__ = ["build_building"]

_WALLS = ((0.50, 0.49, 0.45), (0.42, 0.37, 0.30), (0.58, 0.56, 0.52), (0.36, 0.33, 0.30))
_ROOF, _WALL, _DARK, _TRIM = range(4)


def _walls(shape: Shape, half: float, deep: float, tall: float, rng: np.random.Generator) -> None:
    """Four walls with doors and windows."""
    for sign in (-1, 1):
        shape.face(
            [
                (-half, sign * deep, -0.5),
                (half, sign * deep, -0.5),
                (half, sign * deep, tall),
                (-half, sign * deep, tall),
            ],
            _WALL,
        )
        shape.face(
            [
                (sign * half, -deep, -0.5),
                (sign * half, deep, -0.5),
                (sign * half, deep, tall),
                (sign * half, -deep, tall),
            ],
            _WALL,
        )
        floors = max(1, int(tall / 3.0))
        for floor in range(floors):
            for x in np.arange(-half + 1.2, half - 1.0, float(rng.uniform(2.2, 3.4))).tolist():
                low, high = floor * 3.0 + (0.9 if rng.random() < 0.8 else 0.0), floor * 3.0 + 2.2
                if high < tall:
                    y = sign * (deep + 0.02)
                    shape.face(
                        [(x, y, low), (x + 1.1, y, low), (x + 1.1, y, high), (x, y, high)], _DARK
                    )


def _gable(
    shape: Shape, half: float, deep: float, tall: float, rise: float, over: float, one_way: bool
) -> None:
    """A pitched roof with overhang, or one falling to one side."""
    x = half + over
    if one_way:
        a, b = tall + rise, tall
        y0, y1 = -deep - over, deep + over
        top = [(-x, y0, a), (x, y0, a), (x, y1, b), (-x, y1, b)]
        shape.face(top, _ROOF)
        shape.face([(px, py, pz - 0.12) for px, py, pz in top], _TRIM)
        return
    ridge = tall + rise
    drop = over * rise / deep
    for sign in (-1, 1):
        y = sign * (deep + over)
        shape.face(
            [(-x, 0, ridge), (x, 0, ridge), (x, y, tall - drop), (-x, y, tall - drop)], _ROOF
        )
        shape.face(
            [
                (-x, y, tall - drop - 0.14),
                (x, y, tall - drop - 0.14),
                (x, y, tall - drop),
                (-x, y, tall - drop),
            ],
            _TRIM,
        )
        shape.face(
            [(sign * half, -deep, tall), (sign * half, deep, tall), (sign * half, 0, ridge)], _WALL
        )
    shape.box((-x, x), (-0.13, 0.13), (ridge - 0.03, ridge + 0.07), _TRIM)


def _house(shape: Shape, b: Any, rng: np.random.Generator) -> None:
    half, deep, tall = b.length_m / 2, b.width_m / 2, b.height_m
    _walls(shape, half, deep, tall, rng)
    if b.kind == "tile_house":
        _gable(shape, half, deep, tall, deep * float(rng.uniform(0.45, 0.75)), 0.5, False)
        if rng.random() < 0.5:  # an annexe with a lean-to roof
            w = float(rng.uniform(1.2, 2.2))
            shape.box(
                (-half, half * float(rng.uniform(-0.3, 0.6))), (deep, deep + w), (-0.5, 2.3), _WALL
            )
            x1 = half * 0.3
            shape.face(
                [
                    (-half - 0.2, deep - 0.1, 2.8),
                    (x1, deep - 0.1, 2.8),
                    (x1, deep + w + 0.3, 2.3),
                    (-half - 0.2, deep + w + 0.3, 2.3),
                ],
                _ROOF,
            )
        return
    shape.face(
        [(-half, -deep, tall), (half, -deep, tall), (half, deep, tall), (-half, deep, tall)], _ROOF
    )
    t, up = 0.22, tall + float(rng.uniform(0.3, 1.0))
    for sign in (-1, 1):
        ends = sorted((sign * deep, sign * (deep - t)))
        shape.box((-half, half), (ends[0], ends[1]), (tall - 0.2, up), _WALL)
        ends = sorted((sign * half, sign * (half - t)))
        shape.box((ends[0], ends[1]), (t - deep, deep - t), (tall - 0.2, up), _WALL)
    for _ in range(int(rng.integers(0, 4))):  # stair head, water tanks, air conditioners
        x, y = rng.uniform(-0.6, 0.6) * half, rng.uniform(-0.6, 0.6) * deep
        kind = rng.random()
        if kind < 0.35:
            shape.box((x - 1.2, x + 1.2), (y - 1.1, y + 1.1), (tall, tall + 2.3), _WALL)
        elif kind < 0.7:
            r = float(rng.uniform(0.45, 0.75))
            angle = np.linspace(0, 2 * math.pi, 17)[:-1]
            top = tall + 1.4
            ring = [(x + r * math.cos(a), y + r * math.sin(a)) for a in angle]
            shape.face([(px, py, top) for px, py in ring], _TRIM)
            for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
                shape.face([(ax, ay, tall), (bx, by, tall), (bx, by, top), (ax, ay, top)], _TRIM)
        else:
            shape.box((x - 0.45, x + 0.45), (y - 0.3, y + 0.3), (tall, tall + 0.6), _TRIM)


def _shed(shape: Shape, b: Any, rng: np.random.Generator) -> None:
    half, deep, tall = b.length_m / 2, b.width_m / 2, b.height_m
    one_way = b.kind == "tin_shed" and rng.random() < 0.6
    rise = deep * float(rng.uniform(0.12, 0.35))
    if b.kind == "pond_hut":
        rise = deep * float(rng.uniform(0.4, 0.9))
    if rng.random() < 0.75:
        _walls(shape, half, deep, tall, rng)
    else:  # an open roof on posts
        for x in np.linspace(-half + 0.1, half - 0.1, max(2, int(b.length_m / 3))).tolist():
            for y in (-deep + 0.1, deep - 0.1):
                shape.box((x - 0.05, x + 0.05), (y - 0.05, y + 0.05), (-0.5, tall), _TRIM)
    _gable(shape, half, deep, tall, rise, float(rng.uniform(0.15, 0.6)), one_way)
    if b.kind == "blue_shed" and rng.random() < 0.5:  # rooflights
        for x in np.arange(-half + 1.5, half - 2, 4.0).tolist():
            y0, y1 = 0.25 * deep, 0.75 * deep
            z0, z1 = (tall + rise * (1 - y / deep) + 0.03 for y in (y0, y1))
            shape.face([(x, y0, z0), (x + 0.9, y0, z0), (x + 0.9, y1, z1), (x, y1, z1)], _TRIM)


def _cabin(shape: Shape, b: Any, rng: np.random.Generator) -> None:
    half, deep, tall = b.length_m / 2, b.width_m / 2, b.height_m
    for row in range(int(rng.integers(1, 4))):
        y = row * (b.width_m + 0.08)
        top = tall * (2 if rng.random() < 0.25 else 1)
        shape.box((-half, half), (y - deep, y + deep), (0.0, top), _ROOF)
        for x in (-half, half - 0.12):
            shape.box((x, x + 0.12), (y - deep - 0.02, y + deep + 0.02), (0, top + 0.04), _TRIM)
        for side in (-1, 1):
            ends = sorted((y + side * deep, y + side * (deep - 0.12)))
            shape.box((-half, half), (ends[0], ends[1]), (top - 0.1, top + 0.03), _TRIM)
        shape.box((-half * 0.3, half * 0.05), (y - deep - 0.03, y), (0.1, 2.1), _DARK)


def _tarpaulin(b: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """A sheet sagging between poles: vertices and faces."""
    n = 13
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, n), np.linspace(-0.5, 0.5, n), indexing="ij")
    ridge = float(rng.uniform(0.1, 0.35)) * b.width_m * (1 - np.abs(y) * 2)
    sag = 0.35 * np.sin(np.pi * (x + 0.5) * int(rng.integers(1, 4))) ** 2 * (0.3 + np.abs(y))
    z = b.height_m + ridge - sag + rng.normal(0, 0.05, x.shape)
    z[:, [0, -1]] -= rng.uniform(0.2, 1.2)
    at = np.stack([x * b.length_m + rng.normal(0, 0.05, x.shape), y * b.width_m, z], axis=-1)
    i, j = np.meshgrid(np.arange(n - 1), np.arange(n - 1), indexing="ij")
    a = i * n + j
    return at.reshape(-1, 3), np.stack([a, a + n, a + n + 1, a + 1], axis=-1).reshape(-1, 4)


def _foundation(shape: Shape, b: Any, rng: np.random.Generator) -> None:
    """Trenches or footings of fresh concrete in bare earth, with starter bars and spoil."""
    half, deep = b.length_m / 2, b.width_m / 2
    up = float(rng.uniform(0.1, 0.7))
    shape.face(
        [
            (-half - 0.8, -deep - 0.8, 0.05),
            (half + 0.8, -deep - 0.8, 0.05),
            (half + 0.8, deep + 0.8, 0.05),
            (-half - 0.8, deep + 0.8, 0.05),
        ],
        _ROOF,
    )
    xs = np.linspace(-half, half, int(rng.integers(3, 6))).tolist()
    ys = np.linspace(-deep, deep, int(rng.integers(2, 4))).tolist()
    w = float(rng.uniform(0.15, 0.3))
    for x in xs:
        shape.box((x - w, x + w), (-deep - w, deep + w), (-0.2, up), _WALL)
    for y in ys:
        shape.box((-half - w, half + w), (y - w, y + w), (-0.2, up), _WALL)
    for x in xs:
        for y in ys:
            shape.box((x - 0.2, x + 0.2), (y - 0.2, y + 0.2), (0, up + 0.1), _WALL)
            for dx in (-0.12, 0.12):
                for dy in (-0.12, 0.12):
                    rod = up + float(rng.uniform(0.5, 1.4))
                    shape.box(
                        (x + dx - 0.015, x + dx + 0.015),
                        (y + dy - 0.015, y + dy + 0.015),
                        (0, rod),
                        _DARK,
                    )


def build_building(course: Course, b: Any, palette: Palette, register: Register) -> None:
    """Build one building; it is registered as class `structure`."""
    rng = np.random.default_rng(b.seed)
    at = course.on_land(b.side, b.s_m, b.back_m)
    turn = course.turn(b.s_m) + math.radians(90 + b.angle_deg) + (math.pi if b.side > 0 else 0)
    thing = register.thing("structure", b.kind)
    roof_kind = {
        "tile_house": "tile_roof", "flat_house": "flat_roof", "tin_shed": "tin_roof",
        "blue_shed": "sheet_roof", "cabin": "sheet_roof", "tarpaulin": "cloth",
        "pond_hut": "planks" if rng.random() < 0.5 else "tin_roof", "foundation": "soil",
    }[b.kind]  # fmt: skip
    tone = tuple(b.tone)
    wall = _WALLS[int(rng.integers(len(_WALLS)))]
    if b.kind in ("tin_shed", "blue_shed") and rng.random() < 0.6:
        walls = palette("sheet_roof", tuple(round(c * 0.8 + 0.1, 4) for c in tone))
    elif b.kind == "pond_hut":
        walls = palette("planks", (0.2, 0.15, 0.1))
    else:
        walls = palette("flat_roof" if b.kind == "foundation" else "plaster", wall)
    trim = palette("plain", (0.42, 0.43, 0.44))
    materials = [palette(roof_kind, tone), walls, palette("dark"), trim]
    shape = Shape()
    if b.kind == "tarpaulin":
        sheet = mesh_from("sheet", *_tarpaulin(b, rng), materials[:1], smooth=True)
        register.add(place("sheet", sheet, at, turn), thing, "roof")
        for x in (-0.48, 0.48):
            for y in (-0.48, 0.48):
                px, py = x * b.length_m, y * b.width_m
                shape.box((px - 0.04, px + 0.04), (py - 0.04, py + 0.04), (-0.3, b.height_m), _TRIM)
        shape.box(
            (-0.2 * b.length_m, 0.25 * b.length_m),
            (-0.2 * b.width_m, 0.2 * b.width_m),
            (0, 0.9),
            _WALL,
        )
    else:
        builder = {"tile_house": _house, "flat_house": _house, "cabin": _cabin,
                   "foundation": _foundation}.get(b.kind, _shed)  # fmt: skip
        builder(shape, b, rng)
    register.add(place("shell", shape.build("shell", materials), at, turn), thing, "building")
    _mess(course, b, rng, palette)


def _mess(course: Course, b: Any, rng: np.random.Generator, palette: Palette) -> None:
    """What lies about buildings: heaps, boards, crates, barrels. Not part of them."""
    for _ in range(int(rng.integers(0, 7))):
        angle = rng.uniform(0, 2 * math.pi)
        reach = 0.5 * math.hypot(b.length_m, b.width_m) + rng.uniform(0.3, 2.0)
        back = b.back_m + reach * math.cos(angle)
        if back < course.sides[b.side].bank.run_m + 1.4:
            continue  # never on the water: there it would be floating waste
        spot = course.on_land(b.side, b.s_m + reach * math.sin(angle), back)
        tone = tuple(np.round(rng.uniform(0.05, 0.4) * rng.uniform(0.7, 1.2, 3), 4).tolist())
        if rng.random() < 0.4:
            points, faces = blob(rng, 0.3, 0.45)
            size = rng.uniform(0.4, 1.4)
            kind = "soil" if rng.random() < 0.6 else "flat_roof"
            heap = mesh_from("heap", points * size, faces, [palette(kind, tone)])
            place("heap", heap, spot, index=2)
        else:
            crate = Shape()
            w, d, h = rng.uniform([0.4, 0.3, 0.15], [2.2, 1.2, 1.0])
            crate.box((-w / 2, w / 2), (-d / 2, d / 2), (-0.1, h))
            stack = crate.build("crate", [palette("planks" if h < 0.6 else "plain", tone)])
            place("crate", stack, spot, rng.uniform(0, 6.28), index=2)
