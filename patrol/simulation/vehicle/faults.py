"""What can be made to go wrong with a simulated vehicle, and how it is written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from patrol.errors import SimulationError

__all__ = ["PILOT_MODES", "RADIO_FAULTS", "Fault", "FaultKind", "read_faults"]

FaultKind = Literal[
    "gps", "glitch", "ekf", "battery", "sag", "link", "loss", "duplicate", "reorder", "latency",
    "arming", "item", "reboot", "gust", "pilot",
]  # fmt: skip
PILOT_MODES = ("LOITER", "STABILIZE", "ALT_HOLD", "BRAKE", "RTL", "LAND")
RADIO_FAULTS: tuple[FaultKind, ...] = ("loss", "duplicate", "reorder", "latency")

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
_AT_ONCE = ("arming", *RADIO_FAULTS)  # may stand without a time
_LASTING = ("gps", "glitch", "ekf", "sag", "link", "gust", "pilot", *RADIO_FAULTS)
_MOST_S = 1e6
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
    and `latency` delays them by `value` seconds of wall time (at 0: from power-on), `arming` is
    refused, mission item number `at` is refused, `reboot` restarts the autopilot, `gust` is a wind
    of `value` m/s more, `pilot` is the remote control choosing `mode`, and AUTO again after
    `lasts`.
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
        kind, mark, at_text = head.partition("@")
        mode = ""
        try:
            at = float(at_text) if mark else 0.0
            lasts = float(lasts_text) if plus else None
            if kind == "pilot":
                mode, value = value_text.upper(), 0.0
            else:
                value = float(value_text) if equals else 0.0
        except ValueError:
            raise SimulationError(f"fault {text!r}: not a number; write {_HELP}") from None
        wrong = (
            kind not in get_args(FaultKind)
            or (not mark and kind not in _AT_ONCE)
            or bool(equals) != (kind in _VALUES or kind == "pilot")
            or (kind == "pilot") != (mode in PILOT_MODES)
            or not (math.isfinite(at) and 0 <= at <= _MOST_S)
            or (kind == "item" and at != int(at))
            or (kind == "arming" and at != 0)
            or (plus and kind not in _LASTING)
            or (lasts is not None and not (math.isfinite(lasts) and 0 < lasts <= _MOST_S))
            or not 0 <= value <= _VALUES.get(kind, 0.0)
        )
        if wrong:
            raise SimulationError(f"fault {text!r}: write {_HELP}")
        return cls(kind, at, value, lasts, mode)  # type: ignore[arg-type]

    def __str__(self) -> str:
        at = "" if self.kind in _AT_ONCE and not self.at else f"@{_plain(self.at)}"
        lasts = "" if self.lasts is None else f"+{_plain(self.lasts)}"
        value = self.mode or (_plain(self.value) if self.kind in _VALUES else "")
        return f"{self.kind}{at}{lasts}{'=' if value else ''}{value}"

    def is_on(self, since_s: float) -> bool:
        """Whether it holds so long after the moment that `at` counts from."""
        return since_s >= self.at and (self.lasts is None or since_s < self.at + self.lasts)


def _plain(value: float) -> str:
    return repr(value).removesuffix(".0")


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Faults of a file, one a line; what follows a # is a comment."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SimulationError(f"{path}: cannot be read ({error})") from None
    found = []
    for number, line in enumerate(lines, 1):
        text = line.split("#")[0].strip()
        try:
            found += [Fault.parse(text)] if text else []
        except SimulationError as error:
            raise SimulationError(f"{path}, line {number}: {error}") from None
    return tuple(found)
