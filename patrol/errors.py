"""Errors of the patrol package.

geo.errors.PatrolError
└── PlanningError
    ├── AreaError          a study area that lacks a layer or holds a wrong one
    ├── PlanFileError      a plan or mission file that cannot be read or written
    ├── FlightError        the vehicle cannot be reached, refuses, or ends the flight early
    ├── TelemetryError     recorded telemetry that cannot be read
    └── SimulationError    the virtual river or its camera cannot do what was asked
"""

from __future__ import annotations

from geo.errors import PatrolError

__all__ = [
    "AreaError",
    "FlightError",
    "PatrolError",
    "PlanFileError",
    "PlanningError",
    "SimulationError",
    "TelemetryError",
]


class PlanningError(PatrolError):
    """Any error of the patrol package."""


class AreaError(PlanningError):
    """A study area that cannot be planned over."""


class PlanFileError(PlanningError):
    """A plan or mission file that cannot be read or written."""


class FlightError(PlanningError):
    """The vehicle cannot be reached, refuses, or ends the flight early."""


class TelemetryError(PlanningError):
    """Recorded telemetry that cannot be read."""


class SimulationError(PlanningError):
    """The virtual river or its camera cannot do what was asked."""
