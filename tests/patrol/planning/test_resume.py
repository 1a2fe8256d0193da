"""Going on where a sortie was broken off, and flying again what was not seen."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from made_flights import flights
from made_terrain import terrain
from numpy.typing import NDArray
from random_rivers import area_with, meander
from shapely.geometry import LineString, box

from patrol.errors import PlanFileError, PlanningError
from patrol.mission import item_waypoints, mission_items
from patrol.plan import Certificate, Plan, Sortie, Uncovered
from patrol.planning.check import check_plan
from patrol.planning.flown import flown_certificate
from patrol.planning.planner import plan_area
from patrol.planning.resume import missing_reaches, plan_missing, resume
from patrol.planning.settings import PlanSettings
from patrol.planning.wind import Wind

RIVER = LineString([(0, 0), (400, 60), (800, 0), (1200, 40)])
NAV_WAYPOINT = 16


@cache
def _plans() -> dict[str, Plan]:
    winding = meander(5, 1100, 50, 15)
    zone = box(560, -80, 640, 20)
    two = [(RIVER, 20.0), (shapely.transform(winding, lambda p: p + np.array([0, 500])), 50.0)]
    return {
        "one lane": plan_area(area_with([(RIVER, 20)], [(-200, -200)]), PlanSettings()),
        "a zone": plan_area(area_with([(RIVER, 20)], [(-200, -200)], [zone]), PlanSettings()),
        "two rivers": plan_area(
            area_with(two, [(-200, -200), (700, 400)]),
            PlanSettings(gsd_m=0.025, wind=Wind(5, 30), battery_wh=40.0),
        ),
        "small batteries": plan_area(
            area_with(two, [(-200, -200), (700, 400)]), PlanSettings(battery_wh=14.0)
        ),
        "hills": plan_area(
            area_with([(RIVER, 20)], [(-200, -200)]), PlanSettings(), None, terrain("hills", 60)
        ),
    }


@pytest.fixture(scope="module")
def plans() -> dict[str, Plan]:
    return _plans()


def flown_legs(plan: Plan, sortie: Sortie, upto: int) -> list[tuple[NDArray[np.float64], str]]:
    """The legs of lanes from waypoint to waypoint that were flown to their end before `upto`, as
    (2, 2) metres, with the lane's name."""
    points = plan.projection.forward(
        [(w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints]
    )
    legs = []
    for i in range(min(upto, len(points)) - 1):
        lane = sortie.waypoints[i].lane
        if lane is not None and sortie.waypoints[i + 1].lane == lane:
            legs.append((points[i : i + 2], lane))
    return legs


def seen(plan: Plan, legs: list[tuple[NDArray[np.float64], str]]) -> shapely.Geometry:
    """The ground that legs see from the height that the GSD asks for: rectangles of our own."""
    half, near, far = plan.settings.view_m(plan.settings.height_m)
    parts = []
    for (start, end), _ in legs:
        step = end - start
        unit = step / max(float(np.hypot(*step)), 1e-9)
        aside = np.array([-unit[1], unit[0]]) * half
        first, last = start + unit * near, end + unit * far
        parts.append(shapely.Polygon([first - aside, last - aside, last + aside, first + aside]))
    return shapely.union_all(parts, grid_size=1e-3)


def whole(plan: Plan, sortie: Sortie) -> list[tuple[NDArray[np.float64], str]]:
    return flown_legs(plan, sortie, len(sortie.waypoints))


@hypothesis_settings(max_examples=24, deadline=None)
@given(
    st.sampled_from(["one lane", "a zone", "two rivers", "small batteries", "hills"]),
    st.integers(0, 10**6), st.integers(0, 10**6),
)  # fmt: skip
def test_what_was_flown_and_what_is_resumed_see_what_was_planned(
    name: str, which: int, at: int
) -> None:
    plan = _plans()[name]
    sortie = plan.sorties[which % len(plan.sorties)]
    items = item_waypoints(plan, sortie)
    seq = at % len(items)
    before = flown_legs(plan, sortie, items[seq])
    planned = whole(plan, sortie)
    try:
        again = resume(plan, sortie.id, seq)
    except PlanningError as error:
        assert "nothing is left" in str(error)
        assert len(before) == len(planned)
        return
    assert check_plan(again).problems == ()
    assert {s.launch_site for s in again.sorties} == {sortie.launch_site}
    for one in again.sorties:
        assert one.energy_wh <= plan.settings.usable_wh * (1 + 1e-9)
    after = [leg for one in again.sorties for leg in whole(again, one)]
    if len(again.sorties) == 1:  # as it was planned, leg for leg
        rest = planned[len(before) :]
        assert np.allclose([leg for leg, _ in after], [leg for leg, _ in rest], atol=0.01)
        assert again.sorties[0].energy_wh <= sortie.energy_wh * (1 + 1e-6)
    together = shapely.union(seen(plan, before), seen(plan, after), grid_size=1e-3)
    once = seen(plan, planned)
    assert once.symmetric_difference(together).area < 1e-3 * once.area
    # The lane that was broken off is begun at the last waypoint passed, with the camera on again.
    commands = [item.command for item in mission_items(again, again.sorties[0])]
    assert commands[:4] == [16, 22, 178, 205]
    assert 2500 in commands or 206 in commands


def test_before_the_first_lane_everything_is_left(plans: dict[str, Plan]) -> None:
    plan = plans["one lane"]
    [sortie] = plan.sorties
    again = resume(plan, 1, 0)
    assert len(whole(again, again.sorties[0])) == len(whole(plan, sortie))
    assert again.sorties[0].energy_wh == pytest.approx(sortie.energy_wh)
    assert any("resumed" in note for note in again.notes)
    assert again.rivers == plan.rivers
    assert again.settings == plan.settings


def test_a_leg_that_was_begun_is_flown_again(plans: dict[str, Plan]) -> None:
    """On the way to the third point of the lane it is taken up at the second."""
    plan = plans["one lane"]
    [sortie] = plan.sorties
    first = next(i for i, w in enumerate(sortie.waypoints) if w.lane)
    seq = next(
        item.seq
        for item, to in zip(mission_items(plan, sortie), item_waypoints(plan, sortie), strict=True)
        if to == first + 2 and item.command == NAV_WAYPOINT
    )
    again = resume(plan, 1, seq)
    begun = next(w for w in again.sorties[0].waypoints if w.lane)
    there = sortie.waypoints[first + 1].position
    assert (begun.position.lon_deg, begun.position.lat_deg) == pytest.approx(
        (there.lon_deg, there.lat_deg), abs=2e-8
    )


def test_a_resumed_plan_can_be_resumed(plans: dict[str, Plan]) -> None:
    plan = plans["two rivers"]
    again = resume(plan, 1, len(mission_items(plan, plan.sorties[0])) // 3)
    once_more = resume(again, 1, len(mission_items(again, again.sorties[0])) // 2)
    assert 0 < len(whole(once_more, once_more.sorties[0])) < len(whole(again, again.sorties[0]))


def test_a_resumed_plan_goes_through_its_file(plans: dict[str, Plan], tmp_path: object) -> None:
    for name in ("two rivers", "hills"):
        plan = plans[name]
        again = resume(plan, 1, len(mission_items(plan, plan.sorties[0])) // 2)
        path = tmp_path / "plan.json"  # type: ignore[operator]
        again.write(path)
        read = Plan.read(path)
        read.write(tmp_path / "again.json")  # type: ignore[operator]
        assert (tmp_path / "again.json").read_bytes() == path.read_bytes()  # type: ignore[operator]
        assert check_plan(read).problems == ()


def test_what_there_is_not(plans: dict[str, Plan]) -> None:
    plan = plans["one lane"]
    with pytest.raises(PlanFileError, match="no sortie 7"):
        resume(plan, 7, 3)
    last = len(mission_items(plan, plan.sorties[0])) - 1
    for seq in (-1, last + 1, 10_000):
        with pytest.raises(PlanFileError, match=f"no mission item {seq}"):
            resume(plan, 1, seq)
    with pytest.raises(PlanningError, match="nothing is left"):
        resume(plan, 1, last)


def gaps(plan: Plan, *ranges: tuple[float, float]) -> Certificate:
    river = plan.reaches[0].river
    return Certificate(
        plan.certificate.banks,
        tuple(Uncovered(river, "left", start, end, "未拍到") for start, end in ranges),
        0.9,
    )


def test_reaches_that_are_missing_are_joined_and_kept_on_the_river(plans: dict[str, Plan]) -> None:
    plan = plans["one lane"]
    end = plan.reaches[0].to_m
    found = missing_reaches(plan, gaps(plan, (0, 3), (300, 340), (370, 400), (end - 2, end)))
    assert [r.from_m for r in found] == pytest.approx([0, 280, end - 22])
    assert [r.to_m for r in found] == pytest.approx([23, 420, end])
    assert missing_reaches(plan, gaps(plan)) == ()
    assert plan_missing(plan, gaps(plan)) is None


@pytest.mark.parametrize("name", ["one lane", "two rivers"])
def test_what_a_flight_missed_is_planned_again_and_then_seen(
    plans: dict[str, Plan], name: str
) -> None:
    plan = plans[name]

    def off(points: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray((points[:, 0] > 330) & (points[:, 0] < 520))

    recorded = flights(plan, off=off)
    missed = flown_certificate(plan, recorded)
    assert 0.5 < missed.share < 0.99
    again = plan_missing(plan, missed)
    assert again is not None
    assert check_plan(again).problems == ()
    assert again.operation.flight_s < plan.operation.flight_s
    for gap in missed.uncovered:
        assert any(
            r.river == gap.river and r.from_m <= gap.from_m and r.to_m >= gap.to_m
            for r in again.reaches
        )
    assert again.certificate.share == 1.0
    both = flown_certificate(plan, [*recorded, *flights(again)])
    assert both.share == 1.0
