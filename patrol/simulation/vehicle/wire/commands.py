"""Messages and commands from the ground station, each to what it does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.coordinates import LonLat
from geo.errors import CoordinateError
from patrol.simulation.vehicle.autopilot import Autopilot
from patrol.simulation.vehicle.guards.contact import Contact
from patrol.simulation.vehicle.guards.fence import ALL_FENCES
from patrol.simulation.vehicle.vehicle import MODES
from patrol.simulation.vehicle.wire.streams import Streams

__all__ = ["CommandDesk"]

ACCEPTED: int = mavlink.MAV_RESULT_ACCEPTED
DENIED: int = mavlink.MAV_RESULT_DENIED
FAILED: int = mavlink.MAV_RESULT_FAILED
UNSUPPORTED: int = mavlink.MAV_RESULT_UNSUPPORTED

_LIST_MESSAGES = (
    "MISSION_COUNT",
    "MISSION_REQUEST_LIST",
    "MISSION_REQUEST",
    "MISSION_REQUEST_INT",
    "MISSION_CLEAR_ALL",
    "MISSION_WRITE_PARTIAL_LIST",
)
_FORCE_MAGIC = 21196.0


def _answer(done: bool, otherwise: int = FAILED) -> int:
    return ACCEPTED if done else otherwise


class CommandDesk:
    """Takes decoded messages of a ground station; what it does not know it leaves unanswered,
    except commands, which are always acknowledged."""

    def __init__(
        self, autopilot: Autopilot, streams: Streams, contact: Contact | None = None
    ) -> None:
        self._ap = autopilot
        self._streams = streams
        self._contact = contact or Contact()
        ap = autopilot
        self._commands: dict[int, Callable[[tuple[float, ...]], int]] = {
            mavlink.MAV_CMD_COMPONENT_ARM_DISARM: self._arm_disarm,
            mavlink.MAV_CMD_DO_SET_MODE: lambda p: _answer(ap.set_mode(_whole(p[1]))),
            mavlink.MAV_CMD_NAV_TAKEOFF: lambda p: _answer(ap.take_off(p[6])),
            mavlink.MAV_CMD_NAV_LAND: lambda p: _answer(ap.set_mode(MODES["LAND"])),
            mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: lambda p: _answer(ap.set_mode(MODES["RTL"])),
            mavlink.MAV_CMD_MISSION_START: self._mission_start,
            mavlink.MAV_CMD_DO_SET_MISSION_CURRENT: lambda p: _answer(
                ap.set_current(_whole(p[0])), DENIED
            ),
            mavlink.MAV_CMD_DO_CHANGE_SPEED: lambda p: _answer(ap.change_speed(p[1]), DENIED),
            mavlink.MAV_CMD_DO_MOUNT_CONTROL: lambda p: _answer(ap.camera.point(p[0]), DENIED),
            mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW: lambda p: _answer(
                ap.camera.point(p[0]), DENIED
            ),
            mavlink.MAV_CMD_DO_PAUSE_CONTINUE: self._pause_continue,
            mavlink.MAV_CMD_DO_FENCE_ENABLE: self._fence_enable,
            mavlink.MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN: self._reboot,
            mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST: lambda p: _answer(ap.trigger(p[0]), DENIED),
            mavlink.MAV_CMD_DO_DIGICAM_CONTROL: lambda p: _answer(ap.shoot()),
            mavlink.MAV_CMD_IMAGE_START_CAPTURE: lambda p: _answer(ap.shoot()),
            mavlink.MAV_CMD_VIDEO_START_CAPTURE: lambda p: _answer(ap.record(True)),
            mavlink.MAV_CMD_VIDEO_STOP_CAPTURE: lambda p: _answer(ap.record(False)),
            mavlink.MAV_CMD_SET_MESSAGE_INTERVAL: self._set_interval,
            mavlink.MAV_CMD_GET_MESSAGE_INTERVAL: self._get_interval,
            mavlink.MAV_CMD_REQUEST_MESSAGE: lambda p: self._request(_whole(p[0])),
            mavlink.MAV_CMD_REQUEST_AUTOPILOT_CAPABILITIES: lambda p: self._request(
                mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION
            ),
            mavlink.MAV_CMD_GET_HOME_POSITION: lambda p: self._request(
                mavlink.MAVLINK_MSG_ID_HOME_POSITION
            ),
        }
        self._messages: dict[str, Callable[[Any, float], None]] = {
            **dict.fromkeys(_LIST_MESSAGES, self._on_list),
            "HEARTBEAT": self._on_heartbeat,
            "PING": self._on_ping,
            "COMMAND_LONG": self._on_command_long,
            "COMMAND_INT": self._on_command_int,
            "SET_MODE": lambda m, now: self._discard(ap.set_mode(m.custom_mode)),
            "REQUEST_DATA_STREAM": lambda m, now: streams.set_group(
                m.req_stream_id, m.req_message_rate, on=m.start_stop == 1
            ),
            "PARAM_REQUEST_LIST": lambda m, now: self._all_parameters(),
            "PARAM_REQUEST_READ": lambda m, now: self._read_parameter(m),
            "PARAM_SET": lambda m, now: self._set_parameter(m),
            "MISSION_ITEM": self._on_item,
            "MISSION_ITEM_INT": self._on_item,
            "MISSION_SET_CURRENT": lambda m, now: self._discard(ap.set_current(m.seq)),
            "SET_POSITION_TARGET_GLOBAL_INT": self._on_position_target,
        }

    def handle(self, message: Any, now_s: float) -> None:
        """Act on a message; `now_s` is wall time."""
        handler = self._messages.get(message.get_type())
        if handler is None:
            return
        target = getattr(message, "target_system", 0)
        if target in (0, int(self._ap.parameters["SYSID_THISMAV"])):
            handler(message, now_s)

    @staticmethod
    def _discard(_done: bool) -> None:
        """The outcome is told by heartbeat or STATUSTEXT, not by an answer."""

    # -- messages ------------------------------------------------------------------------------

    def _on_heartbeat(self, message: Any, now_s: float) -> None:
        if message.type == mavlink.MAV_TYPE_GCS:
            self._contact.heartbeat(self._ap.time_s, now_s)

    def _on_ping(self, message: Any, now_s: float) -> None:
        if message.target_system == 0:
            self._ap.send(
                mavlink.MAVLink_ping_message(
                    message.time_usec, message.seq, message.get_srcSystem(),
                    message.get_srcComponent(),
                )
            )  # fmt: skip
        else:
            self._contact.answered(message.seq, self._ap.time_s)

    def _on_item(self, message: Any, now_s: float) -> None:
        if message.get_type() == "MISSION_ITEM" and message.current in (2, 3):
            self._guided(message.x, message.y, message.z)
            return
        self._on_list(message, now_s)

    def _on_list(self, message: Any, now_s: float) -> None:
        """A message of the mission protocol."""
        ap = self._ap
        busy = ap.flying and ap.mode == MODES["AUTO"]
        ap.lists.handle(message, now_s, current=ap.current_seq, busy=busy)

    def _on_position_target(self, message: Any, now_s: float) -> None:
        if not message.type_mask & 0b111:  # position wanted
            self._guided(message.lat_int / 1e7, message.lon_int / 1e7, message.alt)

    def _guided(self, lat_deg: float, lon_deg: float, above_home_m: float) -> bool:
        try:
            target = LonLat(lon_deg, lat_deg)
        except CoordinateError:
            return False
        home = self._ap.home_position()
        near = max(abs(target.lat_deg - home.lat_deg), abs(target.lon_deg - home.lon_deg)) < 0.5
        if not near or not (math.isfinite(above_home_m) and 0 < above_home_m < 1000):
            return False
        return self._ap.go_to(target, above_home_m)

    def _on_command_long(self, message: Any, now_s: float) -> None:
        params = tuple(getattr(message, f"param{i}") for i in range(1, 8))
        self._command(message, params)

    def _on_command_int(self, message: Any, now_s: float) -> None:
        if message.command == mavlink.MAV_CMD_DO_REPOSITION:
            moved = self._guided(message.x / 1e7, message.y / 1e7, message.z)
            self._acknowledge(message, _answer(moved, DENIED))
            return
        params = (message.param1, message.param2, message.param3, message.param4)
        self._command(message, (*params, float(message.x), float(message.y), message.z))

    def _command(self, message: Any, params: tuple[float, ...]) -> None:
        action = self._commands.get(message.command)
        if action is None:
            result = UNSUPPORTED
        else:
            # An unused parameter may be NaN; a used one that is not finite is denied below.
            try:
                result = action(params)
            except (ValueError, OverflowError):  # _whole() of NaN or infinity
                result = DENIED
        self._acknowledge(message, result)

    def _acknowledge(self, message: Any, result: int) -> None:
        self._ap.send(
            mavlink.MAVLink_command_ack_message(
                message.command, result, 0, 0, message.get_srcSystem(), message.get_srcComponent()
            )
        )

    # -- commands ------------------------------------------------------------------------------

    def _arm_disarm(self, p: tuple[float, ...]) -> int:
        if p[0] == 1:
            return _answer(self._ap.arm())
        return _answer(p[0] == 0 and self._ap.disarm(force=p[1] == _FORCE_MAGIC))

    def _mission_start(self, p: tuple[float, ...]) -> int:
        if p[0] != 0 or p[1] != 0:  # first and last item are not supported
            return DENIED
        return _answer(self._ap.start_mission())

    def _pause_continue(self, p: tuple[float, ...]) -> int:
        if p[0] not in (0, 1):
            return DENIED
        hold = p[0] == 0
        done = self._ap.pause(hold=hold)
        if not done:
            text = "Failed to pause" if hold else "Failed to resume"
            self._ap.say(mavlink.MAV_SEVERITY_INFO, text)
        return _answer(done)

    def _fence_enable(self, p: tuple[float, ...]) -> int:
        kinds = _whole(p[1]) & ALL_FENCES or ALL_FENCES
        if p[0] == 2:  # the floor, which it does not have
            return ACCEPTED
        return _answer(p[0] in (0, 1) and self._ap.fence.switch(p[0] == 1, kinds))

    def _reboot(self, p: tuple[float, ...]) -> int:
        if self._ap.armed:
            return FAILED
        if p[0] not in (1, 3):
            return UNSUPPORTED
        self._ap.wants_reboot = True
        return ACCEPTED

    def _set_interval(self, p: tuple[float, ...]) -> int:
        return _answer(self._streams.set_interval(_whole(p[0]), p[1] / 1e6), DENIED)

    def _get_interval(self, p: tuple[float, ...]) -> int:
        message_id = _whole(p[0])
        interval = self._streams.interval_s(message_id)
        if interval is None:
            return DENIED
        us = round(interval * 1e6) if interval > 0 else -1
        self._ap.send(mavlink.MAVLink_message_interval_message(message_id, us))
        return ACCEPTED

    def _request(self, message_id: int) -> int:
        message = self._streams.one(message_id)
        if message is None:
            return DENIED
        self._ap.send(message)
        return ACCEPTED

    # -- parameters ----------------------------------------------------------------------------

    def _all_parameters(self) -> None:
        for name in self._ap.parameters.names():
            self._send_parameter(name)

    def _read_parameter(self, message: Any) -> None:
        names = self._ap.parameters.names()
        if message.param_index >= 0:
            name = names[message.param_index] if message.param_index < len(names) else ""
        else:
            name = message.param_id
        if name in self._ap.parameters:
            self._send_parameter(name)

    def _set_parameter(self, message: Any) -> None:
        if message.param_id in self._ap.parameters:  # an unknown one gets no answer, as ArduPilot
            self._ap.parameters.set(message.param_id, message.param_value)
            self._send_parameter(message.param_id)

    def _send_parameter(self, name: str) -> None:
        parameters = self._ap.parameters
        self._ap.send(
            mavlink.MAVLink_param_value_message(
                name.encode(), parameters[name], mavlink.MAV_PARAM_TYPE_REAL32, len(parameters),
                parameters.index(name),
            )
        )  # fmt: skip


def _whole(value: float) -> int:
    """A number that should be whole; raises ValueError or OverflowError where it is not finite."""
    return int(value)
