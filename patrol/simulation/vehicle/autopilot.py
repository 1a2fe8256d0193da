"""The autopilot: modes, arming, failsafes and the camera, stepped in simulated time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.coordinates import EastNorth, LocalProjection, LonLat
from patrol.simulation.vehicle.auto import MissionRun
from patrol.simulation.vehicle.fence import Fence, nearest_return
from patrol.simulation.vehicle.items import StoredItem
from patrol.simulation.vehicle.mission import ItemLists
from patrol.simulation.vehicle.motion.airframe import Airframe
from patrol.simulation.vehicle.motion.battery import Battery, flight_power_w
from patrol.simulation.vehicle.motion.path import Setpoint, Stop
from patrol.simulation.vehicle.motion.wind import Wind
from patrol.simulation.vehicle.parameters import Parameters
from patrol.simulation.vehicle.safety import Safety
from patrol.simulation.vehicle.settings import VehicleSettings
from patrol.simulation.vehicle.tasks import (
    Climb,
    Descend,
    Follow,
    Hold,
    ReturnHome,
    Task,
    path_through,
    stopping,
)

__all__ = ["MODES", "Autopilot"]

# Copter's custom_mode numbers.
MODES = {
    "STABILIZE": 0,
    "ALT_HOLD": 2,
    "AUTO": 3,
    "GUIDED": 4,
    "LOITER": 5,
    "RTL": 6,
    "LAND": 9,
    "BRAKE": 17,
    "SMART_RTL": 21,
}
_NAMES = {number: name for name, number in MODES.items()}
_GPS_READY_S = 3.0
_EKF_READY_S = 6.0
_IDLE_POWER_W = 12.0
_SPOOL_S = 2.5  # until the motors turn fast enough to lift off
_SPOOL_POWER_W = 60.0


class Autopilot:
    """Everything of the vehicle but its link.

    `DT_S` is the step; `send` takes a MAVLink message to be sent, in order. Times are seconds
    since power-on.
    """

    DT_S = 0.05

    def __init__(self, settings: VehicleSettings, send: Callable[[Any], None]) -> None:
        self.settings = settings
        self.send = send
        self.projection = LocalProjection(settings.home)
        self.parameters = Parameters(SIM_SPEEDUP=settings.speedup, SIM_WIND_SPD=settings.wind_m_s)
        self.airframe = Airframe(settings.heading_deg)
        self.battery = Battery(settings.battery_wh, settings.battery_pct)
        self.parameters.set("BATT_CAPACITY", round(self.battery.capacity_mah))
        refuse = next((int(f.at) for f in settings.faults if f.kind == "item"), None)
        self.lists = ItemLists(send, self.say, self.home_item, refuse)
        self.mission = self.lists.mission
        self._fence: tuple[int, Fence] = (-1, Fence((), self.projection))
        self._begin_weather()
        self.ticks = 0
        self.mode = MODES["STABILIZE"]
        self.armed = False
        self.flying = False
        self.recording = False
        self.recording_since_s = 0.0
        self.trigger_m = 0.0  # metres from photo to photo; 0: none
        self.photos = 0
        self._photo_at = (0.0, 0.0)
        self.gimbal_pitch_deg = 0.0
        self.cruise_m_s = self.parameters["WPNAV_SPEED"] / 100
        self.current_seq = 0
        self.pose_changed = False  # something happened that a pose must be sent for at once
        self.flown_m = 0.0
        self._home = (0.0, 0.0)
        self._task: Task | None = None
        self._run: MissionRun | None = None
        self._run_version = 0
        self.paused = False
        self._armed_at_s = 0.0
        self.took_off_at_s = 0.0
        self.safety = Safety(self)

    # -- what others ask -------------------------------------------------------------------------

    @property
    def time_s(self) -> float:
        return self.ticks * self.DT_S

    @property
    def mode_name(self) -> str:
        return _NAMES[self.mode]

    @property
    def gps_ok(self) -> bool:
        return self.time_s >= _GPS_READY_S and not self.safety.gps_lost

    @property
    def ekf_ok(self) -> bool:
        return self.time_s >= _EKF_READY_S and not self.safety.position_lost

    @property
    def silent(self) -> bool:
        """The link is broken by a fault."""
        return self.safety.link_lost

    @property
    def landing(self) -> bool:
        if self._run:
            return self._run.landing
        task = self._task
        return isinstance(task, Descend) or (isinstance(task, ReturnHome) and task.landing)

    @property
    def fence(self) -> Fence:
        """The fence as it is now."""
        stored = self.lists.fence
        if self._fence[0] != stored.version:
            self._fence = (stored.version, Fence(stored.items, self.projection))
        return self._fence[1]

    def known_position(self) -> LonLat:
        """The position estimate."""
        return self._lonlat(self.airframe.known_east, self.airframe.known_north)

    def home_position(self) -> LonLat:
        return self._lonlat(*self._home)

    def home_item(self) -> StoredItem:
        home = self.home_position()
        return StoredItem(
            mavlink.MAV_CMD_NAV_WAYPOINT, mavlink.MAV_FRAME_GLOBAL, (0.0, 0.0, 0.0, 0.0),
            round(home.lat_deg * 1e7), round(home.lon_deg * 1e7),
            round(self.settings.home_msl_m * 100),
        )  # fmt: skip

    def _lonlat(self, east: float, north: float) -> LonLat:
        return self.projection.to_lonlat(EastNorth(east, north, self.projection))

    def say(self, severity: int, text: str) -> None:
        """Send a STATUSTEXT."""
        self.send(mavlink.MAVLink_statustext_message(severity, text.encode()[:50]))

    # -- MissionCrew -------------------------------------------------------------------------------

    def place(self, item: StoredItem) -> Setpoint:
        point = self.projection.to_east_north(LonLat(item.lon_deg, item.lat_deg))
        above = item.alt_m
        if item.frame == mavlink.MAV_FRAME_GLOBAL:
            above -= self.settings.home_msl_m
        return Setpoint(point.east_m, point.north_m, above)

    def home_point(self) -> Setpoint:
        return Setpoint(*self._home, 0.0)

    def reached(self, seq: int) -> None:
        self.send(mavlink.MAVLink_mission_item_reached_message(seq))

    def going_to(self, seq: int) -> None:
        self.current_seq = seq
        self.send_current()

    def send_current(self) -> None:
        total = max(len(self.mission.items) - 1, 0)
        state = (
            mavlink.MISSION_STATE_NO_MISSION
            if not total
            else mavlink.MISSION_STATE_COMPLETE
            if self._run and self._run.complete
            else mavlink.MISSION_STATE_PAUSED
            if self._run and self.paused
            else mavlink.MISSION_STATE_ACTIVE
            if self._run
            else mavlink.MISSION_STATE_NOT_STARTED
        )
        self.send(mavlink.MAVLink_mission_current_message(self.current_seq, total, state, 0))

    def do(self, item: StoredItem) -> None:
        """Carry out a DO item."""
        if item.command == mavlink.MAV_CMD_DO_CHANGE_SPEED:
            self.change_speed(item.params[1], replan=False)
        elif (
            item.command == mavlink.MAV_CMD_DO_MOUNT_CONTROL
            or item.command == mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW
        ):
            self.point_gimbal(item.params[0])
        elif item.command == mavlink.MAV_CMD_VIDEO_START_CAPTURE:
            self.record(True)
        elif item.command == mavlink.MAV_CMD_VIDEO_STOP_CAPTURE:
            self.record(False)
        elif item.command == mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST:
            self.trigger(item.params[0])

    def change_speed(self, speed_m_s: float, *, replan: bool) -> bool:
        if not 0.2 <= speed_m_s <= 20.0:
            return False
        self.cruise_m_s = speed_m_s
        if replan and self._run:
            self._run.replan()
        return True

    def point_gimbal(self, pitch_deg: float) -> bool:
        if not -90.0 <= pitch_deg <= 30.0:
            return False
        self.gimbal_pitch_deg = pitch_deg
        return True

    def trigger(self, distance_m: float) -> bool:
        """A photo each so many metres, 0 for none."""
        self.trigger_m = max(0.0, distance_m)
        self.pose_changed = True
        if self.trigger_m > 0:
            self._shoot()
        return True

    def _shoot(self) -> None:
        self.photos += 1
        air = self.airframe
        self._photo_at = (air.known_east, air.known_north)
        position = self.known_position()
        lat_e7, lon_e7 = round(position.lat_deg * 1e7), round(position.lon_deg * 1e7)
        up = air.known_up
        self.send(
            mavlink.MAVLink_camera_feedback_message(
                round((self.settings.start_s + self.time_s) * 1e6), 1, 0, self.photos,
                lat_e7, lon_e7, self.settings.home_msl_m + up, up, math.degrees(air.roll),
                math.degrees(air.pitch), math.degrees(air.yaw) % 360, 0.0,
                mavlink.CAMERA_FEEDBACK_PHOTO,
            )
        )  # fmt: skip

    def record(self, on: bool) -> None:
        if on != self.recording:
            self.recording = on
            self.recording_since_s = self.time_s
            self.pose_changed = True

    # -- arming and modes ------------------------------------------------------------------------

    def arm_refusal(self) -> str | None:
        """Why the vehicle may not be armed now; None where it may."""
        if any(fault.kind == "arming" for fault in self.settings.faults):
            return "PreArm: Compass not calibrated"
        if not self.gps_ok:
            return "PreArm: GPS 1: Bad fix"
        if not self.ekf_ok:
            return "PreArm: Need Position Estimate"
        if self.battery.percent < self.parameters["BATT_ARM_PCT"]:
            return f"PreArm: Battery 1 low: {self.battery.percent:.0f} percent"
        air = self.airframe
        fence_refusal = self.fence.arm_refusal(
            self.parameters, air.known_east, air.known_north, air.known_up
        )
        if fence_refusal:
            return fence_refusal
        need_takeoff = int(self.parameters["ARMING_MIS_ITEMS"]) & 8
        if need_takeoff and not self._has_takeoff():
            return "PreArm: Missing mission item: takeoff"
        if self.mode in (MODES["RTL"], MODES["LAND"], MODES["BRAKE"]) or (
            self.mode == MODES["AUTO"] and not int(self.parameters["AUTO_OPTIONS"]) & 1
        ):
            return f"Arm: {self.mode_name} mode not armable"
        return None

    def _has_takeoff(self) -> bool:
        return any(i.command == mavlink.MAV_CMD_NAV_TAKEOFF for i in self.mission.items)

    def arm(self) -> bool:
        if self.armed:
            return True
        refusal = self.arm_refusal()
        if refusal is not None:
            self.say(mavlink.MAV_SEVERITY_CRITICAL, refusal)
            return False
        self.armed = True
        self._armed_at_s = self.time_s
        self._run = None
        self.current_seq = 0
        self._home = (self.airframe.known_east, self.airframe.known_north)
        self.flown_m = 0.0
        self.say(mavlink.MAV_SEVERITY_INFO, "Arming motors")
        return True

    def disarm(self, *, force: bool = False) -> bool:
        if self.armed and self.flying and not force:
            return False
        if self.armed:
            self.armed = self.flying = False
            self._task = self._run = None
            self.record(False)
            self.trigger_m = 0.0
            self.say(mavlink.MAV_SEVERITY_INFO, "Disarming motors")
        return True

    def set_mode(self, number: int) -> bool:
        """Change the mode; says why where it cannot."""
        if number not in _NAMES:
            return False
        name = _NAMES[number]
        refusal = None
        if name != "STABILIZE" and not self.ekf_ok and not (name == "LAND" and self.armed):
            refusal = "requires position"
        elif name == "AUTO" and len(self.mission.items) < 2:
            refusal = "no mission"
        elif name == "AUTO" and self.mission.uploading:
            refusal = "mission upload under way"
        if refusal:
            text = f"Mode change to {name} failed: {refusal}"
            self.say(mavlink.MAV_SEVERITY_WARNING, text)
            return False
        changed = number != self.mode
        self.mode = number
        if self.flying and changed:
            self._enter()
        return True

    def change_mode(self, name: str) -> bool:
        """Change the mode by its name."""
        return self.set_mode(MODES[name])

    def _enter(self) -> None:
        """Begin what the present mode does in the air."""
        resume = self._run.seq if self._run and not self._run.complete else 1
        self._run = None
        self.paused = False
        airframe = self.airframe
        if self.mode == MODES["AUTO"]:
            self._start_mission(max(resume, self.current_seq))
        elif self.mode in (MODES["RTL"], MODES["SMART_RTL"]):
            self._task = ReturnHome(airframe, self.return_point(), self.parameters)
        elif self.mode == MODES["LAND"]:
            self._task = Descend(airframe, stopping(airframe), self.parameters)
        else:  # without a pilot's sticks, STABILIZE too holds its place
            self._task = Hold(stopping(airframe))

    def return_point(self) -> Setpoint:
        """Where a return leads, `up` the height to return at."""
        here = (self.airframe.known_east, self.airframe.known_north)
        return nearest_return(
            self.lists.rally.items, self.home_point(), here, self.projection, self.parameters
        )

    def pilot_lands(self) -> None:
        """The pilot brings it down by the sticks, in the mode that it is in."""
        if self.flying and self.mode != MODES["AUTO"]:
            self._run = None
            self._task = Descend(self.airframe, stopping(self.airframe), self.parameters)

    def pause(self, *, hold: bool) -> bool:
        """DO_PAUSE_CONTINUE: hold on the mission, or go on; refused where it is not flown."""
        if not self.flying or self.mode != MODES["AUTO"] or self._run is None:
            return False
        if hold and not self.paused:
            self.paused = True
            self._task = Hold(stopping(self.airframe))
        elif not hold and self.paused:
            self.paused = False
            self._start_mission(self._run.seq)
        self.send_current()
        return True

    def start_mission(self) -> bool:
        """MISSION_START: go to AUTO and, from the ground, take off."""
        if not self.armed or not self.set_mode(MODES["AUTO"]):
            return False
        if self.flying:
            return True
        nav = next((i for i in self.mission.items[1:] if i.is_nav), None)
        if nav is None or nav.command != mavlink.MAV_CMD_NAV_TAKEOFF:
            self.say(mavlink.MAV_SEVERITY_CRITICAL, "Auto: Missing Takeoff Cmd")
            return False
        self._leave_ground()
        self._start_mission(1)
        return True

    def _start_mission(self, first: int) -> None:
        self._run_version = self.mission.version
        self.paused = False
        self._run = MissionRun(self, tuple(self.mission.items), first)

    def take_off(self, height_m: float) -> bool:
        """NAV_TAKEOFF as a command, in GUIDED."""
        if not self.armed or self.flying or self.mode != MODES["GUIDED"]:
            return False
        if not 0.5 <= height_m <= 1000:
            return False
        self._leave_ground()
        airframe = self.airframe
        self._task = Climb(airframe, airframe.known_east, airframe.known_north, height_m)
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
        """MISSION_SET_CURRENT: go on from another item."""
        if not 0 <= seq < max(len(self.mission.items), 1):
            return False
        self.current_seq = seq
        if self._run:
            self._start_mission(max(seq, 1))
        else:
            self.send_current()
        return True

    def _leave_ground(self) -> None:
        self.flying = True
        self.took_off_at_s = self.time_s
        self.cruise_m_s = self.parameters["WPNAV_SPEED"] / 100
        self._begin_weather()

    def _begin_weather(self) -> None:
        """Wind and errors start from the seed at take-off, so that a flight repeats exactly
        however long the ground hand-shakes took in wall time."""
        settings = self.settings
        rng = random.Random(f"river-patrol vehicle {settings.seed}")
        direction = rng.uniform(0, 360)
        if settings.wind_from_deg is not None:
            direction = settings.wind_from_deg
        self.parameters.set("SIM_WIND_DIR", direction)
        self.wind = Wind(settings.wind_m_s, direction, rng)
        self.airframe.take_noise(rng)

    # -- time ------------------------------------------------------------------------------------

    def step(self) -> None:
        """Advance by DT_S."""
        dt = self.DT_S
        self.ticks += 1
        if self.flying:
            self.safety.watch(dt)
            self._fly(dt)
        else:
            self.airframe.rest(dt)
            self.battery.drain(_IDLE_POWER_W, dt)
            idle = self.time_s - self._armed_at_s
            if self.armed and idle > self.parameters["DISARM_DELAY"] > 0:
                self.disarm()
        self.airframe.point_gimbal(dt, self.gimbal_pitch_deg)

    def _fly(self, dt: float) -> None:
        if self.time_s - self.took_off_at_s < _SPOOL_S:
            self.airframe.rest(dt)
            self.battery.drain(_SPOOL_POWER_W, dt)
            return
        run = self._run
        if run and self._run_version != self.mission.version and not self.mission.uploading:
            if len(self.mission.items) > 1:
                self._start_mission(min(run.seq, len(self.mission.items) - 1))
            else:
                self.set_mode(MODES["LOITER"])
        task: Task | None = self._task if self.paused else self._run or self._task
        if task is None:
            task = self._task = Hold(stopping(self.airframe))
        self.wind.step(dt, self.airframe.up, self.airframe.air_speed)
        self.airframe.fly(dt, task.update(dt), self.wind, task.course_rad())
        self.flown_m += self.airframe.ground_speed * dt
        self.battery.drain(flight_power_w(self.airframe.air_speed, self.airframe.v_up), dt)
        if self.trigger_m > 0:
            east, north = self._photo_at
            air = self.airframe
            if math.hypot(air.known_east - east, air.known_north - north) >= self.trigger_m:
                self._shoot()
        if task.done and (self._run or self.landing) and not self.paused:
            self.disarm(force=True)
        elif self.battery.left_wh <= 0 and not self.airframe.on_ground:
            self._fall()

    def restarted(self, send: Callable[[Any], None]) -> Autopilot:
        """The autopilot after a restart: its clock at nothing, its body where it fell, its lists
        and parameters as they were."""
        now_s = self.settings.start_s + self.time_s
        after = [f for f in self.settings.faults if f.kind != "reboot"]
        fresh = Autopilot(replace(self.settings, start_s=now_s, faults=tuple(after)), send)
        for old, new in (
            (self.lists.mission, fresh.lists.mission),
            (self.lists.fence, fresh.lists.fence),
            (self.lists.rally, fresh.lists.rally),
        ):
            new.items = old.items
            new.version = old.version + 1
        fresh.parameters = self.parameters
        fresh.battery = self.battery
        for name in ("east", "north", "yaw"):
            setattr(fresh.airframe, name, getattr(self.airframe, name))
        fresh._home = (fresh.airframe.east, fresh.airframe.north)
        return fresh

    def _fall(self) -> None:
        self.say(mavlink.MAV_SEVERITY_EMERGENCY, "Crash: battery exhausted")
        self.airframe.up = 0.0
        self.airframe.rest(self.DT_S)
        self.disarm(force=True)
