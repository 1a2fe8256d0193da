from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import box

from geo.communities import Area, AreaMap
from geo.coordinates import LocalProjection, LonLat
from geo.errors import LayerError
from geo.layers import Feature
from geo.placing import GroundPoint

BORDER_LON = 113.45


def two_communities() -> AreaMap:
    west, east = box(113.44, 23.10, BORDER_LON, 23.12), box(BORDER_LON, 23.10, 113.46, 23.12)
    return AreaMap(
        [Area("W", "西", west, Feature(west, {})), Area("E", "东", east, Feature(east, {}))]
    )


def point_at(map_: AreaMap, east_of_border_m: float, sigma_m: float) -> GroundPoint:
    here = LocalProjection(LonLat(BORDER_LON, 23.11))
    position = here.to_east_north(LonLat(BORDER_LON, 23.11))
    moved = type(position)(position.east_m + east_of_border_m, position.north_m, here)
    return GroundPoint(moved, np.eye(2) * sigma_m**2)


@pytest.mark.parametrize(
    ("east_m", "sigma_m", "probability_east"),
    [(0.0, 3.0, 0.5), (3.0, 3.0, 0.841), (-3.0, 3.0, 0.159), (30.0, 3.0, 1.0), (6.0, 3.0, 0.977)],
)
def test_a_border_gives_a_probability_for_each_side(
    east_m: float, sigma_m: float, probability_east: float
) -> None:
    map_ = two_communities()
    shares = {
        s.area.code: s.probability
        for s in map_.shares(point_at(map_, east_m, sigma_m))
        if s.area is not None
    }
    assert shares.get("E", 0.0) == pytest.approx(probability_east, abs=0.01)
    assert sum(shares.values()) == pytest.approx(1.0, abs=0.01)


def test_outside_is_said_and_the_answer_is_always_the_same() -> None:
    map_ = two_communities()
    far = point_at(map_, 5000, 3.0)
    assert [s.area for s in map_.shares(far)] == [None]
    assert map_.probability_inside(far) == 0.0
    near = point_at(map_, 1.0, 2.0)
    assert map_.shares(near) == two_communities().shares(near)


def test_codes_must_differ() -> None:
    square = box(113, 23, 113.1, 23.1)
    area = Area("A", "一", square, Feature(square, {}))
    with pytest.raises(LayerError, match="'A'"):
        AreaMap([area, area])
