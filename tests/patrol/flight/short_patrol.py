"""A short patrol to fly: two lanes of one river and one of another, from two launch sites."""

from __future__ import annotations

import numpy as np
from shapely.geometry import LineString

from geo.coordinates import LocalProjection, LonLat
from patrol.plan import Lane, Plan, Reach, Sortie, Waypoint

HOME = LonLat(113.459, 23.106)
PROJECTION = LocalProjection(HOME)
HEIGHT_M = 30.0
START_S = 1_779_238_800.0  # 2026-05-20T01:00:00Z

# East, north in metres of HOME: out along one bank with a bend, back along the other.
LANES = {
    "R1-left-1": [(60.0, 40.0), (200.0, 40.0), (330.0, 90.0)],
    "R1-right-1": [(325.0, 110.0), (195.0, 60.0), (60.0, 60.0)],
}
SECOND_LAUNCH = (900.0, 300.0)
SECOND_LANE = {"R2-centre-1": [(930.0, 350.0), (930.0, 520.0)]}


def lonlat(point: tuple[float, float]) -> LonLat:
    [[lon, lat]] = PROJECTION.inverse([point])
    return LonLat(float(lon), float(lat))


def sortie(
    number: int, launch: tuple[float, float], lanes: dict[str, list[tuple[float, float]]]
) -> Sortie:
    waypoints = [
        Waypoint(lonlat(point), HEIGHT_M, "lane", lane)
        for lane, points in lanes.items()
        for point in points
    ]
    flown = [launch, *(p for points in lanes.values() for p in points), launch]
    length = float(np.sum(np.hypot(*np.diff(np.array(flown), axis=0).T)))
    return Sortie(
        number, f"L{number}", lonlat(launch), length, length / 8.0 + 60, 12.0, tuple(waypoints)
    )


def lane(name: str, points: list[tuple[float, float]]) -> Lane:
    line = LineString(PROJECTION.inverse(points))
    length = LineString(points).length
    return Lane(name, name[:2], "left", 0.0, length, line)


def short_plan() -> Plan:
    return Plan(
        area="test", camera="m3e", picture_px=(1920, 1080), gsd_m=0.022, height_agl_m=HEIGHT_M,
        speed_m_s=8.0, gimbal_pitch_deg=-90.0, strip_m=15.0, battery_wh=77.0, reserve_share=0.2,
        coverage_share=1.0, reaches=(Reach("R1", 0.0, 290.0),), uncovered=(),
        lanes=tuple(lane(name, points) for name, points in {**LANES, **SECOND_LANE}.items()),
        sorties=(sortie(1, (0.0, 0.0), LANES), sortie(2, SECOND_LAUNCH, SECOND_LANE)),
    )  # fmt: skip
