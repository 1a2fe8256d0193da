"""What must be so before a vehicle is armed: each check by name, all complaints at once.

What a ground station's checklist asks for (QGroundControl's pre-flight list, ArduPilot's pre-arm
checks) as far as the vehicle tells it over MAVLink.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

from geo.coordinates import LocalProjection
from patrol.errors import FlightError
from patrol.flight import dronekit_compat as dk
from patrol.flight.link import Link
from patrol.flight.loadout import Loadout, fence_complaint
from patrol.flight.record.recorder import Recorder
from patrol.flight.sight import Limits
from patrol.flight.transfer import (
    ItemKind,
    MissionClient,
    WireItem,
    fence_items,
    load,
    rally_items,
    wire_items,
)

__all__ = ["Preflight", "ask_for_messages"]

_OLDEST = (4, 1, 0)  # pauses in AUTO, fences and rally points by the mission protocol
_POSE_MESSAGES = (30, 33, 265, 285)  # ATTITUDE, GLOBAL_POSITION_INT, mount and gimbal attitude
_SLOW_MESSAGES = (2, 1, 24, 193, 42, 162, 262)  # time, status, GPS, EKF, mission, fence, camera
_POSE_US, _SLOW_US = 100_000, 1_000_000
_AUTOPILOT_VERSION = 148
# The upper ends of what ArduPilot's parameter reference has for these two.
_ACCEL_CM_S2, _JERK_M_S3 = 500.0, 20.0
_LATE = 1.05  # of the planned time: worth doing something about
_NO_CARD_MB = 200.0
_KINDS = {0: "generic", 1: "plane", 6: "ground station", 10: "rover", 11: "boat", 12: "submarine"}


def ask_for_messages(link: Link, *, wait: bool) -> None:
    """Ask for poses ten times a second and for the rest once; `wait` for each to be granted."""
    do = link.command if wait else link.tell
    for message_id in (*_POSE_MESSAGES, *_SLOW_MESSAGES):
        every_us = _POSE_US if message_id in _POSE_MESSAGES else _SLOW_US
        do(dk.mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, float(message_id), float(every_us))


class Preflight:
    """The checks and the loading of one sortie. Raises FlightError; nothing is armed then.

    `say` logs (level, text). Parameters that are changed for the flight are put back by
    `put_back`.
    """

    def __init__(
        self,
        link: Link,
        recorder: Recorder,
        loadout: Loadout,
        folder: Path,
        limits: Limits,
        say: Callable[[str, str], None],
    ) -> None:
        self._link = link
        self._recorder = recorder
        self._loadout = loadout
        self._folder = folder
        self._limits = limits
        self._say = say
        self._before: dict[str, float] = {}

    # -- checks --------------------------------------------------------------------------------

    def check(self) -> None:
        """Everything but the lists; waits for what only takes time."""
        self._vehicle()
        link, limits = self._link, self._limits
        ask_for_messages(link, wait=True)
        if link.armed:
            raise FlightError("the vehicle is armed already; land and disarm it first")
        self._wait(lambda: link.fix_type >= 3, limits.ready_wall_s, "GPS has no 3-D fix")
        self._wait(lambda: link.ekf_ok, limits.ready_wall_s, "its position estimate is not good")
        self._wait(lambda: self._recorder.time_s is not None, 10.0, "it does not tell its time")
        link.home = None
        self._wait(self._home_told, 30.0, "it does not tell its home position")
        complaints = [
            complaint
            for complaint in (self._place(), self._battery(), self._storage(), self._camera())
            if complaint is not None
        ]
        if complaints:
            raise FlightError("; ".join(complaints))
        self._say("info", "检查通过 GPS, position, place, battery and storage checked")

    def _vehicle(self) -> None:
        link = self._link
        link.wait(lambda: link.vehicle_type >= 0, 5.0)
        if not link.is_copter:
            kind = _KINDS.get(link.vehicle_type, f"vehicle of type {link.vehicle_type}")
            pilot = "ArduPilot" if link.autopilot == 3 else f"autopilot {link.autopilot}"
            raise FlightError(
                f"this is a {kind} with {pilot}, and a patrol needs a multicopter with ArduPilot "
                "(ArduCopter)"
            )
        for _ in range(5):
            if link.version is None:
                link.tell(dk.mavlink.MAV_CMD_REQUEST_MESSAGE, _AUTOPILOT_VERSION)
                link.tell(dk.mavlink.MAV_CMD_REQUEST_AUTOPILOT_CAPABILITIES, 1)
                link.wait(lambda: link.version is not None, 1.0)
        if link.version is None:
            raise FlightError("the vehicle does not tell its firmware's version")
        told = ".".join(str(part) for part in link.version)
        if link.version < _OLDEST:
            raise FlightError(f"its firmware is ArduCopter {told}; 4.1 or newer is needed")
        self._say("info", f"飞控 ArduCopter {told}")

    def _wait(self, condition: Callable[[], bool], timeout_s: float, complaint: str) -> None:
        if not self._link.wait(condition, timeout_s):
            reason = self._link.warning()
            raise FlightError(
                f"the vehicle is not ready to fly: {complaint} after {timeout_s:.0f} s"
                + (f" ({reason})" if reason else "")
            )

    def _home_told(self) -> bool:
        if self._link.home is None:  # it is filled some time after the first fix
            self._link.command(dk.mavlink.MAV_CMD_GET_HOME_POSITION, timeout_s=2.0)
            self._link.wait(lambda: self._link.home is not None, 0.5)
        return self._link.home is not None

    def _place(self) -> str | None:
        assert self._link.home is not None
        lon, lat = self._link.home
        launch = self._loadout.launch
        [[east, north]] = LocalProjection(launch).forward([[lon, lat]])
        away = math.hypot(float(east), float(north))
        if away <= self._limits.launch_within_m:
            return None
        return (
            f"the vehicle's home is {away:.0f} m from the launch site "
            f"({launch.lon_deg:.6f}, {launch.lat_deg:.6f}), more than "
            f"{self._limits.launch_within_m:.0f} m: carry it there, or fly a plan for its place"
        )

    def _battery(self) -> str | None:
        percent, need = self._link.battery_pct, 100.0 * self._loadout.energy_share
        if percent is None or percent >= need:
            return None
        return (
            f"the battery is at {percent:.0f} % and the sortie is planned to use {need:.0f} %; "
            "put in a charged one"
        )

    def _storage(self) -> str | None:
        free_mb = shutil.disk_usage(self._folder).free / 1e6
        if free_mb >= self._limits.free_mb:
            return None
        return f"{self._folder}: {free_mb:.0f} MB free, too little for the record; make room"

    def _camera(self) -> str | None:
        left = self._link.storage_mb
        if left is None or left >= _NO_CARD_MB:
            return None
        return f"the camera's card has {left:.0f} MB left; put in an empty one"

    # -- loading -------------------------------------------------------------------------------

    def load(self) -> None:
        """Fence, rally point, parameters, and last the mission: each read back and compared."""
        link, loadout = self._link, self._loadout
        complaint = fence_complaint(loadout)
        if complaint:
            raise FlightError(complaint)
        with link.channel() as channel:
            client = MissionClient(channel, (link.vehicle._handler.target_system, 1))
            rally = rally_items([(loadout.launch, loadout.return_m)])
            self._load(client, ItemKind.FENCE, fence_items(loadout.keep_in, loadout.keep_out))
            self._load(client, ItemKind.RALLY, rally)
            self._parameters()
            self._load(client, ItemKind.MISSION, wire_items(loadout.items))

    def _load(self, client: MissionClient, kind: ItemKind, items: list[WireItem]) -> None:
        said = self._link.said
        try:
            loaded = load(client, kind, items)
        except FlightError as error:
            reason = self._link.warning(said)
            raise FlightError(f"{error} ({reason})" if reason else str(error)) from None
        how = "已在机上 was there" if loaded.was_there else "已上传 uploaded"
        self._say(
            "info", f"{kind.label}: {how}, 逐项核对 {len(items)} items read back and compared"
        )

    def _parameters(self) -> None:
        """The fence on, the return height set, the failsafe for a lost ground station on."""
        ceiling_m, return_m = self._loadout.ceiling_m, self._loadout.return_m
        wanted = {
            "RTL_ALT": round(100 * return_m),
            "FENCE_TYPE": 1 + 4,  # greatest height and polygons
            "FENCE_ALT_MAX": ceiling_m,
            "FENCE_ACTION": 1,  # return, or land where it cannot
            "FENCE_ENABLE": 1,
        }
        for name, value in wanted.items():
            self._set(name, float(value), essential=True)
        self._pace()
        for name in ("FS_GCS_ENABLE", "FS_EKF_ACTION"):
            if self._link.parameter(name) == 0:
                self._set(name, 1.0, essential=False)
                self._say("warning", f"失控保护未开，已打开 {name} was off and is now on")

    def _pace(self) -> None:
        """The agility that the mission's speeds need. ArduCopter flies each leg as from rest to
        rest: at its defaults of 2.5 m/s^2 and 1 m/s^3 a leg of 30 m is flown at 6 m/s, whatever
        speed is asked for."""
        accel, jerk = self._link.parameter("WPNAV_ACCEL"), self._link.parameter("WPNAV_JERK")
        if accel is None or jerk is None:
            return
        slow = self._loadout.pace(accel / 100.0, max(jerk, 0.1))
        if slow > _LATE:
            self._set("WPNAV_ACCEL", max(accel, _ACCEL_CM_S2), essential=False)
            self._set("WPNAV_JERK", max(jerk, _JERK_M_S3), essential=False)
            accel = self._link.parameter("WPNAV_ACCEL") or accel
            jerk = self._link.parameter("WPNAV_JERK") or jerk
            slow = self._loadout.pace(accel / 100.0, max(jerk, 0.1))
            self._say(
                "info", f"机动性已调 WPNAV_ACCEL {accel:g} and WPNAV_JERK {jerk:g} for this flight"
            )
        percent, need = self._link.battery_pct, 100.0 * self._loadout.energy_share * slow
        if slow > _LATE:
            self._say(
                "warning",
                "弯道多，飞得比计划慢 short legs: it will take up to "
                f"{100 * (slow - 1):.0f} % longer than planned",
            )
        if percent is not None and percent < need:
            raise FlightError(
                f"the battery is at {percent:.0f} % and the sortie takes up to {need:.0f} % with "
                "the vehicle's own acceleration limits; plan with a lower --speed"
            )

    def _set(self, name: str, value: float, *, essential: bool) -> None:
        before = self._link.parameter(name)
        if before is not None and abs(before - value) < 1e-6 * max(abs(value), 1.0):
            return
        if before is None or not self._link.set_parameter(name, value):
            if essential:
                raise FlightError(f"the vehicle does not take the parameter {name} = {value:g}")
            return
        self._before.setdefault(name, before)

    def put_back(self) -> None:
        """Set the parameters back to what they were before, as far as the vehicle listens."""
        for name, value in reversed(self._before.items()):
            try:
                if not self._link.set_parameter(name, value, timeout_s=2.0):
                    self._say("warning", f"参数未复原 {name} was not set back to {value:g}")
            except (FlightError, KeyboardInterrupt):
                return
        self._before.clear()
