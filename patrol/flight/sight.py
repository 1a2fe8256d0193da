"""What is seen of a vehicle at one moment, where its flight stands, and what may be ordered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Literal

from patrol.flight.link import StatusText

__all__ = ["Ending", "Limits", "Order", "Phase", "Sight"]


class Phase(StrEnum):
    """Where a sortie stands."""

    CHECKING = "checking"
    LOADING = "loading"
    ARMING = "arming"
    TAKEOFF = "takeoff"
    MISSION = "mission"
    PAUSED = "paused"
    RETURNING = "returning"
    LANDING = "landing"
    PILOT = "pilot"
    LOST = "lost"
    LANDED = "landed"


class Ending(IntEnum):
    """How a sortie ended; the number is the exit code of `patrol fly`."""

    COMPLETE = 0
    REFUSED = 1  # nothing was armed
    BROKEN_OFF = 3  # on the ground, with something left to fly
    LOST = 4  # no contact: what became of the vehicle is not known
    PILOT = 5  # the pilot took it down
    STOPPED = 130  # by the operator, as shells have it for Ctrl-C


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a flight. Times named `wall` are of the ground's clock, others of the vehicle's."""

    launch_within_m: float = 50.0
    ready_wall_s: float = 120.0  # until GPS and position estimate are good
    arm_wall_s: float = 15.0
    lost_wall_s: float = 300.0  # waited for a lost vehicle
    stall_s: float = 120.0  # without moving 3 m or reaching an item
    blind_s: float = 10.0  # without GPS or position estimate
    outside_s: float = 3.0  # beyond the fence
    explain_s: float = 3.0  # until a change of mode must have been explained
    pilot_s: float = 1800.0  # watched while the pilot flies
    again_s: float = 2.0  # until an order is repeated
    again_wall_s: float = 0.2
    free_mb: float = 50.0  # on the disk that records


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of the vehicle at one moment.

    `need_pct` is the charge that the way home takes from here. `texts` are the STATUSTEXTs since
    the last sight, `contact_s` is when, on the vehicle's clock, it was last heard again after a
    gap, `silent` says why the link counts as lost, `record_failed` why nothing can be
    written.
    """

    wall_s: float
    boot_s: float
    mode: str
    armed: bool
    seq: int = 0
    moved_m: float = 0.0
    battery_pct: float | None = None
    need_pct: float = 0.0
    has_fix: bool = True
    ekf_ok: bool = True
    fence_breached: bool = False
    reboots: int = 0
    contact_s: float = -1e9
    silent: str | None = None
    record_failed: str | None = None
    texts: tuple[StatusText, ...] = ()


# `speed`: that of the mission's present leg once more, which ArduCopter forgets in other modes.
OrderKind = Literal["mode", "pause", "go_on", "skip", "camera_off", "speed"]


@dataclass(frozen=True, slots=True)
class Order:
    kind: OrderKind
    mode: str = ""
