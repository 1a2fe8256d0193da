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
_COARSE = 8
_SHIFT_PX = 512
_SLOPE = 0.16  # spread of the ripples' slopes (Cox and Munk 1954, light wind)


def add_glint(image: Image, mask: Image, view: View, sun: FloatArray) -> None:
    """Lighten the water (where `mask` is not 0) by what it mirrors.

    The facet that mirrors the sun into each pixel has a slope; how many facets have it is
    Gaussian (C. Cox, W. Munk 1954), and ripples break it up. Sheen by Schlick's approximation
    of Fresnel reflection.
    """
    h, w = image.shape[:2]
    v, u = np.mgrid[_COARSE / 2 : h : _COARSE, _COARSE / 2 : w : _COARSE]
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(view.matrix[:, :3]).T
    rays = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    half = sun - rays
    slope2 = (half[..., 0] ** 2 + half[..., 1] ** 2) / np.maximum(half[..., 2], 1e-3) ** 2
    glint = np.exp(-slope2 / (2 * _SLOPE**2))
    cosine = np.clip(-rays[..., 2], 0, 1)
    sheen = 0.02 + 0.98 * (1 - cosine) ** 5
    light = np.clip(230 * sheen, 0, 90).astype(np.float32)
    large = cv2.resize(light.astype(np.uint8), (w, h), interpolation=cv2.INTER_LINEAR)
    if float(glint.max()) > 0.03:
        strength = np.clip(105 * glint, 0, 255).astype(np.uint8)
        shine = cv2.resize(strength, (w, h), interpolation=cv2.INTER_LINEAR)
        dx, dy = (int(abs(c) * 53.0) % _SHIFT_PX for c in view.centre_m[:2])
        sparkle = _sparkle(w + _SHIFT_PX, h + _SHIFT_PX)[dy : dy + h, dx : dx + w]
        large = cv2.add(large, cv2.multiply(shine, sparkle, scale=1 / 90))
    cv2.add(image, cv2.merge([large] * 3), dst=image, mask=mask)


@lru_cache(maxsize=2)
def _sparkle(width: int, height: int) -> Image:
    """How much of the sun's mirror image each ripple shows, 90 for all of it."""
    field = cv2.blur(noise(7, 0.12, 1.2, 0.9), (7, 3)) + 0.35 * noise(7, 0.12, 1.2, 0.9)
    rows, columns = np.arange(height) % len(field), np.arange(width) % len(field)
    ripples = np.take(np.take(field / field.std(), rows, 0), columns, 1)
    return np.asarray(np.clip(36 + 22 * ripples, 0, 160).astype(np.uint8))
