"""The mission that a sortie is to the vehicle: MAVLink items, for the flight and for export.

Numbers from the MAVLink common message set (MAV_CMD, MAV_FRAME) and ArduPilot's mission commands
for copters. Item 0 is the home position, as ArduPilot and QGroundControl's waypoint files have
it. A DO command is carried out when the waypoint before it has been reached, so recording starts
at the first point of a lane and stops at its last: the footage is recorded lanes only.
"""

from __future__ import annotations

from dataclasses import dataclass

from patrol.plan import Plan, Sortie

__all__ = ["MissionItem", "mission_items"]

FRAME_GLOBAL = 0
FRAME_MISSION = 2  # the item has no position
FRAME_GLOBAL_RELATIVE_ALT = 3

NAV_WAYPOINT = 16
NAV_RETURN_TO_LAUNCH = 20
NAV_TAKEOFF = 22
DO_CHANGE_SPEED = 178
DO_MOUNT_CONTROL = 205
VIDEO_START_CAPTURE = 2500
VIDEO_STOP_CAPTURE = 2501

_GROUND_SPEED = 1.0
_KEEP_THROTTLE = -1.0
_MOUNT_MODE_MAVLINK_TARGETING = 2.0


@dataclass(frozen=True, slots=True)
class MissionItem:
    """One mission item in MAVLink's own fields; `altitude_m` is relative to home in frame 3.

    For commands without a position `lat_deg`, `lon_deg` and `altitude_m` are params 5 to 7.
    """

    seq: int
    frame: int
    command: int
    current: int
    autocontinue: int
    param1: float
    param2: float
    param3: float
    param4: float
    lat_deg: float
    lon_deg: float
    altitude_m: float


def mission_items(plan: Plan, sortie: Sortie) -> tuple[MissionItem, ...]:
    """Home, take-off, speed, gimbal, the waypoints with recording on the lanes, return.

    Home's altitude is 0: the vehicle puts its own there on arming.
    """
    items: list[MissionItem] = []

    def add(
        command: int,
        param1: float = 0.0,
        param2: float = 0.0,
        param3: float = 0.0,
        *,
        frame: int = FRAME_MISSION,
        lat_deg: float = 0.0,
        lon_deg: float = 0.0,
        altitude_m: float = 0.0,
    ) -> None:
        items.append(
            MissionItem(
                len(items), frame, command, int(not items), 1, param1, param2, param3, 0.0,
                round(lat_deg, 8), round(lon_deg, 8), round(altitude_m, 3),
            )
        )  # fmt: skip

    home = {"lat_deg": sortie.launch.lat_deg, "lon_deg": sortie.launch.lon_deg}
    add(NAV_WAYPOINT, frame=FRAME_GLOBAL, **home)
    add(NAV_TAKEOFF, frame=FRAME_GLOBAL_RELATIVE_ALT, altitude_m=plan.height_agl_m, **home)
    add(DO_CHANGE_SPEED, _GROUND_SPEED, plan.speed_m_s, _KEEP_THROTTLE)
    add(DO_MOUNT_CONTROL, plan.gimbal_pitch_deg, altitude_m=_MOUNT_MODE_MAVLINK_TARGETING)
    recording: str | None = None
    for waypoint in sortie.waypoints:
        if recording is not None and waypoint.lane != recording:
            add(VIDEO_STOP_CAPTURE)
            recording = None
        add(
            NAV_WAYPOINT,
            frame=FRAME_GLOBAL_RELATIVE_ALT,
            lat_deg=waypoint.position.lat_deg,
            lon_deg=waypoint.position.lon_deg,
            altitude_m=waypoint.above_launch_m,
        )
        if waypoint.lane is not None and waypoint.lane != recording:
            add(VIDEO_START_CAPTURE)
            recording = waypoint.lane
    if recording is not None:
        add(VIDEO_STOP_CAPTURE)
    add(NAV_RETURN_TO_LAUNCH)
    return tuple(items)
