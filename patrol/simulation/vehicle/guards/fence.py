"""The fence: its shapes, who is outside of them, and what arming and flying make of it.

After ArduPilot 4.6's AC_Fence and ArduCopter/fence.cpp, texts included.
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

__all__ = ["ALL_FENCES", "ALT_MAX", "CIRCLE", "POLYGON", "FenceGuard", "Shapes", "fence_names"]

ALT_MAX, CIRCLE, POLYGON = 1, 2, 4
ALL_FENCES = ALT_MAX | CIRCLE | POLYGON
_NAMES = {ALT_MAX: "Max Alt", CIRCLE: "Circle", POLYGON: "Polygon"}
_BACKUP_M = 20.0  # so much further out the breached fence stands again
_INCLUSIONS = (
    mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION,
    mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION,
)


class Shapes:
    """The fence items in metres around the launch point."""

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

    def __bool__(self) -> bool:
        return bool(self.keep_in or self.keep_out)

    def is_outside(self, east: float, north: float) -> bool:
        """Outside of an inclusion or inside an exclusion; metres."""
        if not self:
            return False
        point = Point(east, north)
        return not all(s.intersects(point) for s in self.keep_in) or any(
            s.intersects(point) for s in self.keep_out
        )


def fence_names(kinds: int) -> str:
    """'Polygon fence', 'Max Alt, Circle and Polygon fences'."""
    names = [name for kind, name in _NAMES.items() if kinds & kind]
    together = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{together} fence{'s' if len(names) > 1 else ''}"


class FenceGuard:
    """Which fences are switched on and which are breached.

    `enabled` follows FENCE_ENABLE whenever that changes; MAV_CMD_DO_FENCE_ENABLE switches it for
    the time being. `breached_at_s` is of the vehicle's clock.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._shapes = Shapes((), None)  # type: ignore[arg-type]  # no items, nothing to project
        self._version = -1
        self._last_enable: float | None = None
        self._enabled = 0
        self._backup: dict[int, float] = {}  # where a breached fence stands again
        self._beyond_m: dict[int, float] = {}
        self.breached = 0
        self.breach_count = 0
        self.breached_at_s = 0.0

    def load(self, version: int, items: Sequence[StoredItem], projection: LocalProjection) -> None:
        """Take the fence items as they are now, where that is news."""
        if version != self._version:
            self._version = version
            self._shapes = Shapes(items, projection)

    @property
    def present(self) -> int:
        """Fences that are configured, the polygons only where there are any."""
        kinds = int(self._parameters["FENCE_TYPE"]) & ALL_FENCES
        return kinds if self._shapes else kinds & ~POLYGON

    @property
    def enabled(self) -> int:
        """Fences that are switched on and present."""
        self._follow_parameter()
        return self._enabled & self.present

    @property
    def is_on(self) -> bool:
        self._follow_parameter()
        return self._enabled != 0

    def _follow_parameter(self) -> None:
        value = self._parameters["FENCE_ENABLE"]
        if value != self._last_enable:
            self._last_enable = value
            self._enabled = int(self._parameters["FENCE_TYPE"]) & ALL_FENCES if value else 0
            self.breached &= self._enabled

    def switch(self, on: bool, kinds: int = ALL_FENCES) -> bool:
        """MAV_CMD_DO_FENCE_ENABLE; False where there is none of these fences."""
        self._follow_parameter()
        if on and not self.present & kinds:
            return False
        if on:
            self._enabled |= int(self._parameters["FENCE_TYPE"]) & kinds
        else:
            self._enabled &= ~kinds
            self.breached &= ~kinds
        return True

    # -- breaches --------------------------------------------------------------------------------

    def check(self, at: Setpoint, home: Setpoint, time_s: float) -> int:
        """Bits of the fences that are freshly breached at a place (metres, up from home)."""
        enabled, parameters = self.enabled, self._parameters
        if not enabled:
            self.breached = 0
            return 0
        was, fresh = self.breached, 0
        away_m = math.hypot(at.east - home.east, at.north - home.north)
        for kind, value, limit in (
            (ALT_MAX, at.up, parameters["FENCE_ALT_MAX"]),
            (CIRCLE, away_m, parameters["FENCE_RADIUS"]),
        ):
            if not enabled & kind or value < limit:
                self._clear(kind)
                continue
            self._beyond_m[kind] = value - limit
            if not was & kind or value >= self._backup.get(kind, math.inf):
                self._backup[kind] = value + _BACKUP_M
                fresh |= kind
        if not enabled & POLYGON or not self._shapes.is_outside(at.east, at.north):
            self._clear(POLYGON)
        elif not was & POLYGON:
            fresh |= POLYGON
        if fresh:
            if not self.breached:
                self.breached_at_s = time_s
            self.breach_count += fresh.bit_count()
            self.breached |= fresh
        return fresh

    def _clear(self, kind: int) -> None:
        self.breached &= ~kind
        self._backup.pop(kind, None)
        self._beyond_m.pop(kind, None)

    def beyond_m(self, kinds: int) -> float:
        """How far outside of these fences; of the polygons ArduPilot does not know it."""
        return max((m for kind, m in self._beyond_m.items() if kinds & kind), default=0.0)

    def allows(self, place: Setpoint, home: Setpoint) -> bool:
        """Whether a place lies within all fences that are on."""
        enabled, parameters = self.enabled, self._parameters
        away_m = math.hypot(place.east - home.east, place.north - home.north)
        return not (
            (enabled & ALT_MAX and place.up > parameters["FENCE_ALT_MAX"])
            or (enabled & CIRCLE and away_m > parameters["FENCE_RADIUS"])
            or (enabled & POLYGON and self._shapes.is_outside(place.east, place.north))
        )

    def arm_refusal(self) -> str | None:
        """Why the fence forbids arming."""
        parameters = self._parameters
        if parameters["FENCE_ENABLE"] and not self.present:
            return "Fences enabled, but none selected"
        if not self.is_on:
            return None
        if parameters["FENCE_RADIUS"] < parameters["FENCE_MARGIN"]:
            return "Circle FENCE_MARGIN is less than FENCE_RADIUS"
        if self.breached:
            return f"Vehicle breaching {fence_names(self.breached)}"
        return None
