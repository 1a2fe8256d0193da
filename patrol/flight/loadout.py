"""What a vehicle gets for one sortie, and whether its parts fit one another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from geo.coordinates import LocalProjection, LonLat
from patrol.export.fence import keep_out
from patrol.export.route import Ring, ring_of, route_of
from patrol.mission import MissionItem, item_waypoints, mission_items
from patrol.plan import Plan, Sortie
from patrol.simulation.vehicle.motion.path import leg_speed_m_s

__all__ = ["Loadout", "fence_complaint", "loadout_of", "next_lane_item"]

_PLACES = (16, 22)  # the mission's commands that fly somewhere
_CHANGE_SPEED = 178
_ABOVE_HIGHEST_M = 15.0  # the fence's ceiling above what is flown


@dataclass(frozen=True, slots=True)
class Loadout:
    """What a vehicle gets for one sortie.

    `keep_in` and `keep_out` are rings of its fence, corners not closed; `ceiling_m` and
    `return_m` are heights above home; `energy_share` is the part of a full battery that the
    sortie is planned to use.
    """

    items: tuple[MissionItem, ...]
    launch: LonLat
    keep_in: Ring
    keep_out: tuple[Ring, ...]
    ceiling_m: float
    return_m: float
    energy_share: float

    def speed_at(self, seq: int) -> float | None:
        """The speed in m/s that holds on the leg to item `seq`; None where none was set yet."""
        before = [i.param2 for i in self.items if i.command == _CHANGE_SPEED and i.seq <= seq]
        return before[-1] if before else None

    def pace(self, accel_m_s2: float, jerk_m_s3: float) -> float:
        """How much longer the legs take than at their planned speeds, as a factor of at least 1,
        for a vehicle that flies each from rest to rest with these limits."""
        here = LocalProjection(self.launch)
        speed, at = 0.0, None
        planned_s = flown_s = 0.0
        for item in self.items:
            if item.command == _CHANGE_SPEED:
                speed = item.param2
            if item.command != _PLACES[0] or item.seq == 0 or speed <= 0:
                continue
            [[east, north]] = here.forward([[item.lon_deg, item.lat_deg]])
            point = (float(east), float(north))
            leg_m = 0.0 if at is None else math.dist(at, point)
            at = point
            if leg_m > 0.5:
                reached = min(speed, leg_speed_m_s(leg_m, accel_m_s2, jerk_m_s3))
                planned_s += leg_m / speed
                flown_s += leg_m / reached
        return flown_s / planned_s if planned_s > 0 else 1.0


def fence_complaint(loadout: Loadout) -> str | None:
    """Why the fence does not fit the mission, None where every leg lies within it."""
    here = LocalProjection(loadout.launch)

    def metres(places: Sequence[LonLat]) -> list[tuple[float, float]]:
        points = here.forward([(p.lon_deg, p.lat_deg) for p in places])
        return [(float(e), float(n)) for e, n in points]

    places = [i for i in loadout.items if i.command in _PLACES and i.seq > 0]
    stops = [loadout.launch, *(LonLat(i.lon_deg, i.lat_deg) for i in places), loadout.launch]
    way = shapely.LineString(metres(stops))
    names = ["the launch site", *(f"item {i.seq}" for i in places), "the way home"]
    fence = shapely.Polygon(metres(loadout.keep_in))
    if not fence.is_valid:
        return "the fence crosses itself; draw it anew"
    points = shapely.points(shapely.get_coordinates(way))
    for name, outside in zip(names, np.logical_not(shapely.covers(fence, points)), strict=True):
        if outside:
            return f"the fence excludes its own waypoint: {name} lies outside of it"
    if not fence.covers(way):
        return "the fence excludes a part of the way between its waypoints"
    for number, ring in enumerate(loadout.keep_out, 1):
        if shapely.Polygon(metres(ring)).intersects(way):
            return f"the way leads through keep-out polygon {number} of the fence"
    highest_m = max((i.altitude_m for i in places), default=0.0)
    if highest_m >= loadout.ceiling_m:
        return f"the fence's ceiling of {loadout.ceiling_m:.0f} m is below the mission's waypoints"
    return None


def loadout_of(plan: Plan, sortie: Sortie, return_m: float, fence: Ring | None = None) -> Loadout:
    """What a vehicle gets for a sortie: mission, fence and return height.

    `fence` replaces the keep-in polygon of the plan. No-fly zones near it are kept out of.
    """
    route = route_of(plan, sortie)
    ring = fence or route.fence
    inside = shapely.Polygon([(p.lon_deg, p.lat_deg) for p in ring])
    outside = keep_out(plan, sortie, inside)
    highest = max(point.above_launch_m for point in route.points)
    return Loadout(
        items=mission_items(plan, sortie),
        launch=sortie.launch,
        keep_in=ring,
        keep_out=tuple(ring_of(zone.exterior.coords) for zone in outside),
        ceiling_m=max(highest, return_m) + _ABOVE_HIGHEST_M,
        return_m=return_m,
        energy_share=sortie.energy_wh / plan.settings.own_battery_wh,
    )


def next_lane_item(plan: Plan, sortie: Sortie, seq: int) -> int:
    """The mission item that ends the lane being flown at item `seq` and leads to the next, or
    home."""
    to = item_waypoints(plan, sortie)
    waypoints = sortie.waypoints
    here = to[min(max(seq, 0), len(to) - 1)]
    if here >= len(waypoints):
        return len(to) - 1
    lane = waypoints[here].lane
    ahead = here
    while ahead < len(waypoints) and waypoints[ahead].lane == lane:
        ahead += 1
    # The camera is switched off by the items just before, and those are flown to first.
    return next(i for i, waypoint in enumerate(to) if waypoint >= ahead)
