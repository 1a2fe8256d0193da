"""What air, lens and sensor do to a rendered picture, all of it from the specification."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.training.renders.pinhole import Pinhole
from detection.training.renders.scene import Camera, Finish
from detection.training.samples import Boxes

__all__ = ["finish_picture", "hazy", "motion_kernel", "skew_boxes", "skewed"]

Picture = NDArray[np.uint8]
FloatArray = NDArray[np.float64]


def hazy(picture: FloatArray, camera: Camera, finish: Finish) -> FloatArray:
    """Koschmieder's law: what is seen fades into the colour of the air with the distance to the
    ground, exp(-beta * d). `picture` (H, W, 3) BGR, 0 to 1, as displayed."""
    if finish.haze_per_km <= 0:
        return picture
    _, far_m = Pinhole.of(camera).ground()
    clear = np.exp(-finish.haze_per_km / 1000 * np.minimum(far_m, 5000.0))[..., None]
    air = np.array(finish.haze_colour[::-1]) ** (1 / 2.2)
    return np.asarray(picture * clear + air * (1 - clear), float)


def motion_kernel(length_px: float, angle_deg: float) -> FloatArray:
    """The way a point takes over the sensor while the shutter is open, of sum 1."""
    side = 2 * math.ceil(length_px / 2) + 3
    along = np.linspace(-0.5, 0.5, 65) * length_px
    x, y = (f(math.radians(angle_deg)) * along + side // 2 for f in (math.cos, math.sin))
    # each instant is shared between its four neighbouring pixels
    cell = np.arange(side)[:, None]
    columns, rows = (np.clip(1 - np.abs(cell - at), 0, 1) for at in (x, y))
    return np.asarray(rows @ columns.T / len(along), float)


def skewed(picture: FloatArray, skew_px: float) -> FloatArray:
    """A rolling shutter under a moving camera: rows are read one after another, so the top of the
    picture lies `skew_px` to the left of where it would, the bottom as much to the right."""
    if not skew_px:
        return picture
    height, width = picture.shape[:2]
    # in terms of pixel centres: row 0 has its centre at half a pixel
    slope = 2 * skew_px / height
    matrix = np.array([[1.0, slope, slope * 0.5 - skew_px], [0.0, 1.0, 0.0]])
    return np.asarray(
        cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101), float
    )


def skew_boxes(boxes: Boxes, skew_px: float, size_px: tuple[int, int]) -> Boxes:
    """The boxes of what `skewed` moved, clipped to the picture; those left outside are dropped."""
    width, height = size_px
    corners = boxes.corners_px.copy()
    shift = skew_px * (2 * corners[:, [1, 3]] / height - 1)
    corners[:, 0] += shift.min(axis=1)
    corners[:, 2] += shift.max(axis=1)
    corners = np.clip(corners, 0.0, [width, height, width, height])
    kept = (corners[:, 2:] - corners[:, :2] > 1.0).all(axis=1)
    return Boxes(boxes.class_ids[kept], corners[kept])


def _exposed(picture: FloatArray) -> FloatArray:
    """The camera's own exposure: most of the way to a middling brightness."""
    mean = float(picture.mean())
    return picture * float(np.clip((0.42 / max(mean, 1e-3)) ** 0.65, 0.7, 2.2))


def _colours(picture: FloatArray, finish: Finish) -> FloatArray:
    warm = np.array([1 - finish.warmth, 1.0, 1 + finish.warmth])  # BGR
    picture = np.clip(picture * warm * finish.gain, 0, 2)
    grey = picture @ np.array([0.114, 0.587, 0.299])
    picture = grey[..., None] + (picture - grey[..., None]) * finish.saturation
    return (picture - 0.42) * finish.contrast + 0.42


def _vignette(picture: FloatArray, camera: Camera, strength: float) -> FloatArray:
    """Darker with the square of the distance from the middle of the lens, not of the window."""
    height, width = picture.shape[:2]
    half = 1101.0 / camera.frame_px_per_px  # half the diagonal of the 1920-px frame
    x = (np.arange(width) + 0.5 - camera.centre_x_px) / half
    y = (np.arange(height) + 0.5 - camera.centre_y_px) / half
    return picture * (1 - strength * (x[None] ** 2 + y[:, None] ** 2))[..., None]


def finish_picture(
    rendered: Picture, boxes: Boxes, camera: Camera, finish: Finish
) -> tuple[bytes, Boxes]:
    """The JPEG file of a rendered picture (H, W, 3) BGR as a drone would have stored it, and its
    boxes. The same specification gives the same bytes with the same OpenCV."""
    height, width = rendered.shape[:2]
    picture = hazy(rendered / 255.0, camera, finish)
    picture = _vignette(_colours(_exposed(picture), finish), camera, finish.vignette)
    picture = cv2.GaussianBlur(picture, (0, 0), finish.softness_px)
    if finish.blur_px > 0.3:
        picture = cv2.filter2D(picture, -1, motion_kernel(finish.blur_px, finish.blur_angle_deg),
                               borderType=cv2.BORDER_REFLECT_101)  # fmt: skip
    picture = skewed(picture, finish.skew_px)
    rng = np.random.default_rng(finish.seed)
    # photon noise grows with the root of the light; a share of it is common to all colours
    level = finish.noise / 255 * np.sqrt(0.3 + np.clip(picture, 0, 1))
    grain = rng.normal(0, 0.75, (height, width, 1)) + rng.normal(0, 0.65, (height, width, 3))
    picture = np.clip(picture + level * grain, 0, 1)
    stored = np.rint(picture * 255).astype(np.uint8)
    data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, finish.jpeg_quality])[1]
    return data.tobytes(), skew_boxes(boxes, finish.skew_px, (width, height))
