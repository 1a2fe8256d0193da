"""Flying the stored mission, item after item."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.simulation.vehicle.items import StoredItem
from patrol.simulation.vehicle.motion.airframe import Airframe
from patrol.simulation.vehicle.motion.path import Setpoint, Stop
from patrol.simulation.vehicle.motion.tasks import (
    Climb,
    Descend,
    Follow,
    Hold,
    ReturnHome,
    Task,
    path_through,
    stopping,
)
from patrol.simulation.vehicle.parameters import Parameters

__all__ = ["MissionCrew", "MissionRun"]

_SAME_PLACE_M = 0.5
_PASSING = (mavlink.MAV_CMD_NAV_WAYPOINT,)


class MissionCrew(Protocol):
    """What the mission needs of the vehicle that flies it."""

    airframe: Airframe
    parameters: Parameters
    cruise_m_s: float

    def place(self, item: StoredItem) -> Setpoint: ...

    def return_task(self) -> Task: ...

    def do(self, item: StoredItem) -> None: ...

    def reached(self, seq: int) -> None: ...

    def going_to(self, seq: int) -> None: ...


class MissionRun:
    """One run through the mission from item `first`.

    DO items between two navigation items are carried out when the first of the two is completed,
    as ArduPilot does. Waypoints without a hold time are flown through in one path.
    """

    def __init__(self, crew: MissionCrew, items: tuple[StoredItem, ...], first: int) -> None:
        self._crew = crew
        self._items = items
        self.seq = 0
        self.complete = False
        self.done = False  # landed at the end
        self._chain: list[int] = []  # the waypoints of the path still to pass, by item number
        self._passed = 0
        self._after: Callable[[], None] | None = None
        self._task: Task = Hold(stopping(crew.airframe))
        self._go_on(max(first, 1))

    def update(self, dt_s: float) -> Setpoint:
        target = self._task.update(dt_s)
        if isinstance(self._task, Follow) and self._chain:
            path = self._task.path
            # The last waypoint counts only once the vehicle itself is there.
            while len(self._chain) > 1 and path.passed > self._passed:
                self._passed += 1
                self._pass(self._chain.pop(0))
        if self._task.done:
            self._finish()
        return target

    def course_rad(self) -> float | None:
        return self._task.course_rad()

    @property
    def landing(self) -> bool:
        task = self._task
        return isinstance(task, Descend) or (isinstance(task, ReturnHome) and task.landing)

    @property
    def on_its_way(self) -> bool:
        """It flies to a waypoint, and may be paused."""
        return isinstance(self._task, Follow) and bool(self._chain)

    def replan(self) -> None:
        """The cruise speed was changed from outside: plan what is left of the path again."""
        if isinstance(self._task, Follow) and self._chain:
            here, speed = self._task.path.at_target(), self._task.path.speed
            self._follow(self._chain, here, speed)

    # -- going through the items -----------------------------------------------------------------

    def _go_on(self, seq: int) -> None:
        """Carry out DO items from `seq` on and begin the next navigation item."""
        while seq < len(self._items) and not self._items[seq].is_nav:
            self._crew.do(self._items[seq])
            seq += 1
        self._chain = []
        if seq >= len(self._items):
            self.complete = True
            self._task = Hold(stopping(self._crew.airframe))
            return
        self.seq = seq
        self._crew.going_to(seq)
        self._begin(self._items[seq], seq)

    def _begin(self, item: StoredItem, seq: int) -> None:
        airframe = self._crew.airframe
        spot = stopping(airframe)
        if item.command == mavlink.MAV_CMD_NAV_TAKEOFF:
            up = self._crew.place(item).up
            self._task = Climb(airframe, airframe.known_east, airframe.known_north, up)
        elif item.command == mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
            self._task = self._crew.return_task()
        elif item.command == mavlink.MAV_CMD_NAV_LAND:
            at = self._crew.place(item) if item.lat_e7 or item.lon_e7 else spot
            here = Setpoint(spot.east, spot.north, spot.up)
            stop = Stop(at.east, at.north, here.up, self._crew.cruise_m_s)
            path = path_through(here, [stop], self._crew.parameters)
            self._task = Follow(airframe, path) if path else Hold(here, 0.0)
            self._after = lambda: self._descend(at)
        else:
            self._follow(self._chain_from(seq), self._departure())

    def _descend(self, at: Setpoint) -> None:
        self._task = Descend(self._crew.airframe, at, self._crew.parameters)

    def _departure(self) -> Setpoint:
        """Where the path to the next waypoint sets out: the point held, or where we are."""
        task = self._task
        if isinstance(task, Hold):
            return task.at
        airframe = self._crew.airframe
        return Setpoint(airframe.known_east, airframe.known_north, airframe.known_up)

    def _chain_from(self, seq: int) -> list[int]:
        """Waypoints that are flown through without stopping, the last one included."""
        chain = [seq]
        last = seq
        for i in range(seq + 1, len(self._items)):
            item = self._items[i]
            if not item.is_nav:
                continue
            stops_at_last = (
                self._items[last].command not in _PASSING or self._items[last].params[0] > 0
            )
            goes_elsewhere = item.command not in (*_PASSING, mavlink.MAV_CMD_NAV_LOITER_TIME)
            a, b = self._crew.place(self._items[last]), self._crew.place(item)
            near = math.hypot(a.east - b.east, a.north - b.north) < _SAME_PLACE_M
            if stops_at_last or goes_elsewhere or near:
                break
            chain.append(i)
            last = i
        return chain

    def _follow(self, chain: list[int], start: Setpoint, speed_m_s: float = 0.0) -> None:
        stops: list[Stop] = []
        cruise = self._crew.cruise_m_s
        previous = chain[0]
        for seq in chain:
            for item in self._items[previous + 1 : seq]:
                if item.command == mavlink.MAV_CMD_DO_CHANGE_SPEED and item.params[1] > 0:
                    cruise = item.params[1]
            previous = seq
            point = self._crew.place(self._items[seq])
            stops.append(Stop(point.east, point.north, point.up, cruise))
        self._chain = list(chain)
        self._passed = 0
        path = path_through(start, stops, self._crew.parameters, speed_m_s)
        if path is not None:
            self._task = Follow(self._crew.airframe, path)
        else:  # it is right here: at most the height differs
            self._chain = chain[:1]
            at = stops[0]
            self._task = Climb(self._crew.airframe, at.east, at.north, at.up)
        last = self._items[self._chain[-1]]
        hold_s = last.params[0]
        if hold_s > 0:
            point = self._crew.place(last)
            self._after = lambda: self._hold(point, hold_s)

    def _hold(self, point: Setpoint, seconds: float) -> None:
        self._task = Hold(point, seconds)

    def _pass(self, seq: int) -> None:
        """A waypoint inside the path was passed: its DO items, then on to the next."""
        self._crew.reached(seq)
        following = self._chain[0]
        for item in self._items[seq + 1 : following]:
            self._crew.do(item)
        self.seq = following
        self._crew.going_to(following)

    def _finish(self) -> None:
        """The task is done: what comes after it, or the next item."""
        if self._after is not None:
            after, self._after = self._after, None
            after()
            return
        if self.complete:
            return
        item = self._items[self.seq]
        self._crew.reached(self.seq)
        if item.command in (
            mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH,
            mavlink.MAV_CMD_NAV_LAND,
        ):
            self.done = True
            return
        self._go_on(self.seq + 1)
