"""What can be made to go wrong with a simulated vehicle, and how it is written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from patrol.errors import SimulationError

__all__ = ["PILOT_MODES", "Fault", "FaultKind"]

FaultKind = Literal[
    "gps", "glitch", "ekf", "battery", "sag", "link", "loss", "duplicate", "reorder", "latency",
    "arming", "item", "reboot", "gust", "pilot",
]  # fmt: skip
PILOT_MODES = ("LOITER", "STABILIZE", "ALT_HOLD", "BRAKE", "RTL", "LAND")

# The greatest value of those kinds that have one.
_VALUES: dict[str, float] = {
    "glitch": 10_000.0,  # metres
    "battery": 100.0,  # percent left
    "sag": 10.0,  # volts
    "loss": 90.0,  # percent of messages
    "duplicate": 90.0,
    "reorder": 90.0,
    "latency": 5.0,  # seconds
    "gust": 60.0,  # m/s
}
_AT_ONCE = ("arming", "loss", "duplicate", "reorder", "latency")  # may stand without a time
_HELP = (
    "KIND[@SECONDS][+LASTING][=VALUE] with gps, glitch=METRES, ekf, battery=PERCENT, sag=VOLTS, "
    "link, loss=PERCENT, duplicate=PERCENT, reorder=PERCENT, latency=SECONDS, reboot, gust=M_S, "
    "pilot=MODE, arming, or item@SEQUENCE; seconds after take-off"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong `at` seconds after take-off, for `lasts` seconds or for ever.

    `gps` loses the fix, `glitch` moves it by `value` metres, `ekf` spoils the position estimate,
    `battery` drops to `value` percent, `sag` takes `value` volts off it, `link` is silent both
    ways, `loss`, `duplicate` and `reorder` happen to `value` percent of the messages either way
    and `latency` delays them by `value` seconds (at 0: from power-on), `arming` is refused,
    mission item number `at` is refused, `reboot` restarts the autopilot, `gust` is a wind of
    `value` m/s, `pilot` is the remote control choosing `mode`, and AUTO again after `lasts`.
    """

    kind: FaultKind
    at: float = 0.0
    value: float = 0.0
    lasts: float | None = None
    mode: str = ""

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read 'gps@60', 'gps@60+10', 'battery@30=15', 'loss=20', 'pilot@60=LOITER', 'item@3'."""
        head, equals, value_text = text.strip().partition("=")
        head, plus, lasts_text = head.partition("+")
        kind, _, at_text = head.partition("@")
        mode = ""
        try:
            at = float(at_text) if at_text else 0.0
            lasts = float(lasts_text) if plus else None
            if kind == "pilot":
                mode, value = value_text, 0.0
            else:
                value = float(value_text) if value_text else 0.0
        except ValueError:
            raise SimulationError(f"fault {text!r}: not a number; write {_HELP}") from None
        wrong = (
            kind not in get_args(FaultKind)
            or (not at_text and kind not in _AT_ONCE)
            or bool(equals) != (kind in _VALUES or kind == "pilot")
            or (kind == "pilot") != (mode in PILOT_MODES)
            or not (math.isfinite(at) and 0 <= at <= 1e6)
            or (kind == "item" and at != int(at))
            or (lasts is not None and not (math.isfinite(lasts) and 0 < lasts <= 1e6))
            or not 0 <= value <= _VALUES.get(kind, 0.0)
        )
        if wrong:
            raise SimulationError(f"fault {text!r}: write {_HELP}")
        return cls(kind, at, value, lasts, mode)  # type: ignore[arg-type]

    def __str__(self) -> str:
        lasts = "" if self.lasts is None else f"+{self.lasts!r}"
        value = f"={self.mode}" if self.mode else f"={self.value!r}" if self.kind in _VALUES else ""
        return f"{self.kind}@{self.at!r}{lasts}{value}"

    def is_on(self, flown_s: float) -> bool:
        """Whether it holds at a time after take-off."""
        return flown_s >= self.at and (self.lasts is None or flown_s < self.at + self.lasts)
