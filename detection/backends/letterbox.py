"""Pictures into a network's input and its boxes back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["PAD_VALUE", "Letterbox"]

PAD_VALUE = 114  # the grey that ultralytics letterboxes with


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A picture of width x height scaled to fit an input, centred on grey."""

    width_px: int
    height_px: int
    input_px: tuple[int, int]  # height, width

    @property
    def scale(self) -> float:
        return min(self.input_px[0] / self.height_px, self.input_px[1] / self.width_px)

    def _placed(self) -> tuple[int, int, int, int]:
        """Scaled width and height, left and top margin, input pixels."""
        width = max(1, round(self.width_px * self.scale))
        height = max(1, round(self.height_px * self.scale))
        return width, height, (self.input_px[1] - width) // 2, (self.input_px[0] - height) // 2

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(H, W, 3) BGR to (3, height, width) RGB in 0..1."""
        width, height, left, top = self._placed()
        how = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        canvas = np.full((*self.input_px, 3), PAD_VALUE, np.uint8)
        canvas[top : top + height, left : left + width] = cv2.resize(
            image, (width, height), interpolation=how
        )
        planes = canvas[:, :, ::-1].transpose(2, 0, 1)
        return np.ascontiguousarray(planes, np.float32) / np.float32(255)

    def restore(self, corners_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 4) corners in input pixels to the picture's, clipped to it."""
        _, _, left, top = self._placed()
        corners = (corners_px - np.array([left, top, left, top])) / self.scale
        limit = np.array([self.width_px, self.height_px, self.width_px, self.height_px])
        clipped: NDArray[np.float64] = np.clip(corners, 0, limit)
        return clipped
