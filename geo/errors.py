"""Errors of the geo package.

    PatrolError                 base of every error this project raises on purpose
    └── GeoError
        ├── CoordinateError     a coordinate that cannot be what it claims to be
        ├── GeometryError       a geometry that is self-crossing, empty or of the wrong kind
        ├── LayerError          a map layer (GeoJSON file) that cannot be read as what was asked for
        ├── SightLineError      a pixel whose line of sight does not meet the ground
        └── TerrainError        a terrain model that cannot be read or does not fit the area

A message names the file or field, what was found, what was expected and what to do.
"""

from __future__ import annotations

__all__ = [
    "CoordinateError",
    "GeoError",
    "GeometryError",
    "LayerError",
    "PatrolError",
    "SightLineError",
    "TerrainError",
]


class PatrolError(Exception):
    """Something the user can put right; the message is one line that says how."""


class GeoError(PatrolError):
    """Any error of the geo package."""


class CoordinateError(GeoError):
    """A coordinate out of range, or with its axes swapped."""


class GeometryError(GeoError):
    """A geometry that cannot be used."""


class LayerError(GeoError):
    """A layer file that is missing, unreadable or lacks a field."""


class SightLineError(GeoError):
    """The camera looks at or above the horizon along this pixel."""


class TerrainError(GeoError):
    """A terrain model that is missing, unreadable, or not of this area."""
