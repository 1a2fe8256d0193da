"""A short patrol to fly: two lanes of one river and one of another, from two launch sites."""

from __future__ import annotations

import numpy as np
from shapely.geometry import LineString

from geo.coordinates import LocalProjection, LonLat
from patrol.plan import (
    BankCoverage,
    Certificate,
    Flight,
    Lane,
    LaunchSite,
    Operation,
    Plan,
    Reach,
    Sortie,
    Waypoint,
)
from patrol.planning.settings import PlanSettings
from patrol.rivers import River

HOME = LonLat(113.459, 23.106)
PROJECTION = LocalProjection(HOME)
HEIGHT_M = 30.0
SPEED_M_S = 8.0
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
        number,
        f"L{number}",
        lonlat(launch),
        length,
        length / SPEED_M_S + 60,
        12.0,
        tuple(waypoints),
    )


def lane(name: str, points: list[tuple[float, float]]) -> Lane:
    line = LineString(PROJECTION.inverse(points))
    length = LineString(points).length
    return Lane(name, name[:2], "left", 0.0, length, line, SPEED_M_S)


def short_plan() -> Plan:
    sorties = (sortie(1, (0.0, 0.0), LANES), sortie(2, SECOND_LAUNCH, SECOND_LANE))
    centreline = [(40.0, 50.0), (340.0, 100.0)]
    flown_s = sum(s.duration_s for s in sorties)
    return Plan(
        area="test",
        settings=PlanSettings(gsd_m=0.022, speed_m_s=SPEED_M_S, reserve_share=0.2),
        projection=PROJECTION,
        rivers=(
            River(
                "R1", "短涌", "Short", 20.0,
                LineString(PROJECTION.inverse(centreline)), LineString(centreline),
            ),
        ),
        launch_sites=tuple(
            LaunchSite(s.launch_site, "起降点", "Site", s.launch) for s in sorties
        ),
        no_fly_zones=(),
        reaches=(Reach("R1", 0.0, 290.0),),
        lanes=tuple(lane(name, points) for name, points in {**LANES, **SECOND_LANE}.items()),
        sorties=sorties,
        certificate=Certificate((BankCoverage("R1", "left", 0.0, 290.0, 290.0, 290.0),), (), 1.0),
        operation=Operation(
            flown_s, flown_s, "as flown", flown_s, 0.0, 0.0,
            tuple(Flight(1, 1, s.id, s.launch_site, 0.0, s.duration_s) for s in sorties),
        ),
    )  # fmt: skip
