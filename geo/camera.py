"""Pinhole cameras with radial distortion, and where they look.

Angles follow DJI's gimbal convention: yaw clockwise from true north, pitch 0° at the horizon and
-90° straight down, roll clockwise as seen by the camera. Camera axes: x right, y down, z forward
(OpenCV). World axes: east, north, up, in metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import GeometryError

__all__ = ["CAMERAS", "Camera", "Pose", "camera_from_35mm"]

FloatArray = NDArray[np.float64]

# A full-frame picture is 36 x 24 mm; "35 mm equivalent" compares diagonals.
_FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)


@dataclass(frozen=True, slots=True)
class Camera:
    """Intrinsics for one picture size.

    `k1`, `k2` are the radial terms of Brown's model: distorted = undistorted * (1 + k1 r^2 +
    k2 r^4), r in units of the focal length (D. C. Brown 1966; OpenCV calib3d).
    """

    name: str
    width_px: int
    height_px: int
    focal_px: float
    k1: float = 0.0
    k2: float = 0.0

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1 or not self.focal_px > 0:
            raise GeometryError(
                f"camera {self.name!r}: width, height and focal length must be positive, found "
                f"{self.width_px} x {self.height_px} px, {self.focal_px} px"
            )

    @property
    def centre_px(self) -> tuple[float, float]:
        """Principal point: the middle of the picture, pixel centres at whole numbers."""
        return (self.width_px - 1) / 2, (self.height_px - 1) / 2

    @property
    def horizontal_fov_deg(self) -> float:
        return math.degrees(2 * math.atan(self.width_px / 2 / self.focal_px))

    def resized(self, width_px: int, height_px: int) -> Camera:
        """The same lens with another picture size. A changed aspect ratio is taken as a crop of
        the height (as 16:9 video is of a 4:3 sensor)."""
        scale = width_px / self.width_px
        return Camera(self.name, width_px, height_px, self.focal_px * scale, self.k1, self.k2)

    def gsd_m(self, height_m: float) -> float:
        """Ground sample distance in metres a pixel, straight below, from `height_m` above it."""
        return height_m / self.focal_px

    def height_for_gsd_m(self, gsd_m: float) -> float:
        """Height above ground in metres that gives this GSD straight below."""
        return gsd_m * self.focal_px

    def rays(self, pixels_px: ArrayLike) -> FloatArray:
        """Unit viewing directions in camera axes: (N, 2) pixels to (N, 3)."""
        points = np.asarray(pixels_px, dtype=float).reshape(-1, 2)
        distorted = (points - np.asarray(self.centre_px)) / self.focal_px
        undistorted = distorted.copy()
        for _ in range(8 if self.k1 or self.k2 else 0):  # fixed point; converges for mild lenses
            r2 = np.sum(undistorted**2, axis=1, keepdims=True)
            undistorted = distorted / (1 + self.k1 * r2 + self.k2 * r2**2)
        rays = np.column_stack([undistorted, np.ones(len(points))])
        return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))

    def project(self, points_camera_m: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """(N, 3) points in camera axes to (N, 2) pixels and (N,) depth in metres.

        Points at or behind the camera (depth <= 0) get NaN pixels.
        """
        points = np.asarray(points_camera_m, dtype=float).reshape(-1, 3)
        depth = points[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            xy = points[:, :2] / depth[:, None]
        xy[depth <= 0] = np.nan
        r2 = np.sum(xy**2, axis=1, keepdims=True)
        xy = xy * (1 + self.k1 * r2 + self.k2 * r2**2)
        return xy * self.focal_px + np.asarray(self.centre_px), depth


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a camera is and looks, in the axes of some `LocalProjection`.

    `up_m` is the height above the ground datum that the caller works with (launch site or flat
    ground); the datum is the caller's to name.
    """

    east_m: float
    north_m: float
    up_m: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float = 0.0

    def rotation(self) -> FloatArray:
        """(3, 3) matrix taking world axes (east, north, up) to camera axes."""
        yaw, pitch, roll = (math.radians(a) for a in (self.yaw_deg, self.pitch_deg, self.roll_deg))
        sin_y, cos_y, sin_p, cos_p = math.sin(yaw), math.cos(yaw), math.sin(pitch), math.cos(pitch)
        forward = np.array([sin_y * cos_p, cos_y * cos_p, sin_p])
        level_right = np.array([cos_y, -sin_y, 0.0])
        level_down = np.cross(forward, level_right)
        right = math.cos(roll) * level_right + math.sin(roll) * level_down
        down = -math.sin(roll) * level_right + math.cos(roll) * level_down
        return np.vstack([right, down, forward])

    def position(self) -> FloatArray:
        """(3,) east, north, up in metres."""
        return np.array([self.east_m, self.north_m, self.up_m])

    def to_camera(self, points_m: ArrayLike) -> FloatArray:
        """(N, 3) world points to camera axes."""
        points = np.asarray(points_m, dtype=float).reshape(-1, 3)
        return np.asarray((points - self.position()) @ self.rotation().T)


def camera_from_35mm(
    focal_35mm: float, width_px: int, height_px: int, name: str = "35 mm equivalent"
) -> Camera:
    """Intrinsics from a focal length in 35 mm equivalent, as DJI subtitles and EXIF give it.

    Drone sensors are 4:3 and 16:9 video is cropped from their full width, so the diagonal that
    the equivalence speaks of is that of a 4:3 picture of this width.
    """
    if not (math.isfinite(focal_35mm) and focal_35mm > 0):
        raise GeometryError(f"focal length {focal_35mm} mm (35 mm equivalent) is not positive")
    aspect = max(width_px, height_px) / min(width_px, height_px)
    long_px = max(width_px, height_px)
    diagonal_px = long_px * math.hypot(1.0, 0.75 if aspect > 1.4 else 1 / aspect)
    if 1.45 < aspect < 1.55:  # a 3:2 sensor read whole
        diagonal_px = math.hypot(width_px, height_px)
    return Camera(name, width_px, height_px, focal_35mm / _FULL_FRAME_DIAGONAL_MM * diagonal_px)


def _sensor(name: str, width_px: int, height_px: int, sensor_mm: float, focal_mm: float) -> Camera:
    return Camera(name, width_px, height_px, focal_mm / sensor_mm * width_px)


# Sensor width and true focal length from the makers' specification sheets, wide camera, stills.
CAMERAS: dict[str, Camera] = {
    "m3e": _sensor("DJI Mavic 3 Enterprise", 5280, 3956, 17.3, 12.29),
    "m3t": _sensor("DJI Mavic 3 Thermal", 8000, 6000, 6.4, 4.4),
    "m30t": _sensor("DJI Matrice 30T", 8000, 6000, 6.4, 4.5),
    "m4e": _sensor("DJI Matrice 4 Enterprise", 5280, 3956, 17.3, 12.29),
    "p4rtk": _sensor("DJI Phantom 4 RTK", 5472, 3648, 13.2, 8.8),
    "mini4pro": _sensor("DJI Mini 4 Pro", 8064, 6048, 9.6, 6.72),
}
