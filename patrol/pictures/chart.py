"""What a plan's map shows, in metres of the plan's projection."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from patrol.plan import Plan, Reach, Sortie
from patrol.planning.cover.corridor import corridor_of, stretch
from patrol.rivers import River

__all__ = ["Chart", "Place", "Stream", "Track", "arrows", "chart_of", "length_m", "middles"]

FloatArray = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

_LEAST_UNSEEN_M = 1.0
_LEAST_EXTENT_M = 120.0


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """A river: its water, its centreline (N, 2), and the parts of it that are to be covered."""

    code: str
    name: str
    name_en: str
    water: BaseGeometry
    centreline_m: FloatArray
    reaches_m: tuple[FloatArray, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What a sortie flies: lines (N, 2) with the camera on, and those on the way."""

    sortie: int
    lanes: tuple[FloatArray, ...]
    ferries: tuple[FloatArray, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A launch site; `used`: some sortie starts there."""

    code: str
    name: str
    name_en: str
    x: float
    y: float
    used: bool


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """The map. `bounds` (west, south, east, north) hold all that is planned and flown, not all
    of the rivers and zones."""

    streams: tuple[Stream, ...]
    tracks: tuple[Track, ...]
    places: tuple[Place, ...]
    zones: tuple[tuple[str, BaseGeometry], ...]
    unseen: tuple[BaseGeometry, ...]
    bounds: Bounds

    @property
    def sign_size(self) -> float:
        """How large signs stand on the map: 1, or less where there are many of them."""
        return min(1.0, max(0.4, math.sqrt(30 / max(len(self.places), len(self.tracks), 1))))


def chart_of(plan: Plan) -> Chart:
    """The map of a plan."""
    rivers = {river.code: river for river in plan.rivers}
    streams, unseen = [], []
    for river in plan.rivers:
        line = river.centreline_m
        reaches = tuple(
            shapely.get_coordinates(stretch(line, reach.from_m, reach.to_m))
            for reach in plan.reaches
            if reach.river == river.code
        )
        points = shapely.get_coordinates(line)
        water = _water(river)
        streams.append(Stream(river.code, river.name, river.name_en, water, points, reaches))
    for part in plan.certificate.uncovered:
        if part.river not in rivers:
            continue
        river = rivers[part.river]
        end_m = min(max(part.to_m, part.from_m + _LEAST_UNSEEN_M), river.centreline_m.length)
        start_m = max(0.0, min(part.from_m, end_m - _LEAST_UNSEEN_M))
        reach, asked = Reach(part.river, start_m, end_m), plan.settings
        corridor = corridor_of(river, reach, asked.cover, asked.strip_m, asked.inner_m)
        unseen += [s.ground for s in corridor.strips if s.bank == part.bank and s.ground.area > 0]
    tracks = tuple(_track(plan, sortie) for sortie in plan.sorties)
    places = _places(plan)
    zones = tuple(
        (zone.name, shapely.transform(zone.outline, plan.projection.forward))
        for zone in plan.no_fly_zones
    )
    reach_m = plan.settings.strip_m + max((r.width_m for r in plan.rivers), default=0.0)
    bounds = _bounds(streams, tracks, places, reach_m)
    return Chart(tuple(streams), tracks, places, zones, tuple(unseen), bounds)


def _water(river: River) -> BaseGeometry:
    """The centreline widened to where the water reaches, flat ends."""
    line = river.centreline_m
    if not river.breadths:
        return shapely.buffer(line, river.width_m / 2, cap_style="flat")
    parts = []
    for breadth in river.breadths:
        run = stretch(line, breadth.from_m, breadth.to_m)
        for reach_m in (breadth.left_m, -breadth.right_m):  # a negative one is on the right
            if reach_m:
                parts.append(shapely.buffer(run, reach_m, cap_style="flat", single_sided=True))
    gap_m = 1.0  # at bends between two runs
    return shapely.union_all(parts).buffer(gap_m, join_style="mitre").buffer(-gap_m)


def _track(plan: Plan, sortie: Sortie) -> Track:
    home = (sortie.launch.lon_deg, sortie.launch.lat_deg)
    places = [(w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints]
    points = plan.projection.forward([home, *places, home])
    names = [None, *(w.lane for w in sortie.waypoints), None]
    lanes: list[FloatArray] = []
    ferries: list[FloatArray] = []
    begin = 0
    kinds = [a is not None and a == b for a, b in pairwise(names)]
    for index, kind in enumerate(kinds):
        last = index + 1 == len(kinds)
        if last or kinds[index + 1] != kind or (kind and names[index + 1] != names[index + 2]):
            line = points[begin : index + 2]
            if np.ptp(line, axis=0).max() > 1e-6:
                (lanes if kind else ferries).append(line)
            begin = index + 1
    return Track(sortie.id, tuple(lanes), tuple(ferries))


def _places(plan: Plan) -> tuple[Place, ...]:
    used = {sortie.launch_site for sortie in plan.sorties}
    if not plan.launch_sites:
        return ()
    points = plan.projection.forward(
        [(s.position.lon_deg, s.position.lat_deg) for s in plan.launch_sites]
    )
    return tuple(
        Place(site.code, site.name, site.name_en, float(x), float(y), site.code in used)
        for site, (x, y) in zip(plan.launch_sites, points, strict=True)
    )


def _bounds(
    streams: Sequence[Stream], tracks: Sequence[Track], places: Sequence[Place], reach_m: float
) -> Bounds:
    flown = [line for track in tracks for line in (*track.lanes, *track.ferries)]
    flown += [np.array([[p.x, p.y]]) for p in places if p.used]
    rivers = [line for stream in streams for line in stream.reaches_m]
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for lines, margin in ((flown, 0.0), (rivers, reach_m)):
        for line in lines:
            low = np.minimum(low, line.min(axis=0) - margin)
            high = np.maximum(high, line.max(axis=0) + margin)
    if not np.isfinite(low).all():
        low, high = np.zeros(2), np.zeros(2)
    short = np.maximum(_LEAST_EXTENT_M - (high - low), 0.0) / 2
    low, high = low - short, high + short
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def middles(line_m: FloatArray, shares: Sequence[float]) -> FloatArray:
    """(K, 2) points of a line at these shares of its length."""
    at = _along(line_m)
    wanted = np.asarray(shares, dtype=float) * at[-1]
    return np.column_stack([np.interp(wanted, at, line_m[:, k]) for k in (0, 1)])


def arrows(line_m: FloatArray, apart_m: float, most: int = 200) -> FloatArray:
    """(K, 3) places along a line, evenly about `apart_m` apart and one at least, and the
    direction of flight there in radians counter-clockwise from east."""
    line = line_m[np.r_[True, np.hypot(*np.diff(line_m, axis=0).T) > 0]]
    at = _along(line)
    count = int(np.clip(np.round(at[-1] / apart_m), 1, most))
    where = (np.arange(count) + 0.5) / count * at[-1]
    leg = np.clip(np.searchsorted(at, where, side="right") - 1, 0, len(line) - 2)
    step = line[leg + 1] - line[leg]
    points = np.column_stack([np.interp(where, at, line[:, k]) for k in (0, 1)])
    return np.column_stack([points, np.arctan2(step[:, 1], step[:, 0])])


def length_m(line_m: FloatArray) -> float:
    return float(np.hypot(*np.diff(line_m, axis=0).T).sum())


def _along(line_m: FloatArray) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line_m, axis=0).T))])
