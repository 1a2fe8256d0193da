from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

from patrol.planning.routes import Router


def length_m(router: Router, start: list[float], end: list[float]) -> float:
    way = router.way(np.array(start), np.array(end))
    assert way is not None
    return float(LineString(np.vstack([start, way, end])).length)


def test_without_zones_the_way_is_straight() -> None:
    router = Router([], 20)
    assert len(router.way(np.array([0.0, 0.0]), np.array([500.0, 100.0]))) == 0


def test_round_a_square_by_its_nearer_side() -> None:
    router = Router([box(100, -50, 200, 150)], 10)
    way = router.way(np.array([0.0, 0.0]), np.array([300.0, 0.0]))
    assert way is not None
    assert len(way) >= 2
    assert (way[:, 1] < 0).all()
    # Two hypotenuses to the corners, widened by about the clearance.
    around = 2 * np.hypot(100, 61) + 100
    assert length_m(router, [0, 0], [300, 0]) == pytest.approx(around, rel=0.05)


def test_a_round_zone_costs_the_tangents_and_the_arc() -> None:
    router = Router([Point(0, 0).buffer(80, quad_segs=32)], 20)
    start, end = [-300.0, 0.0], [300.0, 0.0]
    reach = np.sqrt(300**2 - 100**2)
    arc = 100 * (np.pi - 2 * np.arccos(100 / 300))
    assert length_m(router, start, end) == pytest.approx(2 * reach + arc, rel=0.02)


def test_no_way_out_of_a_ring() -> None:
    ring = Point(0, 0).buffer(200).difference(Point(0, 0).buffer(150))
    router = Router([ring], 10)
    assert router.way(np.array([0.0, 0.0]), np.array([500.0, 0.0])) is None
    assert np.isinf(router.distances_m(np.array([[0.0, 0.0], [500.0, 0.0]]))[0, 1])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-400, 400), st.floats(-400, 400), st.floats(10, 150)), max_size=4),
    st.lists(st.tuples(st.floats(-600, 600), st.floats(-600, 600)), min_size=2, max_size=5),
)
def test_ways_keep_clear_and_have_the_length_of_the_table(
    zones: list[tuple[float, float, float]], places: list[tuple[float, float]]
) -> None:
    shapes = [Point(x, y).buffer(r, quad_segs=3) for x, y, r in zones]
    router = Router(shapes, 15)
    points = np.array(places)
    points = points[~shapely.intersects_xy(router.forbidden, *points.T)]
    table = router.distances_m(points)
    for i, start in enumerate(points):
        for j, end in enumerate(points):
            way = router.way(start, end)
            if way is None:
                assert np.isinf(table[i, j])
                continue
            track = LineString(np.vstack([start, way, end]))
            assert track.length == pytest.approx(table[i, j], rel=1e-9, abs=1e-6)
            assert track.length >= np.hypot(*(end - start)) - 1e-9
            assert all(track.distance(zone) > 14.0 for zone in shapes)
