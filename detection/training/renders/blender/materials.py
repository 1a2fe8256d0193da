"""Materials of banks, land, pipes and buildings: colours and bumps from procedural noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from detection.training.renders.blender.nodes import Graph
from detection.training.renders.blender.roofs import ROOF_MAKERS

__all__ = ["Palette"]

RGB = tuple[float, float, float]


def _times(colour: RGB, factor: float) -> RGB:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _weathered(g: Graph, colour: Any, at: Any, scale: float = 1.0) -> Any:
    """Blotches of several sizes."""
    colour = g.shade(colour, g.noise(at, 0.23 * scale, 0.6), 0.62, 1.38)
    return g.shade(colour, g.noise(at, 7.0 * scale, 0.7), 0.78, 1.22)


def _waterline(g: Graph, colour: Any) -> Any:
    """Wet and overgrown with algae just above the water."""
    z = g.axis(g.world, "z")
    height = g.math("SUBTRACT", z, g.math("MULTIPLY", g.noise(g.world, 0.8), 0.7))
    wet = g.span(height, -0.25, 0.22, (0.85, 0.0))
    colour = g.mix(wet, colour, (0.028, 0.032, 0.018))
    return g.mix(g.span(z, 0.0, 0.09, (0.75, 0.0)), colour, (0.012, 0.014, 0.010))


def _streaks(g: Graph, colour: Any, strength: float = 0.7) -> Any:
    """Dark runs down a wall; UV u runs along it and v down or up."""
    at = g.scaled(g.uv, (2.2, 0.12, 1))
    mark = g.span(g.noise(at, 1.0, 0.65), 0.50, 0.72, (0.0, strength))
    return g.mix(mark, colour, (0.035, 0.034, 0.03))


def concrete_wall(g: Graph, tone: RGB) -> Any:
    colour = _weathered(g, tone, g.world)
    joint = g.node(
        "TexBrick",
        {"Vector": g.uv, "Color1": tone, "Color2": _times(tone, 0.9), "Mortar": _times(tone, 0.3),
         "Scale": 1.0, "Mortar Size": 0.012, "Brick Width": 4.0, "Row Height": 1.3},
        offset=0.0,
    )  # fmt: skip
    colour = g.mix(joint.outputs[1], colour, _times(tone, 0.35))
    colour = _waterline(g, _streaks(g, colour))
    return g.finish(colour, 0.88, g.bump(g.noise(g.world, 12, 0.7), 0.02, 0.6))


def masonry_wall(g: Graph, tone: RGB) -> Any:
    at = g.scaled(g.uv, (1.0, 1.35, 1.0))
    cell = g.node("SeparateColor", {0: g.cells(at, 2.6)}).outputs[0]
    stone = g.shade(tone, cell, 0.55, 1.5)
    edge = g.cells(at, 2.6, edge=True)
    colour = g.mix(g.span(edge, 0.02, 0.07, (1.0, 0.0)), stone, _times(tone, 1.35))
    colour = _waterline(g, _streaks(g, _weathered(g, colour, g.world), 0.45))
    height = g.math("ADD", g.span(edge, 0.0, 0.12), g.math("MULTIPLY", g.noise(g.world, 9), 0.5))
    return g.finish(colour, 0.9, g.bump(height, 0.07))


def concrete_slope(g: Graph, tone: RGB) -> Any:
    """Lattice blocks with grass in the gaps."""
    brick = g.node(
        "TexBrick",
        {"Vector": g.uv, "Color1": tone, "Color2": _times(tone, 0.82),
         "Mortar": (0.05, 0.075, 0.022), "Scale": 1.0, "Mortar Size": 0.05, "Brick Width": 1.0,
         "Row Height": 1.0},
        offset=0.0,
    )  # fmt: skip
    colour = _weathered(g, brick.outputs[0], g.world)
    moss = g.span(g.noise(g.world, 0.5, 0.65), 0.52, 0.66, (0.0, 0.85))
    colour = _waterline(g, g.mix(moss, colour, (0.05, 0.07, 0.022)))
    height = g.math("ADD", g.math("SUBTRACT", 1.0, brick.outputs[1]), g.noise(g.world, 10))
    return g.finish(colour, 0.9, g.bump(height, 0.03))


def gabion(g: Graph, tone: RGB) -> Any:
    """Stones in wire cages of 1 m."""
    cell = g.node("SeparateColor", {0: g.cells(g.uv, 6.5)}).outputs[0]
    edge = g.cells(g.uv, 6.5, edge=True)
    stone = g.shade(tone, cell, 0.5, 1.5)
    colour = g.mix(g.span(edge, 0.0, 0.06, (0.93, 0.0)), stone, (0.02, 0.018, 0.015))
    cage = g.node(
        "TexBrick",
        {"Vector": g.uv, "Scale": 1.0, "Mortar Size": 0.02, "Brick Width": 2.0, "Row Height": 1.0},
        offset=0.5,
    )
    colour = g.mix(g.math("MULTIPLY", cage.outputs[1], 0.6), colour, (0.05, 0.05, 0.05))
    weeds = g.span(g.noise(g.world, 0.7, 0.65), 0.58, 0.68, (0.0, 0.9))
    colour = _waterline(g, g.mix(weeds, _weathered(g, colour, g.world), (0.045, 0.068, 0.02)))
    return g.finish(colour, 0.92, g.bump(g.span(edge, 0.0, 0.14), 0.10))


def riprap(g: Graph, tone: RGB) -> Any:
    cell = g.node("SeparateColor", {0: g.cells(g.uv, 1.9)}).outputs[0]
    edge = g.cells(g.uv, 1.9, edge=True)
    colour = g.mix(
        g.span(edge, 0.0, 0.09, (0.95, 0.0)), g.shade(tone, cell, 0.5, 1.5), (0.03, 0.028, 0.02)
    )
    weeds = g.span(g.noise(g.world, 0.4, 0.65), 0.56, 0.66, (0.0, 0.9))
    colour = _waterline(g, g.mix(weeds, _weathered(g, colour, g.world), (0.05, 0.072, 0.022)))
    height = g.math("ADD", g.span(edge, 0.0, 0.2), g.math("MULTIPLY", g.noise(g.world, 6), 0.4))
    return g.finish(colour, 0.92, g.bump(height, 0.25))


def sheet_pile(g: Graph, tone: RGB) -> Any:
    rust = g.noise(g.world, 1.1, 0.7)
    colour = g.mix(g.span(rust, 0.42, 0.6), tone, (0.075, 0.07, 0.066))
    colour = _waterline(g, _streaks(g, _weathered(g, colour, g.world), 0.6))
    return g.finish(colour, 0.7, g.bump(rust, 0.02, 0.5), specular=0.4)


def grass(g: Graph, tone: RGB) -> Any:
    dry = g.span(g.noise(g.world, 0.09, 0.62), 0.44, 0.66)
    colour = g.mix(dry, tone, (tone[0] * 1.9, tone[1] * 1.35, tone[2] * 1.5))
    bare = g.span(g.noise(g.world, 0.31, 0.7), 0.60, 0.70, (0.0, 0.85))
    colour = g.mix(bare, colour, (0.17, 0.13, 0.085))
    tuft = g.noise(g.world, 5.5, 0.75)
    colour = g.shade(colour, tuft, 0.5, 1.5)
    colour = g.shade(colour, g.noise(g.world, 1.1), 0.72, 1.28)
    return g.finish(_waterline(g, colour), 0.95, g.bump(tuft, 0.16), specular=0.15)


def mud(g: Graph, tone: RGB) -> Any:
    fine = g.noise(g.world, 3.0, 0.7)
    colour = g.shade(g.shade(tone, g.noise(g.world, 0.3), 0.6, 1.4), fine, 0.7, 1.3)
    weeds = g.span(g.noise(g.world, 0.35, 0.7), 0.54, 0.62, (0.0, 0.9))
    leaf = g.shade((0.05, 0.08, 0.022), g.noise(g.world, 6, 0.7), 0.5, 1.6)
    colour = _waterline(g, g.mix(weeds, colour, leaf))
    return g.finish(colour, 0.85, g.bump(fine, 0.12))


def soil(g: Graph, tone: RGB) -> Any:
    fine = g.noise(g.world, 2.2, 0.72)
    colour = g.shade(
        g.shade((0.19, 0.14, 0.092), g.noise(g.world, 0.16), 0.65, 1.35), fine, 0.7, 1.3
    )
    weeds = g.span(g.noise(g.world, 0.24, 0.7), 0.55, 0.66, (0.0, 0.8))
    return g.finish(g.mix(weeds, colour, tone), 0.95, g.bump(fine, 0.12), specular=0.2)


def field(g: Graph, tone: RGB) -> Any:
    """Vegetable beds: rows of plants across the river's direction, plots of other greens."""
    plot = g.node("SeparateColor", {0: g.cells(g.scaled(g.uv, (0.11, 0.06, 1)), 1.0, jitter=0.5)})
    row = g.node("TexWave", {"Vector": g.uv, "Scale": 0.32, "Distortion": 1.2, "Detail": 3.0,
                             "Detail Scale": 3.0}).outputs[1]  # fmt: skip
    green = g.mix(plot.outputs[0], (0.035, 0.085, 0.022), (0.12, 0.15, 0.04))
    colour = g.mix(g.span(row, 0.25, 0.6), (0.15, 0.11, 0.072), green)
    fallow = g.span(plot.outputs[1], 0.62, 0.66)
    colour = g.mix(fallow, colour, (0.17, 0.125, 0.08))
    return g.finish(_weathered(g, colour, g.world), 0.95, g.bump(row, 0.2), specular=0.2)


def paving(g: Graph, tone: RGB) -> Any:
    brick = g.node(
        "TexBrick",
        {"Vector": g.uv, "Color1": (0.30, 0.27, 0.24), "Color2": (0.24, 0.20, 0.175),
         "Mortar": (0.10, 0.095, 0.085), "Scale": 1.0, "Mortar Size": 0.012, "Brick Width": 0.5,
         "Row Height": 0.25},
    )  # fmt: skip
    return g.finish(_weathered(g, brick.outputs[0], g.world), 0.85, g.bump(brick.outputs[1], -0.01))


def yard(g: Graph, tone: RGB) -> Any:
    slab = g.node(
        "TexBrick",
        {"Vector": g.uv, "Color1": (0.27, 0.26, 0.24), "Color2": (0.21, 0.205, 0.19),
         "Mortar": (0.09, 0.085, 0.075), "Scale": 1.0, "Mortar Size": 0.03, "Brick Width": 5.0,
         "Row Height": 4.0},
        offset=0.0,
    )  # fmt: skip
    colour = g.shade(slab.outputs[0], g.noise(g.world, 0.2, 0.6), 0.82, 1.18)
    colour = g.shade(colour, g.noise(g.world, 6.0, 0.7), 0.85, 1.15)
    stain = g.span(g.noise(g.world, 0.13, 0.7), 0.58, 0.8, (0.0, 0.55))
    return g.finish(g.mix(stain, colour, (0.10, 0.09, 0.075)), 0.85)


def asphalt(g: Graph, tone: RGB) -> Any:
    colour = g.shade((0.075, 0.075, 0.078), g.noise(g.world, 0.15, 0.6), 0.8, 1.2)
    colour = g.shade(colour, g.noise(g.world, 9.0, 0.7), 0.8, 1.2)
    crack = g.span(g.cells(g.world, 0.21, edge=True), 0.0, 0.01, (0.7, 0.0))
    worn = g.span(g.noise(g.world, 0.06, 0.6), 0.56, 0.62)
    colour = g.mix(g.math("MULTIPLY", crack, worn), colour, (0.02, 0.02, 0.02))
    dust = g.span(g.noise(g.world, 0.3, 0.72), 0.45, 0.8, (0.0, 0.5))
    return g.finish(g.mix(dust, colour, (0.16, 0.145, 0.12)), 0.8)


def pipe_concrete(g: Graph, tone: RGB) -> Any:
    colour = g.shade(tone, g.noise(g.local, 3.0, 0.7), 0.62, 1.35)
    moss = g.span(g.noise(g.world, 1.6, 0.6), 0.5, 0.68, (0.0, 0.6))
    colour = _waterline(g, g.mix(moss, colour, (0.05, 0.055, 0.025)))
    return g.finish(colour, 0.88, g.bump(g.noise(g.local, 14, 0.7), 0.015))


def pipe_plastic(g: Graph, tone: RGB) -> Any:
    colour = g.shade(tone, g.noise(g.local, 2.0, 0.6), 0.8, 1.2)
    dirt = g.span(g.noise(g.world, 3.0, 0.7), 0.52, 0.72, (0.0, 0.6))
    return g.finish(_waterline(g, g.mix(dirt, colour, (0.09, 0.075, 0.05))), 0.42, specular=0.5)


def pipe_steel(g: Graph, tone: RGB) -> Any:
    patch = g.noise(g.local, 2.4, 0.72)
    rust = g.mix(g.noise(g.local, 8, 0.7), (0.10, 0.035, 0.014), (0.26, 0.11, 0.04))
    colour = g.mix(g.span(patch, 0.42, 0.56), tone, rust)
    return g.finish(_waterline(g, colour), 0.6, g.bump(patch, 0.01), specular=0.5)


def brick(g: Graph, tone: RGB) -> Any:
    at = g.node(
        "CombineXYZ",
        {0: g.math("ADD", g.axis(g.local, "x"), g.axis(g.local, "y")), 1: g.axis(g.local, "z")},
    ).outputs[0]
    wall = g.node(
        "TexBrick",
        {"Vector": at, "Color1": tone, "Color2": _times(tone, 0.7), "Mortar": (0.3, 0.29, 0.27),
         "Scale": 1.0, "Mortar Size": 0.012, "Brick Width": 0.24, "Row Height": 0.075},
    )  # fmt: skip
    return g.finish(_waterline(g, _weathered(g, wall.outputs[0], g.world)), 0.92)


def leaf(g: Graph, tone: RGB) -> Any:
    fresh = (min(tone[0] * 1.7, 0.5), min(tone[1] * 1.35, 0.5), tone[2])
    colour = g.mix(g.random, _times(tone, 0.75), fresh)
    colour = g.shade(colour, g.noise(g.world, 1.3), 0.6, 1.4)
    return g.finish(colour, 0.6, specular=0.25)


def plain(g: Graph, tone: RGB) -> Any:
    """Paint, cloth, plastic: a little dirt on one colour."""
    colour = g.shade(tone, g.noise(g.world, 6.0, 0.65), 0.8, 1.2)
    return g.finish(colour, 0.55)


def car(g: Graph, tone: RGB) -> Any:
    return g.finish(g.shade(tone, g.noise(g.local, 1.5), 0.9, 1.1), 0.22, specular=0.6)


def glass(g: Graph, tone: RGB) -> Any:
    return g.finish((0.012, 0.014, 0.016), 0.08, specular=0.6)


def dark(g: Graph, tone: RGB) -> Any:
    return g.finish((0.006, 0.006, 0.005), 0.95, specular=0.1)


_MAKERS: dict[str, Callable[[Graph, RGB], Any]] = {
    "concrete_wall": concrete_wall, "masonry_wall": masonry_wall, "concrete_slope": concrete_slope,
    "gabion": gabion, "riprap": riprap, "sheet_pile": sheet_pile, "grass": grass, "lawn": grass,
    "mud": mud, "soil": soil, "field": field, "paving": paving, "yard": yard, "concrete": yard,
    "asphalt": asphalt, "pipe_concrete": pipe_concrete, "pipe_plastic": pipe_plastic,
    "pipe_steel": pipe_steel, "brick": brick, "leaf": leaf, "plain": plain, "dark": dark,
    "car": car, "glass": glass,
}  # fmt: skip


class Palette:
    """The materials of one scene, each made once."""

    def __init__(self) -> None:
        self._made: dict[Any, Any] = {}

    def __call__(self, kind: str, tone: tuple[float, ...] = (0.3, 0.3, 0.3)) -> Any:
        key = (kind, *tone)
        if key not in self._made:
            maker = _MAKERS.get(kind) or ROOF_MAKERS[kind]
            self._made[key] = maker(Graph(kind), (tone[0], tone[1], tone[2]))
        return self._made[key]
