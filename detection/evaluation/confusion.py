"""Which class was taken for which, with the background as one more."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.optimize import linear_sum_assignment

from detection.evaluation.boxes import Scored, overlaps
from detection.training.samples import Boxes, FloatArray, IntArray

__all__ = ["confusion"]

_LEAST_OVERLAP = 0.5


def confusion(
    pictures: Iterable[tuple[Boxes, Scored]], thresholds: FloatArray, iou: float = _LEAST_OVERLAP
) -> IntArray:
    """(classes + 1, classes + 1) counts: row what is there, column what was said; the last of each
    is background, so the last column holds misses and the last row false alarms.

    Of the boxes that reach the threshold of their class, (classes,). True and found boxes that
    overlap by `iou` or more are paired so that right classes come first and then as much overlaps
    as can.
    """
    classes = len(thresholds)
    table = np.zeros((classes + 1, classes + 1), np.int64)
    for truth, found in pictures:
        ids = found.boxes.class_ids
        sure = found.scores >= thresholds[ids]
        ids = ids[sure]
        shared = overlaps(truth.corners_px, found.boxes.corners_px[sure])
        worth = shared + 2.0 * (truth.class_ids[:, None] == ids[None, :])
        rows, columns = linear_sum_assignment(np.where(shared >= iou, worth, 0.0), maximize=True)
        paired = shared[rows, columns] >= iou
        rows, columns = rows[paired], columns[paired]
        np.add.at(table, (truth.class_ids[rows], ids[columns]), 1)
        np.add.at(table[:, classes], np.delete(truth.class_ids, rows), 1)
        np.add.at(table[classes], np.delete(ids, columns), 1)
    return table
