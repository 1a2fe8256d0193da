"""Lens and sensor: glint, vignetting, exposure, motion blur, noise, distortion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from geo.camera import Camera, Pose
from patrol.errors import SimulationError

__all__ = ["Exposure", "Sensor", "motion_px", "pinhole_for"]

Image = NDArray[np.uint8]
_GREY = 112.0
_NOISE_PX = 256  # how far the kept noise can be shifted
_MARGIN = 1.12  # the pinhole picture is this much larger where a lens bends it


@dataclass(frozen=True, slots=True)
class Exposure:
    """How one frame is taken: `gain` over a plain exposure, `shutter_s`, `blur_px` the way the
    picture moves while the shutter is open (x, y), `softness_px` the lens's own blur."""

    gain: float = 1.0
    shutter_s: float = 1e-3
    iso: int = 100
    blur_px: tuple[float, float] = (0.0, 0.0)
    softness_px: float = 0.55
    noise: float = 2.0
    noise_key: int = 0


class Sensor:
    """Turns the pinhole's picture into the camera's; fixed maps are made once."""

    def __init__(self, camera: Camera, vignetting: float = 0.18) -> None:
        self.camera = camera
        h, w = camera.height_px, camera.width_px
        x, y = np.meshgrid(
            (np.arange(w) - w / 2) / (math.hypot(w, h) / 2),
            (np.arange(h) - h / 2) / (math.hypot(w, h) / 2),
        )
        fall = 1 - vignetting * (x * x + y * y)
        self._vignette = np.repeat((fall * 200).astype(np.uint8)[..., None], 3, axis=2)
        self._maps = _distortion(camera) if camera.k1 or camera.k2 else None

    def expose(self, image: Image, exposure: Exposure) -> Image:
        """The picture as recorded, (H, W, 3) BGR; `image` is the pinhole's and may be changed."""
        image = self.bend(image, cv2.INTER_LINEAR)
        gain = exposure.gain * _metered(image)
        image = _blur(image, exposure)
        cv2.multiply(image, self._vignette, dst=image, scale=gain / 200)
        if exposure.noise > 0:
            h, w = image.shape[:2]
            grain = _grain(h + _NOISE_PX, w + _NOISE_PX)
            dy, dx = (
                _hash(exposure.noise_key) % _NOISE_PX,
                _hash(exposure.noise_key + 7919) % _NOISE_PX,
            )
            part = grain[dy : dy + h, dx : dx + w]
            a = exposure.noise / _GRAIN_SIGMA
            cv2.addWeighted(image, 1.0, part, a, -128 * a, dst=image)
        return image

    def bend(self, image: Image, how: int) -> Image:
        """Apply the lens's distortion; the same picture where it has none."""
        if self._maps is None:
            return image
        return np.asarray(cv2.remap(image, self._maps[0], self._maps[1], how))


def _metered(image: Image) -> float:
    """The gain of automatic exposure: most of the way to a middle grey, by the mean of a sparse
    sample of the frame alone, so that frames do not depend on their order."""
    mean = float(np.mean(image[8::24, 8::24]))
    return float(np.clip((_GREY / max(mean, 1.0)) ** 0.7, 0.75, 1.6))


def pinhole_for(camera: Camera) -> Camera:
    """The distortion-free camera to draw with; larger where the lens would look past its edge."""
    if not (camera.k1 or camera.k2):
        return camera
    w, h = math.ceil(camera.width_px * _MARGIN), math.ceil(camera.height_px * _MARGIN)
    return Camera(camera.name, w, h, camera.focal_px)


def _distortion(camera: Camera) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    h, w = camera.height_px, camera.width_px
    u, v = np.meshgrid(np.arange(w, dtype=float), np.arange(h, dtype=float))
    rays = camera.rays(np.column_stack([u.ravel(), v.ravel()]))
    flat = pinhole_for(camera)
    px, _ = flat.project(rays)
    if np.any(px < -0.5) or np.any(px > (flat.width_px, flat.height_px)):
        raise SimulationError(
            f"camera {camera.name!r}: its lens (k1 {camera.k1:g}, k2 {camera.k2:g}) bends too much "
            "to be filmed with; use one that moves the corner by less than 10 %"
        )
    maps = px.reshape(h, w, 2).astype(np.float32)
    return np.ascontiguousarray(maps[..., 0]), np.ascontiguousarray(maps[..., 1])


def _blur(image: Image, exposure: Exposure) -> Image:
    dx, dy = exposure.blur_px
    length = math.hypot(dx, dy)
    if length > 0.7:
        size = 2 * math.ceil(length / 2 + 0.5) + 1
        kernel = np.zeros((size, size), np.float32)
        middle = (size - 1) / 2
        for t in np.linspace(-0.5, 0.5, 4 * size):
            x, y = middle + dx * t, middle + dy * t
            x0, y0 = int(x), int(y)
            for i, j, weight in (
                (x0, y0, (x0 + 1 - x) * (y0 + 1 - y)), (x0 + 1, y0, (x - x0) * (y0 + 1 - y)),
                (x0, y0 + 1, (x0 + 1 - x) * (y - y0)), (x0 + 1, y0 + 1, (x - x0) * (y - y0)),
            ):  # fmt: skip
                if weight > 0:
                    kernel[j, i] += weight
        image = np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()))
    if exposure.softness_px > 0.05:
        image = np.asarray(cv2.GaussianBlur(image, (3, 3), exposure.softness_px))
    return image


_GRAIN_SIGMA = 24.0


@lru_cache(maxsize=2)
def _grain(height: int, width: int) -> Image:
    """Noise about 128, slightly coarser than a pixel as after a camera's own denoising."""
    rng = np.random.default_rng(7005)
    luma = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (3, 3), 0.6)
    chroma = cv2.resize(
        rng.standard_normal((height // 3 + 1, width // 3 + 1, 3)).astype(np.float32),
        (width, height),
    )
    field = luma[..., None] / luma.std() + 0.5 * chroma
    return np.asarray(np.clip(128 + _GRAIN_SIGMA * field, 0, 255).astype(np.uint8))


def _hash(key: int) -> int:
    return (key * 2654435761 + 40503) >> 7 & 0x7FFFFFFF


def motion_px(
    camera: Camera, pose: Pose, velocity_m_s: tuple[float, float], shutter_s: float
) -> tuple[float, float]:
    """How far the ground below moves in the picture while the shutter is open (x, y)."""
    rotation = pose.rotation()
    move = rotation @ np.array([-velocity_m_s[0], -velocity_m_s[1], 0.0]) * shutter_s
    scale = camera.focal_px / max(pose.up_m, 1.0)
    return float(move[0] * scale), float(move[1] * scale)
