"""The water: ripples and colour, coloured plumes, foam, duckweed and scum on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import bpy  # type: ignore[import-not-found]
import numpy as np
from numpy.typing import NDArray

from detection.training.renders.blender.nodes import Graph
from detection.training.renders.blender.shapes import mesh_from, place
from detection.training.renders.blender.terrain import Course

__all__ = ["WATER", "Patch", "blot", "build_water", "plume_field", "smooth_noise"]

FloatArray = NDArray[np.float64]
WATER = 1  # object index
_CELL_M = 0.12


@dataclass(frozen=True, slots=True)
class Patch:
    """A tint over a rectangle of the water: `alpha` (rows along y, columns along x), 0 to 1.

    `grain` 0 is dissolved colour; otherwise it lies on the water in grains of that size (metres)
    that thin out where alpha falls.
    """

    x_m: float
    y_m: float
    alpha: FloatArray
    colour: tuple[float, float, float]
    grain: float = 0.0

    @property
    def size_m(self) -> tuple[float, float]:
        return self.alpha.shape[1] * _CELL_M, self.alpha.shape[0] * _CELL_M

    def sample(self, xy: FloatArray) -> FloatArray:
        """Alpha at world points (..., 2), 0 outside."""
        i = np.nan_to_num((xy[..., 1] - self.y_m) / _CELL_M - 0.5, nan=-9.0)
        j = np.nan_to_num((xy[..., 0] - self.x_m) / _CELL_M - 0.5, nan=-9.0)
        rows, columns = self.alpha.shape
        inside = (i >= 0) & (j >= 0) & (i <= rows - 1) & (j <= columns - 1)
        i, j = np.clip(i, 0, rows - 1.001), np.clip(j, 0, columns - 1.001)
        a, b = i.astype(int), j.astype(int)
        p, q = i - a, j - b
        f = self.alpha
        value = (f[a, b] * (1 - q) + f[a, b + 1] * q) * (1 - p)
        value += (f[a + 1, b] * (1 - q) + f[a + 1, b + 1] * q) * p
        return np.where(inside, value, 0.0)


def smooth_noise(seed: int, xy: FloatArray, size_m: float, octaves: int = 4) -> FloatArray:
    """Value noise about 0 with deviation about 1 at points (..., 2), details from `size_m` down."""
    rng = np.random.default_rng([seed, 77])
    total, weight = np.zeros(xy.shape[:-1]), 1.0
    for _ in range(octaves):
        table = rng.normal(0, 1, (64, 64))
        angle = rng.uniform(0, 2 * math.pi)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        at = np.nan_to_num(xy) @ turn / size_m + rng.uniform(0, 64, 2)
        cell = np.floor(at).astype(int)
        t = at - cell
        t = t * t * (3 - 2 * t)
        i, j = cell[..., 0] % 64, cell[..., 1] % 64
        i1, j1 = (i + 1) % 64, (j + 1) % 64
        p, q = t[..., 0], t[..., 1]
        total += weight * (
            (table[i, j] * (1 - p) + table[i1, j] * p) * (1 - q)
            + (table[i, j1] * (1 - p) + table[i1, j1] * p) * q
        )
        weight *= 0.55
        size_m /= 2
    return total


def _grid(low: FloatArray, high: FloatArray) -> FloatArray:
    columns, rows = np.ceil((high - low) / _CELL_M).astype(int)
    x = low[0] + (np.arange(columns) + 0.5) * _CELL_M
    y = low[1] + (np.arange(rows) + 0.5) * _CELL_M
    return np.stack(np.meshgrid(x, y), axis=-1)


def _corner(xy: FloatArray) -> tuple[float, float]:
    x, y = xy[0, 0] - _CELL_M / 2
    return float(x), float(y)


def plume_field(course: Course, outlet: Any) -> list[Patch]:
    """The coloured water below an outlet, and its foam where there is some.

    The jet leaves across the river, is bent downstream over about its own width, widens with the
    square root of the distance and thins out; eddies stretch and tear its edges.
    """
    plume, flow = outlet.plume, course.river.flow
    length, width = plume.length_m, plume.width_m
    start = max(outlet.reach_m, 0.0) + 0.15
    ends = np.array([outlet.s_m - 1.5 * width * flow, outlet.s_m + (length * 1.1 + width) * flow])
    s = np.linspace(ends.min(), ends.max(), 60)
    far = start + width * 3.2 + 0.14 * length
    edge = np.concatenate([course.xy(outlet.side, s, -far), course.xy(outlet.side, s, 0.6)])
    xy = _grid(edge.min(axis=0) - 0.5, edge.max(axis=0) + 0.5)
    stretched = xy * [1.0, 0.55]
    swirl = np.stack(
        [smooth_noise(plume.seed, stretched, 1.6 * width),
         smooth_noise(plume.seed + 1, stretched, 1.6 * width)], axis=-1,
    )  # fmt: skip
    down = (xy[..., 1] - outlet.s_m) * flow
    grow = np.clip(down / length, 0, 1)
    swirl *= (0.16 + 0.35 * grow)[..., None] * width
    down = down + swirl[..., 0] * 1.5
    out = course.out(xy, outlet.side) + swirl[..., 1]
    safe = np.maximum(down, 0.0)
    middle = start + width * 0.9 * (1 - np.exp(-safe / (width * 1.2)))
    half = 0.32 * outlet.size_m + 0.22 * width + 0.42 * width * np.sqrt(safe / width) * 0.8
    side = (out - middle) / np.where(out < middle, np.maximum(half, middle * 0.75), half)
    alpha = np.exp(-(np.abs(side) ** 2.4))
    jet = np.exp(-(np.maximum(-down, 0.0) ** 2) / (0.3 * outlet.size_m + 0.25 * width) ** 2)
    fade = np.clip(1.12 - (safe / length) ** 1.3, 0, 1)
    torn = np.clip(1 + 0.30 * smooth_noise(plume.seed + 2, stretched, 0.8 * width), 0.3, 1.35)
    alpha = np.clip(alpha * jet * fade * torn, 0, 1) * plume.strength
    patches = [Patch(*_corner(xy), alpha, tuple(plume.colour))]
    if plume.foam:
        near = np.exp(-((safe / (1.0 + 0.25 * length)) ** 1.5)) * alpha / plume.strength
        foam = np.clip(near * plume.foam, 0, 1)
        patches.append(Patch(*_corner(xy), foam, (0.75, 0.74, 0.68), grain=0.10))
    return patches


def blot(
    centre: FloatArray, size_m: tuple[float, float], turn_rad: float, seed: int,
    colour: tuple[float, float, float], strength: float, grain: float,
) -> Patch:  # fmt: skip
    """An irregular spot on the water: duckweed, leaves, scum about waste."""
    reach = max(size_m) * 0.9
    xy = _grid(centre - reach, centre + reach)
    c, s = math.cos(turn_rad), math.sin(turn_rad)
    local = (xy - centre) @ np.array([[c, -s], [s, c]]) / (np.array(size_m) / 2)
    radius = np.hypot(local[..., 0], local[..., 1])
    radius = radius + 0.22 * smooth_noise(seed, xy, max(size_m) * 0.3)
    alpha = np.clip((1.15 - radius) * 2.2, 0, 1) * strength
    return Patch(*_corner(xy), alpha, colour, grain)


def _image(patch: Patch) -> Any:
    rows, columns = patch.alpha.shape
    image = bpy.data.images.new("patch", columns, rows, alpha=False, float_buffer=True)
    image.colorspace_settings.name = "Non-Color"
    pixels = np.ones((rows, columns, 4), np.float32)
    pixels[..., :3] = patch.alpha[..., None]
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    return image


def _material(river: Any, patches: list[Patch]) -> Any:
    g = Graph("water")
    broad = g.noise(g.world, 0.05, 0.5)
    colour = g.shade(tuple(river.colour), broad, 0.82, 1.2)
    rough: Any = river.roughness
    for patch in patches:
        width, height = patch.size_m
        at = g.scaled(
            g.world, (1 / width, 1 / height, 1), (-patch.x_m / width, -patch.y_m / height, 0)
        )
        alpha = g.node(
            "TexImage", {0: at}, image=_image(patch), extension="CLIP", interpolation="Linear"
        ).outputs[0]
        tint: Any = patch.colour
        if patch.grain:
            speck = g.noise(g.world, 1 / patch.grain, 0.75)
            # alpha 1 covers nearly all, alpha 0.3 leaves grains
            there = g.span(alpha, 0.02, 0.12)
            cover = g.span(g.math("ADD", g.math("MULTIPLY", alpha, 0.62), speck), 0.78, 0.92)
            alpha = g.math("MULTIPLY", cover, there)
            tint = g.shade(tint, g.noise(g.world, 1.3 / patch.grain, 0.72), 0.25, 1.7)
            tint = g.shade(tint, g.noise(g.world, 0.35, 0.6), 0.6, 1.35)
        else:
            wisp = g.noise(g.scaled(g.world, (1.0, 0.45, 1.0)), 1.4, 0.65)
            alpha = g.math("MULTIPLY", alpha, g.span(wisp, 0.25, 0.6, (0.72, 1.1)), clamp=True)
        colour = g.mix(alpha, colour, tint)
        if patch.grain:
            rough = g.math("ADD", rough, g.math("MULTIPLY", alpha, 0.6), clamp=True)
    size = 1 / river.ripple_size_m
    long = g.noise(g.scaled(g.world, (1.0, 0.6, 1.0)), 0.45 * size, 0.5)
    short = g.noise(g.world, 2.1 * size, 0.5)
    gust = g.span(g.noise(g.world, 0.045), 0.35, 0.65, (0.25, 1.0))
    height = g.math(
        "ADD",
        g.math("MULTIPLY", long, 1.4),
        g.math("MULTIPLY", short, g.math("MULTIPLY", gust, 0.6)),
    )
    normal = g.bump(height, 0.16 * river.ripple * river.ripple_size_m)
    shader = g.node(
        "BsdfPrincipled",
        {"Base Color": colour, "Roughness": rough, "IOR": 1.333, "Normal": normal},
    )
    g.tree.links.new(shader.outputs[0], g.out.inputs[0])
    return g.material


def build_water(course: Course, low: FloatArray, high: FloatArray, patches: list[Patch]) -> None:
    """The surface at height 0 over the rectangle low to high."""
    corners = np.array([[low[0], low[1], 0], [high[0], low[1], 0], [high[0], high[1], 0],
                        [low[0], high[1], 0]])  # fmt: skip
    mesh = mesh_from(
        "water", corners, np.arange(4).reshape(1, 4), [_material(course.river, patches)]
    )
    place("water", mesh, (0, 0, 0), index=WATER)
