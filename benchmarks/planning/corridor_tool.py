"""Operating time against planning by hand with a corridor tool, as QGroundControl's Corridor Scan.

The peer takes one river after another: ceil(width / spacing) transects along the centreline, the
width that of the river's widest place, the spacing the picture's width less the sidelap; flown to
and fro from the launch site nearest to the river, with the same camera, GSD, height, speed, wind,
reserve and energy model. When what is left just takes it home, it flies home, has its battery
swapped, flies back to where it stopped and goes on. The crew drives to the next river's site. It
is as good as a careful operator: it begins at the corner that takes least time, takes the rivers
in the best order, keeps a battery that lasts for the next river as well, needs no turning room,
cuts curves where a bend is tighter than the offset, and flies straight where a zone is in the way
of anything but a transect. What its transects do not see of the banks is not held against it.

Printed besides, but not the figure: a cleverer peer that puts the scans of several rivers into one
mission and goes from each to the nearest corner of the next, from the nearest sites or from the
one site that is best for all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise, permutations
from multiprocessing import get_context

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from benchmarks.planning.sample import AREA, sample_plan
from benchmarks.planning.worlds import area_of, meander, random_zone, site_near
from patrol.area import StudyArea
from patrol.plan import Plan
from patrol.planning.planner import plan_area
from patrol.planning.settings import PlanSettings
from patrol.planning.sorties.problem import moves_s
from patrol.planning.wind import Wind
from patrol.rivers import Breadth, River

__all__ = ["ByHand", "by_hand", "chained", "minutes_saved"]

FloatArray = NDArray[np.float64]

AREAS = 20
_PROCESSES = 2
_STEP_M = 10.0  # where a flight is broken off, to the nearest of these
_SPEED_M_S = 12.0
_SIDE_M = 3000.0  # of the random areas


@dataclass(frozen=True, slots=True)
class ByHand:
    """What the peer takes: seconds from the first take-off to the last landing, and flights."""

    operating_s: float
    flights: int


@dataclass(frozen=True, slots=True)
class _Scan:
    """One river from its site: the ways that it can be flown, and of the quickest the seconds
    with the swaps between its flights, what its first and last flights take, how many there are."""

    site: int
    ways: tuple[FloatArray, ...]
    seconds: float
    first_wh: float
    last_wh: float
    flights: int


def by_hand(area: StudyArea, settings: PlanSettings) -> ByHand:
    """The peer's operation for a whole area, river by river."""
    sites = _sites_m(area)
    scans = _scans(area, sites, settings)
    move = moves_s(sites, settings)
    best = min(_in_order(order, move, settings) for order in permutations(scans))
    return ByHand(best, sum(scan.flights for scan in scans))


def chained(area: StudyArea, settings: PlanSettings) -> ByHand:
    """The cleverer peer's: several rivers in one mission."""
    sites = _sites_m(area)
    scans = _scans(area, sites, settings)
    move = moves_s(sites, settings)
    tried = [_by_site(scans, sites, move, settings)]
    tried += [
        _by_site([replace(scan, site=site) for scan in scans], sites, move, settings)
        for site in range(len(sites))
    ]
    return min(tried, key=lambda peer: peer.operating_s)


def _sites_m(area: StudyArea) -> FloatArray:
    return area.projection.forward(
        [(s.position.lon_deg, s.position.lat_deg) for s in area.launch_sites]
    )


def _scans(area: StudyArea, sites_m: FloatArray, settings: PlanSettings) -> list[_Scan]:
    zones = shapely.union_all([z.outline_m for z in area.no_fly_zones])
    forbidden = zones.buffer(settings.zone_clearance_m)
    scans = []
    for river in area.rivers:
        away = [river.centreline_m.distance(Point(site)) for site in sites_m]
        site = int(np.argmin(away))
        transects = _transects(river, forbidden, settings)
        # Four corners to begin at, as the tool's entry points: which side, and which end.
        ways = tuple(
            _to_and_fro(order, upstream)
            for order in (transects, transects[::-1])
            for upstream in (False, True)
            if order
        )
        if not ways:
            continue
        flown = [_flights(sites_m[site], way, settings) for way in ways]
        costs = [
            sum(s for s, _ in flights) + (len(flights) - 1) * settings.swap_s if flights else np.inf
            for flights in flown
        ]
        best = int(np.argmin(costs))
        flights = flown[best]
        scans.append(
            _Scan(site, ways, float(costs[best]), flights[0][1], flights[-1][1], len(flights))
        )
    return scans


def _in_order(scans: Sequence[_Scan], move_s: FloatArray, settings: PlanSettings) -> float:
    """Seconds of the rivers one after another; a battery is kept where it lasts for the next."""
    total, spent_wh = 0.0, 0.0
    for before, scan in zip([None, *scans], scans, strict=False):
        if before is not None:
            total += float(move_s[before.site, scan.site])
            if scan.flights == 1 and spent_wh + scan.first_wh <= settings.usable_wh:
                total += scan.seconds
                spent_wh += scan.first_wh
                continue
            total += settings.swap_s
        total += scan.seconds
        spent_wh = scan.last_wh
    return total


def _by_site(
    scans: Sequence[_Scan], sites_m: FloatArray, move_s: FloatArray, settings: PlanSettings
) -> ByHand:
    """All rivers of each site in one mission, site after site."""
    seconds, count = 0.0, 0
    used = sorted({scan.site for scan in scans})
    for site in used:
        way = _shortest_chain([scan.ways for scan in scans if scan.site == site], sites_m[site])
        flights = _flights(sites_m[site], way, settings)
        if not flights:
            return ByHand(math.inf, 0)
        seconds += sum(s for s, _ in flights)
        count += len(flights)
    driving = min(
        sum(float(move_s[a, b]) for a, b in pairwise(order)) for order in permutations(used)
    )
    return ByHand(seconds + driving + (count - 1) * settings.swap_s, count)


def _shortest_chain(rivers: Sequence[tuple[FloatArray, ...]], home: FloatArray) -> FloatArray:
    """The rivers' ways in the order, each begun at the corner, with least distance between."""
    best_m, best = math.inf, [rivers[0][0]]
    for order in permutations(range(len(rivers))):
        rows: list[tuple[float, list[FloatArray]]] = [(0.0, [home[None]])]
        for river in order:
            rows = [
                min(
                    ((m + _gap_m(ways[-1], way), [*ways, way]) for m, ways in rows),
                    key=lambda row: row[0],
                )
                for way in rivers[river]
            ]
        whole, ways = min(
            ((m + _gap_m(ways[-1], home[None]), ways) for m, ways in rows), key=lambda row: row[0]
        )
        if whole < best_m:
            best_m, best = whole, ways[1:]
    return _dense(np.vstack(best))


def _gap_m(before: FloatArray, after: FloatArray) -> float:
    return math.hypot(*(after[0] - before[-1]))


def _transects(
    river: River, forbidden: BaseGeometry, settings: PlanSettings
) -> list[list[FloatArray]]:
    """Lines from left to right, each the parts of it that keep out of zones, downstream."""
    reach = max(max(b.left_m, b.right_m) for b in river.breadths_m()) + settings.strip_m
    spacing = settings.swath_m * (1.0 - settings.sidelap)
    count = max(1, math.ceil(2 * reach / spacing - 1e-9))
    found = []
    for number in range(count):
        offset = ((count - 1) / 2 - number) * spacing
        line: BaseGeometry = river.centreline_m
        if abs(offset) > 1e-6:
            line = shapely.offset_curve(line, offset, join_style="mitre")
        parts = shapely.get_parts(shapely.difference(line, forbidden))
        ordered = sorted(
            (_downstream(p, river.centreline_m) for p in parts if p.length > 1.0),
            key=lambda p: river.centreline_m.project(Point(p[0])),
        )
        found.append(ordered)
    return [parts for parts in found if parts]


def _downstream(part: LineString, centreline: LineString) -> FloatArray:
    points = shapely.get_coordinates(part)
    start, end = (centreline.project(Point(points[i])) for i in (0, -1))
    return points if start <= end else points[::-1]


def _to_and_fro(transects: list[list[FloatArray]], upstream: bool) -> FloatArray:
    """(N, 2) one way along all transects, in turns down and up, points close together."""
    ways = []
    for parts in transects:
        way = np.vstack(parts)
        ways.append(way[::-1] if upstream else way)
        upstream = not upstream
    return _dense(np.vstack(ways))


def _dense(way: FloatArray) -> FloatArray:
    return shapely.get_coordinates(shapely.segmentize(LineString(way), _STEP_M))


def _flights(
    home: FloatArray, way: FloatArray, settings: PlanSettings
) -> list[tuple[float, float]]:
    """(seconds, watt-hours) of the flights for a way, each as long as the battery allows; none
    where it does not last for a single step."""
    flights: list[tuple[float, float]] = []
    start = 0
    while start < len(way) - 1:
        low, high = start + 1, len(way) - 1  # the furthest that fits is in low..high
        if not _fits(home, way[start : low + 1], settings):
            return []
        while low < high:
            middle = (low + high + 1) // 2
            if _fits(home, way[start : middle + 1], settings):
                low = middle
            else:
                high = middle - 1
        flights.append(_flown(home, way[start : low + 1], settings))
        start = low
    return flights


def _fits(home: FloatArray, part: FloatArray, settings: PlanSettings) -> bool:
    return _flown(home, part, settings)[1] <= settings.usable_wh


def _flown(home: FloatArray, part: FloatArray, settings: PlanSettings) -> tuple[float, float]:
    """(seconds, watt-hours) from home along a part of the way and back."""
    track = np.vstack([home, part, home])
    flown = settings.energy.sortie(track, np.full(len(track), settings.height_m))
    return flown.duration_s, flown.energy_wh


def _random_area(seed: int, number: int) -> tuple[StudyArea, PlanSettings]:
    """Three to six rivers a few hundred metres apart, two to four sites, up to two zones."""
    rng = np.random.default_rng([seed, number])
    lines, breadths = [], []
    for _ in range(int(rng.integers(3, 7))):
        line = meander(rng, float(rng.uniform(1000, 4000)), float(rng.uniform(30, 200)))
        shift = rng.uniform(-_SIDE_M / 2, _SIDE_M / 2, 2)
        lines.append(LineString(shapely.get_coordinates(line) + shift))
        half = float(np.clip(rng.lognormal(np.log(18.0), 0.5), 5.0, 60.0)) / 2
        breadths.append([Breadth(0.0, line.length, half, half)])
    picks = rng.choice(len(lines), int(rng.integers(2, min(4, len(lines)) + 1)), replace=False)
    sites = [site_near(rng, lines[i], 100.0, 600.0) for i in picks]
    zones: list[Polygon] = []
    while len(zones) < int(rng.integers(0, 3)):
        zone = random_zone(rng, lines[int(rng.integers(len(lines)))], 400.0)
        if min(zone.distance(Point(site)) for site in sites) > 60.0:
            zones.append(zone)
    settings = PlanSettings(
        camera="m3e", capture="photos", gsd_m=0.02, cover="both", speed_m_s=_SPEED_M_S,
        wind=Wind(float(rng.uniform(0, 6)), float(rng.uniform(0, 360))),
    )  # fmt: skip
    return area_of(lines, breadths, sites, zones), settings


@dataclass(frozen=True, slots=True)
class _Saving:
    """Operating time less than the peer's and less than the cleverer peer's, %."""

    by_hand: float
    chained: float
    line: str


def _saving(what: str, area: StudyArea, plan: Plan) -> _Saving:
    planned_s = plan.operation.operating_s
    peer, clever = by_hand(area, plan.settings), chained(area, plan.settings)
    saved, against = (100.0 * (1.0 - planned_s / p.operating_s) for p in (peer, clever))
    return _Saving(
        saved,
        against,
        f"{what}: {planned_s / 60:.1f} min in {len(plan.sorties)} sorties; by hand "
        f"{peer.operating_s / 60:.1f} min in {peer.flights}: {saved:.1f} % less; rivers chained "
        f"{clever.operating_s / 60:.1f} min in {clever.flights}: {against:.1f} % less",
    )


def _case(seed: int, number: int) -> _Saving:
    area, settings = _random_area(seed, number)
    what = (
        f"area {number} ({len(area.rivers)} rivers, {area.length_m / 1000:.1f} km, "
        f"{len(area.launch_sites)} sites)"
    )
    return _saving(what, area, plan_area(area, settings))


def minutes_saved(seed: int) -> float:
    """Operating time less than the peer's, %: the lower of the saving on the sample and the
    median saving over 20 random areas."""
    sample = _saving("sample", StudyArea.read(AREA), sample_plan(seed))
    print(sample.line)
    with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn")) as pool:
        rows = list(pool.map(_case, [seed] * AREAS, range(AREAS)))
    for row in rows:
        print(row.line)
    for name, values in (
        ("by hand", [row.by_hand for row in rows]),
        ("rivers chained", [row.chained for row in rows]),
    ):
        print(
            f"random areas against {name}: median {np.median(values):.1f} % less, least "
            f"{min(values):.1f} %, most {max(values):.1f} %"
        )
    return float(min(sample.by_hand, np.median([row.by_hand for row in rows])))
