"""Sorties in metres: lanes joined up again, the ways between them, heights, time and energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from patrol.errors import PlanningError
from patrol.planning.cover.lanes import LaneLine, cut
from patrol.planning.energy import CLIMB_M_S, DESCENT_M_S, Flown
from patrol.planning.ground import Ground
from patrol.planning.profile import follow
from patrol.planning.settings import PlanSettings, Sight
from patrol.planning.sorties.routes import Router
from patrol.planning.sorties.split import Route

__all__ = ["Draft", "Part", "draft", "lanes_with_heights"]

FloatArray = NDArray[np.float64]

_SLOWER = (1.0, 2.0, 4.0, 8.0)  # the vehicle slows down where it climbs more steeply
_CLIMBING = (64.0, 1e6)  # on the way between lanes it may climb nearly on the spot
_SHORTEST_M = 60.0  # shorter parts of a lane that the terrain is too steep for are given up
_FERRY_SHARE = 0.95  # of the ceiling: ferries keep a little below it


@dataclass(frozen=True, slots=True)
class Part:
    """A lane, or with `lane` None a way between; (N, 2) points and (N,) heights above launch.
    A way's points leave out the ends of the lanes that it joins."""

    lane: LaneLine | None
    points_m: FloatArray
    heights_m: FloatArray


@dataclass(frozen=True, slots=True)
class Draft:
    """A sortie from the site with this index, at `ground_m` above sea level. `crew` (from 1) is
    whose it is, None where it falls to whoever comes free."""

    site: int
    ground_m: float
    parts: tuple[Part, ...]
    cost: Flown
    ferry_s: float
    crew: int | None = None

    @property
    def lanes(self) -> list[LaneLine]:
        return [part.lane for part in self.parts if part.lane is not None]


def lanes_with_heights(
    lanes: Sequence[LaneLine], settings: PlanSettings, sight: Sight, ground: Ground
) -> tuple[list[LaneLine], list[LaneLine]]:
    """Lanes that follow the terrain, and those that cannot; unchanged over flat ground. `sight`
    is what they were laid out for.

    Where the ground rises more steeply than the vehicle climbs at its speed, the lane is flown
    more slowly.
    """
    if ground.flat:
        return list(lanes), []
    made: list[LaneLine] = []
    steep: list[LaneLine] = []
    waiting = list(lanes)[::-1]
    while waiting:
        lane = waiting.pop()
        found = _over_terrain(lane, settings, sight, ground)
        if found is not None:
            made.append(found)
        elif lane.line.length > 2 * _SHORTEST_M:  # one half may do
            waiting += cut(lane, 2)[::-1]
        else:
            steep.append(lane)
    return made, steep


def _over_terrain(
    lane: LaneLine, settings: PlanSettings, sight: Sight, ground: Ground
) -> LaneLine | None:
    """The lane with heights, as fast as it keeps the height that the GSD asks for."""
    points = shapely.get_coordinates(lane.line)
    best: LaneLine | None = None
    coarse_m = np.inf
    for slower in _SLOWER:
        speed = settings.speed_m_s / slower
        profile = follow(
            points,
            ground,
            target_agl_m=settings.height_m - _BULGE_M,
            tolerance_m=settings.tolerance_m / 2,
            least_agl_m=settings.least_height_m,
            ceiling_agl_m=settings.ceiling_m - _CEILING_MARGIN_M,
            half_across_m=sight.usable_half_m,
            climb_slope=CLIMB_M_S / speed,
            descent_slope=DESCENT_M_S / speed,
        )
        if profile is None:
            continue
        too_high_m = sum(end - start for start, end in profile.too_high)
        if too_high_m < coarse_m - 1.0:
            coarse_m = too_high_m
            line = LineString(profile.points_m)
            best = replace(lane, line=line, heights_m=profile.msl_m, speed_m_s=speed)
        if too_high_m == 0:
            break
    return best


_BULGE_M = 0.5  # ground between the places looked at
_CEILING_MARGIN_M = 0.5  # heights in files are rounded, and grids bent


def draft(
    route: Route,
    pieces: Sequence[LaneLine],
    sites_m: FloatArray,
    settings: PlanSettings,
    router: Router,
    ground: Ground,
) -> Draft:
    """The sortie that a route is. Raises PlanningError where terrain or zones leave no way."""
    home = sites_m[route.site]
    ground_m = 0.0 if ground.flat else float(ground.heights_m(home[None])[0])
    runs = _runs(route, pieces)
    parts: list[Part] = []
    here: FloatArray = home
    here_m: float | None = None
    for lane in runs:
        points = shapely.get_coordinates(lane.line)
        heights = _heights(lane, settings, ground_m)
        parts.append(
            _way(here, points[0], here_m, float(heights[0]), ground_m, settings, router, ground)
        )
        parts.append(Part(lane, points, heights))
        here, here_m = points[-1], float(heights[-1])
    parts.append(_way(here, home, here_m, None, ground_m, settings, router, ground))
    return _costed(route.site, home, ground_m, parts, settings)


def _runs(route: Route, pieces: Sequence[LaneLine]) -> list[LaneLine]:
    """The lanes flown, pieces that go on from one another joined again."""
    runs: list[LaneLine] = []
    for visit in route.visits:
        lane = _turned(pieces[visit.piece]) if visit.backwards else pieces[visit.piece]
        points = shapely.get_coordinates(lane.line)
        if runs:
            before = runs[-1]
            last = shapely.get_coordinates(before.line)
            same = (before.side, before.river, before.speed_m_s) == (
                lane.side,
                lane.river,
                lane.speed_m_s,
            )
            if same and np.allclose(last[-1], points[0], atol=1e-6):
                heights = None
                if before.heights_m is not None and lane.heights_m is not None:
                    heights = np.r_[before.heights_m, lane.heights_m[1:]]
                line = LineString(np.vstack([last, points[1:]]))
                runs[-1] = replace(before, line=line, heights_m=heights)
                continue
        runs.append(lane)
    return runs


def _turned(lane: LaneLine) -> LaneLine:
    heights = None if lane.heights_m is None else lane.heights_m[::-1]
    return replace(lane, line=shapely.reverse(lane.line), heights_m=heights)


def _heights(lane: LaneLine, settings: PlanSettings, ground_m: float) -> FloatArray:
    """Above the launch site."""
    if lane.heights_m is None:
        return np.full(len(lane.line.coords), settings.height_m)
    return np.asarray(lane.heights_m - ground_m)


def _way(
    start: FloatArray,
    end: FloatArray,
    start_m: float | None,
    end_m: float | None,
    ground_m: float,
    settings: PlanSettings,
    router: Router,
    ground: Ground,
) -> Part:
    """From place to place round the zones and over the terrain. A height that is None is that of
    taking off or landing; there, over terrain, the place itself is a point of the way."""
    corners = router.way(start, end)
    if corners is None:
        raise PlanningError("a lane is walled in by no-fly zones; leave its river out")
    if ground.flat:
        return Part(None, corners, np.full(len(corners), settings.height_m))
    track = np.vstack([start, corners, end])
    # Level ground at the site is left by climbing to the lanes' height above it, where that is
    # clear of what lies about.
    profile = None
    for level in (ground_m + settings.height_m, None):
        for slower in (*_SLOWER, *_CLIMBING):
            profile = profile or follow(
                track,
                ground,
                target_agl_m=settings.ceiling_m * _FERRY_SHARE,
                tolerance_m=(settings.ceiling_m * _FERRY_SHARE - settings.least_height_m) / 2,
                least_agl_m=settings.least_height_m,
                ceiling_agl_m=settings.ceiling_m - _CEILING_MARGIN_M,
                half_across_m=settings.position_error_m,
                climb_slope=CLIMB_M_S / settings.speed_m_s * slower,
                descent_slope=DESCENT_M_S / settings.speed_m_s * slower,
                first_msl_m=level if start_m is None else ground_m + start_m,
                last_msl_m=level if end_m is None else ground_m + end_m,
                symmetric=False,
            )
    if profile is None:
        raise PlanningError(
            "the terrain between a launch site and a lane is too rough, or its height is not "
            "known: no way keeps clear of the ground and below "
            f"{settings.ceiling_m:g} m above it; move the launch site nearer or bring a better DEM"
        )
    first = 0 if start_m is None else 1
    last = len(profile.points_m) - (0 if end_m is None else 1)
    return Part(None, profile.points_m[first:last], profile.msl_m[first:last] - ground_m)


def _costed(
    site: int,
    home: FloatArray,
    ground_m: float,
    parts: Sequence[Part],
    settings: PlanSettings,
) -> Draft:
    points = np.vstack([home[None], *(p.points_m for p in parts), home[None]])
    heights = np.concatenate([p.heights_m for p in parts])
    heights = np.r_[heights[:1], heights, heights[-1:]]
    speeds, on_lane = [settings.speed_m_s], [False]
    for part in parts:
        lane = part.lane is not None
        speed = part.lane.speed_m_s if part.lane is not None else 0.0
        for k in range(len(part.points_m)):  # the leg that ends at this point
            speeds.append(speed if lane and k and speed else settings.speed_m_s)
            on_lane.append(lane and k > 0)
    legs = np.array([*speeds[1:], settings.speed_m_s])
    cost = settings.energy.sortie(points, heights, legs)
    seconds, _ = settings.energy.legs(np.diff(points, axis=0), np.diff(heights), legs)
    ferry = ~np.array([*on_lane[1:], False])
    return Draft(site, ground_m, tuple(parts), cost, float(seconds[ferry].sum()))
