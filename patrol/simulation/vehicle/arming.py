"""Whether the vehicle may be armed, in the words of ArduPilot's AP_Arming."""

from __future__ import annotations

from typing import Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.simulation.vehicle.guards.drill import Drill
from patrol.simulation.vehicle.guards.fence import FenceGuard
from patrol.simulation.vehicle.mission import ItemProtocol
from patrol.simulation.vehicle.motion.battery import Battery
from patrol.simulation.vehicle.parameters import Parameters

__all__ = ["refusal"]

_UNARMABLE = ("RTL", "LAND", "BRAKE", "SMART_RTL")
_NEED_TAKEOFF = 8  # bit of ARMING_MIS_ITEMS
_ARM_IN_AUTO = 1  # bit of AUTO_OPTIONS


class _Armable(Protocol):
    battery: Battery
    drill: Drill
    fence: FenceGuard
    mission: ItemProtocol
    parameters: Parameters

    @property
    def gps_ok(self) -> bool: ...

    @property
    def ekf_ok(self) -> bool: ...

    @property
    def mode_name(self) -> str: ...


def refusal(vehicle: _Armable) -> str | None:
    """Why it may not be armed now; None where it may."""
    parameters = vehicle.parameters
    if vehicle.drill.has("arming"):
        return "PreArm: Compass not calibrated"
    if not vehicle.gps_ok:
        return "PreArm: GPS 1: Bad fix"
    if not vehicle.ekf_ok:
        return "PreArm: Need Position Estimate"
    if vehicle.battery.percent < parameters["BATT_ARM_PCT"]:
        return "PreArm: Battery 1 below minimum arming capacity"
    for word, name in (("low", "BATT_LOW_VOLT"), ("critical", "BATT_CRT_VOLT")):
        if vehicle.battery.voltage_v < parameters[name]:
            return f"PreArm: Battery 1 {word} voltage failsafe"
    fence = vehicle.fence.arm_refusal()
    if fence is not None:
        return f"PreArm: {fence}"
    items = vehicle.mission.items
    if int(parameters["ARMING_MIS_ITEMS"]) & _NEED_TAKEOFF and not any(
        item.command == mavlink.MAV_CMD_NAV_TAKEOFF for item in items
    ):
        return "PreArm: Missing mission item: takeoff"
    mode = vehicle.mode_name
    if mode in _UNARMABLE or (
        mode == "AUTO" and not int(parameters["AUTO_OPTIONS"]) & _ARM_IN_AUTO
    ):
        return f"Arm: {mode} mode not armable"
    return None
