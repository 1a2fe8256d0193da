from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.gcj02 import gcj02_to_wgs84, wgs84_to_gcj02

METRES_A_DEGREE = 111_320.0

inside = st.tuples(st.floats(73.0, 137.0), st.floats(1.5, 55.0))


def test_the_shift_in_huangpu() -> None:
    """285 m south and 557 m east, as published for Huangpu."""
    here = np.array([[113.459, 23.106]])
    east, north = (wgs84_to_gcj02(here) - here)[0]
    assert north * METRES_A_DEGREE == pytest.approx(-285, abs=2)
    assert east * METRES_A_DEGREE * np.cos(np.radians(23.106)) == pytest.approx(557, abs=2)


@given(st.lists(inside, min_size=1, max_size=20))
def test_there_and_back_is_exact(points: list[tuple[float, float]]) -> None:
    here = np.array(points)
    assert np.abs(gcj02_to_wgs84(wgs84_to_gcj02(here)) - here).max() * METRES_A_DEGREE < 1e-4
    assert np.abs(wgs84_to_gcj02(gcj02_to_wgs84(here)) - here).max() * METRES_A_DEGREE < 1e-4


def test_where_the_formula_has_a_kink() -> None:
    here = np.column_stack([105 + np.linspace(-1e-6, 1e-6, 41), np.full(41, 30.0)])
    assert np.abs(gcj02_to_wgs84(wgs84_to_gcj02(here)) - here).max() * METRES_A_DEGREE < 1e-3


@pytest.mark.parametrize("far", [(2.35, 48.86), (-122.4, 37.8), (151.2, -33.9), (113.4, 60.0)])
def test_abroad_nothing_is_shifted(far: tuple[float, float]) -> None:
    assert wgs84_to_gcj02(far).tolist() == [list(far)]
    assert gcj02_to_wgs84(far).tolist() == [list(far)]
