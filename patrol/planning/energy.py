"""How long a sortie takes and what it takes from the battery.

A model of four numbers: power when hovering, at cruise, climbing and descending. Hover and cruise
power follow from the maker's sheet (battery energy over hover and flight endurance, no wind);
between them power is a parabola in speed with its least at the sheet's best speed, the shape of
the rotorcraft power curve (induced power falls, parasitic power rises; J. G. Leishman, Principles
of Helicopter Aerodynamics, ch. 5). Climbing adds the potential energy at 50 % efficiency.
No wind: the reserve stands against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["AIRCRAFT", "Aircraft", "EnergyModel", "Flown"]

_CLIMB_M_S = 2.5  # ArduPilot's defaults WPNAV_SPEED_UP, _DN and WPNAV_ACCEL (cm/s, cm/s2)
_DESCENT_M_S = 1.5
_ACCELERATION_M_S2 = 2.5
_DESCENT_POWER_SHARE = 0.9
_CLIMB_EFFICIENCY = 0.5
_HANDLING_S = 15.0  # hovering after take-off and before touch-down


@dataclass(frozen=True, slots=True)
class Flown:
    """What a flight costs: metres over ground, seconds, watt-hours."""

    length_m: float
    duration_s: float
    energy_wh: float


@dataclass(frozen=True, slots=True)
class EnergyModel:
    """Powers in watts at one cruise speed, and the battery."""

    speed_m_s: float
    battery_wh: float
    hover_w: float
    cruise_w: float
    climb_w: float

    def vertical(self, height_m: float) -> Flown:
        """Take-off to `height_m`, landing from it, and hovering at either end."""
        climb_s, descent_s = height_m / _CLIMB_M_S, height_m / _DESCENT_M_S
        joules = (
            climb_s * self.climb_w
            + descent_s * self.hover_w * _DESCENT_POWER_SHARE
            + _HANDLING_S * self.hover_w
        )
        return Flown(0.0, climb_s + descent_s + _HANDLING_S, joules / 3600)

    @property
    def stop_s(self) -> float:
        """Seconds lost by stopping and speeding up again, against flying through."""
        return self.speed_m_s / _ACCELERATION_M_S2

    def turn_s(self, angles_rad: ArrayLike) -> NDArray[np.float64]:
        """Seconds lost at turns of these angles (N,).

        The vehicle keeps the part of its speed v along the new leg, w = v max(0, cos angle): to
        slow from v to w and speed up again at acceleration a costs (v - w)^2 / (a v) more than
        flying through at v.
        """
        v = self.speed_m_s
        kept = v * np.maximum(0.0, np.cos(np.asarray(angles_rad, dtype=float)))
        return np.asarray((v - kept) ** 2 / (_ACCELERATION_M_S2 * v))

    def along(self, points_m: ArrayLike) -> Flown:
        """Flying level through (N, 2) points, turns included, without stops at the ends."""
        points = np.asarray(points_m, dtype=float).reshape(-1, 2)
        steps = np.diff(points, axis=0)
        lengths = np.hypot(steps[:, 0], steps[:, 1])
        steps = steps[lengths > 1e-6]
        headings = np.arctan2(steps[:, 1], steps[:, 0])
        turns = np.abs((np.diff(headings) + np.pi) % (2 * np.pi) - np.pi)
        lost_s = float(self.turn_s(turns).sum())
        length_m = float(lengths.sum())
        cruise_s = length_m / self.speed_m_s
        joules = cruise_s * self.cruise_w + lost_s * self.hover_w
        return Flown(length_m, cruise_s + lost_s, joules / 3600)

    def sortie(self, points_m: ArrayLike, height_m: float) -> Flown:
        """Take-off, level flight through (N, 2) points, the launch site at both ends, landing."""
        level, vertical = self.along(points_m), self.vertical(height_m)
        return Flown(
            level.length_m,
            level.duration_s + vertical.duration_s + self.stop_s,
            level.energy_wh + vertical.energy_wh + self.stop_s * self.hover_w / 3600,
        )


@dataclass(frozen=True, slots=True)
class Aircraft:
    """The maker's sheet of the aircraft that carries a camera."""

    battery_wh: float
    hover_min: float
    flight_min: float
    best_speed_m_s: float
    mass_kg: float

    def model(self, speed_m_s: float, battery_wh: float | None = None) -> EnergyModel:
        """Powers at this speed; `battery_wh` changes the capacity, not the powers."""
        hover_w = self.battery_wh / self.hover_min * 60
        least_w = self.battery_wh / self.flight_min * 60
        away = (speed_m_s - self.best_speed_m_s) / self.best_speed_m_s
        climb_w = hover_w + self.mass_kg * 9.81 * _CLIMB_M_S / _CLIMB_EFFICIENCY
        return EnergyModel(
            speed_m_s,
            self.battery_wh if battery_wh is None else battery_wh,
            hover_w,
            least_w + (hover_w - least_w) * away**2,
            climb_w,
        )


# Battery, hover and flight endurance, speed of the latter, take-off mass: makers' sheets, rounded.
AIRCRAFT: dict[str, Aircraft] = {
    "m3e": Aircraft(77.0, 38, 45, 9.0, 0.92),
    "m3t": Aircraft(77.0, 38, 45, 9.0, 0.92),
    "m30t": Aircraft(263.2, 36, 41, 10.0, 3.77),
    "m4e": Aircraft(99.5, 42, 49, 8.0, 1.22),
    "p4rtk": Aircraft(89.2, 27, 30, 8.0, 1.39),
    "mini4pro": Aircraft(18.96, 30, 34, 6.0, 0.25),
}
