"""Colours of the map.

The sorties' twelve stay apart for normal sight and for red- and green-blind eyes (at least 0.079
in OKLab under the simulation of Machado, Oliveira and Fernandes 2009), and from the water; a
number on the map says which sortie it is where they come round again.
"""

from __future__ import annotations

__all__ = [
    "CENTRELINE",
    "HALO",
    "INK",
    "LAND",
    "MUTED",
    "RULE",
    "SORTIES",
    "UNSEEN",
    "UNSEEN_EDGE",
    "WATER",
    "WATER_EDGE",
    "WATER_INK",
    "ZONE",
    "sortie_colour",
]

SORTIES = (
    "#0072b2", "#d55e00", "#1b5e20", "#7b1fa2", "#c0a000", "#111827",
    "#26c6a0", "#8d6e63", "#1a237e", "#00a0b0", "#3e2723", "#37474f",
)  # fmt: skip

LAND, HALO = "#f7f6f1", "#ffffff"
WATER, WATER_EDGE, WATER_INK, CENTRELINE = "#cfe6f3", "#8fbfdc", "#2a6f97", "#6aa5c8"
ZONE = "#c62828"
UNSEEN, UNSEEN_EDGE = "#ffb300", "#b00020"
INK, MUTED, RULE = "#1f2933", "#5f6b76", "#d7dbe0"


def sortie_colour(index: int) -> str:
    """The colour of the plan's sortie at this place in its list; they come round again."""
    return SORTIES[index % len(SORTIES)]
