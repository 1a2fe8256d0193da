"""A patrol's plan, `plan.json`: lanes, sorties and what they cover.

Coordinates are WGS-84, longitude first, 8 decimals (1 mm). Heights are above the launch site; the
ground is flat, so they are heights above ground as well. Version 1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from shapely.geometry import LineString, Polygon

from geo.coordinates import LonLat
from geo.files import write_text
from patrol.errors import PlanFileError

__all__ = [
    "FORMAT",
    "VERSION",
    "Lane",
    "Plan",
    "Reach",
    "Sortie",
    "Uncovered",
    "Waypoint",
    "Zone",
]

FORMAT = "river-patrol/plan"
VERSION = 1
PLAN_NAME = "plan.json"

Leg = Literal["transit", "lane"]
Side = Literal["centre", "left", "right"]


@dataclass(frozen=True, slots=True)
class Lane:
    """A flight line that is filmed, flown from the first point of `line` (lon, lat) to the last.

    `from_m` and `to_m` say where along the river's centreline it begins and ends (metres from the
    centreline's first vertex; from > to where it is flown upstream). `side` is the side of the
    centreline as seen along the centreline.
    """

    id: str
    river: str
    side: Side
    from_m: float
    to_m: float
    line: LineString


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A point to fly through. `leg` is "lane" where the leg from the point before belongs to, or
    this point begins, the lane named `lane`; "transit" (lane None) on the way there and back."""

    position: LonLat
    above_launch_m: float
    leg: Leg
    lane: str | None = None


@dataclass(frozen=True, slots=True)
class Sortie:
    """One take-off to landing at the launch site; `length_m` counts every leg over ground."""

    id: int
    launch_site: str
    launch: LonLat
    length_m: float
    duration_s: float
    energy_wh: float
    waypoints: tuple[Waypoint, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """The part of a river that the plan is meant to cover, metres along its centreline."""

    river: str
    from_m: float
    to_m: float


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A part of a reach whose corridor the lanes do not see from bank to bank, and why."""

    river: str
    from_m: float
    to_m: float
    reason: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A no-fly zone as it was when the plan was made: a polygon (lon, lat) without holes."""

    name: str
    outline: Polygon


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that flying, exporting and checking need. `camera` is a key of
    `geo.camera.CAMERAS`; `coverage_share` is the share of the corridor's area that is seen."""

    area: str
    camera: str
    picture_px: tuple[int, int]
    gsd_m: float
    height_agl_m: float
    speed_m_s: float
    gimbal_pitch_deg: float
    strip_m: float
    battery_wh: float
    reserve_share: float
    coverage_share: float
    reaches: tuple[Reach, ...]
    uncovered: tuple[Uncovered, ...]
    lanes: tuple[Lane, ...]
    sorties: tuple[Sortie, ...]
    no_fly_zones: tuple[Zone, ...] = ()

    def sortie(self, number: int) -> Sortie:
        """The sortie with this id; raises PlanFileError naming those that there are."""
        for sortie in self.sorties:
            if sortie.id == number:
                return sortie
        raise PlanFileError(
            f"the plan has no sortie {number}; it has {', '.join(str(s.id) for s in self.sorties)}"
        )

    def write(self, path: Path) -> None:
        """Write JSON, whole or not at all; `path` is the file or the patrol's folder."""
        text = json.dumps(_document(self), ensure_ascii=False, indent=1, allow_nan=False)
        write_text(_file(path), text + "\n")

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Read a plan; `path` is the file or the patrol's folder. Raises PlanFileError."""
        return _read(_file(path))


def _file(path: Path) -> Path:
    return path if path.suffix == ".json" else path / PLAN_NAME


def _document(plan: Plan) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "area": plan.area,
        "camera": plan.camera,
        "picture_px": list(plan.picture_px),
        "gsd_m": round(plan.gsd_m, 6),
        "height_agl_m": round(plan.height_agl_m, 3),
        "speed_m_s": round(plan.speed_m_s, 3),
        "gimbal_pitch_deg": round(plan.gimbal_pitch_deg, 3),
        "strip_m": round(plan.strip_m, 3),
        "battery_wh": round(plan.battery_wh, 3),
        "reserve_share": round(plan.reserve_share, 6),
        "coverage_share": round(plan.coverage_share, 6),
        "reaches": [
            {"river": r.river, "from_m": round(r.from_m, 2), "to_m": round(r.to_m, 2)}
            for r in plan.reaches
        ],
        "uncovered": [
            {
                "river": u.river,
                "from_m": round(u.from_m, 2),
                "to_m": round(u.to_m, 2),
                "reason": u.reason,
            }
            for u in plan.uncovered
        ],
        "lanes": [
            {
                "id": lane.id,
                "river": lane.river,
                "side": lane.side,
                "from_m": round(lane.from_m, 2),
                "to_m": round(lane.to_m, 2),
                "line": [[round(x, 8), round(y, 8)] for x, y in lane.line.coords],
            }
            for lane in plan.lanes
        ],
        "sorties": [
            {
                "id": sortie.id,
                "launch_site": sortie.launch_site,
                "launch": [round(sortie.launch.lon_deg, 8), round(sortie.launch.lat_deg, 8)],
                "length_m": round(sortie.length_m, 2),
                "duration_s": round(sortie.duration_s, 2),
                "energy_wh": round(sortie.energy_wh, 3),
                "waypoints": [
                    {
                        "lon": round(w.position.lon_deg, 8),
                        "lat": round(w.position.lat_deg, 8),
                        "above_launch_m": round(w.above_launch_m, 3),
                        "leg": w.leg,
                        "lane": w.lane,
                    }
                    for w in sortie.waypoints
                ],
            }
            for sortie in plan.sorties
        ],
        "no_fly_zones": [
            {
                "name": zone.name,
                "outline": [[round(x, 8), round(y, 8)] for x, y in zone.outline.exterior.coords],
            }
            for zone in plan.no_fly_zones
        ],
    }


def _read(path: Path) -> Plan:
    from patrol.planning.plan_reader import read_plan  # it builds the classes above

    return read_plan(path)
