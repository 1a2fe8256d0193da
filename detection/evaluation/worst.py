"""What a detector got most wrong: objects missed and false alarms, as pictures with boxes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from detection.evaluation.boxes import overlaps
from detection.evaluation.judging import Judged, JudgedPicture
from detection.training.pictures import read_picture
from detection.training.samples import FloatArray, Picture

__all__ = ["Mistake", "drawn", "worst_false_alarms", "worst_misses"]

_SAME = 0.5
_WINDOW = 3.5  # of a mistake's larger side
_LEAST_WINDOW_PX = 128.0
_SIDE_PX = 360
_TRUE_BGR, _FOUND_BGR, _OTHER_BGR = (80, 220, 60), (40, 40, 235), (0, 190, 255)


@dataclass(frozen=True, slots=True, eq=False)
class Mistake:
    """An object missed, or a false alarm: `box_px` (4,); `confidence` of the surest box of its
    class on a missed object (0 where there was none), or of the false alarm."""

    kind: Literal["miss", "false"]
    picture: JudgedPicture
    class_id: int
    box_px: FloatArray
    confidence: float

    @property
    def side_px(self) -> float:
        """Square root of the box's area in pixels of the detector's input."""
        width, height = self.box_px[2:] - self.box_px[:2]
        return float(np.sqrt(max(width * height, 0.0)) * self.picture.scale)


def worst_misses(judged: Judged, thresholds: FloatArray, most: int = 6) -> list[Mistake]:
    """Objects that no box of their class that reaches its threshold overlaps by half: of each
    class at most `most`, those first that lie largest in the picture and were least suspected."""
    found: list[Mistake] = []
    for picture in judged.pictures:
        truth, boxes, scores = picture.truth, picture.found.boxes, picture.found.scores
        shared = overlaps(truth.corners_px, boxes.corners_px)
        same = truth.class_ids[:, None] == boxes.class_ids[None, :]
        suspected = np.max(((shared >= _SAME) & same) * scores, axis=1, initial=0.0)
        for k in np.flatnonzero(suspected < thresholds[truth.class_ids]):
            found.append(
                Mistake("miss", picture, int(truth.class_ids[k]), truth.corners_px[k],
                        float(suspected[k]))
            )  # fmt: skip
    return _first(
        found, len(thresholds), most, lambda m: (1 - m.confidence) * math.log1p(m.side_px)
    )


def worst_false_alarms(judged: Judged, thresholds: FloatArray, most: int = 6) -> list[Mistake]:
    """Boxes that reach the threshold of their class and found nothing: of each class at most
    `most`, the surest first."""
    found = []
    for class_id, (matches, *_) in enumerate(judged.by_px):
        wrong = ~matches.hit[0] & (matches.scores >= thresholds[class_id])
        for d in np.flatnonzero(wrong):
            picture = judged.pictures[int(matches.picture[d])]
            box = picture.found.boxes.corners_px[int(matches.index[d])]
            found.append(Mistake("false", picture, class_id, box, float(matches.scores[d])))
    return _first(found, len(thresholds), most, lambda m: m.confidence)


def _first(
    found: Sequence[Mistake], classes: int, most: int, worth: Callable[[Mistake], float]
) -> list[Mistake]:
    order = sorted(found, key=lambda m: -worth(m))
    return [m for c in range(classes) for m in [m for m in order if m.class_id == c][:most]]


def drawn(mistake: Mistake, thresholds: FloatArray, path: Path | None = None) -> Picture:
    """A square window of the picture about the mistake: true boxes green, found ones that reach
    their threshold amber, the mistake itself thick, in red where it is a false alarm."""
    picture = read_picture(path or mistake.picture.path)
    height, width = picture.shape[:2]
    low, high = mistake.box_px[:2], mistake.box_px[2:]
    side = max(_LEAST_WINDOW_PX, _WINDOW * float(np.max(high - low)))
    side = min(side, float(max(height, width)))
    corner = (low + high) / 2 - side / 2
    factor = _SIDE_PX / side
    matrix = np.array([[factor, 0, -corner[0] * factor], [0, factor, -corner[1] * factor]])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    canvas = cv2.warpAffine(
        picture, matrix, (_SIDE_PX, _SIDE_PX), flags=how, borderValue=(96, 96, 96)
    )

    def box(corners_px: FloatArray, colour: tuple[int, int, int], thick: int) -> None:
        x1, y1, x2, y2 = np.round((corners_px - np.tile(corner, 2)) * factor).astype(int).tolist()
        cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, thick, cv2.LINE_AA)

    found = mistake.picture.found
    sure = found.scores >= thresholds[found.boxes.class_ids]
    for corners in found.boxes.corners_px[sure]:
        box(corners, _OTHER_BGR, 1)
    for corners in mistake.picture.truth.corners_px:
        box(corners, _TRUE_BGR, 1)
    box(mistake.box_px, _TRUE_BGR if mistake.kind == "miss" else _FOUND_BGR, 3)
    return np.asarray(canvas, np.uint8)
