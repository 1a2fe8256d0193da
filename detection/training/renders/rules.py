"""Which of the things seen in a rendered picture are labelled, and the boxes of those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detection.training.samples import CLASSES, Boxes

__all__ = ["LARGE_SHARE", "LEAST_IN_PICTURE", "LEAST_LONG_PX", "LEAST_VISIBLE", "labelled"]

LEAST_VISIBLE = 0.3
LEAST_IN_PICTURE = 0.15
LARGE_SHARE = 0.006  # of the picture's pixels: the corner of a roof is plainly a roof
LEAST_LONG_PX = 8.0  # of the longer side, in a picture 1280 px wide
_LEAST_SHORT_PX = 3.0


def labelled(things: Sequence[Mapping[str, Any]], width_px: int, height_px: int) -> Boxes:
    """The boxes of those things that someone labelling by hand would mark.

    A thing counts where it is of one of our classes, at least `LEAST_VISIBLE` of what lies in the
    picture is not hidden by something else, the picture's edge leaves `LEAST_IN_PICTURE` of it or
    it fills `LARGE_SHARE` of the picture, and it is not smaller than `LEAST_LONG_PX`. Boxes bound
    what is visible.
    """
    unit = width_px / 1280
    ids, corners = [], []
    for thing in things:
        if thing["label"] not in CLASSES:
            continue
        x1, y1, x2, y2 = thing["box_px"]
        short, long = sorted((x2 - x1, y2 - y1))
        if long < LEAST_LONG_PX * unit or short < _LEAST_SHORT_PX * unit:
            continue
        large = thing["area_px"] >= LARGE_SHARE * width_px * height_px
        if thing["visible"] < LEAST_VISIBLE or (
            thing["in_picture"] < LEAST_IN_PICTURE and not large
        ):
            continue
        ids.append(CLASSES.index(thing["label"]))
        corners.append([x1, y1, x2, y2])
    return Boxes(np.array(ids, np.int64), np.reshape(np.array(corners, float), (-1, 4)))
