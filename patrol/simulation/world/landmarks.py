"""What lies flat on land: road marks, parked cars, manholes, puddles, rocks, shrubs."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from patrol.simulation.world.decals import ToPx, blob, fill_px, is_near, stamp, turned
from patrol.simulation.world.textures import GROUND_GSD_M, Materials

__all__ = ["mark_road", "paint_on_land", "park_cars"]

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
_CARS = (
    (225, 225, 222), (40, 40, 42), (150, 152, 154), (60, 50, 150), (140, 80, 40), (200, 205, 208),
)  # fmt: skip


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


def paint_on_land(
    tile: Image, at: FloatArray, kind: str, size_px: float, seed: int, m: Materials
) -> None:
    """Paint one flat thing of this kind at pixel `at`; kinds of the water are left alone."""
    draw = _ON_LAND.get(kind)
    if draw is not None and is_near(at, size_px * 3):
        draw(tile, at, size_px, np.random.default_rng(seed), m)


def _manhole(
    tile: Image, at: FloatArray, size_px: float, rng: np.random.Generator, m: Materials
) -> None:
    spot = tuple(np.round(at).astype(int).tolist())
    cv2.circle(tile, spot, 8, (70, 74, 76), -1, cv2.LINE_AA)
    cv2.circle(tile, spot, 8, (120, 124, 126), 1, cv2.LINE_AA)


def _puddle(
    tile: Image, at: FloatArray, size_px: float, rng: np.random.Generator, m: Materials
) -> None:
    ring = blob(int(rng.integers(40))) * np.array([size_px, size_px * 0.5]) * 0.9
    fill_px(tile, at + turned(ring, rng.uniform(0, 3)), (118, 112, 104))


def _rocks(
    tile: Image, at: FloatArray, size_px: float, rng: np.random.Generator, m: Materials
) -> None:
    for _ in range(int(rng.integers(1, 5))):
        tone = float(rng.uniform(110, 190))
        spot = at + rng.normal(0, size_px * 0.6, 2)
        radius = size_px * rng.uniform(0.1, 0.35)
        fill_px(tile, spot + blob(int(rng.integers(40))) * radius + radius * 0.4, (40, 42, 42))
        fill_px(tile, spot + blob(int(rng.integers(40))) * radius, (tone, tone + 3, tone + 5))


def _box(
    tile: Image, at: FloatArray, size_px: float, rng: np.random.Generator, m: Materials
) -> None:
    """A cart, a tank or a bin: too small for a building."""
    corners = np.array([[-1, -0.6], [1, -0.6], [1, 0.6], [-1, 0.6]]) * size_px * 0.45
    bent = turned(corners, rng.uniform(0, 3))
    fill_px(tile, at + bent + 5, (40, 40, 40))
    fill_px(tile, at + bent, tuple((rng.uniform(60, 200) + rng.normal(0, 30, 3)).tolist()))


def _shrub(
    tile: Image, at: FloatArray, size_px: float, rng: np.random.Generator, m: Materials
) -> None:
    stamp(tile, at, m.canopy[int(rng.integers(len(m.canopy)))], size_px)


_Painter = Callable[[Image, FloatArray, float, np.random.Generator, Materials], None]
_ON_LAND: dict[str, _Painter] = {
    "manhole": _manhole, "puddle": _puddle, "rock": _rocks, "box": _box, "shrub": _shrub,
}  # fmt: skip
