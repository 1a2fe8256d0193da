"""Items of the three lists as the vehicle keeps them, and which it refuses.

Facts from ArduPilot 4.6 (AP_Mission, MissionItemProtocol_Fence, _Rally): positions are stored as
1e-7 degrees and heights as whole centimetres, those of rally points as whole metres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

__all__ = ["NAV_COMMANDS", "Refusal", "StoredItem", "fence_rings", "stored"]

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
    """A MISSION_ITEM or MISSION_ITEM_INT of a list as it is kept; raises Refusal."""
    if message.command not in _COMMANDS[kind]:
        raise Refusal(mavlink.MAV_MISSION_UNSUPPORTED)
    if message.frame == mavlink.MAV_FRAME_MISSION and kind == mavlink.MAV_MISSION_TYPE_MISSION:
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
    if message.command in _POLYGONS and not 0 <= params[0] <= _MOST_CORNERS:
        raise Refusal(mavlink.MAV_MISSION_INVALID_PARAM1)
    if not math.isfinite(params[3]):  # NaN: keep the heading
        params = (*params[:3], 0.0)
    is_int = message.get_type() == "MISSION_ITEM_INT"
    placed = message.command in _PLACED
    scale = 1 if is_int else 1e7
    lat_e7 = _e7(message.x * scale, 90, mavlink.MAV_MISSION_INVALID_PARAM5_X, placed)
    lon_e7 = _e7(message.y * scale, 180, mavlink.MAV_MISSION_INVALID_PARAM6_Y, placed)
    if not math.isfinite(message.z) or abs(message.z) > 10_000:
        raise Refusal(mavlink.MAV_MISSION_INVALID_PARAM7)
    if kind == mavlink.MAV_MISSION_TYPE_FENCE:
        alt_cm, params, frame = 0, (params[0], 0.0, 0.0, 0.0), mavlink.MAV_FRAME_GLOBAL
    elif kind == mavlink.MAV_MISSION_TYPE_RALLY:
        alt_cm, params = 100 * int(message.z), (0.0, 0.0, 0.0, 0.0)
    else:
        alt_cm = round(message.z * 100)
    return StoredItem(
        message.command, frame, params, lat_e7, lon_e7, alt_cm, int(message.autocontinue != 0)
    )


def _e7(value: float, limit_deg: int, refusal: int, placed: bool) -> int:
    if not math.isfinite(value) or (placed and abs(value) > limit_deg * 1e7):
        raise Refusal(refusal)
    return max(-(2**31), min(2**31 - 1, round(value)))


def fence_rings(items: Sequence[StoredItem]) -> list[tuple[int, Sequence[StoredItem]]]:
    """The fence's shapes: (command, corners) of polygons, (command, centre) of circles.

    Raises Refusal where the corners are not as many as each of them says, or fewer than three.
    """
    shapes: list[tuple[int, Sequence[StoredItem]]] = []
    at = 0
    while at < len(items):
        first = items[at]
        count = int(first.params[0]) if first.command in _POLYGONS else 1
        shape = items[at : at + count]
        if first.command in _POLYGONS and (
            count < 3
            or len(shape) < count
            or any(i.command != first.command or i.params[0] != count for i in shape)
        ):
            raise Refusal(mavlink.MAV_MISSION_ERROR)
        if first.command != mavlink.MAV_CMD_NAV_FENCE_RETURN_POINT:
            shapes.append((first.command, shape))
        at += max(count, 1)
    return shapes
