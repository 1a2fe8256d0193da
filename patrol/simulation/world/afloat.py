"""What lies in the water: plumes of outfalls, and natural things that are no violation."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from patrol.simulation.world.decals import ToPx, blob, fill_px, is_near, stamp, turned
from patrol.simulation.world.textures import TILE_PX, Materials, noise
from patrol.simulation.world.things import Plume

__all__ = ["paint_afloat", "plume"]

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float64]


def paint_afloat(
    tile: Image, at: FloatArray, kind: str, size_px: float, seed: int, m: Materials
) -> None:
    """Paint one natural thing of this kind at pixel `at`; kinds of the land are left alone."""
    draw = _AFLOAT.get(kind)
    if draw is not None and is_near(at, size_px * 6):
        draw(tile, at, size_px, np.random.default_rng(seed), m)


def _leaves(
    tile: Image, at: FloatArray, size_px: float, rng: np.random.Generator, m: Materials
) -> None:
    spread = np.array([1.0, rng.uniform(0.25, 0.6)]) * size_px
    turn = rng.uniform(0, np.pi)
    for _ in range(int(rng.integers(40, 140))):
        spot = at + turned(rng.normal(0, 0.5, (1, 2)) * spread, turn)[0]
        tone = np.array([40, 84, 98]) + rng.normal(0, 14, 3) + np.array([0, 12, 4]) * rng.random()
        leaf = np.array([[-1, 0], [0, 0.4], [1, 0], [0, -0.4]]) * rng.uniform(1.2, 3.2)
        bent = turned(leaf, rng.uniform(0, 3.2))
        fill_px(tile, spot + bent, tuple(np.clip(tone, 10, 200).tolist()))
    for _ in range(int(rng.integers(0, 7))):
        a = at + turned(rng.normal(0, 0.5, (1, 2)) * spread, turn)[0]
        p, q = (tuple(np.round(v).astype(int).tolist()) for v in (a, a + rng.normal(0, 9, 2)))
        cv2.line(tile, p, q, (46, 62, 78), 1, cv2.LINE_AA)


def _foam(
    tile: Image, at: FloatArray, size_px: float, rng: np.random.Generator, m: Materials
) -> None:
    points, step = [at], rng.normal(0, 1, 2)
    for _ in range(12):
        step = step / np.hypot(*step) + rng.normal(0, 0.22, 2)
        points.append(points[-1] + step / np.hypot(*step) * size_px * 0.5)
    line = np.round(np.array(points) * 8).astype(np.int32)
    tone, width = float(rng.uniform(110, 165)), int(rng.integers(1, 4))
    colour = (tone, tone + 4, tone + 2)
    cv2.polylines(tile, [line], False, colour, width, cv2.LINE_AA, shift=3)


def _stones(
    tile: Image, at: FloatArray, size_px: float, rng: np.random.Generator, m: Materials
) -> None:
    for _ in range(int(rng.integers(1, 4))):
        tone, radius = float(rng.uniform(70, 130)), size_px * rng.uniform(0.12, 0.3)
        spot = at + rng.normal(0, size_px * 0.4, 2)
        fill_px(tile, spot + blob(int(rng.integers(40))) * radius, (tone, tone + 5, tone + 8))


def _lilies(
    tile: Image, at: FloatArray, size_px: float, rng: np.random.Generator, m: Materials
) -> None:
    for _ in range(int(rng.integers(20, 70))):
        spot = tuple(np.round(at + rng.normal(0, size_px * 0.6, 2)).astype(int).tolist())
        tone = float(rng.uniform(-14, 14))
        colour = (52 + tone, 128 + tone, 92 + tone)
        cv2.circle(tile, spot, int(rng.integers(2, 6)), colour, -1, cv2.LINE_AA)


def _reeds(
    tile: Image, at: FloatArray, size_px: float, rng: np.random.Generator, m: Materials
) -> None:
    for _ in range(int(rng.integers(3, 9))):
        crown = m.canopy[int(rng.integers(len(m.canopy)))]
        stamp(tile, at + rng.normal(0, size_px * 0.5, 2), crown, size_px * rng.uniform(0.2, 0.5))


def _boat(
    tile: Image, at: FloatArray, size_px: float, rng: np.random.Generator, m: Materials
) -> None:
    size = np.array([46, 15]) * size_px / 20
    hull = np.array([[-1, -0.8], [0.5, -1], [1, 0], [0.5, 1], [-1, 0.8]]) * size
    turn = rng.uniform(0, np.pi * 2)
    paint = ((70, 90, 120), (150, 150, 150), (120, 90, 60))[int(rng.integers(3))]
    fill_px(tile, at + turned(hull, turn) + 4, (36, 40, 36))
    fill_px(tile, at + turned(hull, turn), paint)
    fill_px(tile, at + turned(hull * 0.78, turn), (88, 104, 122))
    for x in (-0.5, 0.1):
        bench = np.array([[x, -0.7], [x + 0.14, -0.7], [x + 0.14, 0.7], [x, 0.7]]) * size
        fill_px(tile, at + turned(bench, turn), (120, 136, 152))


_Painter = Callable[[Image, FloatArray, float, np.random.Generator, Materials], None]
_AFLOAT: dict[str, _Painter] = {
    "leaves": _leaves, "foam": _foam, "stone": _stones, "lily": _lilies, "reed": _reeds,
    "boat": _boat,
}  # fmt: skip


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
