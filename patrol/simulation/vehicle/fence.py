"""The geofence on board, and where a return leads.

After ArduPilot 4.6 (AC_Fence, fence.cpp, AP_Rally): polygons and circles to stay within or out of, a
greatest height; a return goes to the nearest of home and the rally points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import shapely
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from shapely.geometry import Point, Polygon
from shapely.geometry.base import BaseGeometry

from geo.coordinates import LocalProjection
from patrol.simulation.vehicle.items import StoredItem, fence_rings
from patrol.simulation.vehicle.motion.path import Setpoint
from patrol.simulation.vehicle.parameters import Parameters

__all__ = ["ALT_MAX", "CIRCLE", "POLYGON", "Fence", "nearest_return"]

ALT_MAX, CIRCLE, POLYGON = 1, 2, 4
_NAMES = {ALT_MAX: "Max Alt", CIRCLE: "Circle", POLYGON: "Polygon"}
_INCLUSIONS = (
    mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION,
    mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION,
)


class Fence:
    """The shapes of the fence items in metres around the launch point."""

    def __init__(self, items: Sequence[StoredItem], projection: LocalProjection) -> None:
        self.keep_in: list[BaseGeometry] = []
        self.keep_out: list[BaseGeometry] = []
        for command, corners in fence_rings(items):
            points = projection.forward([(c.lon_deg, c.lat_deg) for c in corners])
            shape: BaseGeometry = (
                Polygon(points)
                if len(points) > 2
                else Point(points[0]).buffer(corners[0].params[0], quad_segs=16)
            )
            if not shape.is_valid:
                shape = shapely.make_valid(shape)
            shapely.prepare(shape)
            (self.keep_in if command in _INCLUSIONS else self.keep_out).append(shape)

    @property
    def is_empty(self) -> bool:
        return not self.keep_in and not self.keep_out

    def outside_m(self, east: float, north: float) -> float:
        """How far outside a point is, 0 inside."""
        point = Point(east, north)
        away = [s.distance(point) for s in self.keep_in if not s.intersects(point)]
        away += [s.boundary.distance(point) + 0.01 for s in self.keep_out if s.intersects(point)]
        return max(away, default=0.0)

    def breaches(
        self, parameters: Parameters, east: float, north: float, up: float
    ) -> tuple[int, float]:
        """Bits of the breached fences among those switched on, and the farthest distance."""
        if not parameters["FENCE_ENABLE"]:
            return 0, 0.0
        kinds = int(parameters["FENCE_TYPE"])
        found, farthest = 0, 0.0
        beyond = {
            ALT_MAX: up - parameters["FENCE_ALT_MAX"],
            CIRCLE: math.hypot(east, north) - parameters["FENCE_RADIUS"],
            POLYGON: self.outside_m(east, north) if kinds & POLYGON else 0.0,
        }
        for kind, metres in beyond.items():
            if kinds & kind and metres > 0.0:
                found |= kind
                farthest = max(farthest, metres)
        return found, farthest

    def arm_refusal(
        self, parameters: Parameters, east: float, north: float, up: float
    ) -> str | None:
        """Why the fence forbids arming here."""
        if not parameters["FENCE_ENABLE"]:
            return None
        if int(parameters["FENCE_TYPE"]) & 7 == 0:
            return "PreArm: Fences enabled, but none selected"
        found, _ = self.breaches(parameters, east, north, up)
        return f"PreArm: Vehicle breaching {fence_names(found)} fence" if found else None


def fence_names(kinds: int) -> str:
    """'Polygon', 'Max Alt and Circle'."""
    return " and ".join(name for kind, name in _NAMES.items() if kinds & kind)


def nearest_return(
    rally: Sequence[StoredItem],
    home: Setpoint,
    here: tuple[float, float],
    projection: LocalProjection,
    parameters: Parameters,
) -> Setpoint:
    """Where a return leads from `here`: the nearest rally point, or home where that is nearer.

    `up` is the height to return at, 0 where none is given.
    """
    limit_m = 1000.0 * parameters["RALLY_LIMIT_KM"]
    places = []
    for item in rally:
        [[east, north]] = projection.forward([(item.lon_deg, item.lat_deg)])
        places.append(Setpoint(float(east), float(north), item.alt_m))
    if parameters["RALLY_INCL_HOME"] or not places:
        places.append(home)

    def away_m(place: Setpoint) -> float:
        return math.hypot(place.east - here[0], place.north - here[1])

    best = min(places, key=away_m)
    return home if best is not home and limit_m > 0 and away_m(best) > limit_m else best
