"""Drawing textured and plain shapes into a picture, with a second picture of who is seen where."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Sheet"]

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
_SUB = 16  # vertices to a sixteenth of a pixel
_FAR_PX = 12000.0  # coordinates beyond this overflow OpenCV's fixed point


class Sheet:
    """A picture being drawn, (H, W, 3) BGR. With `label` every drawn shape is also noted in
    `ids` (H, W), the number of the object seen at each pixel, and in `shapes`."""

    def __init__(self, image: Image, *, label: bool) -> None:
        self.image = image
        self.height, self.width = image.shape[:2]
        self.ids = np.zeros((self.height, self.width), np.int32) if label else None
        self.shapes: dict[int, list[FloatArray]] = {}

    def region(self, points_px: FloatArray) -> tuple[int, int, int, int] | None:
        """The part of the picture (x0, y0, x1, y1) that a shape can touch; None for none."""
        (left, top), (right, bottom) = points_px.min(axis=0), points_px.max(axis=0)
        if right < -0.5 or bottom < -0.5 or left > self.width or top > self.height:
            return None
        x0, y0 = max(int(left), 0), max(int(top), 0)
        x1, y1 = min(int(right) + 2, self.width), min(int(bottom) + 2, self.height)
        return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None

    def _note(
        self, ident: int, points_px: FloatArray, region: tuple[int, int, int, int], mask: Image
    ) -> None:
        if self.ids is None:
            return
        x0, y0, x1, y1 = region
        self.ids[y0:y1, x0:x1][mask > 0] = ident
        if ident:
            self.shapes.setdefault(ident, []).append(points_px)

    def claim(self, points_px: FloatArray, ident: int) -> None:
        """Note an object that is in the picture already (painted flat on the ground)."""
        region = self.region(points_px)
        if self.ids is None:
            return
        self.shapes.setdefault(ident, []).append(points_px)
        if region is not None:
            x0, y0, x1, y1 = region
            mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
            cv2.fillPoly(mask, [_fixed(points_px, x0, y0)], 255, shift=4)
            self.ids[y0:y1, x0:x1][mask > 0] = ident

    def fill(self, points_px: FloatArray, colour: tuple[float, ...], ident: int = 0) -> None:
        """A convex or plain polygon in one colour."""
        region = self.region(points_px)
        if region is None:
            if ident and self.ids is not None:
                self.shapes.setdefault(ident, []).append(points_px)
            return
        x0, y0, x1, y1 = region
        part = self.image[y0:y1, x0:x1]
        fixed = _fixed(points_px, x0, y0)
        cv2.fillPoly(part, [fixed], colour, cv2.LINE_AA, shift=4)
        if self.ids is not None:
            mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
            cv2.fillPoly(mask, [fixed], 255, shift=4)
            self._note(ident, points_px, region, mask)

    def quad(
        self, corners_px: FloatArray, texture: Image, ident: int = 0, clip: Image | None = None
    ) -> None:
        """A texture on four corners, given in the order of the texture's own: top left, top right,
        bottom right, bottom left. `clip` (H, W) keeps it to where that is not 0."""
        region = self.region(corners_px)
        if region is None:
            if ident and self.ids is not None:
                self.shapes.setdefault(ident, []).append(corners_px)
            return
        x0, y0, x1, y1 = region
        h, w = texture.shape[:2]
        source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - np.float32(0.5)
        target = (corners_px - (x0, y0)).astype(np.float32)
        matrix = cv2.getPerspectiveTransform(source, target)
        if not np.all(np.isfinite(matrix)):
            return
        warped = cv2.warpPerspective(
            texture,
            matrix,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillConvexPoly(mask, _fixed(corners_px, x0, y0), 255, shift=4)
        if clip is not None:
            mask &= clip[y0:y1, x0:x1]
        cv2.copyTo(warped, mask, self.image[y0:y1, x0:x1])
        self._note(ident, corners_px, region, mask)

    def sprite(
        self, matrix: FloatArray, reach_px: float, centre_px: FloatArray, sprite: Image
    ) -> None:
        """A BGRA sprite through the affine `matrix` (2, 3); it hides what is below it."""
        region = self.region(np.array([centre_px - reach_px, centre_px + reach_px]))
        if region is None:
            return
        x0, y0, x1, y1 = region
        moved = matrix.copy()
        moved[:, 2] -= (x0, y0)
        warped = cv2.warpAffine(sprite, moved, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        mask = (warped[..., 3] > 127).astype(np.uint8)  # cv2.compare refuses a single pixel
        part = self.image[y0:y1, x0:x1]
        cv2.copyTo(cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR), mask, part)
        if self.ids is not None:
            self.ids[y0:y1, x0:x1][mask > 0] = 0


def _fixed(points_px: FloatArray, x0: int, y0: int) -> NDArray[np.int32]:
    moved = np.clip(points_px, -_FAR_PX, _FAR_PX) - (x0, y0)
    return np.round(moved * _SUB).astype(np.int32)
