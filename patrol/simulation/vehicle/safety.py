"""What goes wrong, and what the autopilot does about it."""

from __future__ import annotations

from typing import Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.simulation.vehicle.motion.battery import Battery
from patrol.simulation.vehicle.parameters import Parameters
from patrol.simulation.vehicle.settings import VehicleSettings

__all__ = ["Safety"]

_POSITION_PATIENCE_S = 4.0  # without a fix, until the position estimate is given up


class _Guarded(Protocol):
    """What the failsafes need of the autopilot."""

    settings: VehicleSettings
    battery: Battery
    parameters: Parameters
    took_off_at_s: float
    flying: bool

    @property
    def time_s(self) -> float: ...

    @property
    def gps_ok(self) -> bool: ...

    @property
    def landing(self) -> bool: ...

    @property
    def mode_name(self) -> str: ...

    def say(self, severity: int, text: str) -> None: ...

    def change_mode(self, name: str) -> bool: ...


class Safety:
    """Carries out the faults that were ordered, and the failsafes for whatever goes wrong."""

    def __init__(self, vehicle: _Guarded) -> None:
        self._vehicle = vehicle
        self._happened: set[str] = set()
        self._no_fix_s = 0.0
        self._battery_stage = 0

    @property
    def gps_lost(self) -> bool:
        return "gps" in self._happened

    @property
    def link_lost(self) -> bool:
        return "link" in self._happened

    @property
    def position_lost(self) -> bool:
        return self._no_fix_s >= _POSITION_PATIENCE_S

    def watch(self, dt_s: float) -> None:
        """Once a step, in the air."""
        self._faults()
        self._position(dt_s)
        self._battery()

    def ground_station_lost(self) -> None:
        """No heartbeat of the ground station for too long (judged by the link, in wall time)."""
        if self._vehicle.flying and self._vehicle.parameters["FS_GCS_ENABLE"]:
            self._act("GCS", 2)

    def _faults(self) -> None:
        vehicle = self._vehicle
        flown_s = vehicle.time_s - vehicle.took_off_at_s
        for fault in vehicle.settings.faults:
            if fault.kind in ("gps", "battery", "link") and flown_s >= fault.at:
                if fault.kind == "battery" and "battery" not in self._happened:
                    vehicle.battery.drop_to(fault.value)
                self._happened.add(fault.kind)

    def _position(self, dt_s: float) -> None:
        vehicle = self._vehicle
        if vehicle.gps_ok:
            self._no_fix_s = 0.0
            return
        if self._no_fix_s == 0.0:
            vehicle.say(mavlink.MAV_SEVERITY_CRITICAL, "GPS Glitch or Compass error")
        before, self._no_fix_s = self._no_fix_s, self._no_fix_s + dt_s
        if before < _POSITION_PATIENCE_S <= self._no_fix_s and vehicle.parameters["FS_EKF_ACTION"]:
            vehicle.say(mavlink.MAV_SEVERITY_CRITICAL, "EKF Failsafe: changed to LAND Mode")
            vehicle.change_mode("LAND")

    def _battery(self) -> None:
        vehicle = self._vehicle
        battery = vehicle.battery
        for stage, word, limit, action in (
            (1, "low", "BATT_LOW_PCT", "BATT_FS_LOW_ACT"),
            (2, "critical", "BATT_CRT_PCT", "BATT_FS_CRT_ACT"),
        ):
            if self._battery_stage < stage and battery.percent < vehicle.parameters[limit]:
                self._battery_stage = stage
                state = f"{battery.voltage_v:.2f}V used {battery.used_mah:.0f} mAh"
                vehicle.say(mavlink.MAV_SEVERITY_WARNING, f"Battery 1 is {word} {state}")
                self._act("Battery", int(vehicle.parameters[action]))

    def _act(self, what: str, action: int) -> None:
        mode = {1: "LAND", 2: "RTL"}.get(action)
        vehicle = self._vehicle
        if mode is None or vehicle.mode_name in ("LAND", mode) or vehicle.landing:
            return
        vehicle.say(mavlink.MAV_SEVERITY_WARNING, f"{what} Failsafe - {mode}")
        vehicle.change_mode(mode)
