"""Vehicles that are flown in a simulation: ours, or ArduPilot's own."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from patrol.plan import Plan, Sortie
from patrol.simulation.arducopter import ArduCopter
from patrol.simulation.vehicle import Fault, SimulatedVehicle, VehicleSettings

__all__ = ["Simulation"]

_HOME_MSL_M = 20.0  # where the plan does not know the ground
_ARDUCOPTER_SPEEDUP = 10.0  # faster, its results are not stable


@dataclass(frozen=True, slots=True)
class Simulation:
    """How simulated vehicles fly; `start_s` is UTC of the first power-on.

    `faults` happen to vehicle 1, or to every vehicle with `faults_for_all`. With `arducopter` the
    vehicles are ArduPilot's own SITL, which has its own clock and none of these faults.
    """

    start_s: float
    speedup: float = 100.0
    wind_m_s: float = 0.0
    seed: int = 0
    faults: tuple[Fault, ...] = ()
    faults_for_all: bool = False
    arducopter: Path | None = None

    def start(
        self, stack: ExitStack, plan: Plan, vehicle: int, sortie: Sortie, start_s: float
    ) -> str:
        """Start the vehicle for a sortie, at its launch site; `stack` ends it. Returns what to
        connect to. `vehicle` counts from 0, `start_s` is UTC of its power-on."""
        msl_m = sortie.ground_msl_m or _HOME_MSL_M
        if self.arducopter is not None:
            real = ArduCopter(
                self.arducopter, sortie.launch, home_msl_m=msl_m,
                speedup=min(self.speedup, _ARDUCOPTER_SPEEDUP), wind_m_s=self.wind_m_s,
            )  # fmt: skip
            return stack.enter_context(real).url
        faults = self.faults if vehicle == 0 or self.faults_for_all else ()
        simulated = SimulatedVehicle(
            VehicleSettings(
                sortie.launch, start_s, home_msl_m=msl_m,
                speedup=self.speedup, wind_m_s=self.wind_m_s, seed=self.seed * 1000 + sortie.id,
                battery_wh=plan.settings.own_battery_wh, faults=faults,
            )
        )  # fmt: skip
        return stack.enter_context(simulated).url
