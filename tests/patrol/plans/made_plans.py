"""A small plan to read, write and export, and random ones."""

from __future__ import annotations

from hypothesis import strategies as st
from shapely.geometry import LineString, Polygon

from geo.coordinates import LonLat
from patrol.plan import Lane, Plan, Reach, Sortie, Uncovered, Waypoint, Zone


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans as the planner could make them; coordinates on the files' grid of 1e-8 degrees."""
    lon = st.integers(11_340_000_000, 11_352_000_000).map(lambda n: n / 1e8)
    lat = st.integers(2_314_000_000, 2_320_000_000).map(lambda n: n / 1e8)
    centi = st.integers(0, 500_000).map(lambda n: n / 100)
    places = st.tuples(lon, lat)
    lines = st.lists(places, min_size=2, max_size=6, unique=True)
    height = draw(st.integers(5_000, 120_000)) / 1000
    lanes, sorties = [], []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        waypoints = [
            Waypoint(LonLat(*place), height, "transit")
            for place in draw(st.lists(places, max_size=2))
        ]
        for _ in range(draw(st.integers(1, 2))):
            line = draw(lines)
            lane = Lane(
                f"R{number}-{len(lanes) + 1:02d}",
                f"R{number}",
                draw(st.sampled_from(["centre", "left", "right"])),
                draw(centi),
                draw(centi),
                LineString(line),
            )
            lanes.append(lane)
            waypoints += [Waypoint(LonLat(*place), height, "lane", lane.id) for place in line]
        sorties.append(
            Sortie(
                number, f"L{number}", LonLat(*draw(places)), draw(centi), draw(centi), draw(centi),
                tuple(waypoints),
            )
        )  # fmt: skip
    return Plan(
        area=draw(st.sampled_from(["luogang", "萝岗", "a b"])),
        camera=draw(st.sampled_from(["m3e", "mini4pro"])),
        picture_px=(1920, 1080),
        gsd_m=draw(st.integers(100, 9_000)) / 1e5,
        height_agl_m=height,
        speed_m_s=draw(st.integers(5, 150)) / 10,
        gimbal_pitch_deg=-90.0,
        strip_m=15.0,
        battery_wh=77.0,
        reserve_share=0.25,
        coverage_share=draw(st.integers(0, 10**6)) / 1e6,
        reaches=(Reach("R1", 0.0, draw(centi)),),
        uncovered=tuple(
            Uncovered("R1", draw(centi), draw(centi), "禁飞区 no-fly zone")
            for _ in range(draw(st.integers(0, 2)))
        ),
        lanes=tuple(lanes),
        sorties=tuple(sorties),
        no_fly_zones=tuple(
            Zone(
                "区", Polygon([(113.41, 23.15), (113.42, 23.15), (113.42, 23.16), (113.41, 23.15)])
            )
            for _ in range(draw(st.integers(0, 1)))
        ),
    )


def small_plan() -> Plan:
    """One sortie: a transit point, two lanes, a transit point; and a no-fly zone."""
    first = [(113.4801, 23.1701), (113.4805, 23.1704), (113.4809, 23.1703)]
    second = [(113.4812, 23.1700), (113.4816, 23.1698)]
    height = 47.739
    waypoints = [
        Waypoint(LonLat(113.4795, 23.1699), height, "transit"),
        *(Waypoint(LonLat(*p), height, "lane", "R1-01") for p in first),
        *(Waypoint(LonLat(*p), height, "lane", "R2-02") for p in second),
        Waypoint(LonLat(113.4803, 23.1690), height, "transit"),
    ]
    return Plan(
        area="luogang",
        camera="m3e",
        picture_px=(1920, 1080),
        gsd_m=0.035,
        height_agl_m=height,
        speed_m_s=8.0,
        gimbal_pitch_deg=-90.0,
        strip_m=15.0,
        battery_wh=77.0,
        reserve_share=0.25,
        coverage_share=1.0,
        reaches=(Reach("R1", 0.0, 120.0), Reach("R2", 30.0, 90.0)),
        uncovered=(),
        lanes=(
            Lane("R1-01", "R1", "centre", 0.0, 120.0, LineString(first)),
            Lane("R2-02", "R2", "left", 90.0, 30.0, LineString(second)),
        ),
        sorties=(Sortie(1, "L1", LonLat(113.479, 23.169), 700.0, 160.0, 5.5, tuple(waypoints)),),
        no_fly_zones=(
            Zone(
                "区",
                Polygon([(113.47, 23.15), (113.475, 23.15), (113.475, 23.16), (113.47, 23.15)]),
            ),
        ),
    )
