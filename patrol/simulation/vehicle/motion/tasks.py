"""What the vehicle can be doing in the air: hold, climb, follow a path, come down, go home."""

from __future__ import annotations

import math
from typing import Protocol

from patrol.simulation.vehicle.motion.airframe import Airframe
from patrol.simulation.vehicle.motion.path import FlightPath, Setpoint, Stop
from patrol.simulation.vehicle.parameters import Parameters

__all__ = ["Climb", "Descend", "Follow", "Hold", "ReturnHome", "Task", "path_through", "stopping"]

_BRAKE_M_S2 = 2.5
_LAND_DETECTOR_S = 2.0
_LEAST_CONE = 0.5  # a flatter one does not count


class Task(Protocol):
    """One thing to do; `update` gives the setpoint of this moment."""

    done: bool

    def update(self, dt_s: float) -> Setpoint: ...

    def course_rad(self) -> float | None:
        """Where the nose should point, None for where it does."""
        ...


def stopping(airframe: Airframe) -> Setpoint:
    """The point where the vehicle stops if it brakes now."""
    speed = airframe.ground_speed
    reach = speed / (2 * _BRAKE_M_S2) + 0.4
    return Setpoint(
        airframe.known_east + airframe.v_east * reach,
        airframe.known_north + airframe.v_north * reach,
        airframe.known_up + airframe.v_up * 0.5,
    )


class Hold:
    """Stay at a point, for `seconds` or for ever."""

    def __init__(self, at: Setpoint, seconds: float = math.inf) -> None:
        self.at = at
        self.done = False
        self._left_s = seconds

    def update(self, dt_s: float) -> Setpoint:
        self._left_s -= dt_s
        self.done = self._left_s <= 0
        return self.at

    def course_rad(self) -> float | None:
        return None


class Climb:
    """Rise, or sink, to a height above home over one place."""

    def __init__(self, airframe: Airframe, east: float, north: float, up_m: float) -> None:
        self._airframe = airframe
        self._at = Setpoint(east, north, up_m)
        self.done = False

    def update(self, dt_s: float) -> Setpoint:
        near = abs(self._airframe.known_up - self._at.up) < 0.3
        self.done = near and abs(self._airframe.v_up) < 0.5
        return self._at

    def course_rad(self) -> float | None:
        return None


class Follow:
    """Fly along a path to its end."""

    def __init__(self, airframe: Airframe, path: FlightPath) -> None:
        self._airframe = airframe
        self.path = path
        self.done = False
        self._course: float | None = None
        self._settling_s = 0.0

    def update(self, dt_s: float) -> Setpoint:
        target = self.path.advance(dt_s)
        if math.hypot(target.v_east, target.v_north) > 0.05:
            self._course = math.atan2(target.v_east, target.v_north)
        if self.path.finished:
            self._settling_s += dt_s
            off = math.hypot(
                target.east - self._airframe.known_east, target.north - self._airframe.known_north
            )
            is_near = off < 1.0 and abs(target.up - self._airframe.known_up) < 1.0
            self.done = is_near or self._settling_s > 60.0
        return target

    def course_rad(self) -> float | None:
        return self._course


class Descend:
    """Come down on the spot until the ground is felt."""

    def __init__(self, airframe: Airframe, at: Setpoint, parameters: Parameters) -> None:
        self._airframe = airframe
        self._at = at
        self._parameters = parameters
        self._grounded_s = 0.0
        self.done = False

    def update(self, dt_s: float) -> Setpoint:
        low = self._airframe.known_up < self._parameters["LAND_ALT_LOW"] / 100
        name = "LAND_SPEED" if low else "WPNAV_SPEED_DN"
        rate = self._parameters[name] / 100
        # The target stays one second ahead of the vehicle, so that it sinks at `rate`.
        self._at.up = self._airframe.known_up - rate
        self._grounded_s = self._grounded_s + dt_s if self._airframe.on_ground else 0.0
        self.done = self._grounded_s >= _LAND_DETECTOR_S
        return self._at

    def course_rad(self) -> float | None:
        return None


class ReturnHome:
    """Rise to the return height, fly to where it leads, wait, come down.

    The height is the greater of RTL_ALT and `to.up`, but never one to sink to; near by, no more
    than RTL_CONE_SLOPE times the distance is climbed; `ceiling_m` is that of the fence. After
    ArduCopter's ModeRTL::compute_return_target.
    """

    def __init__(
        self, airframe: Airframe, to: Setpoint, parameters: Parameters, ceiling_m: float = math.inf
    ) -> None:
        self._airframe = airframe
        self._to = to
        self._parameters = parameters
        self.done = False
        spot = stopping(airframe)
        at_least = airframe.known_up + parameters["RTL_CLIMB_MIN"] / 100
        height = max(to.up, parameters["RTL_ALT"] / 100, at_least)
        slope = parameters["RTL_CONE_SLOPE"]
        if slope >= _LEAST_CONE:
            away_m = math.hypot(to.east - spot.east, to.north - spot.north)
            height = min(height, max(away_m * slope, at_least))
        self._height = max(min(height, ceiling_m), airframe.known_up)
        self._stages: list[str] = ["climb", "fly", "wait", "land"]
        self._task: Task = Climb(airframe, spot.east, spot.north, self._height)

    @property
    def landing(self) -> bool:
        return self._stages[0] == "land"

    def update(self, dt_s: float) -> Setpoint:
        target = self._task.update(dt_s)
        if self._task.done:
            if self.landing:
                self.done = True
            else:
                self._stages.pop(0)
                self._task = self._next(target)
        return target

    def _next(self, target: Setpoint) -> Task:
        to = self._to
        over_home = Setpoint(to.east, to.north, self._height)
        stage = self._stages[0]
        if stage == "fly":
            speed = self._parameters["WPNAV_SPEED"] / 100
            stop = Stop(to.east, to.north, self._height, speed)
            path = path_through(target, [stop], self._parameters)
            return Follow(self._airframe, path) if path else Hold(over_home, 1.0)
        if stage == "wait":
            return Hold(over_home, self._parameters["RTL_LOIT_TIME"] / 1000)
        return Descend(self._airframe, over_home, self._parameters)

    def course_rad(self) -> float | None:
        return self._task.course_rad()


def path_through(
    start: Setpoint, stops: list[Stop], parameters: Parameters, speed_m_s: float = 0.0
) -> FlightPath | None:
    """A path from `start` through `stops`; None where the first stop is right here."""
    first = stops[0]
    if math.hypot(first.east - start.east, first.north - start.north) < 0.5:
        return None
    return FlightPath(
        (start.east, start.north, start.up),
        stops,
        corner_m=parameters["WPNAV_RADIUS"] / 100,
        climb_m_s=parameters["WPNAV_SPEED_UP"] / 100,
        descent_m_s=parameters["WPNAV_SPEED_DN"] / 100,
        accel_m_s2=parameters["WPNAV_ACCEL"] / 100,
        jerk_m_s3=parameters["WPNAV_JERK"],
        speed_m_s=speed_m_s,
    )
