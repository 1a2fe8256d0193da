"""Pasting one cutout on a picture: its size, colours, shadow and seam.

Colours are moved towards the surroundings in Lab by mean and spread (Reinhard et al., "Color
Transfer between Images", 2001), in part; seams are feathered, or the gradients are carried over
(Pérez et al., "Poisson Image Editing", 2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.training.composites.cutouts import Cutout
from detection.training.samples import FloatArray, Picture

__all__ = ["Light", "fitted", "paste", "roughness"]

_SOLID = 0.5
_LEAST_POISSON_PX = 14
_RING_PX = 12


@dataclass(frozen=True, slots=True)
class Light:
    """The sun of a picture: the direction that shadows fall in (radians in the picture), their
    length as a share of a thing's size, and how dark they are (0 to 1)."""

    angle: float
    length: float
    depth: float


def fitted(
    cutout: Cutout, gsd_m: float, scale: float, quarter_turns: int, mirrored: bool
) -> Cutout:
    """The cutout at another picture's scale (metres a pixel), times `scale`, turned by quarters."""
    factor = cutout.gsd_m / gsd_m * scale
    height, width = cutout.picture.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    picture = np.asarray(cv2.resize(cutout.picture, size, interpolation=how), np.uint8)
    alpha = np.clip(cv2.resize(cutout.alpha, size, interpolation=cv2.INTER_AREA), 0, 1)
    fx, fy = size[0] / width, size[1] / height
    x1, y1, x2, y2 = (v * f for v, f in zip(cutout.box_px, (fx, fy, fx, fy), strict=True))
    if mirrored:
        picture, alpha = picture[:, ::-1], alpha[:, ::-1]
        x1, x2 = size[0] - x2, size[0] - x1
    w, h = size
    for _ in range(quarter_turns % 4):  # counter-clockwise, as np.rot90
        x1, y1, x2, y2 = y1, w - x2, y2, w - x1
        w, h = h, w
    return Cutout(
        cutout.name, np.ascontiguousarray(np.rot90(picture, quarter_turns)),
        np.ascontiguousarray(np.rot90(alpha, quarter_turns), np.float32), cutout.class_id,
        gsd_m, (x1, y1, x2, y2), cutout.exact,
    )  # fmt: skip


def roughness(picture: Picture) -> NDArray[np.float32]:
    """(H, W) how much brightness changes about each pixel: low on open water, high in trees."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.blur(np.sqrt(across * across + down * down), (9, 9)))


def paste(
    picture: Picture,
    cutout: Cutout,
    left: int,
    top: int,
    *,
    light: Light | None,
    poisson: bool,
    match: float,
    softness_px: float,
) -> FloatArray:
    """Paste a fitted cutout into `picture` (changed in place), which it lies inside of; gives its
    box (4,) there. `match` is how far its colours are moved to those around it, 0 to 1; without
    `light` it casts no shadow; `softness_px` blurs it as the picture is blurred."""
    height, width = cutout.alpha.shape
    place = np.s_[top : top + height, left : left + width]
    under = picture[place]
    alpha = cutout.alpha
    thing = _matched(cutout.picture, alpha, _ring(picture, left, top, width, height), match)
    if softness_px > 0.2:
        thing = np.asarray(cv2.GaussianBlur(thing, (0, 0), softness_px), np.uint8)
        alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), softness_px), np.float32)
    if light is not None:
        _shade(picture, alpha, left, top, light)
        under = picture[place]
    blended = thing * alpha[..., None] + under * (1.0 - alpha[..., None])
    if poisson and min(height, width) >= _LEAST_POISSON_PX:
        cloned = _cloned(under, thing, alpha)
        if cloned is not None:  # half each: gradients alone give a thing the colour of the water
            blended = 0.5 * blended + 0.5 * cloned
    picture[place] = np.clip(np.rint(blended), 0, 255).astype(np.uint8)
    return np.asarray(np.array(cutout.box_px) + np.tile([left, top], 2))


def _ring(picture: Picture, left: int, top: int, width: int, height: int) -> Picture:
    """(N, 3) the picture's pixels around a place."""
    x1, y1 = max(0, left - _RING_PX), max(0, top - _RING_PX)
    around = picture[y1 : top + height + _RING_PX, x1 : left + width + _RING_PX]
    outside = np.ones(around.shape[:2], bool)
    outside[top - y1 : top - y1 + height, left - x1 : left - x1 + width] = False
    return around[outside] if outside.any() else around.reshape(-1, 3)


def _lab(pixels: NDArray[np.floating] | Picture) -> NDArray[np.float32]:
    shaped = np.asarray(pixels, np.float32).reshape(1, -1, 3) / 255.0
    return np.asarray(cv2.cvtColor(shaped, cv2.COLOR_BGR2LAB)[0], np.float32)


def _matched(
    picture: Picture, alpha: NDArray[np.float32], around: Picture, match: float
) -> Picture:
    solid = alpha.ravel() > _SOLID
    if match <= 0 or not solid.any():
        return picture
    lab, target = _lab(picture.reshape(-1, 3)), _lab(around)
    mean, wanted = lab[solid].mean(axis=0), target.mean(axis=0)
    spread = (target.std(axis=0) + 4.0) / (lab[solid].std(axis=0) + 4.0)
    gain = 1.0 + match * (np.clip(spread, 0.75, 1.25) - 1.0)
    # Brightness follows the scene's exposure; the colour of the thing itself is mostly kept.
    shift = match * np.array([0.6, 0.35, 0.35], np.float32) * (wanted - mean)
    moved = np.asarray((lab - mean) * gain + mean + shift, np.float32)
    back = cv2.cvtColor(moved[None], cv2.COLOR_LAB2BGR)[0]
    bytes_ = np.asarray(np.clip(np.rint(back * 255.0), 0, 255), np.uint8)
    return bytes_.reshape(picture.shape)


def _shade(picture: Picture, alpha: NDArray[np.float32], left: int, top: int, light: Light) -> None:
    """Darken where the thing's shadow falls."""
    height, width = alpha.shape
    reach = light.length * min(height, width)
    dx, dy = reach * np.cos(light.angle), reach * np.sin(light.angle)
    pad = int(np.ceil(reach)) + 3
    shadow = np.zeros((height + 2 * pad, width + 2 * pad), np.float32)
    for step in np.linspace(0.0, 1.0, 5):  # a thing has height: its shadow is drawn out
        y, x = pad + round(float(dy * step)), pad + round(float(dx * step))
        part = shadow[y : y + height, x : x + width]
        np.maximum(part, alpha, out=part)
    shadow = cv2.GaussianBlur(shadow, (0, 0), max(0.8, 0.05 * min(height, width)))
    y1, x1 = max(0, top - pad), max(0, left - pad)
    y2 = min(picture.shape[0], top + height + pad)
    x2 = min(picture.shape[1], left + width + pad)
    part = shadow[y1 - top + pad : y2 - top + pad, x1 - left + pad : x2 - left + pad]
    darker = picture[y1:y2, x1:x2] * (1.0 - light.depth * part[..., None])
    picture[y1:y2, x1:x2] = np.clip(np.rint(darker), 0, 255).astype(np.uint8)


def _cloned(under: Picture, thing: Picture, alpha: NDArray[np.float32]) -> Picture | None:
    """The thing with its gradients carried over, or None where there is too little of it."""
    height, width = alpha.shape
    pad = 2
    canvas = cv2.copyMakeBorder(under, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    source = cv2.copyMakeBorder(thing, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    mask = np.zeros(canvas.shape[:2], np.uint8)
    mask[pad:-pad, pad:-pad] = (alpha > 0.1) * np.uint8(255)
    rows, columns = np.nonzero(mask)
    if len(rows) < 30:
        return None
    # seamlessClone puts the middle of the mask's bounds at the point that it is given
    middle = (
        (int(columns.min()) + int(columns.max()) + 1) // 2,
        (int(rows.min()) + int(rows.max()) + 1) // 2,
    )
    try:
        done = cv2.seamlessClone(source, canvas, mask, middle, cv2.NORMAL_CLONE)
    except cv2.error:
        return None
    return np.asarray(done[pad : pad + height, pad : pad + width], np.uint8)
