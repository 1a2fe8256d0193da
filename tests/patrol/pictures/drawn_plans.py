"""Plans made by hand, so that every figure of theirs can be worked out on paper."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from shapely.geometry import LineString, Polygon

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
    Uncovered,
    Waypoint,
    Zone,
)
from patrol.planning.settings import PlanSettings
from patrol.planning.wind import Wind
from patrol.rivers import River

PROJECTION = LocalProjection(LonLat(113.46, 23.17))

VIDEO = PlanSettings(cover="both", wind=Wind(4.0, 45.0))
PHOTOS = PlanSettings(cover="both", capture="photos", gsd_m=0.02, speed_m_s=6.0)


def lonlat(points_m: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(float(lon), float(lat)) for lon, lat in PROJECTION.inverse(points_m)]


def _river(code: str, points_m: list[tuple[float, float]], width_m: float = 20.0) -> River:
    return River(
        code,
        f"{code}号涌",
        f"Creek {code}",
        width_m,
        LineString(lonlat(points_m)),
        LineString(points_m),
    )


def _position(point_m: tuple[float, float]) -> LonLat:
    [[lon, lat]] = PROJECTION.inverse([point_m])
    return LonLat(float(lon), float(lat))


def hand_plan(
    settings: PlanSettings = VIDEO,
    *,
    rivers: int = 2,
    river_m: float = 200.0,
    bends: int = 0,
    columns: int = 20,
    uncovered: tuple[Uncovered, ...] = (),
    zone: bool = False,
    notes: tuple[str, ...] = (),
) -> Plan:
    """`rivers` that run east, each flown up its left bank and down its right in one sortie from a
    site 50 m west of its source, at half a battery."""
    made: list[River] = []
    lanes: list[Lane] = []
    sorties: list[Sortie] = []
    sites: list[LaunchSite] = []
    flights: list[Flight] = []
    height_m = settings.height_m
    start_s = 0.0
    for number in range(1, rivers + 1):
        column, row = (number - 1) % columns, (number - 1) // columns
        x, y = column * 1.4 * river_m, row * (0.5 * river_m + 100.0)
        along = np.linspace(0.0, river_m, bends + 2)
        across = 0.12 * river_m * np.sin(along / river_m * 9.0) * (bends > 0)
        points = [(x + float(a), y + float(b)) for a, b in zip(along, across, strict=True)]
        code = f"R{number}"
        made.append(_river(code, points))
        site = LaunchSite(
            f"L{number}", f"{number}号起降点", f"Site {number}", _position((x - 50.0, y))
        )
        sites.append(site)
        waypoints: list[Waypoint] = []
        for side, off_m in (("left", 10.0), ("right", -10.0)):
            line = [(px, py + off_m) for px, py in points]
            from_m, to_m = 0.0, river_m
            if side == "right":
                line, from_m, to_m = line[::-1], river_m, 0.0
            name = f"{code}-{len(lanes) + 1:02d}"
            lanes.append(
                Lane(name, code, side, from_m, to_m, LineString(lonlat(line)), settings.speed_m_s)
            )
            waypoints += [Waypoint(_position(p), height_m, "lane", name) for p in line]
        energy_wh = settings.own_battery_wh / 2
        sorties.append(
            Sortie(
                number, site.code, site.position, 2 * river_m + 120.0, 300.0, energy_wh,
                tuple(waypoints),
            )
        )  # fmt: skip
        flights.append(Flight(1, 1, number, site.code, start_s, start_s + 300.0))
        start_s += 600.0
    end_s = start_s - 300.0
    lost: dict[tuple[str, str], float] = {}
    for part in uncovered:
        key = (part.river, part.bank)
        lost[key] = lost.get(key, 0.0) + part.to_m - part.from_m
    banks = tuple(
        BankCoverage(r.code, bank, 0.0, river_m, river_m, river_m - lost.get((r.code, bank), 0.0))
        for r in made
        for bank in ("left", "right")
    )
    corners = [(60.0, -40.0), (120.0, -40.0), (120.0, 40.0), (60.0, 40.0)]
    return Plan(
        area="试验区",
        settings=settings,
        projection=PROJECTION,
        rivers=tuple(made),
        launch_sites=tuple(sites),
        no_fly_zones=(Zone("变电站 Substation", Polygon(lonlat(corners))),) if zone else (),
        reaches=tuple(Reach(r.code, 0.0, river_m) for r in made),
        lanes=tuple(lanes),
        sorties=tuple(sorties),
        certificate=Certificate(banks, uncovered, 1.0 - 0.01 * len(uncovered)),
        operation=Operation(
            end_s, 0.8 * end_s, "lanes flown, no transit", 300.0 * rivers, 60.0 * rivers,
            300.0 * (rivers - 1), tuple(flights),
        ),
        notes=notes,
    )  # fmt: skip


def renamed(plan: Plan, name: str) -> Plan:
    """The plan with this as every name that comes from a file."""
    return replace(
        plan,
        area=name,
        rivers=tuple(replace(r, name=name, name_en=name) for r in plan.rivers),
        launch_sites=tuple(replace(s, name=name, name_en=name) for s in plan.launch_sites),
        no_fly_zones=tuple(replace(z, name=name) for z in plan.no_fly_zones),
        certificate=replace(
            plan.certificate,
            uncovered=tuple(replace(u, reason=name) for u in plan.certificate.uncovered),
        ),
        notes=(name,),
    )
