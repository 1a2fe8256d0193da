"""Random meandering rivers and study areas around them, for property tests."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import shapely
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from geo.coordinates import EastNorth, LocalProjection, LonLat
from patrol.area import LaunchSite, NoFlyZone, River, StudyArea
from patrol.plan import Reach
from patrol.rivers import Breadth

PROJECTION = LocalProjection(LonLat(113.4885, 23.1763))


def meander(seed: int, length_m: float, radius_m: float, step_m: float) -> LineString:
    """A line of about this length that bends this way and that, no tighter than `radius_m`, cut
    off before it comes near to itself."""
    rng = np.random.default_rng(seed)
    count = max(3, int(length_m / step_m))
    tightest = min(1 / radius_m, 1.2 / step_m)
    wave = rng.uniform(4 * radius_m, 14 * radius_m)
    phase = 2 * np.pi * np.arange(count) * step_m / wave + rng.uniform(0, 6)
    curvature = tightest * np.clip(np.sin(phase) * rng.uniform(0.3, 1.1), -1, 1)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(curvature * step_m)
    points = np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]) * step_m, axis=0)
    for end in range(3, len(points)):  # a river does not bite its own tail
        before = points[: max(1, end - int(3 * radius_m / step_m) - 2)]
        if np.min(np.hypot(*(before - points[end]).T)) < 1.5 * radius_m and len(before) > 1:
            return LineString(points[:end])
    return LineString(points)


def hairpin(leg_m: float, apart_m: float) -> LineString:
    """Two long straight legs joined by half a circle."""
    turn = np.linspace(-np.pi / 2, np.pi / 2, 15)
    bend = np.column_stack([leg_m + apart_m / 2 * np.cos(turn), apart_m / 2 * np.sin(turn)])
    return LineString(np.vstack([[0, -apart_m / 2], bend, [0, apart_m / 2]]))


def river_of(
    line: LineString, width_m: float = 20.0, breadths: tuple[Breadth, ...] = (), code: str = "R1"
) -> River:
    """A river along a line in metres of PROJECTION."""
    lonlat = shapely.transform(line, PROJECTION.inverse)
    return River(code, f"河 {code}", f"River {code}", float(width_m), lonlat, line, breadths)


def whole(river: River) -> Reach:
    return Reach(river.code, 0.0, river.centreline_m.length)


def random_breadths(seed: int, length_m: float, most_m: float) -> tuple[Breadth, ...]:
    """One to six breadths along a river, each bank within `most_m`."""
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.uniform(0, length_m, rng.integers(0, 6)))
    cuts = cuts[np.diff(cuts, prepend=0.0) > 12.0]
    cuts = cuts[cuts < length_m - 12.0]
    ends = [0.0, *cuts.tolist(), length_m]
    return tuple(
        Breadth(start, end, float(rng.uniform(2, most_m)), float(rng.uniform(2, most_m)))
        for start, end in itertools.pairwise(ends)
    )


def area_with(
    rivers: list[tuple[LineString, float]] | list[River],
    sites: list[tuple[float, float]],
    zones: list[BaseGeometry] | None = None,
) -> StudyArea:
    """A study area in memory; all geometry in metres of PROJECTION."""

    def lonlat(geometry: BaseGeometry) -> BaseGeometry:
        return shapely.transform(geometry, PROJECTION.inverse)

    return StudyArea(
        Path("memory"),
        PROJECTION,
        tuple(
            r if isinstance(r, River) else river_of(*r, code=f"R{i}")
            for i, r in enumerate(rivers, 1)
        ),
        tuple(
            LaunchSite(
                f"L{i}", f"点{i}", f"Site {i}", PROJECTION.to_lonlat(EastNorth(*xy, PROJECTION))
            )
            for i, xy in enumerate(sites, 1)
        ),
        tuple(
            NoFlyZone(f"区{i}", f"Zone {i}", lonlat(zone), zone)
            for i, zone in enumerate(zones or [], 1)
        ),
    )


@st.composite
def river_cases(draw: st.DrawFn) -> tuple[StudyArea, float]:
    """A study area with one or two rivers, up to three zones and two sites; and a strip."""
    rivers = []
    for number in range(1, draw(st.integers(1, 2)) + 1):
        radius, seed = draw(st.floats(15, 200)), draw(st.integers(0, 2**31))
        line = meander(seed, draw(st.floats(200, 1800)), radius, draw(st.floats(5, 40)))
        shift = [draw(st.floats(-600, 600)) for _ in range(2)]
        line = shapely.transform(line, lambda p, s=shift: p + s)
        breadths: tuple[Breadth, ...] = ()
        if draw(st.booleans()):
            breadths = random_breadths(seed, line.length, 40.0)
        rivers.append(river_of(line, draw(st.floats(2, 80)), breadths, f"R{number}"))
    everything = shapely.union_all([river.centreline_m for river in rivers])
    zones: list[BaseGeometry] = []
    for _ in range(draw(st.integers(0, 3))):
        at = (
            everything.interpolate(draw(st.floats(0, 1)), normalized=True)
            if everything.geom_type == "LineString"
            else Point(
                shapely.get_coordinates(everything)[
                    draw(st.integers(0, 10**6)) % shapely.get_num_coordinates(everything)
                ]
            )
        )
        east, north = at.x + draw(st.floats(-300, 300)), at.y + draw(st.floats(-300, 300))
        if draw(st.booleans()):
            zones.append(Point(east, north).buffer(draw(st.floats(20, 150))))
        else:
            wide, high = draw(st.floats(20, 250)), draw(st.floats(20, 250))
            zones.append(
                Polygon(
                    [
                        (east, north),
                        (east + wide, north + high / 3),
                        (east + wide / 2, north + high),
                    ]
                )
            )
    bounds = everything.bounds
    sites = [(bounds[0] - 350.0, bounds[1] - 350.0), (bounds[2] + 350.0, bounds[3] + 350.0)]
    return area_with(rivers, sites, zones), draw(st.sampled_from([0.0, 5.0, 15.0, 30.0]))
