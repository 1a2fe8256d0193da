"""Routes as MAVLink mission items, and items read back as a route's parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from geo.coordinates import LonLat
from patrol import mission
from patrol.export.reading import MOST_POINTS, Source
from patrol.export.route import Route, launch_of, numbered_lanes
from patrol.mission import MissionItem, RoutePoint, items_along

__all__ = ["Flown", "flown", "route_items"]


def route_items(route: Route) -> tuple[tuple[MissionItem, ...], tuple[int, ...]]:
    """The mission of a route, home first, and for each item the point that it flies to."""
    return items_along(
        launch_of(route, "a MAVLink mission"),
        route.points,
        take_off_m=route.take_off_m,
        cruise_m_s=route.cruise_m_s,
        pitch_deg=route.pitch_deg,
        trigger_m=route.trigger_m,
    )


@dataclass(frozen=True, slots=True)
class Flown:
    """What a list of items says of a route. `at` holds each point's place in the list."""

    take_off_m: float
    cruise_m_s: float
    pitch_deg: float
    trigger_m: float
    points: tuple[RoutePoint, ...]
    at: tuple[int, ...]


@dataclass(slots=True)
class _State:
    take_off_m: float | None = None
    cruise_m_s: float | None = None
    speed_m_s: float = 0.0
    pitch_deg: float | None = None
    trigger_m: float | None = None  # None before the camera is first used
    capture: bool = False
    ended: bool = False
    points: list[RoutePoint] = field(default_factory=list)
    at: list[int] = field(default_factory=list)


def flown(items: Iterable[MissionItem], source: Source) -> Flown:
    """Read the items after home. Raises PlanFileError at the first that a route cannot hold."""
    state = _State()
    for item in items:
        _carry_out(state, item, source)
    if not state.ended:
        source.fail("mission", "a return to launch (command 20) at its end")
    if state.capture:
        source.fail("mission", "recording or photos to be stopped before the return")
    if state.take_off_m is None:
        source.fail("mission", "a take-off (command 22)")
    if state.cruise_m_s is None:
        source.fail("mission", "a speed (command 178) before the first waypoint")
    if state.pitch_deg is None:
        source.fail("mission", "a gimbal pitch (command 205) before the first waypoint")
    if not state.points:
        source.fail("mission", "a waypoint")
    return Flown(
        state.take_off_m, state.cruise_m_s, state.pitch_deg, state.trigger_m or 0.0,
        numbered_lanes(state.points), tuple(state.at),
    )  # fmt: skip


def _carry_out(state: _State, item: MissionItem, source: Source) -> None:
    where = f"item {item.seq}"
    if state.ended:
        source.fail(where, "nothing after the return to launch", f"command {item.command}")
    match item.command:
        case mission.NAV_WAYPOINT:
            _fly(state, item, source)
        case mission.NAV_TAKEOFF:
            if state.take_off_m is not None or state.points:
                source.fail(where, "one take-off, before the waypoints")
            _relative(item, source)
            state.take_off_m = source.metres(item.altitude_m, f"{where} altitude", 0.0)
        case mission.NAV_RETURN_TO_LAUNCH:
            state.ended = True
        case mission.DO_CHANGE_SPEED:
            state.speed_m_s = source.speed(item.param2, f"{where} speed")
            if state.points:
                state.points[-1] = replace(state.points[-1], speed_m_s=state.speed_m_s)
            else:
                state.cruise_m_s = state.speed_m_s
        case mission.DO_MOUNT_CONTROL:
            if state.points:
                source.fail(where, "the gimbal's pitch to be set once, before the first waypoint")
            state.pitch_deg = source.angle(item.param1, f"{where} pitch")
        case mission.DO_SET_CAM_TRIGG_DIST:
            distance = source.metres(item.param1, f"{where} distance", 0.0)
            _switch(state, distance > 0, distance, where, source)
        case mission.VIDEO_START_CAPTURE:
            _switch(state, True, 0.0, where, source)
        case mission.VIDEO_STOP_CAPTURE:
            _switch(state, False, 0.0, where, source, video=True)
        case _:
            source.fail(
                where, "a command that a patrol has (16, 20, 22, 178, 205, 206, 2500, 2501)",
                item.command,
            )  # fmt: skip


def _fly(state: _State, item: MissionItem, source: Source) -> None:
    where = f"item {item.seq}"
    _relative(item, source)
    if len(state.points) >= MOST_POINTS:
        source.fail(where, f"at most {MOST_POINTS} waypoints")
    state.points.append(
        RoutePoint(
            _place(item, source),
            source.metres(item.altitude_m, f"{where} altitude"),
            state.speed_m_s,
            None,
            state.capture,
        )
    )
    state.at.append(item.seq)


def _switch(
    state: _State, on: bool, distance_m: float, where: str, source: Source, *, video: bool = False
) -> None:
    if on == state.capture:
        source.fail(where, f"the camera to be {'off' if on else 'on'} before it")
    if not state.points:
        source.fail(where, "the camera to be used after the first waypoint")
    used = state.trigger_m
    if (on and used not in (None, distance_m)) or (not on and video == bool(used)):
        source.fail(where, "video, or one distance from photo to photo, all along", distance_m)
    if on:
        state.trigger_m = distance_m
    state.capture = on
    state.points[-1] = replace(state.points[-1], capture=on)


def _relative(item: MissionItem, source: Source) -> None:
    if item.frame != mission.FRAME_GLOBAL_RELATIVE_ALT:
        source.fail(f"item {item.seq} frame", "3 (height above launch)", item.frame)


def _place(item: MissionItem, source: Source) -> LonLat:
    return source.position(item.lon_deg, item.lat_deg, f"item {item.seq}")
