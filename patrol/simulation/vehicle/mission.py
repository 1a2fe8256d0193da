"""The stored mission and the MAVLink mission protocol, spoken as ArduPilot speaks it.

Facts from the MAVLink guide ('Mission Protocol') and from what a Copter 4.6 does: items are asked
for with plain MISSION_REQUEST and taken as MISSION_ITEM or MISSION_ITEM_INT; positions are stored
as 1e-7 degrees and centimetres; item 0 is home; a refused item leaves the part before it in place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

__all__ = ["MAX_ITEMS", "MissionProtocol", "StoredItem"]

MAX_ITEMS = 650
_ASK_AGAIN_S = 1.0
_GIVE_UP_S = 8.0

_GLOBAL_FRAMES = {
    mavlink.MAV_FRAME_GLOBAL: mavlink.MAV_FRAME_GLOBAL,
    mavlink.MAV_FRAME_GLOBAL_INT: mavlink.MAV_FRAME_GLOBAL,
    mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT: mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT,
    mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT: mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT,
}
NAV_COMMANDS = frozenset(
    {
        mavlink.MAV_CMD_NAV_WAYPOINT,
        mavlink.MAV_CMD_NAV_TAKEOFF,
        mavlink.MAV_CMD_NAV_LAND,
        mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH,
        mavlink.MAV_CMD_NAV_LOITER_TIME,
    }
)
DO_COMMANDS = frozenset(
    {
        mavlink.MAV_CMD_DO_CHANGE_SPEED,
        mavlink.MAV_CMD_DO_MOUNT_CONTROL,
        mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW,
        mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST,
        mavlink.MAV_CMD_DO_DIGICAM_CONTROL,
        mavlink.MAV_CMD_IMAGE_START_CAPTURE,
        mavlink.MAV_CMD_IMAGE_STOP_CAPTURE,
        mavlink.MAV_CMD_VIDEO_START_CAPTURE,
        mavlink.MAV_CMD_VIDEO_STOP_CAPTURE,
    }
)
# Commands whose x and y are a place, which must then be one.
_PLACED = NAV_COMMANDS - {mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH}


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A mission item as the vehicle keeps it: 1e-7 degrees, centimetres, float32 parameters."""

    command: int
    frame: int
    params: tuple[float, float, float, float]
    lat_e7: int
    lon_e7: int
    alt_cm: int
    autocontinue: int = 1

    @property
    def lat_deg(self) -> float:
        return self.lat_e7 / 1e7

    @property
    def lon_deg(self) -> float:
        return self.lon_e7 / 1e7

    @property
    def alt_m(self) -> float:
        return self.alt_cm / 100.0

    @property
    def is_nav(self) -> bool:
        return self.command in NAV_COMMANDS


class Refusal(Exception):  # noqa: N818 - a protocol answer, not a program error
    """An item or request that is answered with this MAV_MISSION_RESULT."""

    def __init__(self, result: int) -> None:
        super().__init__(result)
        self.result = result


class MissionProtocol:
    """Answers the messages of the mission protocol; `items[0]` is home.

    `send` sends a message, `say` a STATUSTEXT; times are wall seconds, since they guard a link.
    """

    def __init__(
        self,
        send: Callable[[Any], None],
        say: Callable[[int, str], None],
        home: Callable[[], StoredItem],
        refuse_item: int | None,
    ) -> None:
        self._send = send
        self._say = say
        self._home = home
        self._refuse_item = refuse_item
        self.items: list[StoredItem] = []
        self.version = 0  # counts changes, so that the autopilot knows that it must look again
        self._expected = 0  # items still coming in an upload; 0 when none is under way
        self._next = 0
        self._peer = (255, 0)
        self._asked_s = self._heard_s = 0.0

    @property
    def uploading(self) -> bool:
        return self._expected > 0

    # -- upload --------------------------------------------------------------------------------

    def on_count(self, message: Any, now_s: float) -> None:
        self._peer = (message.get_srcSystem(), message.get_srcComponent())
        if message.mission_type != mavlink.MAV_MISSION_TYPE_MISSION:
            self._ack(mavlink.MAV_MISSION_UNSUPPORTED, message.mission_type)
        elif message.count > MAX_ITEMS:
            self._ack(mavlink.MAV_MISSION_NO_SPACE)
        else:
            self.items = []
            self.version += 1
            self._expected = message.count
            self._next = 0
            self._heard_s = now_s
            if message.count:
                self._ask(now_s)
            else:
                self._ack(mavlink.MAV_MISSION_ACCEPTED)

    def on_item(self, message: Any, now_s: float) -> None:
        """Take a MISSION_ITEM or MISSION_ITEM_INT."""
        if not self.uploading:
            self._ack(mavlink.MAV_MISSION_ERROR)
            return
        self._heard_s = now_s
        if message.seq != self._next:
            if message.seq > self._next:
                self._ack(mavlink.MAV_MISSION_INVALID_SEQUENCE)
            self._ask(now_s)  # a duplicate of one that we have is only answered
            return
        try:
            if message.seq == self._refuse_item:
                raise Refusal(mavlink.MAV_MISSION_INVALID)
            item = stored(message)
        except Refusal as refusal:
            self._expected = 0
            self._say(mavlink.MAV_SEVERITY_WARNING, f"Mission item {message.seq} refused")
            self._ack(refusal.result)
            return
        self.items.append(self._home() if message.seq == 0 else item)
        self.version += 1
        self._next += 1
        if self._next == self._expected:
            self._expected = 0
            self._ack(mavlink.MAV_MISSION_ACCEPTED)
            self._say(mavlink.MAV_SEVERITY_INFO, f"Mission: {len(self.items)} items")
        else:
            self._ask(now_s)

    def tick(self, now_s: float) -> None:
        """Ask again for an item that does not come; give up after a while."""
        if not self.uploading:
            return
        if now_s - self._heard_s > _GIVE_UP_S:
            self._expected = 0
            self._say(mavlink.MAV_SEVERITY_WARNING, "Mission upload timeout")
            self._ack(mavlink.MAV_MISSION_OPERATION_CANCELLED)
        elif now_s - self._asked_s > _ASK_AGAIN_S:
            self._ask(now_s)

    def _ask(self, now_s: float) -> None:
        self._asked_s = now_s
        self._send(mavlink.MAVLink_mission_request_message(*self._peer, self._next, 0))

    # -- download and the rest -----------------------------------------------------------------

    def on_request_list(self, message: Any) -> None:
        self._peer = (message.get_srcSystem(), message.get_srcComponent())
        if message.mission_type != mavlink.MAV_MISSION_TYPE_MISSION:
            self._ack(mavlink.MAV_MISSION_UNSUPPORTED, message.mission_type)
        elif self.uploading:
            self._ack(mavlink.MAV_MISSION_DENIED)
        else:
            self._send(mavlink.MAVLink_mission_count_message(*self._peer, len(self.items), 0))

    def on_request(self, message: Any, *, as_int: bool, current: int) -> None:
        self._peer = (message.get_srcSystem(), message.get_srcComponent())
        if message.mission_type != mavlink.MAV_MISSION_TYPE_MISSION:
            self._ack(mavlink.MAV_MISSION_UNSUPPORTED, message.mission_type)
            return
        if not 0 <= message.seq < len(self.items):
            self._ack(mavlink.MAV_MISSION_INVALID_SEQUENCE)
            return
        item = self.items[message.seq]
        head = (*self._peer, message.seq, item.frame, item.command)
        tail = (int(message.seq == current), item.autocontinue, *item.params)
        if as_int:
            self._send(
                mavlink.MAVLink_mission_item_int_message(
                    *head, *tail, item.lat_e7, item.lon_e7, item.alt_m, 0
                )
            )
        else:
            self._send(
                mavlink.MAVLink_mission_item_message(
                    *head, *tail, item.lat_deg, item.lon_deg, item.alt_m, 0
                )
            )

    def on_clear(self, message: Any, *, allowed: bool) -> None:
        self._peer = (message.get_srcSystem(), message.get_srcComponent())
        if message.mission_type not in (
            mavlink.MAV_MISSION_TYPE_MISSION,
            mavlink.MAV_MISSION_TYPE_ALL,
        ):
            self._ack(mavlink.MAV_MISSION_UNSUPPORTED, message.mission_type)
        elif not allowed:
            self._ack(mavlink.MAV_MISSION_DENIED)
        else:
            self.items = []
            self.version += 1
            self._expected = 0
            self._ack(mavlink.MAV_MISSION_ACCEPTED)

    def refuse_request(self, message: Any) -> None:
        """Answer a mission request that is not supported here."""
        self._peer = (message.get_srcSystem(), message.get_srcComponent())
        self._ack(mavlink.MAV_MISSION_UNSUPPORTED)

    def _ack(self, result: int, mission_type: int = 0) -> None:
        self._send(mavlink.MAVLink_mission_ack_message(*self._peer, result, mission_type))


def stored(message: Any) -> StoredItem:
    """A MISSION_ITEM or MISSION_ITEM_INT as it is kept; raises Refusal."""
    if message.mission_type != mavlink.MAV_MISSION_TYPE_MISSION:
        raise Refusal(mavlink.MAV_MISSION_UNSUPPORTED)
    if message.command not in NAV_COMMANDS and message.command not in DO_COMMANDS:
        raise Refusal(mavlink.MAV_MISSION_UNSUPPORTED)
    if message.frame == mavlink.MAV_FRAME_MISSION:
        frame = mavlink.MAV_FRAME_MISSION
    else:
        try:
            frame = _GLOBAL_FRAMES[message.frame]
        except KeyError:
            raise Refusal(mavlink.MAV_MISSION_UNSUPPORTED_FRAME) from None
    params = (message.param1, message.param2, message.param3, message.param4)
    for result, value in zip(
        (
            mavlink.MAV_MISSION_INVALID_PARAM1,
            mavlink.MAV_MISSION_INVALID_PARAM2,
            mavlink.MAV_MISSION_INVALID_PARAM3,
        ),
        params,
        strict=False,
    ):
        if not math.isfinite(value):
            raise Refusal(result)
    if not math.isfinite(params[3]):  # NaN: keep the heading
        params = (*params[:3], 0.0)
    is_int = message.get_type() == "MISSION_ITEM_INT"
    placed = message.command in _PLACED
    scale = 1 if is_int else 1e7
    lat_e7 = _e7(message.x * scale, 90, mavlink.MAV_MISSION_INVALID_PARAM5_X, placed)
    lon_e7 = _e7(message.y * scale, 180, mavlink.MAV_MISSION_INVALID_PARAM6_Y, placed)
    if not math.isfinite(message.z) or abs(message.z) > 10_000:
        raise Refusal(mavlink.MAV_MISSION_INVALID_PARAM7)
    return StoredItem(
        message.command, frame, params, lat_e7, lon_e7, round(message.z * 100),
        int(message.autocontinue != 0),
    )  # fmt: skip


def _e7(value: float, limit_deg: int, refusal: int, placed: bool) -> int:
    if not math.isfinite(value) or (placed and abs(value) > limit_deg * 1e7):
        raise Refusal(refusal)
    return max(-(2**31), min(2**31 - 1, round(value)))
