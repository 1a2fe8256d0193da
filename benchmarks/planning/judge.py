"""What is wrong with a plan, by geometry and energy sums that are not the planner's.

A metre of bank is owed where the strip beside it can be seen at all: no place of it lies in a
no-fly zone widened by its clearance, or is walled in by such zones, and the battery lasts for the
way there and back. Flat ground, cameras that look straight down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from benchmarks.planning.integration import flown, integrate
from benchmarks.planning.views import Places, bank_places, filmed_legs, in_view
from benchmarks.planning.ways import way_lengths
from patrol.area import StudyArea
from patrol.plan import Plan, Sortie
from patrol.planning.check import check_plan
from patrol.planning.settings import PlanSettings

__all__ = ["Owed", "broken_sorties", "owed_metres", "refusal_is_right", "wrongs"]

FloatArray = NDArray[np.float64]
Metre = tuple[bool, int]  # on the left bank; metre of the centreline

LEAST_SHARE = 0.995
_EDGE_M = 1.0  # lanes end this far outside the widened zones at most
_NEAR_M = 3  # stretches are listed to within this
_CEILING_M, _HEIGHT_ROUNDING_M = 120.0, 0.01
_REACH_SHARE = 0.85  # of the battery, for the way there and back: what is left is for filming
_ROUND_MOST = 3.0  # ways round zones are not longer than this many times the straight way
_SECTORS = 36
_ROOM_M = 3000.0
_ALMOST_NOTHING_M = 5  # metres owed of a river that need no plan


@dataclass(frozen=True, slots=True)
class Owed:
    """Random places of one river, and the metres of its banks that a plan has to see."""

    river: str
    places: Places
    metres: frozenset[Metre]


def owed_metres(area: StudyArea, settings: PlanSettings, rng: np.random.Generator) -> list[Owed]:
    """For each river what must be seen; nothing where no site can be flown from."""
    zones = shapely.union_all([zone.outline_m for zone in area.no_fly_zones])
    widened = zones.buffer(settings.zone_clearance_m + _EDGE_M, quad_segs=32)
    sites = [p for p in _sites_m(area) if not widened.intersects(Point(p))]
    free = _free(area, widened, sites)
    shapely.prepare(free)
    owed = []
    for river in area.rivers:
        places = bank_places(rng, river, settings)
        able = shapely.contains_xy(free, places.points_m)
        able &= _in_reach(places.points_m, sites, free, settings)
        everything = np.ones(len(able), dtype=bool)
        hidden = _widened(places.banks(~able))
        owed.append(Owed(river.code, places, frozenset(places.banks(everything) - hidden)))
    return owed


def _widened(metres: set[Metre]) -> set[Metre]:
    """With the metres next to them: what is listed is rounded and joined to stretches."""
    near = range(-_NEAR_M, _NEAR_M + 1)
    return {(left, metre + k) for left, metre in metres for k in near}


def _sites_m(area: StudyArea) -> FloatArray:
    return area.projection.forward(
        [(s.position.lon_deg, s.position.lat_deg) for s in area.launch_sites]
    )


def _free(area: StudyArea, widened: BaseGeometry, sites: Sequence[FloatArray]) -> BaseGeometry:
    """Where one can get to from some site without entering a widened zone."""
    around = shapely.union_all(
        [*(r.centreline_m for r in area.rivers), *(Point(p) for p in _sites_m(area))]
    )
    room = shapely.box(*around.buffer(_ROOM_M).bounds).difference(widened)
    parts = shapely.get_parts(room)
    return shapely.union_all([p for p in parts if any(p.intersects(Point(s)) for s in sites)])


def _in_reach(
    points_m: FloatArray, sites: Sequence[FloatArray], free: BaseGeometry, settings: PlanSettings
) -> NDArray[np.bool_]:
    """Whether the battery lasts for the way there, round the zones, and back from some site."""
    able = np.zeros(len(points_m), dtype=bool)
    for site in sites:
        steps = points_m - site
        far = np.hypot(steps[:, 0], steps[:, 1])
        angles = np.arctan2(steps[:, 1], steps[:, 0])
        reach = np.zeros(len(points_m))
        sector = np.floor((angles + np.pi) / (2 * np.pi) * _SECTORS)
        for number in np.unique(sector):  # in the wind the reach differs with the direction
            inside = sector == number
            angle = (number + 0.5) / _SECTORS * 2 * np.pi - np.pi
            most_m = _ROUND_MOST * float(far[inside].max())
            reach[inside] = _reach_m(angle, most_m, settings)
        if (reach < _ROUND_MOST * far).any():  # the ways round zones may be what it lacks
            far = np.maximum(far, way_lengths(site, points_m, free))
        able |= far <= reach
    return able


def _reach_m(angle_rad: float, most_m: float, settings: PlanSettings) -> float:
    """How far one can fly this way and come back, to the metre, or `most_m`."""
    ahead = np.array([np.cos(angle_rad), np.sin(angle_rad)])

    def lasts(far_m: float) -> bool:
        track = np.array([0 * ahead, far_m * ahead, 0 * ahead])
        heights, speeds = np.full(3, settings.height_m), np.full(2, settings.speed_m_s)
        spent = flown(track, heights, speeds, settings).watt_hours
        return spent <= _REACH_SHARE * settings.usable_wh

    if lasts(most_m):
        return most_m
    low, high = 0.0, most_m
    while high - low > 1.0:
        middle = (low + high) / 2
        low, high = (middle, high) if lasts(middle) else (low, middle)
    return low


def wrongs(area: StudyArea, plan: Plan, owed: Sequence[Owed]) -> list[str]:
    """What is wrong, a line each, with the kind before the colon."""
    found = [f"crossing: lane {name} crosses itself" for name in _crossing(plan)]
    found += broken_sorties(area, plan, plan.sorties)
    findings = check_plan(plan)
    found += [f"check: {problem}" for problem in findings.problems]
    listed: dict[str, set[Metre]] = {row.river: set() for row in owed}
    for gap in findings.certificate.uncovered:
        metres = range(int(np.floor(gap.from_m)), int(np.ceil(gap.to_m)))
        listed[gap.river] |= {(gap.bank == "left", metre) for metre in metres}
    legs = filmed_legs(plan, plan.sorties)
    total = certified = sampled = 0
    for row in owed:
        unseen = row.places.banks(~in_view(row.places.points_m, legs, plan.settings))
        hidden = unseen - _widened(listed[row.river])
        if hidden:
            found.append(f"unlisted: {row.river} {sorted(hidden)[:6]} ({len(hidden)} m)")
        total += len(row.metres)
        certified += len(row.metres - listed[row.river])
        sampled += len(row.metres - unseen)
    for kind, seen in (("certificate", certified), ("places", sampled)):
        if total and seen < LEAST_SHARE * total:
            found.append(f"coverage by {kind}: {seen} of {total} m of bank")
    return found


def _crossing(plan: Plan) -> list[str]:
    return [
        lane.id
        for lane in plan.lanes
        if not shapely.transform(lane.line, plan.projection.forward).is_simple
    ]


def broken_sorties(area: StudyArea, plan: Plan, sorties: Sequence[Sortie]) -> list[str]:
    """Legs in zones, points too high, batteries below their reserve."""
    found = []
    limit_wh = plan.settings.own_battery_wh * (1 - plan.settings.reserve_share)
    for sortie in sorties:
        home = (sortie.launch.lon_deg, sortie.launch.lat_deg)
        places = [(w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints]
        way = LineString(plan.projection.forward([home, *places, home]))
        for zone in area.no_fly_zones:
            if way.intersects(zone.outline_m):
                found.append(f"zone: sortie {sortie.id} flies through {zone.name}")
        highest = max(w.above_launch_m for w in sortie.waypoints)
        if highest > _CEILING_M + _HEIGHT_ROUNDING_M:
            found.append(f"height: sortie {sortie.id} flies {highest:.1f} m above ground")
        spent = integrate(plan, sortie).watt_hours
        if spent > limit_wh:
            found.append(
                f"reserve: sortie {sortie.id} takes {spent:.2f} of {limit_wh:.2f} Wh "
                f"(planned {sortie.energy_wh:.2f})"
            )
    return found


def refusal_is_right(area: StudyArea, settings: PlanSettings, owed: Sequence[Owed]) -> bool:
    """Whether an area cannot be planned: a zone is too near a site, or next to nothing of some
    river can be seen."""
    zones = shapely.union_all([zone.outline_m for zone in area.no_fly_zones])
    widened = zones.buffer(settings.zone_clearance_m + _EDGE_M, quad_segs=32)
    if any(widened.intersects(Point(place)) for place in _sites_m(area)):
        return True
    return any(len(row.metres) < _ALMOST_NOTHING_M for row in owed)
