"""Detections: the boxes that a detector found in one picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.errors import DetectionError

__all__ = ["Detections"]


@dataclass(frozen=True, slots=True)
class Detections:
    """N boxes of one picture, best first.

    `box_px` (N, 4) float x1, y1, x2, y2 in the picture's pixels; `confidence` (N,) in 0..1;
    `class_id` (N,) index into the class list.
    """

    box_px: NDArray[np.float64]
    confidence: NDArray[np.float64]
    class_id: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.confidence)
        if self.box_px.shape != (n, 4) or self.class_id.shape != (n,):
            raise DetectionError(
                f"detections do not fit together: boxes {self.box_px.shape}, classes "
                f"{self.class_id.shape}, confidences ({n},)"
            )

    def __len__(self) -> int:
        return len(self.confidence)

    @classmethod
    def empty(cls) -> Detections:
        return cls(np.empty((0, 4)), np.empty(0), np.empty(0, np.int64))

    def at_least(self, confidence_by_class: NDArray[np.float64]) -> Detections:
        """Those whose confidence reaches the threshold of their class, (classes,)."""
        keep = self.confidence >= confidence_by_class[self.class_id]
        return Detections(self.box_px[keep], self.confidence[keep], self.class_id[keep])

    def without_nested(self, share: float = 0.8) -> Detections:
        """Without boxes that lie by `share` of their own area in a surer one of their class, or
        that hold by as much a surer one: one thing found twice, once in part."""
        keep: list[int] = []
        area = np.prod(np.maximum(self.box_px[:, 2:] - self.box_px[:, :2], 0.0), axis=1)
        for i in np.argsort(-self.confidence, kind="stable"):
            others = [k for k in keep if self.class_id[k] == self.class_id[i]]
            low = np.maximum(self.box_px[others, :2], self.box_px[i, :2])
            high = np.minimum(self.box_px[others, 2:], self.box_px[i, 2:])
            common = np.prod(np.maximum(high - low, 0.0), axis=1)
            if not np.any(common > share * np.minimum(area[others], area[i])):
                keep.append(int(i))
        return Detections(self.box_px[keep], self.confidence[keep], self.class_id[keep])
