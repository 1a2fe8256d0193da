"""Floating waste: where the pieces of a cluster lie, and painting them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from patrol.simulation.world.decals import ToPx, blob, fill_px, is_near, turned
from patrol.simulation.world.textures import TILE_PX, noise
from patrol.simulation.world.things import Waste

__all__ = ["Heap", "paint_waste", "waste_heap"]

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
_PIECES = ("bottle", "bottle", "bag", "foam", "cup", "bottle", "bag", "twig")
_HEAP, _MAT, _SCATTER = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Heap:
    """One cluster laid out: N pieces at `at_m` (N, 2) with `draws` (N, 11) that decide what each
    is; `scum_m` is the outline of what holds them together, `scum` its strength, 0 for none."""

    at_m: FloatArray
    draws: FloatArray
    scum_m: FloatArray
    scum: float
    tone: FloatArray
    dirt: float

    @property
    def outline_m(self) -> BaseGeometry:
        """What can be seen of it from above."""
        pieces = shapely.MultiPoint(self.at_m).convex_hull.buffer(0.14)
        return pieces.union(shapely.Polygon(self.scum_m).buffer(0)) if self.scum > 0.5 else pieces


def waste_heap(
    seed: int, centre_m: FloatArray, length_m: float, width_m: float, angle_rad: float
) -> Heap:
    """Lay out a cluster of at most this size; pieces gather in knots, as they do in eddies."""
    rng = np.random.default_rng(seed)
    size = np.array([length_m, width_m])
    manner = int(rng.integers(3))
    each_m2 = rng.uniform(*((7, 15), (5, 10), (2.5, 6))[manner])
    count = int(np.clip(length_m * width_m * each_m2, 22, 300))
    scum = (rng.uniform(0.3, 0.5), rng.uniform(0.65, 0.95), 0.0)[manner]
    ring = turned(blob(seed % 40, roughness=0.2) * size * 0.45, angle_rad) + centre_m
    knots = rng.uniform(-0.5, 0.5, (int(rng.integers(2, 6)), 2))
    unit = knots[rng.integers(len(knots), size=count)] + rng.normal(0, 0.22, (count, 2))
    strays = rng.random(count) < 0.3
    angle, reach = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.random(count)) * 0.95
    unit[strays] = (np.column_stack([np.cos(angle), np.sin(angle)]) * reach[:, None])[strays]
    unit *= np.minimum(1.0, 0.95 / np.maximum(np.hypot(*unit.T), 1e-6))[:, None]
    at = turned(unit * size / 2, angle_rad) + centre_m
    tone = np.array([52, 78, 88]) + rng.normal(0, 14, 3)
    return Heap(at, rng.random((count, 11)), ring, float(scum), tone, float(rng.uniform(0, 0.45)))


def paint_waste(tile: Image, px: ToPx, w: Waste) -> None:
    """Paint bottles, bags, foam boxes, cups, and the twigs and scum they cling to."""
    heap = waste_heap(w.seed, w.centre_m, w.length_m, w.width_m, w.angle_rad)
    if heap.scum:
        _soft(tile, px(heap.scum_m), heap.tone, heap.scum)
    for at, u in zip(px(heap.at_m), heap.draws, strict=True):
        if is_near(at, 30):
            _piece(tile, at, _PIECES[int(u[8] * len(_PIECES))], u, heap.dirt)


def _soft(tile: Image, ring_px: FloatArray, colour: FloatArray, strength: float) -> None:
    low = np.maximum(np.floor(ring_px.min(axis=0)).astype(int) - 8, 0)
    high = np.minimum(np.ceil(ring_px.max(axis=0)).astype(int) + 8, TILE_PX)
    if np.any(high <= low):
        return
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillPoly(mask, [np.round((ring_px - low) * 8).astype(np.int32)], 255, shift=3)
    rough = noise(6, 0.1, 0.8, 0.2)[low[1] : high[1], low[0] : high[0]]
    weight = (
        cv2.blur(mask, (9, 9)).astype(np.float32)
        / 255
        * strength
        * np.clip(0.75 + 0.4 * rough, 0, 1)
    )
    region = tile[low[1] : high[1], low[0] : high[0]]
    mixed = region * (1 - weight[..., None]) + colour.astype(np.float32) * weight[..., None]
    region[:] = np.clip(mixed, 0, 255).astype(np.uint8)


def _piece(tile: Image, at: FloatArray, kind: str, u: FloatArray, dirt: float) -> None:
    turn = float(u[0] * np.pi)
    bright = 120 + 125 * u[1]
    tints = (
        (bright, bright, bright), (bright, bright * 0.96, bright * 0.9), (bright, bright, bright),
        (bright * 0.8, bright * 0.92, bright * 0.95), (176, 140, 70), (66, 82, 176), (84, 150, 90),
        (80, 168, 196), (222, 226, 224), (204, 206, 198), (60, 90, 110), (90, 110, 124),
    )  # fmt: skip
    colour = np.array(tints[int(u[2] * len(tints))])
    size = 0.6 + 0.8 * u[6] ** 2
    if kind == "bottle":
        half = np.array([[-1, -0.32], [0.5, -0.32], [1, -0.12], [1, 0.12], [0.5, 0.32], [-1, 0.32]])
        shape = half * (2.6 + 2.2 * u[3])
    elif kind == "bag":
        wide = np.array([1.0, 0.45 + 0.5 * u[5]])
        shape = blob(int(u[3] * 40), 11, 0.22) * (3.0 + 6.5 * u[4]) * wide * size
    elif kind == "foam":
        shape = np.array([[-1, -0.7], [1, -0.7], [1, 0.7], [-1, 0.7]]) * (3.0 + 5.0 * u[3]) * size
        colour = np.array([232, 234, 232])
    elif kind == "cup":
        shape = blob(int(u[3] * 40), 8, 0.05) * (1.6 + 1.2 * u[4])
    else:
        shape = np.array([[-1, -0.06], [1, -0.06], [1, 0.06], [-1, 0.06]]) * (5 + 9 * u[3])
        colour = np.array([50, 74, 92])
    mud = dirt * u[7]
    colour = colour * (1 - mud) + np.array([58, 82, 92]) * mud
    ring = at + turned(shape, turn)
    fill_px(tile, ring + 1.2, (34, 38, 36))
    fill_px(tile, ring, tuple(colour.tolist()))
