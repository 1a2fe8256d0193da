"""Ways round no-fly zones: short, clear, and what they cost."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

from patrol.planning.aircraft import AIRCRAFT
from patrol.planning.energy import EnergyModel
from patrol.planning.sorties.routes import Router
from patrol.planning.wind import Wind

ENERGY = EnergyModel.of(AIRCRAFT["m3e"], 8.0, None, Wind())
WINDY = EnergyModel.of(AIRCRAFT["m3e"], 12.0, None, Wind(6, 30))


def length_m(router: Router, start: list[float], end: list[float]) -> float:
    way = router.way(np.array(start), np.array(end))
    assert way is not None
    return float(LineString(np.vstack([start, way, end])).length)


def test_without_zones_the_way_is_straight() -> None:
    router = Router([], 20)
    assert len(router.way(np.array([0.0, 0.0]), np.array([500.0, 100.0]))) == 0
    blocked, _ = router.detours(np.array([[0.0, 0.0]]), np.array([[9.0, 9.0]]), ENERGY)
    assert not blocked.any()


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
    blocked, costs = router.detours(np.array([[0.0, 0.0]]), np.array([[500.0, 0.0]]), ENERGY)
    assert blocked.all()
    assert np.isinf(costs).all()


def test_a_near_router_knows_the_zones_about_a_place_only() -> None:
    router = Router([box(100, -50, 200, 150), box(50_000, 0, 50_100, 100)], 10)
    near = router.near(Point(0, 0).buffer(400))
    assert length_m(near, [0, 0], [300, 0]) == pytest.approx(
        length_m(router, [0, 0], [300, 0]), rel=1e-3
    )
    assert length_m(near, [49_900, 50], [50_200, 50]) == pytest.approx(300)


_ZONES = st.lists(
    st.tuples(st.floats(-400, 400), st.floats(-400, 400), st.floats(10, 150)), max_size=4
)
_PLACES = st.lists(
    st.tuples(st.floats(-600, 600), st.floats(-600, 600)), min_size=2, max_size=5, unique=True
)


@settings(max_examples=60, deadline=None)
@given(_ZONES, _PLACES, st.sampled_from([ENERGY, WINDY]))
def test_ways_keep_clear_and_cost_what_the_table_says(
    zones: list[tuple[float, float, float]],
    places: list[tuple[float, float]],
    energy: EnergyModel,
) -> None:
    shapes = [Point(x, y).buffer(r, quad_segs=3) for x, y, r in zones]
    router = Router(shapes, 15)
    points = np.array(places)
    points = points[~shapely.intersects_xy(router.forbidden, *points.T)]
    blocked, costs = router.detours(points, points, energy)
    for i, j in itertools.product(range(len(points)), repeat=2):
        start, end = points[i], points[j]
        way = router.way(start, end)
        if way is None:
            assert blocked[i, j]
            assert np.isinf(costs[:, i, j]).all()
            continue
        assert bool(blocked[i, j]) == bool(len(way))
        track = np.vstack([start, way, end])
        line = LineString(track)
        assert line.length >= np.hypot(*(end - start)) - 1e-9
        assert all(line.distance(zone) > 14.0 for zone in shapes)
        if blocked[i, j]:
            seconds, wh = energy.legs(np.diff(track, axis=0))
            assert costs[0, i, j] == pytest.approx(line.length, rel=1e-9)
            assert costs[1, i, j] == pytest.approx(seconds.sum(), rel=1e-2)  # one of equal ways
            assert costs[2, i, j] == pytest.approx(wh.sum(), rel=5e-2)


@settings(max_examples=25, deadline=None)
@given(_ZONES, _PLACES, st.integers(0, 99))
def test_no_way_over_random_places_is_shorter(
    zones: list[tuple[float, float, float]], places: list[tuple[float, float]], seed: int
) -> None:
    """The shortest way by a visibility graph is not beaten by two or three hops over places tried
    at random and about the zones, but for the metre that its corners stand out by."""
    shapes = [Point(x, y).buffer(r, quad_segs=3) for x, y, r in zones]
    router = Router(shapes, 15)
    start, end = np.array(places[0]), np.array(places[1])
    if shapely.intersects_xy(router.forbidden, *np.array([start, end]).T).any():
        return
    way = router.way(start, end)
    if way is None:
        return
    best = LineString(np.vstack([start, way, end])).length
    rng = np.random.default_rng(seed)
    rings = [shapely.get_coordinates(shape.buffer(18)) for shape in shapes]
    stops = np.vstack(
        [rng.uniform(-600, 600, (12, 2)), *(r[:: max(1, len(r) // 12)] for r in rings)]
    )
    for count in (1, 2):
        for hops in itertools.permutations(range(min(len(stops), 20)), count):
            track = np.vstack([start, stops[list(hops)], end])
            if LineString(track).length < best * 0.98 - 4:
                assert not router.clear(track[:-1], track[1:]).all()
