"""Reaches become rivers, and no metre goes missing."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, Point
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from geo.coordinates import LocalProjection, LonLat
from geo.errors import LayerError
from geo.layers import Feature
from patrol.errors import AreaError
from patrol.joining import JoinedRiver, join_rivers

PROJECTION = LocalProjection(LonLat(113.46, 23.18))


def reach(geometry: BaseGeometry | list[tuple[float, float]], **properties: Any) -> Feature:
    """A feature from metres; of the river R1, 20 m wide, unless it says otherwise."""
    line = LineString(geometry) if isinstance(geometry, list) else geometry
    row = {"code": "R1", "name": "南岗河", "width_m": 20, **properties}
    return Feature(shapely.transform(line, PROJECTION.inverse), row, "rivers.geojson: feature 1")


def joined(*rows: Feature) -> tuple[list[JoinedRiver], list[str]]:
    rivers, notes = join_rivers(rows, PROJECTION)
    for note in notes:
        assert "\n" not in note
        assert " / " in note  # Chinese / English
    for river in rivers:
        at = 0.0
        for breadth in river.breadths:
            assert breadth.from_m == pytest.approx(at, abs=1e-6)
            assert breadth.to_m > breadth.from_m
            at = breadth.to_m
        assert at == pytest.approx(river.centreline_m.length, abs=1e-3)
    return rivers, notes


def runs(river: JoinedRiver) -> list[tuple[int, int, float, float]]:
    return [(round(b.from_m), round(b.to_m), b.left_m, b.right_m) for b in river.breadths]


def test_a_single_reach_stays_as_it_is() -> None:
    row = reach([(0, 0), (500, 20)])
    [river], notes = joined(row)
    assert river.centreline is row.geometry
    assert (river.code, river.name, river.name_en, notes) == ("R1", "南岗河", "南岗河", [])


def test_touching_reaches_in_any_direction() -> None:
    [river], notes = joined(
        reach([(1000, 0), (400, 0)], width_m=30, name_en="Nangang"),
        reach([(400, 0), (0, 0)], width_m=10),
    )
    assert shapely.get_coordinates(river.centreline_m)[:, 0].round(3).tolist() == [1000, 400, 0]
    assert runs(river) == [(0, 600, 15, 15), (600, 1000, 5, 5)]
    assert river.name_en == "Nangang"
    assert "2 reaches made 1" in notes[0]


def test_the_longest_reach_says_which_way_and_sides_go_with_it() -> None:
    [river], _ = joined(
        reach([(300, 0), (0, 0)], left_m=4, right_m=9),
        reach([(300, 0), (900, 0)], left_m=5, right_m=6),
    )
    assert shapely.get_coordinates(river.centreline_m)[0].round(3).tolist() == [0, 0]
    assert runs(river) == [(0, 300, 9, 4), (300, 900, 5, 6)]


def test_a_gap_is_bridged_as_broad_as_its_broader_side() -> None:
    [river], notes = joined(
        reach([(0, 0), (300, 0)], width_m=10), reach([(340, 0), (900, 0)], width_m=20)
    )
    assert river.centreline_m.length == pytest.approx(900, abs=0.01)
    assert runs(river) == [(0, 300, 5, 5), (300, 900, 10, 10)]
    assert any("bridged 1 gaps (40.0 m)" in note for note in notes)


def test_a_wide_gap_makes_two_rivers() -> None:
    rivers, notes = joined(reach([(0, 0), (300, 0)]), reach([(360, 0), (900, 0)]))
    assert [r.code for r in rivers] == ["R1-1", "R1-2"]
    assert any("R1-1, R1-2" in note for note in notes)


def test_a_branch_is_a_river_of_its_own() -> None:
    """Three reaches meet: the two that run straight on are one river."""
    rivers, _ = joined(
        reach([(0, 0), (300, 0)]), reach([(300, 0), (300, 400)]), reach([(300, 0), (700, 10)])
    )
    assert [round(r.centreline_m.length) for r in rivers] == [700, 400]


def test_a_tributary_into_the_middle_of_a_reach_is_not_bridged_on() -> None:
    rivers, _ = joined(reach([(0, 0), (900, 0)]), reach([(880, 300), (880, 0)]))
    assert [round(r.centreline_m.length) for r in rivers] == [900, 300]


@pytest.mark.parametrize("aside_m", [0.0, 0.6, -0.9])
@pytest.mark.parametrize("turned", [False, True])
def test_duplicates_count_once_and_the_broader_stays(aside_m: float, turned: bool) -> None:
    twice = [(200.0, aside_m), (500.0, aside_m)]
    [river], notes = joined(
        reach([(0, 0), (900, 0)], left_m=5, right_m=5),
        reach(twice[::-1] if turned else twice, left_m=4, right_m=12),
    )
    assert river.centreline_m.length == pytest.approx(900, abs=0.01)
    raised = [b for b in river.breadths if max(b.left_m, b.right_m) == 12]
    assert [(b.left_m, b.right_m) for b in raised] == [(12, 5) if turned else (5, 12)]
    assert raised[0].from_m == pytest.approx(200, abs=10)
    assert raised[0].from_m <= 200
    assert 500 <= raised[0].to_m <= 510
    assert any("drawn twice count once" in note for note in notes)


@pytest.mark.parametrize("overlap_m", [0.4, 3.0, 60.0])
def test_overlapping_ends(overlap_m: float) -> None:
    [river], _ = joined(
        reach([(0, 0), (400, 0)]), reach([(400 - overlap_m, 0.3), (1000, 0.3)], width_m=30)
    )
    assert river.centreline_m.length == pytest.approx(1000, abs=0.5)
    assert river.centreline_m.is_simple


def test_a_loop_is_cut_in_two() -> None:
    ring = Point(0, 0).buffer(200).exterior
    rivers, notes = joined(reach(LineString(ring)))
    assert [r.code for r in rivers] == ["R1-1", "R1-2"]
    assert sum(r.centreline_m.length for r in rivers) == pytest.approx(ring.length, abs=0.01)
    assert any("closes on itself" in note for note in notes)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([reach([(0, 0), (400, 0), (400, 300), (200, 300), (200, -100)])], "crosses itself at 113.46"),
        ([reach([(0, 0), (400, 0), (100, 0)])], "crosses itself"),
        ([reach([(0, 0), (400, 0)]), reach([(0, 90), (400, 90)], name="乌涌")], "stands for two rivers"),
        ([reach([(0, 0), (400, 0)], width_m=0.5)], "width_m must be 1 to 2000"),
        ([reach([(0, 0), (400, 0)], width_m="wide")], "'width_m' must be a number, found 'wide'"),
        ([reach([(0, 0), (400, 0)], left_m=5)], "'right_m' must be a number"),
        ([reach([(0, 0), (400, 0)], left_m=-5, right_m=10)], "left_m and right_m"),
    ],
)  # fmt: skip
def test_what_is_refused(rows: list[Feature], says: str) -> None:
    with pytest.raises((AreaError, LayerError), match=says) as caught:
        join_rivers(rows, PROJECTION)
    assert "\n" not in str(caught.value)


def test_names_and_codes_are_found_or_made() -> None:
    rivers, notes = joined(
        reach([(0, 0), (400, 0)], code="R1", name=""),
        reach([(400, 0), (600, 0)], code="R1"),
        reach([(600, 0), (900, 0)], code=None),  # 南岗河 is R1
        reach([(0, 500), (400, 500)], code=None, name="乌涌"),
        reach([(420, 500), (900, 500)], code="", name="乌涌"),
        reach([(0, 900), (900, 900)], code=None, name=None),
    )
    assert [(r.code, r.name, round(r.centreline_m.length)) for r in rivers] == [
        ("R1", "南岗河", 900), ("R2", "乌涌", 900), ("R3", "R3", 900),
    ]  # fmt: skip
    assert sum("has no code" in note for note in notes) == 2


def test_widths_that_no_reach_gives_are_not_made_up() -> None:
    [river], _ = joined(reach([(0, 0), (400, 0)], width_m=None), reach([(400, 0), (700, 0)]))
    assert np.isnan(river.breadths[0].left_m)
    assert river.breadths[1].left_m == 10


@st.composite
def cut_rivers(draw: st.DrawFn) -> tuple[LineString, list[LineString], float]:
    """A river that winds without coming near itself, its reaches in disorder, and the metres in
    the gaps between them."""
    count = draw(st.integers(12, 40))
    angle = draw(st.floats(0, 6.28))
    turns = draw(st.lists(st.floats(-0.5, 0.5), min_size=count, max_size=count))
    heading = np.clip(np.cumsum(turns), -1.0, 1.0) + angle
    steps = np.column_stack([np.cos(heading), np.sin(heading)]) * 60
    river = LineString(np.vstack([[0, 0], np.cumsum(steps, axis=0)]))
    cuts = sorted(draw(st.sets(st.integers(1, int(river.length) // 90), max_size=8)))
    at = [0.0, *[90.0 * c for c in cuts if 90.0 * c < river.length - 60], river.length]
    parts, gaps_m = [], 0.0
    for start, end in pairwise(at):
        gap = draw(st.sampled_from([0.0, 0.0, 0.5, 8.0, 45.0])) if end < river.length else 0.0
        gaps_m += gap
        parts.append(substring(river, start, end - gap))
    for part in draw(st.lists(st.sampled_from(parts), max_size=3)):
        a, b = sorted(draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
        if (b - a) * part.length > 1:
            extra = substring(part, a, b, normalized=True)
            parts.append(shapely.transform(extra, lambda xy: xy + np.array([0.3, -0.4])))
    parts = draw(st.permutations(parts))
    return river, [p.reverse() if draw(st.booleans()) else p for p in parts], gaps_m


@settings(max_examples=150, deadline=None)
@given(cut_rivers(), st.booleans())
def test_a_cut_up_river_is_whole_again(
    case: tuple[LineString, list[LineString], float], as_one: bool
) -> None:
    river, parts, _ = case
    rows = [reach(MultiLineString(parts))] if as_one else [reach(part) for part in parts]
    [found], _ = joined(*rows)
    line = found.centreline_m
    assert line.is_simple
    # 45 m of a bend of 0.5 rad are at most 10 m from their chord
    assert line.hausdorff_distance(river) < 12
    assert abs(line.length - river.length) < 0.03 * river.length
    for part in parts:
        assert line.buffer(1.01).covers(part)
    assert all(b.left_m == b.right_m == 10 for b in found.breadths)


@st.composite
def scattered(draw: st.DrawFn) -> list[LineString]:
    """Short simple lines strewn over a square: branches, crossings, gaps of every width."""
    spot = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda p: (p[0] * 9.7, p[1] * 9.7))
    lines = []
    for _ in range(draw(st.integers(1, 9))):
        points = draw(st.lists(spot, min_size=2, max_size=4, unique=True))
        line = LineString(points)
        if line.is_simple:
            lines.append(line)
    return lines


@settings(max_examples=150, deadline=None)
@given(scattered())
def test_no_metre_goes_missing(lines: list[LineString]) -> None:
    if not lines:
        return
    try:
        rivers, notes = joined(*[reach(line) for line in lines])
    except AreaError as error:
        assert "crosses itself" in str(error)
        return
    cover = shapely.union_all([r.centreline_m for r in rivers]).buffer(1.05)
    missing_m = sum(line.difference(cover).length for line in lines)
    told = any("left out scraps" in note for note in notes)
    assert missing_m < (90 if told else 0.1)
    assert len({r.code for r in rivers}) == len(rivers)
