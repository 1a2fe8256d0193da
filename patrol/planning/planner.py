"""From a study area to a plan: corridors, lanes, sorties, certificate, bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from geo.coordinates import LonLat
from geo.terrain import Terrain
from patrol.area import StudyArea
from patrol.errors import PlanningError
from patrol.mission import mission_items
from patrol.plan import Certificate, Lane, Leg, Operation, Plan, Reach, Sortie, Waypoint, Zone
from patrol.planning.check import certificate_of
from patrol.planning.cover.lanes import LaneLine
from patrol.planning.ground import Ground
from patrol.planning.laying import laid_out
from patrol.planning.settings import PlanSettings
from patrol.planning.sorties.bound import lower_bound
from patrol.planning.sorties.clusters import drafts
from patrol.planning.sorties.crews import shared_out
from patrol.planning.sorties.drafts import Draft
from patrol.planning.sorties.problem import moves_s
from patrol.planning.sorties.routes import Router
from patrol.planning.sorties.timetable import last_landing_s, timetable

__all__ = ["assembled", "chosen_reaches", "plan_area", "router_of", "sites_of"]

FloatArray = NDArray[np.float64]
Report = Callable[[str, float], None]

_SHORTEST_REACH_M = 10.0
_TERRAIN_MARGIN_M = 400.0  # of the terrain about everything flown that the plan keeps


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
    area: StudyArea,
    settings: PlanSettings,
    reaches: Sequence[Reach] | None = None,
    terrain: Terrain | None = None,
    report: Report = lambda stage, share: None,
) -> Plan:
    """Plan the reaches (all rivers by default), over flat ground or over `terrain`.

    Raises PlanningError where a launch site lies in a no-fly zone or a river cannot be reached at
    all; what else cannot be seen is listed in the plan's certificate. `report` is told the stage
    and how much of it is done.
    """
    reaches = chosen_reaches(area) if reaches is None else tuple(reaches)
    ground = Ground(terrain, area.projection)
    router = router_of(area, settings, ground)
    sites_m = _usable_sites(area, router, ground)
    lanes, steep = laid_out(area.rivers, reaches, settings, router, ground, report)
    made, beyond = drafts(
        lanes, sites_m, settings, router, ground, lambda share: report("架次 sorties", share)
    )
    made = shared_out(made, sites_m, settings, router, ground)
    _check_reachable(area, reaches, made, bool(steep))
    notes = (*area.notes, *_notes(made, sites_m, beyond, steep))
    plan = assembled(area, settings, reaches, made, router, ground, notes)
    report("证书 certificate", 1.0)
    return plan


def assembled(
    area: StudyArea,
    settings: PlanSettings,
    reaches: Sequence[Reach],
    made: Sequence[Draft],
    router: Router,
    ground: Ground,
    notes: Sequence[str],
) -> Plan:
    """The plan of these sorties, with its timetable, its bound and its certificate."""
    lanes, sorties = _numbered(area, made, settings)
    plan = Plan(
        area=area.folder.resolve().name,
        settings=settings,
        projection=area.projection,
        rivers=tuple(r for r in area.rivers if any(x.river == r.code for x in reaches)),
        launch_sites=area.launch_sites,
        no_fly_zones=_zones(area),
        reaches=tuple(reaches),
        lanes=lanes,
        sorties=sorties,
        certificate=Certificate((), (), 1.0),
        operation=_operation(area, made, sorties, settings, router),
        terrain=None if ground.terrain is None else _near(ground.terrain, area, sorties),
        notes=tuple(notes),
    )
    for sortie in sorties:
        count = len(mission_items(plan, sortie))
        if count > settings.most_items:
            raise PlanningError(
                f"sortie {sortie.id} needs {count} mission items, over {settings.most_items}"
            )
    return replace(plan, certificate=certificate_of(plan))


def router_of(area: StudyArea, settings: PlanSettings, ground: Ground) -> Router:
    """Ways round the area's zones, and round ground of which no height is known."""
    return Router(_kept_out(area, ground, settings), settings.zone_clearance_m)


def sites_of(area: StudyArea) -> FloatArray:
    """(S, 2) launch sites in metres."""
    return area.projection.forward(
        [(s.position.lon_deg, s.position.lat_deg) for s in area.launch_sites]
    )


def _kept_out(area: StudyArea, ground: Ground, settings: PlanSettings) -> list[BaseGeometry]:
    """Where nothing is flown: no-fly zones, and where the picture would show ground of which no
    height is known."""
    zones = [zone.outline_m for zone in area.no_fly_zones]
    if ground.terrain is None:
        return zones
    points = np.vstack([shapely.get_coordinates(r.centreline) for r in area.rivers])
    sites = np.array([[s.position.lon_deg, s.position.lat_deg] for s in area.launch_sites])
    west, south = np.vstack([points, sites]).min(axis=0) - 0.02
    east, north = np.vstack([points, sites]).max(axis=0) + 0.02
    missing = ground.terrain.missing_outline((west, south, east, north))
    room = settings.sight().half_m
    wide = shapely.buffer(shapely.transform(missing, area.projection.forward), room, quad_segs=4)
    return zones + [part for part in shapely.get_parts(wide) if not part.is_empty]


def _zones(area: StudyArea) -> tuple[Zone, ...]:
    """The zones for the plan, holes filled: nothing flies in a hole of a zone."""
    return tuple(
        Zone(zone.name, Polygon(part.exterior))
        for zone in area.no_fly_zones
        for part in shapely.get_parts(zone.geometry)
    )


def _usable_sites(area: StudyArea, router: Router, ground: Ground) -> FloatArray:
    """(S, 2) launch sites in metres."""
    sites = sites_of(area)
    for site, point in zip(area.launch_sites, sites, strict=True):
        where = f"{area.folder / 'launch_sites.geojson'}: the launch site {site.code} ({site.name})"
        for zone in area.no_fly_zones:
            if zone.outline_m.intersects(Point(point)):
                raise PlanningError(f"{where} lies in the no-fly zone {zone.name}; move the site")
        if ground.terrain is not None and not np.isfinite(ground.heights_m(point[None])[0]):
            raise PlanningError(
                f"{where} lies where {ground.terrain.source} knows no height; bring a DEM that "
                "covers it, or move the site"
            )
        if shapely.intersects_xy(router.forbidden, *point):
            raise PlanningError(
                f"{where} is too near a no-fly zone to leave with clearance; move the site"
            )
    return sites


def _check_reachable(
    area: StudyArea, reaches: Sequence[Reach], made: Sequence[Draft], steep: bool
) -> None:
    flown = {lane.river for sortie in made for lane in sortie.lanes}
    for reach in reaches:
        if reach.river not in flown:
            why = "it is out of the battery's reach or lies in a no-fly zone"
            why += ", or the terrain is too steep for its lanes" if steep else ""
            raise PlanningError(
                f"{area.folder / 'rivers.geojson'}: river {reach.river} cannot be flown from any "
                f"launch site: {why}; add a launch site nearer to it, or leave the river out "
                "with --river"
            )


def _numbered(
    area: StudyArea, made: Sequence[Draft], settings: PlanSettings
) -> tuple[tuple[Lane, ...], tuple[Sortie, ...]]:
    """Lanes and sorties as the plan holds them."""
    rivers = {river.code: river for river in area.rivers}
    lanes: list[Lane] = []
    sorties: list[Sortie] = []
    for number, sortie in enumerate(made, 1):
        site = area.launch_sites[sortie.site]
        waypoints: list[Waypoint] = []
        for part in sortie.parts:
            name: str | None = None
            places = area.projection.inverse(part.points_m)
            if part.lane is not None:
                name = f"{part.lane.river}-{len(lanes) + 1:02d}"
                centreline = rivers[part.lane.river].centreline_m
                from_m, to_m = (float(centreline.project(Point(part.points_m[i]))) for i in (0, -1))
                speed = part.lane.speed_m_s or settings.speed_m_s
                line = LineString(np.round(places, 8))
                lanes.append(Lane(name, part.lane.river, part.lane.side, from_m, to_m, line, speed))
            leg: Leg = "transit" if name is None else "lane"
            for (lon, lat), height in zip(places, part.heights_m, strict=True):
                place = LonLat(round(float(lon), 8), round(float(lat), 8))
                waypoints.append(Waypoint(place, round(float(height), 3), leg, name))
        sorties.append(
            Sortie(
                number, site.code, site.position, sortie.cost.length_m, sortie.cost.duration_s,
                sortie.cost.energy_wh, tuple(waypoints), sortie.ground_m,
            )
        )  # fmt: skip
    return tuple(lanes), tuple(sorties)


def _operation(
    area: StudyArea,
    made: Sequence[Draft],
    sorties: Sequence[Sortie],
    settings: PlanSettings,
    router: Router,
) -> Operation:
    sites_m = sites_of(area)
    codes = [site.code for site in area.launch_sites]
    crews_of = [d.crew for d in made if d.crew is not None]
    flights = timetable(
        sorties,
        codes,
        moves_s(sites_m, settings),
        settings,
        crews_of if len(crews_of) == len(made) else None,
    )
    flight_s = sum(s.duration_s for s in sorties)
    operating_s = last_landing_s(flights)
    lanes = _whole_lanes(made)
    bound = lower_bound(lanes, sites_m, settings, router)
    crews = {f.crew for f in flights}
    ground_s = sum(max(f.end_s for f in flights if f.crew == crew) for crew in crews) - flight_s
    return Operation(
        operating_s,
        min(bound.seconds, operating_s),
        bound.method,
        flight_s,
        sum(d.ferry_s for d in made),
        max(0.0, ground_s),
        flights,
    )


def _whole_lanes(made: Sequence[Draft]) -> list[LaneLine]:
    """The lanes as they were before they were shared out: those flown in several sorties are put
    together again where their ends meet."""
    lanes = [lane for sortie in made for lane in sortie.lanes]
    whole: list[LaneLine] = []
    for lane in lanes:
        joined = lane
        for other in list(whole):
            if (other.river, other.side) != (joined.river, joined.side):
                continue
            line = _meeting(other.line, joined.line)
            if line is not None:
                whole.remove(other)
                joined = replace(joined, line=line, heights_m=None)
        whole.append(joined)
    return whole


def _meeting(first: LineString, second: LineString) -> LineString | None:
    """Both in one where an end of one is an end of the other."""
    a, b = shapely.get_coordinates(first), shapely.get_coordinates(second)
    for left in (a, a[::-1]):
        for right in (b, b[::-1]):
            if np.hypot(*(left[-1] - right[0])) < 1e-6:
                return LineString(np.vstack([left, right[1:]]))
    return None


def _near(terrain: Terrain, area: StudyArea, sorties: Sequence[Sortie]) -> Terrain:
    """The terrain about what is flown and seen."""
    lines = [river.centreline for river in area.rivers]
    for sortie in sorties:
        home = (sortie.launch.lon_deg, sortie.launch.lat_deg)
        places = [(w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints]
        lines.append(LineString([home, *places, home]))
    return terrain.cropped_to(shapely.union_all(lines), _TERRAIN_MARGIN_M)


def _notes(
    made: Sequence[Draft],
    sites_m: FloatArray,
    beyond: Sequence[LaneLine],
    steep: Sequence[LaneLine],
) -> list[str]:
    notes = []
    extra_m = sum(_detour_m(sortie, sites_m[sortie.site]) for sortie in made)
    if extra_m > 1:
        notes.append(f"绕飞禁飞区 detours round no-fly zones: {extra_m:.0f} m")
    for lanes, why in (
        (beyond, "电池够不到 out of the battery's reach"),
        (steep, "地形太陡 terrain too steep"),
    ):
        if lanes:
            metres = sum(lane.line.length for lane in lanes)
            notes.append(f"未飞航线 lanes not flown: {metres:.0f} m, {why}")
    return notes


def _detour_m(sortie: Draft, home: FloatArray) -> float:
    """How much longer the ways between lanes are than straight lines."""
    extra, here = 0.0, home
    parts = list(sortie.parts)
    for index, part in enumerate(parts):
        if part.lane is not None:
            here = part.points_m[-1]
            continue
        end = parts[index + 1].points_m[0] if index + 1 < len(parts) else home
        way = np.vstack([here[None], part.points_m, end[None]])
        extra += float(np.hypot(*np.diff(way, axis=0).T).sum() - np.hypot(*(end - here)))
    return extra
