"""From a pixel to the ground, with the uncertainty that the pose and the ground leave.

The line of sight is cut with a horizontal ground plane. First-order error propagation: the
Jacobian of the ground position with respect to camera position, the three angles, the pixel and
the ground height, taken numerically, times their variances (Hartley and Zisserman, Multiple View
Geometry, 2nd ed., section 5.2; the drone form is as in MISB RP 0601 practice: error grows with
slant range and obliquity).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.camera import Camera, Pose
from geo.coordinates import EastNorth, LocalProjection
from geo.errors import GeometryError, SightLineError

__all__ = ["Ellipse", "GroundPoint", "PoseError", "fuse", "intersect_ground", "place"]

FloatArray = NDArray[np.float64]

# 95 % quantile of chi-square with two degrees of freedom: -2 ln 0.05.
CHI2_95_2D = -2.0 * math.log(0.05)


@dataclass(frozen=True, slots=True)
class PoseError:
    """One standard deviation of each part of a pose.

    The defaults are a drone with plain GNSS and a factory compass: 1.5 m across, 1.5 m up, 1.5°
    of heading and 0.5° of tilt (DJI states +-0.5 m hover accuracy by GNSS, but absolute error of
    single-frequency GNSS is 1-2 m; OpenAthena's field tests attribute most of the rest to the
    compass).
    """

    horizontal_m: float = 1.5
    vertical_m: float = 1.5
    yaw_deg: float = 1.5
    tilt_deg: float = 0.5
    pixel_px: float = 3.0


@dataclass(frozen=True, slots=True)
class Ellipse:
    """A 95 % error ellipse: semi-axes in metres, bearing of the major axis clockwise from north
    in [0, 180)."""

    semi_major_m: float
    semi_minor_m: float
    bearing_deg: float

    @classmethod
    def from_covariance(cls, covariance_m2: ArrayLike) -> Ellipse:
        """From a (2, 2) covariance in east, north order, m^2."""
        cov = np.asarray(covariance_m2, dtype=float)
        if cov.shape != (2, 2) or not np.all(np.isfinite(cov)):
            raise GeometryError(f"a 2 x 2 finite covariance is needed, found shape {cov.shape}")
        values, vectors = np.linalg.eigh((cov + cov.T) / 2)
        if values[0] < -1e-9 * max(1.0, float(values[1])):
            raise GeometryError("covariance is not positive semi-definite")
        values = np.clip(values, 0.0, None)
        east, north = vectors[:, 1]
        return cls(
            float(math.sqrt(values[1] * CHI2_95_2D)),
            float(math.sqrt(values[0] * CHI2_95_2D)),
            float(math.degrees(math.atan2(east, north)) % 180.0),
        )

    def outline_m(self, points: int = 64) -> FloatArray:
        """(points, 2) east, north offsets of the ellipse from its centre, closed by repetition
        left to the caller."""
        angle = np.linspace(0.0, 2 * math.pi, points, endpoint=False)
        along, across = self.semi_major_m * np.cos(angle), self.semi_minor_m * np.sin(angle)
        bearing = math.radians(self.bearing_deg)
        return np.column_stack(
            [
                along * math.sin(bearing) + across * math.cos(bearing),
                along * math.cos(bearing) - across * math.sin(bearing),
            ]
        )


@dataclass(frozen=True, slots=True)
class GroundPoint:
    """A position on the ground with its covariance, (2, 2) in east, north order, m^2."""

    position: EastNorth
    covariance_m2: FloatArray

    @property
    def ellipse(self) -> Ellipse:
        return Ellipse.from_covariance(self.covariance_m2)


def intersect_ground(
    camera: Camera, pose: Pose, pixels_px: ArrayLike, ground_up_m: float | ArrayLike = 0.0
) -> FloatArray:
    """Where lines of sight meet a horizontal plane: (N, 2) pixels to (N, 2) east, north.

    `ground_up_m` is one height or (N,) heights in the pose's datum. Pixels at or above the
    horizon, or a camera below the plane, give NaN rows.
    """
    directions = camera.rays(pixels_px) @ pose.rotation()
    drop = np.asarray(ground_up_m, dtype=float) - pose.up_m
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = drop / directions[:, 2]
    distance = np.where((directions[:, 2] < -1e-6) & (drop < 0), distance, np.nan)
    ground: FloatArray = pose.position()[:2] + directions[:, :2] * distance[:, None]
    return ground


def place(
    camera: Camera,
    pose: Pose,
    pixel_px: tuple[float, float],
    projection: LocalProjection,
    *,
    ground_up_m: float = 0.0,
    ground_sigma_m: float = 1.0,
    error: PoseError | None = None,
) -> GroundPoint:
    """Place one pixel on the ground.

    `projection` names the axes that `pose` is in; `ground_sigma_m` is the standard deviation of
    the target's height about `ground_up_m`. Raises SightLineError when the line of sight does
    not come down to the ground.
    """
    error = error or PoseError()

    def at(p: Pose, pixel: tuple[float, float], up_m: float) -> FloatArray:
        found: FloatArray = intersect_ground(camera, p, [pixel], up_m)[0]
        return found

    centre = at(pose, pixel_px, ground_up_m)
    if not np.all(np.isfinite(centre)):
        raise SightLineError(
            f"pixel ({pixel_px[0]:.0f}, {pixel_px[1]:.0f}) looks at or above the horizon from "
            f"{pose.up_m:.1f} m with pitch {pose.pitch_deg:.1f}°: it has no ground position"
        )
    u, v = pixel_px
    step_m, step_deg, step_px = 0.01, 0.01, 0.5
    higher = replace(pose, up_m=pose.up_m + step_m)
    turned = replace(pose, yaw_deg=pose.yaw_deg + step_deg)
    pitched = replace(pose, pitch_deg=pose.pitch_deg - step_deg)
    rolled = replace(pose, roll_deg=pose.roll_deg + step_deg)
    columns = [
        (at(higher, pixel_px, ground_up_m), step_m, error.vertical_m),
        (at(turned, pixel_px, ground_up_m), step_deg, error.yaw_deg),
        (at(pitched, pixel_px, ground_up_m), step_deg, error.tilt_deg),
        (at(rolled, pixel_px, ground_up_m), step_deg, error.tilt_deg),
        (at(pose, (u + step_px, v), ground_up_m), step_px, error.pixel_px),
        (at(pose, (u, v + step_px), ground_up_m), step_px, error.pixel_px),
        (at(pose, pixel_px, ground_up_m - step_m), step_m, ground_sigma_m),
    ]
    covariance: FloatArray = np.eye(2) * error.horizontal_m**2
    for moved, step, sigma in columns:
        if np.all(np.isfinite(moved)):  # a step over the horizon says nothing about the slope
            slope = (moved - centre) / step * sigma
            covariance = covariance + np.outer(slope, slope)
    return GroundPoint(EastNorth(float(centre[0]), float(centre[1]), projection), covariance)


def fuse(points: list[GroundPoint], shared_sigma_m: float = 1.5) -> GroundPoint:
    """Several placements of one thing as one.

    The inverse-covariance mean, and its covariance plus what averaging cannot remove: views of
    one pass share the GNSS and compass error, so `shared_sigma_m` is added back (a lower bound on
    the honest ellipse, in the spirit of covariance intersection: S. Julier, J. Uhlmann 1997).
    """
    if not points:
        raise GeometryError("no placements to fuse")
    projection = points[0].position.projection
    information = np.zeros((2, 2))
    weighted = np.zeros(2)
    for point in points:
        if point.position.projection != projection:
            raise GeometryError("placements to fuse are in two different projections")
        inverse = np.linalg.inv(point.covariance_m2)
        information += inverse
        weighted += inverse @ np.array([point.position.east_m, point.position.north_m])
    covariance: FloatArray = np.linalg.inv(information).astype(np.float64)
    east, north = covariance @ weighted
    if len(points) > 1:
        covariance = covariance + np.eye(2) * shared_sigma_m**2
    return GroundPoint(EastNorth(float(east), float(north), projection), covariance)
