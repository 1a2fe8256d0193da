"""Random meandering rivers and study areas around them, for property tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from geo.coordinates import EastNorth, LocalProjection, LonLat
from patrol.area import LaunchSite, NoFlyZone, River, StudyArea

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


def area_with(
    rivers: list[tuple[LineString, float]],
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
            River(f"R{i}", f"河{i}", f"River {i}", width, lonlat(line), line)
            for i, (line, width) in enumerate(rivers, 1)
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
    for _ in range(draw(st.integers(1, 2))):
        radius = draw(st.floats(15, 200))
        line = meander(
            draw(st.integers(0, 2**31)), draw(st.floats(200, 1800)), radius, draw(st.floats(5, 40))
        )
        shift = [draw(st.floats(-600, 600)) for _ in range(2)]
        rivers.append((shapely.transform(line, lambda p, s=shift: p + s), draw(st.floats(2, 80))))
    everything = shapely.union_all([line for line, _ in rivers])
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
