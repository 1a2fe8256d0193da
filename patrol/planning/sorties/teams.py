"""Pieces shared out among teams that work at one time so that the last is done as early as can be.

Min-max vehicle routing (P. Matl, R. Hartl, T. Vidal, 'Workload equity in vehicle routing problems',
Transportation Science 52, 2018) by simulated annealing (S. Kirkpatrick et al., Science 220, 1983)
over who flies what in which order: runs of pieces moved and exchanged between neighbours (2-opt*
and cross-exchange; E. Taillard et al., Transportation Science 31, 1997), bases changed. What a
team's order costs follows from the split into sorties. Steps are counted, not timed: the same
input gives the same shares.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from patrol.planning.sorties.problem import Problem
from patrol.planning.sorties.split import Route, Splitter

__all__ = ["ABOUT", "Share", "Shares", "Teams"]

ABOUT = -1  # in place of a base: the team moves from site to site

_NEIGHBOURS = 8
_MEAN_MOVED = 3.0
_ALL_SHARE = 0.1  # what a second of all teams' time counts beside one of the last's
_SHARED_BASE_S = 120.0  # teams at one site wait for one another about so long
_COOLEST_S = 0.5
_ONE_SORTIE_SHARE = 0.7  # of a battery goes into lanes at most, about


@dataclass(frozen=True, slots=True)
class Share:
    """What one team does: the site it works from, or `ABOUT`, and its pieces in order."""

    base: int
    run: tuple[int, ...]


Shares = tuple[Share, ...]


class Teams:
    """Costs of shares of a problem, remembered. With `fixed` team t keeps to site t."""

    def __init__(self, problem: Problem, count: int, *, fixed: bool) -> None:
        self.problem, self._count, self._fixed = problem, count, fixed
        self._splits = [Splitter(_only(problem, site)) for site in range(problem.sites)]
        self._about = Splitter(problem) if not fixed and self._may_move() else None
        self._known: dict[Share, float] = {}
        self._extra = 0  # steps that costs were worth beyond one each
        near = problem.between_s.reshape(problem.pieces, 2, problem.pieces, 2).min(axis=(1, 3))
        np.fill_diagonal(near, np.inf)
        order = np.argsort(near, axis=1, kind="stable")[:, :_NEIGHBOURS]
        self._near: list[list[int]] = order.tolist()

    @property
    def several(self) -> bool:
        """Whether teams will have several sorties each."""
        p = self.problem
        least_wh = float(p.work_wh.reshape(-1, 2).min(axis=1).sum())
        return least_wh > self._count * (p.most_wh - p.sortie_wh) * _ONE_SORTIE_SHARE

    def _may_move(self) -> bool:
        """Whether moving can pay: between sorties, by car."""
        apart = self.problem.move_s[~np.eye(self.problem.sites, dtype=bool)]
        return self.several and bool(np.isfinite(apart).any())

    def seconds(self, share: Share) -> float:
        """From the team's first take-off to its last landing."""
        if not share.run:
            return 0.0
        known = self._known.get(share)
        if known is None:
            known = self._known[share] = self._seconds(share)
        return known

    def _seconds(self, share: Share) -> float:
        if share.base == ABOUT:
            self._extra += len(share.run) * self.problem.sites
            return math.inf if self._about is None else self._about.cost(share.run)
        once = self._splits[share.base].once(share.run, 0)
        if math.isfinite(once):
            return once
        self._extra += len(share.run)
        return self._splits[share.base].cost(share.run)

    def worth(self, shares: Shares) -> float:
        """Seconds until the last has landed, and a little for all that is flown."""
        seconds = [self.seconds(share) for share in shares]
        bases = [s.base for s in shares if s.run and s.base != ABOUT]
        crowded = len(bases) - len(set(bases))
        return max(seconds) + _ALL_SHARE * sum(seconds) + _SHARED_BASE_S * crowded

    def start(self, order: Sequence[int]) -> Shares:
        """Shares to begin with: where teams keep to sites the pieces that each is nearest to,
        else the order cut into runs of about equal work, each from the best site yet free."""
        p = self.problem
        if self._fixed:
            away = (p.out_s + p.home_s.T).reshape(p.sites, -1, 2).min(axis=2)
            nearest = away.argmin(axis=0)
            return tuple(
                Share(site, tuple(i for i in order if nearest[i] == site))
                for site in range(p.sites)
            )
        work = p.work_s.reshape(-1, 2).min(axis=1)[list(order)]
        done = np.cumsum(work)
        number = np.minimum(
            (done - work / 2) / max(float(done[-1]), 1e-9) * self._count, self._count - 1
        ).astype(int)
        shares: list[Share] = []
        for team in range(self._count):
            run = tuple(i for i, n in zip(order, number, strict=True) if n == team)
            taken = {share.base for share in shares}
            free = [s for s in range(p.sites) if s not in taken] or list(range(p.sites))
            shares.append(Share(min(free, key=lambda s: self.seconds(Share(s, run))), run))
        return tuple(shares)

    def improved(self, shares: Shares, hot_s: float, steps: int, rng: random.Random) -> Shares:
        """Annealed from this temperature down in so many steps: the best found. Runs that have
        to be split into sorties take longer to cost, and count as more steps."""
        here, value = shares, self.worth(shares)
        best, least = here, value
        done, self._extra = 0, 0
        while done + self._extra < steps:
            done += 1
            warm_s = hot_s * (_COOLEST_S / hot_s) ** ((done + self._extra) / steps)
            other = self._moved(here, rng)
            if other is None:
                continue
            worth = self.worth(other)
            if worth <= value or rng.random() < math.exp((value - worth) / warm_s):
                here, value = other, worth
                if value < least - 1e-6:
                    best, least = here, value
        return best

    def _moved(self, shares: Shares, rng: random.Random) -> Shares | None:
        """The shares after a move at random; None where there is nothing to move."""
        kind = rng.random()
        if kind < 0.06 and not self._fixed:
            return self._rebased(shares, rng)
        piece = rng.randrange(self.problem.pieces)
        a, i = _place(shares, piece)
        if kind < 0.16:
            b = rng.randrange(len(shares))
            q = rng.choice((0, len(shares[b].run)))
        else:
            b, q = _place(shares, rng.choice(self._near[piece]))
        if kind < 0.6:
            return _shifted(shares, a, i, b, q, rng)
        if a == b:
            low, high = min(i, q), max(i, q)
            run = shares[a].run
            return _with(shares, {a: run[:low] + run[low : high + 1][::-1] + run[high + 1 :]})
        one, other = shares[a].run, shares[b].run
        if kind < 0.85:
            return _tails(shares, a, i + rng.randrange(2), b, q + rng.randrange(2), rng)
        m, n = (int(rng.expovariate(1.0 / _MEAN_MOVED)) for _ in range(2))
        return _with(
            shares,
            {
                a: one[:i] + other[q : q + n] + one[i + m :],
                b: other[:q] + one[i : i + m] + other[q + n :],
            },
        )

    def _rebased(self, shares: Shares, rng: random.Random) -> Shares:
        a, b = rng.randrange(len(shares)), rng.randrange(len(shares))
        changed = list(shares)
        if a != b and rng.random() < 0.5:
            changed[a] = Share(shares[b].base, shares[a].run)
            changed[b] = Share(shares[a].base, shares[b].run)
        else:
            lowest = 0 if self._about is None else ABOUT
            changed[a] = Share(rng.randint(lowest, self.problem.sites - 1), shares[a].run)
        return tuple(changed)

    def routes(self, share: Share) -> tuple[Route, ...]:
        """The sorties of a team, in order."""
        if not share.run:
            return ()
        if share.base == ABOUT:
            return () if self._about is None else self._about.routes(share.run)
        alone = self._splits[share.base].routes(share.run)
        return tuple(Route(share.base, route.visits) for route in alone)


def _place(shares: Shares, piece: int) -> tuple[int, int]:
    for number, share in enumerate(shares):
        if piece in share.run:
            return number, share.run.index(piece)
    raise ValueError(f"nobody flies piece {piece}")


def _with(shares: Shares, runs: dict[int, tuple[int, ...]]) -> Shares:
    return tuple(
        Share(share.base, runs[n]) if n in runs else share for n, share in enumerate(shares)
    )


def _shifted(shares: Shares, a: int, i: int, b: int, q: int, rng: random.Random) -> Shares | None:
    """A few pieces from `i` on, or up to it, flown before or after the place `q`."""
    count = 1 + int(rng.expovariate(1.0 / _MEAN_MOVED))
    run = shares[a].run
    start = i if rng.random() < 0.5 else max(0, i - count + 1)
    moved, rest = run[start : start + count], run[:start] + run[start + count :]
    at = q + rng.randrange(2)
    if a == b:
        if start <= q < start + count:
            return None
        at -= len(moved) if at > start else 0
    if rng.random() < 0.5:
        moved = moved[::-1]
    into = rest if a == b else shares[b].run
    return _with(shares, {a: rest, b: into[:at] + moved + into[at:]})


def _tails(shares: Shares, a: int, i: int, b: int, q: int, rng: random.Random) -> Shares:
    one, other = shares[a].run, shares[b].run
    if rng.random() < 0.5:
        return _with(shares, {a: one[:i] + other[q:], b: other[:q] + one[i:]})
    return _with(shares, {a: one[:i] + other[:q][::-1], b: one[i:][::-1] + other[q:]})


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
