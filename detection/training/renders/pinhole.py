"""The camera of a scene as rays and projections. NumPy alone: both interpreters use it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pinhole", "axes"]

FloatArray = NDArray[np.float64]


def axes(heading_deg: float, tilt_deg: float, roll_deg: float) -> FloatArray:
    """Rows right, up and forward of a camera (3, 3), world axes x, y, z.

    Heading runs clockwise from +y, tilt is the angle off nadir, roll turns the picture
    counter-clockwise about the line of sight.
    """
    h, t, r = (math.radians(a) for a in (heading_deg, tilt_deg, roll_deg))
    level = np.array([math.sin(h), math.cos(h), 0.0])
    right = np.array([math.cos(h), -math.sin(h), 0.0])
    down = np.array([0.0, 0.0, -1.0])
    forward = math.sin(t) * level + math.cos(t) * down
    up = math.cos(t) * level - math.sin(t) * down
    return np.array(
        [
            math.cos(r) * right - math.sin(r) * up,
            math.sin(r) * right + math.cos(r) * up,
            forward,
        ]
    )


@dataclass(frozen=True, slots=True)
class Pinhole:
    """Where the camera is (3,), its axes (3, 3), and its focal length and centre in pixels."""

    at_m: FloatArray
    axes: FloatArray
    focal_px: float
    centre_px: tuple[float, float]
    size_px: tuple[int, int]

    @classmethod
    def of(cls, camera: Any) -> Pinhole:
        """From a `Camera` of a specification, or anything with its fields."""
        return cls(
            np.array([camera.x_m, camera.y_m, camera.z_m]),
            axes(camera.heading_deg, camera.tilt_deg, camera.roll_deg),
            camera.focal_px, (camera.centre_x_px, camera.centre_y_px),
            (camera.width_px, camera.height_px),
        )  # fmt: skip

    def project(self, points_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Pixels (N, 2) and depth along the line of sight in metres (N,) of points (N, 3)."""
        local = (points_m - self.at_m) @ self.axes.T
        depth = local[:, 2]
        safe = np.where(depth > 0.1, depth, np.nan)
        u = self.centre_px[0] + self.focal_px * local[:, 0] / safe
        v = self.centre_px[1] - self.focal_px * local[:, 1] / safe
        return np.column_stack([u, v]), depth

    def rays(self, u_px: FloatArray, v_px: FloatArray) -> FloatArray:
        """Directions (..., 3) through pixels, of unit depth along the line of sight."""
        a = (np.asarray(u_px, float) - self.centre_px[0]) / self.focal_px
        b = (self.centre_px[1] - np.asarray(v_px, float)) / self.focal_px
        rays = a[..., None] * self.axes[0] + b[..., None] * self.axes[1] + self.axes[2]
        return np.asarray(rays, float)

    def ground(self, z_m: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """Where each pixel's ray meets the plane at height z, (H, W, 2), and how far away that is
        in metres (H, W); NaN and infinity where it does not."""
        width, height = self.size_px
        u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        rays = self.rays(u, v)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(rays[..., 2] < -1e-3, (z_m - self.at_m[2]) / rays[..., 2], np.nan)
        points = self.at_m[:2] + rays[..., :2] * reach[..., None]
        far = np.nan_to_num(reach * np.linalg.norm(rays, axis=-1), nan=np.inf)
        return points, far

    def sees(self, points_m: FloatArray, margin_px: float = 0.0) -> NDArray[np.bool_]:
        """Which points (N, 3) fall into the picture or within a margin about it (N,)."""
        px, _ = self.project(points_m)
        low, high = -margin_px, np.array(self.size_px) + margin_px
        with np.errstate(invalid="ignore"):
            return np.asarray(((px >= low) & (px <= high)).all(axis=1))
