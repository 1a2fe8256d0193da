"""Materials: periodic pictures of 51.2 m that ground, water, roofs and canopies are made of.

Noise is band-passed in the Fourier domain, so that every material repeats without a seam after
one ground tile. The noise bank is the same for every world; colours are the world's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["GROUND_GSD_M", "TILE_M", "TILE_PX", "Materials", "canopies", "make_materials", "noise"]

TILE_PX = 1024
GROUND_GSD_M = 0.05
TILE_M = TILE_PX * GROUND_GSD_M
SPRITE_PX = 160

Image = NDArray[np.uint8]
FloatImage = NDArray[np.float32]
Colour = tuple[float, float, float]
"""Blue, green, red, 0-255, as OpenCV orders them."""


@lru_cache(maxsize=64)
def noise(seed: int, shortest_m: float, longest_m: float, slope: float = 1.0) -> FloatImage:
    """(1024, 1024) periodic Gaussian noise of mean 0 and deviation 1.

    Wavelengths from `shortest_m` to `longest_m`; amplitude falls as frequency ** -slope.
    """
    rng = np.random.default_rng([7001, seed])
    spectrum = np.fft.rfft2(rng.standard_normal((TILE_PX, TILE_PX)).astype(np.float32))
    fy = np.fft.fftfreq(TILE_PX, GROUND_GSD_M)[:, None]
    fx = np.fft.rfftfreq(TILE_PX, GROUND_GSD_M)[None, :]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = 1.0
    shape = frequency**-slope / (1 + (frequency * shortest_m) ** 6)
    shape /= 1 + (1 / (frequency * longest_m)) ** 6
    shape[0, 0] = 0.0
    field = np.fft.irfft2(spectrum * shape, s=(TILE_PX, TILE_PX))
    return np.asarray(field / field.std(), dtype=np.float32)


def blend(base: Colour, *parts: tuple[FloatImage, Colour]) -> Image:
    """A colour plus noise fields times their colour amplitudes, as a picture."""
    planes = []
    for channel in range(3):
        plane = np.full((TILE_PX, TILE_PX), base[channel], np.float32)
        for field, amount in parts:
            if amount[channel]:
                plane += field * np.float32(amount[channel])
        planes.append(plane)
    return np.asarray(np.clip(cv2.merge(planes), 0, 255).astype(np.uint8))


def _grid(pitch_m: float, width_px: int = 1, across_only: bool = False) -> NDArray[np.bool_]:
    """Joints of slabs: lines each `pitch_m`, rounded so that they repeat with the tile."""
    count = max(1, round(TILE_M / pitch_m))
    at = (np.arange(count) * TILE_PX / count).astype(int)
    lines = np.zeros((TILE_PX, TILE_PX), dtype=bool)
    for k in range(width_px):
        lines[:, (at + k) % TILE_PX] = True
        if not across_only:
            lines[(at + k) % TILE_PX, :] = True
    return lines


@dataclass(frozen=True, slots=True)
class Materials:
    """The pictures of one world, each (1024, 1024, 3) BGR at 5 cm a pixel and seamless."""

    grass: Image
    meadow: Image
    soil: Image
    concrete: Image
    asphalt: Image
    paving: Image
    crop: Image
    rubble: Image
    water: Image
    algae: Image
    stone_face: Image
    concrete_face: Image
    green_face: Image
    canopy: tuple[Image, ...]
    """Tree crowns seen from above, (160, 160, 4) BGRA, lit by this world's sun."""
    canopy_shade: tuple[Image, ...]
    """The same crowns as their lower leaves look, in the shade of the upper ones."""


def _vary(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    shift = rng.normal(0, spread * 0.5)
    b, g, r = (float(np.clip(c + shift + rng.normal(0, spread * 0.35), 8, 245)) for c in colour)
    return b, g, r


_WATERS: tuple[Colour, ...] = (
    (62, 84, 72), (70, 98, 92), (84, 104, 84), (58, 66, 58), (92, 122, 124), (74, 92, 62),
    (96, 112, 110), (52, 78, 70),
)  # fmt: skip


def make_materials(rng: np.random.Generator, sun: NDArray[np.float64]) -> Materials:
    """The materials of one world; `sun` is the unit vector towards the sun (east, north, up)."""
    fine, grain = noise(1, 0.08, 0.5, 0.4), noise(2, 0.05, 0.2, 0.0)
    clump, patch = noise(3, 0.4, 3.0, 1.0), noise(4, 3.0, 26.0, 1.5)
    other = noise(5, 0.5, 8.0, 1.2)
    white: Colour = (1, 1, 1)

    def scaled(amount: float, tint: Colour = white) -> Colour:
        return tint[0] * amount, tint[1] * amount, tint[2] * amount

    green = _vary(rng, (52, 98, 80), 14)
    grass = blend(green, (fine, (6, 10, 9)), (clump, (6, 10, 10)), (patch, (5, 8, 13)))
    dry: Colour = (green[0] + 8, green[1] + 12, green[2] + 20)
    meadow = blend(dry, (fine, (7, 11, 11)), (clump, (8, 12, 13)), (patch, (5, 8, 13)))
    soil = blend(_vary(rng, (96, 124, 150), 16), (fine, scaled(8)), (other, (9, 11, 13)))
    concrete = blend(
        _vary(rng, (160, 166, 170), 14), (grain, scaled(4)), (other, scaled(7)), (patch, scaled(6))
    )
    concrete[_grid(TILE_M / 10)] = concrete[_grid(TILE_M / 10)] // 8 * 6
    tone = rng.uniform(72, 118)
    asphalt = blend((tone + 3, tone, tone - 3), (grain, scaled(6)), (other, scaled(5)))
    paving = blend(
        _vary(rng, [(120, 128, 158), (150, 152, 152), (112, 130, 172)][int(rng.integers(3))], 12),
        (grain, scaled(5)), (other, scaled(6)),
    )  # fmt: skip
    joints = _grid(0.6)
    paving[joints] = (paving[joints] * np.float32(0.86)).astype(np.uint8)
    rows = np.sin(np.arange(TILE_PX) * 2 * np.pi / TILE_PX * round(TILE_M / 1.2))[None, :]
    ridges = np.broadcast_to(rows, (TILE_PX, TILE_PX)).astype(np.float32)
    crop = blend((62, 110, 100), (ridges, (16, 6, 24)), (fine, (12, 18, 14)), (other, (8, 12, 10)))
    rubble = blend(_vary(rng, (128, 136, 142), 12), (noise(6, 0.1, 0.8, 0.2), scaled(24)))
    water_colour = _vary(rng, _WATERS[int(rng.integers(len(_WATERS)))], 9)
    ripple = noise(7, 0.12, 1.2, 0.9)
    stretched = np.roll(cv2.blur(ripple, (9, 1)), 4, axis=1) * np.float32(1.4)
    water = blend(water_colour, (stretched, scaled(rng.uniform(1.5, 4.5))), (patch, scaled(2.5)))
    algae = blend(_vary(rng, (58, 112, 88), 12), (fine, (8, 16, 12)), (clump, (8, 14, 12)))
    stone = blend(
        _vary(rng, (124, 132, 136), 10), (noise(8, 0.2, 0.7, 0.1), scaled(20)), (other, scaled(8))
    )
    mortar = _grid(0.64) & (noise(9, 0.3, 2.0) > -0.8)
    stone[mortar] = (stone[mortar] * np.float32(0.72)).astype(np.uint8)
    cast = blend(_vary(rng, (138, 146, 148), 14), (grain, scaled(5)), (other, scaled(12)))
    cast[_grid(5.12, 1, True)] = cast[_grid(5.12, 1, True)] // 8 * 6
    bush = blend(
        _vary(rng, (42, 88, 66), 10),
        (fine, (12, 22, 18)),
        (clump, (12, 22, 18)),
        (other, (6, 12, 14)),
    )
    crowns = tuple(_light(c, sun, _vary(rng, (38, 92, 64), 12), rng) for c in canopies())
    return Materials(
        grass, meadow, soil, concrete, asphalt, paving, crop, rubble, water, algae,
        stone, cast, bush, crowns,
        tuple(_shaded(c) for c in crowns),
    )  # fmt: skip


@lru_cache(maxsize=1)
def canopies(count: int = 16) -> tuple[FloatImage, ...]:
    """Crown shapes: (160, 160) heights in units of the crown's radius, 0 outside the crown."""
    axis = (np.arange(SPRITE_PX) + 0.5 - SPRITE_PX / 2) / (SPRITE_PX / 2)
    x, y = np.meshgrid(axis.astype(np.float32), axis.astype(np.float32))
    crowns = []
    for index in range(count):
        rng = np.random.default_rng([7002, index])
        height = np.zeros((SPRITE_PX, SPRITE_PX), np.float32)
        tufts = int(rng.integers(30, 70))
        size = rng.uniform(0.14, 0.3)
        for tuft in range(tufts + 14):
            reach, angle = 0.76 * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
            r = size * rng.uniform(0.6, 1.3)
            if tuft < 14:  # the crown's body, which the small tufts sit on
                reach, r = 0.6 * np.sqrt(rng.random()), rng.uniform(0.3, 0.42)
            reach = min(reach, 0.97 - r)  # or the picture's edge would cut it
            cx, cy = reach * np.cos(angle), reach * np.sin(angle)
            inside = np.maximum(r * r - (x - cx) ** 2 - (y - cy) ** 2, 0)
            dome = 0.7 * np.sqrt(max(0.0, 1 - reach**2))
            height = np.maximum(height, np.where(inside > 0, dome + np.sqrt(inside), 0))
        leaf = noise(20 + index % 4, 0.05, 0.4, 0.2)[:SPRITE_PX, :SPRITE_PX]
        ragged = cv2.GaussianBlur((height > 0).astype(np.float32), (0, 0), 3) + 0.14 * leaf
        crowns.append(np.where(ragged > 0.5, np.maximum(height, 0.02) + 0.02 * leaf, 0))
    return tuple(np.asarray(c, dtype=np.float32) for c in crowns)


def _light(
    height: FloatImage, sun: NDArray[np.float64], base: Colour, rng: np.random.Generator
) -> Image:
    """A crown lit by the sun, (160, 160, 4) BGRA."""
    smooth = cv2.GaussianBlur(height, (0, 0), 1.2)
    east = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3) * (SPRITE_PX / 16)
    south = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3) * (SPRITE_PX / 16)
    lit = (-east * sun[0] + south * sun[1] + sun[2]) / np.sqrt(east**2 + south**2 + 1)
    shade = 0.42 + 0.5 * np.clip(lit, 0, 1) + 0.35 * np.clip(height - 0.5, -0.4, 0.5)
    leaf = noise(24, 0.05, 0.4, 0.2)[100 : 100 + SPRITE_PX, 200 : 200 + SPRITE_PX]
    shade = shade * (1 + 0.1 * leaf)
    tint = np.array([base[c] + rng.normal(0, 9) for c in range(3)], np.float32)
    if rng.random() < 0.12:  # flowering or dry
        tint += np.array([-5, 12, 48], np.float32)
    colour = np.clip(shade[..., None] * tint * 1.25, 0, 255)
    alpha = np.where(height > 0, 255, 0)[..., None]
    return np.concatenate([colour, alpha], axis=2).astype(np.uint8)


def _shaded(crown: Image) -> Image:
    shaded = crown.copy()
    shaded[..., :3] = cv2.convertScaleAbs(crown[..., :3], alpha=0.5)
    return shaded
