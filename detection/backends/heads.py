"""What networks say about a picture, made into detections: the same for every back end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.backends.letterbox import Letterbox
from detection.calibration import Calibration
from detection.detections import Detections
from detection.errors import ModelError

__all__ = ["IOU", "LOWEST_CONFIDENCE", "Head"]

LOWEST_CONFIDENCE = 0.05
IOU = 0.55  # of boxes of one class that are taken for the same thing in one picture
_END_TO_END_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Head:
    """Reads the output of the network in `path`, which knows `classes` classes.

    It is either raw, (4 + classes, anchors): box centre and size in input pixels, then a score a
    class (YOLOv8, YOLO11), for which non-maximum suppression is OpenCV's, class by class; or end
    to end, (boxes, 6): corners in input pixels, confidence, class (YOLO26, YOLOv10).
    """

    path: Path
    classes: int
    calibration: Calibration

    def read(self, output: NDArray[np.float32], box: Letterbox) -> Detections:
        """Detections in the picture's pixels, best first, their confidence calibrated. Raises
        ModelError where the output is neither."""
        if output.ndim == 2 and output.shape[0] == 4 + self.classes:
            found = _suppressed(output)
        elif output.ndim == 2 and output.shape[1] == _END_TO_END_COLUMNS:
            found = _final(output, self.classes)
        else:
            raise ModelError(
                f"{self.path}: the network's output is {(1, *output.shape)}, expected (1, "
                f"{4 + self.classes}, anchors), boxes and a score for each class, or (1, boxes, 6)"
            )
        confidence = self.calibration.apply(found.confidence, found.class_id)
        order = np.argsort(-confidence, kind="stable")
        corners = box.restore(found.box_px[order])
        return Detections(corners, confidence[order], found.class_id[order])


def _final(output: NDArray[np.float32], classes: int) -> Detections:
    """Of rows padded with confidence 0."""
    rows = output[output[:, 4] >= LOWEST_CONFIDENCE].astype(np.float64)
    class_id = np.round(rows[:, 5])
    known = (class_id >= 0) & (class_id < classes)
    rows = rows[known]
    order = np.argsort(-rows[:, 4], kind="stable")
    return Detections(rows[order, :4], rows[order, 4], class_id[known][order].astype(np.int64))


def _suppressed(output: NDArray[np.float32]) -> Detections:
    # Few anchors are likely: the others are not touched again.
    likely = np.flatnonzero(output[4:].max(axis=0) >= LOWEST_CONFIDENCE)
    if not len(likely):
        return Detections.empty()
    columns = output[:, likely].astype(np.float64)
    class_id = columns[4:].argmax(axis=0)
    confidence = columns[4:].max(axis=0)
    size = columns[2:4].T
    low = columns[:2].T - size / 2
    boxes: Any = np.hstack([low, size])  # OpenCV takes arrays, which its types do not say
    scores: Any = confidence.astype(np.float32)
    kept = np.asarray(
        cv2.dnn.NMSBoxesBatched(
            boxes, scores, class_id.astype(np.int32), LOWEST_CONFIDENCE, IOU
        ),
        dtype=np.int64,
    ).ravel()  # fmt: skip
    kept = kept[np.argsort(-confidence[kept], kind="stable")]
    corners = np.hstack([low[kept], low[kept] + size[kept]])
    return Detections(corners, confidence[kept], class_id[kept].astype(np.int64))
