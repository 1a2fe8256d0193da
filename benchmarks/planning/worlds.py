"""Random meandering rivers, no-fly zones and launch sites, from a seed, as areas in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from geo.coordinates import EastNorth, LocalProjection, LonLat
from patrol.area import LaunchSite, NoFlyZone, StudyArea
from patrol.rivers import Breadth, River

__all__ = ["PROJECTION", "area_of", "meander", "random_breadths", "random_zone", "site_near"]

FloatArray = NDArray[np.float64]

PROJECTION = LocalProjection(LonLat(113.4885, 23.1763))


def meander(rng: np.random.Generator, length_m: float, radius_m: float) -> LineString:
    """A line that bends this way and that, no tighter than `radius_m`, about the origin.

    Bends of all sizes follow one another: each turns by up to 150 degrees on its own radius, with
    straight reaches between some. It is cut off where it would come back to itself, and made
    anew where that leaves less than half of `length_m`.
    """
    while True:
        step = float(rng.uniform(0.15, 0.5)) * radius_m
        step = min(25.0, max(3.0, step))
        count = max(4, int(length_m / step))
        turns: list[float] = []
        sign = 1.0 if rng.random() < 0.5 else -1.0
        while len(turns) < count:
            if rng.random() < 0.3:
                turns += [0.0] * int(rng.integers(1, max(2, int(150 / step))))
            radius = radius_m * float(rng.choice([1.0, 1.0, rng.uniform(1, 6)]))
            swing = float(rng.uniform(0.3, 2.6))
            bends = max(1, round(swing * radius / step))
            turns += [sign * step / radius] * bends
            sign = -sign if rng.random() < 0.85 else sign
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(turns[:count])
        points = np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]) * step, axis=0)
        points = points[: _bites_at(points, radius_m, step)]
        if len(points) * step >= length_m / 2:
            return LineString(points - points.mean(axis=0))


def _bites_at(points: FloatArray, radius_m: float, step_m: float) -> int:
    """How many points there are before one comes within 1.5 radii of an earlier reach."""
    gap = int(4 * radius_m / step_m) + 2
    for end in range(gap, len(points)):
        before = points[: end - gap]
        if len(before) and np.min(np.hypot(*(before - points[end]).T)) < 1.5 * radius_m:
            return end
    return len(points)


def random_breadths(
    rng: np.random.Generator, length_m: float, widest_m: float
) -> tuple[Breadth, ...]:
    """A river that is differently wide, left and right, in two to five reaches."""
    count = int(rng.integers(2, 6))
    ends = np.r_[0.0, np.sort(rng.uniform(0, length_m, count - 1)), length_m]
    halves = rng.uniform(1.0, widest_m / 2, (count, 2))
    return tuple(
        Breadth(float(a), float(b), float(left), float(right))
        for a, b, (left, right) in zip(ends[:-1], ends[1:], halves, strict=True)
        if b - a > 1.0
    )


def random_zone(rng: np.random.Generator, river: LineString, away_m: float) -> Polygon:
    """A circle or a ragged polygon of 20 to 150 m about a place within `away_m` of a river."""
    at = shapely.get_coordinates(river.interpolate(rng.uniform(0, river.length)))[0]
    angle, far = rng.uniform(0, 2 * np.pi), away_m * rng.uniform(0, 1)
    at = at + far * np.array([np.cos(angle), np.sin(angle)])
    radius = float(rng.uniform(20, 150))
    if rng.random() < 0.5:
        return Point(at).buffer(radius)
    while True:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
        ring = np.column_stack([np.cos(angles), np.sin(angles)])
        zone = Polygon(at + ring * radius * rng.uniform(0.4, 1.0, (len(ring), 1)))
        if zone.is_valid and zone.area > 100:
            return zone


def site_near(
    rng: np.random.Generator, river: LineString, nearest_m: float, furthest_m: float
) -> FloatArray:
    """A place whose distance from the river is between these."""
    wanted = rng.uniform(nearest_m, furthest_m)
    west, south, east, north = river.buffer(furthest_m).bounds
    while True:
        place = rng.uniform((west, south), (east, north))
        if abs(river.distance(Point(place)) - wanted) < 0.05 * wanted:
            return np.asarray(place)


def area_of(
    lines: Sequence[LineString],
    breadths: Sequence[Sequence[Breadth]],
    sites_m: Sequence[FloatArray],
    zones_m: Sequence[Polygon] = (),
) -> StudyArea:
    """A study area in memory; everything in metres of PROJECTION."""

    def lonlat(geometry: BaseGeometry) -> BaseGeometry:
        return shapely.transform(geometry, PROJECTION.inverse)

    rivers = []
    for i, (line, rows) in enumerate(zip(lines, breadths, strict=True), 1):
        whole = _ended(rows, line.length)
        mean = sum((b.to_m - b.from_m) * (b.left_m + b.right_m) for b in whole) / line.length
        even = len(whole) == 1 and whole[0].left_m == whole[0].right_m
        rivers.append(
            River(
                f"R{i}",
                f"河{i}",
                f"River {i}",
                mean,
                LineString(PROJECTION.inverse(shapely.get_coordinates(line))),
                line,
                () if even else whole,
            )
        )
    return StudyArea(
        Path("random"),
        PROJECTION,
        tuple(rivers),
        tuple(
            LaunchSite(
                f"L{i}", f"点{i}", f"Site {i}",
                PROJECTION.to_lonlat(EastNorth(float(x), float(y), PROJECTION)),
            )
            for i, (x, y) in enumerate(sites_m, 1)
        ),
        tuple(
            NoFlyZone(f"区{i}", f"Zone {i}", lonlat(zone), zone)
            for i, zone in enumerate(zones_m, 1)
        ),
    )  # fmt: skip


def _ended(rows: Sequence[Breadth], length_m: float) -> tuple[Breadth, ...]:
    """The breadths from 0 to the line's length without gaps."""
    starts = [0.0, *(b.from_m for b in rows[1:])]
    ends = [*starts[1:], length_m]
    return tuple(
        Breadth(a, b, row.left_m, row.right_m) for row, a, b in zip(rows, starts, ends, strict=True)
    )
