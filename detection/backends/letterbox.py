"""Pictures into a network's input and its boxes back: the same for every back end."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.errors import FootageError

__all__ = ["PAD_VALUE", "STRIDE_PX", "Letterbox", "planes_of"]

PAD_VALUE = 114  # the grey that ultralytics letterboxes with
STRIDE_PX = 32  # the coarsest grid of the networks


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A picture of width x height scaled to fit an input, centred on grey.

    It is shrunk by area: training crops are, and at a third of the size, as 1920 px are seen at
    640, the bilinear samples that ultralytics takes leave out five pixels of nine.
    """

    width_px: int
    height_px: int
    input_px: tuple[int, int]  # height, width

    @classmethod
    def around(cls, picture: NDArray[np.uint8], long_side_px: int) -> Letterbox:
        """The least rectangle of whole strides about `picture`, (H, W, 3) uint8, with its long
        side at `long_side_px`. Raises FootageError where that is not what the picture is."""
        if (
            not isinstance(picture, np.ndarray)
            or picture.dtype != np.uint8
            or picture.ndim != 3
            or picture.shape[2] != 3
            or 0 in picture.shape
        ):
            found = (
                f"{picture.shape} {picture.dtype}"
                if isinstance(picture, np.ndarray)
                else type(picture).__name__
            )
            raise FootageError(
                f"a picture is {found}; expected (height, width, 3) uint8, blue, green, red: turn "
                "grey, four-channel and 16-bit pictures into that first"
            )
        height, width = picture.shape[:2]
        scale = long_side_px / max(height, width)
        rows, columns = (
            max(STRIDE_PX, -(-round(side * scale) // STRIDE_PX) * STRIDE_PX)
            for side in (height, width)
        )
        return cls(width, height, (rows, columns))

    @property
    def scale(self) -> float:
        return min(self.input_px[0] / self.height_px, self.input_px[1] / self.width_px)

    def _placed(self) -> tuple[int, int, int, int]:
        """Scaled width and height, left and top margin, input pixels."""
        width = max(1, round(self.width_px * self.scale))
        height = max(1, round(self.height_px * self.scale))
        return width, height, (self.input_px[1] - width) // 2, (self.input_px[0] - height) // 2

    def place(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W, 3) to (height, width, 3), both BGR in 0..255."""
        width, height, left, top = self._placed()
        how = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        canvas = np.full((*self.input_px, 3), PAD_VALUE, np.uint8)
        canvas[top : top + height, left : left + width] = cv2.resize(
            image, (width, height), interpolation=how
        )
        return canvas

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(H, W, 3) BGR to (3, height, width) RGB in 0..1."""
        return planes_of(self.place(image))

    def restore(self, corners_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 4) corners in input pixels to the picture's, clipped to it."""
        _, _, left, top = self._placed()
        corners = (corners_px - np.array([left, top, left, top])) / self.scale
        limit = np.array([self.width_px, self.height_px, self.width_px, self.height_px])
        clipped: NDArray[np.float64] = np.clip(corners, 0, limit)
        return clipped


def planes_of(placed: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(height, width, 3) BGR in 0..255 to (3, height, width) RGB in 0..1."""
    planes = np.ascontiguousarray(placed[:, :, ::-1].transpose(2, 0, 1), np.float32)
    planes /= np.float32(255)
    return planes
