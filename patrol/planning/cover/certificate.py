"""The certificate: which metres of which bank the flown lanes see, and why not the others.

It takes nothing from the planner but what a plan file holds, so that it can be made again from
the file alone; and it takes any track with heights, so that it also says what a flight has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from patrol.plan import BankCoverage, Certificate, Reach, Uncovered
from patrol.planning.cover.corridor import BankStrip, Corridor, corridor_of
from patrol.planning.cover.coverage import footprints, metre_ranges, united, unseen_parts
from patrol.planning.ground import Ground
from patrol.planning.settings import PlanSettings
from patrol.rivers import River

__all__ = ["Track", "certify", "certify_seen", "seen_ground"]

FloatArray = NDArray[np.float64]

_STRIP_M = 12.0  # of a picture over terrain, across the track
_LOOK_M = 20.0  # from place to place where heights are looked for
_ALONG_M = 10.0  # of a picture over terrain, either way along the track


@dataclass(frozen=True, slots=True)
class Track:
    """A line flown with the camera on: (N, 2) metres, (N,) heights above sea level (above the
    ground where the terrain is flat)."""

    points_m: FloatArray
    heights_m: FloatArray


def seen_ground(track: Track, settings: PlanSettings, ground: Ground) -> NDArray[np.object_]:
    """(K,) polygons that are seen for certain, at the asked GSD, from the legs of a track.

    Over terrain the picture is looked at in narrow strips along the track, each by its own height
    above the ground that it shows.
    """
    points, heights = _dense(track, ground)
    if len(points) < 2:
        return np.empty(0, dtype=object)
    if ground.flat:
        low, high = np.minimum(heights[:-1], heights[1:]), np.maximum(heights[:-1], heights[1:])
        half, nearest, furthest = _views(low, high, settings)
        return _rectangles(points, -half, half, nearest, furthest)
    return _over_terrain(points, heights, settings, ground)


def _rectangles(
    points: FloatArray,
    right_m: FloatArray,
    left_m: FloatArray,
    nearest_m: FloatArray,
    furthest_m: FloatArray,
) -> NDArray[np.object_]:
    """Rectangles beside the legs (N,) of N + 1 points, between two distances to the side (left
    positive), where there is any ground in them."""
    steps = np.diff(points, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    with np.errstate(invalid="ignore"):
        good = (left_m > right_m) & (lengths + furthest_m - nearest_m > 0)
    if not good.any():
        return np.empty(0, dtype=object)
    steps, lengths = steps[good], lengths[good]
    across = np.column_stack([-steps[:, 1], steps[:, 0]]) / lengths[:, None]
    aside = across * ((left_m + right_m) / 2)[good, None]
    half = ((left_m - right_m) / 2)[good]
    start, end = points[:-1][good] + aside, points[1:][good] + aside
    return footprints(start, end, half, nearest_m[good], furthest_m[good])


def _views(
    low_m: FloatArray, high_m: FloatArray, settings: PlanSettings
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(half width, nearest, furthest) seen from anywhere between two heights above ground, (N,);
    NaN where a height is."""
    made: dict[tuple[float, float], tuple[float, float, float]] = {}
    views = np.full((len(low_m), 3), np.nan)
    for i in np.flatnonzero(np.isfinite(low_m) & np.isfinite(high_m) & (low_m > 0.5)):
        key = (round(float(low_m[i]), 3), round(float(high_m[i]), 3))
        if key not in made:
            below, above = settings.view_m(key[0]), settings.view_m(key[1])
            fine = above[0] > 0  # else nothing is seen finely enough from the upper one
            made[key] = below[0] if fine else -1.0, max(below[1], above[1]), min(below[2], above[2])
        views[i] = made[key]
    half, nearest, furthest = views.T
    return half, nearest, furthest


def _dense(track: Track, ground: Ground) -> tuple[FloatArray, FloatArray]:
    """The track without points that stand twice, and over terrain with points close together."""
    points, heights = track.points_m, track.heights_m
    keep = np.r_[True, np.hypot(*np.diff(points, axis=0).T) > 1e-6]
    points, heights = points[keep], heights[keep]
    if ground.flat or len(points) < 2:
        return points, heights
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    between = [
        np.linspace(a, b, max(2, int(np.ceil((b - a) / (1.5 * ground.step_m))) + 1))
        for a, b in pairwise(along)
    ]
    at = np.unique(np.concatenate(between))
    dense = np.column_stack([np.interp(at, along, points[:, k]) for k in (0, 1)])
    return dense, np.asarray(np.interp(at, along, heights))


def _over_terrain(
    points: FloatArray, heights: FloatArray, settings: PlanSettings, ground: Ground
) -> NDArray[np.object_]:
    steps = np.diff(points, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    across = np.column_stack([-steps[:, 1], steps[:, 0]]) / lengths[:, None]
    count = max(1, int(np.ceil(2 * settings.seen_half_m / _STRIP_M)))
    edges = np.linspace(-settings.seen_half_m, settings.seen_half_m, count + 1)
    # Ground is counted as seen near the picture's middle, not as far as the picture reaches ahead:
    # what lies there may be higher or lower.
    middle = (settings.usable_behind_m + settings.usable_ahead_m) / 2
    reach = min(_ALONG_M, (settings.usable_ahead_m - settings.usable_behind_m) / 2)
    ahead = steps / lengths[:, None]
    along = np.stack(
        [
            points[:-1] + ahead * (middle - reach),
            points[:-1] + ahead * middle,
            points[1:] + ahead * middle,
            points[1:] + ahead * (middle + reach),
        ],
        axis=1,
    )
    above = np.stack([heights[:-1], heights[:-1], heights[1:], heights[1:]], axis=1)
    # Above the ground at the strips' edges, from where each place is seen: (N, 4, count + 1).
    places = along[:, :, None, :] + across[:, None, None, :] * edges[None, None, :, None]
    under = ground.heights_m(places.reshape(-1, 2)).reshape(len(steps), 4, count + 1)
    agl = above[:, :, None] - under
    made = []
    for strip in range(count):
        here = agl[:, :, strip : strip + 2].reshape(len(steps), -1)
        half, nearest, furthest = _views(here.min(axis=1), here.max(axis=1), settings)
        nearest = np.maximum(nearest, middle - reach)
        furthest = np.minimum(furthest, middle + reach)
        right, left = np.maximum(edges[strip], -half), np.minimum(edges[strip + 1], half)
        made.append(_rectangles(points, right, left, nearest, furthest))
    return np.concatenate(made)


def certify(
    rivers: Sequence[River],
    reaches: Sequence[Reach],
    tracks: Sequence[Track],
    zones_m: Sequence[tuple[str, BaseGeometry]],
    settings: PlanSettings,
    ground: Ground,
) -> Certificate:
    """What these tracks see of the reaches' banks. `zones_m` are no-fly zones, by name: they are
    a reason for what is not seen, no more."""
    polygons = [seen_ground(track, settings, ground) for track in tracks]
    seen = np.concatenate(polygons) if polygons else np.empty(0, dtype=object)
    lines = shapely.STRtree([LineString(t.points_m) for t in tracks if len(t.points_m) > 1])

    def reason(part: Polygon) -> str:
        if not len(lines.query(part, predicate="dwithin", distance=settings.seen_half_m)):
            return "未飞航线 no lane: out of the battery's reach, or terrain too steep"
        if not ground.flat:
            return "地形起伏 terrain: no height that keeps both the GSD and the width in view"
        middle = part.representative_point()
        if not len(lines.query(middle, predicate="dwithin", distance=settings.seen_half_m)):
            return "未飞航线 no lane: out of the battery's reach, or terrain too steep"
        return "弯道 a bend too tight for the lanes"

    return certify_seen(rivers, reaches, seen, zones_m, settings, ground, reason)


def certify_seen(
    rivers: Sequence[River],
    reaches: Sequence[Reach],
    seen: NDArray[np.object_],
    zones_m: Sequence[tuple[str, BaseGeometry]],
    settings: PlanSettings,
    ground: Ground,
    reason: Callable[[Polygon], str] = lambda part: "未拍到 not filmed",
) -> Certificate:
    """The certificate for ground that was seen: (K,) polygons. `reason` says why a part was not,
    where neither a zone nor the terrain's data tell."""
    by_code = {river.code: river for river in rivers}
    tree = shapely.STRtree(seen)
    banks: list[BankCoverage] = []
    uncovered: list[Uncovered] = []
    wanted_m2 = unseen_m2 = 0.0
    for reach in reaches:
        corridor = corridor_of(
            by_code[reach.river], reach, settings.cover, settings.strip_m, settings.inner_m
        )
        for strip in corridor.strips:
            near = seen[tree.query(strip.ground, predicate="intersects")]
            parts = unseen_parts(strip.ground, united(near))
            wanted_m2 += strip.ground.area
            unseen_m2 += sum(part.area for part in parts)
            missing = _missing(corridor, strip, parts, zones_m, settings, ground, reason)
            uncovered += missing
            metres = reach.to_m - reach.from_m
            lost = _total([(u.from_m, u.to_m) for u in missing])
            banks.append(
                BankCoverage(
                    reach.river, strip.bank, reach.from_m, reach.to_m, metres,
                    max(0.0, metres - lost),
                )
            )  # fmt: skip
    share = 1.0 - unseen_m2 / wanted_m2 if wanted_m2 else 1.0
    return Certificate(tuple(banks), tuple(uncovered), share)


def _total(ranges: Sequence[tuple[float, float]]) -> float:
    """Metres in any of the ranges, each metre once."""
    total, reached = 0.0, -np.inf
    for start, end in sorted(ranges):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _missing(
    corridor: Corridor,
    strip: BankStrip,
    parts: Sequence[Polygon],
    zones_m: Sequence[tuple[str, BaseGeometry]],
    settings: PlanSettings,
    ground: Ground,
    reason: Callable[[Polygon], str],
) -> list[Uncovered]:
    """The metres that these parts lie beside, with the reason for each."""
    rows = sorted(
        ((_why(part, zones_m, settings, ground) or reason(part), part) for part in parts),
        key=lambda row: row[0],
    )
    reach = corridor.reach
    missing = [
        Uncovered(reach.river, strip.bank, reach.from_m + start, reach.from_m + end, why)
        for why, group in groupby(rows, key=lambda row: row[0])
        for start, end in metre_ranges(
            corridor.centreline, [part for _, part in group], left=strip.bank == "left"
        )
    ]
    return sorted(missing, key=lambda u: (u.from_m, u.reason))


def _why(
    part: Polygon,
    zones_m: Sequence[tuple[str, BaseGeometry]],
    settings: PlanSettings,
    ground: Ground,
) -> str | None:
    """Why a part is not seen, where a zone or missing heights explain it."""
    kept_off_m = settings.zone_clearance_m + settings.seen_half_m
    near = [(zone.distance(part), name) for name, zone in zones_m]
    if near and min(near)[0] <= kept_off_m:
        return f"禁飞区 no-fly zone: {min(near)[1]}"
    if not ground.flat:
        around = shapely.buffer(part, settings.seen_half_m, quad_segs=2)
        looked = [part, *(part.buffer(-k * _LOOK_M) for k in range(1, 8)), around]
        dense = shapely.get_coordinates(shapely.segmentize(np.array(looked, object), _LOOK_M))
        if not np.isfinite(ground.heights_m(dense)).all():
            return "缺高程数据 no elevation data"
    return None
