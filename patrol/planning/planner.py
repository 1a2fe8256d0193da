"""From a study area to a plan: corridor, lanes, pieces, sorties, coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from geo.coordinates import LonLat
from patrol.area import NoFlyZone, River, StudyArea
from patrol.errors import PlanningError
from patrol.mission import mission_items
from patrol.plan import Lane, Leg, Plan, Reach, Side, Sortie, Uncovered, Waypoint, Zone
from patrol.planning.coverage import footprint, metre_ranges, unseen_parts
from patrol.planning.lanes import LaneLine, corridor, cut, lane_lines, outside, stretch
from patrol.planning.patches import patched
from patrol.planning.routes import Router
from patrol.planning.settings import PlanSettings
from patrol.planning.sorties import Problem, Route, assign

__all__ = ["chosen_reaches", "plan_area"]

FloatArray = NDArray[np.float64]

_PIECE_M = 1500.0  # lanes are handed to the search in pieces of about this length at most
_SHORTEST_PIECE_M = 60.0
_SHORTEST_REACH_M = 10.0
_MOST_PIECE_ITEMS = 250
_FIXED_ITEMS = 5 + 40  # home, take-off, speed, gimbal, return; corners round no-fly zones


@dataclass(frozen=True, slots=True)
class _Gap:
    """A part of a lane that is not flown, and why (Chinese, English)."""

    line: BaseGeometry
    reason: str


def chosen_reaches(
    area: StudyArea,
    rivers: Sequence[str] = (),
    from_m: float | None = None,
    to_m: float | None = None,
) -> tuple[Reach, ...]:
    """The reaches to plan: all rivers, those named by code, or a stretch of one.

    Raises PlanningError for an unknown code or a stretch that is not on the river.
    """
    by_code = {river.code: river for river in area.rivers}
    for code in rivers:
        if code not in by_code:
            raise PlanningError(
                f"{area.folder / 'rivers.geojson'}: there is no river {code!r}; "
                f"expected one of {', '.join(by_code)}"
            )
    chosen = [river for river in area.rivers if not rivers or river.code in rivers]
    if from_m is None and to_m is None:
        return tuple(Reach(r.code, 0.0, r.centreline_m.length) for r in chosen)
    if len(chosen) != 1:
        raise PlanningError("a stretch (--from-m, --to-m) needs exactly one --river")
    length = chosen[0].centreline_m.length
    start, end = from_m or 0.0, min(length, length if to_m is None else to_m)
    if not (start >= 0 and start + _SHORTEST_REACH_M <= end):
        raise PlanningError(
            f"river {chosen[0].code} is {length:.0f} m long: a stretch from {start:g} to {end:g} m "
            f"is not at least {_SHORTEST_REACH_M:g} m of it"
        )
    return (Reach(chosen[0].code, start, end),)


def plan_area(
    area: StudyArea, settings: PlanSettings, reaches: Sequence[Reach] | None = None
) -> Plan:
    """Plan the reaches (all rivers by default).

    Raises PlanningError where a launch site lies in a no-fly zone or a river cannot be reached at
    all; what else cannot be seen is listed in the plan's `uncovered`.
    """
    reaches = chosen_reaches(area) if reaches is None else tuple(reaches)
    router = Router([zone.outline_m for zone in area.no_fly_zones], settings.zone_clearance_m)
    sites = _usable_sites(area, router)
    rivers = {river.code: river for river in area.rivers}
    lanes, gaps = _lanes(area, rivers, reaches, settings, router.keep_out)
    pieces, far = _pieces(lanes, sites, settings, router)
    gaps += far
    _check_reachable(reaches, pieces, area)
    sorties, flown = _sorties(area, pieces, sites, settings, router, rivers)
    share, uncovered = _coverage(rivers, reaches, flown, gaps, settings)
    plan = Plan(
        area=area.folder.resolve().name,
        camera=settings.camera,
        picture_px=settings.picture_px,
        gsd_m=settings.gsd_m,
        height_agl_m=settings.height_m,
        speed_m_s=settings.speed_m_s,
        gimbal_pitch_deg=-90.0,
        strip_m=settings.strip_m,
        battery_wh=settings.energy.battery_wh,
        reserve_share=settings.reserve_share,
        coverage_share=share,
        reaches=reaches,
        uncovered=uncovered,
        lanes=tuple(lane for lane, _ in flown),
        sorties=sorties,
        no_fly_zones=_zones(area),
    )
    for sortie in sorties:
        count = len(mission_items(plan, sortie))
        if count > settings.most_items:
            raise PlanningError(
                f"sortie {sortie.id} needs {count} mission items, over {settings.most_items}"
            )
    return plan


def _zones(area: StudyArea) -> tuple[Zone, ...]:
    """The zones for the plan, holes filled: nothing flies in a hole of a zone."""
    return tuple(
        Zone(zone.name, Polygon(part.exterior))
        for zone in area.no_fly_zones
        for part in shapely.get_parts(zone.geometry)
    )


def _usable_sites(area: StudyArea, router: Router) -> FloatArray:
    """(S, 2) launch sites in metres."""
    sites = area.projection.forward(
        [(s.position.lon_deg, s.position.lat_deg) for s in area.launch_sites]
    )
    for site, point in zip(area.launch_sites, sites, strict=True):
        for zone in area.no_fly_zones:
            if zone.outline_m.intersects(Point(point)):
                raise PlanningError(
                    f"{area.folder / 'launch_sites.geojson'}: the launch site {site.code} "
                    f"({site.name}) lies in the no-fly zone {zone.name}; move the site"
                )
        if shapely.intersects_xy(router.forbidden, *point):
            raise PlanningError(
                f"{area.folder / 'launch_sites.geojson'}: the launch site {site.code} "
                f"({site.name}) is too near a no-fly zone to leave with clearance; move the site"
            )
    return sites


def _lanes(
    area: StudyArea,
    rivers: dict[str, River],
    reaches: Sequence[Reach],
    settings: PlanSettings,
    keep_out: BaseGeometry,
) -> tuple[list[LaneLine], list[_Gap]]:
    lanes: list[LaneLine] = []
    gaps: list[_Gap] = []
    for reach in reaches:
        river = rivers[reach.river]
        centreline = stretch(river.centreline_m, reach.from_m, reach.to_m)
        half = river.width_m / 2 + settings.strip_m
        along = lane_lines(river.code, centreline, half, settings)
        for lane in patched(river.code, along, centreline, half, settings):
            kept, away = outside(lane, keep_out)
            lanes += kept
            if away.length > 0:
                zone = _nearest_zone(area, away)
                gaps.append(_Gap(away, f"禁飞区 no-fly zone: {zone.name} {zone.name_en}"))
    return lanes, gaps


def _nearest_zone(area: StudyArea, line: BaseGeometry) -> NoFlyZone:
    return min(area.no_fly_zones, key=lambda zone: zone.outline_m.distance(line))


def _pieces(
    lanes: Sequence[LaneLine], sites: FloatArray, settings: PlanSettings, router: Router
) -> tuple[list[LaneLine], list[_Gap]]:
    """Lanes cut so that each piece can be flown alone from some site, and what cannot be."""
    gaps: list[_Gap] = []
    pieces = [
        LaneLine(lane.river, lane.side, line)
        for lane in lanes
        for line in cut(lane.line, int(np.ceil(lane.line.length / _PIECE_M)))
    ]
    while pieces:
        problem = _problem(pieces, sites, settings, router)
        fits = (problem.alone_wh() <= problem.most_wh) & (problem.items <= _MOST_PIECE_ITEMS)
        if fits.all():
            break
        kept: list[LaneLine] = []
        for lane, fit in zip(pieces, fits, strict=True):
            if fit:
                kept.append(lane)
            elif lane.line.length > 2 * _SHORTEST_PIECE_M:
                kept += [LaneLine(lane.river, lane.side, line) for line in cut(lane.line, 2)]
            else:
                gaps.append(_Gap(lane.line, "电池不够 out of the battery's reach"))
        pieces = kept
    return pieces, gaps


def _check_reachable(reaches: Sequence[Reach], pieces: Sequence[LaneLine], area: StudyArea) -> None:
    for reach in reaches:
        if not any(piece.river == reach.river for piece in pieces):
            raise PlanningError(
                f"{area.folder / 'rivers.geojson'}: river {reach.river} cannot be flown from any "
                "launch site: it is out of the battery's reach or lies in a no-fly zone; add a "
                "launch site nearer to it, or leave the river out with --river"
            )


def _problem(
    pieces: Sequence[LaneLine], sites: FloatArray, settings: PlanSettings, router: Router
) -> Problem:
    energy = settings.energy
    ends = np.array([[p.line.coords[0], p.line.coords[-1]] for p in pieces]).reshape(-1, 2)
    places = np.vstack([ends, sites])
    ways_m = router.distances_m(places)
    straight_m = np.hypot(*(places[:, None, :] - places[None, :, :]).transpose(2, 0, 1))
    # A stop at each end of a leg is the most that the turn there can cost; a way round corners
    # gets two more.
    stops_s = np.where(ways_m > straight_m + 1e-6, 3 * energy.stop_s, energy.stop_s)
    cruise_s = ways_m / energy.speed_m_s
    work = [energy.along(piece.line.coords) for piece in pieces]
    vertical = energy.vertical(settings.height_m)
    return Problem(
        between_s=cruise_s + stops_s,
        between_wh=(cruise_s * energy.cruise_w + stops_s * energy.hover_w) / 3600,
        work_s=np.array([w.duration_s for w in work]),
        work_wh=np.array([w.energy_wh for w in work]),
        items=np.array([len(piece.line.coords) + 2 for piece in pieces]),
        lane=np.cumsum([True, *np.any(ends[1:-1:2] != ends[2::2], axis=1)])[: len(pieces)],
        sites=len(sites),
        sortie_s=vertical.duration_s + energy.stop_s,
        sortie_wh=vertical.energy_wh + energy.stop_s * energy.hover_w / 3600,
        swap_s=settings.swap_s,
        most_wh=settings.usable_wh,
        most_items=settings.most_items - _FIXED_ITEMS,
    )


def _sorties(
    area: StudyArea,
    pieces: Sequence[LaneLine],
    sites: FloatArray,
    settings: PlanSettings,
    router: Router,
    rivers: dict[str, River],
) -> tuple[tuple[Sortie, ...], list[tuple[Lane, LineString]]]:
    """The sorties, and the lanes as flown with their lines in metres."""
    problem = _problem(pieces, sites, settings, router)
    routes = assign(problem)
    sorties: list[Sortie] = []
    flown: list[tuple[Lane, LineString]] = []
    for number, route in enumerate(_in_order(routes), 1):
        site, home = area.launch_sites[route.site], sites[route.site]
        here, track = home, [home[None]]
        waypoints: list[Waypoint] = []
        for side, river, line in _runs(route, pieces):
            points = shapely.get_coordinates(line)
            way = _way(router, here, points[0])
            lane = _lane(len(flown) + 1, river, side, line, rivers[river], area)
            flown.append((lane, line))
            waypoints += _waypoints(area, way, None, settings)
            waypoints += _waypoints(area, points, lane.id, settings)
            track += [way, points]
            here = points[-1]
        way = _way(router, here, home)
        waypoints += _waypoints(area, way, None, settings)
        cost = settings.energy.sortie(np.vstack([*track, way, home[None]]), settings.height_m)
        if cost.energy_wh > settings.usable_wh:
            raise PlanningError(
                f"sortie {number} needs {cost.energy_wh:.1f} Wh, over the {settings.usable_wh:.1f} "
                "Wh that the reserve leaves; ask for a larger --battery-wh or a smaller --reserve"
            )
        sorties.append(
            Sortie(
                number, site.code, site.position, cost.length_m, cost.duration_s, cost.energy_wh,
                tuple(waypoints),
            )
        )  # fmt: skip
    return tuple(sorties), flown


def _in_order(routes: Sequence[Route]) -> list[Route]:
    """Sorties from one site stand together, so that the crew moves least."""
    return sorted(routes, key=lambda route: (route.site, route.visits[0].piece))


def _way(router: Router, start: FloatArray, end: FloatArray) -> FloatArray:
    way = router.way(start, end)
    if way is None:
        raise PlanningError("a lane is walled in by no-fly zones; leave its river out")
    return way


def _runs(route: Route, pieces: Sequence[LaneLine]) -> list[tuple[Side, str, LineString]]:
    """The lines flown, pieces that go on from one another joined again."""
    runs: list[tuple[Side, str, FloatArray]] = []
    for visit in route.visits:
        piece = pieces[visit.piece]
        points = shapely.get_coordinates(piece.line)
        points = points[::-1] if visit.backwards else points
        if runs:
            side, river, before = runs[-1]
            if (side, river) == (piece.side, piece.river) and np.allclose(
                before[-1], points[0], atol=1e-6
            ):
                runs[-1] = (side, river, np.vstack([before, points[1:]]))
                continue
        runs.append((piece.side, piece.river, points))
    return [(side, river, LineString(points)) for side, river, points in runs]


def _lane(
    number: int, code: str, side: Side, line: LineString, river: River, area: StudyArea
) -> Lane:
    from_m, to_m = (river.centreline_m.project(shapely.get_point(line, i)) for i in (0, -1))
    lonlat = shapely.transform(line, area.projection.inverse)
    return Lane(f"{code}-{number:02d}", code, side, from_m, to_m, lonlat)


def _waypoints(
    area: StudyArea, points: FloatArray, lane: str | None, settings: PlanSettings
) -> list[Waypoint]:
    if not len(points):
        return []
    leg: Leg = "transit" if lane is None else "lane"
    return [
        Waypoint(LonLat(float(lon), float(lat)), settings.height_m, leg, lane)
        for lon, lat in area.projection.inverse(points)
    ]


def _coverage(
    rivers: dict[str, River],
    reaches: Sequence[Reach],
    flown: Sequence[tuple[Lane, LineString]],
    gaps: Sequence[_Gap],
    settings: PlanSettings,
) -> tuple[float, tuple[Uncovered, ...]]:
    """The share of the corridors' area that is seen, and the metres that are not."""
    seen = shapely.union_all(
        [footprint(line, settings.seen_half_m, settings.usable_ahead_m) for _, line in flown]
    )
    wanted_m2 = unseen_m2 = 0.0
    uncovered: list[Uncovered] = []
    for reach in reaches:
        river = rivers[reach.river]
        centreline = stretch(river.centreline_m, reach.from_m, reach.to_m)
        wanted = corridor(centreline, river.width_m / 2 + settings.strip_m)
        parts = unseen_parts(wanted, seen)
        wanted_m2 += wanted.area
        unseen_m2 += sum(part.area for part in parts)
        reasons = [(_reason(part, gaps, settings), part) for part in parts]
        for reason, group in groupby(sorted(reasons, key=lambda r: r[0]), key=lambda r: r[0]):
            uncovered += [
                Uncovered(reach.river, reach.from_m + start, reach.from_m + end, reason)
                for start, end in metre_ranges(centreline, [part for _, part in group])
            ]
    uncovered.sort(key=lambda u: (u.river, u.from_m, u.reason))
    return 1.0 - unseen_m2 / wanted_m2, tuple(uncovered)


def _reason(part: Polygon, gaps: Sequence[_Gap], settings: PlanSettings) -> str:
    near = min(gaps, key=lambda gap: gap.line.distance(part), default=None)
    if near is not None and near.line.distance(part) <= settings.usable_half_m:
        return near.reason
    return "弯道 a bend too tight for the lanes"
