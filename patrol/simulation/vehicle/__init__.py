"""A simulated multicopter: a MAVLink endpoint in its own process that flies for real.

settings -> autopilot (modes, mission, failsafes) -> motion (body, wind, battery, path)
link (TCP) -> commands, streams                      -> process (the loop), handle (start and stop)
"""

from __future__ import annotations

from patrol.simulation.vehicle.faults import Fault
from patrol.simulation.vehicle.handle import SimulatedVehicle
from patrol.simulation.vehicle.settings import VehicleSettings

__all__ = ["Fault", "SimulatedVehicle", "VehicleSettings"]
