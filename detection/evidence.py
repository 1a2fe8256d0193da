"""Evidence: a picture of the best view of each thing, kept as it is found.

Decoding a video twice costs more than encoding some crops that are thrown away, so each track
carries the JPEG of its best view so far.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.placement import View
from detection.tracking import Track

__all__ = ["keep_best"]

_LONG_SIDE_PX = 960
_SHORT_SIDE_PX = 640
_QUALITY = 85
_COLOURS = {  # BGR
    "outfall": (40, 40, 230),
    "discharge": (200, 40, 200),
    "structure": (0, 200, 255),
    "floating_waste": (230, 200, 0),
}
_BETTER_BY = 0.03


def keep_best(track: Track, view: View, image: NDArray[np.uint8]) -> None:
    """Make `view` the track's evidence if it shows the thing better than the one so far: whole
    rather than cut, near the middle, and sure."""
    if track.pictured is not None and _worth(view) <= _worth(track.pictured) + _BETTER_BY:
        return
    track.picture = _picture(view, image)
    track.pictured = view


def _worth(view: View) -> float:
    return view.confidence - 0.25 * view.off_axis - (0.5 if view.cut else 0.0)


def _picture(view: View, image: NDArray[np.uint8]) -> bytes:
    """The view's surroundings, 3:2, with its box and a caption, as JPEG."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = view.box_px
    half_w = max(1.1 * (x2 - x1), 1.65 * (y2 - y1), 240.0)
    half_w = min(half_w, width / 2, height * 0.75)
    half_h = half_w * _SHORT_SIDE_PX / _LONG_SIDE_PX
    cx = float(np.clip((x1 + x2) / 2, half_w, width - half_w))
    cy = float(np.clip((y1 + y2) / 2, half_h, height - half_h))
    left, top = int(max(0.0, cx - half_w)), int(max(0.0, cy - half_h))
    crop = image[top : int(cy + half_h), left : int(cx + half_w)]
    scale = _LONG_SIDE_PX / crop.shape[1]
    crop = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    colour = _COLOURS.get(view.class_name, (255, 255, 255))
    pad = 6
    a = (int((x1 - left) * scale) - pad, int((y1 - top) * scale) - pad)
    b = (int((x2 - left) * scale) + pad, int((y2 - top) * scale) + pad)
    cv2.rectangle(crop, a, b, (0, 0, 0), 4, cv2.LINE_AA)
    cv2.rectangle(crop, a, b, colour, 2, cv2.LINE_AA)
    caption = f"{view.class_name} {view.confidence:.2f}  t={view.time_s:.1f} s"
    for ink, thick in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        cv2.putText(
            crop, caption, (12, crop.shape[0] - 14), cv2.FONT_HERSHEY_SIMPLEX, 0.6, ink, thick,
            cv2.LINE_AA,
        )  # fmt: skip
    done, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert done, "a crop of a decoded picture can be encoded"
    return bytes(data)
