"""What the autopilot does about what goes wrong: ArduCopter's failsafes and their words.

After ArduCopter 4.6's events.cpp, fence.cpp, ekf_check.cpp and AP_BattMonitor.
"""

from __future__ import annotations

from typing import Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.simulation.vehicle.guards.fence import FenceGuard, fence_names
from patrol.simulation.vehicle.motion.battery import Battery
from patrol.simulation.vehicle.parameters import Parameters

__all__ = ["POSITION_MODES", "Failsafes"]

# Modes that need to know where they are.
POSITION_MODES = ("AUTO", "GUIDED", "LOITER", "RTL", "BRAKE", "SMART_RTL")
_PILOTED = ("STABILIZE", "ALT_HOLD", "LOITER")
# What each value of BATT_FS_..._ACT, FS_GCS_ENABLE and FENCE_ACTION tries, one after another.
_BATTERY: dict[int, tuple[str, ...]] = {
    1: ("LAND",), 2: ("RTL", "LAND"), 3: ("SMART_RTL", "RTL", "LAND"), 4: ("SMART_RTL", "LAND"),
    6: ("RTL", "LAND"), 7: ("BRAKE", "LAND"),
}  # fmt: skip
_GROUND_STATION = {
    1: ("RTL", "LAND"), 2: ("RTL", "LAND"), 3: ("SMART_RTL", "RTL", "LAND"),
    4: ("SMART_RTL", "LAND"), 5: ("LAND",), 6: ("RTL", "LAND"), 7: ("BRAKE", "LAND"),
}  # fmt: skip
_FENCE = {
    2: ("LAND",), 3: ("SMART_RTL", "RTL", "LAND"), 4: ("BRAKE", "LAND"), 5: ("SMART_RTL", "LAND")
}  # fmt: skip
_RETURN = ("RTL", "LAND")
_BATTERY_STAGES = (
    (2, "critical", "BATT_CRT_PCT", "BATT_CRT_VOLT", "BATT_FS_CRT_ACT"),
    (1, "low", "BATT_LOW_PCT", "BATT_LOW_VOLT", "BATT_FS_LOW_ACT"),
)
_GIVE_UP_M = 100.0  # so far outside its fence a vehicle only lands
# Bits of FS_OPTIONS.
_CONTINUE_IN_AUTO, _CONTINUE_LANDING, _CONTINUE_PILOTED = 2, 8, 16
_CRITICAL = mavlink.MAV_SEVERITY_CRITICAL
_WARNING = mavlink.MAV_SEVERITY_WARNING
_NOTICE = mavlink.MAV_SEVERITY_NOTICE


class _Guarded(Protocol):
    """What the failsafes need of the autopilot."""

    battery: Battery
    parameters: Parameters
    fence: FenceGuard
    armed: bool
    flying: bool

    @property
    def landing(self) -> bool: ...

    @property
    def mode_name(self) -> str: ...

    def say(self, severity: int, text: str) -> None: ...

    def change_mode(self, name: str) -> bool: ...

    def disarm(self, *, force: bool = False) -> bool: ...


class Failsafes:
    """Watches battery, ground station, position and fence of one vehicle."""

    def __init__(self, vehicle: _Guarded) -> None:
        self._vehicle = vehicle
        self.battery_stage = 0  # 0 good, 1 low, 2 critical
        self._low_voltage_s = [0.0, 0.0]
        self._ground_station_lost = False

    # -- battery ---------------------------------------------------------------------------------

    def armed(self) -> None:
        """A new flight begins."""
        self._low_voltage_s = [0.0, 0.0]

    def watch_battery(self, dt_s: float) -> None:
        """Once a step while armed: percent at once, volts when they stay low for long enough."""
        if self.battery_stage == 2:
            return
        battery, parameters = self._vehicle.battery, self._vehicle.parameters
        percent, volts = battery.percent, battery.voltage_v
        timer_s = parameters["BATT_LOW_TIMER"]
        for stage, word, percent_name, volt_name, action in _BATTERY_STAGES:
            under = volts < parameters[volt_name]
            low_s = self._low_voltage_s[stage - 1] + dt_s if under else 0.0
            self._low_voltage_s[stage - 1] = low_s
            if self.battery_stage < stage and (
                percent < parameters[percent_name] or low_s > timer_s > 0
            ):
                self.battery_stage = stage
                self._vehicle.say(
                    _WARNING, f"Battery 1 is {word} {volts:.2f}V used {battery.used_mah:.0f} mAh"
                )
                self._battery_action(int(parameters[action]))

    def _battery_action(self, action: int) -> None:
        modes = _BATTERY.get(action, ())
        if self._on_the_ground("Battery"):
            return
        if modes and self._vehicle.landing and self._option(_CONTINUE_LANDING):
            self._announce("Battery", "Continuing Landing")
            return
        self._announce("Battery")
        self._try(modes)

    # -- ground station --------------------------------------------------------------------------

    def watch_ground_station(self, *, lost: bool) -> None:
        """Whether the ground station has been silent for longer than FS_GCS_TIMEOUT."""
        enabled = int(self._vehicle.parameters["FS_GCS_ENABLE"])
        if lost == self._ground_station_lost or not enabled:
            return
        self._ground_station_lost = lost
        if not lost:
            self._vehicle.say(_WARNING, "GCS Failsafe Cleared")
            return
        vehicle = self._vehicle
        if not vehicle.armed:
            self._announce("GCS")
        elif self._on_the_ground("GCS"):
            pass
        elif vehicle.landing and self.battery_stage == 2:
            self._announce("GCS + Battery", "Continuing Landing")
        elif vehicle.landing and self._option(_CONTINUE_LANDING):
            self._announce("GCS", "Continuing Landing")
        elif vehicle.mode_name == "AUTO" and self._option(_CONTINUE_IN_AUTO):
            self._announce("GCS", "Continuing Auto Mode")
        elif vehicle.mode_name in _PILOTED and self._option(_CONTINUE_PILOTED):
            self._announce("GCS", "Continuing Pilot Control")
        else:
            self._announce("GCS")
            self._try(_GROUND_STATION.get(enabled, _RETURN))

    # -- position and fence ----------------------------------------------------------------------

    def position_lost(self) -> None:
        """The EKF failsafe begins."""
        vehicle = self._vehicle
        action = int(vehicle.parameters["FS_EKF_ACTION"])
        if not vehicle.flying or not action:
            return
        if vehicle.mode_name not in POSITION_MODES and action != 3:
            return
        if action != 2 or not vehicle.change_mode("ALT_HOLD"):
            vehicle.change_mode("LAND")
        vehicle.say(_CRITICAL, f"EKF Failsafe: changed to {vehicle.mode_name} Mode")

    def fence_checked(self, fresh: int, before: int) -> None:
        """Bits of the fences breached just now, and of those breached before."""
        vehicle = self._vehicle
        if not fresh:
            if before and not vehicle.fence.breached and vehicle.flying:
                vehicle.say(_NOTICE, "Fence breach cleared")
            return
        if not vehicle.flying:
            return
        vehicle.say(_NOTICE, f"{fence_names(fresh)} breached")
        action = int(vehicle.parameters["FENCE_ACTION"])
        if not action:
            return
        too_far = vehicle.fence.beyond_m(fresh) > _GIVE_UP_M
        self._try(("LAND",) if too_far else _FENCE.get(action, _RETURN))

    # -- how -------------------------------------------------------------------------------------

    def _option(self, bit: int) -> bool:
        return bool(int(self._vehicle.parameters["FS_OPTIONS"]) & bit)

    def _announce(self, what: str, action: str = "") -> None:
        self._vehicle.say(_WARNING, f"{what} Failsafe{' - ' if action else ''}{action}")

    def _on_the_ground(self, what: str) -> bool:
        if self._vehicle.flying:
            return False
        self._vehicle.disarm(force=True)
        self._announce(what, "Disarming")
        return True

    def _try(self, modes: tuple[str, ...]) -> None:
        for mode in modes:
            if self._vehicle.change_mode(mode):
                return
