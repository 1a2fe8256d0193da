"""Where land and water meet: the bank lines of all rivers with their make, stretch by stretch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPolygon, Polygon
from shapely.geometry.polygon import orient

from patrol.area import River, StudyArea
from patrol.errors import AreaError

__all__ = ["CHARACTERS", "GREEN", "STONE", "WALL", "WATER_UP_M", "Bank", "Stretch", "build_banks"]

WATER_UP_M = -2.5
WALL, STONE, GREEN = 0, 1, 2
CHARACTERS = ("park", "street", "village", "field", "wild")
_STEP_M = 2.0
_END_M = 90.0  # the picture of a river goes on this far past the end of its centreline

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a bank, vertices `start` to `stop` (exclusive), with one land use behind it."""

    start: int
    stop: int
    character: str


@dataclass(frozen=True, slots=True)
class Bank:
    """One closed bank line of N vertices about 2 m apart, land on the right.

    `water_m` is the waterline (N, 2), `top_m` the upper edge at height 0, `normal` points from the
    water to the land; `kind` is WALL, STONE or GREEN; `river` the index of the nearest river and
    `station_m` the place along its centreline, NaN past its ends; `along_m` the length so far.
    """

    water_m: FloatArray
    top_m: FloatArray
    normal: FloatArray
    kind: NDArray[np.int64]
    run_m: FloatArray
    river: NDArray[np.int64]
    station_m: FloatArray
    along_m: FloatArray
    stretches: tuple[Stretch, ...]


def drawn_water(area: StudyArea) -> Polygon | MultiPolygon:
    """The water surface as drawn: the rivers' water, joined, rounded, and run on past free ends."""
    parts = []
    for river in area.rivers:
        others = [r for r in area.rivers if r is not river]
        parts.append(_extended(river, others).buffer(river.width_m / 2, cap_style="flat"))
    joined = shapely.union_all(parts)
    rounded = joined.buffer(3, quad_segs=6).buffer(-6, quad_segs=6).buffer(3, quad_segs=6)
    if rounded.is_empty or not isinstance(rounded, (Polygon, MultiPolygon)):
        raise AreaError(
            f"{area.folder / 'rivers.geojson'}: the rivers are too narrow to be drawn; width_m "
            "should be 3 or more"
        )
    return rounded


def _extended(river: River, others: list[River]) -> LineString:
    points = shapely.get_coordinates(river.centreline_m)
    for end in (0, -1):
        tip = shapely.Point(points[end])
        if any(o.centreline_m.distance(tip) < o.width_m / 2 + 8 for o in others):
            continue  # it flows into another one here
        inner = points[1] if end == 0 else points[-2]
        away = points[end] - inner
        beyond = points[end] + away / np.linalg.norm(away) * _END_M
        points = np.vstack([beyond, points]) if end == 0 else np.vstack([points, beyond])
    return LineString(points)


def build_banks(
    area: StudyArea, water: Polygon | MultiPolygon, rng: np.random.Generator
) -> tuple[Bank, ...]:
    """The bank lines around `water`, their make drawn from `rng`."""
    polygons = list(water.geoms) if isinstance(water, MultiPolygon) else [water]
    rings = []
    for polygon in polygons:
        turned = orient(polygon, 1.0)  # outer ring counter-clockwise: land on the right
        rings += [turned.exterior, *turned.interiors]
    return tuple(_bank(area, ring, rng) for ring in rings)


def _bank(area: StudyArea, ring: LineString, rng: np.random.Generator) -> Bank:
    count = max(8, round(ring.length / _STEP_M))
    along = np.linspace(0.0, ring.length, count, endpoint=False)
    points = shapely.get_coordinates(shapely.line_interpolate_point(ring, along))
    tangent = np.roll(points, -2, axis=0) - np.roll(points, 2, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    normal = np.column_stack([tangent[:, 1], -tangent[:, 0]])
    kind, run = np.zeros(count, np.int64), np.zeros(count)
    for start, stop in _pieces(rng, count, 25, 75):
        k = int(rng.choice(3, p=(0.36, 0.32, 0.32)))
        kind[start:stop] = k
        run[start:stop] = (0.25, rng.uniform(1.8, 3.4), rng.uniform(2.2, 4.4))[k]
    window = np.ones(5) / 5  # ten metres from one make to the next
    run = np.convolve(np.concatenate([run[-2:], run, run[:2]]), window, mode="valid")
    river, station = _stations(area, points)
    stretches = tuple(
        Stretch(a, b, CHARACTERS[int(rng.choice(5, p=(0.26, 0.26, 0.2, 0.14, 0.14)))])
        for a, b in _pieces(rng, count, 45, 110)
    )
    top = points + normal * run[:, None]
    return Bank(points, top, normal, kind, run, river, station, along, stretches)


def _pieces(rng: np.random.Generator, count: int, low: int, high: int) -> list[tuple[int, int]]:
    cuts, at = [0], 0
    while at < count:
        at += int(rng.integers(low, high))
        cuts.append(min(at, count))
    return [(a, b) for a, b in pairwise(cuts) if b > a]


def _stations(area: StudyArea, points: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """The nearest river of each point and the place along it, NaN past its ends."""
    dots = np.asarray(shapely.points(points))
    away = np.array([
        shapely.distance(r.centreline_m, dots) - r.width_m / 2 for r in area.rivers
    ])  # fmt: skip
    river = np.argmin(away, axis=0)
    station = np.full(len(points), np.nan)
    for index, r in enumerate(area.rivers):
        mine = river == index
        at = shapely.line_locate_point(r.centreline_m, dots[mine])
        beyond = (at <= 1e-6) | (at >= r.centreline_m.length - 1e-6)
        station[mine] = np.where(beyond, np.nan, at)
    return river, station
