"""Sharing the work among crews so that the last of them ends as early as possible.

From the best order for one crew: cut into one run for each crew (P. Matl, R. Hartl, T. Vidal,
'Workload equity in vehicle routing problems', Transportation Science 52, 2018, call the objective
min-max), then pieces moved between runs and about in them. Each crew keeps to one launch site of
its own where there are enough, so that those in the air at one time do not share it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np

from patrol.planning.sorties.problem import Problem
from patrol.planning.sorties.split import Route, Splitter

__all__ = ["shared_among"]

_MOST_PERMUTATIONS = 400
_STARTS = 3
_ROUNDS = 60
_EPSILON_S = 1e-3
_BISECTIONS = 12

Runs = tuple[tuple[int, ...], ...]
Worth = tuple[float, float]


def shared_among(problem: Problem, routes: Sequence[Route], crews: int) -> tuple[Route, ...] | None:
    """The sorties of all crews, crew after crew, each crew from one site; None where that cannot
    be. `routes` are the sorties of one crew alone."""
    order = tuple(visit.piece for route in routes for visit in route.visits)
    crews = min(crews, len(order))
    if crews < 2:
        return None
    teams = _Teams(problem, crews)
    starts = sorted(
        (
            runs
            for first in range(len(order))
            if (runs := teams.cut(order[first:] + order[:first])) is not None
        ),
        key=teams.worth,
    )
    if not starts:
        return None
    best = min((teams.improved(runs) for runs in starts[:_STARTS]), key=teams.worth)
    if not math.isfinite(teams.worth(best)[0]):
        return None
    return teams.routes(best)


class _Teams:
    """Costs of runs of pieces, by the site that a crew keeps to."""

    def __init__(self, problem: Problem, crews: int) -> None:
        self._crews = crews
        self._sites = problem.sites
        self._splits = [Splitter(_only(problem, site)) for site in range(problem.sites)]
        self._known: dict[Runs, Worth] = {}

    def _costs(self, run: tuple[int, ...]) -> list[float]:
        return [split.cost(run) if run else 0.0 for split in self._splits]

    def _sites_of(self, runs: Runs) -> tuple[int, ...]:
        """A site for each run, all different where there are enough of them, so that the longest
        run is as short as can be."""
        costs = [self._costs(run) for run in runs]
        few = math.perm(self._sites, len(runs)) if self._sites >= len(runs) else math.inf
        if few <= _MOST_PERMUTATIONS:
            return min(
                permutations(range(self._sites), len(runs)),
                key=lambda sites: _worth([c[s] for c, s in zip(costs, sites, strict=True)]),
            )
        return tuple(int(np.argmin(c)) for c in costs)

    def worth(self, runs: Runs) -> Worth:
        """The longest run's seconds, then all runs' together."""
        known = self._known.get(runs)
        if known is None:
            sites = self._sites_of(runs)
            known = self._known[runs] = _worth(
                [self._costs(run)[site] for run, site in zip(runs, sites, strict=True)]
            )
        return known

    def cut(self, order: tuple[int, ...]) -> Runs | None:
        """The order cut so that the longest run is short: the least limit that runs filled one
        after another keep to, by bisection."""
        whole = min(self._costs(order))
        low, high = 0.0, whole if math.isfinite(whole) else 1e6
        best: Runs | None = None
        for _ in range(_BISECTIONS):
            limit = (low + high) / 2
            runs = self._filled(order, limit)
            if runs is None:
                low = limit
            else:
                high, best = limit, runs
        return best

    def _filled(self, order: tuple[int, ...], limit_s: float) -> Runs | None:
        runs: list[tuple[int, ...]] = []
        begin = 0
        for _ in range(self._crews):
            end = begin
            while end < len(order) and min(self._costs(order[begin : end + 1])) <= limit_s:
                end += 1
            runs.append(order[begin:end])
            begin = end
        return tuple(runs) if begin == len(order) else None

    def improved(self, runs: Runs) -> Runs:
        """Pieces moved from the longest run to others or about in it, and stretches of runs
        turned, as long as that helps."""
        best, worth = runs, self.worth(runs)
        for _ in range(_ROUNDS):
            found = min(self._near(best), key=self.worth, default=best)
            if self.worth(found)[0] > worth[0] - _EPSILON_S and not (
                self.worth(found)[0] <= worth[0] and self.worth(found)[1] < worth[1] - _EPSILON_S
            ):
                return best
            best, worth = found, self.worth(found)
        return best

    def _near(self, runs: Runs) -> list[Runs]:
        sites = self._sites_of(runs)
        seconds = [self._costs(run)[site] for run, site in zip(runs, sites, strict=True)]
        longest = int(np.argmax(seconds))
        run = runs[longest]
        found: list[Runs] = []
        for i, piece in enumerate(run):
            rest = run[:i] + run[i + 1 :]
            for other, target in enumerate(runs):
                into = rest if other == longest else target
                for at in range(len(into) + 1):
                    fuller = (*into[:at], piece, *into[at:])
                    changed = list(runs)
                    changed[longest] = rest
                    changed[other] = fuller
                    found.append(tuple(changed))
        for number, stretch in enumerate(runs):
            for i in range(len(stretch)):
                for j in range(i + 2, len(stretch) + 1):
                    turned = stretch[:i] + stretch[i:j][::-1] + stretch[j:]
                    found.append((*runs[:number], turned, *runs[number + 1 :]))
        return found

    def routes(self, runs: Runs) -> tuple[Route, ...]:
        sites = self._sites_of(runs)
        return tuple(
            Route(site, route.visits)
            for run, site in zip(runs, sites, strict=True)
            if run
            for route in self._splits[site].routes(run)
        )


def _worth(seconds: Sequence[float]) -> Worth:
    return max(seconds), sum(seconds)


def _only(problem: Problem, site: int) -> Problem:
    """The problem with one of its launch sites."""
    return replace(
        problem,
        out_s=problem.out_s[[site]],
        out_wh=problem.out_wh[[site]],
        home_s=problem.home_s[:, [site]],
        home_wh=problem.home_wh[:, [site]],
        move_s=problem.move_s[np.ix_([site], [site])],
    )
