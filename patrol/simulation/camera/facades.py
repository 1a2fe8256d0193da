"""Roofs, walls, decks and pipes: the textures of one building, lit, and the quads they go on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from patrol.simulation.world.textures import noise
from patrol.simulation.world.things import Building

__all__ = ["Face", "building_faces"]

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
_PX_PER_M = 14


@dataclass(frozen=True, slots=True)
class Face:
    """A textured quad in the world: `corners_m` (4, 3), in the texture's order; `outward` (3,).
    Faces of a higher `layer` stand on those below and are drawn after them."""

    corners_m: FloatArray
    texture: Image
    outward: FloatArray
    layer: int = 0


_TINS = {
    "tin_blue": (168, 104, 50), "tin_red": (62, 66, 158), "tin_grey": (158, 156, 150),
    "tin_rust": (62, 88, 128), "tarp": (150, 110, 60),
}  # fmt: skip
_WALLS = ((176, 186, 190), (150, 168, 182), (196, 202, 204), (128, 140, 152), (160, 178, 200))


def building_faces(building: Building, sun: FloatArray) -> list[Face]:
    """All faces of a building; the same building always gets the same."""
    rng = np.random.default_rng(building.seed)
    c, h = building.corners_m, building.height_m
    up = np.array([0, 0, 1.0])
    ring = [np.array([*p, h]) for p in c]
    foot = [np.array([*p, 0.0]) for p in c]
    wall = _WALLS[int(rng.integers(len(_WALLS)))]
    if building.roof.startswith("tin") and rng.random() < 0.6:
        wall = _TINS[building.roof]
    faces = []
    for k in range(4):
        a, b = k, (k + 1) % 4
        side = c[b] - c[a]
        outward = np.array([side[1], -side[0], 0.0]) / np.hypot(*side)
        texture = _wall(rng, float(np.hypot(*side)), h, wall)
        faces.append(Face(
            np.array([ring[a], ring[b], foot[b], foot[a]]), _lit(texture, outward, sun), outward,
        ))  # fmt: skip
    length, depth = float(np.hypot(*(c[1] - c[0]))), float(np.hypot(*(c[2] - c[1])))
    roof = _roof(rng, building.roof, length, depth)
    gabled = building.roof in ("tile",) or (building.roof.startswith("tin") and rng.random() < 0.65)
    if not gabled:
        top = np.array([ring[3], ring[2], ring[1], ring[0]])
        faces.append(Face(top, _lit(roof, up, sun), up))
        if building.roof == "flat":
            faces += _rooftop(rng, building, sun)
        return faces
    rise = depth * float(rng.uniform(0.1, 0.3))
    ridge_a, ridge_b = (ring[0] + ring[3]) / 2 + up * rise, (ring[1] + ring[2]) / 2 + up * rise
    half = roof.shape[0] // 2
    for low_a, low_b, texture in (
        (ring[0], ring[1], roof[:half]), (ring[2], ring[3], roof[half:][::-1, ::-1])
    ):  # fmt: skip
        first, second = (ridge_a, ridge_b) if low_a is ring[0] else (ridge_b, ridge_a)
        outward = np.cross(low_b - low_a, second - low_a)
        outward = outward / np.linalg.norm(outward)
        faces.append(
            Face(np.array([first, second, low_b, low_a]), _lit(texture, outward, sun), outward)
        )
    return faces


def _rooftop(rng: np.random.Generator, building: Building, sun: FloatArray) -> list[Face]:
    """Stair heads and tanks on a flat roof."""
    c, faces = building.corners_m, []
    u, v = (c[1] - c[0]), (c[3] - c[0])
    if min(np.hypot(*u), np.hypot(*v)) < 5.5:
        return []
    for _ in range(int(rng.integers(1, 4))):
        size = rng.uniform(1.2, 3.0, 2)
        a, b = rng.uniform(0.12, 0.62, 2)
        corner = c[0] + u * a + v * b
        eu, ev = u / np.hypot(*u) * size[0], v / np.hypot(*v) * size[1]
        block = Building(
            "", np.array([corner, corner + eu, corner + eu + ev, corner + ev]),
            building.height_m + float(rng.uniform(0.8, 2.4)), "slab", int(rng.integers(2**31)), "",
        )  # fmt: skip
        faces += [replace(f, layer=1) for f in building_faces(block, sun)]
    return faces


def _lit(texture: Image, outward: FloatArray, sun: FloatArray) -> Image:
    """Sunlight by Lambert's law over a share of skylight."""
    light = 0.62 + 0.5 * max(0.0, float(outward @ sun)) - (0.06 if outward[2] < 0.1 else 0.0)
    return np.ascontiguousarray(cv2.convertScaleAbs(texture, alpha=light))


def _speckle(rng: np.random.Generator, h: int, w: int, which: int) -> NDArray[np.float32]:
    y, x = (int(v) for v in rng.integers(0, 600, 2))
    field = noise(which, *((0.1, 0.8, 0.2) if which == 6 else (0.5, 8.0, 1.2)))
    return np.take(np.take(field, np.arange(y, y + h) % 1024, 0), np.arange(x, x + w) % 1024, 1)


def _roof(rng: np.random.Generator, kind: str, length_m: float, depth_m: float) -> Image:
    w, h = max(8, round(length_m * _PX_PER_M)), max(8, round(depth_m * _PX_PER_M))
    fine, broad = _speckle(rng, h, w, 6), _speckle(rng, h, w, 5)
    if kind.startswith("tin"):
        base = np.array(_TINS[kind], np.float32) + rng.normal(0, 9, 3)
        ribs = np.sin(np.arange(w) * 2 * np.pi / (_PX_PER_M * rng.uniform(0.3, 0.9)))[None, :]
        image = base + ribs[..., None] * rng.uniform(5, 13) + broad[..., None] * 6
        rust = np.clip(broad - (0.4 if kind == "tin_rust" else rng.uniform(1.1, 2.6)), 0, 1)[
            ..., None
        ]
        image = image * (1 - 0.7 * rust) + np.array([52, 84, 128]) * 0.7 * rust
        for _ in range(int(rng.integers(0, 4))):  # mended sheets
            x, tone = int(rng.integers(0, w)), rng.normal(0, 16)
            image[:, x : x + _PX_PER_M] += tone
        if rng.random() < 0.3:
            image[:: max(8, h // 4), :] += 26
    elif kind == "tarp":
        base = np.array(
            ((176, 116, 50), (70, 120, 60), (60, 60, 60))[int(rng.integers(3))], np.float32
        )
        image = base + broad[..., None] * 13 + fine[..., None] * 3
    elif kind == "tile":
        base = np.array(
            ((58, 74, 132), (84, 88, 92), (62, 92, 150))[int(rng.integers(3))], np.float32
        )
        rows = (np.arange(h) % max(3, round(_PX_PER_M * 0.32)) == 0)[:, None]
        image = base + fine[..., None] * 9 + broad[..., None] * 8 - rows[..., None] * 22
    else:
        base = np.array(
            ((150, 156, 158), (128, 134, 136), (170, 172, 170), (120, 136, 150), (110, 140, 120))[
                int(rng.integers(5))
            ],
            np.float32,
        )
        image = base + fine[..., None] * 3.5 + broad[..., None] * 9
        rim = max(2, round(_PX_PER_M * 0.22))
        if kind == "flat":
            image[:rim], image[-rim:], image[:, :rim], image[:, -rim:] = (
                base + 26,
                base + 26,
                base + 26,
                base + 26,
            )
            image[rim : 2 * rim, rim:-rim] -= 26
            for _ in range(int(rng.integers(0, 5))):  # pots, air conditioners, washing
                x, y = (
                    int(rng.integers(rim, max(rim + 1, w - 2 * rim))),
                    int(rng.integers(rim, max(rim + 1, h - 2 * rim))),
                )
                image[y : y + int(rng.integers(6, 22)), x : x + int(rng.integers(6, 26))] = (
                    rng.uniform(60, 225) + rng.normal(0, 22, 3)
                )
    return np.asarray(np.clip(image, 0, 255).astype(np.uint8))


def _wall(
    rng: np.random.Generator, length_m: float, height_m: float, colour: tuple[int, ...]
) -> Image:
    w, h = max(6, round(length_m * 10)), max(6, round(height_m * 10))
    image = np.array(colour, np.float32) + _speckle(rng, h, w, 5)[..., None] * 6
    image[-4:] *= 0.75
    storeys = max(1, round(height_m / 3.1))
    if height_m > 2.6:
        pitch = rng.uniform(26, 40)
        for s in range(storeys):
            top = int((s + 0.3) * h / storeys)
            for x in np.arange(8, w - 14, pitch):
                image[top : top + 13, int(x) : int(x) + 14] = (62, 54, 46)
    return np.asarray(np.clip(image, 0, 255).astype(np.uint8))
