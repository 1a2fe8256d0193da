"""Average precision at IoU 0.5, per class, of detections against labelled pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from detection.training.samples import Boxes, FloatArray

__all__ = ["Scored", "average_precision", "overlaps"]


@dataclass(frozen=True, slots=True)
class Scored:
    """Detections in one picture: boxes, and `scores` (N,) in 0..1."""

    boxes: Boxes
    scores: FloatArray


@dataclass(frozen=True, slots=True)
class ClassResult:
    """AP of one class, how many objects there are, and precision and recall at each score."""

    ap: float
    objects: int
    scores: FloatArray  # falling
    precision: FloatArray
    recall: FloatArray

    def at(self, score: float) -> tuple[float, float]:
        """Precision and recall when only detections of at least `score` count."""
        count = int(np.searchsorted(-self.scores, -score, side="right"))
        if count == 0:
            return 1.0, 0.0
        return float(self.precision[count - 1]), float(self.recall[count - 1])

    def best_score(self) -> float:
        """The score at which F1, the harmonic mean of precision and recall, is largest."""
        f1 = 2 * self.precision * self.recall / np.maximum(self.precision + self.recall, 1e-9)
        return float(self.scores[int(np.argmax(f1))]) if len(f1) else 1.0


def overlaps(a_px: FloatArray, b_px: FloatArray) -> FloatArray:
    """Intersection over union of every box of `a_px` (N, 4) with every one of `b_px` (M, 4)."""
    low = np.maximum(a_px[:, None, :2], b_px[None, :, :2])
    high = np.minimum(a_px[:, None, 2:], b_px[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=2)
    area_a = np.prod(a_px[:, 2:] - a_px[:, :2], axis=1)
    area_b = np.prod(b_px[:, 2:] - b_px[:, :2], axis=1)
    union = area_a[:, None] + area_b[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


def average_precision(
    pictures: Iterable[tuple[Boxes, Scored]], classes: int, iou: float = 0.5
) -> Mapping[int, ClassResult]:
    """AP of each class that occurs among the true boxes of `pictures` (truth, detections).

    In each picture detections are taken best score first, each matched with the true box of its
    class, not taken yet, that it overlaps most, if by `iou` or more. The area under the
    precision-recall curve is taken at every recall, with precision made falling (Everingham et
    al., The Pascal VOC Challenge, IJCV 2010, as changed from 2010 on).
    """
    hits: dict[int, list[bool]] = {c: [] for c in range(classes)}
    scores: dict[int, list[float]] = {c: [] for c in range(classes)}
    objects = np.zeros(classes, int)
    for truth, found in pictures:
        for c in range(classes):
            true = truth.corners_px[truth.class_ids == c]
            mine = np.flatnonzero(found.boxes.class_ids == c)
            mine = mine[np.argsort(-found.scores[mine], kind="stable")]
            objects[c] += len(true)
            table = overlaps(found.boxes.corners_px[mine], true)
            for row, index in enumerate(mine):
                best = int(np.argmax(table[row])) if len(true) else -1
                hit = best >= 0 and bool(table[row, best] >= iou)
                if hit:
                    table[:, best] = -1.0  # taken
                hits[c].append(hit)
                scores[c].append(float(found.scores[index]))
    return {
        c: _curve(np.array(hits[c], bool), np.array(scores[c], float), int(objects[c]))
        for c in range(classes)
        if objects[c]
    }


def _curve(hits: np.ndarray, scores: FloatArray, objects: int) -> ClassResult:
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(hits[order])
    precision = right / np.arange(1, len(order) + 1)
    recall = right / objects
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    ap = float(np.sum(np.diff(recall, prepend=0.0) * falling))
    return ClassResult(ap, objects, scores[order], precision, recall)
