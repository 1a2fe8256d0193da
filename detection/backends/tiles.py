"""Pictures too large for a network in one piece, seen in overlapping tiles.

The model is SAHI (F. Akyon et al., Slicing aided hyper inference, ICIP 2022: tiles with overlap,
greedy merging by intersection over the smaller box) and supervision's InferenceSlicer. Different
here: tiles are spread evenly instead of the last one being pushed back; all of them go to the
detector in one call; a box is held against another tile's only in the part of the picture that
both tiles saw, so that the halves of a thing longer than the overlap find each other; boxes that no
tile's edge cuts are never stretched; and what comes out depends on nothing but the boxes and the
tiles they come from, neither on the order of tiles nor on how many are looked at together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.backends import Detector
from detection.backends.heads import IOU
from detection.backends.letterbox import Letterbox
from detection.backends.network import Running
from detection.detections import Detections

__all__ = ["TiledDetector", "merge", "windows"]

_OVERLAP = 0.2
_SAME = 0.5  # overlap, in what both tiles saw, of boxes that are taken for the same thing
_NEAR_EDGE = 0.01  # of the tile's side: boxes that end so near to its edge go on beyond it

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TiledDetector:
    """A detector that never gives its network more than `input_px` by `input_px`.

    Pictures that are to be seen larger are cut in squares that overlap by `overlap` of their side.
    """

    inner: Detector
    input_px: int = 640
    overlap: float = _OVERLAP

    @property
    def path(self) -> Path:
        return self.inner.path

    @property
    def running(self) -> Running:
        return self.inner.running

    def detect(
        self, images: Sequence[NDArray[np.uint8]], long_side_px: int = 1920
    ) -> list[Detections]:
        """Boxes of each (H, W, 3) uint8 BGR picture, best first, seen with its long side at
        `long_side_px`, in tiles where that is more than `input_px`."""
        if long_side_px <= self.input_px:
            return self.inner.detect(images, long_side_px)
        found = []
        for image in images:
            Letterbox.around(image, long_side_px)  # refuses what is no picture
            height, width = image.shape[:2]
            side = max(1, round(self.input_px * max(height, width) / long_side_px))
            tiles = windows(height, width, side, self.overlap)
            cut = [np.ascontiguousarray(image[y1:y2, x1:x2]) for x1, y1, x2, y2 in tiles.tolist()]
            seen = self.inner.detect(cut, self.input_px)
            found.append(merge(seen, tiles, (height, width)))
        return found


def windows(
    height_px: int, width_px: int, side_px: int, overlap: float = _OVERLAP
) -> NDArray[np.int64]:
    """The least squares of `side_px` that cover a picture and overlap by `overlap` of their side
    or more, evenly spread: (tiles, 4) x1, y1, x2, y2, row by row."""
    common = min(side_px - 1, round(side_px * overlap))

    def starts(length: int) -> list[int]:
        if length <= side_px:
            return [0]
        gaps = -(-(length - side_px) // (side_px - common))
        return [round(step * (length - side_px) / gaps) for step in range(gaps + 1)]

    return np.array(
        [
            (x, y, min(width_px, x + side_px), min(height_px, y + side_px))
            for y in starts(height_px)
            for x in starts(width_px)
        ],
        np.int64,
    )


def merge(
    seen: Sequence[Detections], tiles: NDArray[np.int64], picture_px: tuple[int, int]
) -> Detections:
    """One list of what several tiles saw: `seen` in the pixels of each tile, `tiles` (T, 4) in
    those of the picture, whose height and width are `picture_px`. Best first.

    Of boxes of one class that no edge cuts, the surer of two that are the same stays, as it is.
    Boxes that an edge cuts go where a whole one is the same; the others are joined, over as many
    tiles as a thing reaches, to the box around them, as sure as the surest.
    """
    pooled = _Pooled.of(seen, tiles, picture_px)
    # Whole ones first, the surest first: in this order each holds its own against those before.
    same, cut = pooled.same(), pooled.cut.any(axis=1)
    order = np.lexsort((-pooled.confidence, cut))
    kept: list[int] = []
    for i in order[: np.count_nonzero(~cut)]:
        if not same[i, kept].any():
            kept.append(int(i))
    parts = [int(i) for i in order[np.count_nonzero(~cut) :] if not same[i, kept].any()]
    joined = [
        group for group in _groups(same, parts) if not _overlaps_any(pooled, group, kept)
    ]  # fmt: skip
    boxes = [pooled.box_px[i] for i in kept] + [pooled.around(group) for group in joined]
    lead = kept + [group[0] for group in joined]  # the surest of each
    order = np.argsort(-pooled.confidence[lead], kind="stable")
    return Detections(
        np.array(boxes).reshape(-1, 4)[order],
        pooled.confidence[lead][order],
        pooled.class_id[lead][order],
    )


@dataclass(frozen=True, slots=True)
class _Pooled:
    """The boxes (N, 4) of all tiles in the picture's pixels, in an order of their own; `tile`
    (N, 4) each one's, `cut` (N, 4) which of its sides a tile's edge cuts."""

    box_px: FloatArray
    confidence: FloatArray
    class_id: NDArray[np.int64]
    tile: FloatArray
    cut: NDArray[np.bool_]

    @classmethod
    def of(
        cls, seen: Sequence[Detections], tiles: NDArray[np.int64], picture_px: tuple[int, int]
    ) -> _Pooled:
        number = np.repeat(np.arange(len(tiles)), [len(found) for found in seen])
        tile = tiles[number].astype(np.float64)
        box = np.vstack([np.empty((0, 4)), *(f.box_px for f in seen)]) + np.tile(tile[:, :2], 2)
        confidence = np.concatenate([np.empty(0), *(f.confidence for f in seen)])
        class_id = np.concatenate([np.empty(0, np.int64), *(f.class_id for f in seen)])
        order = np.lexsort((*tile.T, *box.T, class_id, -confidence))
        box, tile = box[order], tile[order]
        near = _NEAR_EDGE * np.tile(tile[:, 2:] - tile[:, :2], 2)
        height, width = picture_px
        inner = tile != np.array([0, 0, width, height])
        cut = inner & (np.abs(box - tile) <= near)
        return cls(box, confidence[order], class_id[order], tile, cut)

    def same(self) -> NDArray[np.bool_]:
        """(N, N): of one class, from different tiles, and alike in what both tiles saw."""
        low = np.maximum(self.tile[:, None, :2], self.tile[None, :, :2])
        high = np.minimum(self.tile[:, None, 2:], self.tile[None, :, 2:])
        # [i, j] is box i, then box j, in what the tiles of both saw
        low_i, high_i = np.maximum(self.box_px[:, None, :2], low), np.minimum(
            self.box_px[:, None, 2:], high
        )  # fmt: skip
        low_j, high_j = low_i.transpose(1, 0, 2), high_i.transpose(1, 0, 2)
        common = _area(np.maximum(low_i, low_j), np.minimum(high_i, high_j))
        union = _area(low_i, high_i) + _area(low_j, high_j) - common
        alike = common >= _SAME * np.maximum(union, 1e-9)
        apart = (self.tile[:, None] != self.tile[None]).any(axis=2)
        result: NDArray[np.bool_] = (
            alike & apart & (self.class_id[:, None] == self.class_id[None])
        )  # fmt: skip
        return result

    def around(self, group: Sequence[int]) -> FloatArray:
        boxes = self.box_px[list(group)]
        return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _area(low: FloatArray, high: FloatArray) -> FloatArray:
    return np.asarray(np.prod(np.maximum(high - low, 0.0), axis=-1))


def _groups(same: NDArray[np.bool_], parts: Sequence[int]) -> list[list[int]]:
    """Parts that hang together by `same`, each group in the order of `parts`."""
    left, groups = list(parts), []
    while left:
        group = [left.pop(0)]
        for member in group:
            group += [i for i in left if same[member, i]]
            left = [i for i in left if not same[member, i]]
        groups.append([i for i in parts if i in set(group)])
    return groups


def _overlaps_any(pooled: _Pooled, group: Sequence[int], kept: Sequence[int]) -> bool:
    """Whether what `group` makes is what a whole box of its class shows already."""
    box = pooled.around(group)
    others = [i for i in kept if pooled.class_id[i] == pooled.class_id[group[0]]]
    low = np.maximum(pooled.box_px[others, :2], box[:2])
    high = np.minimum(pooled.box_px[others, 2:], box[2:])
    common = _area(low, high)
    areas = _area(pooled.box_px[others, :2], pooled.box_px[others, 2:])
    return bool(np.any(common >= IOU * (areas + _area(box[:2], box[2:]) - common)))
