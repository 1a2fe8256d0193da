"""Telemetry of flights along a plan's lanes, as an autopilot that makes no mistakes would record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from patrol.plan import Plan, Sortie
from patrol.telemetry import Telemetry

__all__ = ["flight", "flights"]

FloatArray = NDArray[np.float64]
_RATE_HZ = 4.0


def flight(
    plan: Plan,
    sortie: Sortie,
    *,
    off: Callable[[FloatArray], NDArray[np.bool_]] = lambda points: np.zeros(len(points), bool),
    **changed: float,
) -> Telemetry:
    """The sortie flown exactly, the camera on along the lanes but where `off` (of (N, 2) metres)
    says. `changed` adds to columns, say `above_launch_m=20`."""
    waypoints = sortie.waypoints
    places = [(w.position.lon_deg, w.position.lat_deg) for w in waypoints]
    points = plan.projection.forward(places)
    heights = np.array([w.above_launch_m for w in waypoints])
    where: list[FloatArray] = []
    above: list[FloatArray] = []
    heading: list[FloatArray] = []
    films: list[NDArray[np.bool_]] = []
    for i in range(len(points) - 1):
        step = points[i + 1] - points[i]
        length = float(np.hypot(*step))
        count = max(2, int(length / plan.settings.speed_m_s * _RATE_HZ) + 1)
        share = np.linspace(0, 1, count)[:, None]
        where.append(points[i] + share * step)
        above.append(heights[i] + share[:, 0] * (heights[i + 1] - heights[i]))
        heading.append(np.full(count, np.degrees(np.arctan2(step[0], step[1])) % 360))
        lane = waypoints[i].lane
        films.append(np.full(count, lane is not None and lane == waypoints[i + 1].lane))
    track, height, yaw = np.vstack(where), np.concatenate(above), np.concatenate(heading)
    count = len(track)
    lonlat = plan.projection.inverse(track)
    nothing = np.zeros(count)
    made = Telemetry(
        time_s=1_779_238_800.0 + np.arange(count) / _RATE_HZ,
        lon_deg=lonlat[:, 0],
        lat_deg=lonlat[:, 1],
        above_launch_m=height,
        msl_m=height + sortie.ground_msl_m,
        ground_speed_m_s=np.full(count, plan.settings.speed_m_s),
        roll_deg=nothing,
        pitch_deg=nothing,
        yaw_deg=yaw,
        gimbal_roll_deg=nothing,
        gimbal_pitch_deg=np.full(count, plan.settings.pitch_deg),
        gimbal_yaw_deg=yaw,
        battery_pct=np.linspace(100, 40, count),
        mission_item=np.zeros(count, dtype=np.int64),
        recording=np.concatenate(films) & ~off(track),
    )
    return replace(made, **{name: getattr(made, name) + by for name, by in changed.items()})


def flights(plan: Plan, **options: object) -> Sequence[Telemetry]:
    return [flight(plan, sortie, **options) for sortie in plan.sorties]  # type: ignore[arg-type]
