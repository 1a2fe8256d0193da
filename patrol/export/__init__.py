"""Missions in the formats of ground stations, one file (or a few parts) a sortie."""

from __future__ import annotations

from patrol.export.formats import (
    DEFAULT_FORMATS,
    FORMATS,
    Format,
    export_losses,
    export_sorties,
    read_route,
)
from patrol.export.route import CameraFacts, RallyPoint, Route, RoutePoint, ZoneRing, route_of

__all__ = [
    "DEFAULT_FORMATS",
    "FORMATS",
    "CameraFacts",
    "Format",
    "RallyPoint",
    "Route",
    "RoutePoint",
    "ZoneRing",
    "export_losses",
    "export_sorties",
    "read_route",
    "route_of",
]
