"""How far the water reaches on either side of a centreline, from the outline of the water.

Each point of the outline is measured from the place on the centreline nearest to it, and counts
only where the straight way there is water: that is a perpendicular transect, of which none runs
into the next limb of a bend or across a spit of land. Transects from the centreline add what
outlines cannot show: inside a tight bend the water ends where that of another limb begins. The
result never falls short of the water between two transects: the farthest point counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPolygon, Polygon

from patrol.errors import AreaError
from patrol.rivers import Breadth

__all__ = ["MAX_MISS_M", "MAX_REACH_M", "breadths_from_banks", "measure_banks"]

FloatArray = NDArray[np.float64]

MAX_MISS_M = 100.0  # of centreline outside the water in one go: a bridge, a culvert
MAX_REACH_M = 1000.0
SHORTEST_RUN_M = 20.0
_SPACING_M = 2.0
_LEAST_M = 0.5
_HALVINGS = 15  # of MAX_REACH_M: to 3 cm
_LARGEST_ISLAND_M2 = 200_000.0
_TOLERANCE_M, _TOLERANCE_SHARE = 2.0, 0.05


def breadths_from_banks(
    centreline_m: LineString,
    water_m: Polygon | MultiPolygon,
    step_m: float = 10.0,
    *,
    river: str = "the river",
    others_m: Sequence[LineString] = (),
) -> tuple[Breadth, ...]:
    """The breadths of a river whose water is `water_m`, in metres of one projection.

    See `measure_banks`, which returns notes as well.
    """
    return measure_banks(centreline_m, water_m, step_m, river=river, others_m=others_m)[0]


def measure_banks(
    centreline_m: LineString,
    water_m: Polygon | MultiPolygon,
    step_m: float = 10.0,
    *,
    river: str = "the river",
    others_m: Sequence[LineString] = (),
) -> tuple[tuple[Breadth, ...], list[str]]:
    """The breadths, and notes (Chinese / English) on what was bridged or left out.

    In each `step_m` of centreline the farthest water counts; steps that differ by no more than
    2 m or 5 % become one run, of 20 m or more, as broad as its broadest. Islands up to 20 ha are
    taken as water. Water nearer to one of `others_m`, the centrelines of other rivers, is theirs;
    a side arm deeper than its mouth is wide ends at the mouth. Where the centreline leaves the
    water for up to `MAX_MISS_M`, the broader of the two neighbours counts. Raises AreaError,
    naming `river`, where it leaves the water for longer.
    """
    notes: list[str] = []
    water = _without_islands(water_m, centreline_m, river, notes)
    length = float(centreline_m.length)
    count = max(1, int(np.ceil(length / step_m - 1e-9)))
    edges = np.minimum(np.arange(count + 1) * (length / count), length)
    wet = _wet_share(centreline_m, water, edges)
    others = shapely.union_all(list(others_m)) if len(others_m) else None
    shapely.prepare([centreline_m, water, others])
    sides = np.fmax(
        _outline_reach(centreline_m, water, edges, others),
        _transect_reach(centreline_m, water, edges, others),
    )
    sides[:, wet < 0.5] = np.nan
    _must_be_met(sides, wet, edges, river, notes)
    for side, word in zip(sides, (("左", "left"), ("右", "right")), strict=True):
        side[:] = _filled(side)
        for at_m in _without_arms(side, edges):
            notes.append(
                f"{river}: {at_m:.0f} 米处{word[0]}岸支汊只计到河口 / at {at_m:.0f} m the arm on "
                f"the {word[1]} counts up to its mouth"
            )
        if side.max() >= MAX_REACH_M - _SPACING_M:
            notes.append(
                f"{river}: {word[0]}岸水面超过 {MAX_REACH_M:g} 米, 只计到此 / the water on the "
                f"{word[1]} reaches beyond {MAX_REACH_M:g} m; so far it counts"
            )
    return _runs(np.maximum(sides, _LEAST_M), edges), notes


def _without_islands(
    water_m: Polygon | MultiPolygon, centreline_m: LineString, river: str, notes: list[str]
) -> shapely.Geometry:
    parts = []
    large = 0
    surfaces = shapely.get_parts(water_m)
    for part in surfaces[shapely.dwithin(surfaces, centreline_m, MAX_REACH_M)].tolist():
        holes = [h for h in part.interiors if Polygon(h).area > _LARGEST_ISLAND_M2]
        large += len(holes)
        parts.append(Polygon(part.exterior, holes))
    if large:
        notes.append(
            f"{river}: 大于 20 公顷的岛 {large} 个不计作水面 / {large} islands over 20 ha are not "
            "taken as water"
        )
    near = shapely.buffer(centreline_m, MAX_REACH_M)
    return shapely.intersection(shapely.union_all(parts), near)


def _wet_share(line: LineString, water: shapely.Geometry, edges: FloatArray) -> FloatArray:
    """The share of each step's centreline that lies in the water."""
    at = (edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(8) + 0.5) / 8).ravel()
    points = shapely.line_interpolate_point(line, at)
    inside = np.asarray(shapely.intersects(water, points))
    return np.asarray(inside.reshape(-1, 8).mean(axis=1))


def _transect_reach(
    line: LineString, water: shapely.Geometry, edges: FloatArray, others: shapely.Geometry | None
) -> FloatArray:
    """How far one gets from the centreline at right angles, left and right in each step (2, N),
    over water and without coming nearer to another place of it."""
    count = len(edges) - 1
    each = max(1, int(np.ceil((edges[1] - edges[0]) / _SPACING_M)))
    at = (edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(each) + 0.5) / each).ravel()
    feet = shapely.get_coordinates(shapely.line_interpolate_point(line, at))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, at + 0.01)) - feet
    ahead /= np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9)[:, None]
    normal = np.column_stack([-ahead[:, 1], ahead[:, 0]])
    sides = np.full((2, count), np.nan)
    for side, way in zip(sides, (normal, -normal), strict=True):
        low, high = np.zeros(len(at)), np.full(len(at), MAX_REACH_M)
        for _ in range(_HALVINGS):  # both conditions, once broken, stay so further out
            middle = (low + high) / 2
            tips = feet + way * middle[:, None]
            points = np.asarray(shapely.points(tips))
            free = ~np.asarray(shapely.dwithin(line, points, middle - 0.02))
            if others is not None:
                free &= ~np.asarray(shapely.dwithin(others, points, middle))
            ways = np.asarray(shapely.linestrings(np.stack([feet, tips], axis=1)))
            free[free] = shapely.covers(water, ways[free])
            low, high = np.where(free, middle, low), np.where(free, high, middle)
        reach = low.reshape(-1, each).max(axis=1)
        side[:] = np.where(reach > 0, reach, np.nan)
    return sides


def _outline_reach(
    line: LineString, water: shapely.Geometry, edges: FloatArray, others: shapely.Geometry | None
) -> FloatArray:
    """How far the outline of the water is from the centreline left and right in each step (2, N);
    NaN where none of it is seen."""
    count = len(edges) - 1
    sides = np.full((2, count), np.nan)
    rings = [
        shapely.get_coordinates(shapely.segmentize(ring, _SPACING_M))
        for part in shapely.get_parts(water).tolist()
        if part.geom_type == "Polygon"
        for ring in (part.exterior, *part.interiors)
    ]
    for xy in rings:
        points = np.asarray(shapely.points(xy))
        at = np.asarray(shapely.line_locate_point(line, points))
        feet = shapely.get_coordinates(shapely.line_interpolate_point(line, at))
        way = xy - feet
        far = np.hypot(way[:, 0], way[:, 1])
        ahead = shapely.get_coordinates(
            shapely.line_interpolate_point(line, np.minimum(at + 0.5, edges[-1]))
        ) - shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(at - 0.5, 0)))
        ahead /= np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9)[:, None]
        forward = (way * ahead).sum(axis=1)
        left = ahead[:, 0] * way[:, 1] - ahead[:, 1] * way[:, 0] >= 0
        beyond = ((at < 1e-6) & (forward < -0.02 * far)) | (
            (at > edges[-1] - 1e-6) & (forward > 0.02 * far)
        )
        counts = ~beyond & (far > 1e-6)
        if others is not None:
            counts &= far <= np.asarray(shapely.distance(points, others))
        # Ways to the outline end a little short of it, or rounding would call half of them dry.
        ends = feet + way * np.maximum(0.0, 1 - 0.02 / np.maximum(far, 1e-9))[:, None]
        ways = np.asarray(shapely.linestrings(np.stack([feet, ends], axis=1)))
        counts[counts] = shapely.covers(water, ways[counts])
        # What faces the edge of a step, as all of the outside of a bend may, counts for both.
        before, bins = (
            np.clip(np.searchsorted(edges, at + aside, side="right") - 1, 0, count - 1)
            for aside in (-1e-3, 1e-3)
        )
        for side, of_side in zip(sides, (left, ~left), strict=True):
            seen = counts & of_side
            np.fmax.at(side, before[seen], far[seen])
            np.fmax.at(side, bins[seen], far[seen])
            # The outline goes on between two points, and inside a bend two metres of it face many
            # of the centreline.
            pairs = np.flatnonzero(seen[:-1] & seen[1:] & (np.diff(bins) != 0))
            for k in pairs.tolist():
                low, high = sorted((bins[k], bins[k + 1]))
                if high - low <= 10:
                    side[low : high + 1] = np.fmax(side[low : high + 1], max(far[k : k + 2]))
    return sides


def _must_be_met(
    sides: FloatArray, wet: FloatArray, edges: FloatArray, river: str, notes: list[str]
) -> None:
    missed = [(edges[a], edges[b]) for a, b in _spans(wet < 0.5)]
    longest = max(missed, key=lambda span: span[1] - span[0], default=(0.0, 0.0))
    if longest[1] - longest[0] > MAX_MISS_M or np.isnan(sides).all(axis=1).any():
        if not missed:
            longest = (float(edges[0]), float(edges[-1]))
        raise AreaError(
            f"{river}: the water's outline misses the centreline from {longest[0]:.0f} to "
            f"{longest[1]:.0f} m of {edges[-1]:.0f}; check that banks and centreline are of the "
            "same river and in the same reference system, or give width_m instead"
        )
    if missed:
        shown = ", ".join(f"{a:.0f}–{b:.0f}" for a, b in missed[:10])
        notes.append(
            f"{river}: 中心线 {shown} 米不在水面内, 取相邻宽度 / the centreline leaves the water "
            f"at {shown} m; the neighbours' breadth counts"
        )


def _spans(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where a mask is true, as half-open ranges."""
    flips = np.flatnonzero(np.diff(np.r_[False, mask, False].astype(int)))
    return [(int(a), int(b)) for a, b in flips.reshape(-1, 2)]


def _filled(side: FloatArray) -> FloatArray:
    """Steps where nothing was seen get the larger of their neighbours."""
    filled = side.copy()
    for a, b in _spans(np.isnan(side)):
        around = [side[a - 1]] if a > 0 else []
        around += [side[b]] if b < len(side) else []
        filled[a:b] = max(around)
    return filled


def _without_arms(side: FloatArray, edges: FloatArray) -> list[float]:
    """Limit side arms, which reach deeper than their mouth is wide, to what is beside the mouth;
    returns where they are."""
    step = float(edges[1] - edges[0])
    window = max(3, round(200 / step))
    padded = np.pad(side, window, mode="edge")
    usual = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * window + 1), axis=1)
    found = []
    for a, b in _spans(side > 2 * usual + 10):
        if side[a:b].max() - usual[a:b].max() <= 2 * (b - a) * step:
            continue  # a basin, not an arm
        beside = [side[k] for k in (a - 1, b) if 0 <= k < len(side)]
        side[a:b] = max([*beside, *usual[a:b]])
        found.append(float(edges[a] + edges[b]) / 2)
    return found


def _runs(sides: FloatArray, edges: FloatArray) -> tuple[Breadth, ...]:
    count = sides.shape[1]
    starts = [0]
    for end in range(1, count):
        run = sides[:, starts[-1] : end + 1]
        within = np.maximum(_TOLERANCE_M, _TOLERANCE_SHARE * run.max(axis=1))
        long = edges[end] - edges[starts[-1]] > SHORTEST_RUN_M - 1e-6
        if long and np.any(run.max(axis=1) - run.min(axis=1) > within):
            starts.append(end)
    # The last run may be too short: it takes steps from the one before, or all of it.
    enough = np.flatnonzero(edges[-1] - edges > SHORTEST_RUN_M - 1e-6)
    latest = int(enough[-1]) if len(enough) else 0
    starts = sorted({min(start, latest) for start in starts})
    if len(starts) > 1 and edges[starts[-1]] - edges[starts[-2]] < SHORTEST_RUN_M - 1e-6:
        starts.pop()
    runs = []
    for start, end in pairwise([*starts, count]):
        left, right = sides[:, start:end].max(axis=1).tolist()
        runs.append(Breadth(float(edges[start]), float(edges[end]), left, right))
    return tuple(runs)
