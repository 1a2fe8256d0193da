"""Which pieces of lanes are flown in which sortie, in what order and direction, from which site.

Route first, cluster second: an order of all pieces is split into sorties by dynamic programming,
best split, site and directions for that order (J. E. Beasley, Omega 11, 1983; C. Prins, Computers
& Operations Research 31, 2004); the order itself is searched, all orders where they are few, else
by moving and turning runs of pieces (2-opt, Or-opt) from two starts until nothing improves, then
on from shaken best orders (iterated local search; H. Lourenço, O. Martin, T. Stützle 2003).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

__all__ = ["Problem", "Route", "Visit", "assign"]

FloatArray = NDArray[np.float64]

_ALL_ORDERS_UP_TO = 6  # 720 orders
_WHOLE_LANES_UP_TO = 4  # 384 orders
_EFFORT = 300_000  # orders tried in a search times the square of the pieces
_EPSILON_S = 1e-6


@dataclass(frozen=True, slots=True)
class Problem:
    """N pieces and S launch sites.

    `between_s`, `between_wh` are (2N + S, 2N + S): the cost of flying from one place to another,
    infinite where there is no way. Places 2i and 2i + 1 are the start and the end of piece i,
    place 2N + s is site s. `work_s`, `work_wh`, `items` (mission items) and `lane` (the lane that
    a piece was cut from, its pieces one after another) are (N,). `sortie_s`
    and `sortie_wh` are what each sortie costs besides, `swap_s` what it costs in the search on
    top (time on the ground).
    """

    between_s: FloatArray
    between_wh: FloatArray
    work_s: FloatArray
    work_wh: FloatArray
    items: NDArray[np.int64]
    lane: NDArray[np.int64]
    sites: int
    sortie_s: float
    sortie_wh: float
    swap_s: float
    most_wh: float
    most_items: int

    def alone_wh(self) -> FloatArray:
        """(N,) energy of a sortie that flies one piece alone from the best site."""
        count = len(self.work_wh)
        start, end = np.arange(count) * 2, np.arange(count) * 2 + 1
        sites = np.arange(self.sites) + 2 * count
        ferry = self.between_wh[np.ix_(sites, start)] + self.between_wh[np.ix_(end, sites)].T
        return np.asarray(ferry.min(axis=0) + self.work_wh + self.sortie_wh)


@dataclass(frozen=True, slots=True)
class Visit:
    """A piece flown from its start to its end, or `backwards`."""

    piece: int
    backwards: bool


@dataclass(frozen=True, slots=True)
class Route:
    """A sortie: the site and the pieces in order."""

    site: int
    visits: tuple[Visit, ...]


def assign(problem: Problem, seed: int = 0) -> tuple[Route, ...]:
    """Sorties that fly every piece once, in the least total time found.

    Every piece must be flyable alone (`Problem.alone_wh`); raises ValueError where one is not.
    """
    count = len(problem.work_s)
    if count == 0:
        return ()
    split = _Splitter(problem)
    if not math.isfinite(split.cost(tuple(range(count)))):
        raise ValueError("a piece cannot be flown alone from any site")
    if count <= _ALL_ORDERS_UP_TO:
        best = min(permutations(range(count)), key=split.cost)
    else:
        best = _searched(problem, split, random.Random(seed))
    return split.routes(best)


class _Splitter:
    """The best split of an order into sorties. Plain lists: few states, no array overhead."""

    def __init__(self, problem: Problem) -> None:
        self._p = problem
        self._s: list[list[float]] = problem.between_s.tolist()
        self._wh: list[list[float]] = problem.between_wh.tolist()
        self._work_s: list[float] = problem.work_s.tolist()
        self._work_wh: list[float] = problem.work_wh.tolist()
        self._items: list[int] = problem.items.tolist()
        self._known: dict[tuple[int, ...], float] = {}

    def cost(self, order: tuple[int, ...]) -> float:
        """Total seconds, ground time included."""
        known = self._known.get(order)
        if known is None:
            known = self._known[order] = self._split(order)[0][-1]
        return known

    def routes(self, order: tuple[int, ...]) -> tuple[Route, ...]:
        _, previous = self._split(order)
        routes: list[Route] = []
        end = len(order)
        while end > 0:
            start, site = previous[end]
            routes.append(Route(site, self._directions(order[start:end], site)))
            end = start
        return tuple(reversed(routes))

    def _split(self, order: tuple[int, ...]) -> tuple[list[float], list[tuple[int, int]]]:
        """best[k]: least seconds for the first k pieces; previous[k]: where its last sortie
        begins, and from which site."""
        count = len(order)
        best = [0.0] + [math.inf] * count
        previous = [(-1, -1)] * (count + 1)
        for begin in range(count):
            if math.isinf(best[begin]):
                continue
            for site in range(self._p.sites):
                base = best[begin] + self._p.swap_s
                for end, (seconds, _) in enumerate(self._closed(order, begin, site), begin + 1):
                    if base + seconds < best[end] - _EPSILON_S:
                        best[end] = base + seconds
                        previous[end] = (begin, site)
        return best, previous

    def _closed(self, order: tuple[int, ...], begin: int, site: int) -> list[tuple[float, float]]:
        """(seconds, Wh) of the sorties order[begin:begin + 1], order[begin:begin + 2] ... from
        this site, seconds infinite where the battery does not last; ends where it cannot."""
        p, home = self._p, 2 * len(self._work_s) + site
        closed: list[tuple[float, float]] = []
        items = 0
        # (place, seconds, Wh) having flown the last piece forwards and backwards
        states = [(home, p.sortie_s, p.sortie_wh)]
        for piece in order[begin:]:
            items += self._items[piece]
            if items > p.most_items:
                break
            states = [self._flown(states, 2 * piece + end, piece) for end in (0, 1)]
            if min(state[2] for state in states) > p.most_wh:
                break
            ends = [
                (s + self._s[place][home], wh + self._wh[place][home]) for place, s, wh in states
            ]
            good = [e for e in ends if e[1] <= p.most_wh]
            closed.append(min(good) if good else (math.inf, math.inf))
        return closed

    def _flown(
        self, states: Sequence[tuple[int, float, float]], enter: int, piece: int
    ) -> tuple[int, float, float]:
        """The quickest way to have flown `piece` entered at place `enter`."""
        s, wh = min(
            (s + self._s[place][enter], wh + self._wh[place][enter]) for place, s, wh in states
        )
        return enter ^ 1, s + self._work_s[piece], wh + self._work_wh[piece]

    def _directions(self, pieces: Sequence[int], site: int) -> tuple[Visit, ...]:
        """The directions behind the cost of `_closed` for this sortie, traced back."""
        p, home = self._p, 2 * len(self._work_s) + site
        paths: list[tuple[float, float, int, tuple[Visit, ...]]] = [
            (p.sortie_s, p.sortie_wh, home, ())
        ]
        for piece in pieces:
            paths = [
                min(
                    (
                        (
                            s + self._s[place][enter] + self._work_s[piece],
                            wh + self._wh[place][enter] + self._work_wh[piece],
                            enter ^ 1,
                            (*visits, Visit(piece, backwards=bool(enter & 1))),
                        )
                        for s, wh, place, visits in paths
                    ),
                    key=lambda path: path[:2],
                )
                for enter in (2 * piece, 2 * piece + 1)
            ]
        fit = [
            (s + self._s[place][home], visits)
            for s, wh, place, visits in paths
            if wh + self._wh[place][home] <= p.most_wh
        ]
        return min(fit, key=lambda path: path[0])[1]


def _whole_lanes(problem: Problem, split: _Splitter) -> tuple[int, ...]:
    """The best order that leaves lanes whole, where they are few; else the order given."""
    pieces = np.arange(len(problem.lane))
    lanes = [tuple(pieces[problem.lane == lane].tolist()) for lane in np.unique(problem.lane)]
    if len(lanes) > _WHOLE_LANES_UP_TO:
        return tuple(pieces.tolist())
    return min(
        (
            sum(order, ())
            for turned in product(*((lane, lane[::-1]) for lane in lanes))
            for order in permutations(turned)
        ),
        key=split.cost,
    )


def _nearest_chain(problem: Problem) -> tuple[int, ...]:
    """From the first site always on to the piece with the nearest end: a start for the search."""
    count = len(problem.work_s)
    left, here, order = set(range(count)), 2 * count, []
    while left:
        _, enter = min(
            (float(problem.between_s[here, 2 * i + end]), 2 * i + end)
            for i in left
            for end in (0, 1)
        )
        order.append(enter // 2)
        left.remove(enter // 2)
        here = enter ^ 1
    return tuple(order)


def _searched(problem: Problem, split: _Splitter, rng: random.Random) -> tuple[int, ...]:
    count = len(problem.work_s)
    most = min(3_000, max(1_000, _EFFORT // count**2))
    moves = _moves(count)
    tries = 0

    def improved(order: tuple[int, ...]) -> tuple[int, ...]:
        """Move by move as long as one of them helps and there are tries left."""
        nonlocal tries
        best, helped = split.cost(order), True
        while helped and tries < most:
            helped = False
            for move in moves:  # goes on from where a move helped, then round again
                candidate = tuple(order[i] for i in move)
                tries += 1
                value = split.cost(candidate)
                if value < best - _EPSILON_S:
                    order, best, helped = candidate, value, True
                if tries >= most:
                    break
        return order

    best = min(
        (improved(order) for order in (_whole_lanes(problem, split), _nearest_chain(problem))),
        key=split.cost,
    )
    while tries < most:
        a, b, c = sorted(rng.sample(range(1, count), 3))
        shaken = best[:a] + best[b:c] + best[a:b] + best[c:]  # the double bridge: 2-opt resists it
        best = min(best, improved(shaken), key=split.cost)
    return best


def _moves(count: int) -> list[tuple[int, ...]]:
    """The moves as orders of positions."""
    order = tuple(range(count))
    turned = [
        order[:i] + order[i:j][::-1] + order[j:]
        for i in range(count - 1)
        for j in range(i + 2, count + 1)
    ]
    moved = []
    for run in (1, 2, 3):
        for i in range(count - run + 1):
            rest, piece = order[:i] + order[i + run :], order[i : i + run]
            moved += [rest[:k] + piece + rest[k:] for k in range(len(rest) + 1) if k != i]
    return turned + moved
