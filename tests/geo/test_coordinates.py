from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.coordinates import EastNorth, LocalProjection, LonLat
from geo.errors import CoordinateError

HUANGPU = LonLat(113.459, 23.106)


@pytest.mark.parametrize(
    ("lon", "lat", "says"),
    [
        (23.1, 113.4, "swapped"),
        (113.4, float("nan"), "finite"),
        (190.0, 23.1, "longitude 190"),
        (float("inf"), 0.0, "finite"),
        (200.0, 100.0, "latitude 100"),
    ],
)
def test_impossible_coordinates_are_refused_with_the_reason(
    lon: float, lat: float, says: str
) -> None:
    with pytest.raises(CoordinateError, match=says) as caught:
        LonLat(lon, lat)
    assert "\n" not in str(caught.value)


@given(st.floats(-0.08, 0.08), st.floats(-0.08, 0.08), st.floats(-170, 170), st.floats(-70, 70))
def test_there_and_back_again(dlon: float, dlat: float, lon: float, lat: float) -> None:
    projection = LocalProjection(LonLat(lon, lat))
    start = LonLat(lon + dlon, lat + dlat)
    back = projection.to_lonlat(projection.to_east_north(start))
    assert back.lon_deg == pytest.approx(start.lon_deg, abs=1e-9)
    assert back.lat_deg == pytest.approx(start.lat_deg, abs=1e-9)


def test_distances_agree_with_the_geodesic() -> None:
    projection = LocalProjection(HUANGPU)
    other = LonLat(113.52, 23.17)
    _, _, geodesic_m = pyproj.Geod(ellps="WGS84").inv(
        HUANGPU.lon_deg, HUANGPU.lat_deg, other.lon_deg, other.lat_deg
    )
    flat_m = projection.to_east_north(HUANGPU).distance_m(projection.to_east_north(other))
    assert flat_m == pytest.approx(geodesic_m, abs=0.01)


def test_many_and_one_agree() -> None:
    projection = LocalProjection.around([113.4, 113.5], [23.1, 23.2])
    points = np.array([[113.41, 23.11], [113.49, 23.19]])
    many = projection.forward(points)
    one = projection.to_east_north(LonLat(113.41, 23.11))
    assert many[0] == pytest.approx([one.east_m, one.north_m])
    assert projection.inverse(many) == pytest.approx(points, abs=1e-10)


def test_positions_of_two_projections_do_not_mix() -> None:
    a, b = LocalProjection(HUANGPU), LocalProjection(LonLat(113.5, 23.2))
    with pytest.raises(CoordinateError, match="two different projections"):
        EastNorth(0, 0, a).distance_m(EastNorth(0, 0, b))
    with pytest.raises(CoordinateError, match="convert it to LonLat"):
        a.to_lonlat(EastNorth(0, 0, b))


def test_east_is_east_and_north_is_north() -> None:
    projection = LocalProjection(HUANGPU)
    east = projection.to_east_north(LonLat(HUANGPU.lon_deg + 0.01, HUANGPU.lat_deg))
    assert east.east_m == pytest.approx(0.01 * 111320 * math.cos(math.radians(23.106)), rel=0.01)
    assert abs(east.north_m) < 0.1
