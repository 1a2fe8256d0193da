"""One sortie: checks, mission, take-off, watch, landing; the record is kept however it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geo.coordinates import LocalProjection, LonLat
from patrol.errors import FlightError
from patrol.flight import dronekit_compat as dk
from patrol.flight.link import Interrupts, Link
from patrol.flight.recorder import Recorder
from patrol.flight.transfer import send_mission

if TYPE_CHECKING:
    from patrol.mission import MissionItem

__all__ = ["FlightRules", "SortieFlight"]

_RTL, _LAND = "RTL", "LAND"
_POSE_MESSAGES = (30, 33, 265, 285)  # ATTITUDE, GLOBAL_POSITION_INT, mount and gimbal attitude
_CAMERA_CAPTURE_STATUS = 262
_EVERY_US = 100_000  # 10 Hz


@dataclass(frozen=True, slots=True)
class FlightRules:
    """Limits of a flight. Times named `wall` are of the ground's clock, others of the vehicle's."""

    launch_within_m: float = 50.0
    ready_wall_s: float = 120.0  # until GPS and position estimate are good
    arm_wall_s: float = 15.0
    stall_s: float = 120.0  # without moving 3 m or reaching an item
    hold_s: float = 120.0  # in a mode that was not ours, without coming down


class SortieFlight:
    """Flies the mission `items` on the vehicle behind `link`, writing into `recorder`.

    `fly()` returns once the vehicle has landed and disarmed at the mission's end. It raises
    FlightError where the flight was refused or ended early, and KeyboardInterrupt after Ctrl-C;
    by then the vehicle is on the ground, unless the message says that the link was lost or the
    pilot has taken over.
    """

    def __init__(
        self,
        link: Link,
        items: Sequence[MissionItem],
        launch: LonLat,
        recorder: Recorder,
        *,
        rules: FlightRules | None = None,
        energy_share: float = 0.0,
        on_distance: Callable[[float], None] = lambda metres: None,
    ) -> None:
        """`energy_share` is the part of a full battery that the sortie is planned to use."""
        self._link = link
        self._items = items
        self._launch = launch
        self._recorder = recorder
        self._rules = rules or FlightRules()
        self._energy_share = energy_share
        self._on_distance = on_distance
        self._interrupts = Interrupts()
        self._failure: str | None = None
        self._said = 0

    def fly(self) -> None:
        with self._interrupts:
            try:
                self._prepare()
                self._take_off()
                self._watch()
            except (FlightError, KeyboardInterrupt):
                raise
            except Exception:
                # Something on the ground broke (a full disk, say): the vehicle is to come home.
                if self._link.armed and not self._link.lost:
                    self._link.vehicle.mode = dk.VehicleMode(_RTL)
                raise
            finally:
                self._recorder.active = False
        if self._interrupts.count:
            raise KeyboardInterrupt
        if self._failure:
            raise FlightError(self._failure)

    # -- before --------------------------------------------------------------------------------

    def _prepare(self) -> None:
        link, rules = self._link, self._rules
        self._ask_for_messages()
        if link.armed:
            raise FlightError("the vehicle is armed already; land and disarm it first")
        self._wait(lambda: link.fix_type >= 3, rules.ready_wall_s, "GPS has no 3-D fix")
        self._wait(lambda: link.ekf_ok, rules.ready_wall_s, "its position estimate is not good")
        self._wait(lambda: self._recorder.time_s is not None, 10.0, "it does not tell its time")
        self._ask_for_home()
        self._wait(lambda: link.home is not None, 30.0, "it does not tell its home position")
        self._check_place()
        self._check_battery()
        send_mission(link, self._items)
        self._recorder.say("info", f"航线已核对 mission of {len(self._items)} items verified")

    def _wait(self, condition: Callable[[], bool], timeout_s: float, complaint: str) -> None:
        if not self._link.wait(condition, timeout_s, interrupts=self._interrupts):
            reason = self._link.warning()
            raise FlightError(
                f"the vehicle is not ready to fly: {complaint} after {timeout_s:.0f} s"
                + (f" ({reason})" if reason else "")
            )

    def _ask_for_messages(self) -> None:
        for message_id in (*_POSE_MESSAGES, _CAMERA_CAPTURE_STATUS):
            every = _EVERY_US if message_id in _POSE_MESSAGES else 10 * _EVERY_US
            self._link.command(dk.mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, message_id, every)
        for message_id in (2, 1, 24, 193, 42):  # time, status, GPS, EKF, mission: once a second
            self._link.command(dk.mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, message_id, 1_000_000)

    def _ask_for_home(self) -> None:
        self._link.home = None
        self._link.command(dk.mavlink.MAV_CMD_GET_HOME_POSITION)

    def _check_place(self) -> None:
        assert self._link.home is not None
        lon, lat = self._link.home
        projection = LocalProjection(self._launch)
        [[east, north]] = projection.forward([[lon, lat]])
        away = math.hypot(float(east), float(north))
        if away > self._rules.launch_within_m:
            raise FlightError(
                f"the vehicle's home is {away:.0f} m from the launch site "
                f"({self._launch.lon_deg:.6f}, {self._launch.lat_deg:.6f}), more than "
                f"{self._rules.launch_within_m:.0f} m: carry it there, or fly a plan for its place"
            )

    def _check_battery(self) -> None:
        percent = self._link.battery_pct
        need = 100.0 * self._energy_share
        if percent is not None and percent < need:
            raise FlightError(
                f"the battery is at {percent:.0f} % and the sortie is planned to use {need:.0f} %; "
                "put in a charged one"
            )

    # -- take-off ------------------------------------------------------------------------------

    def _take_off(self) -> None:
        link = self._link
        link.set_mode("GUIDED")  # Copter cannot be armed in AUTO
        self._said = link.said
        deadline = time.monotonic() + self._rules.arm_wall_s
        while not link.armed:
            link.vehicle.armed = True
            if link.wait(lambda: link.armed, 1.0, interrupts=self._interrupts):
                break
            reason = link.warning(self._said)
            if "Arm:" in reason or time.monotonic() > deadline:  # "PreArm: …" or "Arm: …"
                reason = reason or "it does not say why"
                raise FlightError(f"the vehicle refuses to arm: {reason}")
        self._recorder.active = True
        # From here on Ctrl-C means: come home.
        result = link.command(dk.mavlink.MAV_CMD_MISSION_START)
        if result != dk.mavlink.MAV_RESULT_ACCEPTED:
            link.vehicle.armed = False
            reason = link.warning(self._said) or "no reason given"
            raise FlightError(f"the vehicle does not start the mission: {reason}")
        if not link.wait(lambda: link.mode == "AUTO" or not link.armed, 10.0):
            link.set_mode("AUTO")

    # -- in the air ----------------------------------------------------------------------------

    def _watch(self) -> None:
        """Until the vehicle is disarmed."""
        link, recorder = self._link, self._recorder
        commanded: str | None = None  # the mode we ordered on the way
        handled = 0  # interrupts acted upon
        left_auto_at: float | None = None
        moved_at, moved_m, moved_seq = recorder.boot_s, 0.0, 0
        while link.armed:
            reason = link.lost
            if reason:
                raise FlightError(self._lost(reason))
            link.check()
            with link.changed:
                link.changed.wait(0.05)
            self._on_distance(recorder.distance_m)
            if self._interrupts.count > handled:
                handled = self._interrupts.count
                commanded = self._come_down(handled)
            mode = link.mode
            if mode == "AUTO":
                left_auto_at = None
            elif commanded is None and self._failure is None:
                self._failure = self._left_auto(mode)
                recorder.say("error", self._failure)
                self._stop_camera()
            now = recorder.boot_s
            if mode not in ("AUTO", _RTL, _LAND):
                left_auto_at = now if left_auto_at is None else left_auto_at
                if now - left_auto_at > self._rules.hold_s:
                    raise FlightError(
                        f"the vehicle has stayed in mode {mode} for {self._rules.hold_s:.0f} s; "
                        "the pilot has it: land it by hand"
                    )
            if recorder.distance_m > moved_m + 3.0 or recorder.top_seq > moved_seq:
                moved_at, moved_m, moved_seq = now, recorder.distance_m, recorder.top_seq
            elif now - moved_at > self._rules.stall_s and mode == "AUTO" and commanded is None:
                self._failure = (
                    f"the mission stalls at item {link.mission_seq}: not moved for "
                    f"{self._rules.stall_s:.0f} s; called back"
                )
                recorder.say("error", self._failure)
                commanded = self._order(_RTL)
        self._finish(commanded)

    def _finish(self, commanded: str | None) -> None:
        """Landed and disarmed: was all of it flown?"""
        last = max(item.seq for item in self._items)
        if self._failure is None and commanded is None and self._recorder.top_seq < last:
            reason = self._link.warning(self._said)
            self._failure = f"the flight ended at item {self._recorder.top_seq} of {last}" + (
                f": {reason}" if reason else ""
            )

    def _left_auto(self, mode: str) -> str:
        reason = self._link.warning(self._said)
        item = self._recorder.top_seq
        what = f"the vehicle left the mission at item {item} and went to {mode}"
        return what + (f": {reason}" if reason else "; the pilot or a failsafe wanted so")

    def _lost(self, reason: str) -> str:
        text = self._link.warning(self._said)
        self._recorder.say("error", f"链路中断 link lost: {reason}")
        return (
            f"link lost in flight at item {self._recorder.top_seq}: {reason}"
            + (f" (the last it said: {text})" if text else "")
            + "; its own failsafe has to bring it home; what was received is kept"
        )

    def _come_down(self, times: int) -> str:
        """Ctrl-C: once is 'return', twice is 'land here', a third time gives up waiting."""
        if times >= 3:
            raise KeyboardInterrupt
        mode = _RTL if times == 1 else _LAND
        self._recorder.say("warning", f"操作员中止 stopped by the operator: {mode}")
        return self._order(mode)

    def _order(self, mode: str) -> str:
        self._link.set_mode(mode)
        self._stop_camera()
        return mode

    def _stop_camera(self) -> None:
        """Outside the mission nobody else stops the recording."""
        self._link.command(dk.mavlink.MAV_CMD_VIDEO_STOP_CAPTURE)
