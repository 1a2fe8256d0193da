"""Proving a plan again from its file: whatever is wrong with it is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from made_terrain import terrain
from random_rivers import PROJECTION, area_with
from shapely.geometry import LineString, box

from geo.coordinates import EastNorth
from patrol.plan import Plan, Sortie, Waypoint
from patrol.planning.check import certificate_of, check_plan, flown_cost, lane_tracks, track_of
from patrol.planning.planner import plan_area
from patrol.planning.settings import PlanSettings

RIVER = LineString([(0, 0), (400, 60), (800, 0), (1200, 40)])
ZONE = box(560, 150, 640, 250)


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Two sorties past a zone that is not in their way."""
    area = area_with([(RIVER, 20)], [(-200, -200), (900, 300)], [ZONE])
    return plan_area(area, PlanSettings(battery_wh=12.0))


def with_sortie(plan: Plan, change: Callable[[Sortie], Sortie], index: int = 0) -> Plan:
    sorties = list(plan.sorties)
    sorties[index] = change(sorties[index])
    return replace(plan, sorties=tuple(sorties))


def with_waypoints(plan: Plan, change: Callable[[int, Waypoint], Waypoint], index: int = 0) -> Plan:
    return with_sortie(
        plan,
        lambda s: replace(s, waypoints=tuple(change(i, w) for i, w in enumerate(s.waypoints))),
        index,
    )


def problems(plan: Plan) -> str:
    return "\n".join(check_plan(plan).problems)


def test_a_good_plan_holds(plan: Plan) -> None:
    assert len(plan.sorties) >= 2
    assert problems(plan) == ""
    assert check_plan(plan).certificate == certificate_of(plan) == plan.certificate
    for sortie in plan.sorties:
        cost = flown_cost(plan, sortie)
        assert cost.energy_wh == pytest.approx(sortie.energy_wh, rel=1e-4)
        assert cost.duration_s == pytest.approx(sortie.duration_s, rel=1e-4)
        assert cost.length_m == pytest.approx(sortie.length_m, rel=1e-4)
        points, heights, speeds = track_of(plan, sortie)
        assert len(points) == len(heights) == len(speeds) + 1 == len(sortie.waypoints) + 2
        lanes = {w.lane for w in sortie.waypoints if w.lane}
        assert len(lane_tracks(plan, sortie)) == len(lanes)


def test_a_waypoint_in_a_zone(plan: Plan) -> None:
    inside = PROJECTION.to_lonlat(EastNorth(600, 200, PROJECTION))
    moved = with_waypoints(plan, lambda i, w: replace(w, position=inside) if i == 1 else w)
    assert "sortie 1: a leg crosses the no-fly zone 区1" in problems(moved)


def test_a_leg_through_a_zone_between_its_ends(plan: Plan) -> None:
    """Both ends well out of it."""
    number = next(i for i, s in enumerate(plan.sorties) if len(s.waypoints) >= 2)
    ends = [PROJECTION.to_lonlat(EastNorth(600, y, PROJECTION)) for y in (-50, 450)]
    way = tuple(Waypoint(p, plan.height_agl_m, "transit") for p in ends)
    through = with_sortie(
        plan, lambda s: replace(s, waypoints=(*s.waypoints, *way), energy_wh=99.0), number
    )
    assert f"sortie {plan.sorties[number].id}: a leg crosses the no-fly zone 区1" in problems(
        through
    )


def test_too_high(plan: Plan) -> None:
    high = with_waypoints(plan, lambda i, w: replace(w, above_launch_m=130.0) if i == 1 else w)
    said = problems(high)
    assert "sortie 1: 130.0 m above ground, over the ceiling of 120 m" in said
    assert "coverage" in said  # and too coarse there


def test_too_low(plan: Plan) -> None:
    low = with_waypoints(plan, lambda i, w: replace(w, above_launch_m=9.0) if i == 1 else w)
    assert "9.0 m above ground, under the clearance of 15.0 m" in problems(low)


def test_over_the_battery(plan: Plan) -> None:
    less = replace(plan, settings=replace(plan.settings, battery_wh=7.0))
    said = problems(less)
    assert "over the 5.2 Wh that the reserve leaves" in said or "over the 5.3 Wh" in said


def test_a_lie_about_the_energy(plan: Plan) -> None:
    lie = with_sortie(plan, lambda s: replace(s, energy_wh=1.0))
    assert "sortie 1: the file says 1.0 Wh, recomputed" in problems(lie)


def test_a_lie_about_the_coverage(plan: Plan) -> None:
    fewer = replace(plan, sorties=plan.sorties[:-1])
    said = problems(fewer)
    assert "the file says 100.00 % of the banks, recomputed" in said
    lanes = {w.lane for w in plan.sorties[-1].waypoints if w.lane}
    assert f"lanes that no sortie flies: {', '.join(sorted(lanes))}" in said
    honest = replace(fewer, certificate=certificate_of(fewer))
    assert "coverage" not in problems(honest)
    assert check_plan(fewer).certificate.share < 0.9


def test_a_lane_that_is_cut_short(plan: Plan) -> None:
    lane = next(w.lane for w in plan.sorties[0].waypoints if w.lane)

    def shorter(sortie: Sortie) -> Sortie:
        own = [w for w in sortie.waypoints if w.lane == lane]
        return replace(sortie, waypoints=tuple(w for w in sortie.waypoints if w is not own[-1]))

    assert "coverage" in problems(with_sortie(plan, shorter))


def test_a_zone_that_came_later(plan: Plan) -> None:
    from shapely import transform

    from patrol.plan import Zone

    outline = transform(box(380, -20, 420, 100), PROJECTION.inverse)
    later = replace(plan, no_fly_zones=(*plan.no_fly_zones, Zone("工地", outline)))
    assert "crosses the no-fly zone 工地" in problems(later)


def test_over_terrain_heights_are_held_against_the_ground() -> None:
    area = area_with([(RIVER, 20)], [(-200, -200)])
    plan = plan_area(area, PlanSettings(), None, terrain("ramp", 150))
    assert problems(plan) == ""
    for by, words in ((80.0, "over the ceiling"), (-40.0, "under the clearance")):
        moved = with_waypoints(
            plan, lambda i, w, by=by: replace(w, above_launch_m=w.above_launch_m + by)
        )
        assert words in problems(moved)
    assert plan.terrain is not None
    unknown = terrain("ramp", 150, hole=(slice(55, 75), slice(55, 75)))
    assert "height is not known" in problems(replace(plan, terrain=unknown))
