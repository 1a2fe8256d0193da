"""Work shared out among crews and docks: all of it flown, within the battery, the last done early."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from random_rivers import area_with, meander
from shapely.geometry import LineString, box
from test_planner import flies_each_lane_once

from patrol.area import StudyArea
from patrol.errors import PlanningError
from patrol.mission import mission_items
from patrol.plan import Plan
from patrol.planning.check import check_plan
from patrol.planning.planner import plan_area
from patrol.planning.settings import PlanSettings
from patrol.planning.wind import Wind

OPTIONS = PlanSettings(speed_m_s=12.0)
SITES_M = [(-400.0, -300.0), (2900.0, 900.0), (900.0, 1700.0)]


@pytest.fixture(scope="module")
def three_rivers() -> StudyArea:
    """Two rivers side by side and one across, with a launch site at each."""
    lines = [
        LineString([(0, 0), (1000, 160), (2000, -120), (3200, 0)]),
        LineString([(0, 1200), (1200, 1400), (2200, 1120)]),
        LineString([(2800, 300), (2700, 1400), (3000, 2500)]),
    ]
    return area_with([(line, 20.0) for line in lines], SITES_M)


def same_lanes_m(one: Plan, other: Plan) -> bool:
    """Whether both fly as many metres of lanes of each river, lanes in any pieces."""

    def metres(plan: Plan) -> dict[str, float]:
        lengths: dict[str, float] = {}
        for lane in plan.lanes:
            line = LineString(plan.projection.forward(list(lane.line.coords)))
            lengths[lane.river] = lengths.get(lane.river, 0.0) + line.length
        return lengths

    a, b = metres(one), metres(other)
    return a.keys() == b.keys() and all(abs(a[k] - b[k]) < 0.5 for k in a)


def sound(plan: Plan) -> bool:
    """Whether the plan can be flown: battery, items, lanes once, certificate, one place a crew."""
    settings = plan.settings
    assert check_plan(plan).problems == ()
    assert flies_each_lane_once(plan)
    assert sorted(f.sortie for f in plan.operation.flights) == [s.id for s in plan.sorties]
    assert plan.operation.lower_bound_s <= plan.operation.operating_s
    for sortie in plan.sorties:
        assert sortie.energy_wh <= settings.usable_wh + 1e-6
        assert len(mission_items(plan, sortie)) <= settings.most_items
    if not settings.docks:
        assert {f.crew for f in plan.operation.flights} <= set(range(1, settings.crews + 1))
    return True


def test_two_crews_take_about_half_as_long(three_rivers: StudyArea) -> None:
    one, two, three = (plan_area(three_rivers, replace(OPTIONS, crews=n)) for n in (1, 2, 3))
    assert len(one.sorties) == 1
    assert two.operation.operating_s <= 0.7 * one.operation.operating_s
    assert three.operation.operating_s <= 0.6 * one.operation.operating_s
    for plan in (two, three):
        assert sound(plan)
        assert same_lanes_m(one, plan)
        ends = sorted(f.end_s for f in plan.operation.flights)
        assert ends[0] >= 0.75 * ends[-1]  # nobody has much more to do than the others
        sites = [f.site for f in plan.operation.flights]
        assert len(set(sites)) == len(sites)  # nobody waits for another at the same site


def test_a_crew_of_two_drones_is_not_two_crews(three_rivers: StudyArea) -> None:
    one = plan_area(three_rivers, OPTIONS)
    assert plan_area(three_rivers, replace(OPTIONS, drones=2)).sorties == one.sorties


def test_docks_share_the_work_too(three_rivers: StudyArea) -> None:
    one = plan_area(three_rivers, OPTIONS)
    docks = plan_area(three_rivers, replace(OPTIONS, docks=True))
    assert sound(docks)
    assert same_lanes_m(one, docks)
    assert docks.operation.operating_s <= 0.6 * one.operation.operating_s
    assert {f.start_s for f in docks.operation.flights} == {0.0}


def test_crews_that_stay_keep_to_their_sites(three_rivers: StudyArea) -> None:
    plan = plan_area(three_rivers, replace(OPTIONS, crews=2, car_m_s=None, battery_wh=20.0))
    assert sound(plan)
    for crew in {f.crew for f in plan.operation.flights}:
        assert len({f.site for f in plan.operation.flights if f.crew == crew}) == 1


def test_the_same_input_gives_the_same_shares(three_rivers: StudyArea) -> None:
    options = replace(OPTIONS, crews=2)
    assert plan_area(three_rivers, options) == plan_area(three_rivers, options)


def test_more_crews_than_sites_are_not_slower(three_rivers: StudyArea) -> None:
    three, five = (plan_area(three_rivers, replace(OPTIONS, crews=n)) for n in (3, 5))
    assert five.operation.operating_s <= 1.05 * three.operation.operating_s
    assert sound(five)


def test_a_zone_between_two_crews(three_rivers: StudyArea) -> None:
    del three_rivers
    rivers = [(LineString([(0, 0), (1800, 0)]), 20.0), (LineString([(0, 800), (1800, 800)]), 20.0)]
    area = area_with(rivers, SITES_M[:2], [box(600, 300, 1200, 500)])
    plan = plan_area(area, replace(OPTIONS, crews=2))
    assert sound(plan)


@hypothesis_settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 10**6),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from([16.0, 30.0, 77.0]),
    st.sampled_from([0.0, 5.0]),
)
@example(1, 1, 1, 77.0, 0.0)
def test_two_crews_are_never_later_than_one(
    seed: int, rivers: int, sites: int, battery_wh: float, wind_m_s: float
) -> None:
    rng = np.random.default_rng(seed)
    lines = []
    for number in range(rivers):
        line = meander(seed % 1000 + number, float(rng.uniform(400, 1500)), 60.0, 20.0)
        points = np.asarray(line.coords) + rng.uniform(-700, 700, 2)
        lines.append((LineString(points), 20.0))
    places = [tuple(p) for p in rng.uniform(-700, 700, (sites, 2)).tolist()]
    area = area_with(lines, places)
    options = replace(OPTIONS, battery_wh=battery_wh, wind=Wind(wind_m_s, float(seed % 360)))
    try:
        one = plan_area(area, options)
    except PlanningError:
        assume(False)
        return
    two = plan_area(area, replace(options, crews=2))
    assert sound(two)
    assert same_lanes_m(one, two)
    assert two.operation.operating_s <= one.operation.operating_s + 1e-6
    assert two.certificate.share == pytest.approx(one.certificate.share, abs=1e-4)
