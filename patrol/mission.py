"""The mission that a sortie is to the vehicle: MAVLink items, for the flight and for export.

Numbers from the MAVLink common message set (MAV_CMD, MAV_FRAME) and ArduPilot's mission commands
for copters. Item 0 is the home position, as ArduPilot and QGroundControl's waypoint files have
it. A DO command is carried out when the waypoint before it has been reached, so the camera works
from the first point of a lane to its last, and a speed holds from the point before it on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geo.coordinates import LonLat
from patrol.errors import PlanFileError
from patrol.plan import Plan, Sortie

__all__ = [
    "MissionItem",
    "RoutePoint",
    "item_waypoints",
    "items_along",
    "mission_items",
    "route_points",
    "take_off_m",
    "trigger_m",
    "waypoint_at",
]

FRAME_GLOBAL = 0
FRAME_MISSION = 2  # the item has no position
FRAME_GLOBAL_RELATIVE_ALT = 3

NAV_WAYPOINT = 16
NAV_RETURN_TO_LAUNCH = 20
NAV_TAKEOFF = 22
DO_CHANGE_SPEED = 178
DO_MOUNT_CONTROL = 205
DO_SET_CAM_TRIGG_DIST = 206
VIDEO_START_CAPTURE = 2500
VIDEO_STOP_CAPTURE = 2501

LEAST_TAKE_OFF_M = 5.0

_GROUND_SPEED = 1.0
_KEEP_THROTTLE = -1.0
_MOUNT_MODE_MAVLINK_TARGETING = 2.0
_SHOOT_NOW = 1.0  # a photo at either end of a lane, as QGroundControl has it


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


@dataclass(frozen=True, slots=True)
class RoutePoint:
    """A waypoint with what holds from it on.

    `speed_m_s` is the ground speed of the leg that begins here, `capture` whether the camera
    films (or photographs) along it. `lane` names the lane that the point belongs to; the last
    point of a lane has one and does not capture.
    """

    position: LonLat
    above_launch_m: float
    speed_m_s: float
    lane: str | None
    capture: bool


def on_grid(value: float, decimals: int = 3) -> float:
    """The value as files carry it; never -0.0."""
    return round(float(value), decimals) + 0.0


def grid_position(position: LonLat) -> LonLat:
    """The position to 1e-8 degrees (1 mm), as files carry it."""
    return LonLat(on_grid(position.lon_deg, 8), on_grid(position.lat_deg, 8))


def one_line(text: str) -> str:
    """A name as every format can carry it: one line of printable characters, at most 200."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]


def route_points(plan: Plan, sortie: Sortie) -> tuple[RoutePoint, ...]:
    """The sortie's waypoints, one for one, on the grid of the files: 1e-8 degrees, mm, mm/s."""
    speeds = {lane.id: on_grid(lane.speed_m_s) for lane in plan.lanes}
    cruise = on_grid(plan.settings.speed_m_s)
    waypoints = sortie.waypoints
    after = [*(w.lane for w in waypoints[1:]), None]
    before = [None, *(w.lane for w in waypoints[:-1])]
    points = []
    for waypoint, came_from, goes_to in zip(waypoints, before, after, strict=True):
        lane = waypoint.lane if waypoint.lane in (came_from, goes_to) else None
        along = lane is not None and goes_to == lane
        points.append(
            RoutePoint(
                grid_position(waypoint.position),
                on_grid(waypoint.above_launch_m),
                speeds.get(lane, cruise) if lane is not None and along else cruise,
                None if lane is None else one_line(lane),
                along,
            )
        )
    return tuple(points)


def take_off_m(points: Sequence[RoutePoint]) -> float:
    """The height to climb to first, above launch: that of the first waypoint, at least 5 m."""
    return max(points[0].above_launch_m, LEAST_TAKE_OFF_M)


def trigger_m(plan: Plan) -> float:
    """Distance from photo to photo, on the grid; 0 for video."""
    return on_grid(plan.settings.trigger_m)


def mission_items(plan: Plan, sortie: Sortie) -> tuple[MissionItem, ...]:
    """Home, take-off, speed, gimbal, the waypoints with capture on the lanes, return.

    Home's altitude is 0: the vehicle puts its own there on arming.
    """
    return _numbered(plan, sortie)[0]


def item_waypoints(plan: Plan, sortie: Sortie) -> tuple[int, ...]:
    """For each mission item the index into `sortie.waypoints` that it flies to.

    A DO item counts to the waypoint after it; home, take-off, speed and gimbal to the first; the
    return, and what is done just before it, to `len(sortie.waypoints)`.
    """
    return _numbered(plan, sortie)[1]


def waypoint_at(plan: Plan, sortie: Sortie, seq: int) -> int:
    """`item_waypoints` of one item; raises PlanFileError where the mission has no item `seq`."""
    waypoints = item_waypoints(plan, sortie)
    if not 0 <= seq < len(waypoints):
        raise PlanFileError(
            f"sortie {sortie.id} has no mission item {seq}; its items are 0 to {len(waypoints) - 1}"
        )
    return waypoints[seq]


def _numbered(plan: Plan, sortie: Sortie) -> tuple[tuple[MissionItem, ...], tuple[int, ...]]:
    points = route_points(plan, sortie)
    return items_along(
        grid_position(sortie.launch),
        points,
        take_off_m=take_off_m(points),
        cruise_m_s=on_grid(plan.settings.speed_m_s),
        pitch_deg=on_grid(plan.settings.pitch_deg),
        trigger_m=trigger_m(plan),
    )


def items_along(
    home: LonLat,
    points: Sequence[RoutePoint],
    *,
    take_off_m: float,
    cruise_m_s: float,
    pitch_deg: float,
    trigger_m: float,
) -> tuple[tuple[MissionItem, ...], tuple[int, ...]]:
    """The items that fly these points, and for each item the point that it flies to.

    `trigger_m` 0 films, anything else takes a photo each so many metres.
    """
    items: list[MissionItem] = []
    flies_to: list[int] = []

    def add(
        to: int,
        command: int,
        param1: float = 0.0,
        param2: float = 0.0,
        param3: float = 0.0,
        *,
        place: LonLat | None = None,
        frame: int = FRAME_MISSION,
        altitude_m: float = 0.0,
    ) -> None:
        lat, lon = (0.0, 0.0) if place is None else (place.lat_deg, place.lon_deg)
        items.append(
            MissionItem(
                len(items), frame, command, int(not items), 1, param1, param2, param3, 0.0,
                lat, lon, altitude_m,
            )
        )  # fmt: skip
        flies_to.append(to)

    def start(to: int) -> None:
        if trigger_m > 0:
            add(to, DO_SET_CAM_TRIGG_DIST, trigger_m, 0.0, _SHOOT_NOW)
        else:
            add(to, VIDEO_START_CAPTURE)

    def stop(to: int) -> None:
        if trigger_m > 0:
            add(to, DO_SET_CAM_TRIGG_DIST, 0.0, 0.0, _SHOOT_NOW)
        else:
            add(to, VIDEO_STOP_CAPTURE)

    relative = FRAME_GLOBAL_RELATIVE_ALT
    add(0, NAV_WAYPOINT, frame=FRAME_GLOBAL, place=home)
    add(0, NAV_TAKEOFF, frame=relative, place=home, altitude_m=take_off_m)
    add(0, DO_CHANGE_SPEED, _GROUND_SPEED, cruise_m_s, _KEEP_THROTTLE)
    add(0, DO_MOUNT_CONTROL, pitch_deg, altitude_m=_MOUNT_MODE_MAVLINK_TARGETING)
    speed, capturing = cruise_m_s, False
    for index, point in enumerate(points):
        place, height = point.position, point.above_launch_m
        add(index, NAV_WAYPOINT, frame=relative, place=place, altitude_m=height)
        if capturing and not point.capture:
            stop(index + 1)
        if point.speed_m_s != speed:
            speed = point.speed_m_s
            add(index + 1, DO_CHANGE_SPEED, _GROUND_SPEED, speed, _KEEP_THROTTLE)
        if point.capture and not capturing:
            start(index + 1)
        capturing = point.capture
    add(len(points), NAV_RETURN_TO_LAUNCH)
    return tuple(items), tuple(flies_to)
