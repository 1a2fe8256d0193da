"""The least operating time of a few lanes, by trying every way of sharing them out.

Written apart from the planner's search and bound. Lanes are cut into the given pieces; a sortie is
any order and direction of any set of pieces that the battery lasts for; turns cost nothing, so no
real operation over these cuts is quicker. Exponential: for up to eight pieces.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from patrol.planning.settings import PlanSettings
from patrol.planning.sorties.routes import Router

__all__ = ["operation_s", "pieces_of"]

FloatArray = NDArray[np.float64]
Cost = tuple[float, float]  # seconds, watt-hours

_NEVER: Cost = (math.inf, math.inf)


def pieces_of(line: Sequence[tuple[float, float]], shares: Sequence[float]) -> list[FloatArray]:
    """A line cut at these shares of its length, as arrays of points."""
    points = np.asarray(line, dtype=float)
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    at = [0.0, *(share * along[-1] for share in sorted(shares)), float(along[-1])]
    pieces = []
    for start, end in itertools.pairwise(at):
        if end - start < 1e-6:
            continue
        where = np.r_[start, along[(along > start + 1e-6) & (along < end - 1e-6)], end]
        pieces.append(np.column_stack([np.interp(where, along, points[:, k]) for k in (0, 1)]))
    return pieces


def operation_s(
    pieces: Sequence[FloatArray], sites_m: FloatArray, settings: PlanSettings, router: Router
) -> float:
    """Seconds from the first take-off to the last landing; infinite where there is no way."""
    full = (1 << len(pieces)) - 1
    sorties = [_sorties(pieces, site, settings, router) for site in np.asarray(sites_m)]
    swap = 0.0 if settings.drones > 1 else settings.swap_s
    if settings.docks:
        alone = [_one_crew([s], swap, np.zeros((1, 1)), full) for s in sorties]
        return _shared(alone, full)
    apart = np.hypot(*(sites_m[:, None] - sites_m[None]).transpose(2, 0, 1))
    car = settings.car_m_s
    move = np.full(apart.shape, math.inf) if car is None else settings.pack_s + 1.4 * apart / car
    np.fill_diagonal(move, 0.0)
    crew = _one_crew(sorties, swap, move, full)
    return _shared([crew] * settings.crews, full)


def _hop(start: FloatArray, end: FloatArray, settings: PlanSettings, router: Router) -> Cost:
    corners = router.way(start, end)
    if corners is None:
        return _NEVER
    seconds, wh = settings.energy.legs(np.diff(np.vstack([start, corners, end]), axis=0))
    return float(seconds.sum()), float(wh.sum())


def _sorties(
    pieces: Sequence[FloatArray], site: FloatArray, settings: PlanSettings, router: Router
) -> list[float]:
    """Least seconds of one sortie from a site that flies just these pieces, for every set."""
    energy = settings.energy
    ways = [p[::step] for p in pieces for step in (1, -1)]
    work = []
    for way in ways:
        seconds, wh = energy.legs(np.diff(way, axis=0))
        work.append((float(seconds.sum()), float(wh.sum())))
    between = [[_hop(a[-1], b[0], settings, router) for b in ways] for a in ways]
    out = [_hop(site, way[0], settings, router) for way in ways]
    home = [_hop(way[-1], site, settings, router) for way in ways]
    fixed = energy.vertical(settings.height_m)
    sets = 1 << len(pieces)
    labels: list[dict[int, list[Cost]]] = [{} for _ in range(sets)]
    best = [math.inf] * sets
    best[0] = 0.0
    for k, way_cost in enumerate(work):
        first = (
            fixed.duration_s + out[k][0] + way_cost[0],
            (fixed.energy_wh + out[k][1] + way_cost[1]),
        )
        _keep(labels[1 << k // 2], k, first, settings.usable_wh)
    for flown in range(1, sets):
        for last, costs in labels[flown].items():
            for seconds, wh in costs:
                if wh + home[last][1] <= settings.usable_wh:
                    best[flown] = min(best[flown], seconds + home[last][0])
                for k, way_cost in enumerate(work):
                    if flown >> k // 2 & 1:
                        continue
                    hop = between[last][k]
                    _keep(
                        labels[flown | 1 << k // 2],
                        k,
                        (seconds + hop[0] + way_cost[0], wh + hop[1] + way_cost[1]),
                        settings.usable_wh,
                    )
    return best


def _keep(labels: dict[int, list[Cost]], way: int, cost: Cost, most_wh: float) -> None:
    """Add a cost unless it is too much or another is as good in both."""
    if not cost[1] <= most_wh:
        return
    known = labels.setdefault(way, [])
    if any(s <= cost[0] and wh <= cost[1] for s, wh in known):
        return
    known[:] = [c for c in known if c[0] < cost[0] or c[1] < cost[1]] + [cost]


def _one_crew(
    sorties: Sequence[Sequence[float]], swap_s: float, move_s: FloatArray, full: int
) -> list[float]:
    """Least seconds for one crew to fly each set of pieces."""
    count = len(sorties)
    done = [[math.inf] * count for _ in range(full + 1)]
    for pieces in range(1, full + 1):
        new = pieces
        while new:  # every subset
            for site in range(count):
                seconds = sorties[site][new]
                if math.isfinite(seconds):
                    before = pieces ^ new
                    start = 0.0
                    if before:
                        start = swap_s + min(
                            done[before][s] + float(move_s[s, site]) for s in range(count)
                        )
                    done[pieces][site] = min(done[pieces][site], start + seconds)
            new = (new - 1) & pieces
    return [0.0, *(min(row) for row in done[1:])]


def _shared(crews: Sequence[Sequence[float]], full: int) -> float:
    """Least time of the last crew home, over all ways to share the pieces out."""
    best = list(crews[0])
    for crew in crews[1:]:
        together = [math.inf] * (full + 1)
        for pieces in range(full + 1):
            own = pieces
            while True:
                together[pieces] = min(together[pieces], max(crew[own], best[pieces ^ own]))
                if own == 0:
                    break
                own = (own - 1) & pieces
        best = together
    return best[full]
