"""Sound plans pass, and whatever is spoilt in one is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import LineString, Point

from benchmarks.planning.corridor_tool import by_hand, chained
from benchmarks.planning.judge import owed_metres, refusal_is_right, wrongs
from benchmarks.planning.views import Leg, certain_m, in_view
from benchmarks.planning.worlds import area_of
from geo.coordinates import LonLat
from patrol.area import StudyArea
from patrol.plan import Plan
from patrol.planning.planner import plan_area
from patrol.planning.settings import PlanSettings
from patrol.rivers import Breadth

SETTINGS = PlanSettings(gsd_m=0.02, capture="photos", cover="both", speed_m_s=10.0)
LINE = LineString([(0, 0), (400, 60), (800, 0)])


def area(*zones: Point) -> StudyArea:
    return area_of(
        [LINE], [[Breadth(0.0, LINE.length, 12.0, 12.0)]], [np.array([400.0, -300.0])],
        [zone.buffer(60) for zone in zones],
    )  # fmt: skip


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_area(area(), SETTINGS)


def kinds(where: StudyArea, plan: Plan) -> set[str]:
    owed = owed_metres(where, SETTINGS, np.random.default_rng(1))
    return {line.split(":")[0].split(" by ")[0] for line in wrongs(where, plan, owed)}


def with_waypoints(plan: Plan, change) -> Plan:
    sortie = plan.sorties[0]
    spoilt = replace(sortie, waypoints=tuple(change(list(sortie.waypoints))))
    return replace(plan, sorties=(spoilt, *plan.sorties[1:]))


def test_a_sound_plan_has_nothing_wrong(plan: Plan):
    assert kinds(area(), plan) == set()


def test_a_plan_round_a_zone_has_nothing_wrong():
    where = area(Point(400, 60))
    assert kinds(where, plan_area(where, SETTINGS)) == set()


def test_a_zone_that_the_plan_does_not_know_is_flown_through(plan: Plan):
    assert "zone" in kinds(area(Point(400, 60)), plan)


def test_a_lane_shorter_by_half_is_missed(plan: Plan):
    spoilt = with_waypoints(plan, lambda rows: rows[: len(rows) // 2])
    assert "coverage" in kinds(area(), spoilt)


def test_waypoints_moved_aside_are_missed(plan: Plan):
    def aside(rows):
        return [
            replace(w, position=LonLat(w.position.lon_deg, w.position.lat_deg + 0.0004))
            for w in rows
        ]

    assert "coverage" in kinds(area(), with_waypoints(plan, aside))


def test_flying_too_high_is_found(plan: Plan):
    spoilt = with_waypoints(plan, lambda rows: [replace(w, above_launch_m=121.0) for w in rows])
    assert {"height", "coverage"} <= kinds(area(), spoilt)


def test_a_battery_too_small_is_found(plan: Plan):
    small = replace(plan, settings=replace(plan.settings, battery_wh=4.0))
    assert "reserve" in kinds(area(), small)


def test_a_lane_that_crosses_itself_is_found(plan: Plan):
    x, y = plan.lanes[0].line.coords[0]
    knot = LineString([(x, y), (x + 0.001, y), (x + 0.001, y + 0.001), (x + 0.0005, y - 0.001)])
    spoilt = replace(plan, lanes=(replace(plan.lanes[0], line=knot), *plan.lanes[1:]))
    assert "crossing" in kinds(area(), spoilt)


def test_metres_in_a_widened_zone_are_not_owed():
    everything = owed_metres(area(), SETTINGS, np.random.default_rng(1))
    less = owed_metres(area(Point(400, 60)), SETTINGS, np.random.default_rng(1))
    assert len(everything[0].metres) == pytest.approx(2 * LINE.length, rel=0.01)
    # 60 m of zone, 20 m of clearance, and as much of the strip's width: some 170 m of each bank.
    assert 250 < len(everything[0].metres - less[0].metres) < 400


def test_a_refusal_is_right_only_where_a_zone_swallows_something():
    for where, right in (
        (area(), False),
        (area(Point(400, -320)), True),
    ):
        owed = owed_metres(where, SETTINGS, np.random.default_rng(1))
        assert refusal_is_right(where, SETTINGS, owed) is right


def test_places_are_in_view_of_a_leg_as_far_as_the_picture_is_certain():
    half, reach = certain_m(SETTINGS, SETTINGS.height_m)
    leg = Leg(np.array([0.0, 0.0]), np.array([100.0, 0.0]), SETTINGS.height_m)
    beside = [50, half - 0.1], [50, half + 0.1], [100 + reach - 0.1, 0], [-reach - 0.1, 0]
    assert in_view(np.array(beside), [leg], SETTINGS).tolist() == [True, False, True, False]


def test_by_hand_one_river_is_one_flight_along_its_middle():
    where = area()
    peer = by_hand(where, SETTINGS)
    track = [(400, -300), (0, 0), (400, 60), (800, 0), (400, -300)]
    once = SETTINGS.energy.sortie(track, [SETTINGS.height_m] * 5)
    assert peer.flights == 1
    assert peer.operating_s == pytest.approx(once.duration_s, rel=1e-6)
    assert chained(where, SETTINGS).operating_s == pytest.approx(peer.operating_s)


def test_by_hand_a_small_battery_means_flying_home_in_between():
    small = replace(SETTINGS, battery_wh=10.0)
    peer = by_hand(area(), small)
    assert peer.flights > 1
    assert peer.operating_s > by_hand(area(), SETTINGS).operating_s + 300 * (peer.flights - 1)
