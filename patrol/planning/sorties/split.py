"""The best way to split an order of pieces into sorties.

Route first, cluster second: for a given order the best split, launch sites and directions follow
by dynamic programming (J. E. Beasley, Omega 11, 1983; C. Prins, Computers & Operations Research
31, 2004).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from patrol.planning.sorties.problem import Problem

__all__ = ["Route", "Splitter", "Visit"]

_EPSILON_S = 1e-6


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


class Splitter:
    """Costs of orders, remembered. Plain lists: few states, no array overhead."""

    def __init__(self, problem: Problem) -> None:
        self._p = problem
        self._between_s: list[list[float]] = problem.between_s.tolist()
        self._between_wh: list[list[float]] = problem.between_wh.tolist()
        self._out_s: list[list[float]] = problem.out_s.tolist()
        self._out_wh: list[list[float]] = problem.out_wh.tolist()
        self._home_s: list[list[float]] = problem.home_s.tolist()
        self._home_wh: list[list[float]] = problem.home_wh.tolist()
        self._work_s: list[float] = problem.work_s.tolist()
        self._work_wh: list[float] = problem.work_wh.tolist()
        self._items: list[int] = problem.items.tolist()
        self._move_s: list[list[float]] = problem.move_s.tolist()
        self._known: dict[tuple[int, ...], float] = {}

    def cost(self, order: tuple[int, ...]) -> float:
        """Total seconds from the first take-off to the last landing of one crew; infinite where
        the order cannot be flown."""
        known = self._known.get(order)
        if known is None:
            known = self._known[order] = min(self._split(order)[0][-1]) - self._p.swap_s
        return known

    def once(self, order: tuple[int, ...], site: int) -> float:
        """Seconds of one sortie from this site that flies all of the order; infinite where one
        battery or mission does not do."""
        ends = self._closed(order, 0, site)
        return ends[-1] if len(ends) == len(order) else math.inf

    def routes(self, order: tuple[int, ...]) -> tuple[Route, ...]:
        """The sorties behind the cost, in the order they are flown."""
        best, previous = self._split(order)
        site = min(range(self._p.sites), key=lambda s: best[-1][s])
        routes: list[Route] = []
        end = len(order)
        while end > 0:
            start, before = previous[end][site]
            routes.append(Route(site, self._directions(order[start:end], site)))
            end, site = start, before
        return tuple(reversed(routes))

    def _split(
        self, order: tuple[int, ...]
    ) -> tuple[list[list[float]], list[list[tuple[int, int]]]]:
        """best[k][s]: least seconds for the first k pieces, the last sortie from site s;
        previous[k][s]: where that sortie begins, and the site before it."""
        count, sites = len(order), self._p.sites
        best = [[math.inf] * sites for _ in range(count + 1)]
        best[0] = [0.0] * sites
        previous = [[(0, s) for s in range(sites)] for _ in range(count + 1)]
        for begin in range(count):
            for site in range(sites):
                if begin == 0:  # the crew starts where its first sortie does
                    before, base = site, 0.0
                else:
                    before = min(range(sites), key=lambda s: best[begin][s] + self._move_s[s][site])
                    base = best[begin][before] + self._move_s[before][site]
                if math.isinf(base):
                    continue
                base += self._p.swap_s
                for end, seconds in enumerate(self._closed(order, begin, site), begin + 1):
                    if base + seconds < best[end][site] - _EPSILON_S:
                        best[end][site] = base + seconds
                        previous[end][site] = (begin, before)
        return best, previous

    def _closed(self, order: tuple[int, ...], begin: int, site: int) -> list[float]:
        """Seconds of the sorties order[begin:begin + 1], order[begin:begin + 2] ... from this
        site, infinite where the battery does not last; ends where it cannot."""
        p, most_wh = self._p, self._p.most_wh
        work_s, work_wh = self._work_s, self._work_wh
        home_s, home_wh = self._home_s, self._home_wh
        closed: list[float] = []
        # Having flown the last piece forth (f) and back (b): seconds and Wh so far. Written out
        # for two, as this is where the search spends its time.
        piece = order[begin]
        items = self._items[piece]
        if items > p.most_items:
            return closed
        f, b = 2 * piece, 2 * piece + 1
        out_s, out_wh = self._out_s[site], self._out_wh[site]
        f_s, f_wh = p.sortie_s + out_s[f] + work_s[f], p.sortie_wh + out_wh[f] + work_wh[f]
        b_s, b_wh = p.sortie_s + out_s[b] + work_s[b], p.sortie_wh + out_wh[b] + work_wh[b]
        for index in range(begin + 1, len(order) + 1):
            if f_wh > most_wh and b_wh > most_wh:
                break
            forth = f_s + home_s[f][site] if f_wh + home_wh[f][site] <= most_wh else math.inf
            back = b_s + home_s[b][site] if b_wh + home_wh[b][site] <= most_wh else math.inf
            closed.append(min(forth, back))
            if index == len(order):
                break
            piece = order[index]
            items += self._items[piece]
            if items > p.most_items:
                break
            from_f_s, from_f_wh = self._between_s[f], self._between_wh[f]
            from_b_s, from_b_wh = self._between_s[b], self._between_wh[b]
            was = f_s, f_wh, b_s, b_wh
            f, b = 2 * piece, 2 * piece + 1
            one, other = was[0] + from_f_s[f], was[2] + from_b_s[f]
            if one <= other:
                f_s, f_wh = one + work_s[f], was[1] + from_f_wh[f] + work_wh[f]
            else:
                f_s, f_wh = other + work_s[f], was[3] + from_b_wh[f] + work_wh[f]
            one, other = was[0] + from_f_s[b], was[2] + from_b_s[b]
            if one <= other:
                b_s, b_wh = one + work_s[b], was[1] + from_f_wh[b] + work_wh[b]
            else:
                b_s, b_wh = other + work_s[b], was[3] + from_b_wh[b] + work_wh[b]
        return closed

    def _directions(self, pieces: Sequence[int], site: int) -> tuple[Visit, ...]:
        """The directions behind the cost of `_closed` for this sortie, traced back."""
        p = self._p
        paths: list[tuple[float, float, tuple[int, ...]]] = [(p.sortie_s, p.sortie_wh, ())]
        for piece in pieces:
            paths = [
                min((self._on(path, way, site) for path in paths), key=lambda path: path[0])
                for way in (2 * piece, 2 * piece + 1)
            ]
        fit = [
            (s + self._home_s[ways[-1]][site], ways)
            for s, wh, ways in paths
            if wh + self._home_wh[ways[-1]][site] <= p.most_wh
        ]
        ways = min(fit)[1]
        return tuple(Visit(way // 2, backwards=bool(way & 1)) for way in ways)

    def _on(
        self, path: tuple[float, float, tuple[int, ...]], way: int, site: int
    ) -> tuple[float, float, tuple[int, ...]]:
        s, wh, ways = path
        hop_s = self._between_s[ways[-1]][way] if ways else self._out_s[site][way]
        hop_wh = self._between_wh[ways[-1]][way] if ways else self._out_wh[site][way]
        return (s + hop_s + self._work_s[way], wh + hop_wh + self._work_wh[way], (*ways, way))
