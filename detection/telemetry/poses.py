"""The pose of a frame: where the camera was and looked, and how far that may be wrong.

A subtitle seldom says all of it. What is missing is declared by the operator (`PoseSettings`) or
inferred (heading from the course over ground), and the error grows accordingly: a pose never
claims to be better than its source.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detection.errors import SubtitleError
from detection.telemetry.clock import aware_utc
from detection.telemetry.track import PoseTrack, TrackSamples
from geo.camera import Camera, Pose, camera_from_35mm
from geo.coordinates import LocalProjection, LonLat
from geo.placing import PoseError

__all__ = ["FramePose", "PoseSettings", "VideoPoses", "YawSource", "frame_pose", "pose_errors"]

YawSource = Literal["gimbal", "flight", "course", "unknown"]

_M_PER_DEG = 111_320.0
# A heading that could be anything: the standard deviation of a uniform angle, 360 / sqrt(12).
_UNKNOWN_YAW_DEG = 104.0
# The gimbal follows the nose within a few degrees; the nose follows the course in forward flight,
# with wind and sideways flight against it.
_FLIGHT_YAW_DEG = 3.0
_COURSE_YAW_DEG = 10.0
# Where the tilt was declared, not measured: what "straight down" set by hand is worth.
_DECLARED_TILT_DEG = 2.0
# RTK drones: a fixed solution is good to centimetres, but the subtitle does not say whether it
# was fixed, and a block a second leaves the moment open by some tenths of a second.
_RTK_HORIZONTAL_M = 0.5
_RTK_VERTICAL_M = 0.5
_PLAIN_GNSS = PoseError()
_RTK_FORMATS = frozenset({"p4_rtk"})


@dataclass(frozen=True, slots=True)
class FramePose:
    """One moment of a camera.

    `above_launch_m` is the height above the launch site; yaw clockwise from true north, pitch
    -90 straight down. `utc` is None where the footage has no clock or no zone was declared.
    """

    position: LonLat
    above_launch_m: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    utc: datetime | None
    error: PoseError
    yaw_from: YawSource = "gimbal"

    def pose(self, projection: LocalProjection) -> Pose:
        """As a `geo.camera.Pose` in a projection's axes, height above the launch site."""
        at = projection.to_east_north(self.position)
        return Pose(
            at.east_m, at.north_m, self.above_launch_m,
            self.yaw_deg, self.pitch_deg, self.roll_deg,
        )  # fmt: skip

    def turned(self, yaw_deg: float) -> FramePose:
        """The same pose with the camera turned clockwise about the vertical."""
        return replace(self, yaw_deg=(self.yaw_deg + yaw_deg + 180.0) % 360.0 - 180.0)


@dataclass(frozen=True, slots=True)
class PoseSettings:
    """What the operator declares where telemetry is silent.

    `pitch_deg` where there is no gimbal attitude; `height_m` above the launch site where there is
    no height (or to overrule it); `altitude_above` what an altitude of unnamed datum is above,
    with `launch_msl_m`, the launch site's height above sea level, if that is 'msl'.
    """

    pitch_deg: float = -90.0
    height_m: float | None = None
    altitude_above: Literal["launch", "msl"] | None = None
    launch_msl_m: float | None = None
    base_error: PoseError = _PLAIN_GNSS


class VideoPoses:
    """Poses of any frame of one recording.

    Raises SubtitleError, one line that says what to declare, where the telemetry with these
    settings does not give a height.
    """

    def __init__(self, track: PoseTrack, settings: PoseSettings | None = None) -> None:
        self.track = track
        self.settings = settings or PoseSettings()
        course, error = _course_deg(track)
        heights = _heights_m(track, self.settings)
        # The track with gaps filled by what was declared: interpolated all in one go.
        self._filled = replace(track, rel_alt_m=heights, flight_yaw_deg=_or(track, course))
        self._course_error_deg = error
        self._error = pose_errors(track, self.settings)
        self._has_flight_yaw = np.isfinite(track.flight_yaw_deg)

    def reason(self, media_time_s: float) -> str:
        """Why there is no pose at a time; '' where there is one."""
        return str(self._filled.at(media_time_s).reason[0])

    def at(self, media_time_s: float) -> FramePose:
        """The pose at a media time; raises SubtitleError where the telemetry has none."""
        found = self.many([media_time_s])[0]
        if found is not None:
            return found
        begins, ends = self.track.covers_s
        reason = self.reason(media_time_s) or "no height"
        raise SubtitleError(
            f"{self.track.source}: {reason}: no pose at {media_time_s:.1f} s (positions from "
            f"{begins:.1f} to {ends:.1f} s); use the subtitle of this very recording, or allow a "
            "partial analysis"
        )

    def many(self, media_time_s: ArrayLike) -> list[FramePose | None]:
        """The poses at (N,) media times; None where the telemetry has no position or height."""
        found = self._filled.at(media_time_s)
        rows = np.searchsorted(self.track.start_s, found.time_s, side="right") - 1
        rows = rows.clip(0)
        has_height = found.ok & np.isfinite(found.rel_alt_m)
        return [
            self._pose(found, i, int(rows[i])) if has_height[i] else None
            for i in range(len(found.time_s))
        ]

    def _pose(self, found: TrackSamples, i: int, row: int) -> FramePose:
        error = self._error
        source: YawSource = "gimbal"
        yaw = float(found.gimbal_yaw_deg[i])
        if not math.isfinite(yaw):
            yaw, yaw_error = float(found.flight_yaw_deg[i]), float(self._course_error_deg[row])
            if self._has_flight_yaw[row]:
                source, yaw_error = "flight", _FLIGHT_YAW_DEG
            elif math.isfinite(yaw) and yaw_error < _UNKNOWN_YAW_DEG:
                source = "course"
            else:
                yaw, source, yaw_error = 0.0, "unknown", _UNKNOWN_YAW_DEG
            error = replace(error, yaw_deg=max(error.yaw_deg, yaw_error))
        pitch, roll = float(found.gimbal_pitch_deg[i]), float(found.gimbal_roll_deg[i])
        if not math.isfinite(pitch):
            pitch = self.settings.pitch_deg
            error = replace(error, tilt_deg=max(error.tilt_deg, _DECLARED_TILT_DEG))
        return FramePose(
            position=LonLat(float(found.lon_deg[i]), float(found.lat_deg[i])),
            above_launch_m=float(found.rel_alt_m[i]), yaw_deg=yaw, pitch_deg=pitch,
            roll_deg=roll if math.isfinite(roll) else 0.0,
            utc=aware_utc(float(found.utc_s[i])), error=error, yaw_from=source,
        )  # fmt: skip

    def camera_at(self, media_time_s: float, width_px: int, height_px: int) -> Camera:
        """The camera as the subtitle's focal length gives it at a time.

        Raises SubtitleError where the subtitle names no focal length.
        """
        known = np.flatnonzero(np.isfinite(self.track.focal_35mm))
        if known.size == 0:
            raise SubtitleError(
                f"{self.track.source}: line {int(self.track.line[0])}: the subtitle names no "
                "focal length; name the camera (--camera)"
            )
        focal = np.interp(media_time_s, self.track.start_s[known], self.track.focal_35mm[known])
        return camera_from_35mm(round(float(focal), 2), width_px, height_px)


def pose_errors(track: PoseTrack, settings: PoseSettings | None = None) -> PoseError:
    """The standard deviations that positions and heights of a track deserve.

    Positions rounded to a step of s metres add s^2 / 12 (a uniform distribution's variance).
    """
    error = (settings or PoseSettings()).base_error
    if track.format in _RTK_FORMATS:
        error = replace(
            error,
            horizontal_m=min(error.horizontal_m, _RTK_HORIZONTAL_M),
            vertical_m=min(error.vertical_m, _RTK_VERTICAL_M),
        )
    step_m = track.position_step_deg * _M_PER_DEG
    return replace(error, horizontal_m=math.hypot(error.horizontal_m, step_m / math.sqrt(12)))


def frame_pose(
    track: PoseTrack, media_time_s: float, settings: PoseSettings | None = None
) -> FramePose:
    """The pose at one media time; for many, build one `VideoPoses`."""
    return VideoPoses(track, settings).at(media_time_s)


def _or(track: PoseTrack, course_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(track.flight_yaw_deg), track.flight_yaw_deg, course_deg)


def _heights_m(track: PoseTrack, settings: PoseSettings) -> NDArray[np.float64]:
    """(N,) height above launch of each block, from what the file gives and what was declared."""
    if settings.height_m is not None:
        return np.full(len(track), float(settings.height_m))
    if np.any(np.isfinite(track.rel_alt_m)):
        return track.rel_alt_m
    line = f"{track.source}: line {int(track.line[0])}"
    sea = track.abs_alt_m
    if np.any(np.isfinite(track.plain_alt_m)):
        if settings.altitude_above == "launch":
            return track.plain_alt_m
        if settings.altitude_above is None:
            raise SubtitleError(
                f"{line}: the field 'altitude' does not say what it is above (this drone family "
                "writes both); declare whether launch site or sea level"
            )
        sea = track.plain_alt_m
    if np.any(np.isfinite(sea)):
        if settings.launch_msl_m is None:
            raise SubtitleError(
                f"{line}: only a height above sea level is given; declare the launch site's "
                "height above sea level"
            )
        return sea - settings.launch_msl_m
    raise SubtitleError(
        f"{line}: the subtitle gives no height; declare the height above the launch site"
    )


def _course_deg(track: PoseTrack) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N,) course over ground and its standard deviation, degrees.

    From the displacement over the shortest of three windows in which the drone moved well beyond
    the rounding of its positions. A drone that hovers has no course (NaN), and the error of a
    heading that could be anything.
    """
    n = len(track)
    course, error = np.full(n, np.nan), np.full(n, _UNKNOWN_YAW_DEG)
    fixed = np.flatnonzero(track.has_position)
    scale = math.cos(math.radians(float(np.mean(track.lat_deg[fixed]))))
    t = track.start_s[fixed]
    lon = np.unwrap(track.lon_deg[fixed], period=360)
    enough_m = max(3.0, 4.0 * track.position_step_deg * _M_PER_DEG)
    for half_s in (1.0, 2.5, 5.0):
        a = np.searchsorted(t, t - half_s, side="left")
        b = np.searchsorted(t, t + half_s, side="right") - 1
        east = (lon[b] - lon[a]) * _M_PER_DEG * scale
        north = (track.lat_deg[fixed][b] - track.lat_deg[fixed][a]) * _M_PER_DEG
        moved = np.hypot(east, north)
        use = (moved >= enough_m) & ~np.isfinite(course[fixed])
        course[fixed[use]] = np.degrees(np.arctan2(east[use], north[use]))
        error[fixed[use]] = np.hypot(
            _COURSE_YAW_DEG,
            np.degrees(track.position_step_deg * _M_PER_DEG / math.sqrt(6) / moved[use]),
        )
    return course, error
