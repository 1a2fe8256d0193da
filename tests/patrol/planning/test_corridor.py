"""What must be seen of a river: strips, sides and breadths, against plain geometry."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from random_rivers import hairpin, meander, random_breadths, river_of, whole
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry

from patrol.plan import Reach
from patrol.planning.cover.corridor import corridor_of, stretch
from patrol.planning.cover.coverage import footprint, metre_ranges, unseen_parts
from patrol.rivers import Breadth

STRAIGHT = LineString([(0, 0), (500, 0)])
_MEANDERS = st.builds(
    meander, st.integers(0, 10**6), st.just(700.0), st.floats(15, 150), st.floats(5, 30)
)
_HAIRPINS = st.builds(hairpin, st.floats(80, 300), st.floats(20, 90))


def banks_of(line: LineString, half_m: float) -> tuple[BaseGeometry, BaseGeometry]:
    """All on the left, and all on the right, of a river so wide to either side."""
    river = river_of(line, 2 * half_m)
    left, right = corridor_of(river, whole(river), "water", 0.0, 0.0).strips
    assert (left.bank, right.bank) == ("left", "right")
    return left.ground, right.ground


@hypothesis_settings(max_examples=40, deadline=None)
@given(st.one_of(_MEANDERS, _HAIRPINS), st.floats(2, 110))
def test_left_and_right_of_every_leg_are_on_their_banks(line: LineString, half_m: float) -> None:
    left, right = banks_of(line, half_m)
    corners = shapely.get_coordinates(line)
    for off_m in (min(1.0, half_m / 2), 0.9 * half_m):
        for start, end in pairwise(corners):
            ahead = (end - start) / np.hypot(*(end - start))
            across = np.array([-ahead[1], ahead[0]]) * off_m
            middle = (start + end) / 2
            assert shapely.intersects_xy(left, *(middle + across))
            assert shapely.intersects_xy(right, *(middle - across))


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    st.builds(meander, st.integers(0, 10**6), st.just(700.0), st.floats(60, 200), st.floats(5, 15)),
    st.floats(2, 40),
)
def test_where_no_bend_is_tight_the_banks_share_out_the_whole(
    line: LineString, half_m: float
) -> None:
    left, right = banks_of(line, half_m)
    band = line.buffer(half_m, cap_style="flat", quad_segs=32)
    assert left.intersection(right).area < 1e-6 * band.area
    assert left.union(right).area == pytest.approx(band.area, rel=1e-3)


@hypothesis_settings(max_examples=40, deadline=None)
@given(_MEANDERS, st.integers(0, 99))
def test_every_point_lies_on_the_side_that_its_nearest_leg_says(
    line: LineString, seed: int
) -> None:
    left, right = banks_of(line, 20.0)
    rng = np.random.default_rng(seed)
    at = rng.uniform(2, line.length - 2, 80)
    here = shapely.get_coordinates(shapely.line_interpolate_point(line, at))
    points = here + rng.uniform(-12, 12, (len(at), 2))
    corners = shapely.get_coordinates(line)
    starts, steps = corners[:-1], np.diff(corners, axis=0)
    for point in points:
        share = ((point - starts) * steps).sum(1) / (steps**2).sum(1)
        foot = starts + np.clip(share, 0, 1)[:, None] * steps
        far = np.hypot(*(point - foot).T)
        leg = int(far.argmin())
        if not 0.01 < share[leg] < 0.99 or far[leg] < 0.01:
            continue  # beyond a corner or an end two legs are as near
        turn = steps[leg][0] * (point - starts[leg])[1] - steps[leg][1] * (point - starts[leg])[0]
        assert shapely.intersects_xy(left if turn > 0 else right, *point)


@pytest.mark.parametrize(
    ("cover", "left_m2", "right_m2"),
    [
        ("both", 500 * (15 + 5), 500 * (15 + 5)),
        ("left", 500 * 20, None),
        ("right", None, 500 * 20),
        ("water", 500 * (30 + 15), 500 * (12 + 15)),
    ],
)
def test_what_each_cover_asks_for(
    cover: str, left_m2: float | None, right_m2: float | None
) -> None:
    river = river_of(STRAIGHT, 42, (Breadth(0, 500, 30, 12),))
    made = corridor_of(river, whole(river), cover, 15.0, 5.0)  # type: ignore[arg-type]
    areas = {strip.bank: strip.ground.area for strip in made.strips}
    wanted = {"left": left_m2, "right": right_m2}
    assert areas == pytest.approx({k: v for k, v in wanted.items() if v is not None})
    for strip in made.strips:
        y = shapely.get_coordinates(strip.ground)[:, 1]
        edge, sign = (30, 1) if strip.bank == "left" else (-12, -1)
        assert sorted((sign * y.min(), sign * y.max()))[1] == pytest.approx(abs(edge) + 15)
        if cover != "water":
            assert np.abs(y).min() == pytest.approx(abs(edge) - 5)
    assert made.ground.area == pytest.approx(sum(areas.values()))


def test_an_inner_strip_wider_than_the_water_ends_at_the_centreline() -> None:
    river = river_of(STRAIGHT, 8)
    made = corridor_of(river, whole(river), "both", 10.0, 30.0)
    assert [strip.ground.area for strip in made.strips] == pytest.approx([500 * 14] * 2)


def test_a_reach_is_only_its_part() -> None:
    breadths = (Breadth(0, 200, 10, 10), Breadth(200, 500, 30, 5))
    river = river_of(STRAIGHT, 20, breadths)
    made = corridor_of(river, Reach("R1", 150, 350), "water", 0.0, 5.0)
    wanted = box(150, -10, 200, 10).union(box(200, -5, 350, 30))
    assert made.ground.symmetric_difference(wanted).area < 1e-6
    assert made.breadths == (Breadth(0, 50, 10, 10), Breadth(50, 200, 30, 5))
    assert stretch(STRAIGHT, 150, 350).equals(LineString([(150, 0), (350, 0)]))


@hypothesis_settings(max_examples=30, deadline=None)
@given(_MEANDERS, st.integers(0, 10**6), st.sampled_from([0.0, 15.0]))
def test_breadths_that_vary_leave_no_wedge(line: LineString, seed: int, strip_m: float) -> None:
    breadths = random_breadths(seed, line.length, 40.0)
    river = river_of(line, 40, breadths)
    made = corridor_of(river, whole(river), "water", strip_m, 5.0)
    ground = made.ground
    least = min(min(b.left_m, b.right_m) for b in breadths) + strip_m
    assert _beside_legs(line, least).difference(ground.buffer(0.05)).area < 1.0
    for strip in made.strips:
        reach = [b.left_m if strip.bank == "left" else b.right_m for b in breadths]
        assert strip.ground.difference(line.buffer(max(reach) + strip_m + 0.3)).area < 1e-3
        # Beside the middle of a breadth it reaches as far as the breadth says.
        for b, wide in zip(breadths, reach, strict=True):
            at = (b.from_m + b.to_m) / 2
            here, after = shapely.get_coordinates(
                shapely.line_interpolate_point(line, [at - 0.1, at + 0.1])
            )
            ahead = (after - here) / np.hypot(*(after - here))
            across = np.array([-ahead[1], ahead[0]]) * (1 if strip.bank == "left" else -1)
            inside = shapely.Point((here + after) / 2 + across * (wide + strip_m - 0.3))
            if line.distance(inside) > wide + strip_m - 0.4:
                assert strip.ground.distance(inside) < 0.2


@hypothesis_settings(max_examples=40, deadline=None)
@given(_MEANDERS, st.floats(2, 80))
def test_ground_beside_every_leg_must_be_seen(line: LineString, width_m: float) -> None:
    river = river_of(line, width_m)
    made = corridor_of(river, whole(river), "water", 15.0, 5.0)
    beside = _beside_legs(line, width_m / 2 + 15)
    assert beside.difference(made.ground).area < 0.05


def _beside_legs(line: LineString, reach_m: float) -> BaseGeometry:
    """All within a reach square to any leg, but for legs near the ends, whose caps are flat."""
    corners = shapely.get_coordinates(line)
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(corners, axis=0).T))]
    far = (along[:-1] > 1.5 * reach_m) & (along[1:] < along[-1] - 1.5 * reach_m)
    legs = shapely.linestrings(np.stack([corners[:-1][far], corners[1:][far]], axis=1))
    return shapely.union_all(shapely.buffer(legs, reach_m - 0.05, cap_style="flat"))


@hypothesis_settings(max_examples=25, deadline=None)
@given(_MEANDERS, st.floats(4, 80), st.floats(1, 30), st.floats(0, 30), st.integers(0, 99))
def test_the_inner_edge_is_as_far_inside_as_asked(
    line: LineString, width_m: float, strip_m: float, inner_m: float, seed: int
) -> None:
    river = river_of(line, width_m)
    ground = corridor_of(river, whole(river), "both", strip_m, inner_m).ground
    inner, edge = width_m / 2 - inner_m, width_m / 2 + strip_m
    rng = np.random.default_rng(seed)
    at = rng.uniform(0, line.length, 150)
    here = shapely.get_coordinates(shapely.line_interpolate_point(line, at))
    points = here + rng.uniform(-edge, edge, (len(at), 2))
    far = shapely.distance(line, shapely.points(points))
    nearest = shapely.line_locate_point(line, shapely.points(points))
    beside = (nearest > 0.5) & (nearest < line.length - 0.5)
    for point, apart in zip(points[beside], far[beside], strict=True):
        if apart < inner - 0.3 or apart > edge + 0.3:
            assert not shapely.intersects_xy(ground, *point)


def test_a_footprint_is_as_wide_and_long_as_the_pictures() -> None:
    seen = footprint(LineString([(0, 0), (100, 0)]), 20, -10, 10)
    assert seen.equals(box(-10, -20, 110, 20))
    ahead = footprint(LineString([(0, 0), (100, 0)]), 20, 15, 60)
    assert ahead.equals(box(15, -20, 160, 20))


def test_a_bend_is_seen_from_both_legs() -> None:
    seen = footprint(LineString([(0, 0), (100, 0), (100, 100)]), 20, -15, 15)
    assert seen.contains(shapely.Point(112, -12))
    assert not seen.contains(shapely.Point(119, -19))  # the outer corner: no leg sees it


def test_what_is_not_seen_is_told_by_the_metre() -> None:
    wanted = STRAIGHT.buffer(20, cap_style="flat")
    seen = box(0, -20, 100, 20).union(box(150, -20, 500, 10))
    assert metre_ranges(STRAIGHT, unseen_parts(wanted, seen)) == [(100, 500)]
    gap = unseen_parts(wanted, box(0, -20, 100, 20).union(box(150, -20, 500, 20)))
    [(start, end)] = metre_ranges(STRAIGHT, gap)
    assert (start, end) == pytest.approx((100, 150), abs=1)
    assert metre_ranges(STRAIGHT, []) == []
    two = unseen_parts(wanted, box(0, -20, 100, 20).union(box(120, -20, 300, 20)))
    assert [start for start, _ in metre_ranges(STRAIGHT, two)] == pytest.approx([100, 300], abs=1)


def test_slivers_of_rounding_are_not_ground() -> None:
    sliver = Polygon([(0, 0), (100, 0), (100, 0.01)])
    assert unseen_parts(sliver, Polygon()) == []
    assert len(unseen_parts(Polygon([(0, 0), (100, 0), (100, 0.3)]), Polygon())) == 1
