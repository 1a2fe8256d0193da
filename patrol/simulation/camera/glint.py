"""Light on the water that moves with the view: the sky's sheen and the sun's glint."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from patrol.simulation.camera.view import View
from patrol.simulation.world.textures import noise

__all__ = ["add_glint"]

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
_COARSE = 16
_SHIFT_PX = 512
_SLOPE = 0.16  # spread of the ripples' slopes (Cox and Munk 1954, light wind)


def add_glint(image: Image, mask: Image, view: View, sun: FloatArray) -> None:
    """Lighten the water (where `mask` is not 0) by what it mirrors.

    The facet that mirrors the sun into each pixel has a slope; how many facets have it is
    Gaussian (C. Cox, W. Munk 1954), and ripples break it up. Sheen by Schlick's approximation
    of Fresnel reflection.
    """
    x0, y0, w, h = cv2.boundingRect(mask)
    if w == 0 or h == 0:
        return
    v, u = np.mgrid[y0 : y0 + h + _COARSE : _COARSE, x0 : x0 + w + _COARSE : _COARSE]
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(view.matrix[:, :3]).T
    rays /= np.sqrt(np.einsum("...k,...k", rays, rays))[..., None]
    half = sun - rays
    slope2 = (half[..., 0] ** 2 + half[..., 1] ** 2) / np.maximum(half[..., 2], 1e-3) ** 2
    glint = np.exp(-slope2 / (2 * _SLOPE**2))
    sheen = 0.02 + 0.98 * (1 - np.clip(-rays[..., 2], 0, 1)) ** 5
    light = _enlarged(np.clip(230 * sheen, 0, 90), w, h)
    if float(glint.max()) > 0.03:
        shine = _enlarged(np.clip(105 * glint, 0, 255), w, h)
        dx, dy = (int(abs(c) * 53.0) % _SHIFT_PX for c in view.centre_m[:2])
        size = _SHIFT_PX + max(view.width_px, view.height_px)
        sparkle = _sparkle(size)[dy : dy + h, dx : dx + w]
        light = cv2.add(light, cv2.multiply(shine, sparkle, scale=1 / 90))
    part = image[y0 : y0 + h, x0 : x0 + w]
    cv2.add(part, cv2.merge([light] * 3), dst=part, mask=mask[y0 : y0 + h, x0 : x0 + w])


def _enlarged(field: FloatArray, width: int, height: int) -> Image:
    """A coarse field at full size, as bytes."""
    rows, columns = field.shape
    size = (columns * _COARSE, rows * _COARSE)
    large = cv2.resize(field.astype(np.uint8), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(large[:height, :width])


@lru_cache(maxsize=2)
def _sparkle(size: int) -> Image:
    """How much of the sun's mirror image each ripple shows, 90 for all of it."""
    field = cv2.blur(noise(7, 0.12, 1.2, 0.9), (7, 3)) + 0.35 * noise(7, 0.12, 1.2, 0.9)
    index = np.arange(size) % len(field)
    ripples = np.take(np.take(field / field.std(), index, 0), index, 1)
    return np.asarray(np.clip(36 + 22 * ripples, 0, 160).astype(np.uint8))
