"""Breadths from the outline of the water: never short of it, and not far beyond."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from patrol.area import StudyArea
from patrol.banks import breadths_from_banks, measure_banks
from patrol.errors import AreaError
from patrol.rivers import Breadth

STRAIGHT = LineString([(0, 0), (1000, 0)])


def at(breadths: tuple[Breadth, ...], along_m: float) -> Breadth:
    return next(b for b in breadths if b.from_m <= along_m <= b.to_m)


def check_run(breadths: tuple[Breadth, ...], line: LineString) -> None:
    assert breadths[0].from_m == 0
    assert breadths[-1].to_m == pytest.approx(line.length)
    for one, two in pairwise(breadths):
        assert one.to_m == two.from_m
    if line.length > 20:
        assert all(b.to_m - b.from_m > 19.9 * min(1, line.length / 20) * 0.5 for b in breadths)


def test_a_straight_river_of_one_breadth_is_one_run() -> None:
    breadths, notes = measure_banks(STRAIGHT, box(-5, -12, 1005, 8))
    assert breadths == (Breadth(0, 1000, pytest.approx(8, rel=1e-3), pytest.approx(12, rel=1e-3)),)
    assert notes == []


def test_left_and_right_turn_with_the_line() -> None:
    [breadth] = breadths_from_banks(STRAIGHT.reverse(), box(0, -12, 1000, 8))
    assert (breadth.left_m, breadth.right_m) == (pytest.approx(12), pytest.approx(8))


def test_a_widening_is_as_wide_as_its_widest() -> None:
    water = box(0, -10, 1000, 10).union(box(400, -10, 520, 30))
    breadths = breadths_from_banks(STRAIGHT, water)
    check_run(breadths, STRAIGHT)
    assert [round(b.left_m) for b in breadths] == [10, 30, 10]
    assert 370 <= breadths[1].from_m <= 400
    assert 520 <= breadths[1].to_m <= 550


def test_a_taper_takes_a_run_for_every_two_metres() -> None:
    water = Polygon([(0, -5), (1000, -5), (1000, 45), (0, 5)])
    breadths = breadths_from_banks(STRAIGHT, water)
    check_run(breadths, STRAIGHT)
    for along in range(5, 1000, 10):
        true = 5 + 0.04 * along
        assert true <= at(breadths, along).left_m + 0.05
        assert at(breadths, along).left_m <= true + 3
    assert len(breadths) < 25


def test_islands_are_water_and_a_city_block_is_not() -> None:
    island = Point(500, 15).buffer(10)
    water = box(0, -30, 1000, 30).difference(island)
    assert breadths_from_banks(STRAIGHT, water)[0].left_m == pytest.approx(30)
    ring = box(0, -20, 1000, 620).difference(box(20, 20, 980, 600))
    breadths, notes = measure_banks(STRAIGHT, ring)
    assert at(breadths, 500).left_m == pytest.approx(20, abs=0.1)
    assert any("islands over 20 ha" in note for note in notes)


def test_the_next_limb_of_a_bend_is_not_reached() -> None:
    """Two limbs 30 m apart, 24 m wide each: 3 m of land between them on either side."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 40)
    bend = np.column_stack([600 + 15 * np.cos(angle), 15 + 15 * np.sin(angle)])
    line = LineString([(0, 0), *bend, (0, 30)])
    water = line.buffer(12, cap_style="flat")
    breadths = breadths_from_banks(line, water)
    assert max(max(b.left_m, b.right_m) for b in breadths) < 12.5
    # and where both limbs are one sheet of water, each has its half
    sheet = box(0, -12, 640, 42)
    assert at(breadths_from_banks(line, sheet), 300).left_m <= 15.1


def test_a_side_arm_ends_at_its_mouth() -> None:
    water = box(0, -10, 1000, 10).union(box(500, 0, 515, 400))
    breadths, notes = measure_banks(STRAIGHT, water)
    assert max(b.left_m for b in breadths) == pytest.approx(10, abs=0.1)
    assert any("counts up to its mouth" in note for note in notes)
    pool = box(0, -10, 1000, 10).union(box(500, 0, 600, 80))
    assert max(b.left_m for b in breadths_from_banks(STRAIGHT, pool)) == pytest.approx(80)


def test_short_misses_take_the_neighbours_breadth() -> None:
    water = MultiPolygon([box(0, -10, 480, 10), box(540, -20, 1000, 10)])
    breadths, notes = measure_banks(STRAIGHT, water)
    check_run(breadths, STRAIGHT)
    assert at(breadths, 510).right_m == pytest.approx(20)
    assert any("leaves the water at 480–540 m" in note for note in notes)


@pytest.mark.parametrize(
    "water",
    [
        MultiPolygon([box(0, -10, 400, 10), box(600, -10, 1000, 10)]),
        box(0, 500, 1000, 520),
        box(0, 5000, 1000, 5020),
        box(0, 5, 1000, 20),
        MultiPolygon(),
    ],
)
def test_long_misses_are_refused_by_name(water: Polygon | MultiPolygon) -> None:
    with pytest.raises(AreaError, match=r"R1 南岗河: the water's outline misses") as caught:
        breadths_from_banks(STRAIGHT, water, river="R1 南岗河")
    assert "\n" not in str(caught.value)


def test_a_lake_is_limited() -> None:
    breadths, notes = measure_banks(STRAIGHT, box(-3000, -10, 4000, 3000))
    assert max(b.left_m for b in breadths) <= 1000
    assert any("reaches beyond 1000 m" in note for note in notes)


def test_the_sample_rivers_get_their_width_back(luogang: Path) -> None:
    area = StudyArea.read(luogang)
    water = shapely.union_all(
        [r.centreline_m.buffer(r.width_m / 2, cap_style="flat") for r in area.rivers]
    )
    for river in area.rivers:
        others = [r.centreline_m for r in area.rivers if r is not river]
        breadths = breadths_from_banks(river.centreline_m, water, river=river.name, others_m=others)
        check_run(breadths, river.centreline_m)
        half = river.width_m / 2
        for b in breadths:
            assert half - 0.1 <= min(b.left_m, b.right_m)
        mean = sum((b.to_m - b.from_m) * (b.left_m + b.right_m) for b in breadths)
        assert mean / river.centreline_m.length == pytest.approx(river.width_m, rel=0.08)


@st.composite
def rivers(draw: st.DrawFn) -> tuple[LineString, Polygon | MultiPolygon]:
    """A winding river and its water: a disc at every metre, as large as the river is wide."""
    count = draw(st.integers(3, 14))
    turns = draw(st.lists(st.floats(-0.6, 0.6), min_size=count, max_size=count))
    heading = np.clip(np.cumsum(turns), -1.2, 1.2)
    steps = np.column_stack([np.cos(heading), np.sin(heading)]) * 50
    line = LineString(np.vstack([[0, 0], np.cumsum(steps, axis=0)]))
    radii = draw(st.lists(st.floats(3, 40), min_size=count + 1, max_size=count + 1))
    along = np.arange(0, line.length, 2.0)
    radius = np.interp(along, np.linspace(0, line.length, count + 1), radii)
    discs = shapely.buffer(shapely.line_interpolate_point(line, along), radius)
    return line, shapely.union_all(discs)


@settings(max_examples=60, deadline=None)
@given(rivers(), st.integers(0, 2**32 - 1))
def test_water_lies_within_the_breadths(
    case: tuple[LineString, Polygon | MultiPolygon], seed: int
) -> None:
    line, water = case
    breadths = breadths_from_banks(line, water)
    check_run(breadths, line)
    rng = np.random.default_rng(seed)
    west, south, east, north = water.bounds
    xy = np.column_stack([rng.uniform(west, east, 500), rng.uniform(south, north, 500)])
    for point in shapely.points(xy)[shapely.contains_xy(water, xy)]:
        along = line.project(point)
        foot = line.interpolate(along)
        if not 0 < along < line.length or not water.covers(LineString([foot, point])):
            continue
        ahead, behind = line.interpolate(along + 0.1), line.interpolate(along - 0.1)
        left = (ahead.x - behind.x) * (point.y - foot.y) > (ahead.y - behind.y) * (point.x - foot.x)
        run = at(breadths, along)
        assert point.distance(foot) <= (run.left_m if left else run.right_m) + 0.1
    area = sum((b.to_m - b.from_m) * (b.left_m + b.right_m) for b in breadths)
    assert area < 1.5 * water.area + 2000
