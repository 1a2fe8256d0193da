"""What a simulated vehicle is started with, and the faults it can be asked to have."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from geo.coordinates import LonLat
from patrol.errors import SimulationError

__all__ = ["Fault", "FaultKind", "VehicleSettings"]

FaultKind = Literal["gps", "battery", "link", "arming", "item"]

_FAULT_HELP = (
    "gps@SECONDS, battery@SECONDS=PERCENT, link@SECONDS, arming, or item@SEQUENCE "
    "(seconds after take-off)"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong.

    `gps` loses the fix and `link` falls silent `at` seconds after take-off; `battery` drops to
    `value` percent then; `arming` is refused; mission item number `at` is refused.
    """

    kind: FaultKind
    at: float = 0.0
    value: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read 'gps@60', 'battery@30=15', 'link@45', 'arming' or 'item@3'."""
        kind, _, rest = text.partition("@")
        at_text, equals, value_text = rest.partition("=")
        try:
            at = float(at_text) if at_text else 0.0
            value = float(value_text) if value_text else 0.0
        except ValueError:
            raise SimulationError(f"fault {text!r}: not a number; write {_FAULT_HELP}") from None
        wrong = (
            kind not in get_args(FaultKind)
            or (kind != "arming" and not at_text)
            or (kind == "battery") != bool(equals)
            or not (math.isfinite(at) and at >= 0)
            or not 0 <= value <= 100
        )
        if wrong:
            raise SimulationError(f"fault {text!r}: write {_FAULT_HELP}")
        return cls(kind, at, value)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class VehicleSettings:
    """A simulated multicopter at its launch site.

    `start_s` is UTC in seconds since 1970 at power-on. `speedup` is how many seconds pass on
    board in one second of wall time (at most: the vehicle waits for a ground station that answers
    its pings); on the ground and disarmed it is at most `ground_speedup`, so that a person's or a
    program's hand-shakes are not hurried past the autopilot's time limits. `wind_from_deg` None
    takes a direction from the seed. `port` 0 takes a free one.
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
    faults: tuple[Fault, ...] = field(default=())

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
        return cls(**values)
