"""What the camera sees of the ground, and which metres of a river it does not.

Every leg of a lane sees a rectangle: as wide as the picture less its margins, and along the track
from the nearest ground seen at its start to the furthest at its end; what is seen is their union.
It is compared with the corridor as polygons, so that nothing falls between sampled points.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from patrol.planning.settings import Sight

__all__ = [
    "footprint",
    "footprints",
    "metre_ranges",
    "seen_either_way",
    "united",
    "unseen_parts",
]

FloatArray = NDArray[np.float64]

_GRID_M = 1e-4
_STRAIGHT_DOWN_M = 1.0
_NEARLY_M, _LONGEST_BEND_M, _FEW_SAMPLES = 0.4, 120.0, 500
_NUMERIC_WIDTH_M = 0.05  # parts thinner than this are rounding, not ground


def united(parts: Iterable[BaseGeometry]) -> BaseGeometry:
    """The union of many overlapping areas, on a grid of a tenth of a millimetre: without one GEOS
    (3.14) now and then loses a part where edges nearly coincide."""
    return shapely.union_all(list(parts), grid_size=_GRID_M)


def footprints(
    starts_m: FloatArray,
    ends_m: FloatArray,
    half_across_m: ArrayLike,
    nearest_m: ArrayLike,
    furthest_m: ArrayLike,
) -> NDArray[np.object_]:
    """(N,) rectangles seen from straight legs (N, 2) to (N, 2): to either side, and from the
    nearest ground seen at the start to the furthest at the end (negative: behind)."""
    steps = ends_m - starts_m
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    along = steps / np.maximum(lengths, 1e-9)[:, None]
    across = np.column_stack([-along[:, 1], along[:, 0]])
    across = across * np.broadcast_to(half_across_m, len(steps))[:, None]
    start = starts_m + along * np.broadcast_to(nearest_m, len(steps))[:, None]
    end = ends_m + along * np.broadcast_to(furthest_m, len(steps))[:, None]
    rings = np.stack([start - across, end - across, end + across, start + across], axis=1)
    return np.asarray(shapely.polygons(rings))


def footprint(
    line: LineString, half_across_m: float, nearest_m: float, furthest_m: float
) -> BaseGeometry:
    """The ground seen from a lane at one height: a rectangle for each leg, united."""
    points = shapely.get_coordinates(line)
    keep = np.r_[True, np.hypot(*np.diff(points, axis=0).T) > 1e-9]
    points = points[keep]
    return united(footprints(points[:-1], points[1:], half_across_m, nearest_m, furthest_m))


def seen_either_way(line: LineString, sight: Sight) -> BaseGeometry:
    """The ground seen from a lane whichever way it is flown: for a camera that looks ahead, less
    than from either."""
    view = sight.half_m, sight.nearest_m, sight.furthest_m
    forth = footprint(line, *view)
    if abs(sight.nearest_m + sight.furthest_m) < _STRAIGHT_DOWN_M:
        return forth
    return shapely.intersection(forth, footprint(shapely.reverse(line), *view), grid_size=_GRID_M)


def unseen_parts(wanted: BaseGeometry, seen: BaseGeometry) -> list[Polygon]:
    """The parts of `wanted` that are not seen, slivers of rounding left out."""
    parts = shapely.get_parts(shapely.difference(wanted, seen))
    return [
        part
        for part in parts
        if isinstance(part, Polygon) and not shapely.buffer(part, -_NUMERIC_WIDTH_M / 2).is_empty
    ]


def metre_ranges(
    centreline: LineString,
    parts: Iterable[BaseGeometry],
    *,
    join_m: float = 5.0,
    left: bool | None = None,
) -> list[tuple[float, float]]:
    """The stretches of a centreline, in metres from its start, that these parts lie beside.

    Each part is sampled on its outline every half metre and inside every metre (on a bend the
    stretch that inner ground lies beside is not always that of the outline), and each sample put
    to the nearest point of the centreline; stretches less than `join_m` apart are joined. `left`
    says on which side of the centreline the parts belong: what is nearest to another limb of the
    river, and on its other side, does not tell where; it counts only where nothing else does.
    Ground in the middle of a bend lies beside all of the bend.
    """
    found = []
    for part in parts:
        samples = _samples(part)
        at = np.asarray(shapely.line_locate_point(centreline, shapely.points(samples)))
        if left is not None:
            here = _aside(centreline, samples, at) * (1 if left else -1) > -_NUMERIC_WIDTH_M
            samples, at = (samples[here], at[here]) if here.any() else (samples, at)
        found += [at, _as_near(centreline, samples, at)]
    if not found:
        return []
    at = np.concatenate(found)
    metres = np.unique(np.floor(at))
    starts = np.flatnonzero(np.r_[True, np.diff(metres) > 1 + join_m])
    ends = np.r_[starts[1:] - 1, len(metres) - 1]
    last = centreline.length
    return [
        (float(metres[a]), float(min(metres[b] + 1, last)))
        for a, b in zip(starts, ends, strict=True)
    ]


def _as_near(centreline: LineString, samples: FloatArray, at_m: FloatArray) -> FloatArray:
    """Metres between those found for a part that some sample is as near to, or nearly."""
    metres = np.unique(np.floor(at_m))
    some = np.linspace(0, len(samples) - 1, min(len(samples), _FEW_SAMPLES)).astype(int)
    places = samples[some]
    nearest_m = shapely.distance(centreline, shapely.points(places))
    between = []
    for before, after in pairwise(metres):
        if 1 < after - before <= _LONGEST_BEND_M:
            stations = np.arange(before + 1, after) + 0.5
            points = shapely.get_coordinates(shapely.line_interpolate_point(centreline, stations))
            away = np.hypot(*(points[:, None, :] - places[None, :, :]).transpose(2, 0, 1))
            between.append(stations[(away - nearest_m[None, :]).min(axis=1) <= _NEARLY_M])
    return np.concatenate(between) if between else np.empty(0)


def _aside(centreline: LineString, places: FloatArray, at_m: FloatArray) -> FloatArray:
    """How far to the left of the centreline's direction at `at_m` (N,) each place (N, 2) is."""
    before, after = (
        shapely.get_coordinates(
            shapely.line_interpolate_point(centreline, np.clip(at_m + d, 0, centreline.length))
        )
        for d in (-0.5, 0.5)
    )
    ahead = after - before
    away = places - before
    cross = ahead[:, 0] * away[:, 1] - ahead[:, 1] * away[:, 0]
    return np.asarray(cross / np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9))


def _samples(part: BaseGeometry) -> FloatArray:
    """(N, 2) points on the outline and inside."""
    outline = shapely.get_coordinates(shapely.segmentize(part, 0.5))
    west, south, east, north = part.bounds
    grid = np.stack(
        np.meshgrid(np.arange(west, east, 1.0), np.arange(south, north, 1.0)), axis=-1
    ).reshape(-1, 2)
    shapely.prepare(part)
    return np.vstack([outline, grid[shapely.contains_xy(part, grid)]])
