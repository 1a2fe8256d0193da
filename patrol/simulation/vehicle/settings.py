"""What a simulated vehicle is started with, and the faults it can be asked to have."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from geo.coordinates import LonLat
from patrol.errors import SimulationError
from patrol.simulation.vehicle.faults import Fault

__all__ = ["VehicleSettings"]

VehicleType = Literal["copter", "plane", "px4"]


@dataclass(frozen=True, slots=True)
class VehicleSettings:
    """A simulated multicopter at its launch site.

    `start_s` is UTC in seconds since 1970 at power-on. `speedup` is how many seconds pass on
    board in one second of wall time (at most: the vehicle waits for a ground station that answers
    its pings); on the ground and disarmed it is at most `ground_speedup`, so that a person's or a
    program's hand-shakes are not hurried past the autopilot's time limits. `wind_from_deg` None
    takes a direction from the seed. `port` 0 takes a free one. `card_mb` is the room on the
    camera's memory card. `vehicle_type` and `firmware` are what it says it is: it flies as a
    copter whatever it says.
    """

    home: LonLat
    start_s: float
    home_msl_m: float = 20.0
    heading_deg: float = 0.0
    speedup: float = 30.0
    ground_speedup: float = 10.0
    seed: int = 0
    wind_m_s: float = 0.0
    wind_from_deg: float | None = None
    battery_wh: float = 77.0
    battery_pct: float = 100.0
    port: int = 0
    card_mb: float = 64_000.0
    faults: tuple[Fault, ...] = field(default=())
    vehicle_type: VehicleType = "copter"
    firmware: tuple[int, int, int] = (4, 6, 0)

    def __post_init__(self) -> None:
        for name, low, high in (
            ("start_s", 0.0, 1e11),
            ("home_msl_m", -500.0, 9000.0),
            ("speedup", 0.1, 1000.0),
            ("ground_speedup", 0.1, 1000.0),
            ("wind_m_s", 0.0, 20.0),
            ("battery_wh", 1.0, 10_000.0),
            ("battery_pct", 0.0, 100.0),
            ("port", 0, 65535),
            ("card_mb", 0.0, 1e7),
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise SimulationError(
                    f"simulated vehicle: {name} must be {low:g} to {high:g}, found {value:g}"
                )

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> VehicleSettings:
        values: dict[str, Any] = json.loads(text)
        values["home"] = LonLat(**values["home"])
        values["faults"] = tuple(Fault(**fault) for fault in values["faults"])
        values["firmware"] = tuple(values["firmware"])
        return cls(**values)
