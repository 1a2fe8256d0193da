"""Proving a plan again, from what its file holds and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from patrol.plan import Certificate, Plan, Sortie
from patrol.planning.cover.certificate import Track, certify, certify_seen
from patrol.planning.energy import Flown
from patrol.planning.ground import Ground
from patrol.planning.profile import legs_agl_m

__all__ = [
    "Findings",
    "certificate_of",
    "certificate_with",
    "check_plan",
    "flown_cost",
    "lane_tracks",
    "track_of",
    "zones_m",
]

FloatArray = NDArray[np.float64]

_ROUNDING_M = 0.3  # what coordinates, heights and grids in the file may be off by, together
_ENERGY_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True)
class Findings:
    """What the plan covers, recomputed, and what is wrong with it: one line each."""

    certificate: Certificate
    problems: tuple[str, ...]


def track_of(plan: Plan, sortie: Sortie) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A sortie's whole way from launch to launch: (N, 2) metres, (N,) heights above launch, and
    (N - 1,) the speed of each leg."""
    home = (sortie.launch.lon_deg, sortie.launch.lat_deg)
    places = [(w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints]
    points = plan.projection.forward([home, *places, home])
    heights = [w.above_launch_m for w in sortie.waypoints]
    lanes = {lane.id: lane.speed_m_s for lane in plan.lanes}
    speeds = [plan.settings.speed_m_s]
    for before, here in zip(sortie.waypoints, sortie.waypoints[1:], strict=False):
        same = here.lane is not None and here.lane == before.lane
        speeds.append(lanes[here.lane] if same and here.lane else plan.settings.speed_m_s)
    speeds.append(plan.settings.speed_m_s)
    return points, np.array([heights[0], *heights, heights[-1]]), np.array(speeds)


def flown_cost(plan: Plan, sortie: Sortie) -> Flown:
    """Length, time and energy of a sortie by the plan's energy model."""
    return plan.settings.energy.sortie(*track_of(plan, sortie))


def lane_tracks(plan: Plan, sortie: Sortie, from_waypoint: int = 0) -> list[Track]:
    """What is flown with the camera on, from a waypoint (index) on; heights above sea level."""
    tracks: list[Track] = []
    current: list[int] = []
    rows = list(enumerate(sortie.waypoints))[from_waypoint:]
    places = [(w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints]
    points = plan.projection.forward(places)
    heights = np.array([w.above_launch_m for w in sortie.waypoints]) + sortie.ground_msl_m
    for (index, here), following in zip(rows, [*rows[1:], None], strict=True):
        if here.lane is None:
            continue
        current.append(index)
        if following is None or following[1].lane != here.lane:
            if len(current) > 1:
                tracks.append(Track(points[current], heights[current]))
            current = []
    return tracks


def zones_m(plan: Plan) -> list[tuple[str, BaseGeometry]]:
    """The plan's no-fly zones in metres, by name."""
    return [
        (zone.name, shapely.transform(zone.outline, plan.projection.forward))
        for zone in plan.no_fly_zones
    ]


def certificate_of(plan: Plan, tracks: Sequence[Track] | None = None) -> Certificate:
    """What the plan's sorties see, or these tracks do."""
    if tracks is None:
        tracks = [track for sortie in plan.sorties for track in lane_tracks(plan, sortie)]
    ground = Ground(plan.terrain, plan.projection)
    return certify(plan.rivers, plan.reaches, tracks, zones_m(plan), plan.settings, ground)


def certificate_with(plan: Plan, seen: NDArray[np.object_]) -> Certificate:
    """What of the plan's reaches lies in ground that was seen: (K,) polygons in metres."""
    ground = Ground(plan.terrain, plan.projection)
    return certify_seen(plan.rivers, plan.reaches, seen, zones_m(plan), plan.settings, ground)


def check_plan(plan: Plan) -> Findings:
    """Recompute the certificate, and hold every leg against zones, heights and the battery."""
    certificate = certificate_of(plan)
    problems: list[str] = []
    if certificate.share < plan.certificate.share - 1e-4:
        problems.append(
            f"覆盖率 coverage: the file says {100 * plan.certificate.share:.2f} % of the banks, "
            f"recomputed {100 * certificate.share:.2f} %"
        )
    ground = Ground(plan.terrain, plan.projection)
    zones = zones_m(plan)
    for sortie in plan.sorties:
        problems += [f"架次 sortie {sortie.id}: {p}" for p in _wrong(plan, sortie, ground, zones)]
    flown = {w.lane for s in plan.sorties for w in s.waypoints if w.lane}
    idle = [lane.id for lane in plan.lanes if lane.id not in flown]
    if idle:
        problems.append(f"航线 lanes that no sortie flies: {', '.join(idle)}")
    return Findings(certificate, tuple(problems))


def _wrong(
    plan: Plan, sortie: Sortie, ground: Ground, zones: Sequence[tuple[str, BaseGeometry]]
) -> list[str]:
    settings = plan.settings
    points, heights, _ = track_of(plan, sortie)
    problems = []
    line = LineString(points)
    for name, zone in zones:
        if line.intersects(zone):
            problems.append(f"a leg crosses the no-fly zone {name}")
    _, least, most = legs_agl_m(points, heights + sortie.ground_msl_m, ground)
    if not np.isfinite(least).all():
        problems.append("the ground's height is not known under some leg")
    else:
        if most.max() > settings.ceiling_m + _ROUNDING_M:
            problems.append(
                f"{most.max():.1f} m above ground, over the ceiling of {settings.ceiling_m:g} m"
            )
        if least.min() < settings.least_height_m - _ROUNDING_M:
            problems.append(
                f"{least.min():.1f} m above ground, under the clearance of "
                f"{settings.least_height_m:.1f} m"
            )
    cost = flown_cost(plan, sortie)
    if cost.energy_wh > settings.usable_wh * (1 + _ENERGY_ROUNDING):
        problems.append(
            f"needs {cost.energy_wh:.1f} Wh, over the {settings.usable_wh:.1f} Wh that the "
            "reserve leaves"
        )
    if cost.energy_wh > sortie.energy_wh * (1 + _ENERGY_ROUNDING) + 0.01:
        problems.append(
            f"the file says {sortie.energy_wh:.1f} Wh, recomputed {cost.energy_wh:.1f} Wh"
        )
    return problems
