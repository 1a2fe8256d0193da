"""Lanes to sorties: pieces small enough to share out, groups small enough to search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, islice

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPoint

from patrol.planning.cover.lanes import LaneLine, cut
from patrol.planning.ground import Ground
from patrol.planning.settings import PlanSettings
from patrol.planning.sorties.drafts import Draft, draft
from patrol.planning.sorties.problem import Problem, problem_of
from patrol.planning.sorties.routes import Router
from patrol.planning.sorties.search import assign
from patrol.planning.workers import each

__all__ = ["drafts", "flyable"]

FloatArray = NDArray[np.float64]

_PIECE_M = 1500.0  # lanes are handed to the search in pieces of about this length at most
_LEAST_PIECE_M = 400.0
_PIECES = 20  # and in about this many at least, where that does not make them too short
_SHORTEST_PIECE_M = 60.0
_MOST_PIECE_ITEMS = 250
_MOST_PIECES = 40  # in one search
_TRIES = 6
_SEARCH_S = 2.5  # about, for one group
_MOST_SITE_SETS = 5_000  # looked at, and tried, where crews cannot man all sites
_TRIED_SITE_SETS = 4


def drafts(
    lanes: Sequence[LaneLine],
    sites_m: FloatArray,
    settings: PlanSettings,
    router: Router,
    ground: Ground,
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[list[Draft], list[LaneLine]]:
    """Sorties that fly the lanes, in flying order, and what lies out of the battery's reach."""
    total = sum(lane.line.length for lane in lanes)
    piece_m = min(_PIECE_M, max(_LEAST_PIECE_M, total / _PIECES))
    pieces = [
        piece for lane in lanes for piece in cut(lane, int(np.ceil(lane.line.length / piece_m)))
    ]
    tried = [
        _from_sites(pieces, sites_m, sites, settings, router, ground, progress)
        for sites in _manned(pieces, sites_m, settings)
    ]
    return min(tried, key=lambda t: _worth(t, settings))


def _worth(found: tuple[list[Draft], list[LaneLine]], settings: PlanSettings) -> tuple[int, float]:
    """Less left unflown is better, then less time."""
    made, beyond = found
    left_m = sum(lane.line.length for lane in beyond)
    return round(left_m), sum(d.cost.duration_s + settings.swap_s for d in made)


def _manned(
    pieces: Sequence[LaneLine], sites_m: FloatArray, settings: PlanSettings
) -> list[tuple[int, ...]]:
    """Sets of sites that the crews can man: all where they move or where docks need none; else as
    many as there are crews, the sets with the shortest ways to the pieces."""
    count = len(sites_m)
    if settings.docks or settings.car_m_s is not None or settings.crews >= count:
        return [tuple(range(count))]
    middles = shapely.line_interpolate_point([p.line for p in pieces], 0.5, normalized=True)
    places = np.asarray(shapely.points(sites_m))
    away = shapely.distance(np.asarray(middles)[:, None], places[None, :])
    length = np.array([p.line.length for p in pieces])
    sets = list(islice(combinations(range(count), settings.crews), _MOST_SITE_SETS))
    far = [float((away[:, list(sites)].min(axis=1) * length).sum()) for sites in sets]
    return [sets[i] for i in np.argsort(far, kind="stable")[:_TRIED_SITE_SETS]]


def _from_sites(
    pieces: Sequence[LaneLine],
    sites_m: FloatArray,
    manned: Sequence[int],
    settings: PlanSettings,
    router: Router,
    ground: Ground,
    progress: Callable[[float], None],
) -> tuple[list[Draft], list[LaneLine]]:
    made: list[Draft] = []
    beyond: list[LaneLine] = []
    stay = settings.car_m_s is None and not settings.docks
    groups = _groups(pieces, sites_m, manned, most=0 if stay and len(manned) > 1 else _MOST_PIECES)
    jobs = [([pieces[i] for i in members], sites) for members, sites in groups]
    shared = (sites_m, settings, router, ground, len(groups) > 1)
    for number, (found, left) in enumerate(each(_searched, shared, jobs, _SEARCH_S), 1):
        made += found
        beyond += left
        progress(number / len(groups))
    return made, beyond


def _searched(
    shared: tuple[FloatArray, PlanSettings, Router, Ground, bool],
    job: tuple[list[LaneLine], list[int]],
) -> tuple[list[Draft], list[LaneLine]]:
    sites_m, settings, router, ground, one_of_many = shared
    group, sites = job
    if one_of_many:
        corners = np.vstack([*(p.line.coords for p in group), sites_m[sites]])
        router = router.near(MultiPoint(corners))
    return _group_drafts(group, sites_m, sites, settings, router, ground)


def _groups(
    pieces: Sequence[LaneLine], sites_m: FloatArray, manned: Sequence[int], most: int
) -> list[tuple[list[int], list[int]]]:
    """Pieces (by index) that are searched together, with the sites they may be flown from: all at
    once where they are at most so many, else by the nearest site and then halved across their
    longer extent."""
    if not pieces:
        return []
    if len(pieces) <= most:
        return [(list(range(len(pieces))), list(manned))]
    middles = np.array([p.line.interpolate(0.5, normalized=True).coords[0] for p in pieces])
    _, nearest = shapely.STRtree(np.asarray(shapely.points(sites_m[list(manned)]))).query_nearest(
        np.asarray(shapely.points(middles)), all_matches=False
    )
    groups: list[tuple[list[int], list[int]]] = []
    for site in np.unique(nearest):
        stack = [np.flatnonzero(nearest == site)]
        while stack:
            members = stack.pop()
            if len(members) <= _MOST_PIECES:
                groups.append((members.tolist(), [manned[int(site)]]))
                continue
            axis = int(np.argmax(np.ptp(middles[members], axis=0)))
            order = members[np.argsort(middles[members, axis], kind="stable")]
            # Pieces of one lane stay together where they can: they stand in order.
            half = len(order) // 2
            stack += [np.sort(order[half:]), np.sort(order[:half])]
    return groups


def _group_drafts(
    pieces: list[LaneLine],
    sites_m: FloatArray,
    sites: Sequence[int],
    settings: PlanSettings,
    router: Router,
    ground: Ground,
) -> tuple[list[Draft], list[LaneLine]]:
    """One group's sorties. Where one turns out to need more than the search thought (climbs on
    the way, corners round zones), the search gets less to spend."""
    here = sites_m[list(sites)]
    beyond: list[LaneLine] = []
    spare_wh = 0.0
    for _ in range(_TRIES):
        problem, pieces, left = flyable(pieces, here, settings, router, spare_wh)
        beyond += left
        if not pieces:
            return [], beyond
        found = [draft(route, pieces, here, settings, router, ground) for route in assign(problem)]
        over = max(d.cost.energy_wh for d in found) - settings.usable_wh
        if over <= 1e-9:
            return [_at(d, sites[d.site]) for d in found], beyond
        spare_wh += over * 1.05 + 1e-3 * settings.usable_wh
    good = [d for d in found if d.cost.energy_wh <= settings.usable_wh]
    beyond += [lane for d in found if d not in good for lane in d.lanes]
    return [_at(d, sites[d.site]) for d in good], beyond


def _at(made: Draft, site: int) -> Draft:
    return Draft(site, made.ground_m, made.parts, made.cost, made.ferry_s)


def flyable(
    pieces: list[LaneLine],
    sites_m: FloatArray,
    settings: PlanSettings,
    router: Router,
    spare_wh: float,
) -> tuple[Problem, list[LaneLine], list[LaneLine]]:
    """Pieces cut so that each can be flown alone from some site, and what cannot be."""
    beyond: list[LaneLine] = []
    while True:
        problem = problem_of(pieces, sites_m, settings, router, spare_wh=spare_wh)
        fits = (problem.alone_wh() <= problem.most_wh) & (problem.items <= _MOST_PIECE_ITEMS)
        if fits.all():
            return problem, pieces, beyond
        kept: list[LaneLine] = []
        for lane, fit in zip(pieces, fits, strict=True):
            if fit:
                kept.append(lane)
            elif lane.line.length > 2 * _SHORTEST_PIECE_M:
                kept += cut(lane, 2)
            else:
                beyond.append(lane)
        pieces = kept
