"""Detections on the ground: each box as a line through height, with the errors that it has alone.

A box is placed at the height where its class is expected (`Prior`); how its ground position
moves with height is kept, so that several views can settle the height (parallax). Errors that
all views of a pass share (satellite position, compass) are kept apart: they do not average out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from detection.detections import Detections
from detection.telemetry.poses import FramePose
from geo.camera import Camera, Pose
from geo.coordinates import LocalProjection
from geo.placing import intersect_ground

__all__ = ["PRIORS", "Prior", "View", "views_of"]

FloatArray = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known of a class before it is seen: the height of a box's middle above the launch
    site's ground with its standard deviation, how far it may drift, metres a second, and whether
    it `must_be_whole`: a house of which only the part towards the river was filmed would be
    placed too near to the river, and where it stands decides whether it may."""

    up_m: float
    up_sigma_m: float
    drift_m_s: float = 0.0
    must_be_whole: bool = False


# Water lies 1 to 4 m below the banks of these rivers; a box's middle is half-way up a building.
PRIORS: dict[str, Prior] = {
    "outfall": Prior(-1.5, 1.0),
    "discharge": Prior(-2.5, 0.7),
    "structure": Prior(3.0, 3.5, must_be_whole=True),
    "floating_waste": Prior(-2.5, 0.7, drift_m_s=0.3),
}

# What of a pose's error is a view's own, and what all views of a pass share: standard deviations
# as shares of the whole, their squares adding up to one.
_OWN_SHARE = 0.35
_SHARED_SHARE = math.sqrt(1 - _OWN_SHARE**2)
# A box's edges are uncertain by this share of its length; a thing's shape changes with the view.
_EDGE_SHARE = 0.08
# A box that the picture's edge cuts: its middle is not the thing's middle.
_CUT_SHARE = 0.35
_CUT_MARGIN_PX = 6.0
_STEP_M, _STEP_DEG = 0.05, 0.01


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One detection, placed.

    `ground_m` (2,) east, north at the prior's height; `slope` (2,) metres it moves for each metre
    of height; `own_m2` (2, 2) covariance of errors of this view alone, `shared_m2` of errors that
    the whole pass shares, both without the height's. `radius_m` half the diagonal of the box on
    the ground; `cut_sides` whether the picture's edge cuts the box on its left, upper, right and
    lower side; `off_axis` distance of the box from the picture's middle, in half diagonals.
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
    cut_sides: tuple[bool, bool, bool, bool]
    off_axis: float

    @property
    def cut(self) -> bool:
        """Whether the picture shows a part of the thing only."""
        return any(self.cut_sides)


def views_of(
    camera: Camera,
    pose: FramePose,
    projection: LocalProjection,
    found: Detections,
    names: Sequence[str],
    *,
    shot: int,
    time_s: float,
) -> list[View]:
    """Place the boxes of one picture; `names` are the classes. Those whose middle or a corner
    lies at or above the horizon are left out.

    First-order error propagation as `geo.placing.place` does it, for all boxes at once.
    """
    if not len(found):
        return []
    at = pose.pose(projection)
    kinds = [names[class_id] for class_id in found.class_id]
    ups = np.array([PRIORS[kind].up_m for kind in kinds])
    middle = (found.box_px[:, :2] + found.box_px[:, 2:]) / 2

    def ground_of(
        pose_now: Pose = at, pixels: FloatArray = middle, higher_m: float = 0.0
    ) -> FloatArray:
        return intersect_ground(camera, pose_now, pixels, ups + higher_m)

    ground = ground_of()
    slope = (ground_of(higher_m=_STEP_M) - ground) / _STEP_M
    turns = [
        ((ground_of(replace(at, yaw_deg=at.yaw_deg + _STEP_DEG)) - ground), pose.error.yaw_deg),
        (
            (ground_of(replace(at, pitch_deg=at.pitch_deg - _STEP_DEG)) - ground),
            pose.error.tilt_deg,
        ),
        ((ground_of(replace(at, roll_deg=at.roll_deg + _STEP_DEG)) - ground), pose.error.tilt_deg),
    ]
    # A higher camera is, for the place of what it sees, a lower ground.
    of_pose = _squares(slope) * pose.error.vertical_m**2 + np.eye(2) * pose.error.horizontal_m**2
    for moved, sigma_deg in turns:
        of_pose = of_pose + _squares(moved / _STEP_DEG) * sigma_deg**2
    of_pixel = sum(
        _squares(ground_of(pixels=middle + np.array(step)) - ground)
        for step in ((1.0, 0.0), (0.0, 1.0))
    )
    corners = np.stack(
        [ground_of(pixels=found.box_px[:, list(which)]) for which in ((0, 1), (2, 1), (2, 3))]
    )
    width_m, length_m = np.linalg.norm(np.diff(corners, axis=0), axis=2)
    radius_m = np.hypot(width_m, length_m) / 2
    limit = np.array([camera.width_px, camera.height_px])
    sides = np.hstack(
        [found.box_px[:, :2] < _CUT_MARGIN_PX, found.box_px[:, 2:] > limit - _CUT_MARGIN_PX]
    )
    edge_m = np.where(sides.any(axis=1), _CUT_SHARE, _EDGE_SHARE) * 2 * radius_m
    own = (
        _OWN_SHARE**2 * of_pose
        + of_pixel * pose.error.pixel_px**2
        + np.eye(2) * edge_m[:, None, None] ** 2
    )
    centre = np.asarray(camera.centre_px)
    off_axis = np.linalg.norm(middle - centre, axis=1) / np.linalg.norm(centre)
    usable = np.isfinite(own).all(axis=(1, 2)) & np.isfinite(radius_m)
    return [
        View(
            shot=shot, time_s=time_s, class_name=kinds[k], confidence=float(found.confidence[k]),
            box_px=_four(found.box_px[k].tolist()), ground_m=ground[k], slope=slope[k],
            own_m2=own[k], shared_m2=_SHARED_SHARE**2 * of_pose[k], radius_m=float(radius_m[k]),
            cut_sides=_four(sides[k].tolist()), off_axis=float(off_axis[k]),
        )
        for k in np.flatnonzero(usable)
    ]  # fmt: skip


def _squares(rows: FloatArray) -> FloatArray:
    """(N, 2) to the outer product of each with itself, (N, 2, 2)."""
    return rows[:, :, None] * rows[:, None, :]


def _four(values: list[T]) -> tuple[T, T, T, T]:
    a, b, c, d = values
    return a, b, c, d
