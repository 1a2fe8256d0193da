"""One pose of the pinhole camera as matrices: projecting points and planes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.camera import Camera, Pose

__all__ = ["View"]

FloatArray = NDArray[np.float64]
_NEAREST_M = 0.5


@dataclass(frozen=True, slots=True)
class View:
    """`matrix` is (3, 4): world east, north, up, 1 to homogeneous pixels. No lens distortion."""

    width_px: int
    height_px: int
    centre_m: FloatArray
    matrix: FloatArray

    @classmethod
    def of(cls, camera: Camera, pose: Pose) -> View:
        cx, cy = camera.centre_px
        inner = np.array([[camera.focal_px, 0, cx], [0, camera.focal_px, cy], [0, 0, 1.0]])
        rotation, centre = pose.rotation(), pose.position()
        outer = np.column_stack([rotation, -rotation @ centre])
        return cls(camera.width_px, camera.height_px, centre, inner @ outer)

    def project(self, points_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(..., 3) world points to (..., 2) pixels and (...) depths in metres, at least 0.5."""
        h = points_m @ self.matrix[:, :3].T + self.matrix[:, 3]
        depth = np.maximum(h[..., 2], _NEAREST_M)
        return h[..., :2] / depth[..., None], depth

    def plane(self, up_m: float) -> FloatArray:
        """(3, 3) homography from east, north on the plane at `up_m` to pixels."""
        m = self.matrix
        return np.column_stack([m[:, 0], m[:, 1], m[:, 2] * up_m + m[:, 3]])

    def footprint(self, up_m: float, farthest_m: float) -> tuple[float, float, float, float]:
        """West, south, east, north of what the picture shows of a plane, no farther than this."""
        w, h = self.width_px, self.height_px
        u, v = np.meshgrid(np.linspace(0, w - 1, 5), np.linspace(0, h - 1, 5))
        pixels = np.column_stack([u.ravel(), v.ravel(), np.ones(u.size)])
        rays = pixels @ np.linalg.inv(self.matrix[:, :3]).T
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        drop = self.centre_m[2] - up_m
        down = np.maximum(-rays[:, 2], 1e-6)
        reach = np.minimum(drop / down, farthest_m)
        ground = self.centre_m[:2] + rays[:, :2] * reach[:, None]
        (west, south), (east, north) = ground.min(axis=0), ground.max(axis=0)
        return float(west), float(south), float(east), float(north)
