"""The autopilot: modes, missions, camera and failsafes, stepped in simulated time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.coordinates import LonLat
from patrol.simulation.vehicle import arming
from patrol.simulation.vehicle.auto import MissionRun
from patrol.simulation.vehicle.faults import Fault
from patrol.simulation.vehicle.guards.failsafes import POSITION_MODES, Failsafes
from patrol.simulation.vehicle.guards.fence import ALT_MAX
from patrol.simulation.vehicle.guards.rally import best_return
from patrol.simulation.vehicle.motion.battery import flight_power_w
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
from patrol.simulation.vehicle.settings import VehicleSettings
from patrol.simulation.vehicle.vehicle import MODES, Vehicle, mode_name

__all__ = ["MODES", "Autopilot"]

_IDLE_POWER_W = 12.0
_SPOOL_S = 2.5  # until the motors turn fast enough to lift off
_SPOOL_POWER_W = 60.0
_FENCE_EVERY_TICKS = 10
_PILOT_LANDS_S = 20.0  # a pilot who took over and does not give it back


class Autopilot(Vehicle):
    """Everything of the vehicle but its link: what it does by itself and when it is told to."""

    def __init__(self, settings: VehicleSettings, send: Callable[[Any], None]) -> None:
        super().__init__(settings, send)
        self.failsafes = Failsafes(self)
        self.wants_reboot = False
        self.current_seq = 0
        self.paused = False
        self._task: Task | None = None
        self._run: MissionRun | None = None
        self._run_version = 0
        self._mission_complete = False
        self._armed_at_s = 0.0
        self._took_off_at_s = 0.0
        self._pilot_lands_s: float | None = None

    @property
    def landing(self) -> bool:
        if self._run:
            return self._run.landing
        task = self._task
        return isinstance(task, Descend) or (isinstance(task, ReturnHome) and task.landing)

    # -- MissionCrew -------------------------------------------------------------------------------

    def return_task(self) -> Task:
        """The way back: to the nearest of home and the rally points."""
        home, rally = Setpoint(*self.home, 0.0), self.lists.rally.items
        to = best_return(map(self.place, rally), home, self.here(), self.fence, self.parameters)
        ceiling_m = math.inf
        if self.fence.enabled & ALT_MAX:
            ceiling_m = self.parameters["FENCE_ALT_MAX"] - self.parameters["FENCE_MARGIN"]
        return ReturnHome(self.airframe, to, self.parameters, ceiling_m)

    def reached(self, seq: int) -> None:
        self.send(mavlink.MAVLink_mission_item_reached_message(seq))

    def going_to(self, seq: int) -> None:
        self.current_seq = seq
        self.send(self.mission_current())

    def mission_current(self) -> Any:
        """MISSION_CURRENT."""
        total = max(len(self.mission.items) - 1, 0)
        if not total:
            state = mavlink.MISSION_STATE_NO_MISSION
        elif self._mission_complete:
            state = mavlink.MISSION_STATE_COMPLETE
        elif self._run:
            active, held = mavlink.MISSION_STATE_ACTIVE, mavlink.MISSION_STATE_PAUSED
            state = held if self.paused else active
        else:
            state = mavlink.MISSION_STATE_NOT_STARTED
        return mavlink.MAVLink_mission_current_message(self.current_seq, total, state, 0)

    def change_speed(self, speed_m_s: float) -> bool:
        """DO_CHANGE_SPEED as a command: from now on, also on the present path."""
        if not self.set_cruise(speed_m_s):
            return False
        if self._run:
            self._run.replan()
        return True

    # -- arming and modes ------------------------------------------------------------------------

    def arm(self) -> bool:
        if self.armed:
            return True
        self._look_at_fence()
        refusal = arming.refusal(self)
        if refusal is not None:
            self.say(mavlink.MAV_SEVERITY_CRITICAL, refusal)
            return False
        self.armed = True
        self._armed_at_s = self.time_s
        self._run = None
        self._mission_complete = False
        self.current_seq = 0
        self.home = self.flat()
        self.flown_m = 0.0
        self.failsafes.armed()
        self.say(mavlink.MAV_SEVERITY_INFO, "Arming motors")
        return True

    def disarm(self, *, force: bool = False) -> bool:
        if self.armed and self.flying and not force:
            return False
        if self.armed:
            self.armed = self.flying = self.paused = False
            self._task = self._run = None
            self._pilot_lands_s = None
            self.record(False)
            self.camera.trigger_m = 0.0
            self.say(mavlink.MAV_SEVERITY_INFO, "Disarming motors")
        return True

    def set_mode(self, number: int) -> bool:
        """Change the mode; says why where it cannot."""
        if number not in MODES.values():
            return False
        if number == self.mode:
            return True
        name = mode_name(number)
        refusal = None
        if name in POSITION_MODES and not self.ekf_ok:
            refusal = "requires position"
        elif name == "AUTO" and not self._may_fly_mission():
            refusal = "init failed"
        if refusal:
            text = f"Mode change to {name} failed: {refusal}"
            self.say(mavlink.MAV_SEVERITY_WARNING, text)
            return False
        self.mode = number
        if self.flying:
            self._enter()
        return True

    def _may_fly_mission(self) -> bool:
        items = self.mission.items
        if len(items) < 2:
            return False
        first = next((i.command for i in items[1:] if i.is_nav), None)
        if self.armed and not self.flying and first != mavlink.MAV_CMD_NAV_TAKEOFF:
            self.say(mavlink.MAV_SEVERITY_CRITICAL, "Auto: Missing Takeoff Cmd")
            return False
        return True

    def change_mode(self, name: str) -> bool:
        """Change the mode by its name."""
        return self.set_mode(MODES[name])

    def _enter(self) -> None:
        """Begin what the present mode does in the air."""
        self._run = None
        self.paused = False
        self._pilot_lands_s = None
        airframe = self.airframe
        if self.mode == MODES["AUTO"]:
            if self._mission_complete or self.parameters["MIS_RESTART"]:
                self.current_seq = 1
            # Entering AUTO anew forgets the speed that a DO_CHANGE_SPEED set, as Copter 4.6 does.
            self.cruise_m_s = self.parameters["WPNAV_SPEED"] / 100
            self._start_mission(self.current_seq)
        elif self.mode in (MODES["RTL"], MODES["SMART_RTL"]):
            self._task = self.return_task()
        elif self.mode == MODES["LAND"]:
            self._task = Descend(airframe, stopping(airframe), self.parameters)
        else:  # without a pilot's sticks, STABILIZE too holds its place
            self._task = Hold(stopping(airframe))

    def pause(self, *, hold: bool) -> bool:
        """DO_PAUSE_CONTINUE: hold on the way to a waypoint, or go on."""
        run = self._run
        if not self.flying or self.mode != MODES["AUTO"] or run is None:
            return False
        if hold and not self.paused:
            if not run.on_its_way:
                return False
            self.paused = True
            self._task = Hold(stopping(self.airframe))
        elif not hold and self.paused:
            self._start_mission(run.seq)
        self.send(self.mission_current())
        return True

    def start_mission(self) -> bool:
        """MISSION_START: go to AUTO and, from the ground, take off."""
        if not self.armed:
            self.say(mavlink.MAV_SEVERITY_WARNING, "Mission start failed: not armed")
            return False
        if not self.change_mode("AUTO"):
            return False
        if not self.flying:
            if not self._may_fly_mission():
                return False
            self._leave_ground()
            self._start_mission(max(self.current_seq, 1))
        elif self._run and self._run.complete:
            self._start_mission(1)
        return True

    def _start_mission(self, first: int) -> None:
        self._run_version = self.mission.version
        self.paused = self._mission_complete = False
        self._run = MissionRun(self, tuple(self.mission.items), max(first, 1))

    def take_off(self, height_m: float) -> bool:
        """NAV_TAKEOFF as a command, in GUIDED."""
        if not self.armed or self.flying or self.mode != MODES["GUIDED"]:
            return False
        if not 0.5 <= height_m <= 1000:
            return False
        self._leave_ground()
        self._task = Climb(self.airframe, *self.flat(), height_m)
        return True

    def go_to(self, target: LonLat, above_home_m: float) -> bool:
        """A guided target."""
        if not self.flying or self.mode != MODES["GUIDED"]:
            return False
        point = self.projection.to_east_north(target)
        spot = stopping(self.airframe)
        stop = Stop(point.east_m, point.north_m, above_home_m, self.cruise_m_s)
        path = path_through(spot, [stop], self.parameters)
        self._task = (
            Follow(self.airframe, path)
            if path
            else Climb(self.airframe, spot.east, spot.north, above_home_m)
        )
        return True

    def set_current(self, seq: int) -> bool:
        """Go on from another item; where that is a DO item, it and those after it are carried
        out, then the next navigation item is flown."""
        if not 0 <= seq < len(self.mission.items) or len(self.mission.items) < 2:
            return False
        self.current_seq = seq
        self._mission_complete = False
        if self._run:
            self._start_mission(seq)
        else:
            self.send(self.mission_current())
        return True

    def _leave_ground(self) -> None:
        self.flying = True
        self._took_off_at_s = self.time_s
        self.drill.took_off(self.time_s)
        self.cruise_m_s = self.parameters["WPNAV_SPEED"] / 100
        self.begin_weather()

    # -- time ------------------------------------------------------------------------------------

    def step(self) -> None:
        """Advance by DT_S."""
        dt = self.DT_S
        self.ticks += 1
        if self.drill:
            self._carry_out_faults()
        if self.ticks % _FENCE_EVERY_TICKS == 0:
            self._look_at_fence()
        if self.armed:
            self.failsafes.watch_battery(dt)
        self._watch_position(dt)
        if self.flying:
            self._fly(dt)
        else:
            self.airframe.rest(dt)
            self.battery.drain(_IDLE_POWER_W, dt)
            idle_s = self.time_s - self._armed_at_s
            if self.armed and idle_s > self.parameters["DISARM_DELAY"] > 0:
                self.disarm()
        self.airframe.point_gimbal(dt, self.camera.pitch_deg)

    def _watch_position(self, dt: float) -> None:
        spoilt, jump_m = False, 0.0
        if self.drill:
            spoilt = self.drill.held("ekf", self.time_s) is not None
            jump_m = self.drill.value("glitch", self.time_s)
        fix = self.gps_ok or not self.booted
        if self.estimate.step(dt, fix=fix, jump_m=jump_m, spoilt=spoilt):
            self.failsafes.position_lost()
        self.airframe.off_east = self.estimate.off_east_m
        self.airframe.off_north = self.estimate.off_north_m

    def _look_at_fence(self) -> None:
        fence, stored = self.fence, self.lists.fence
        fence.load(stored.version, stored.items, self.projection)
        before = fence.breached
        fresh = fence.check(self.here(), Setpoint(*self.home, 0.0), self.time_s)
        self.failsafes.fence_checked(fresh, before)

    def _fly(self, dt: float) -> None:
        if self.time_s - self._took_off_at_s < _SPOOL_S:
            self.airframe.rest(dt)
            self.battery.drain(_SPOOL_POWER_W, dt)
            return
        task = self._next_task()
        airframe = self.airframe
        self.wind.step(dt, airframe.up, airframe.air_speed)
        blind = self.mode == MODES["LAND"] and not self.ekf_ok
        airframe.fly(dt, task.update(dt), self.wind, task.course_rad(), blind=blind)
        self.flown_m += airframe.ground_speed * dt
        self.battery.drain(flight_power_w(airframe.air_speed, airframe.v_up), dt)
        if self._run and self._run.complete:
            self._mission_complete = True
        if self.camera.trigger_m > 0 or self.camera.recording:
            self.camera.moved(self.time_s, self.flat())
        if task.done and (self._run or self.landing) and not self.paused:
            self.disarm(force=True)
        elif self.battery.left_wh <= 0 and not airframe.on_ground:
            self._fall()

    def _next_task(self) -> Task:
        run = self._run
        if run and self._run_version != self.mission.version and not self.mission.uploading:
            if len(self.mission.items) > 1:
                self._start_mission(min(run.seq, len(self.mission.items) - 1))
            else:
                self.change_mode("LOITER")
        task: Task | None = self._task if self.paused else self._run or self._task
        if task is None:
            task = self._task = Hold(stopping(self.airframe))
        return task

    def _fall(self) -> None:
        self.say(mavlink.MAV_SEVERITY_EMERGENCY, "Crash: battery exhausted")
        self.airframe.up = 0.0
        self.airframe.rest(self.DT_S)
        self.disarm(force=True)

    # -- faults that were ordered ----------------------------------------------------------------

    def _carry_out_faults(self) -> None:
        now_s = self.time_s
        self.drill.events(now_s, self._fault_begins, self._fault_ends)
        self.wind.gust_m_s = self.drill.value("gust", now_s)
        self.battery.sag_v = self.drill.value("sag", now_s)
        if self._pilot_lands_s is not None and now_s >= self._pilot_lands_s and self.flying:
            self._pilot_lands_s = None
            self._task = Descend(self.airframe, stopping(self.airframe), self.parameters)

    def _fault_begins(self, fault: Fault) -> None:
        if fault.kind == "battery":
            self.battery.drop_to(fault.value)
        elif fault.kind == "reboot":
            self.wants_reboot = True
        elif fault.kind == "pilot" and self.flying:
            self.change_mode(fault.mode)
            if fault.lasts is None and self.mode_name not in ("AUTO", "RTL", "LAND"):
                self._pilot_lands_s = self.time_s + _PILOT_LANDS_S

    def _fault_ends(self, fault: Fault) -> None:
        """The pilot gives it back, where it is still the pilot's to give."""
        if fault.kind != "pilot" or not self.flying or self.mode_name != fault.mode:
            return
        if not self.change_mode("AUTO"):
            self._pilot_lands_s = self.time_s
