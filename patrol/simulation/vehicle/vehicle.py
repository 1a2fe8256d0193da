"""The vehicle as such: what it has, where it is, what it knows of itself."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.coordinates import EastNorth, LocalProjection, LonLat
from patrol.simulation.vehicle.camera import Camera
from patrol.simulation.vehicle.guards.drill import Drill
from patrol.simulation.vehicle.guards.fence import FenceGuard
from patrol.simulation.vehicle.guards.position import PositionEstimate
from patrol.simulation.vehicle.items import StoredItem
from patrol.simulation.vehicle.mission import ItemLists
from patrol.simulation.vehicle.motion.airframe import Airframe
from patrol.simulation.vehicle.motion.battery import Battery
from patrol.simulation.vehicle.motion.path import Setpoint
from patrol.simulation.vehicle.motion.wind import Wind
from patrol.simulation.vehicle.parameters import Parameters
from patrol.simulation.vehicle.settings import VehicleSettings

__all__ = ["MODES", "Vehicle", "mode_name"]

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


def mode_name(number: int) -> str:
    """The name of a custom_mode that it has."""
    return _NAMES[number]


class Vehicle:
    """Body, battery, camera, lists and parameters.

    `DT_S` is the step; `send` takes a MAVLink message to be sent, in order. Times are seconds
    since power-on, lengths metres.
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
        self.camera = Camera(settings.card_mb, self._photo_taken)
        self.drill = Drill(settings.faults)
        self.fence = FenceGuard(self.parameters)
        drift_rad = random.Random(f"river-patrol drift {settings.seed}").uniform(0, math.tau)
        self.estimate = PositionEstimate(self.say, drift_rad)
        self.begin_weather()
        self.ticks = 0
        self.mode = MODES["STABILIZE"]
        self.armed = False
        self.flying = False
        self.cruise_m_s = self.parameters["WPNAV_SPEED"] / 100
        self.home = (0.0, 0.0)  # east, north
        self.flown_m = 0.0

    # -- what it knows ---------------------------------------------------------------------------

    @property
    def time_s(self) -> float:
        return self.ticks * self.DT_S

    @property
    def mode_name(self) -> str:
        return mode_name(self.mode)

    @property
    def booted(self) -> bool:
        """The GPS has had the time to find itself."""
        return self.time_s >= _GPS_READY_S

    @property
    def gps_ok(self) -> bool:
        lost = self.drill and self.drill.held("gps", self.time_s) is not None
        return self.booted and not lost

    @property
    def ekf_ok(self) -> bool:
        return self.time_s >= _EKF_READY_S and not self.estimate.lost

    @property
    def silent(self) -> bool:
        """The link is broken by a fault."""
        return bool(self.drill) and self.drill.held("link", self.time_s) is not None

    def known_position(self) -> LonLat:
        """The position estimate."""
        return self._lonlat(self.airframe.known_east, self.airframe.known_north)

    def gps_position(self) -> LonLat:
        """What the GPS says, right or wrong."""
        air = self.airframe
        jump_m = self.drill.value("glitch", self.time_s) if self.drill else 0.0
        if not jump_m:
            return self.known_position()
        return self._lonlat(air.east + jump_m, air.north)

    def home_position(self) -> LonLat:
        return self._lonlat(*self.home)

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

    def place(self, item: StoredItem) -> Setpoint:
        point = self.projection.to_east_north(LonLat(item.lon_deg, item.lat_deg))
        above = item.alt_m
        if item.frame == mavlink.MAV_FRAME_GLOBAL:
            above -= self.settings.home_msl_m
        return Setpoint(point.east_m, point.north_m, above)

    def here(self) -> Setpoint:
        air = self.airframe
        return Setpoint(air.known_east, air.known_north, air.known_up)

    def do(self, item: StoredItem) -> None:
        """Carry out a DO item."""
        first = item.params[0]
        if item.command == mavlink.MAV_CMD_DO_CHANGE_SPEED:
            self.set_cruise(item.params[1])
        elif item.command in (
            mavlink.MAV_CMD_DO_MOUNT_CONTROL,
            mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW,
        ):
            self.camera.point(first)
        elif item.command in (
            mavlink.MAV_CMD_VIDEO_START_CAPTURE,
            mavlink.MAV_CMD_VIDEO_STOP_CAPTURE,
        ):
            self.record(item.command == mavlink.MAV_CMD_VIDEO_START_CAPTURE)
        elif item.command == mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST:
            self.trigger(first)
        elif item.command in (
            mavlink.MAV_CMD_DO_DIGICAM_CONTROL,
            mavlink.MAV_CMD_IMAGE_START_CAPTURE,
        ):
            self.shoot()
        elif item.command == mavlink.MAV_CMD_DO_FENCE_ENABLE:
            self.fence.switch(first != 0)

    def set_cruise(self, speed_m_s: float) -> bool:
        """The speed between waypoints from here on; False where it cannot be flown."""
        if not 0.2 <= speed_m_s <= 20.0:
            return False
        self.cruise_m_s = speed_m_s
        return True

    # -- camera ----------------------------------------------------------------------------------

    def flat(self) -> tuple[float, float]:
        return (self.airframe.known_east, self.airframe.known_north)

    def record(self, on: bool) -> bool:
        """Film, or stop filming; False where the card is full."""
        return self.camera.record(on, self.time_s)

    def trigger(self, distance_m: float) -> bool:
        """A photo each so many metres, 0 for none."""
        return self.camera.trigger(distance_m, self.time_s, self.flat())

    def shoot(self) -> bool:
        return self.camera.shoot(self.time_s, self.flat())

    def _photo_taken(self) -> None:
        air = self.airframe
        position = self.known_position()
        lat_e7, lon_e7 = round(position.lat_deg * 1e7), round(position.lon_deg * 1e7)
        up = air.known_up
        self.send(
            mavlink.MAVLink_camera_feedback_message(
                round((self.settings.start_s + self.time_s) * 1e6), 1, 0, self.camera.photos,
                lat_e7, lon_e7, self.settings.home_msl_m + up, up, math.degrees(air.roll),
                math.degrees(air.pitch), math.degrees(air.yaw) % 360, 0.0,
                mavlink.CAMERA_FEEDBACK_PHOTO,
            )
        )  # fmt: skip

    def begin_weather(self) -> None:
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
