"""The energy of a sortie integrated step by step, from a plan's waypoints and nothing else.

Nothing is shared with the planner's own sums but the power curve and the battery's size. The
vehicle climbs from the launch site, hovers, flies the legs, comes back over the site, sinks and
hovers again. On each leg it speeds up and slows down at 2.5 m/s2, for the leg's cruise speed and
for the corners at either end, where it keeps cos(angle) of the slower leg's speed and stops at
right angles and beyond; the corners' speeds are lowered until every leg is long enough for them.
The power of each step of 0.05 s is that of the air speed, ground velocity less wind. Climbing
adds the potential energy at 50 % efficiency; sinking saves nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from patrol.plan import Plan, Sortie
from patrol.planning.settings import PlanSettings

__all__ = ["Integrated", "flown", "integrate"]

FloatArray = NDArray[np.float64]

STEP_S = 0.05
ACCELERATION_M_S2 = 2.5
CLIMB_M_S, DESCENT_M_S = 2.5, 1.5
HOVER_S = 15.0  # for take-off and landing together
CLIMB_EFFICIENCY = 0.5
GRAVITY_M_S2 = 9.81


@dataclass(frozen=True, slots=True)
class Integrated:
    """What a sortie took: seconds and watt-hours, step by step."""

    seconds: float
    watt_hours: float


@dataclass(frozen=True, slots=True)
class _Legs:
    """Straight legs: (N, 2) unit directions, (N,) lengths, climbs, and speeds over ground."""

    ahead: FloatArray
    length_m: FloatArray
    climb_m: FloatArray
    speed_m_s: FloatArray


def integrate(plan: Plan, sortie: Sortie) -> Integrated:
    """Seconds and watt-hours of a sortie, flown in the plan's wind."""
    home = (sortie.launch.lon_deg, sortie.launch.lat_deg)
    places = [(w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints]
    points = plan.projection.forward([home, *places, home])
    above = [w.above_launch_m for w in sortie.waypoints]
    names = [None, *(w.lane for w in sortie.waypoints), None]
    lane_m_s = {lane.id: lane.speed_m_s for lane in plan.lanes}
    cruise = plan.settings.speed_m_s
    speeds = [
        lane_m_s[here] if here is not None and here == before else cruise
        for before, here in pairwise(names)
    ]
    heights = np.array([above[0], *above, above[-1]])
    return flown(points, heights, np.array(speeds), plan.settings)


def flown(
    points_m: FloatArray, heights_m: FloatArray, speeds_m_s: FloatArray, settings: PlanSettings
) -> Integrated:
    """Seconds and watt-hours from take-off at the first of (N, 2) points to landing at the last;
    (N,) heights above it, (N - 1,) speeds over ground that are wanted on the legs."""
    wind = _wind(settings.wind.speed_m_s, settings.wind.from_deg)
    legs = _legs(points_m, heights_m, speeds_m_s, wind, settings)
    corners = _corner_speeds(legs)
    times, speeds, headings, rises = [], [], [], []
    for i in range(len(legs.length_m)):
        dt, speed = _steps(
            float(legs.length_m[i]), float(legs.speed_m_s[i]), float(corners[i]),
            float(corners[i + 1]),
        )  # fmt: skip
        if legs.length_m[i] < 1e-6:  # straight up or down
            rate = CLIMB_M_S if legs.climb_m[i] > 0 else DESCENT_M_S
            dt, speed = np.array([abs(float(legs.climb_m[i])) / rate]), np.zeros(1)
        times.append(dt)
        speeds.append(speed)
        headings.append(np.broadcast_to(legs.ahead[i], (len(dt), 2)))
        rises.append(max(0.0, float(legs.climb_m[i])))
    up, down = max(0.0, float(heights_m[0])), max(0.0, float(heights_m[-1]))
    still_s = up / CLIMB_M_S + down / DESCENT_M_S + HOVER_S
    dt = np.concatenate([*times, [still_s]])
    over_ground = np.concatenate([*speeds, [0.0]])[:, None] * np.vstack([*headings, [[1.0, 0.0]]])
    air_m_s = np.hypot(*(over_ground - wind).T)
    power = np.asarray(settings.energy.power_w(air_m_s))
    weight = settings.aircraft.mass_kg * GRAVITY_M_S2
    joules = float((power * dt).sum()) + weight * (sum(rises) + up) / CLIMB_EFFICIENCY
    return Integrated(float(dt.sum()), joules / 3600)


def _wind(speed_m_s: float, from_deg: float) -> FloatArray:
    """(east, north) velocity of the air."""
    angle = math.radians(from_deg)
    return -speed_m_s * np.array([math.sin(angle), math.cos(angle)])


def _legs(
    points_m: FloatArray,
    heights_m: FloatArray,
    wanted_m_s: FloatArray,
    wind: FloatArray,
    settings: PlanSettings,
) -> _Legs:
    steps, climbs = np.diff(points_m, axis=0), np.diff(heights_m)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    moving = (lengths > 1e-3) | (np.abs(climbs) > 1e-3)
    steps, lengths, climbs = steps[moving], lengths[moving], climbs[moving]
    ahead = steps / np.maximum(lengths, 1e-9)[:, None]
    # No faster than the airframe can against the wind, nor than it climbs or sinks.
    along = ahead @ wind
    room = settings.aircraft.max_air_speed_m_s**2 - (float(wind @ wind) - along**2)
    rate = np.where(climbs > 0, CLIMB_M_S, DESCENT_M_S)
    steep = np.where(
        np.abs(climbs) > 1e-9, lengths * rate / np.maximum(np.abs(climbs), 1e-9), np.inf
    )
    speeds = np.minimum(
        np.minimum(wanted_m_s[moving], along + np.sqrt(np.maximum(room, 0.0))), steep
    )
    return _Legs(ahead, lengths, climbs, np.maximum(speeds, 0.1))


def _corner_speeds(legs: _Legs) -> FloatArray:
    """(N + 1,) speeds at which the legs' ends are passed, 0 at both ends of the flight."""
    count = len(legs.length_m)
    cosines = np.sum(legs.ahead[:-1] * legs.ahead[1:], axis=1)
    slower = np.minimum(legs.speed_m_s[:-1], legs.speed_m_s[1:])
    corners = np.r_[0.0, slower * np.clip(cosines, 0.0, 1.0), 0.0]
    reach = 2 * ACCELERATION_M_S2 * legs.length_m
    for i in range(count):
        corners[i + 1] = min(corners[i + 1], math.sqrt(corners[i] ** 2 + reach[i]))
    for i in reversed(range(count)):
        corners[i] = min(corners[i], math.sqrt(corners[i + 1] ** 2 + reach[i]))
    return np.asarray(corners)


def _steps(
    length_m: float, cruise_m_s: float, first_m_s: float, last_m_s: float
) -> tuple[FloatArray, FloatArray]:
    """(K,) step lengths in seconds and (K,) speeds at their middles on one leg."""
    top = math.sqrt(ACCELERATION_M_S2 * length_m + (first_m_s**2 + last_m_s**2) / 2)
    top = max(first_m_s, last_m_s, min(cruise_m_s, top))
    up_s, down_s = (top - first_m_s) / ACCELERATION_M_S2, (top - last_m_s) / ACCELERATION_M_S2
    ramps_m = up_s * (top + first_m_s) / 2 + down_s * (top + last_m_s) / 2
    cruise_s = max(0.0, length_m - ramps_m) / max(top, 1e-9)
    total_s = up_s + cruise_s + down_s
    count = max(1, math.ceil(total_s / STEP_S))
    dt = total_s / count
    at = (np.arange(count) + 0.5) * dt
    speed = np.minimum(
        np.minimum(first_m_s + ACCELERATION_M_S2 * at, top),
        last_m_s + ACCELERATION_M_S2 * (total_s - at),
    )
    return np.full(count, dt), speed
