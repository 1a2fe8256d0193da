"""The work of all crews, or docks, shared out so that the last of them is done early.

The search (`search`) makes the best sorties for one crew; whole sorties handed out leave crews
idle where sorties are few. So their lanes are cut anew and shared among teams (`teams`), in coarse
pieces first, then in finer ones. Of the best shares, each sortie flown the way round that lets
those in the air at one time keep apart (`apart`), that is taken with which the last lands first;
handing out whole sorties where nothing beats it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geo.coordinates import LonLat
from patrol.errors import PlanningError
from patrol.plan import Flight, Sortie
from patrol.planning.cover.lanes import LaneLine, cut
from patrol.planning.ground import Ground
from patrol.planning.settings import PlanSettings
from patrol.planning.sorties.apart import Airways
from patrol.planning.sorties.clusters import flyable
from patrol.planning.sorties.drafts import Draft, draft
from patrol.planning.sorties.problem import FIXED_ITEMS, ITEMS_A_PIECE, moves_s, problem_of
from patrol.planning.sorties.routes import Router
from patrol.planning.sorties.split import Route, Visit
from patrol.planning.sorties.teams import Shares, Teams
from patrol.planning.sorties.timetable import last_landing_s, timetable

__all__ = ["shared_out"]

FloatArray = NDArray[np.float64]

_PIECES = (14, 20, 28)  # about so many for two teams, half as many again for each more
_MOST_PIECES = 80
_LEAST_PIECE_M = 60.0
_MOST_LANES = 60  # more are not shared anew: there whole sorties balance well enough
_MOST_SORTIES_A_TEAM = 4  # likewise
_STEPS = 15_000  # of annealing
_SEEDS, _SEEDS_OF_SEVERAL = 6, 2
_HOT_SHARE, _WARM_SHARE = 0.07, 0.012  # temperatures, as shares of a team's time
_REFINED = 3  # of the coarse shares found
_FINER = 3  # pieces for each of those
_DRAWN = 8  # of them, at most
_ALL_TURNS_UP_TO = 4  # sorties
_SHORTER = (0.0, 0.04)  # what searches leave of the battery: corners and climbs come on top


@dataclass(frozen=True, slots=True)
class _Place:
    """What sharing needs to know of the place and the operator."""

    sites_m: FloatArray
    settings: PlanSettings
    router: Router
    ground: Ground

    @property
    def teams(self) -> int:
        return len(self.sites_m) if self.settings.docks else self.settings.crews

    def flights(self, made: Sequence[Draft]) -> tuple[Flight, ...]:
        """The timetable of these sorties, numbered from 1."""
        nowhere = LonLat(0.0, 0.0)
        sorties = [
            Sortie(n, str(d.site), nowhere, 0.0, d.cost.duration_s, 0.0, ())
            for n, d in enumerate(made, 1)
        ]
        names = [str(site) for site in range(len(self.sites_m))]
        crews = [d.crew for d in made if d.crew is not None]
        move_s = moves_s(self.sites_m, self.settings)
        given = crews if len(crews) == len(made) else None
        return timetable(sorties, names, move_s, self.settings, given)

    def drafted(self, route: Route, pieces: Sequence[LaneLine], crew: int) -> Draft | None:
        """The sortie; None where it cannot be flown after all."""
        try:
            made = draft(route, pieces, self.sites_m, self.settings, self.router, self.ground)
        except PlanningError:
            return None
        items = FIXED_ITEMS + sum(len(p.points_m) for p in made.parts)
        items += ITEMS_A_PIECE * len(made.lanes)
        if made.cost.energy_wh > self.settings.usable_wh or items > self.settings.most_items:
            return None
        return replace(made, crew=crew)


@dataclass(frozen=True, slots=True)
class _Found:
    """Shares of pieces, with what they were worked out from."""

    teams: Teams
    pieces: list[LaneLine]
    shares: Shares

    @property
    def worth(self) -> float:
        return self.teams.worth(self.shares)

    def drafts(self, place: _Place) -> list[tuple[Draft, ...]] | None:
        """Each sortie as found and, where that can be flown too, the other way round; crew after
        crew. None where one cannot be flown."""
        both: list[tuple[Draft, ...]] = []
        for crew, share in enumerate(self.shares, 1):
            for route in self.teams.routes(share):
                ways = [
                    made
                    for way in (route, _other_way(route))
                    if (made := place.drafted(way, self.pieces, crew)) is not None
                ]
                if not ways:
                    return None
                both.append(tuple(ways))
        return both


def shared_out(
    made: Sequence[Draft],
    sites_m: FloatArray,
    settings: PlanSettings,
    router: Router,
    ground: Ground,
) -> list[Draft]:
    """The sorties, made for one crew, or others that fly the same lanes with which the last of
    several crews or docks lands earlier."""
    place = _Place(sites_m, settings, router, ground)
    lanes = [lane for d in made for lane in d.lanes]
    if (
        place.teams < 2
        or not 0 < len(lanes) <= _MOST_LANES
        or len(made) > _MOST_SORTIES_A_TEAM * place.teams
    ):
        return list(made)
    airways = Airways(sites_m, settings)
    flights = place.flights(made)
    latest_s = last_landing_s(flights)
    best, least = list(made), (airways.last_landing_s(flights, made), latest_s)
    for found in _candidates(made, lanes, place):
        both = found.drafts(place)
        if both is None:
            continue
        chosen, apart_s = _turned(both, place, airways)
        ends_s = last_landing_s(place.flights(chosen))
        if (apart_s, ends_s) < least and ends_s <= latest_s:
            best, least = chosen, (apart_s, ends_s)
    return best


def _candidates(
    made: Sequence[Draft], lanes: Sequence[LaneLine], place: _Place
) -> Iterator[_Found]:
    """Shares worth drawing, coarse and refined."""
    total_m = sum(lane.line.length for lane in lanes)
    found: list[_Found] = []
    for aim in _PIECES:
        piece_m = max(_LEAST_PIECE_M, total_m / min(_MOST_PIECES, aim * place.teams / 2))
        pieces = [
            piece for lane in lanes for piece in cut(lane, int(np.ceil(lane.line.length / piece_m)))
        ]
        for spare in _SHORTER[: 1 if place.ground.flat else 2]:
            # Teams at one site wait for one another: fewer may be done as early.
            for count in sorted({place.teams, min(place.teams, len(place.sites_m))}):
                if count > 1:
                    found += _searched(pieces, spare * place.settings.usable_wh, count, place)
    found.sort(key=lambda f: f.worth)
    alike: set[int] = set()
    for one in found:
        if round(one.worth) in alike:  # the same from another start
            continue
        if len(alike) == _DRAWN:
            return
        alike.add(round(one.worth))
        yield one
        if len(alike) <= _REFINED:
            yield _refined(one, place)


def _searched(pieces: list[LaneLine], spare_wh: float, count: int, place: _Place) -> list[_Found]:
    problem, pieces, beyond = flyable(pieces, place.sites_m, place.settings, place.router, spare_wh)
    if beyond:
        return []
    teams = Teams(problem, count, fixed=place.settings.docks)
    found = []
    for seed in range(_SEEDS_OF_SEVERAL if teams.several else _SEEDS):
        shares = teams.start(range(len(pieces)))
        hot_s = _HOT_SHARE * float(problem.work_s.reshape(-1, 2).min(axis=1).sum()) / count
        shares = teams.improved(shares, hot_s, _STEPS, random.Random(seed))
        if np.isfinite(teams.worth(shares)):
            found.append(_Found(teams, pieces, shares))
    return found


def _refined(found: _Found, place: _Place) -> _Found:
    """The shares with every piece in a few, annealed from not so hot: ends of runs move little."""
    pieces: list[LaneLine] = []
    shares = []
    for share in found.shares:
        run: list[int] = []
        for route in found.teams.routes(share):
            for visit in route.visits:
                lane = found.pieces[visit.piece]
                count = max(1, min(_FINER, int(lane.line.length / _LEAST_PIECE_M)))
                numbers = range(len(pieces), len(pieces) + count)
                pieces += cut(lane, count)
                run += reversed(numbers) if visit.backwards else numbers
        shares.append(replace(share, run=tuple(run)))
    problem = problem_of(
        pieces,
        place.sites_m,
        place.settings,
        place.router,
        spare_wh=place.settings.usable_wh - found.teams.problem.most_wh,
    )
    # Joined pieces are one lane of the mission.
    lane_items = problem.items - ITEMS_A_PIECE + 1
    teams = Teams(replace(problem, items=lane_items), len(shares), fixed=place.settings.docks)
    warm_s = _WARM_SHARE * found.worth
    better = teams.improved(tuple(shares), warm_s, _STEPS // 2, random.Random(0))
    return _Found(teams, pieces, better)


def _turned(
    both: Sequence[tuple[Draft, ...]], place: _Place, airways: Airways
) -> tuple[list[Draft], float]:
    """Of each sortie the way round with which the last lands first where sorties wait for one
    another's airspace, and when that is. One sortie after another is turned, as long as it helps;
    where sorties are few, all are."""
    if len(both) <= _ALL_TURNS_UP_TO:
        ways = [list(made) for made in itertools.product(*both)]
        ends = [_key(made, place, airways) for made in ways]
        best = min(range(len(ways)), key=lambda k: ends[k])
        return ways[best], ends[best][0]
    chosen = [made[0] for made in both]
    least = _key(chosen, place, airways)
    for number, made in enumerate(both):
        if len(made) > 1:
            turned = [*chosen[:number], made[1], *chosen[number + 1 :]]
            key = _key(turned, place, airways)
            if key < least:
                chosen, least = turned, key
    return chosen, least[0]


def _key(made: Sequence[Draft], place: _Place, airways: Airways) -> tuple[float, float]:
    flights = place.flights(made)
    return airways.last_landing_s(flights, made), sum(d.cost.duration_s for d in made)


def _other_way(route: Route) -> Route:
    visits = tuple(Visit(v.piece, not v.backwards) for v in reversed(route.visits))
    return Route(route.site, visits)
