"""Pictures that show nothing: lens cap on, fog or glare without structure, out of focus.

Measured on a picture reduced to 1920 px across, so that one threshold serves stills and video.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Quality", "assess"]

_WORK_WIDTH_PX = 1920
# Lens caps measured 1 to 2 grey levels; a dusk photo that is still of use, 30 and more.
_DARK_LEVEL = 12.0
# Half the range of the middle 90 % of grey levels: muddy water alone measured 13.
_FLAT_CONTRAST = 5.0
# 45 sharp photos from three cameras measured 0.19 to 0.32, one out of focus 0.65.
_BLURRED = 0.5
_BLUR_KERNEL_PX = 9


@dataclass(frozen=True, slots=True)
class Quality:
    """`brightness`: mean grey level, 0..255. `contrast`: half the range of the middle 90 % of
    grey levels. `blur`: 0 sharp .. 1 without any fine structure. `fault`: '' for a picture that
    can be used, else 'dark', 'flat' or 'blurred'."""

    brightness: float
    contrast: float
    blur: float
    fault: str


def assess(image: NDArray[np.uint8]) -> Quality:
    """Judge one picture, (height, width) grey or (height, width, 3) BGR, uint8."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    scale = _WORK_WIDTH_PX / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    low, high = np.percentile(grey[::4, ::4], [5, 95])
    brightness, contrast = float(grey.mean()), float(high - low) / 2
    blur = _blur(grey)
    fault = ""
    if brightness < _DARK_LEVEL:
        fault = "dark"
    elif contrast < _FLAT_CONTRAST:
        fault = "flat"
    elif blur > _BLURRED:
        fault = "blurred"
    return Quality(brightness, contrast, blur, fault)


def _blur(grey: NDArray[np.uint8]) -> float:
    """How little blurring again takes away: F. Crété-Roffet et al., The blur effect, SPIE 6492
    (2007), the worse of both directions (motion blurs one of them)."""
    worst = 0.0
    for axis, kernel in ((0, (1, _BLUR_KERNEL_PX)), (1, (_BLUR_KERNEL_PX, 1))):
        again = cv2.blur(grey, kernel)
        fine = _steps(grey, axis)
        left = cv2.subtract(fine, _steps(again, axis))  # saturates at 0
        total = float(cv2.sumElems(fine)[0])
        if total > 0:
            worst = max(worst, 1.0 - float(cv2.sumElems(left)[0]) / total)
    return worst


def _steps(grey: NDArray[np.uint8], axis: int) -> NDArray[np.uint8]:
    """Absolute difference between neighbours along an axis."""
    if axis == 0:
        return np.asarray(cv2.absdiff(grey[1:], grey[:-1]), dtype=np.uint8)
    return np.asarray(cv2.absdiff(grey[:, 1:], grey[:, :-1]), dtype=np.uint8)
