"""From a flight's telemetry to the moments a camera films: frame times, poses, and the subtitle
file that a DJI drone writes beside its video, with the errors of its GNSS and compass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

from geo.camera import Pose
from geo.coordinates import LocalProjection
from patrol.errors import SimulationError
from patrol.telemetry import Telemetry

__all__ = ["FOCAL_35MM", "Moments", "SensorErrors", "moments", "recordings", "subtitles"]

FloatArray = NDArray[np.float64]
FOCAL_35MM = 24.57
"""The Mavic 3 Enterprise's wide camera in 35 mm equivalent, as its subtitles give it."""

_LOCAL = timezone(timedelta(hours=8))  # Asia/Shanghai; no daylight saving since 1991
_LEAST_ROWS = 2


@dataclass(frozen=True, slots=True)
class Moments:
    """N moments of filming, columnar: UTC seconds, metres in some `LocalProjection`, degrees.

    `velocity_m_s` (N, 2) is east, north over ground; `msl_m` the height above the sea.
    """

    time_s: FloatArray
    east_m: FloatArray
    north_m: FloatArray
    up_m: FloatArray
    msl_m: FloatArray
    yaw_deg: FloatArray
    pitch_deg: FloatArray
    roll_deg: FloatArray
    velocity_m_s: FloatArray

    def __len__(self) -> int:
        return len(self.time_s)

    def pose(self, k: int) -> Pose:
        """The camera's true pose at moment `k`."""
        return Pose(
            float(self.east_m[k]), float(self.north_m[k]), float(self.up_m[k]),
            float(self.yaw_deg[k] % 360), float(self.pitch_deg[k]), float(self.roll_deg[k]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SensorErrors:
    """Standard deviations of what the drone says of itself: slow errors (`*_bias`, wandering over
    about a minute) and jitter from frame to frame."""

    horizontal_bias_m: float = 1.2
    horizontal_jitter_m: float = 0.3
    vertical_bias_m: float = 1.0
    yaw_bias_deg: float = 1.0
    tilt_deg: float = 0.3
    wander_s: float = 60.0


def recordings(telemetry: Telemetry) -> list[tuple[int, int]]:
    """The runs of rows (start, stop exclusive) in which the camera films, two rows or more."""
    on = np.concatenate([[False], telemetry.recording.astype(bool), [False]])
    edges = np.flatnonzero(on[1:] != on[:-1])
    return [
        (int(a), int(b))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        if b - a >= _LEAST_ROWS
    ]


def moments(
    telemetry: Telemetry, run: tuple[int, int], projection: LocalProjection, fps: float
) -> Moments:
    """Interpolate the poses of one recording at `fps` frames a second.

    Angles are interpolated the short way round. Raises SimulationError where the telemetry has a
    gap of more than 5 s, over which nothing is known of the camera.
    """
    part = slice(*run)
    time = telemetry.time_s[part]
    gaps = np.diff(time)
    if len(gaps) and float(gaps.max()) > 5.0:
        raise SimulationError(
            f"the telemetry has a gap of {float(gaps.max()):.1f} s while the camera films (row "
            f"{run[0] + int(np.argmax(gaps))}); record at least one row in 5 s"
        )
    count = int(np.floor((time[-1] - time[0]) * fps + 1e-6)) + 1
    at = time[0] + np.arange(count) / fps
    east_north = projection.forward(
        np.column_stack([telemetry.lon_deg[part], telemetry.lat_deg[part]])
    )
    distinct = np.concatenate([[True], gaps > 0])

    def between(values: FloatArray, period: float | None = None) -> FloatArray:
        rows = np.unwrap(values, period=period) if period else values
        return np.asarray(np.interp(at, time[distinct], rows[distinct]))

    east, north = between(east_north[:, 0]), between(east_north[:, 1])
    step = 1 / fps if count > 1 else 1.0
    velocity = (
        np.column_stack([np.gradient(east, step), np.gradient(north, step)])
        if count > 1
        else np.zeros((1, 2))
    )
    return Moments(
        at, east, north, between(telemetry.above_launch_m[part]), between(telemetry.msl_m[part]),
        between(telemetry.gimbal_yaw_deg[part], 360.0), between(telemetry.gimbal_pitch_deg[part]),
        between(telemetry.gimbal_roll_deg[part]), velocity,
    )  # fmt: skip


def _wander(
    rng: np.random.Generator, times_s: FloatArray, sigma: float, over_s: float
) -> FloatArray:
    """A first-order Gauss-Markov error of deviation `sigma` at the given times."""
    keep = np.exp(-np.diff(times_s, prepend=times_s[:1]) / over_s)
    values = np.empty(len(times_s))
    last = 0.0
    for k, (decay, shock) in enumerate(zip(keep, rng.standard_normal(len(times_s)), strict=True)):
        last = shock * sigma if k == 0 else decay * last + shock * sigma * np.sqrt(1 - decay**2)
        values[k] = last
    return values


def subtitles(
    filmed: Moments,
    projection: LocalProjection,
    fps: float,
    shutters_s: Sequence[float],
    seed: tuple[int, ...],
    errors: SensorErrors | None = None,
) -> str:
    """The subtitle file of a recording as DJI's Mavic 3 writes it, one block a frame.

    Position and attitude carry `errors`, drawn from `seed`; times are local (UTC+8), no zone.
    """
    e, n = errors or SensorErrors(), len(filmed)
    rng = np.random.default_rng([*seed, 90])
    time = filmed.time_s
    east, north = (
        true + _wander(rng, time, e.horizontal_bias_m, e.wander_s)
        + rng.normal(0, e.horizontal_jitter_m, n)
        for true in (filmed.east_m, filmed.north_m)
    )  # fmt: skip
    height = _wander(rng, time, e.vertical_bias_m, 2 * e.wander_s)
    yaw = filmed.yaw_deg + rng.normal(0, e.yaw_bias_deg) + rng.normal(0, 0.05, n)
    pitch = filmed.pitch_deg + _wander(rng, time, e.tilt_deg, e.wander_s)
    roll = filmed.roll_deg + _wander(rng, time, e.tilt_deg, e.wander_s)
    lonlat = projection.inverse(np.column_stack([east, north]))
    blocks = []
    for k in range(n):
        heading = (yaw[k] + 180) % 360 - 180
        down = max(pitch[k], -180 - pitch[k])  # past straight down is reported turned over
        local = datetime.fromtimestamp(float(time[k]), UTC).astimezone(_LOCAL)
        blocks.append(
            f"{k + 1}\n{_clock(k / fps)} --> {_clock((k + 1) / fps)}\n"
            f'<font size="28">FrameCnt: {k + 1}, DiffTime: {round(1000 / fps)}ms\n'
            f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}\n"
            f"[iso: 100] [shutter: 1/{1 / shutters_s[k]:.1f}] [fnum: 2.8] [ev: 0] [ct: 5500] "
            f"[color_md : default] [focal_len: {FOCAL_35MM:.2f}] [latitude: {lonlat[k, 1]:.6f}] "
            f"[longitude: {lonlat[k, 0]:.6f}] [rel_alt: {filmed.up_m[k] + height[k]:.3f} "
            f"abs_alt: {filmed.msl_m[k] + height[k]:.3f}] [gb_yaw: {heading:.1f} "
            f"gb_pitch: {down:.1f} gb_roll: {roll[k]:.1f}] </font>\n"
        )
    return "\n".join(blocks)


def _clock(seconds: float) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"
