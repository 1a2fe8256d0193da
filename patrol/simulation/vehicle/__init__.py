"""A simulated multicopter: a MAVLink endpoint in its own process that flies for real.

settings -> vehicle (what it has) -> autopilot (modes, mission) -> motion (body, wind, battery)
faults   -> guards (what goes wrong, failsafes, fence)
wire (connection, messages, commands) -> process (the loop), handle (start and stop)
"""

from __future__ import annotations

from patrol.simulation.vehicle.faults import Fault, read_faults
from patrol.simulation.vehicle.handle import SimulatedVehicle
from patrol.simulation.vehicle.settings import VehicleSettings

__all__ = ["Fault", "SimulatedVehicle", "VehicleSettings", "read_faults"]
