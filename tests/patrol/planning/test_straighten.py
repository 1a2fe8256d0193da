"""Pulling a line tight within the room that the picture leaves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from random_rivers import hairpin, meander
from shapely.geometry import LineString

from patrol.planning.cover.straighten import straightened

FloatArray = NDArray[np.float64]


def places_along(line: LineString, spacing_m: float = 8.0) -> FloatArray:
    count = max(2, int(line.length / spacing_m) + 1)
    return np.array(
        [line.interpolate(share, normalized=True).coords[0] for share in np.linspace(0, 1, count)]
    )


def length_m(points: FloatArray) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6), st.floats(15, 150), st.floats(60, 1200), st.floats(0, 30), st.booleans()
)
def test_every_point_stays_in_its_disc_and_the_line_gets_no_longer(
    seed: int, radius_m: float, reach_m: float, room_m: float, uneven: bool
) -> None:
    places = places_along(meander(seed, reach_m, radius_m, 10.0))
    room = np.full(len(places), room_m)
    if uneven:
        room *= np.random.default_rng(seed).uniform(0, 1, len(places))
    points = straightened(places, room)
    assert points.shape == places.shape
    assert np.all(np.hypot(*(points - places).T) <= room + 1e-6)
    assert length_m(points) <= length_m(places) * (1 + 1e-9) + 1e-6
    # The ends move sideways only: the line reaches as far as before.
    for end, inner in ((0, 1), (-1, -2)):
        ahead = places[inner] - places[end]
        ahead /= np.hypot(*ahead)
        assert abs(float((points[end] - places[end]) @ ahead)) < 1e-6


def test_a_zigzag_becomes_the_straight_line_where_there_is_room() -> None:
    places = np.column_stack([np.arange(0, 400, 8.0), 5.0 * (-1.0) ** np.arange(50)])
    points = straightened(places, np.full(50, 6.0))
    assert length_m(points) == pytest.approx(392, abs=2)  # discs are wide along the line, too
    assert length_m(places) > 600


@pytest.mark.parametrize("room_m", [2.0, 8.0, 15.0])
def test_a_bend_is_cut_as_far_as_the_room_allows(room_m: float) -> None:
    """Round a half circle the tightest line within discs of radius r about it is the circle of
    the radius less r."""
    places = places_along(hairpin(300, 120), 4.0)
    points = straightened(places, np.full(len(places), room_m))
    ideal = 2 * 300 + np.pi * (60 - room_m)
    assert length_m(points) == pytest.approx(ideal, rel=0.02)


def test_no_room_or_few_points_change_nothing() -> None:
    places = places_along(hairpin(50, 40))
    assert np.array_equal(straightened(places, np.zeros(len(places))), places)
    assert np.array_equal(straightened(places[:2], np.full(2, 9.0)), places[:2])
