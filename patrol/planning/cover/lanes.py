"""The flight lines that see a corridor: as few as its width needs, as short as the picture allows.

Planar geometry in metres of the area's projection.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from patrol.plan import Side
from patrol.planning.cover.corridor import Corridor
from patrol.planning.cover.coverage import seen_either_way, united, unseen_parts
from patrol.planning.cover.straighten import straightened
from patrol.planning.settings import CHORD_ERROR_M, PlanSettings, Sight
from patrol.rivers import Breadth

__all__ = ["LaneLine", "Swath", "cut", "lane_lines", "outside", "swaths"]

FloatArray = NDArray[np.float64]

_OVERSHOOT_M = 10.0  # lanes begin before and end after their reach by this
_SHORTEST_M = 2.0
_SPACING_M = 8.0  # between the places of a lane that is straightened
_SHORTEST_RUN_M = 150.0  # the number of lanes does not change more often than this
# Of the room that the picture leaves, this much is for straightening, and this much for leaving
# out waypoints.
_STRAIGHTENING, _THINNING = 0.8, 0.15
_TRIES = 6


@dataclass(frozen=True, slots=True)
class LaneLine:
    """A flight line in metres, in the direction of the centreline. `heights_m` (N,) are its
    points' heights above sea level, or above the launch sites where the ground is flat."""

    river: str
    side: Side
    line: LineString
    heights_m: FloatArray | None = None
    speed_m_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Swath:
    """What one lane has to see across the river: from `low_m` to `high_m`, left positive, and
    how far the lane may be from the middle of that."""

    low_m: float
    high_m: float
    room_m: float

    @property
    def middle_m(self) -> float:
        return (self.low_m + self.high_m) / 2


def swaths(breadth: Breadth, settings: PlanSettings, sight: Sight) -> list[Swath]:
    """The lanes that see across the river at one place, from left to right.

    One lane where the certain part of the picture is as wide as what must be seen; else equal
    shares, either of all of it or of each bank for itself, whichever needs fewer.
    """
    left_edge, right_edge = breadth.left_m + settings.strip_m, -breadth.right_m - settings.strip_m
    left_in = min(left_edge, max(0.0, breadth.left_m - settings.inner_m))
    right_in = max(right_edge, -max(0.0, breadth.right_m - settings.inner_m))
    match settings.cover:
        case "left":
            return _shares(left_in, left_edge, sight)
        case "right":
            return _shares(right_edge, right_in, sight)
        case "water":
            return _shares(right_edge, left_edge, sight)
    whole = _shares(right_edge, left_edge, sight)
    apart = _shares(left_in, left_edge, sight) + _shares(right_edge, right_in, sight)
    return whole if len(whole) <= len(apart) else apart


def _shares(low_m: float, high_m: float, sight: Sight) -> list[Swath]:
    half, width = sight.usable_half_m, high_m - low_m
    if width <= 2 * half:
        return [Swath(low_m, high_m, half - width / 2)]
    count = math.ceil(width / sight.spacing_m - 1e-9)
    share = width / count
    room = min(half - share / 2, (sight.spacing_m - share) / 2)
    return [
        Swath(high_m - (i + 1) * share, high_m - i * share, max(0.0, room)) for i in range(count)
    ]


def _runs(
    corridor: Corridor, settings: PlanSettings, sight: Sight
) -> list[list[tuple[Breadth, list[Swath]]]]:
    """The breadths with their swaths, grouped into runs with the same number of lanes; a short
    run takes as many lanes as the neighbour that has more."""
    rows = [(b, swaths(b, settings, sight)) for b in corridor.breadths]
    counts = [len(s) for _, s in rows]
    for _ in range(len(rows)):
        groups = [list(g) for _, g in groupby(range(len(rows)), key=lambda i: counts[i])]
        changed = False
        for k, group in enumerate(groups):
            length = rows[group[-1]][0].to_m - rows[group[0]][0].from_m
            beside = [counts[g[0]] for g in (groups[k - 1 : k] + groups[k + 1 : k + 2])]
            higher = [n for n in beside if n > counts[group[0]]]
            if length < _SHORTEST_RUN_M and higher:
                for i in group:
                    counts[i] = min(higher)
                changed = True
                break
        if not changed:
            break
    wanted = [
        (b, s if len(s) == n else _spread(s, n, sight))
        for (b, s), n in zip(rows, counts, strict=True)
    ]
    groups = [list(g) for _, g in groupby(range(len(rows)), key=lambda i: counts[i])]
    return [[wanted[i] for i in group] for group in groups]


def _spread(few: Sequence[Swath], count: int, sight: Sight) -> list[Swath]:
    """More lanes than needed over the same ground."""
    low, high = min(s.low_m for s in few), max(s.high_m for s in few)
    share = (high - low) / count
    room = max(0.0, sight.usable_half_m - share / 2)
    return [Swath(high - (i + 1) * share, high - i * share, room) for i in range(count)]


def lane_lines(
    corridor: Corridor, settings: PlanSettings, sight: Sight | None = None
) -> list[LaneLine]:
    """Lanes that see the corridor, straightened as far as it stays in view. `sight` is what a
    picture shows, by default from the height that the GSD asks for over flat ground.

    Each follows an offset curve of the centreline (these are cut back where a bend is tighter
    than the offset, and do not cross themselves), and is then pulled tight within the room that
    the picture leaves; where that would lose ground, the room is taken back there.
    """
    sight = sight or settings.sight()
    guides = _guides(corridor, settings, sight)
    if not guides:
        return []
    rooms = [np.full(len(g.places_m), g.room_m * _STRAIGHTENING) for g in guides]
    ground = corridor.ground
    shapely.prepare(ground)
    tiny_m2 = 1e-5 * ground.area
    lines: list[LineString] = []
    for attempt in range(_TRIES):
        lines = [_line(g, room) for g, room in zip(guides, rooms, strict=True)]
        unseen = unseen_parts(ground, _seen(lines, sight))
        if sum(part.area for part in unseen) <= tiny_m2 or attempt == _TRIES - 1:
            break
        near_m = sight.half_m + sight.furthest_m
        gone = united(unseen)
        shapely.prepare(gone)
        for guide, room in zip(guides, rooms, strict=True):
            close = shapely.dwithin(gone, shapely.points(guide.places_m), near_m)
            room[close] = 0.0 if attempt >= _TRIES - 3 else room[close] * 0.5
    return [LaneLine(corridor.river, g.side, line) for g, line in zip(guides, lines, strict=True)]


def _seen(lines: Sequence[LineString], sight: Sight) -> BaseGeometry:
    return united(seen_either_way(line, sight) for line in lines)


@dataclass(frozen=True, slots=True)
class _Guide:
    """The middle of what a lane must see, place by place."""

    side: Side
    places_m: FloatArray
    room_m: float


def _guides(corridor: Corridor, settings: PlanSettings, sight: Sight) -> list[_Guide]:
    guides: list[_Guide] = []
    curves: dict[float, BaseGeometry] = {}
    runs = _runs(corridor, settings, sight)
    for index, run in enumerate(runs):
        for lane in range(len(run[0][1])):
            parts: list[FloatArray] = []
            for breadth, across in run:
                offset = round(across[lane].middle_m, 2)
                if offset not in curves:
                    curves[offset] = _offset(corridor.centreline, offset)
                parts += _along(curves[offset], corridor.centreline, breadth.from_m, breadth.to_m)
            room = min(across[lane].room_m for _, across in run)
            middle = float(np.mean([across[lane].middle_m for _, across in run]))
            side: Side = "centre" if abs(middle) < 1e-6 else "left" if middle > 0 else "right"
            for k, places in enumerate(_joined(parts, sight)):
                first = index == 0 and k == 0
                last = index == len(runs) - 1 and k == len(parts) - 1
                places = _extended(places, sight, first, last)
                guides.append(_Guide(side, places, room))
    return guides


def _offset(centreline: LineString, offset_m: float) -> BaseGeometry:
    if abs(offset_m) < 1e-6:
        return centreline
    return shapely.offset_curve(centreline, offset_m, quad_segs=8, join_style="round")


def _along(
    curve: BaseGeometry, centreline: LineString, from_m: float, to_m: float
) -> list[FloatArray]:
    """The parts of an offset curve that lie beside a stretch of the centreline, in its
    direction, as places a few metres apart."""
    found: list[tuple[float, FloatArray]] = []
    for part in shapely.get_parts(curve):
        if part.length < _SHORTEST_M:
            continue
        start, end = (
            shapely.line_locate_point(centreline, shapely.get_point(part, i)) for i in (0, -1)
        )
        line = part if start <= end else shapely.reverse(part)
        count = max(2, int(np.ceil(line.length / _SPACING_M)) + 1)
        at = np.unique(np.r_[np.linspace(0, line.length, count), _vertices_at(line)])
        points = shapely.line_interpolate_point(line, at)
        places = shapely.get_coordinates(points)
        metres = shapely.line_locate_point(centreline, points)
        inside = (metres >= from_m - 1e-6) & (metres <= to_m + 1e-6)
        for keep, group in groupby(range(len(places)), key=lambda i: bool(inside[i])):
            index = list(group)
            if keep and len(index) >= 2:
                run = places[index]
                if np.hypot(*np.diff(run, axis=0).T).sum() >= _SHORTEST_M:
                    found.append((float(np.median(metres[index])), run))
    return [places for _, places in sorted(found, key=lambda f: f[0])]


def _vertices_at(line: LineString) -> FloatArray:
    steps = np.hypot(*np.diff(shapely.get_coordinates(line), axis=0).T)
    return np.asarray(np.r_[0.0, np.cumsum(steps)].clip(0.0, line.length))


def _joined(parts: Sequence[FloatArray], sight: Sight) -> list[FloatArray]:
    """Parts that go on from one another, put together where the straight line between is short."""
    joined: list[FloatArray] = []
    for places in parts:
        if joined:
            before = joined[-1]
            gap, ahead = places[0] - before[-1], before[-1] - before[-2]
            near = np.hypot(*gap) <= max(4 * _SPACING_M, sight.half_m)
            if near and float(gap @ ahead) >= 0 and float(gap @ (places[1] - places[0])) >= 0:
                candidate = np.vstack([before, places])
                if LineString(candidate).is_simple:
                    joined[-1] = candidate
                    continue
        joined.append(places)
    return joined


def _extended(places: FloatArray, sight: Sight, first: bool, last: bool) -> FloatArray:
    """Places with their ends drawn out as far as the reach's ends need to come into view from
    either direction of flight, where the line does not meet itself by that."""
    beyond = _OVERSHOOT_M + max(0.0, sight.nearest_m)
    if abs(sight.nearest_m + sight.furthest_m) > 1.0:  # looks ahead; may be flown either way
        beyond += sight.furthest_m
    for drawn, index, inner in ((first, 0, 1), (last, -1, -2)):
        if not drawn:
            continue
        outward = places[index] - places[inner]
        point = places[index] + outward / max(float(np.hypot(*outward)), 1e-9) * beyond
        longer = np.vstack([point, places] if index == 0 else [places, point])
        if LineString(longer).is_simple:
            places = longer
    return places


def _line(guide: _Guide, room_m: FloatArray) -> LineString:
    points = straightened(guide.places_m, room_m)
    coarse_m = max(CHORD_ERROR_M, float(room_m.min()) * _THINNING / _STRAIGHTENING)
    for candidate in (points, guide.places_m):
        line = LineString(candidate)
        for error_m in (coarse_m, CHORD_ERROR_M, 0.0):
            tried = shapely.simplify(line, error_m) if error_m else line
            if tried.is_simple and tried.length >= _SHORTEST_M:
                return tried
    return LineString(guide.places_m)


def outside(lane: LaneLine, forbidden: BaseGeometry) -> tuple[list[LaneLine], BaseGeometry]:
    """The parts of a lane that keep out of `forbidden`, in order, and what was cut away."""
    if not lane.line.intersects(forbidden):
        return [lane], LineString()
    kept = shapely.get_parts(lane.line.difference(forbidden))
    parts = sorted(
        (part for part in kept if part.length >= _SHORTEST_M),
        key=lambda part: lane.line.project(shapely.get_point(part, 0)),
    )
    return [replace(lane, line=part) for part in parts], lane.line.intersection(forbidden)


def cut(lane: LaneLine, pieces: int) -> list[LaneLine]:
    """The lane in this many pieces of equal length; neighbours share their ends."""
    points = shapely.get_coordinates(lane.line)
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    at = np.linspace(0.0, along[-1], pieces + 1)
    heights = lane.heights_m
    result = []
    for start, end in pairwise(at):
        inner = (along > start + 1e-6) & (along < end - 1e-6)
        where = np.r_[start, along[inner], end]
        line = np.column_stack([np.interp(where, along, points[:, k]) for k in (0, 1)])
        msl = None if heights is None else np.atleast_1d(np.interp(where, along, heights))
        result.append(replace(lane, line=LineString(line), heights_m=msl))
    return result
