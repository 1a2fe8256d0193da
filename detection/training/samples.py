"""Labelled pictures, and crops cut from them at the scale the detector will see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CLASSES",
    "PAD_VALUE",
    "Boxes",
    "Crop",
    "Sample",
    "Source",
    "Split",
    "cut",
    "object_crops",
    "turned",
]

CLASSES = ("outfall", "discharge", "structure", "floating_waste")
PAD_VALUE = 114  # the grey that ultralytics letterboxes with

Split = Literal["train", "val", "test"]
Picture = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Boxes:
    """Objects in one picture: `class_ids` (N,) and `corners_px` (N, 4) as x1, y1, x2, y2."""

    class_ids: IntArray
    corners_px: FloatArray

    def __len__(self) -> int:
        return len(self.class_ids)

    @classmethod
    def empty(cls) -> Boxes:
        return cls(np.empty(0, np.int64), np.empty((0, 4)))


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled picture, (H, W, 3) BGR.

    `scales` is the range of factors by which crops of it may be resized, so that a thing is about
    as large in pixels as it will be when the detector runs.
    """

    name: str
    picture: Picture
    boxes: Boxes
    scales: tuple[float, float] = (1.0, 1.0)


class Source(Protocol):
    """Something that yields labelled pictures."""

    @property
    def name(self) -> str:
        """A short word for file names."""
        ...

    @property
    def provenance(self) -> str:
        """Who made it, and its licence: for the manifest and the model card."""
        ...

    def samples(self, split: Split) -> Iterator[Sample]:
        """The pictures of this split, in a fixed order."""
        ...


@dataclass(frozen=True, slots=True)
class Crop:
    """A square window: its top-left corner in the picture's pixels, its side in the crop's pixels,
    and crop pixels per picture pixel."""

    left_px: float
    top_px: float
    side_px: int
    scale: float


def cut(sample: Sample, crop: Crop, min_visible: float = 0.3, min_side_px: float = 3.0) -> Sample:
    """The window `crop` of `sample`, side_px x side_px, with the boxes moved, scaled and clipped.

    What the window shows beyond the picture is grey. A box of which less than `min_visible` is
    in the window, or that is smaller than `min_side_px` there, is left out.
    """
    matrix = np.array(
        [
            [crop.scale, 0.0, -crop.left_px * crop.scale],
            [0.0, crop.scale, -crop.top_px * crop.scale],
        ]
    )
    side = crop.side_px
    height, width = sample.picture.shape[:2]
    # Take the part of the picture that is seen first, shrink it by area (as letterboxing does:
    # warpAffine would alias), then place it.
    x1, y1 = max(0, int(crop.left_px)), max(0, int(crop.top_px))
    x2 = min(width, int(np.ceil(crop.left_px + side / crop.scale)))
    y2 = min(height, int(np.ceil(crop.top_px + side / crop.scale)))
    window = np.full((side, side, 3), PAD_VALUE, np.uint8)
    if x2 > x1 and y2 > y1:
        interpolation = cv2.INTER_AREA if crop.scale < 1 else cv2.INTER_LINEAR
        # round the place, not the scale: at most half a pixel off
        size = (
            max(1, round((x2 - x1) * crop.scale)),
            max(1, round((y2 - y1) * crop.scale)),
        )
        part = cv2.resize(sample.picture[y1:y2, x1:x2], size, interpolation=interpolation)
        left = round((x1 - crop.left_px) * crop.scale)
        top = round((y1 - crop.top_px) * crop.scale)
        part = part[max(0, -top) : side - top, max(0, -left) : side - left]
        left, top = max(0, left), max(0, top)
        window[top : top + part.shape[0], left : left + part.shape[1]] = part
    corners = sample.boxes.corners_px * crop.scale + np.tile(matrix[:, 2], 2)
    clipped = np.clip(corners, 0.0, float(side))
    sides = clipped[:, 2:] - clipped[:, :2]
    areas = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    visible = np.prod(np.maximum(sides, 0.0), axis=1) / np.maximum(areas, 1e-9)
    keep = (visible >= min_visible) & (sides >= min_side_px).all(axis=1)
    return Sample(
        sample.name, window, Boxes(sample.boxes.class_ids[keep], clipped[keep]), (1.0, 1.0)
    )


def turned(sample: Sample, quarter_turns: int) -> Sample:
    """The sample turned counter-clockwise by quarters: from above, no side is up."""
    quarters = quarter_turns % 4
    picture = np.ascontiguousarray(np.rot90(sample.picture, quarters))
    corners = sample.boxes.corners_px
    height, width = sample.picture.shape[:2]
    for _ in range(quarters):
        x1, y1, x2, y2 = corners.T
        corners = np.column_stack([y1, width - x2, y2, width - x1])
        width, height = height, width
    return Sample(sample.name, picture, Boxes(sample.boxes.class_ids, corners), sample.scales)


def _centred(centre: FloatArray, sample: Sample, side_px: int, scale: float) -> Crop:
    """A window about `centre`, moved so that it shows no more grey than it must."""
    height, width = sample.picture.shape[:2]
    span = side_px / scale
    corner = centre - span / 2
    room = np.array([width, height], float) - span
    corner = np.where(room > 0, np.clip(corner, 0.0, np.maximum(room, 0.0)), room / 2)
    return Crop(float(corner[0]), float(corner[1]), side_px, scale)


def object_crops(
    sample: Sample,
    count: int,
    side_px: int,
    rng: np.random.Generator,
    *,
    class_weights: FloatArray | None = None,
    background_share: float = 0.15,
) -> list[Crop]:
    """`count` windows of `sample`: about objects drawn at random (with `class_weights`, (classes,),
    rarer ones more often), shifted so that the object lies anywhere in the window, and a
    `background_share` placed anywhere. Without objects, all are placed anywhere."""
    height, width = sample.picture.shape[:2]
    weights = np.ones(len(sample.boxes))
    if class_weights is not None:
        weights = class_weights[sample.boxes.class_ids]
    crops = []
    for _ in range(count):
        low, high = np.log(sample.scales)
        scale = float(np.exp(rng.uniform(low, high)))
        if weights.sum() <= 0 or rng.random() < background_share:
            centre = rng.uniform([0.0, 0.0], [float(width), float(height)])
        else:
            corners = sample.boxes.corners_px[rng.choice(len(weights), p=weights / weights.sum())]
            centre = (corners[:2] + corners[2:]) / 2 + rng.uniform(-0.4, 0.4, 2) * side_px / scale
        crops.append(_centred(centre, sample, side_px, scale))
    return crops
