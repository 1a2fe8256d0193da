from __future__ import annotations

import numpy as np
import pytest
import shapely

from geo.communities import Area, AreaMap
from geo.coordinates import EastNorth, LocalProjection, LonLat
from geo.layers import Feature
from geo.placing import GroundPoint
from geo.suspicion import judge_at_water, judge_structure

HERE = LocalProjection(LonLat(113.459, 23.106))
ELSEWHERE = LocalProjection(LonLat(113.462, 23.104))  # the map may be in another projection


def area(code: str, west: float, south: float, east: float, north: float) -> Area:
    geometry = shapely.transform(shapely.box(west, south, east, north), HERE.inverse)
    return Area(code, f"name of {code}", geometry, Feature(geometry, {}))


ZONES = AreaMap([area("Z1", -15, -500, 15, 500)], ELSEWHERE)
# A pump station, 10 x 8 m, with its middle at (5, 0).
PERMITTED = AreaMap([area("P1", 0, -4, 10, 4), area("P2", 0, 100, 10, 108)], ELSEWHERE)


def at(east: float, north: float, sigma_m: float | tuple[float, float] = 1.0) -> GroundPoint:
    return GroundPoint(
        EastNorth(east, north, HERE), np.diag(np.square(np.broadcast_to(sigma_m, 2)))
    )


@pytest.mark.parametrize(
    ("point", "suspected", "permitted"),
    [
        pytest.param(at(-5, 40), True, None, id="in the zone, nothing permitted near"),
        pytest.param(at(40, 40), False, None, id="outside of the zone"),
        pytest.param(at(16, 40), False, None, id="rather outside"),
        pytest.param(at(14, 40), True, None, id="rather inside"),
        pytest.param(at(5, 0), False, "P1", id="the pump station"),
        pytest.param(at(11.5, 0), False, "P1", id="the pump station, placed beside itself"),
        pytest.param(at(5, 7.5), True, None, id="a shed built against the pump station"),
        pytest.param(at(5, 7.5, 2.5), False, "P1", id="the same, but placed too badly to tell"),
        pytest.param(at(5, 98.5), False, "P2", id="the nearer of two"),
        pytest.param(at(5, 7.5, (1.0, 2.5)), False, "P1", id="an ellipse that reaches north"),
        pytest.param(at(5, 7.5, (2.5, 1.0)), True, None, id="an ellipse that does not"),
    ],
)
def test_the_map_decides(point: GroundPoint, suspected: bool, permitted: str | None) -> None:
    judged = judge_structure(point, ZONES, PERMITTED)
    assert judged.suspected == suspected
    assert (judged.permitted.code if judged.permitted else None) == permitted
    assert "\n" not in judged.reason
    assert judged.reason


def test_probability_is_that_of_the_map() -> None:
    judged = judge_structure(at(15, 40, 3.0), ZONES, PERMITTED)
    assert judged.inside == pytest.approx(0.5, abs=0.02)


def test_without_layers_nothing_is_suspected_or_nothing_is_permitted() -> None:
    assert not judge_structure(at(0, 0), None, None).suspected
    assert judge_structure(at(5, 0), ZONES, None).suspected


@pytest.mark.parametrize(
    ("east", "sigma_m", "suspected"),
    [
        (0, 1.5, True),
        (14, 1.5, True),
        (17, 1.5, True),
        (19, 1.5, False),
        (19, 3.0, True),
        (60, 9, False),
    ],
)
def test_what_floats_does_so_on_water(east: float, sigma_m: float, suspected: bool) -> None:
    assert judge_at_water(at(east, 40, sigma_m), ZONES).suspected == suspected
