"""Materials of roofs and walls. Objects lie with x along the ridge and y across it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from detection.training.renders.blender.nodes import Graph

__all__ = ["ROOF_MAKERS"]

RGB = tuple[float, float, float]


def _wave(g: Graph, vector: Any, period_m: float, direction: str = "X", warp: float = 0.0) -> Any:
    """A sine from 0 to 1 of this period. (The node's own period is 2 pi / 20 per unit of scale.)"""
    scale = 6.2832 / 20 / period_m
    return g.node(
        "TexWave", {"Vector": vector, "Scale": scale, "Distortion": warp}, bands_direction=direction
    ).outputs[1]


def _dirty(g: Graph, colour: Any, strength: float = 0.6) -> Any:
    colour = g.shade(colour, g.noise(g.local, 0.35, 0.65), 0.75, 1.25)
    run = g.noise(g.scaled(g.local, (1.4, 0.22, 0.3)), 1.6, 0.65)
    colour = g.mix(g.span(run, 0.5, 0.72, (0.0, strength)), colour, (0.07, 0.062, 0.05))
    return g.shade(colour, g.noise(g.local, 9, 0.7), 0.88, 1.12)


def sheet_roof(g: Graph, tone: RGB) -> Any:
    """Corrugated painted sheet in strips, some of them replaced."""
    strip = g.node("TexWhiteNoise", {"Vector": g.node("Vector" + "Math", {
        0: g.scaled(g.local, (1.1, 0.25, 0))}, operation="FLOOR").outputs[0]},
        noise_dimensions="3D").outputs[0]  # fmt: skip
    colour = g.shade(tone, strip, 0.86, 1.12)
    wave = _wave(g, g.local, 0.25)
    colour = g.shade(colour, wave, 0.86, 1.1)
    return g.finish(_dirty(g, colour, 0.45), 0.45, g.bump(wave, 0.03), specular=0.5)


def tin_roof(g: Graph, tone: RGB) -> Any:
    """Galvanised sheets with rust along laps and nails."""
    cell = g.node("VectorMath", {0: g.scaled(g.local, (1.15, 0.5, 0))}, operation="FLOOR").outputs[
        0
    ]
    sheet = g.node("TexWhiteNoise", {"Vector": cell}, noise_dimensions="3D").outputs[0]
    colour = g.shade(tone, sheet, 0.6, 1.25)
    patch = g.noise(g.scaled(g.local, (1, 0.4, 1)), 0.9, 0.72)
    amount = g.math("ADD", patch, g.math("MULTIPLY", g.math("SUBTRACT", sheet, 0.5), 0.25))
    colour = g.mix(g.span(amount, 0.5, 0.66), colour, (0.19, 0.075, 0.032))
    wave = _wave(g, g.local, 0.18)
    return g.finish(_dirty(g, colour, 0.5), 0.5, g.bump(wave, 0.025), metal=0.25, specular=0.5)


def tile_roof(g: Graph, tone: RGB) -> Any:
    column, course = _wave(g, g.local, 0.3), _wave(g, g.local, 0.36, "Y")
    cell = g.node("VectorMath", {0: g.scaled(g.local, (3.33, 2.78, 0))}, operation="FLOOR").outputs[
        0
    ]
    each = g.node("TexWhiteNoise", {"Vector": cell}, noise_dimensions="3D").outputs[0]
    colour = g.shade(g.shade(tone, each, 0.8, 1.2), column, 0.6, 1.25)
    colour = g.mix(g.span(course, 0.0, 0.18, (0.6, 0.0)), colour, (0.02, 0.016, 0.014))
    moss = g.span(g.noise(g.local, 0.7, 0.7), 0.56, 0.7, (0.0, 0.6))
    colour = g.mix(moss, colour, (0.045, 0.05, 0.03))
    return g.finish(_dirty(g, colour, 0.3), 0.85, g.bump(g.math("ADD", column, course), 0.04))


def flat_roof(g: Graph, tone: RGB) -> Any:
    colour = g.shade(tone, g.noise(g.local, 0.4, 0.65), 0.6, 1.3)
    puddle = g.span(g.noise(g.local, 0.28, 0.6), 0.55, 0.66, (0.0, 0.75))
    colour = g.mix(puddle, colour, (0.07, 0.066, 0.058))
    seam = g.node(
        "TexBrick",
        {"Vector": g.local, "Scale": 1.0, "Mortar Size": 0.015, "Brick Width": 3.0,
         "Row Height": 3.0}, offset=0.0,
    )  # fmt: skip
    colour = g.mix(g.math("MULTIPLY", seam.outputs[1], 0.5), colour, (0.05, 0.05, 0.05))
    return g.finish(g.shade(colour, g.noise(g.local, 8, 0.7), 0.82, 1.18), 0.88)


def plaster(g: Graph, tone: RGB) -> Any:
    run = g.noise(g.scaled(g.local, (2.0, 2.0, 0.16)), 1.5, 0.65)
    colour = g.mix(g.span(run, 0.5, 0.74, (0.0, 0.6)), tone, (0.08, 0.075, 0.065))
    return g.finish(g.shade(colour, g.noise(g.local, 2.5), 0.85, 1.15), 0.9)


def cloth(g: Graph, tone: RGB) -> Any:
    """A tarpaulin: creased and faded."""
    fold = g.noise(g.local, 1.6, 0.55)
    crease = _wave(g, g.local, 0.9, "DIAGONAL", 7.0)
    colour = g.shade(g.shade(tone, g.noise(g.local, 0.6), 0.75, 1.35), crease, 0.9, 1.1)
    height = g.math("ADD", fold, g.math("MULTIPLY", crease, 0.4))
    return g.finish(_dirty(g, colour, 0.35), 0.5, g.bump(height, 0.2), specular=0.45)


def planks(g: Graph, tone: RGB) -> Any:
    cell = g.node("VectorMath", {0: g.scaled(g.local, (5.5, 0.4, 0.4))}, operation="FLOOR").outputs[
        0
    ]
    each = g.node("TexWhiteNoise", {"Vector": cell}, noise_dimensions="3D").outputs[0]
    grain = g.noise(g.scaled(g.local, (9, 0.8, 0.8)), 2.0, 0.7)
    return g.finish(g.shade(g.shade(tone, each, 0.65, 1.3), grain, 0.75, 1.25), 0.88)


ROOF_MAKERS: dict[str, Callable[[Graph, RGB], Any]] = {
    "sheet_roof": sheet_roof, "tin_roof": tin_roof, "tile_roof": tile_roof, "flat_roof": flat_roof,
    "plaster": plaster, "cloth": cloth, "planks": planks,
}  # fmt: skip
