"""A patrol's plan, `plan.json`: everything that flying, exporting and checking need.

The plan stands alone: it holds the rivers, zones, sites and settings that it was made from, the
terrain under it where it follows one, and the certificate of what it covers, so that
`patrol check` can prove it again from the file alone. Coordinates are WGS-84, longitude first,
8 decimals (1 mm). Heights of waypoints are above the launch site of their sortie. Version 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shapely.geometry import LineString, Polygon

from geo.camera import Camera
from geo.coordinates import LocalProjection, LonLat
from geo.files import write_text
from geo.terrain import Terrain
from patrol.errors import PlanFileError
from patrol.planning.settings import PlanSettings
from patrol.rivers import River

__all__ = [
    "FORMAT",
    "PLAN_NAME",
    "VERSION",
    "Bank",
    "BankCoverage",
    "Certificate",
    "Flight",
    "Lane",
    "LaunchSite",
    "Leg",
    "Operation",
    "Plan",
    "Reach",
    "Side",
    "Sortie",
    "Uncovered",
    "Waypoint",
    "Zone",
]

FORMAT = "river-patrol/plan"
VERSION = 2
PLAN_NAME = "plan.json"

Leg = Literal["transit", "lane"]
Side = Literal["centre", "left", "right"]
Bank = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class LaunchSite:
    """Where a crew may stand."""

    code: str
    name: str
    name_en: str
    position: LonLat


@dataclass(frozen=True, slots=True)
class Zone:
    """A no-fly zone as it was when the plan was made: a polygon (lon, lat) without holes."""

    name: str
    outline: Polygon


@dataclass(frozen=True, slots=True)
class Reach:
    """The part of a river that the plan is meant to cover, metres along its centreline."""

    river: str
    from_m: float
    to_m: float


@dataclass(frozen=True, slots=True)
class Lane:
    """A flight line that is filmed, flown from the first point of `line` (lon, lat) to the last.

    `from_m` and `to_m` say where along the river's centreline it begins and ends (metres from the
    centreline's first vertex; from > to where it is flown upstream). `side` is the side of the
    centreline as seen along the centreline. `speed_m_s` is its ground speed.
    """

    id: str
    river: str
    side: Side
    from_m: float
    to_m: float
    line: LineString
    speed_m_s: float


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
    """One take-off to landing at the launch site; `length_m` counts every leg over ground.

    `ground_msl_m` is the terrain's height at the launch site, 0 for a plan over flat ground.
    """

    id: int
    launch_site: str
    launch: LonLat
    length_m: float
    duration_s: float
    energy_wh: float
    waypoints: tuple[Waypoint, ...]
    ground_msl_m: float = 0.0


@dataclass(frozen=True, slots=True)
class BankCoverage:
    """How many metres of one bank of a reach are meant to be seen, and how many are."""

    river: str
    bank: Bank
    from_m: float
    to_m: float
    metres: float
    seen_m: float


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A part of a bank that is not seen over its whole strip at the asked GSD, and why."""

    river: str
    bank: Bank
    from_m: float
    to_m: float
    reason: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the camera will see of the corridor. A metre of bank counts as seen only where the
    whole of its strip is; `area_share` is the share of the corridor's area."""

    banks: tuple[BankCoverage, ...]
    uncovered: tuple[Uncovered, ...]
    area_share: float

    @property
    def metres(self) -> float:
        return sum(bank.metres for bank in self.banks)

    @property
    def seen_m(self) -> float:
        return sum(bank.seen_m for bank in self.banks)

    @property
    def share(self) -> float:
        """Share of bank metres seen."""
        return self.seen_m / self.metres if self.metres else 1.0


@dataclass(frozen=True, slots=True)
class Flight:
    """A sortie in the timetable, seconds after the operation's start. `site` is where it starts
    and lands; `drone` is which of the crew's flies."""

    crew: int
    drone: int
    sortie: int
    site: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Operation:
    """Who flies what when, and how near the total is to the least possible.

    `operating_s` runs from the first take-off to the last landing. `lower_bound_s` is proven for
    every way of flying these lanes from these sites; `bound_method` says how.
    """

    operating_s: float
    lower_bound_s: float
    bound_method: str
    flight_s: float
    ferry_s: float
    ground_s: float
    flights: tuple[Flight, ...]

    @property
    def gap_share(self) -> float:
        """How much longer than the bound, as a share of the operating time."""
        return 1.0 - self.lower_bound_s / self.operating_s if self.operating_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that flying, exporting and checking need."""

    area: str
    settings: PlanSettings
    projection: LocalProjection
    rivers: tuple[River, ...]
    launch_sites: tuple[LaunchSite, ...]
    no_fly_zones: tuple[Zone, ...]
    reaches: tuple[Reach, ...]
    lanes: tuple[Lane, ...]
    sorties: tuple[Sortie, ...]
    certificate: Certificate
    operation: Operation
    terrain: Terrain | None = None
    notes: tuple[str, ...] = ()

    @property
    def camera_model(self) -> Camera:
        """The camera at the size it records."""
        return self.settings.camera_model

    @property
    def height_agl_m(self) -> float:
        """Height above ground that gives the GSD."""
        return self.settings.height_m

    def sortie(self, number: int) -> Sortie:
        """The sortie with this id; raises PlanFileError naming those that there are."""
        for sortie in self.sorties:
            if sortie.id == number:
                return sortie
        raise PlanFileError(
            f"the plan has no sortie {number}; it has {', '.join(str(s.id) for s in self.sorties)}"
        )

    def lane(self, name: str) -> Lane:
        """The lane with this id; raises PlanFileError."""
        for lane in self.lanes:
            if lane.id == name:
                return lane
        raise PlanFileError(f"the plan has no lane {name!r}")

    def write(self, path: Path) -> None:
        """Write JSON, whole or not at all; `path` is the file or the patrol's folder."""
        from patrol.plan_files.writer import plan_text  # it takes the classes above

        write_text(_file(path), plan_text(self))

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Read a plan; `path` is the file or the patrol's folder. Raises PlanFileError."""
        from patrol.plan_files.reader import read_plan  # it builds the classes above

        return read_plan(_file(path))


def _file(path: Path) -> Path:
    return path if path.suffix == ".json" else path / PLAN_NAME
