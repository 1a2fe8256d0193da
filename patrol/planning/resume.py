"""Going on where a sortie was broken off, and flying again what a flight did not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from patrol.area import NoFlyZone, StudyArea
from patrol.errors import PlanningError
from patrol.mission import waypoint_at
from patrol.plan import Certificate, Plan, Reach, Sortie
from patrol.planning.cover.lanes import LaneLine
from patrol.planning.ground import Ground
from patrol.planning.planner import assembled, plan_area, router_of, sites_of
from patrol.planning.sorties.clusters import drafts
from patrol.planning.sorties.drafts import draft
from patrol.planning.sorties.split import Route, Visit

__all__ = ["area_of", "missing_reaches", "plan_missing", "resume"]

FloatArray = NDArray[np.float64]

_AROUND_M = 20.0  # flown again before and after what was not seen
_SHORTEST_REACH_M = 10.0


def area_of(plan: Plan) -> StudyArea:
    """The study area as far as the plan holds it."""
    zones = tuple(
        NoFlyZone(z.name, z.name, z.outline, shapely.transform(z.outline, plan.projection.forward))
        for z in plan.no_fly_zones
    )
    return StudyArea(Path(plan.area), plan.projection, plan.rivers, plan.launch_sites, zones)


def resume(plan: Plan, sortie_id: int, seq: int) -> Plan:
    """What is left of a sortie that was broken off on the way to mission item `seq`.

    The lane that was being flown is taken up at the last waypoint passed, the rest follows as it
    was planned; camera, gimbal and speed are set again by the new mission. It starts from the same
    launch site; where the battery does not last for all that is left, there are more sorties.
    Raises PlanFileError for a sortie or item that there is not, PlanningError where nothing is
    left to fly.
    """
    sortie = plan.sortie(sortie_id)
    left = _lanes_left(plan, sortie, waypoint_at(plan, sortie, seq))
    if not left:
        raise PlanningError(
            f"sortie {sortie_id}: nothing is left to fly at mission item {seq}; all its lanes "
            "were flown before it"
        )
    area, settings = area_of(plan), plan.settings
    ground = Ground(plan.terrain, plan.projection)
    router = router_of(area, settings, ground)
    codes = [site.code for site in plan.launch_sites]
    if sortie.launch_site not in codes:
        raise PlanningError(f"sortie {sortie_id}: the plan has no launch site {sortie.launch_site}")
    site = codes.index(sortie.launch_site)
    sites_m = sites_of(area)
    route = Route(site, tuple(Visit(i, backwards=False) for i in range(len(left))))
    made = [draft(route, left, sites_m, settings, router, ground)]
    if made[0].cost.energy_wh > settings.usable_wh:
        one_site = replace(settings, crews=1)
        shared, beyond = drafts(left, sites_m[[site]], one_site, router, ground)
        if beyond:
            raise PlanningError(
                f"sortie {sortie_id}: what is left at item {seq} is out of the battery's reach "
                f"from {sortie.launch_site}"
            )
        made = [replace(d, site=site) for d in shared]
    note = f"接续 resumed: sortie {sortie_id} from mission item {seq}"
    return assembled(area, settings, _reaches(plan, left), made, router, ground, (note,))


def _lanes_left(plan: Plan, sortie: Sortie, index: int) -> list[LaneLine]:
    """The lanes and the rest of a lane from the way to waypoint `index` on, in metres."""
    waypoints = sortie.waypoints
    if 0 < index < len(waypoints):
        here, before = waypoints[index], waypoints[index - 1]
        if here.lane is not None and here.lane == before.lane:
            index -= 1  # the leg was not flown to its end
    places = [(w.position.lon_deg, w.position.lat_deg) for w in waypoints]
    points = plan.projection.forward(places)
    heights = np.array([w.above_launch_m for w in waypoints]) + sortie.ground_msl_m
    by_lane: dict[str, list[int]] = {}
    for i in range(index, len(waypoints)):
        name = waypoints[i].lane
        if name is not None:
            by_lane.setdefault(name, []).append(i)
    left = []
    for name, rows in by_lane.items():
        if len(rows) < 2:
            continue  # the lane's last point, reached
        lane = plan.lane(name)
        left.append(
            LaneLine(
                lane.river,
                lane.side,
                LineString(points[rows]),
                None if plan.terrain is None else heights[rows],
                lane.speed_m_s,
            )
        )
    return left


def _reaches(plan: Plan, lanes: Sequence[LaneLine]) -> tuple[Reach, ...]:
    """The parts of the plan's reaches that lie beside these lanes."""
    rivers = {river.code: river for river in plan.rivers}
    beside: dict[str, tuple[float, float]] = {}
    for lane in lanes:
        at = shapely.line_locate_point(
            rivers[lane.river].centreline_m, shapely.points(shapely.get_coordinates(lane.line))
        )
        low, high = beside.get(lane.river, (np.inf, -np.inf))
        beside[lane.river] = (min(low, float(at.min())), max(high, float(at.max())))
    return _clipped(plan.reaches, beside) or plan.reaches


def _clipped(reaches: Sequence[Reach], beside: dict[str, tuple[float, float]]) -> tuple[Reach, ...]:
    clipped = []
    for reach in reaches:
        if reach.river in beside:
            low, high = beside[reach.river]
            start, end = max(reach.from_m, low), min(reach.to_m, high)
            if end - start >= _SHORTEST_REACH_M:
                clipped.append(Reach(reach.river, start, end))
    return tuple(clipped)


def missing_reaches(plan: Plan, certificate: Certificate) -> tuple[Reach, ...]:
    """The reaches of a plan that a certificate lists as not seen, with a little before and after;
    those that lie close together as one."""
    found: list[Reach] = []
    for reach in plan.reaches:
        ranges = sorted(
            (max(reach.from_m, u.from_m - _AROUND_M), min(reach.to_m, u.to_m + _AROUND_M))
            for u in certificate.uncovered
            if u.river == reach.river and u.to_m > reach.from_m and u.from_m < reach.to_m
        )
        joined: list[tuple[float, float]] = []
        for start, end in ranges:
            if joined and start <= joined[-1][1] + _AROUND_M:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            else:
                joined.append((start, end))
        for start, end in joined:
            if end - start < _SHORTEST_REACH_M:
                end = min(reach.to_m, start + _SHORTEST_REACH_M)
                start = max(reach.from_m, end - _SHORTEST_REACH_M)
            found.append(Reach(reach.river, start, end))
    return tuple(found)


def plan_missing(plan: Plan, certificate: Certificate) -> Plan | None:
    """A new plan for what the certificate lists as not seen; None where nothing is missing.

    Raises PlanningError where it cannot be flown.
    """
    reaches = missing_reaches(plan, certificate)
    if not reaches:
        return None
    return plan_area(area_of(plan), plan.settings, reaches, plan.terrain)
