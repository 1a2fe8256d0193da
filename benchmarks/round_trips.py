"""Round trips of mission files: random plans, every format, written, read back, written again.

A plan fails in a format where one of its sorties, read back, is not what the format says it
carries, or where writing that again gives other bytes. The plans are made up here from the seed:
lanes along random curves, heights over flat ground or terrain, video and photos, every aircraft,
sorties of up to 300 waypoints.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from shapely.geometry import LineString, Polygon

from geo.coordinates import LocalProjection, LonLat
from patrol.errors import PlanFileError, PlanningError
from patrol.export import FORMATS, route_of
from patrol.plan import (
    BankCoverage,
    Certificate,
    Flight,
    Lane,
    LaunchSite,
    Operation,
    Plan,
    Reach,
    Side,
    Sortie,
    Waypoint,
    Zone,
)
from patrol.planning.settings import PlanSettings
from patrol.rivers import River

__all__ = ["failures", "random_plan"]

PLANS = 200
MOST_WAYPOINTS = 300

_CAMERAS = ("m3e", "m3t", "m30t", "m4e", "p4rtk", "mini4pro")
_SIDES: tuple[Side, ...] = ("centre", "left", "right")


def failures(seed: int) -> float:
    """How many of 200 random plans times all formats do not come back the same."""
    rng = np.random.default_rng(seed)
    plans = [random_plan(rng) for _ in range(PLANS)]
    failed = 0
    for chosen in FORMATS.values():
        reasons: list[str] = []
        files = size = 0
        for number, plan in enumerate(plans):
            reason = ""
            for sortie in plan.sorties:
                route = route_of(plan, sortie)
                try:
                    first = chosen.write(route)
                    files, size = files + len(first), size + sum(map(len, first.values()))
                    again = chosen.read(first)
                    if again != chosen.carried(route):
                        reason = f"plan {number} sortie {sortie.id}: read back differs"
                    elif chosen.write(again) != first:
                        reason = f"plan {number} sortie {sortie.id}: second write differs"
                except PlanFileError as error:
                    reason = f"plan {number} sortie {sortie.id}: {error}"
            if reason:
                reasons.append(reason)
        failed += len(reasons)
        print(
            f"{chosen.name}: {len(reasons)} of {len(plans)} plans differ "
            f"({files} files, {size / 1e6:.1f} MB)" + "".join(f"; {r}" for r in reasons[:1])
        )
    return float(failed)


def random_plan(rng: np.random.Generator) -> Plan:
    """A plan somewhere in the world; its waypoints are not on the files' grid."""
    settings = _settings(rng)
    origin = LonLat(float(rng.uniform(-175, 175)), float(rng.uniform(-70, 75)))
    projection = LocalProjection(origin)
    terrain = rng.random() < 0.5
    lanes: list[Lane] = []
    sorties: list[Sortie] = []
    for number in range(1, int(rng.integers(1, 4)) + 1):
        sorties.append(_sortie(rng, number, settings, projection, lanes, terrain))
    centreline = _curve(rng, 30, np.zeros(2))
    box = projection.inverse([(600, 600), (900, 620), (850, 900), (600, 600)])
    end_s = sum(s.duration_s for s in sorties)
    return Plan(
        area="随机 random",
        settings=settings,
        projection=projection,
        rivers=(
            River(
                "R1", "涌", "River", 20.0,
                LineString(projection.inverse(centreline)), LineString(centreline),
            ),
        ),
        launch_sites=tuple(LaunchSite(s.launch_site, "点", "Site", s.launch) for s in sorties),
        no_fly_zones=(Zone("禁飞区 <&> zone", Polygon(box)),) if rng.random() < 0.5 else (),
        reaches=(Reach("R1", 0.0, 500.0),),
        lanes=tuple(lanes),
        sorties=tuple(sorties),
        certificate=Certificate((BankCoverage("R1", "left", 0.0, 500.0, 500.0, 500.0),), (), 1.0),
        operation=Operation(
            end_s, 0.9 * end_s, "made up", end_s, 0.0, 0.0,
            tuple(Flight(1, 1, s.id, s.launch_site, 0.0, s.duration_s) for s in sorties),
        ),
    )  # fmt: skip


def _settings(rng: np.random.Generator) -> PlanSettings:
    while True:
        capture: Literal["video", "photos"] = "video" if rng.random() < 0.5 else "photos"
        try:
            return PlanSettings(
                camera=str(rng.choice(_CAMERAS)),
                capture=capture,
                gsd_m=float(rng.uniform(0.008, 0.05)),
                pitch_deg=-90.0 if rng.random() < 0.7 else float(rng.uniform(-90, -60)),
                speed_m_s=float(rng.uniform(2, 11)),
                sidelap=float(rng.uniform(0, 0.5)),
            )
        except PlanningError:
            continue


def _curve(rng: np.random.Generator, count: int, start: np.ndarray) -> np.ndarray:
    """A random walk of slowly turning legs: (count, 2) metres."""
    headings = np.cumsum(rng.normal(0, 0.3, count)) + rng.uniform(0, 2 * math.pi)
    legs = rng.gamma(2.0, 15.0, count) + 0.5
    steps = np.column_stack([legs * np.cos(headings), legs * np.sin(headings)])
    return np.asarray(start + np.cumsum(steps, axis=0))


def _sortie(
    rng: np.random.Generator, number: int, settings: PlanSettings, projection: LocalProjection,
    lanes: list[Lane], terrain: bool,
) -> Sortie:  # fmt: skip
    """A sortie with a few lanes, which are added to `lanes`."""
    budget = int(rng.integers(3, MOST_WAYPOINTS + 1)) if rng.random() < 0.3 else 60
    waypoints: list[Waypoint] = []
    place = rng.uniform(-500, 500, 2)
    base = settings.height_m + (float(rng.uniform(-60, 60)) if terrain else 0.0)

    def add(points: np.ndarray, lane: str | None) -> None:
        for lon, lat in projection.inverse(points):
            height = base + (float(rng.normal(0, 3)) if terrain else 0.0)
            leg: Literal["transit", "lane"] = "transit" if lane is None else "lane"
            waypoints.append(Waypoint(LonLat(float(lon), float(lat)), height, leg, lane))

    while len(waypoints) < budget - 1:
        if rng.random() < 0.6:
            place = place + rng.uniform(-200, 200, 2)
            add(place[None, :], None)
        count = int(rng.integers(2, max(3, min(160, budget - len(waypoints)) + 1)))
        line = _curve(rng, count, place)
        name = f"R{number}-{rng.choice(_SIDES)}-{len(lanes) + 1}"
        slower = settings.speed_m_s if rng.random() < 0.5 else float(rng.uniform(1, 11))
        length_m = float(LineString(line).length)
        lanes.append(
            Lane(
                name, f"R{number}", _SIDES[len(lanes) % 3], 0.0, length_m,
                LineString(projection.inverse(line)), slower,
            )
        )  # fmt: skip
        add(line, name)
        place = line[-1]
        if rng.random() < 0.2:
            break
    [[lon, lat]] = projection.inverse([rng.uniform(-500, 500, 2)])
    return Sortie(
        number, f"L{number}", LonLat(float(lon), float(lat)), 5000.0, 700.0, 30.0,
        tuple(waypoints), float(rng.uniform(-5, 900)) if terrain else 0.0,
    )  # fmt: skip
