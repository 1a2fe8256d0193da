"""Flat things painted onto ground tiles: road marks, cars, plants, plumes, floating things."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from patrol.simulation.world.textures import GROUND_GSD_M, TILE_PX, Materials, noise
from patrol.simulation.world.things import Plume

__all__ = [
    "ToPx",
    "blob",
    "fill_px",
    "is_near",
    "land",
    "mark_road",
    "park_cars",
    "plume",
    "turned",
    "water",
]

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
ToPx = Callable[[FloatArray], FloatArray]
_CARS = (
    (225, 225, 222),
    (40, 40, 42),
    (150, 152, 154),
    (60, 50, 150),
    (140, 80, 40),
    (200, 205, 208),
)


@lru_cache(maxsize=64)
def blob(index: int, points: int = 22, roughness: float = 0.13) -> FloatArray:
    """(points, 2) ragged outline of unit radius."""
    rng = np.random.default_rng([7003, index])
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    radius = 0.94 + rng.normal(0, roughness, points)
    return np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]


def fill_px(image: Image, points_px: FloatArray, colour: tuple[float, ...]) -> None:
    """Fill one smooth-edged polygon given in pixels."""
    cv2.fillPoly(image, [np.round(points_px * 8).astype(np.int32)], colour, cv2.LINE_AA, shift=3)


def is_near(point: FloatArray, margin: float) -> bool:
    """Whether a pixel is on the tile or within `margin` of it."""
    return bool(np.all(point > -margin) and np.all(point < TILE_PX + margin))


def turned(local: FloatArray, angle: float) -> FloatArray:
    """(N, 2) points turned counter-clockwise by `angle` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(local @ np.array([[c, s], [-s, c]]))


def mark_road(tile: Image, px: ToPx, line: LineString, width_m: float) -> None:
    """A dashed middle line and edge lines."""
    for offset in (-width_m / 2 + 0.35, width_m / 2 - 0.35):
        edge = shapely.offset_curve(line, offset)
        for part in getattr(edge, "geoms", [edge]):
            if not part.is_empty:
                points = np.round(px(shapely.get_coordinates(part)) * 8).astype(np.int32)
                cv2.polylines(tile, [points], False, (205, 210, 212), 2, cv2.LINE_AA, shift=3)
    at = np.arange(0, line.length - 2.5, 6.0)
    starts, ends = (
        px(shapely.get_coordinates(shapely.line_interpolate_point(line, at + d))) for d in (0, 2.4)
    )
    for a, b in zip(starts, ends, strict=True):
        if is_near(a, 60):
            p, q = (tuple(np.round(v * 8).astype(int).tolist()) for v in (a, b))
            cv2.line(tile, p, q, (208, 214, 216), 3, cv2.LINE_AA, shift=3)


def park_cars(tile: Image, px: ToPx, line: LineString, width_m: float, shift: FloatArray) -> None:
    """Cars at the kerb and a few on the road; fixed by the road's own shape."""
    x0, y0 = line.coords[0]
    rng = np.random.default_rng([7004, abs(int(x0 * 10)), abs(int(y0 * 10))])
    count = int(rng.poisson(line.length / 28))
    for _ in range(count):
        at, side = rng.uniform(3, max(4, line.length - 3)), rng.choice([-1, 1])
        kerb = rng.random() < 0.6
        colour = _CARS[int(rng.integers(len(_CARS)))]
        a, b = (shapely.get_coordinates(line.interpolate(at + d))[0] for d in (-1, 1))
        if np.allclose(a, b):
            continue
        along = (b - a) / np.hypot(*(b - a))
        across = np.array([-along[1], along[0]])
        centre = (a + b) / 2 + across * side * (width_m / 2 - 1.2 if kerb else width_m / 4)
        if not is_near(px(centre[None])[0], 120):
            continue
        _car(tile, px, centre, along, across, colour, shift)


def _car(
    tile: Image, px: ToPx, centre: FloatArray, along: FloatArray, across: FloatArray,
    colour: tuple[int, int, int], shift: FloatArray,
) -> None:  # fmt: skip
    def rectangle(length: float, width: float, forward: float = 0.0) -> FloatArray:
        h, w = length / 2, width / 2
        corners = [
            (-h, -w + 0.2), (-h + 0.3, -w), (h - 0.4, -w), (h, -w + 0.3),
            (h, w - 0.3), (h - 0.4, w), (-h + 0.3, w), (-h, w - 0.2),
        ]  # fmt: skip
        return px(np.array([centre + along * (a + forward) + across * b for a, b in corners]))

    fill_px(
        tile,
        rectangle(4.5, 1.85) + np.array([shift[0], -shift[1]]) * 1.0 / GROUND_GSD_M,
        (38, 36, 34),
    )
    fill_px(tile, rectangle(4.5, 1.8), colour)
    fill_px(tile, rectangle(2.6, 1.5, -0.35), (52, 46, 40))
    fill_px(tile, rectangle(1.7, 1.36, -0.4), tuple(min(255, c + 12) for c in colour))


def land(tile: Image, at: FloatArray, kind: str, size_px: float, seed: int, m: Materials) -> None:
    """One flat thing on land at pixel `at`."""
    if kind not in ("manhole", "puddle", "shrub", "rock", "box") or not is_near(at, size_px * 3):
        return
    rng = np.random.default_rng(seed)
    if kind == "manhole":
        spot = tuple(np.round(at).astype(int).tolist())
        cv2.circle(tile, spot, 8, (70, 74, 76), -1, cv2.LINE_AA)
        cv2.circle(tile, spot, 8, (120, 124, 126), 1, cv2.LINE_AA)
    elif kind == "puddle":
        ring = blob(seed % 40) * np.array([size_px, size_px * 0.5]) * 0.9
        fill_px(tile, at + turned(ring, rng.uniform(0, 3)), (118, 112, 104))
    elif kind == "rock":
        for _ in range(int(rng.integers(1, 5))):
            tone = rng.uniform(110, 190)
            spot = at + rng.normal(0, size_px * 0.6, 2)
            radius = size_px * rng.uniform(0.1, 0.35)
            fill_px(tile, spot + blob(int(rng.integers(40))) * radius + radius * 0.4, (40, 42, 42))
            fill_px(tile, spot + blob(int(rng.integers(40))) * radius, (tone, tone + 3, tone + 5))
    elif kind == "box":  # carts, tanks, bins: small, no building
        half = np.array([[-1, -0.6], [1, -0.6], [1, 0.6], [-1, 0.6]]) * size_px * 0.45
        bent = turned(half, rng.uniform(0, 3))
        colour = rng.uniform(60, 200, 3)
        fill_px(tile, at + bent + 5, (40, 40, 40))
        fill_px(tile, at + bent, tuple(colour.tolist()))
    else:
        stamp(tile, at, m.canopy[seed % len(m.canopy)], size_px)


def stamp(tile: Image, at: FloatArray, sprite: Image, radius_px: float) -> None:
    """A crown picture painted flat, north up."""
    size = max(3, round(2 * radius_px))
    small = cv2.resize(sprite, (size, size), interpolation=cv2.INTER_AREA)
    x, y = (int(round(v - size / 2)) for v in at)
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + size, TILE_PX), min(y + size, TILE_PX)
    if x1 <= x0 or y1 <= y0:
        return
    part = small[y0 - y : y1 - y, x0 - x : x1 - x]
    cv2.copyTo(
        np.ascontiguousarray(part[..., :3]), np.ascontiguousarray(cv2.compare(part[..., 3], 127, cv2.CMP_GT)),
        tile[y0:y1, x0:x1],
    )  # fmt: skip


def water(tile: Image, at: FloatArray, kind: str, size_px: float, seed: int, m: Materials) -> None:
    """One natural thing on the water at pixel `at`: no violation."""
    if kind not in ("leaves", "foam", "reed", "stone", "boat", "lily"):
        return
    if not is_near(at, size_px * 6):
        return
    rng = np.random.default_rng(seed)
    if kind == "leaves":
        spread = np.array([1.0, rng.uniform(0.25, 0.6)]) * size_px
        turn = rng.uniform(0, np.pi)
        for _ in range(int(rng.integers(40, 140))):
            spot = at + turned(rng.normal(0, 0.5, (1, 2)) * spread, turn)[0]
            tone = (
                np.array([40, 84, 98]) + rng.normal(0, 14, 3) + np.array([0, 12, 4]) * rng.random()
            )
            leaf = turned(
                np.array([[-1, 0], [0, 0.4], [1, 0], [0, -0.4]]) * rng.uniform(1.2, 3.2),
                rng.uniform(0, 3.2),
            )
            fill_px(tile, spot + leaf, tuple(np.clip(tone, 10, 200).tolist()))
        for _ in range(int(rng.integers(0, 7))):
            a = at + turned(rng.normal(0, 0.5, (1, 2)) * spread, turn)[0]
            b = a + rng.normal(0, 9, 2)
            p, q = (tuple(np.round(v).astype(int).tolist()) for v in (a, b))
            cv2.line(tile, p, q, (46, 62, 78), 1, cv2.LINE_AA)
    elif kind == "foam":
        points, step = [at], rng.normal(0, 1, 2)
        for _ in range(12):
            step = step + rng.normal(0, 0.35, 2)
            points.append(points[-1] + step / np.hypot(*step) * size_px * 0.45)
        line = np.round(np.array(points) * 8).astype(np.int32)
        tone = rng.uniform(120, 170)
        cv2.polylines(
            tile,
            [line],
            False,
            (tone, tone + 4, tone + 2),
            int(rng.integers(1, 4)),
            cv2.LINE_AA,
            shift=3,
        )
    elif kind == "stone":
        for _ in range(int(rng.integers(1, 4))):
            tone, radius = rng.uniform(70, 130), size_px * rng.uniform(0.12, 0.3)
            spot = at + rng.normal(0, size_px * 0.4, 2)
            fill_px(tile, spot + blob(int(rng.integers(40))) * radius, (tone, tone + 5, tone + 8))
    elif kind == "boat":
        _boat(tile, at, size_px, rng)
    elif kind == "lily":
        for _ in range(int(rng.integers(20, 70))):
            spot = at + rng.normal(0, size_px * 0.6, 2)
            tone = rng.uniform(-14, 14)
            cv2.circle(
                tile,
                tuple(np.round(spot).astype(int).tolist()),
                int(rng.integers(2, 6)),
                (52 + tone, 128 + tone, 92 + tone),
                -1,
                cv2.LINE_AA,
            )
    else:
        for _ in range(int(rng.integers(3, 9))):
            stamp(
                tile,
                at + rng.normal(0, size_px * 0.5, 2),
                m.canopy[int(rng.integers(16))],
                size_px * rng.uniform(0.2, 0.5),
            )


def _boat(tile: Image, at: FloatArray, size_px: float, rng: np.random.Generator) -> None:
    half, wide = 46 * size_px / 20, 15 * size_px / 20
    hull = np.array([[-1, -0.8], [0.5, -1], [1, 0], [0.5, 1], [-1, 0.8]]) * np.array([half, wide])
    turn = rng.uniform(0, np.pi * 2)
    fill_px(tile, at + turned(hull, turn) + 4, (36, 40, 36))
    fill_px(
        tile,
        at + turned(hull, turn),
        ((70, 90, 120), (150, 150, 150), (120, 90, 60))[int(rng.integers(3))],
    )
    fill_px(tile, at + turned(hull * 0.78, turn), (88, 104, 122))
    for x in (-0.5, 0.1):
        bench = np.array([[x, -0.7], [x + 0.14, -0.7], [x + 0.14, 0.7], [x, 0.7]]) * np.array(
            [half, wide]
        )
        fill_px(tile, at + turned(bench, turn), (120, 136, 152))


def plume(tile: Image, px: ToPx, p: Plume, gsd_m: float) -> None:
    """Blend a plume into the water: soft edges, thinner downstream, streaked by noise."""
    spine, half = px(p.spine_m), p.half_m / gsd_m
    low = np.floor((spine - half[:, None]).min(axis=0)).astype(int) - 24
    high = np.ceil((spine + half[:, None]).max(axis=0)).astype(int) + 24
    x0, y0 = np.maximum(low, 0)
    x1, y1 = np.minimum(high, TILE_PX)
    if x1 <= x0 or y1 <= y0:
        return
    # Painted whole at a quarter of the size, so that each tile shows its part of the same plume.
    shape = (max(2, (high[1] - low[1]) // 4), max(2, (high[0] - low[0]) // 4))
    alpha = np.zeros(shape, np.float32)
    quarter = (spine - low) / 4
    strength = np.linspace(1.0, 0.45, len(spine))
    for k in range(len(spine) - 2, -1, -1):
        a, b = quarter[k], quarter[k + 1]
        for t in (0.0, 0.5):
            c = a * (1 - t) + b * t
            r = (half[k] * (1 - t) + half[k + 1] * t) / 4
            cv2.circle(
                alpha, tuple(np.round(c * 8).astype(int).tolist()), int(max(r, 1) * 8),
                float(strength[k]), -1, shift=3,
            )  # fmt: skip
    alpha = cv2.GaussianBlur(alpha, (0, 0), max(1.0, float(half.mean()) / 4 * 0.3))
    large = cv2.resize(
        alpha, (int(high[0] - low[0]), int(high[1] - low[1])), interpolation=cv2.INTER_LINEAR
    )
    part = large[y0 - low[1] : y1 - low[1], x0 - low[0] : x1 - low[0]]
    streak = noise(7, 0.12, 1.2, 0.9)[y0:y1, x0:x1] * np.float32(0.05)
    streak = streak + noise(5, 0.5, 8.0, 1.2)[y0:y1, x0:x1] * np.float32(0.1)
    weight = np.clip(part * p.strength * (1 + streak), 0, 1)[..., None]
    region = tile[y0:y1, x0:x1]
    tint = np.array(p.colour, np.float32) * (1 + streak[..., None])
    region[:] = np.clip(region * (1 - weight) + tint * weight, 0, 255).astype(np.uint8)
