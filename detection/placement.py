"""Detections on the ground: each box as a line through height, with the errors that it has alone.

A box is placed at the height where its class is expected (`Prior`); how its ground position
moves with height is kept, so that several views can settle the height (parallax). Errors that
all views of a pass share (satellite position, compass) are kept apart: they do not average out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.telemetry.poses import FramePose
from geo.camera import Camera
from geo.coordinates import LocalProjection
from geo.errors import SightLineError
from geo.placing import PoseError, intersect_ground, place

__all__ = ["PRIORS", "Prior", "View", "view_of"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known of a class before it is seen: the height of a box's middle above the launch
    site's ground with its standard deviation, and how far it may drift, metres a second."""

    up_m: float
    up_sigma_m: float
    drift_m_s: float = 0.0


# Water lies 1 to 4 m below the banks of these rivers; a box's middle is half-way up a building.
PRIORS: dict[str, Prior] = {
    "outfall": Prior(-1.5, 1.0),
    "discharge": Prior(-2.5, 0.7),
    "structure": Prior(2.5, 2.5),
    "floating_waste": Prior(-2.5, 0.7, drift_m_s=0.3),
}

# What of a pose's error is a view's own, and what all views of a pass share: standard deviations
# as shares of the whole, their squares adding up to one.
_OWN_SHARE = 0.35
_SHARED_SHARE = math.sqrt(1 - _OWN_SHARE**2)
# A box's edges are uncertain by this share of its length; a thing's shape changes with the view.
_EDGE_SHARE = 0.12
# A box that the picture's edge cuts: its middle is not the thing's middle.
_CUT_SHARE = 0.35
_CUT_MARGIN_PX = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One detection, placed.

    `ground_m` (2,) east, north at the prior's height; `slope` (2,) metres it moves for each metre
    of height; `own_m2` (2, 2) covariance of errors of this view alone, `shared_m2` of errors that
    the whole pass shares, both without the height's. `radius_m` half the diagonal of the box on
    the ground; `cut` whether the picture's edge cuts the box; `off_axis` distance of the box from
    the picture's middle, in half diagonals.
    """

    shot: int
    time_s: float
    class_name: str
    confidence: float
    box_px: tuple[float, float, float, float]
    ground_m: FloatArray
    slope: FloatArray
    own_m2: FloatArray
    shared_m2: FloatArray
    radius_m: float
    cut: bool
    off_axis: float


def view_of(
    camera: Camera,
    pose: FramePose,
    projection: LocalProjection,
    *,
    shot: int,
    time_s: float,
    class_name: str,
    confidence: float,
    box_px: NDArray[np.float64],
) -> View | None:
    """Place one box; None where it lies at or above the horizon."""
    prior = PRIORS[class_name]
    at = pose.pose(projection)
    middle = (float(box_px[0] + box_px[2]) / 2, float(box_px[1] + box_px[3]) / 2)
    error = pose.error
    own = _part(error, _OWN_SHARE, error.pixel_px)
    try:
        point = place(
            camera, at, middle, projection, ground_up_m=prior.up_m, ground_sigma_m=0.0, error=own
        )
        shared = place(
            camera, at, middle, projection,
            ground_up_m=prior.up_m, ground_sigma_m=0.0, error=_part(error, _SHARED_SHARE, 0.0),
        )  # fmt: skip
    except SightLineError:
        return None
    ground = np.array([point.position.east_m, point.position.north_m])
    higher = intersect_ground(camera, at, [middle], prior.up_m + 0.1)[0]
    corners = intersect_ground(camera, at, _corners(box_px), prior.up_m)
    if not (np.all(np.isfinite(higher)) and np.all(np.isfinite(corners))):
        return None
    width_m = float(np.linalg.norm(corners[1] - corners[0]))
    length_m = float(np.linalg.norm(corners[2] - corners[1]))
    radius_m = float(np.hypot(width_m, length_m)) / 2
    cut = bool(
        box_px[0] < _CUT_MARGIN_PX
        or box_px[1] < _CUT_MARGIN_PX
        or box_px[2] > camera.width_px - _CUT_MARGIN_PX
        or box_px[3] > camera.height_px - _CUT_MARGIN_PX
    )
    edge_m = (_CUT_SHARE if cut else _EDGE_SHARE) * 2 * radius_m
    cx, cy = camera.centre_px
    return View(
        shot=shot, time_s=time_s, class_name=class_name, confidence=confidence,
        box_px=(float(box_px[0]), float(box_px[1]), float(box_px[2]), float(box_px[3])),
        ground_m=ground, slope=(higher - ground) / 0.1,
        own_m2=point.covariance_m2 + np.eye(2) * edge_m**2, shared_m2=shared.covariance_m2,
        radius_m=radius_m, cut=cut,
        off_axis=float(np.hypot(middle[0] - cx, middle[1] - cy) / np.hypot(cx, cy)),
    )  # fmt: skip


def _part(error: PoseError, share: float, pixel_px: float) -> PoseError:
    return PoseError(
        share * error.horizontal_m, share * error.vertical_m, share * error.yaw_deg,
        share * error.tilt_deg, pixel_px,
    )  # fmt: skip


def _corners(box_px: NDArray[np.float64]) -> FloatArray:
    x1, y1, x2, y2 = box_px
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
