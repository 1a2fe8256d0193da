"""Boxes that were found, and how they overlap with others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.evaluation.needs import pycocotools_module
from detection.training.samples import Boxes, FloatArray

__all__ = ["Scored", "overlaps"]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Detections in one picture: boxes, and `scores` (N,) in 0..1."""

    boxes: Boxes
    scores: FloatArray


def overlaps(a_px: FloatArray, b_px: FloatArray) -> FloatArray:
    """Intersection over union of every box of `a_px` (N, 4) with every one of `b_px` (M, 4)."""
    if not len(a_px) or not len(b_px):
        return np.zeros((len(a_px), len(b_px)))
    a, b = (np.hstack([c[:, :2], c[:, 2:] - c[:, :2]]).astype(float) for c in (a_px, b_px))
    table = pycocotools_module("mask").iou(a, b, [0] * len(b))
    return np.asarray(table, float).reshape(len(a), len(b))
