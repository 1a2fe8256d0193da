"""The assignment against every order, direction, split and site, tried one by one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patrol.planning import sorties
from patrol.planning.sorties import Problem, Route, assign


def problem(seed: int, pieces: int, sites: int, most_wh: float) -> Problem:
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, 1000, (pieces, 2))
    ends = starts + rng.uniform(-300, 300, (pieces, 2))
    work_s = np.hypot(*(ends - starts).T) / 8 + 5
    places = np.vstack(
        [np.stack([starts, ends], 1).reshape(-1, 2), rng.uniform(0, 1000, (sites, 2))]
    )
    between_s = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) / 8 + 3
    return Problem(
        between_s=between_s,
        between_wh=between_s * 0.03,
        work_s=work_s,
        work_wh=work_s * 0.03,
        items=np.full(pieces, 10),
        lane=np.arange(pieces) // 2,
        sites=sites,
        sortie_s=60.0,
        sortie_wh=2.0,
        swap_s=100.0,
        most_wh=most_wh,
        most_items=45,
    )


def cost(p: Problem, routes: tuple[Route, ...]) -> float:
    """Seconds of these sorties with ground time; infinite where one breaks a limit."""
    total = 0.0
    for route in routes:
        home = here = 2 * len(p.work_s) + route.site
        seconds, wh, items = p.sortie_s, p.sortie_wh, 0
        for visit in route.visits:
            enter = 2 * visit.piece + int(visit.backwards)
            seconds += p.between_s[here, enter] + p.work_s[visit.piece]
            wh += p.between_wh[here, enter] + p.work_wh[visit.piece]
            items += int(p.items[visit.piece])
            here = enter ^ 1
        seconds += p.between_s[here, home]
        wh += p.between_wh[here, home]
        if wh > p.most_wh + 1e-9 or items > p.most_items:
            return math.inf
        total += seconds + p.swap_s
    return total


def best_by_trying_all(p: Problem) -> float:
    count = len(p.work_s)
    best = math.inf
    for order in itertools.permutations(range(count)):
        for directions in itertools.product((False, True), repeat=count):
            visits = [sorties.Visit(i, d) for i, d in zip(order, directions, strict=True)]
            for cuts in itertools.product((False, True), repeat=count - 1):
                groups: list[list[sorties.Visit]] = [[visits[0]]]
                for cut_here, visit in zip(cuts, visits[1:], strict=True):
                    if cut_here:
                        groups.append([])
                    groups[-1].append(visit)
                total = 0.0
                for group in groups:
                    total += min(cost(p, (Route(s, tuple(group)),)) for s in range(p.sites))
                best = min(best, total)
    return best


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most_wh", [16.0, 25.0, 100.0])
def test_few_pieces_get_the_best_of_all(seed: int, most_wh: float) -> None:
    p = problem(seed, 4, 2, most_wh)
    if (p.alone_wh() > most_wh).any():
        pytest.skip("a piece cannot be flown alone")
    assert cost(p, assign(p)) == pytest.approx(best_by_trying_all(p))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.integers(7, 9), st.floats(20, 120))
def test_every_piece_once_and_within_the_battery(seed: int, pieces: int, most_wh: float) -> None:
    p = problem(seed, pieces, 2, most_wh)
    if (p.alone_wh() > most_wh).any():
        with pytest.raises(ValueError, match="alone"):
            assign(p)
        return
    routes = assign(p)
    assert sorted(v.piece for r in routes for v in r.visits) == list(range(pieces))
    assert math.isfinite(cost(p, routes))


def test_the_search_finds_what_trying_all_orders_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = [problem(seed, 7, 2, 30.0) for seed in range(2)]
    searched = [cost(p, assign(p)) for p in problems]
    monkeypatch.setattr(sorties, "_ALL_ORDERS_UP_TO", 7)
    assert searched == pytest.approx([cost(p, assign(p)) for p in problems])


def test_the_same_seed_gives_the_same_sorties() -> None:
    p = problem(1, 9, 3, 40.0)
    assert assign(p, seed=5) == assign(p, seed=5)


def test_nothing_to_fly() -> None:
    assert assign(problem(0, 0, 1, 50.0)) == ()
