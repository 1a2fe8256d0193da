"""The lower bound never exceeds what can be flown: against the least of everything tried."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from random_rivers import PROJECTION
from shapely.geometry import LineString, Polygon, box
from tiny_optimum import operation_s, pieces_of

from patrol.planning.cover.lanes import LaneLine
from patrol.planning.ground import Ground
from patrol.planning.settings import PlanSettings
from patrol.planning.sorties.bound import lower_bound
from patrol.planning.sorties.clusters import drafts
from patrol.planning.sorties.problem import moves_s
from patrol.planning.sorties.routes import Router
from patrol.planning.wind import Wind

FloatArray = NDArray[np.float64]
Line = list[tuple[float, float]]

ROUNDING = 1 + 1e-6
FLAT = Ground(None, PROJECTION)


def lanes_of(lines: list[Line]) -> list[LaneLine]:
    return [LaneLine("R1", "centre", LineString(line)) for line in lines]


def least_s(
    lines: list[Line], sites: FloatArray, options: PlanSettings, router: Router, shares: list[float]
) -> float:
    """The least time found by hand: lanes cut at these shares of their length, everything tried."""
    pieces = [piece for line in lines for piece in pieces_of(line, shares)]
    return operation_s(pieces, sites, options, router)


@st.composite
def instances(draw: st.DrawFn) -> tuple[list[Line], FloatArray, PlanSettings, list[Polygon]]:
    """One to four lanes about one to three sites; batteries small and large, zones, wind."""
    span = draw(st.sampled_from([300.0, 800.0, 2000.0]))
    coordinate = st.integers(0, 40).map(lambda n: n / 40 * span)
    place = st.tuples(coordinate, coordinate)
    lines = [
        draw(st.lists(place, min_size=2, max_size=4, unique=True))
        for _ in range(draw(st.integers(1, 4)))
    ]
    sites = np.array(draw(st.lists(place, min_size=1, max_size=3, unique=True)))
    zones: list[Polygon] = []
    if draw(st.booleans()):
        x, y = draw(place)
        zone = box(x, y, x + span / 5, y + span / 8)
        around = zone.buffer(24)
        clear = not any(around.intersects(LineString(line)) for line in lines)
        if clear and not shapely.intersects_xy(around, *sites.T).any():
            zones.append(zone)
    options = PlanSettings(
        speed_m_s=draw(st.sampled_from([5.0, 10.0, 14.0])),
        wind=Wind(draw(st.sampled_from([0.0, 5.0, 13.0])), draw(st.integers(0, 359))),
        battery_wh=draw(st.sampled_from([6.0, 9.0, 14.0, 30.0, 500.0])),
        swap_s=draw(st.sampled_from([0.0, 60.0, 300.0])),
        drones=draw(st.integers(1, 2)),
        crews=draw(st.sampled_from([1, 1, 2])),
        docks=draw(st.booleans()),
        car_m_s=draw(st.sampled_from([6.0, 30.0, None])),
        pack_s=draw(st.sampled_from([0.0, 180.0])),
    )
    return lines, sites, options, zones


@settings(max_examples=80, deadline=None)
@given(instances())
def test_the_bound_is_never_more_than_the_least(
    case: tuple[list[Line], FloatArray, PlanSettings, list[Polygon]],
) -> None:
    lines, sites, options, zones = case
    router = Router(zones, options.zone_clearance_m)
    bound = lower_bound(lanes_of(lines), sites, options, router).seconds
    shares = {1: [0.17, 0.33, 0.5, 0.67, 0.83], 2: [0.33, 0.67], 3: [0.5], 4: []}[len(lines)]
    least = least_s(lines, sites, options, router, shares)
    assert bound <= least * ROUNDING
    assert bound > 0


@settings(max_examples=20, deadline=None)
@given(instances())
def test_the_bound_is_never_more_than_the_planner_s_own(
    case: tuple[list[Line], FloatArray, PlanSettings, list[Polygon]],
) -> None:
    lines, sites, options, zones = case
    options = replace(options, crews=1, drones=1, docks=False, car_m_s=options.car_m_s or 6.0)
    router = Router(zones, options.zone_clearance_m)
    lanes = lanes_of(lines)
    found, beyond = drafts(lanes, sites, options, router, FLAT)
    if beyond or not found:
        return
    move = moves_s(sites, options)
    total = sum(one.cost.duration_s for one in found) + options.swap_s * (len(found) - 1)
    total += sum(move[a.site, b.site] for a, b in itertools.pairwise(found))
    assert lower_bound(lanes, sites, options, router).seconds <= total * ROUNDING


def test_a_site_may_be_left_by_way_of_a_cut() -> None:
    """The way from the site to a lane's end leads over another lane, which is flown as a round
    from there: entering it at a cut costs nothing over the straight way."""
    lines: list[Line] = [
        [(1000, 0), (1000, -1500), (-200, -1500), (-200, 0), (0, -600)],
        [(495, 800), (500, 0), (505, 800)],
    ]
    site = np.array([[0.0, 0.0]])
    options = PlanSettings(speed_m_s=12.0, battery_wh=9000.0)
    router = Router([], 20)
    bound = lower_bound(lanes_of(lines), site, options, router).seconds
    pieces = pieces_of(lines[0], []) + pieces_of(lines[1], [0.5])
    assert bound <= operation_s(pieces, site, options, router) * ROUNDING


def test_a_detour_may_lead_over_a_cut() -> None:
    """Round a zone's corner stands a lane like a horseshoe; the detour passes it anyway."""
    zone = box(200, -400, 300, 280)
    lines: list[Line] = [
        [(600, 0), (600, -900)],
        [(255, 1200), (250, 301.5), (260, 1200)],
    ]
    site = np.array([[-100.0, 0.0]])
    options = PlanSettings(speed_m_s=12.0, battery_wh=9000.0)
    router = Router([zone], 20)
    bound = lower_bound(lanes_of(lines), site, options, router).seconds
    pieces = pieces_of(lines[0], []) + pieces_of(lines[1], [0.5])
    assert bound <= operation_s(pieces, site, options, router) * ROUNDING


@example(seed=0, from_deg=0)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), from_deg=st.integers(0, 359))
def test_winds_that_slow_the_vehicle_down(seed: int, from_deg: int) -> None:
    """Near the air speed's limit ways there and back differ by much, and batteries are short."""
    rng = np.random.default_rng(seed)
    lines = [
        [tuple(p) for p in rng.uniform(0, 600, (3, 2)).tolist()] for _ in range(rng.integers(1, 4))
    ]
    sites = rng.uniform(0, 600, (1, 2))
    options = PlanSettings(
        speed_m_s=float(rng.uniform(6, 15)),
        wind=Wind(float(rng.uniform(8, 19)), from_deg),
        battery_wh=float(rng.uniform(12, 60)),
    )
    router = Router([], 20)
    bound = lower_bound(lanes_of(lines), sites, options, router).seconds
    least = least_s(lines, sites, options, router, [0.5] if len(lines) > 2 else [0.33, 0.67])
    assert bound <= least * ROUNDING


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), wind_m_s=st.sampled_from([0.0, 5.0, 12.0, 17.0]))
def test_a_battery_that_is_just_enough_for_one_sortie(seed: int, wind_m_s: float) -> None:
    """The least battery with which one sortie flies all is found by trying; with it, the bound
    must not ask for a second sortie, which would cost a day's swap."""
    rng = np.random.default_rng(seed)
    lines = [
        [tuple(p) for p in rng.uniform(0, 900, (3, 2)).tolist()] for _ in range(rng.integers(1, 3))
    ]
    site = rng.uniform(0, 900, (1, 2))
    day_s = 80_000.0
    options = PlanSettings(
        speed_m_s=float(rng.uniform(5, 14)), wind=Wind(wind_m_s, seed % 360), swap_s=day_s
    )
    router = Router([], 20)

    def one_sortie(battery_wh: float) -> bool:
        chosen = replace(options, battery_wh=battery_wh)
        return least_s(lines, site, chosen, router, [0.33, 0.67]) < day_s

    low, high = 1.0, 2000.0
    assert one_sortie(high)
    while high / low > 1.002:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if one_sortie(middle) else (middle, high)
    enough = replace(options, battery_wh=high)
    assert lower_bound(lanes_of(lines), site, enough, router).seconds < day_s


@pytest.mark.parametrize("battery_wh", [500.0, 8.0])
def test_it_is_near_the_least_where_lanes_follow_one_another(battery_wh: float) -> None:
    lines: list[Line] = [[(0, 0), (500, 0)], [(500, 20), (0, 20)]]
    site = np.array([[-10.0, 10.0]])
    options = PlanSettings(speed_m_s=10.0, battery_wh=battery_wh, swap_s=60.0)
    router = Router([], 20)
    bound = lower_bound(lanes_of(lines), site, options, router)
    least = least_s(lines, site, options, router, [0.25, 0.5, 0.75])
    assert 0.85 * least <= bound.seconds <= least * ROUNDING
    assert "CP-SAT" in bound.method


def test_two_crews_and_docks_share_the_work() -> None:
    lines: list[Line] = [[(0, 0), (800, 0)], [(5000, 0), (5800, 0)]]
    sites = np.array([[0.0, 50.0], [5000.0, 50.0]])
    router = Router([], 20)
    one = PlanSettings(speed_m_s=10.0, battery_wh=14.0)
    least = {}
    for name, options in {
        "one": one,
        "two": replace(one, crews=2),
        "docks": replace(one, docks=True),
        "two that stay": replace(one, crews=2, car_m_s=None),
    }.items():
        bound = lower_bound(lanes_of(lines), sites, options, router).seconds
        least[name] = least_s(lines, sites, options, router, [0.5])
        assert 0.3 * least[name] <= bound <= least[name] * ROUNDING
    assert least["two"] < 0.4 * least["one"]
    assert least["two"] == least["docks"]
    alone = lower_bound(lanes_of(lines), sites, replace(one, car_m_s=None), router).seconds
    assert math.isinf(least_s(lines, sites, replace(one, car_m_s=None), router, []))
    assert alone > 0


def test_more_work_is_never_bounded_by_less() -> None:
    rng = np.random.default_rng(5)
    lines = [[tuple(p) for p in rng.uniform(0, 900, (2, 2)).tolist()] for _ in range(5)]
    options = PlanSettings(speed_m_s=10.0, battery_wh=20.0)
    router, site = Router([], 20), np.array([[0.0, 0.0]])
    flown = [sum(LineString(x).length for x in lines[:k]) / 10 for k in range(1, 6)]
    bounds = [lower_bound(lanes_of(lines[:k]), site, options, router).seconds for k in range(1, 6)]
    assert all(bound > seconds for bound, seconds in zip(bounds, flown, strict=True))


def test_many_lanes_have_a_bound_too() -> None:
    rng = np.random.default_rng(2)
    lines = [[tuple(p) for p in rng.uniform(0, 3000, (2, 2)).tolist()] for _ in range(45)]
    options = PlanSettings(speed_m_s=10.0)
    bound = lower_bound(lanes_of(lines), np.array([[0.0, 0.0]]), options, Router([], 20))
    assert bound.seconds > sum(LineString(x).length for x in lines) / 10
    assert lower_bound([], np.zeros((1, 2)), options, Router([], 20)).seconds == 0.0


def test_the_same_input_gives_the_same_bound() -> None:
    lines: list[Line] = [[(0, 0), (500, 80)], [(300, 200), (700, 20)], [(0, 400), (90, 300)]]
    options = PlanSettings(speed_m_s=10.0, battery_wh=15.0)
    sites = np.array([[0.0, 50.0], [600.0, 300.0]])
    first, second = (lower_bound(lanes_of(lines), sites, options, Router([], 20)) for _ in range(2))
    assert first == second
