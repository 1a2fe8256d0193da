"""Brushes for ground tiles: ragged outlines, smooth-edged polygons, stamps of crowns."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from patrol.simulation.world.textures import TILE_PX

__all__ = ["ToPx", "blob", "fill_px", "is_near", "stamp", "turned"]

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
ToPx = Callable[[FloatArray], FloatArray]
"""(N, 2) metres to (N, 2) pixels of the tile being painted."""


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


def stamp(tile: Image, at: FloatArray, sprite: Image, radius_px: float) -> None:
    """A crown picture painted flat, north up."""
    size = max(3, round(2 * radius_px))
    small = cv2.resize(sprite, (size, size), interpolation=cv2.INTER_AREA)
    x, y = (round(float(v) - size / 2) for v in at)
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + size, TILE_PX), min(y + size, TILE_PX)
    if x1 <= x0 or y1 <= y0:
        return
    part = small[y0 - y : y1 - y, x0 - x : x1 - x]
    opaque = (part[..., 3] > 127).astype(np.uint8)  # cv2.compare refuses a single pixel
    cv2.copyTo(np.ascontiguousarray(part[..., :3]), opaque, tile[y0:y1, x0:x1])
