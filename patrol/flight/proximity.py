"""Watching that vehicles in the air keep clear of one another, whatever the plan expected.

The plan keeps sorties apart by the times at which they are expected somewhere (airspace.py). A
pause, a head wind or a pilot's hold makes those times wrong, so the vehicles' own reports are
watched too: where two would come too near within a few seconds, as they fly now, one gives way
(tactical conflict resolution by closest point of approach, as in RTCA DO-365's well-clear
volumes, with the sizes of a street's drones).
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

from geo.coordinates import LocalProjection, LonLat
from patrol.planning.sorties.apart import APART_M, APART_UP_M

__all__ = ["Conflict", "Motion", "ProximityWatch", "closest_approach"]

_AHEAD_S = 6.0  # twice what braking from 8 m/s takes
_NEAR_M = 2 / 3 * APART_M  # sorties are planned no nearer than APART_M
_NEAR_UP_M = 0.6 * APART_UP_M  # heights of return differ by APART_UP_M
_STALE_S = 3.0
_AFLOAT_M = 2.0  # above launch: in the air


@dataclass(frozen=True, slots=True)
class Motion:
    """Where a vehicle is, (east, north, up) in metres of one frame for all, and its velocity,
    m/s."""

    place_m: tuple[float, float, float]
    velocity_m_s: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Conflict:
    """`vehicle` has to give way to `other`: in `in_s` seconds they are `apart_m` apart on the
    map."""

    vehicle: int
    other: int
    in_s: float
    apart_m: float


def closest_approach(a: Motion, b: Motion, ahead_s: float) -> tuple[float, float, float]:
    """Seconds until a and b, flying straight on, are nearest on the map within `ahead_s`, how far
    apart they are then, and the least difference in height until then, metres."""
    east, north, up = (q - p for p, q in zip(a.place_m, b.place_m, strict=True))
    ve, vn, vu = (q - p for p, q in zip(a.velocity_m_s, b.velocity_m_s, strict=True))
    closing = ve * ve + vn * vn
    at_s = 0.0 if closing < 1e-6 else -(east * ve + north * vn) / closing
    at_s = min(max(at_s, 0.0), ahead_s)
    apart = math.hypot(east + ve * at_s, north + vn * at_s)
    then = up + vu * at_s
    least_up = 0.0 if up * then <= 0 else min(abs(up), abs(then))
    return at_s, apart, least_up


class ProximityWatch:
    """Takes each vehicle's reports, from any thread, and says who has to give way.

    The one with the higher number does, once; heights of return are a storey apart, so that its
    way home is clear.
    """

    def __init__(self, origin: LonLat) -> None:
        self._here = LocalProjection(origin)
        self._lock = threading.Lock()
        self._seen: dict[int, tuple[float, float, Motion]] = {}  # wall and vehicle seconds
        self._gave_way: set[int] = set()

    def gone(self, vehicle: int) -> None:
        """The vehicle is on the ground, or nothing more will be heard of it."""
        with self._lock:
            self._seen.pop(vehicle, None)
            self._gave_way.discard(vehicle)

    def seen(
        self,
        vehicle: int,
        wall_s: float,
        vehicle_s: float,
        lon_deg: float,
        lat_deg: float,
        msl_m: float,
        above_launch_m: float,
    ) -> list[Conflict]:
        """Note a report; `vehicle_s` is on its own clock, from which its velocity is taken."""
        [[east, north]] = self._here.forward([[lon_deg, lat_deg]])
        place = (float(east), float(north), msl_m)
        with self._lock:
            if above_launch_m < _AFLOAT_M:
                self._seen.pop(vehicle, None)
                return []
            velocity = (0.0, 0.0, 0.0)
            before = self._seen.get(vehicle)
            if before is not None:
                passed_s = vehicle_s - before[1]
                if passed_s <= 0:
                    return []
                de, dn, du = (q - p for p, q in zip(before[2].place_m, place, strict=True))
                velocity = (de / passed_s, dn / passed_s, du / passed_s)
            mine = Motion(place, velocity)
            self._seen[vehicle] = (wall_s, vehicle_s, mine)
            conflicts = []
            for other, (told_s, _, theirs) in self._seen.items():
                if other == vehicle or wall_s - told_s > _STALE_S:
                    continue
                in_s, apart_m, up_m = closest_approach(mine, theirs, _AHEAD_S)
                yields, stays = max(vehicle, other), min(vehicle, other)
                if apart_m < _NEAR_M and up_m < _NEAR_UP_M and yields not in self._gave_way:
                    self._gave_way.add(yields)
                    conflicts.append(Conflict(yields, stays, in_s, apart_m))
            return conflicts
