"""How long flying takes and what it takes from the battery, with climb, turns and wind.

Power at an air speed v passes through what the maker's sheet says: hover at 0, the least power
(battery energy over the longest flight) at the best speed, where it is level, and battery energy
over the time of the longest distance at the range speed; a parabola, and beyond the best speed a
cubic on top. Its shape is the rotorcraft power curve:
induced power falls, parasitic power rises (J. G. Leishman, Principles of Helicopter Aerodynamics,
ch. 5). The vehicle holds its ground speed as long as the air speed that takes is within its
limit, else it flies as fast as it may. Climbing adds the potential energy at 50 % efficiency;
sinking gives nothing back and takes no less. Everything here is on the safe side of a step-by-step
integration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from patrol.planning.aircraft import Aircraft
from patrol.planning.wind import CALM, Wind

__all__ = ["ACCELERATION_M_S2", "CLIMB_M_S", "DESCENT_M_S", "EnergyModel", "Flown"]

FloatArray = NDArray[np.float64]

CLIMB_M_S = 2.5  # ArduPilot's defaults WPNAV_SPEED_UP, _DN and WPNAV_ACCEL (cm/s, cm/s2)
DESCENT_M_S = 1.5
ACCELERATION_M_S2 = 2.5
_CLIMB_EFFICIENCY = 0.5
_SHORTEST_LEG_M = 0.05
_HANDLING_S = 15.0  # hovering after take-off and before touch-down


@dataclass(frozen=True, slots=True)
class Flown:
    """What a flight costs: metres over ground, seconds, watt-hours."""

    length_m: float
    duration_s: float
    energy_wh: float


@dataclass(frozen=True, slots=True)
class EnergyModel:
    """An aircraft at one cruise speed over ground, its battery, and the wind."""

    aircraft: Aircraft
    speed_m_s: float
    battery_wh: float
    wind: Wind = CALM

    @classmethod
    def of(
        cls, aircraft: Aircraft, speed_m_s: float, battery_wh: float | None, wind: Wind
    ) -> EnergyModel:
        """`battery_wh` changes the capacity, not the powers; None is the aircraft's own."""
        return cls(
            aircraft, speed_m_s, aircraft.battery_wh if battery_wh is None else battery_wh, wind
        )

    @property
    def hover_w(self) -> float:
        return self.aircraft.battery_wh / self.aircraft.hover_min * 60

    def power_w(self, air_speed_m_s: ArrayLike) -> FloatArray:
        """Power in level flight at these air speeds (N,)."""
        sheet = self.aircraft
        least = sheet.battery_wh / sheet.flight_min * 60
        ranged = sheet.battery_wh / (sheet.range_km * 1000 / sheet.range_speed_m_s) * 3600
        best, far = sheet.best_speed_m_s, sheet.range_speed_m_s
        bowl = self.hover_w - least
        rise = (ranged - least - bowl * (1 - far / best) ** 2) / (far * (far - best) ** 2)
        v = np.asarray(air_speed_m_s, dtype=float)
        faster = np.maximum(v - best, 0.0)
        return np.asarray(least + bowl * (1 - v / best) ** 2 + max(rise, 0.0) * v * faster**2)

    def ground_speed_m_s(
        self, headings_rad: ArrayLike, speed_m_s: ArrayLike | None = None
    ) -> FloatArray:
        """Ground speed along these headings (N,), radians from east to north; at most
        `speed_m_s`, and as slow as the air speed's limit demands against the wind."""
        headings = np.asarray(headings_rad, dtype=float)
        wanted = self.speed_m_s if speed_m_s is None else np.asarray(speed_m_s, dtype=float)
        east, north = self.wind.east_north_m_s
        along = np.cos(headings) * east + np.sin(headings) * north
        across2 = self.wind.speed_m_s**2 - along**2
        room = np.maximum(self.aircraft.max_air_speed_m_s**2 - across2, 0.0)
        return np.asarray(np.clip(np.minimum(wanted, along + np.sqrt(room)), 0.1, None))

    def air_speed_m_s(self, headings_rad: ArrayLike, ground_speed_m_s: ArrayLike) -> FloatArray:
        """Speed through the air when moving over ground so (N,)."""
        headings, ground = np.asarray(headings_rad, float), np.asarray(ground_speed_m_s, float)
        east, north = self.wind.east_north_m_s
        return np.asarray(
            np.hypot(ground * np.cos(headings) - east, ground * np.sin(headings) - north)
        )

    def slowest_m_s(self) -> float:
        """Ground speed straight against the wind."""
        return self.aircraft.max_air_speed_m_s - self.wind.speed_m_s

    @property
    def stop_s(self) -> float:
        """Seconds lost by stopping and speeding up again, against flying through."""
        return self.speed_m_s / ACCELERATION_M_S2

    def turn_s(self, angles_rad: ArrayLike, speed_m_s: float | None = None) -> FloatArray:
        """Seconds lost at turns of these angles (N,).

        The vehicle keeps the part of its speed v along the new leg, w = v max(0, cos angle): to
        slow from v to w and speed up again at acceleration a costs (v - w)^2 / (a v) more than
        flying through at v.
        """
        v = self.speed_m_s if speed_m_s is None else speed_m_s
        kept = v * np.maximum(0.0, np.cos(np.asarray(angles_rad, dtype=float)))
        return np.asarray((v - kept) ** 2 / (ACCELERATION_M_S2 * v))

    def turn_w(self) -> float:
        """The most power while slowing down, turning and speeding up."""
        fastest = min(self.speed_m_s + self.wind.speed_m_s, self.aircraft.max_air_speed_m_s)
        return max(self.hover_w, float(self.power_w([self.wind.speed_m_s, fastest]).max()))

    def legs(
        self,
        steps_m: ArrayLike,
        climbs_m: ArrayLike | float = 0.0,
        speed_m_s: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """(seconds, watt-hours) of straight legs over (N, 2) metres east and north, rising by
        `climbs_m` (negative: sinking), without turns or stops."""
        steps = np.asarray(steps_m, dtype=float).reshape(-1, 2)
        climbs = np.broadcast_to(np.asarray(climbs_m, dtype=float), len(steps))
        lengths = np.hypot(steps[:, 0], steps[:, 1])
        headings = np.arctan2(steps[:, 1], steps[:, 0])
        speed = self.ground_speed_m_s(headings, speed_m_s)
        level_s = lengths / speed
        seconds = np.maximum(level_s, np.maximum(climbs / CLIMB_M_S, -climbs / DESCENT_M_S))
        power = self.power_w(self.air_speed_m_s(headings, speed))
        # Slower than cruise, where the climb holds it up, takes hover power at most.
        power = np.where(seconds > level_s + 1e-9, np.maximum(power, self.hover_w), power)
        joules = seconds * power + self.climb_joules(climbs)
        return seconds, np.asarray(joules / 3600)

    def cheapest_metre(self) -> tuple[float, float]:
        """Least seconds and least watt-hours of a metre over ground, in any direction."""
        compass = np.linspace(0, 2 * np.pi, 144, endpoint=False)
        seconds, watt_hours = self.legs(np.column_stack([np.cos(compass), np.sin(compass)]))
        # Headings between those tried may be a little cheaper.
        return float(seconds.min()) * 0.999, float(watt_hours.min()) * 0.999

    def cheapest_round_metre_wh(self) -> float:
        """Least watt-hours of a metre over ground on the average of any way that ends where it
        began: what the wind gives on the way out it takes on the way back. From every leg may be
        taken its step times a fixed vector, which sums to nothing over a round; the vector that
        leaves the dearest cheapest metre lies along the wind."""
        compass = np.linspace(0, 2 * np.pi, 144, endpoint=False)
        steps = np.column_stack([np.cos(compass), np.sin(compass)])
        _, watt_hours = self.legs(steps)
        if not self.wind.speed_m_s:
            return float(watt_hours.min()) * 0.999
        along = steps @ (np.array(self.wind.east_north_m_s) / self.wind.speed_m_s)
        gains = np.linspace(-np.ptp(watt_hours), np.ptp(watt_hours), 81)
        least = (watt_hours[None, :] - gains[:, None] * along[None, :]).min(axis=1)
        return float(least.max()) * 0.999

    def climb_joules(self, climbs_m: ArrayLike) -> FloatArray:
        """Energy for height gained; none comes back from height lost."""
        up = np.maximum(np.asarray(climbs_m, dtype=float), 0.0)
        return np.asarray(up * self.aircraft.mass_kg * 9.81 / _CLIMB_EFFICIENCY)

    def vertical(self, up_m: float, down_m: float | None = None) -> Flown:
        """Take-off to `up_m`, landing from `down_m` (default the same), hovering at either end,
        and speeding up and stopping once."""
        down = up_m if down_m is None else down_m
        climb_s, descent_s = up_m / CLIMB_M_S, down / DESCENT_M_S
        hover = max(self.hover_w, float(self.power_w(self.wind.speed_m_s)))
        joules = (
            climb_s * hover
            + float(self.climb_joules(up_m))
            + descent_s * hover
            + _HANDLING_S * hover
            + self.stop_s * self.turn_w()
        )
        return Flown(0.0, climb_s + descent_s + _HANDLING_S + self.stop_s, joules / 3600)

    def along(
        self,
        points_m: ArrayLike,
        heights_m: ArrayLike | None = None,
        speeds_m_s: ArrayLike | None = None,
        *,
        turns: bool = True,
    ) -> Flown:
        """Flying through (N, 2) points, turns included, without stops at the ends.

        `heights_m` (N,) are over one level; `speeds_m_s` (N - 1,) are the legs' ground speeds.
        """
        points = np.asarray(points_m, dtype=float).reshape(-1, 2)
        if len(points) < 2:
            return Flown(0.0, 0.0, 0.0)
        steps = np.diff(points, axis=0)
        heights = np.zeros(len(points)) if heights_m is None else np.asarray(heights_m, float)
        climbs = np.diff(heights)
        speeds = np.full(len(steps), self.speed_m_s)
        if speeds_m_s is not None:
            speeds = np.asarray(speeds_m_s, dtype=float)
        lengths = np.hypot(steps[:, 0], steps[:, 1])
        seconds, watt_hours = self.legs(steps, climbs, speeds)
        total_s, total_wh = float(seconds.sum()), float(watt_hours.sum())
        if turns:
            moving = lengths > _SHORTEST_LEG_M  # rounding is no leg, and has no heading
            headings = np.arctan2(steps[moving, 1], steps[moving, 0])
            angles = np.abs((np.diff(headings) + np.pi) % (2 * np.pi) - np.pi)
            lost_s = float(self.turn_s(angles).sum())
            total_s += lost_s
            total_wh += lost_s * self.turn_w() / 3600
        return Flown(float(lengths.sum()), total_s, total_wh)

    def sortie(
        self,
        track_m: ArrayLike,
        heights_m: ArrayLike,
        speeds_m_s: ArrayLike | None = None,
    ) -> Flown:
        """A whole sortie: take-off to the first height, (N, 2) points from launch back to launch
        with their heights above launch (N,), landing from the last."""
        heights = np.asarray(heights_m, dtype=float)
        level = self.along(track_m, heights, speeds_m_s)
        ends = self.vertical(float(heights[0]), float(heights[-1]))
        return Flown(
            level.length_m,
            level.duration_s + ends.duration_s,
            level.energy_wh + ends.energy_wh,
        )
