"""What a telemetry file says about a recording: one row a subtitle block, columnar."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["AxisOrder", "PoseTrack", "TrackSamples"]

FloatArray = NDArray[np.float64]
AxisOrder = Literal["named", "lon,lat", "lat,lon"]

# Beyond the first and last fix a pose is guessed for this long at most; at 10 m/s that is 10 m.
EXTRAPOLATE_S = 1.0
# Between two fixes further apart than this the position is unknown, not a straight line.
MAX_GAP_S = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class TrackSamples:
    """A track read at N times; every array is (N,), NaN where the track says nothing.

    `ok` tells where there is a position. `reason` is '' there, else 'telemetry starts late',
    'telemetry ends early' or 'no position fix'.
    """

    time_s: FloatArray
    utc_s: FloatArray
    lon_deg: FloatArray
    lat_deg: FloatArray
    rel_alt_m: FloatArray
    abs_alt_m: FloatArray
    plain_alt_m: FloatArray
    gimbal_yaw_deg: FloatArray
    gimbal_pitch_deg: FloatArray
    gimbal_roll_deg: FloatArray
    flight_yaw_deg: FloatArray
    flight_pitch_deg: FloatArray
    flight_roll_deg: FloatArray
    focal_35mm: FloatArray
    ok: NDArray[np.bool_]
    reason: NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class PoseTrack:
    """N subtitle blocks in time order; every array is (N,), NaN where a value is not given.

    `start_s`, `end_s`: media time of the block. `utc_s`: seconds since 1970, from the local time
    and the zone that the caller declared. `rel_alt_m` is above the launch site, `abs_alt_m` above
    sea level as the drone believes it (often tens of metres off), `plain_alt_m` a height whose
    datum the file does not name. Angles in degrees as the gimbal gives them: yaw clockwise from
    north, pitch -90 straight down. `focal_35mm`: 35 mm equivalent, digital zoom included.
    `line`: the line of the file where the block begins, from 1. `position_step_deg`: the last
    decimal place of positions, 1e-4 in old files (11 m).
    """

    source: str
    format: str
    axis_order: AxisOrder
    start_s: FloatArray
    end_s: FloatArray
    utc_s: FloatArray
    lon_deg: FloatArray
    lat_deg: FloatArray
    rel_alt_m: FloatArray
    abs_alt_m: FloatArray
    plain_alt_m: FloatArray
    gimbal_yaw_deg: FloatArray
    gimbal_pitch_deg: FloatArray
    gimbal_roll_deg: FloatArray
    flight_yaw_deg: FloatArray
    flight_pitch_deg: FloatArray
    flight_roll_deg: FloatArray
    focal_35mm: FloatArray
    line: NDArray[np.int64]
    position_step_deg: float
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def has_position(self) -> NDArray[np.bool_]:
        """(N,) where the block has a fix (0, 0 is how DJI writes none)."""
        return np.isfinite(self.lon_deg) & np.isfinite(self.lat_deg)

    @property
    def covers_s(self) -> tuple[float, float]:
        """Media time from the first block with a fix to the end of the last one."""
        rows = np.flatnonzero(self.has_position)
        return float(self.start_s[rows[0]]), float(self.end_s[rows[-1]])

    def at(self, media_time_s: ArrayLike) -> TrackSamples:
        """The track at (N,) media times, linear between blocks and the short way round for
        angles.

        Nothing is extrapolated further than 1 s from the first or last fix, nor interpolated
        across 3 s without one: such times come back as NaN, with a reason.
        """
        times = np.atleast_1d(np.asarray(media_time_s, dtype=float))
        fixed = np.flatnonzero(self.has_position)
        knots = self.start_s[fixed]
        after = np.searchsorted(knots, times, side="left")
        left, right = np.clip(after - 1, 0, None), np.clip(after, None, len(knots) - 1)
        hole = (knots[right] - knots[left] > MAX_GAP_S) & (times != knots[right])
        reason = np.full(times.shape, "", dtype="<U22")
        reason[hole] = "no position fix"
        reason[times < knots[0] - EXTRAPOLATE_S] = "telemetry starts late"
        # A block holds until its end; files of one block a second end a second after it starts.
        reason[times > self.end_s[fixed[-1]] + EXTRAPOLATE_S] = "telemetry ends early"
        reason[~np.isfinite(times)] = "no position fix"
        ok = reason == ""
        columns: dict[str, FloatArray] = {}
        for field in fields(TrackSamples):
            if field.name in ("time_s", "ok", "reason"):
                continue
            values = getattr(self, field.name)
            period = 360.0 if field.name.endswith("_deg") else None
            columns[field.name] = np.where(
                ok, _interpolate(times, self.start_s, self.end_s, values, period), np.nan
            )
        return TrackSamples(time_s=times, ok=ok, reason=reason, **columns)


def _interpolate(
    times: FloatArray,
    knots: FloatArray,
    ends: FloatArray,
    values: FloatArray,
    period: float | None,
) -> FloatArray:
    """Linear over the finite values, each of which holds from its knot to its end; NaN where none
    is within reach."""
    finite = np.flatnonzero(np.isfinite(values))
    if finite.size == 0:
        return np.full(times.shape, np.nan)
    at, known = knots[finite], values[finite]
    if period is not None:
        known = np.unwrap(known, period=period)
    found = np.interp(times, at, known)
    next_ = np.searchsorted(at, times).clip(0, len(at) - 1)
    last = (np.searchsorted(at, times, side="right") - 1).clip(0)
    since = np.where(
        at[last] <= times, (times - ends[finite][last]).clip(0), np.abs(at[last] - times)
    )
    away = np.minimum(np.abs(at[next_] - times), since)
    found = np.where(away <= MAX_GAP_S, found, np.nan)
    if period is not None:
        found = np.where(np.abs(found) > 180.0, (found + 180.0) % 360.0 - 180.0, found)
    return np.asarray(found, dtype=float)
