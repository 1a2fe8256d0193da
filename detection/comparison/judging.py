"""Whether the pictures of a place show the same thing on both days.

The detector misses things, and sees some that are not there; what it did not find again is not
gone for that. Two measures of what is in a thing's box decide: how alike its pattern is (normalised
correlation, which exposure does not change), of lightness and of the two chroma channels of CIE
Lab, which shadows hardly change; and by how much it differs, against what the ground about it
differs by. Where they do not agree, nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["UNCLEAR", "Judgement", "Verdict", "in_lab", "judge"]

FloatArray = NDArray[np.float64]
Image = NDArray[np.uint8]
Verdict = Literal["changed", "same", "unclear"]

_BLUR_M = 0.12
_RING_M, _SHIFT_M = 2.0, 0.8
_SHARE = 85.0  # percentile: a thing fills only a part of its box
_LEAST_SHOWN = 0.6
_GAIN = (0.5, 2.0)
# Of simulated patrols of worlds that no figure uses: correlation in the boxes of what stayed, and
# in those of what came or went. What stands is seen from another side and its shadow turns, so
# its lightness tells nothing and its colours differ more.
_SAME_CHROMA, _SAME_LIGHTNESS = 0.85, 0.65
_CHANGED_CHROMA, _CHANGED_LIGHTNESS = 0.75, 0.45
_LARGE, _LARGE_TALL = 9.0, 22.0
_STANDS_OUT, _BLENDS_IN = 1.3, 1.9


@dataclass(frozen=True, slots=True)
class Judgement:
    """`difference` of chroma in the thing's box and `around` it, in units of CIE Lab;
    `likeness` the correlation of lightness and of chroma in the box, -1 to 1."""

    verdict: Verdict
    difference: float
    around: float
    likeness: tuple[float, float]


UNCLEAR = Judgement("unclear", float("nan"), float("nan"), (float("nan"), float("nan")))


def in_lab(
    reference: Image, other: Image, shown: NDArray[np.bool_], gsd_m: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both pictures (H, W, 3) in CIE Lab, smoothed over 0.12 m, the other one brought to the
    reference's exposure and white balance by the medians of what both show."""
    first, second = reference.astype(np.float32), other.astype(np.float32)
    if shown.any():
        gain = np.median(first[shown], axis=0) / np.maximum(np.median(second[shown], axis=0), 1.0)
        second = np.clip(second * np.clip(gain, *_GAIN), 0, 255)
    return _smooth_lab(first, gsd_m), _smooth_lab(second, gsd_m)


def _smooth_lab(image: NDArray[np.float32], gsd_m: float) -> NDArray[np.float32]:
    lab = cv2.cvtColor((image / 255).astype(np.float32), cv2.COLOR_BGR2LAB)
    return np.asarray(cv2.GaussianBlur(lab, (0, 0), _BLUR_M / gsd_m), np.float32)


def judge(
    reference: Image, other: Image, shown: NDArray[np.bool_], box_px: FloatArray, gsd_m: float,
    *, tall: bool,
) -> Judgement:  # fmt: skip
    """Compare what is in a box (4, 2) of two registered ground frames.

    A further shift of up to 0.8 m is allowed for: what lies lower or higher than the banks is not
    where the banks' registration puts it.
    """
    side = reference.shape[0]
    low = np.floor(box_px.min(axis=0)).astype(int)
    high = np.ceil(box_px.max(axis=0)).astype(int) + 1
    ring = round(_RING_M / gsd_m)
    left, top = (int(v) for v in np.clip(low - ring, 0, side))
    right, bottom = (int(v) for v in np.clip(high + ring, 0, side))
    if right - left < 8 or bottom - top < 8:
        return UNCLEAR
    first, second = in_lab(reference, other, shown, gsd_m)
    part = np.ascontiguousarray(first[top:bottom, left:right])
    moved = _best_shifted(part, second, left, top, round(_SHIFT_M / gsd_m))
    box = np.zeros(part.shape[:2], bool)
    box[max(0, low[1] - top) : high[1] - top, max(0, low[0] - left) : high[0] - left] = True
    clear = cv2.erode(shown.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    clear = clear[top:bottom, left:right]
    inside, outside = clear & box, clear & ~box
    if inside.sum() < _LEAST_SHOWN * box.sum() or inside.sum() < 16 or outside.sum() < 64:
        return UNCLEAR
    difference = moved - part
    difference = difference - np.median(difference[outside], axis=0)
    chroma = np.hypot(difference[..., 1], difference[..., 2])
    lightness = np.abs(difference[..., 0])
    in_box, around = (float(np.percentile(chroma[m], _SHARE)) for m in (inside, outside))
    light_in_box, light_around = (
        float(np.percentile(lightness[m], _SHARE)) for m in (inside, outside)
    )
    alike = [_correlation(part[inside][:, c], moved[inside][:, c]) for c in range(3)]
    likeness = alike[0], (alike[1] + alike[2]) / 2
    stands_out = (
        in_box > _STANDS_OUT * max(around, 1.0)
        or light_in_box > _STANDS_OUT * max(light_around, 1.0)
    )  # fmt: skip
    large = in_box > (_LARGE_TALL if tall else _LARGE)
    unlike = likeness[1] < _CHANGED_CHROMA or (not tall and likeness[0] < _CHANGED_LIGHTNESS)
    alike_enough = likeness[1] >= _SAME_CHROMA and (
        tall or (likeness[0] >= _SAME_LIGHTNESS and in_box < _BLENDS_IN * max(around, 1.0))
    )
    verdict: Verdict = "unclear"
    if (large or unlike) and stands_out:
        verdict = "changed"
    elif alike_enough and not large:
        verdict = "same"
    return Judgement(verdict, in_box, around, likeness)


def _best_shifted(
    part: NDArray[np.float32], other: NDArray[np.float32], left: int, top: int, reach: int
) -> NDArray[np.float32]:
    """What of the other picture looks most like a part, within reach of where it should be."""
    padded = cv2.copyMakeBorder(other, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    height, width = part.shape[:2]
    window = padded[top : top + height + 2 * reach, left : left + width + 2 * reach]
    score = np.zeros((2 * reach + 1, 2 * reach + 1))
    for c in range(3):
        found = cv2.matchTemplate(
            np.ascontiguousarray(window[..., c]), np.ascontiguousarray(part[..., c]),
            cv2.TM_CCOEFF_NORMED,
        )  # fmt: skip
        score += np.nan_to_num(found, posinf=0.0, neginf=0.0)
    dy, dx = np.unravel_index(int(np.round(score, 6).argmax()), score.shape)
    return np.asarray(window[dy : dy + height, dx : dx + width])


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    a, b = first - first.mean(dtype=float), second - second.mean(dtype=float)
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-6))
