from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from random_rivers import meander
from shapely.geometry import LineString, Point, Polygon, box

from patrol.errors import PlanningError
from patrol.planning.coverage import footprint, metre_ranges, unseen_parts
from patrol.planning.lanes import corridor, cut, lane_lines, offsets_m, outside
from patrol.planning.patches import patched
from patrol.planning.settings import PlanSettings

STRAIGHT = LineString([(0, 0), (500, 0)])
SETTINGS = PlanSettings()


def test_swath_and_height_follow_from_the_gsd() -> None:
    assert pytest.approx(0.035 * 1920) == SETTINGS.swath_m
    assert SETTINGS.camera_model.gsd_m(SETTINGS.height_m) == pytest.approx(0.035)
    assert SETTINGS.usable_half_m < SETTINGS.swath_m / 2 - SETTINGS.position_error_m


@pytest.mark.parametrize(
    ("half_width_m", "lanes"),
    [
        (20, 1),
        (SETTINGS.usable_half_m, 1),
        (SETTINGS.usable_half_m + 2, 2),
        (54, 2),
        (70, 3),
        (150, 6),
    ],
)
def test_as_many_lanes_as_the_swath_needs(half_width_m: float, lanes: int) -> None:
    offsets = np.array(offsets_m(half_width_m, SETTINGS))
    assert len(offsets) == lanes
    assert offsets.sum() == pytest.approx(0)
    assert np.abs(np.diff(offsets)).max(initial=0) <= SETTINGS.spacing_m + 1e-9
    assert offsets.max() + SETTINGS.usable_half_m >= half_width_m - 1e-9


def test_a_straight_river_gets_a_straight_lane_that_overshoots() -> None:
    [lane] = lane_lines("R1", STRAIGHT, 25, SETTINGS)
    assert lane.side == "centre"
    assert lane.line.equals_exact(LineString([(-10, 0), (510, 0)]), 1e-9)


def test_two_lanes_lie_left_and_right_in_the_river_s_direction() -> None:
    left, right = lane_lines("R1", STRAIGHT, 40, SETTINGS)
    assert (left.side, right.side) == ("left", "right")
    assert left.line.coords[0][1] == -right.line.coords[0][1] > 0
    for lane in (left, right):
        assert lane.line.coords[0][0] < lane.line.coords[-1][0]


@hypothesis_settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.floats(15, 150), st.floats(5, 30), st.floats(5, 70))
def test_lanes_along_meanders_are_simple_and_see_everything(
    seed: int, radius_m: float, step_m: float, half_width_m: float
) -> None:
    river = meander(seed, 900, radius_m, step_m)
    lanes = lane_lines("R1", river, half_width_m, SETTINGS)
    lanes = patched("R1", lanes, river, half_width_m, SETTINGS)
    assert all(lane.line.is_simple for lane in lanes)
    seen = shapely.union_all(
        [footprint(x.line, SETTINGS.seen_half_m, SETTINGS.usable_ahead_m) for x in lanes]
    )
    wanted = corridor(river, half_width_m)
    unseen_m2 = sum(part.area for part in unseen_parts(wanted, seen))
    assert unseen_m2 <= 1e-4 * wanted.area


def test_a_hairpin_gets_a_patch_where_its_lanes_are_cut_back() -> None:
    river = meander(829268, 900, 21.8, 22.8)
    lanes = lane_lines("R1", river, 63, SETTINGS)
    more = patched("R1", lanes, river, 63, SETTINGS)
    assert len(more) > len(lanes)
    assert more[: len(lanes)] == lanes
    assert {lane.river for lane in more} == {"R1"}
    assert {lane.side for lane in more[len(lanes) :]} <= {"left", "right"}


def test_lanes_keep_out_of_what_is_forbidden() -> None:
    [lane] = lane_lines("R1", STRAIGHT, 25, SETTINGS)
    parts, away = outside(lane, box(200, -10, 260, 10))
    assert [part.line.bounds[::2] for part in parts] == [(-10, 200), (260, 510)]
    assert away.length == pytest.approx(60)
    everything, nothing = outside(lane, box(0, 500, 10, 510))
    assert everything == [lane]
    assert nothing.is_empty


def test_cutting_keeps_the_line() -> None:
    line = LineString([(0, 0), (100, 0), (100, 50)])
    parts = cut(line, 4)
    assert [part.length for part in parts] == pytest.approx([37.5] * 4)
    assert shapely.union_all(parts).length == pytest.approx(150)


def test_a_footprint_is_as_wide_and_long_as_the_pictures() -> None:
    seen = footprint(LineString([(0, 0), (100, 0)]), 20, 10)
    assert seen.equals(box(-10, -20, 110, 20))


def test_a_bend_is_seen_from_both_legs() -> None:
    seen = footprint(LineString([(0, 0), (100, 0), (100, 100)]), 20, 15)
    assert seen.contains(Point(112, -12))
    assert not seen.contains(Point(119, -19))  # the outer corner: no leg sees it


def test_what_is_not_seen_is_told_by_the_metre() -> None:
    wanted = corridor(STRAIGHT, 20)
    seen = box(0, -20, 100, 20).union(box(150, -20, 500, 10))
    ranges = metre_ranges(STRAIGHT, unseen_parts(wanted, seen))
    assert ranges == [(100, 500)]
    only_gap = box(0, -20, 100, 20).union(box(150, -20, 500, 20))
    assert metre_ranges(STRAIGHT, unseen_parts(wanted, only_gap)) == [(100, 150)] or metre_ranges(
        STRAIGHT, unseen_parts(wanted, only_gap)
    ) == [(100, 151)]
    assert metre_ranges(STRAIGHT, []) == []


def test_slivers_of_rounding_are_not_ground() -> None:
    sliver = Polygon([(0, 0), (100, 0), (100, 0.01)])
    assert unseen_parts(sliver, Polygon()) == []


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"gsd_m": 0.1}, "over the legal 120 m"),
        ({"gsd_m": 0.003}, "under 5 m"),
        ({"gsd_m": float("nan")}, "GSD"),
        ({"gsd_m": -0.03}, "GSD"),
        ({"camera": "hasselblad"}, "expected one of m3e"),
        ({"speed_m_s": 0.0}, "speed"),
        ({"battery_wh": float("inf")}, "battery"),
        ({"reserve_share": 1.0}, "reserve"),
        ({"strip_m": -1.0}, "strip"),
        ({"sidelap": 0.95}, "sidelap"),
        ({"position_error_m": 40.0}, "margin"),
    ],
)
def test_settings_that_cannot_be_flown(chosen: dict[str, float], words: str) -> None:
    with pytest.raises(PlanningError, match=words) as caught:
        PlanSettings(**chosen)
    assert "\n" not in str(caught.value)


def test_the_gsd_offered_instead_can_be_flown() -> None:
    with pytest.raises(PlanningError) as caught:
        PlanSettings(gsd_m=0.2)
    offered_cm = float(str(caught.value).split("ask for ")[1].split(" cm")[0])
    assert 119 < PlanSettings(gsd_m=offered_cm / 100).height_m <= 120
