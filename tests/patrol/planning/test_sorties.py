"""The costs of flying pieces, and the assignment against every order, direction, split and site."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from random_rivers import PROJECTION
from shapely.geometry import LineString, box
from tiny_optimum import operation_s

from patrol.planning.cover.lanes import LaneLine
from patrol.planning.ground import Ground
from patrol.planning.settings import PlanSettings
from patrol.planning.sorties import search
from patrol.planning.sorties.clusters import drafts
from patrol.planning.sorties.drafts import draft
from patrol.planning.sorties.problem import Problem, moves_s, problem_of
from patrol.planning.sorties.routes import Router
from patrol.planning.sorties.search import assign
from patrol.planning.sorties.split import Route, Splitter, Visit
from patrol.planning.wind import Wind

FloatArray = NDArray[np.float64]

FLAT = Ground(None, PROJECTION)


def lanes_at(seed: int, count: int, reach_m: float = 900.0) -> list[LaneLine]:
    rng = np.random.default_rng(seed)
    lanes = []
    for _ in range(count):
        start = rng.uniform(0, reach_m, 2)
        steps = rng.uniform(-250, 250, (2, 2))
        lanes.append(
            LaneLine("R1", "centre", LineString(start + np.cumsum([[0, 0], *steps], axis=0)))
        )
    return lanes


def made(
    seed: int, pieces: int, sites: int, battery_wh: float | None = None, **chosen: object
) -> tuple[Problem, list[LaneLine], FloatArray, PlanSettings]:
    lanes = lanes_at(seed, pieces)
    sites_m = np.random.default_rng(seed + 1).uniform(0, 900, (sites, 2))
    chosen = {"speed_m_s": 10.0, **chosen}
    options = PlanSettings(battery_wh=battery_wh, **chosen)  # type: ignore[arg-type]
    return problem_of(lanes, sites_m, options, Router([], 20)), lanes, sites_m, options


def cost(p: Problem, routes: tuple[Route, ...]) -> float:
    """Seconds of these sorties with swaps and moves; infinite where one breaks a limit."""
    total, before = 0.0, None
    for route in routes:
        seconds, wh, items, last = p.sortie_s, p.sortie_wh, 0, None
        for visit in route.visits:
            way = 2 * visit.piece + int(visit.backwards)
            if last is None:
                seconds, wh = seconds + p.out_s[route.site, way], wh + p.out_wh[route.site, way]
            else:
                seconds, wh = seconds + p.between_s[last, way], wh + p.between_wh[last, way]
            seconds, wh = seconds + p.work_s[way], wh + p.work_wh[way]
            items += int(p.items[visit.piece])
            last = way
        seconds += p.home_s[last, route.site]
        wh += p.home_wh[last, route.site]
        if wh > p.most_wh + 1e-9 or items > p.most_items:
            return math.inf
        total += float(seconds)
        if before is not None:
            total += p.swap_s + float(p.move_s[before, route.site])
        before = route.site
    return total


def best_by_trying_all(p: Problem) -> float:
    count = p.pieces
    best = math.inf
    for order in itertools.permutations(range(count)):
        for directions in itertools.product((False, True), repeat=count):
            visits = [Visit(i, d) for i, d in zip(order, directions, strict=True)]
            for cuts in itertools.product((False, True), repeat=count - 1):
                groups: list[list[Visit]] = [[visits[0]]]
                for cut_here, visit in zip(cuts, visits[1:], strict=True):
                    if cut_here:
                        groups.append([])
                    groups[-1].append(visit)
                for sites in itertools.product(range(p.sites), repeat=len(groups)):
                    routes = tuple(Route(s, tuple(g)) for s, g in zip(sites, groups, strict=True))
                    best = min(best, cost(p, routes))
    return best


@pytest.mark.parametrize("wind", [Wind(), Wind(6, 40)])
@pytest.mark.parametrize("zone", [False, True])
def test_the_tables_hold_what_flying_costs(wind: Wind, zone: bool) -> None:
    """Each table against the energy model on the way itself, turns and all; ways round zones at
    their most."""
    options = PlanSettings(speed_m_s=10.0, wind=wind)
    lanes = lanes_at(3, 3)
    sites_m = np.array([[0.0, -300.0], [1200.0, 400.0]])
    router = Router([box(420, -250, 520, -100)] if zone else [], 20)
    p = problem_of(lanes, sites_m, options, router)
    ways = [shapely.get_coordinates(x.line)[::step] for x in lanes for step in (1, -1)]
    energy = options.energy
    for i, way in enumerate(ways):
        flown = energy.along(way)
        assert (p.work_s[i], p.work_wh[i]) == pytest.approx((flown.duration_s, flown.energy_wh))
        for j, other in enumerate(ways):
            if i // 2 == j // 2:
                assert math.isinf(p.between_s[i, j])
                continue
            corners = router.way(way[-1], other[0])
            assert corners is not None
            whole = energy.along(np.vstack([way, corners, other]))
            rest = flown.duration_s + energy.along(other).duration_s
            hop = whole.duration_s - rest
            if len(corners):
                assert p.between_s[i, j] >= hop - 1e-6
            else:
                assert p.between_s[i, j] == pytest.approx(hop)
                wh = whole.energy_wh - flown.energy_wh - energy.along(other).energy_wh
                assert p.between_wh[i, j] == pytest.approx(wh)
        for s, site in enumerate(sites_m):
            corners = router.way(site, way[0])
            assert corners is not None
            out = energy.along(np.vstack([site, corners, way])).duration_s - flown.duration_s
            home = energy.along(np.vstack([way, site])).duration_s - flown.duration_s
            if len(corners):
                assert p.out_s[s, i] >= out - 1e-6
            else:
                assert p.out_s[s, i] == pytest.approx(out)
                assert p.home_s[i, s] >= home - 1e-6
    alone = p.alone_wh()
    for k in range(3):
        tried = [
            p.out_wh[s, w] + p.work_wh[w] + p.home_wh[w, s] + p.sortie_wh
            for s in range(2)
            for w in (2 * k, 2 * k + 1)
        ]
        assert alone[k] == pytest.approx(min(tried))


def test_the_least_table_is_never_more_than_the_other() -> None:
    options = PlanSettings(speed_m_s=12.0, wind=Wind(6, 10))
    lanes, sites_m = lanes_at(5, 3), np.array([[0.0, -300.0]])
    router = Router([box(300, -250, 520, 100)], 20)
    usual = problem_of(lanes, sites_m, options, router)
    least = problem_of(lanes, sites_m, options, router, least=True)
    for name in ("between_s", "between_wh", "out_s", "out_wh", "home_s", "home_wh"):
        assert np.all(getattr(least, name) <= getattr(usual, name) + 1e-9)
    assert problem_of(lanes, sites_m, options, router, spare_wh=3.0).most_wh == pytest.approx(
        usual.most_wh - 3.0
    )


def test_moves_take_packing_and_the_road() -> None:
    sites_m = np.array([[0.0, 0.0], [3000.0, 4000.0]])
    options = PlanSettings(car_m_s=7.0, pack_s=100.0)
    move = moves_s(sites_m, options)
    assert np.diag(move).tolist() == [0.0, 0.0]
    assert move[0, 1] == move[1, 0] == pytest.approx(100 + 1.4 * 5000 / 7)
    assert np.isinf(moves_s(sites_m, replace(options, car_m_s=None))[0, 1])
    assert not moves_s(sites_m, replace(options, docks=True)).any()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most_wh", [6.0, 8.0, 60.0])
@pytest.mark.parametrize("car_m_s", [None, 30.0])
def test_few_pieces_get_the_best_of_all(seed: int, most_wh: float, car_m_s: float | None) -> None:
    p, *_ = made(seed, 3, 2, most_wh / 0.75, car_m_s=car_m_s, pack_s=20.0, swap_s=60.0)
    best = best_by_trying_all(p)
    if math.isinf(best):
        with pytest.raises(ValueError, match="alone"):
            assign(p)
        return
    assert cost(p, assign(p)) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(2))
def test_three_pieces_at_three_sites_with_moves(seed: int) -> None:
    p, *_ = made(seed, 3, 3, 14.0, car_m_s=20.0, pack_s=10.0, swap_s=30.0)
    routes = assign(p)
    assert cost(p, routes) == pytest.approx(best_by_trying_all(p))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6), st.floats(6, 60), st.integers(0, 10**6))
def test_the_split_costs_what_its_routes_do(
    seed: int, pieces: int, most_wh: float, shuffle: int
) -> None:
    p, *_ = made(seed, pieces, 2, most_wh / 0.75)
    order = tuple(np.random.default_rng(shuffle).permutation(pieces).tolist())
    split = Splitter(p)
    value = split.cost(order)
    if math.isinf(value):
        return
    routes = split.routes(order)
    assert tuple(v.piece for r in routes for v in r.visits) == order
    assert cost(p, routes) == pytest.approx(value)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6), st.integers(7, 9), st.floats(6, 60))
def test_every_piece_once_and_within_the_battery(seed: int, pieces: int, most_wh: float) -> None:
    p, *_ = made(seed, pieces, 2, most_wh / 0.75)
    if (p.alone_wh() > p.most_wh).any():
        with pytest.raises(ValueError, match="alone"):
            assign(p)
        return
    routes = assign(p)
    assert sorted(v.piece for r in routes for v in r.visits) == list(range(pieces))
    assert math.isfinite(cost(p, routes))


def test_the_search_finds_what_trying_all_orders_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    p, *_ = made(1, 6, 2, 12.0)
    tried = cost(p, assign(p))
    monkeypatch.setattr(search, "_ALL_ORDERS_UP_TO", 3)
    assert cost(p, assign(p)) == pytest.approx(tried, rel=0.01)


def test_the_same_seed_gives_the_same_sorties() -> None:
    p, *_ = made(1, 8, 2, 20.0)
    assert assign(p, seed=5) == assign(p, seed=5)


def test_mission_items_split_a_sortie() -> None:
    p, *_ = made(2, 3, 1)
    assert len(assign(p)) == 1
    few = replace(p, most_items=int(p.items.max()))
    assert len(assign(few)) == 3


def test_nothing_to_fly() -> None:
    options = PlanSettings()
    empty = problem_of([], np.zeros((1, 2)), options, Router([], 20))
    assert empty.pieces == 0
    assert len(empty.alone_wh()) == 0
    assert assign(empty) == ()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.booleans())
def test_drafts_cost_what_the_tables_say(seed: int, count: int, backwards: bool) -> None:
    p, lanes, sites_m, options = made(seed, count, 2)
    route = Route(1, tuple(Visit(i, backwards) for i in range(count)))
    flown = draft(route, lanes, sites_m, options, Router([], 20), FLAT)
    assert flown.cost.duration_s == pytest.approx(cost(p, (route,)), rel=1e-9)
    assert flown.site == 1
    assert [lane.line.length for lane in flown.lanes] == pytest.approx(
        [lane.line.length for lane in lanes]
    )
    track = np.vstack([sites_m[1], *(part.points_m for part in flown.parts), sites_m[1]])
    whole = options.energy.sortie(track, np.full(len(track), options.height_m))
    assert flown.cost == whole


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.floats(9, 30), st.sampled_from([0.0, 7.0]))
def test_sorties_fly_everything_near_the_least_time(
    seed: int, count: int, battery_wh: float, wind_m_s: float
) -> None:
    """Whole sorties against every way of flying the lanes, the turns paid for beforehand."""
    options = PlanSettings(speed_m_s=10.0, battery_wh=battery_wh, wind=Wind(wind_m_s, seed % 360))
    lanes = lanes_at(seed, count)
    sites_m = np.random.default_rng(seed).uniform(0, 900, (2, 2))
    router = Router([], 20)
    found, beyond = drafts(lanes, sites_m, options, router, FLAT)
    for one in found:
        assert one.cost.energy_wh <= options.usable_wh + 1e-9
    flown_m = sum(lane.line.length for one in found for lane in one.lanes)
    left_m = sum(lane.line.length for lane in beyond)
    assert flown_m + left_m == pytest.approx(sum(lane.line.length for lane in lanes))
    energy = options.energy
    turns_s = 4 * energy.stop_s * (count + 1)
    spare_wh = turns_s * energy.turn_w() / 3600 / (1 - options.reserve_share)
    poorer = replace(options, battery_wh=battery_wh - spare_wh)
    pieces = [shapely.get_coordinates(lane.line) for lane in lanes]
    least = operation_s(pieces, sites_m, poorer, router)
    if math.isinf(least):
        return
    assert not beyond
    moves = moves_s(sites_m, options)
    total = sum(one.cost.duration_s for one in found) + options.swap_s * (len(found) - 1)
    total += sum(moves[a.site, b.site] for a, b in itertools.pairwise(found))
    assert total <= least + turns_s * len(found) + 1
