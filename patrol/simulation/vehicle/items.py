"""Items of the three lists as the vehicle keeps them, and which it refuses.

Facts from ArduPilot 4.6 (AP_Mission, AC_PolyFence_loader, MissionItemProtocol_Fence, _Rally):
positions are stored as 1e-7 degrees and heights as whole centimetres, cut rather than rounded,
those of rally points as whole metres; of a navigation item's parameters only the first is kept.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

__all__ = [
    "NAV_COMMANDS",
    "Refusal",
    "StoredItem",
    "as_int",
    "fence_complaint",
    "fence_rings",
    "stored",
]

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
        mavlink.MAV_CMD_DO_FENCE_ENABLE,
        mavlink.MAV_CMD_DO_DIGICAM_CONTROL,
        mavlink.MAV_CMD_IMAGE_START_CAPTURE,
        mavlink.MAV_CMD_IMAGE_STOP_CAPTURE,
        mavlink.MAV_CMD_VIDEO_START_CAPTURE,
        mavlink.MAV_CMD_VIDEO_STOP_CAPTURE,
    }
)
_POLYGONS = frozenset(
    {
        mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION,
        mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_EXCLUSION,
    }
)
_CIRCLES = frozenset(
    {
        mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION,
        mavlink.MAV_CMD_NAV_FENCE_CIRCLE_EXCLUSION,
    }
)
_FENCE_COMMANDS = _POLYGONS | _CIRCLES | {mavlink.MAV_CMD_NAV_FENCE_RETURN_POINT}
_COMMANDS = {
    mavlink.MAV_MISSION_TYPE_MISSION: NAV_COMMANDS | DO_COMMANDS,
    mavlink.MAV_MISSION_TYPE_FENCE: _FENCE_COMMANDS,
    mavlink.MAV_MISSION_TYPE_RALLY: frozenset({mavlink.MAV_CMD_NAV_RALLY_POINT}),
}
# Commands whose x and y are a place, which must then be one.
_PLACED = (
    (NAV_COMMANDS - {mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH})
    | _FENCE_COMMANDS
    | {mavlink.MAV_CMD_NAV_RALLY_POINT}
)
_MOST_CORNERS = 255
# ArduPilot's own numbers of the kinds, as it names them in its complaints.
_FENCE_KINDS = {
    mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION: 98,
    mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_EXCLUSION: 97,
    mavlink.MAV_CMD_NAV_FENCE_RETURN_POINT: 95,
    mavlink.MAV_CMD_NAV_FENCE_CIRCLE_EXCLUSION: 93,
    mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION: 92,
}
_HIGHEST_M = 83_000.0
# In a mission the frame of items without a place stands for the first of these.
_MISSION_FRAMES = {**_GLOBAL_FRAMES, mavlink.MAV_FRAME_MISSION: mavlink.MAV_FRAME_GLOBAL}
# Commands without a place that use parameters 5 to 7 otherwise.
_THREE_MORE = (
    mavlink.MAV_CMD_DO_DIGICAM_CONTROL,
    mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW,
)
# Commands whose parameter 4 may be NaN: keep the heading.
_ANY_HEADING = (
    mavlink.MAV_CMD_NAV_WAYPOINT,
    mavlink.MAV_CMD_NAV_TAKEOFF,
    mavlink.MAV_CMD_NAV_LAND,
)
_INVALID_PARAM = (
    mavlink.MAV_MISSION_INVALID_PARAM1,
    mavlink.MAV_MISSION_INVALID_PARAM2,
    mavlink.MAV_MISSION_INVALID_PARAM3,
    mavlink.MAV_MISSION_INVALID_PARAM4,
)


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item as the vehicle keeps it: 1e-7 degrees, centimetres, float32 parameters."""

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


def stored(message: Any, kind: int) -> StoredItem:
    """A MISSION_ITEM_INT of a list, or what `as_int` made of an older item, as it is kept.

    Raises Refusal with the answer that ArduPilot gives.
    """
    if message.command not in _COMMANDS[kind]:
        reserved = message.command in (0, 1) and kind == mavlink.MAV_MISSION_TYPE_MISSION
        raise Refusal(mavlink.MAV_MISSION_INVALID if reserved else mavlink.MAV_MISSION_UNSUPPORTED)
    params = (message.param1, message.param2, message.param3, message.param4)
    if kind == mavlink.MAV_MISSION_TYPE_MISSION:
        return _mission_item(message, params)
    frame = _GLOBAL_FRAMES.get(message.frame)
    if frame is None:
        raise Refusal(mavlink.MAV_MISSION_UNSUPPORTED_FRAME)
    if kind == mavlink.MAV_MISSION_TYPE_FENCE:
        return _fence_item(message)
    lat_e7, lon_e7 = _place(message)
    if not -32768 <= message.z <= 32767:
        raise Refusal(mavlink.MAV_MISSION_INVALID_PARAM7)
    none = (0.0, 0.0, 0.0, 0.0)
    return StoredItem(message.command, frame, none, lat_e7, lon_e7, 100 * int(message.z), 0)


def _mission_item(message: Any, params: tuple[float, float, float, float]) -> StoredItem:
    for i, value in enumerate(params):
        may_be_nan = i == 3 and message.command in _ANY_HEADING
        if math.isinf(value) or (math.isnan(value) and not may_be_nan):
            raise Refusal(_INVALID_PARAM[i])
    if message.command not in _PLACED:
        return _placeless(message, params)
    lat_e7, lon_e7 = _place(message)
    if not math.isfinite(message.z) or abs(message.z) >= _HIGHEST_M:
        raise Refusal(mavlink.MAV_MISSION_INVALID_PARAM7)
    frame = _MISSION_FRAMES.get(message.frame)
    if frame is None:
        raise Refusal(mavlink.MAV_MISSION_UNSUPPORTED_FRAME)
    # Heights are cut, not rounded, to whole centimetres, after a product in float32.
    alt_cm = int(_f32(_f32(message.z) * 100.0))
    # There is room for one whole number, and for a direction, which is never 0.
    first = float(min(max(int(params[0]), 0), 65535))
    kept = (first, 0.0, 0.0, 0.0)
    if message.command == mavlink.MAV_CMD_NAV_LOITER_TIME:
        kept = (first, 0.0, -1.0 if params[2] < 0 else 1.0, float(params[3] > 0))
    elif message.command == mavlink.MAV_CMD_NAV_LAND:
        kept = (first, 0.0, 0.0, -1.0 if params[3] < 0 else 1.0)
    return StoredItem(message.command, frame, kept, lat_e7, lon_e7, alt_cm)


def _placeless(message: Any, params: tuple[float, float, float, float]) -> StoredItem:
    """Whatever its frame and place, only what the command means is kept."""
    x = y = z_cm = 0
    if message.command == mavlink.MAV_CMD_DO_MOUNT_CONTROL:
        z_cm = 100 * mavlink.MAV_MOUNT_MODE_MAVLINK_TARGETING
    elif message.command in _THREE_MORE:
        x, y = message.x, message.y
        z_cm = round(message.z * 100) if abs(message.z) < _HIGHEST_M else 0
    elif message.command == mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
        params = (0.0, 0.0, 0.0, 0.0)
    return StoredItem(message.command, mavlink.MAV_FRAME_GLOBAL, params, x, y, z_cm)


def _fence_item(message: Any) -> StoredItem:
    first = message.param1
    if message.command in _POLYGONS:
        if not 0 <= first <= _MOST_CORNERS:
            raise Refusal(mavlink.MAV_MISSION_INVALID_PARAM1)
        first = float(int(first))
    elif message.command in _CIRCLES:
        if math.isfinite(first) and first - int(first) < 0.001:  # kept as a whole number
            first = float(int(first))
    else:
        first = 0.0
    return StoredItem(
        message.command,
        mavlink.MAV_FRAME_GLOBAL,
        (first, 0.0, 0.0, 0.0),
        message.x,
        message.y,
        0,
        0,
    )


def _place(message: Any) -> tuple[int, int]:
    if abs(message.x) > 90 * 10**7:
        raise Refusal(mavlink.MAV_MISSION_INVALID_PARAM5_X)
    if abs(message.y) > 180 * 10**7:
        raise Refusal(mavlink.MAV_MISSION_INVALID_PARAM6_Y)
    return message.x, message.y


def as_int(message: Any) -> Any:
    """A MISSION_ITEM as MISSION_ITEM_INT; raises Refusal where its place is none."""
    placed = message.command in _PLACED
    scale = 1e7 if placed else 1.0
    whole = []
    for value, limit, refusal in (
        (message.x, 90.0, mavlink.MAV_MISSION_INVALID_PARAM5_X),
        (message.y, 180.0, mavlink.MAV_MISSION_INVALID_PARAM6_Y),
    ):
        if placed and not abs(value) <= limit:
            raise Refusal(refusal)
        number = _f32(value * scale) if math.isfinite(value) else 0.0
        whole.append(int(max(-(2.0**31), min(2.0**31 - 1, number))))
    return mavlink.MAVLink_mission_item_int_message(
        message.target_system, message.target_component, message.seq, message.frame,
        message.command, message.current, message.autocontinue, message.param1, message.param2,
        message.param3, message.param4, *whole, message.z, message.mission_type,
    )  # fmt: skip


def _f32(value: float) -> float:
    """The nearest float32."""
    number: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return number


def fence_complaint(items: Sequence[StoredItem]) -> str | None:
    """Why ArduPilot does not take these as a fence, in its words; None where it does."""
    left = count = 0  # corners that the polygon at hand still needs, and has in all
    wanted = 0
    seen_return = False
    for item in items:
        first, kind = item.params[0], _FENCE_KINDS[item.command]
        if item.command in _POLYGONS:
            if first < 3:
                return f"Invalid vertex count ({first:.0f})"
            if not left:
                left = count = int(first)
                wanted = kind
            elif kind != wanted:
                return f"Received incorrect vertex type (want={wanted} got={kind})"
            elif first != count:
                return f"Unexpected vertex count want={count} got={first:.0f}"
            left -= 1
        elif left:
            return f"Received incorrect type (want={wanted} got={kind})"
        elif item.command in _CIRCLES:
            if not (math.isfinite(first) and first > 0):
                return "Non-positive circle radius"
        elif seen_return:
            return "Multiple return points"
        else:
            seen_return = True
        if abs(item.lat_e7) > 90 * 10**7 or abs(item.lon_e7) > 180 * 10**7:
            return "Bad lat or lon"
    return "Incorrect item count" if left else None


def fence_rings(items: Sequence[StoredItem]) -> list[tuple[int, Sequence[StoredItem]]]:
    """The shapes of a fence without complaint: (command, corners) of polygons, (command, centre)
    of circles."""
    shapes: list[tuple[int, Sequence[StoredItem]]] = []
    at = 0
    while at < len(items):
        command = items[at].command
        count = int(items[at].params[0]) if command in _POLYGONS else 1
        if command != mavlink.MAV_CMD_NAV_FENCE_RETURN_POINT:
            shapes.append((command, items[at : at + count]))
        at += count
    return shapes
