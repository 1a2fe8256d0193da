"""A small plan to read, write and export, and random ones."""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st
from shapely.geometry import LineString, Polygon

from geo.coordinates import LocalProjection, LonLat
from patrol.errors import PlanningError
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
    Uncovered,
    Waypoint,
    Zone,
)
from patrol.planning.settings import PlanSettings
from patrol.planning.wind import Wind
from patrol.rivers import Breadth, River

PROJECTION = LocalProjection(LonLat(113.46, 23.17))
_REACH = [(113.41, 23.15), (113.42, 23.16)]  # the first 1.5 km of every random river


def river(code: str, line: list[tuple[float, float]], *, breadths: bool = False) -> River:
    """A river 20 m wide; with `breadths` it is wider to the left in its second half."""
    line_m = LineString(PROJECTION.forward(line))
    half = round(line_m.length / 2, 3)
    return River(
        code, "水声涌", "Shuisheng", 20.0, LineString(line), line_m,
        (Breadth(0.0, half, 10.0, 10.0), Breadth(half, round(line_m.length, 3), 12.5, 9.0))
        if breadths else (),
    )  # fmt: skip


def operation(sorties: tuple[Sortie, ...]) -> Operation:
    """One crew with one drone flies them one after the other."""
    flights, start_s = [], 0.0
    for sortie in sorties:
        end_s = round(start_s + sortie.duration_s, 2)
        flights.append(Flight(1, 1, sortie.id, sortie.launch_site, start_s, end_s))
        start_s = round(end_s + 300.0, 2)
    flight_s = round(sum(s.duration_s for s in sorties), 2)
    return Operation(
        flights[-1].end_s, round(0.9 * flights[-1].end_s, 2), "lanes flown, no transit",
        flight_s, round(flight_s / 4, 2), 300.0 * (len(sorties) - 1), tuple(flights),
    )  # fmt: skip


@st.composite
def plan_settings(draw: st.DrawFn) -> PlanSettings:
    """Settings that can be flown."""
    camera = draw(st.sampled_from(["m3e", "m3t", "m30t", "m4e", "p4rtk", "mini4pro"]))
    capture = draw(st.sampled_from(["video", "photos"]))
    gsd_m = draw(st.integers(800, 5_000)) / 1e5
    try:
        return PlanSettings(
            camera=camera,
            capture=capture,
            gsd_m=gsd_m,
            picture_px=draw(st.sampled_from([None, None, (1920, 1080), (4000, 3000)])),
            pitch_deg=draw(st.sampled_from([-90.0, -90.0, -75.5])),
            speed_m_s=draw(st.integers(5, 100)) / 10,
            sidelap=draw(st.integers(0, 40)) / 100,
            ceiling_m=500.0,
            tilt_error_deg=1.0,
            wind=Wind(draw(st.integers(0, 40)) / 10, draw(st.integers(0, 359)) / 1),
        )
    except PlanningError:
        assume(False)
        raise


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans as the planner could make them; coordinates on the files' grid of 1e-8 degrees."""
    lon = st.integers(11_340_000_000, 11_352_000_000).map(lambda n: n / 1e8)
    lat = st.integers(2_314_000_000, 2_320_000_000).map(lambda n: n / 1e8)
    centi = st.integers(0, 500_000).map(lambda n: n / 100)
    places = st.tuples(lon, lat)
    lines = st.lists(places, min_size=2, max_size=draw(st.sampled_from([3, 6, 40])), unique=True)
    settings = draw(plan_settings())
    height = draw(st.integers(5_000, 120_000)) / 1000
    rough = draw(st.booleans())

    def heights() -> float:
        return draw(st.integers(-20_000, 150_000)) / 1000 if rough else height

    lanes, sorties = [], []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        waypoints = [
            Waypoint(LonLat(*place), heights(), "transit")
            for place in draw(st.lists(places, max_size=2))
        ]
        for _ in range(draw(st.integers(1, 3))):
            line = draw(lines)
            speed = draw(st.one_of(st.just(settings.speed_m_s), st.integers(5, 100))) * 1.0
            lane = Lane(
                f"R{number}-{len(lanes) + 1:02d}" + draw(st.sampled_from(["", "", " 左"])),
                f"R{number}",
                draw(st.sampled_from(["centre", "left", "right"])),
                draw(centi),
                draw(centi),
                LineString(line),
                speed if speed == settings.speed_m_s else speed / 10,
            )
            lanes.append(lane)
            waypoints += [Waypoint(LonLat(*place), heights(), "lane", lane.id) for place in line]
            if draw(st.booleans()):
                waypoints.append(Waypoint(LonLat(*draw(places)), heights(), "transit"))
        sorties.append(
            Sortie(
                number, f"L{number}", LonLat(*draw(places)), draw(centi), draw(centi), draw(centi),
                tuple(waypoints), draw(st.sampled_from([0.0, 0.0, 31.25])),
            )
        )  # fmt: skip
    uncovered = tuple(
        Uncovered("R1", "left", draw(centi), draw(centi), "禁飞区 no-fly zone")
        for _ in range(draw(st.integers(0, 2)))
    )
    return Plan(
        area=draw(st.sampled_from(["luogang", "萝岗", "a b"])),
        settings=settings,
        projection=PROJECTION,
        rivers=tuple(
            river(f"R{s.id}", [*_REACH, *draw(lines)], breadths=draw(st.booleans()))
            for s in sorties
        ),
        launch_sites=tuple(LaunchSite(s.launch_site, "起降点", "Site", s.launch) for s in sorties),
        no_fly_zones=tuple(
            Zone(
                "区", Polygon([(113.41, 23.15), (113.42, 23.15), (113.42, 23.16), (113.41, 23.15)])
            )
            for _ in range(draw(st.integers(0, 1)))
        ),
        reaches=(Reach("R1", 0.0, draw(st.integers(1, 140_000)) / 100),),
        lanes=tuple(lanes),
        sorties=tuple(sorties),
        certificate=Certificate(
            (
                BankCoverage("R1", "left", 0.0, 500.0, 500.0, draw(centi)),
                BankCoverage("R1", "right", 0.0, 500.0, 500.0, 500.0),
            ),
            uncovered,
            draw(st.integers(0, 10**6)) / 1e6,
        ),
        operation=operation(tuple(sorties)),
        notes=draw(st.sampled_from([(), ("没有禁飞区 no no-fly zones",)])),
    )


def small_plan(*, capture: str = "video") -> Plan:
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
    launch = LonLat(113.479, 23.169)
    sorties = (Sortie(1, "L1", launch, 700.0, 160.0, 5.5, tuple(waypoints)),)
    return Plan(
        area="luogang",
        settings=PlanSettings(capture="photos", gsd_m=0.0128)
        if capture == "photos"
        else PlanSettings(),
        projection=PROJECTION,
        rivers=(river("R1", first), river("R2", second, breadths=True)),
        launch_sites=(LaunchSite("L1", "起降点", "Site", launch),),
        no_fly_zones=(
            Zone(
                "区",
                Polygon([(113.47, 23.15), (113.475, 23.15), (113.475, 23.16), (113.47, 23.15)]),
            ),
        ),
        reaches=(Reach("R1", 0.0, 80.0), Reach("R2", 10.0, 40.0)),
        lanes=(
            Lane("R1-01", "R1", "centre", 0.0, 80.0, LineString(first), 8.0),
            Lane("R2-02", "R2", "left", 40.0, 10.0, LineString(second), 8.0),
        ),
        sorties=sorties,
        certificate=Certificate(
            (
                BankCoverage("R1", "left", 0.0, 80.0, 80.0, 80.0),
                BankCoverage("R1", "right", 0.0, 80.0, 80.0, 78.5),
            ),
            (Uncovered("R1", "right", 10.0, 11.5, "禁飞区 no-fly zone"),),
            0.99,
        ),
        operation=operation(sorties),
    )
