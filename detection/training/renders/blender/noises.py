"""Noise as a picture that repeats: looked up many times faster than computed.

A procedural scene asks for noise a dozen times for each ray. Blender's own noise nodes cost most
of the rendering time; a tile of fractal noise, turned and shifted differently at each use, costs a
tenth and looks the same.
"""

from __future__ import annotations

from typing import Any

import bpy  # type: ignore[import-not-found]
import numpy as np

__all__ = ["CELLS", "noise_image"]

CELLS = 12  # cells of the coarsest octave along one side of the tile
_SIDE = 512  # one megabyte: stays in a core's cache
_DEVIATION = 0.115  # about that of Blender's noise, for which the thresholds are chosen


def noise_image(rough: float) -> Any:
    """The tile, of mean 0.5, whose octaves shrink by about `rough`: smooth, middling or rough."""
    level = min((0.5, 0.6, 0.72), key=lambda known: abs(known - rough))
    fine = level == 0.5  # ripples are made of it, and eight bits would give the water facets
    name = f"noise{level}"
    image = bpy.data.images.get(name)
    if image is not None:
        return image
    rng = np.random.default_rng(round(level * 100))
    spectrum = np.fft.fft2(rng.normal(0, 1, (_SIDE, _SIDE)))
    f = np.fft.fftfreq(_SIDE, 1 / _SIDE)
    radius = np.hypot(f[:, None], f[None])
    fall = -np.log2(level) + 1.0  # amplitude of an octave spread over its ring
    band = np.maximum(radius / CELLS, 1e-9)
    gain = np.where(band < 0.8, np.exp(-((0.8 / np.maximum(band, 0.05)) ** 2) + 1), band**-fall)
    field = np.fft.ifft2(spectrum * gain).real
    field = 0.5 + _DEVIATION * (field - field.mean()) / field.std()
    image = bpy.data.images.new(name, _SIDE, _SIDE, alpha=False, float_buffer=fine)
    image.colorspace_settings.name = "Non-Color"
    pixels = np.ones((_SIDE, _SIDE, 4), np.float32)
    pixels[..., :3] = np.clip(field, 0, 1)[..., None]
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    image.use_fake_user = True
    return image
