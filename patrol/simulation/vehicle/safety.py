"""What goes wrong, and what the autopilot does about it (ArduCopter's failsafes and their words)."""

from __future__ import annotations

from typing import Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.simulation.vehicle.faults import Fault, FaultKind
from patrol.simulation.vehicle.fence import Fence, fence_names
from patrol.simulation.vehicle.motion.airframe import Airframe
from patrol.simulation.vehicle.motion.battery import Battery
from patrol.simulation.vehicle.motion.wind import Wind
from patrol.simulation.vehicle.parameters import Parameters
from patrol.simulation.vehicle.settings import VehicleSettings

__all__ = ["Safety"]

_POSITION_PATIENCE_S = 4.0  # without a fix, until the position estimate is given up
_GLITCH_PATIENCE_S = 10.0  # with a fix that cannot be right
_SMALL_GLITCH_M = 10.0  # taken for a movement
_FENCE_EVERY_S = 0.5
_GIVE_UP_M = 100.0  # so far outside its fence a vehicle only lands
_PILOT_LANDS_S = 20.0  # a pilot who took over and does not give it back
_CRITICAL = mavlink.MAV_SEVERITY_CRITICAL
_WARNING = mavlink.MAV_SEVERITY_WARNING
_NOTICE = mavlink.MAV_SEVERITY_NOTICE


class _Guarded(Protocol):
    """What the failsafes need of the autopilot."""

    settings: VehicleSettings
    airframe: Airframe
    battery: Battery
    parameters: Parameters
    wind: Wind
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

    @property
    def fence(self) -> Fence: ...

    def say(self, severity: int, text: str) -> None: ...

    def change_mode(self, name: str) -> bool: ...

    def pilot_lands(self) -> None: ...


class Safety:
    """Carries out the faults that were ordered, and the failsafes for whatever goes wrong."""

    def __init__(self, vehicle: _Guarded) -> None:
        self._vehicle = vehicle
        self._happened: set[Fault] = set()
        self._no_fix_s = 0.0
        self._big_glitch = False
        self._glitch_s = 0.0
        self._estimate_given_up = False
        self._battery_stage = 0
        self._low_voltage_s = [0.0, 0.0]
        self._fence_due_s = 0.0
        self.breached = 0  # bits of the fences that are breached
        self.breach_count = 0
        self.breached_at_s = 0.0
        self._pilot_lands_s: float | None = None
        self.wants_reboot = False
        self._has_weather = any(
            f.kind in ("loss", "duplicate", "reorder", "latency") for f in vehicle.settings.faults
        )

    # -- what is so now ------------------------------------------------------------------------

    def fault(self, *kinds: FaultKind) -> Fault | None:
        """A fault of these kinds that holds now."""
        vehicle = self._vehicle
        if not vehicle.settings.faults:
            return None
        flown_s = vehicle.time_s - vehicle.took_off_at_s if vehicle.flying else -1.0
        for fault in vehicle.settings.faults:
            if fault.kind not in kinds:
                continue
            since_s = flown_s
            if fault.kind in ("loss", "duplicate", "reorder", "latency") and fault.at == 0.0:
                since_s = vehicle.time_s
            # What began in the air goes on on the ground.
            if since_s >= 0 and fault.is_on(since_s):
                return fault
            if since_s < 0 and fault in self._happened and fault.lasts is None:
                return fault
        return None

    @property
    def has_weather(self) -> bool:
        """Whether any fault of the radio link was ordered."""
        return self._has_weather

    @property
    def gps_lost(self) -> bool:
        return self.fault("gps") is not None

    @property
    def link_lost(self) -> bool:
        return self.fault("link") is not None

    @property
    def position_lost(self) -> bool:
        return (
            self._no_fix_s >= _POSITION_PATIENCE_S
            or self._glitch_s >= _GLITCH_PATIENCE_S
            or self.fault("ekf") is not None
        )

    # -- once a step, in the air -----------------------------------------------------------------

    def watch(self, dt_s: float) -> None:
        self._faults()
        self._position(dt_s)
        self._battery(dt_s)
        self._fence()
        if self._pilot_lands_s is not None and self._vehicle.time_s >= self._pilot_lands_s:
            self._pilot_lands_s = None
            self._vehicle.pilot_lands()

    def ground_station_lost(self) -> None:
        """No heartbeat of the ground station for too long (judged by the link)."""
        if self._vehicle.flying and self._vehicle.parameters["FS_GCS_ENABLE"]:
            self._act("GCS", 2)

    def _faults(self) -> None:
        vehicle = self._vehicle
        flown_s = vehicle.time_s - vehicle.took_off_at_s
        gust = 0.0
        glitch_m = 0.0
        for fault in vehicle.settings.faults:
            if fault.kind == "item" or not fault.is_on(flown_s):
                continue
            if fault.kind == "gust":
                gust = fault.value
            elif fault.kind == "glitch":
                glitch_m = fault.value
            elif fault.kind == "sag":
                vehicle.battery.sag_v = fault.value
            if fault not in self._happened:
                self._happened.add(fault)
                self._begin(fault)
        for fault in list(self._happened):
            if fault.lasts is not None and flown_s >= fault.at + fault.lasts:
                self._end(fault)
        vehicle.wind.gust_m_s = gust
        vehicle.airframe.glitch_m = glitch_m if glitch_m <= _SMALL_GLITCH_M else 0.0
        self._big_glitch = glitch_m > _SMALL_GLITCH_M

    def _begin(self, fault: Fault) -> None:
        vehicle = self._vehicle
        if fault.kind == "battery":
            vehicle.battery.drop_to(fault.value)
        elif fault.kind == "reboot":
            self.wants_reboot = True
        elif fault.kind == "pilot" and not vehicle.landing:
            vehicle.change_mode(fault.mode)
            if fault.lasts is None and fault.mode not in ("RTL", "LAND"):
                self._pilot_lands_s = vehicle.time_s + _PILOT_LANDS_S

    def _end(self, fault: Fault) -> None:
        ended = Fault(fault.kind, fault.at, fault.value, 1e-9, fault.mode)
        if ended in self._happened:
            return
        self._happened.add(ended)
        vehicle = self._vehicle
        if fault.kind == "sag":
            vehicle.battery.sag_v = 0.0
        elif fault.kind == "pilot" and not vehicle.landing and vehicle.mode_name == fault.mode:
            vehicle.change_mode("AUTO")

    def _position(self, dt_s: float) -> None:
        vehicle = self._vehicle
        was_bad = self._no_fix_s > 0.0 or self._glitch_s > 0.0
        self._no_fix_s = 0.0 if vehicle.gps_ok else self._no_fix_s + dt_s
        self._glitch_s = self._glitch_s + dt_s if self._big_glitch else 0.0
        is_bad = self._no_fix_s > 0.0 or self._glitch_s > 0.0
        if is_bad and not was_bad:
            vehicle.say(_CRITICAL, "GPS Glitch or Compass error")
        elif was_bad and not is_bad:
            vehicle.say(_NOTICE, "Glitch cleared")
        if not self.position_lost:
            self._estimate_given_up = False
        elif not self._estimate_given_up:
            self._estimate_given_up = True
            if vehicle.parameters["FS_EKF_ACTION"] and vehicle.mode_name in (
                "AUTO", "GUIDED", "RTL", "LOITER", "BRAKE", "SMART_RTL",
            ):  # fmt: skip
                vehicle.say(_CRITICAL, "EKF Failsafe: changed to LAND Mode")
                vehicle.change_mode("LAND")

    def _battery(self, dt_s: float) -> None:
        vehicle = self._vehicle
        battery, parameters = vehicle.battery, vehicle.parameters
        for stage, word, percent, volt, action in (
            (1, "low", "BATT_LOW_PCT", "BATT_LOW_VOLT", "BATT_FS_LOW_ACT"),
            (2, "critical", "BATT_CRT_PCT", "BATT_CRT_VOLT", "BATT_FS_CRT_ACT"),
        ):
            under = battery.voltage_v < parameters[volt]
            self._low_voltage_s[stage - 1] = self._low_voltage_s[stage - 1] + dt_s if under else 0.0
            low = (
                battery.percent < parameters[percent]
                or self._low_voltage_s[stage - 1] > parameters["BATT_LOW_TIMER"]
            )
            if self._battery_stage < stage and low:
                self._battery_stage = stage
                state = f"{battery.voltage_v:.2f}V used {battery.used_mah:.0f} mAh"
                vehicle.say(_WARNING, f"Battery 1 is {word} {state}")
                self._act("Battery", int(parameters[action]))

    @property
    def battery_stage(self) -> int:
        """0 good, 1 low, 2 critical."""
        return self._battery_stage

    def _fence(self) -> None:
        vehicle = self._vehicle
        parameters = vehicle.parameters
        if vehicle.time_s < self._fence_due_s or not parameters["FENCE_ENABLE"]:
            return
        self._fence_due_s = vehicle.time_s + _FENCE_EVERY_S
        air = vehicle.airframe
        found, metres = vehicle.fence.breaches(
            parameters, air.known_east, air.known_north, air.known_up
        )
        new = found & ~self.breached
        if new:
            self.breach_count += 1
            self.breached_at_s = vehicle.time_s
            vehicle.say(_NOTICE, f"{fence_names(new)} fence breached")
            if vehicle.mode_name != "LAND" and not vehicle.landing:
                if metres > _GIVE_UP_M or parameters["FENCE_ACTION"] == 2:
                    vehicle.change_mode("LAND")
                elif (
                    parameters["FENCE_ACTION"]
                    and vehicle.mode_name != "RTL"
                    and not vehicle.change_mode("RTL")
                ):
                    vehicle.change_mode("LAND")
        elif self.breached and not found:
            vehicle.say(_NOTICE, "Fence breach cleared")
        self.breached = found

    def _act(self, what: str, action: int) -> None:
        mode = {1: "LAND", 2: "RTL"}.get(action)
        vehicle = self._vehicle
        if mode is None or vehicle.mode_name in ("LAND", mode) or vehicle.landing:
            return
        vehicle.say(_WARNING, f"{what} Failsafe - {mode}")
        if not vehicle.change_mode(mode):
            vehicle.change_mode("LAND")
