"""Hard examples: crops about what a model gets wrong in the training pictures.

A patrol shows thousands of frames in which nothing is to be found, so what looks a little like
an outfall (a bin, the roof of a car) matters more than its share of random crops.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detection.evaluation.boxes import Scored, overlaps
from detection.evaluation.scoring import Detect
from detection.training.samples import CLASSES, Boxes, Crop, FloatArray, Sample, Source, Split, cut

__all__ = ["Mistakes", "mistaken_places"]

_FALSE_SCORE = 0.25  # a box of this score or more, on nothing, is worth learning from
_FALSE_OVERLAP = 0.1
_MISSED_SCORE = 0.3
_MISSED_OVERLAP = 0.45
_MOST_A_PICTURE = 2
# Houses at the edge of a frame are labelled or not by how much of them is seen: no clear mistake.
_UNCLEAR = CLASSES.index("structure")


def mistaken_places(truth: Boxes, found: Scored) -> FloatArray:
    """Centres (N, 2) of boxes found where there is nothing of their class, best score first, then
    of objects that were not found; at most two of each."""
    same = found.boxes.class_ids[:, None] == truth.class_ids[None, :]
    table = overlaps(found.boxes.corners_px, truth.corners_px) * same
    false = (found.scores >= _FALSE_SCORE) & (table.max(axis=1, initial=0.0) < _FALSE_OVERLAP)
    false &= found.boxes.class_ids != _UNCLEAR
    order = np.argsort(-found.scores, kind="stable")
    false_boxes = found.boxes.corners_px[[i for i in order if false[i]][:_MOST_A_PICTURE]]
    sure = table * (found.scores >= _MISSED_SCORE)[:, None]
    missed = (sure.max(axis=0, initial=0.0) < _MISSED_OVERLAP) & (truth.class_ids != _UNCLEAR)
    missed_boxes = truth.corners_px[missed][:_MOST_A_PICTURE]
    boxes = np.concatenate([false_boxes, missed_boxes]).reshape(-1, 4)
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2)


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Windows of `source`'s training pictures, `side_px` large, about the mistakes of `detect`;
    nothing for validation."""

    source: Source
    detect: Detect
    side_px: int
    seed: int = 0
    name: str = "mistakes"

    @property
    def provenance(self) -> str:
        return f"mistakes of an earlier model in: {self.source.provenance}"

    def samples(self, split: Split) -> Iterator[Sample]:
        if split == "val":
            return
        for sample in self.source.samples("train"):
            rng = np.random.default_rng([self.seed, zlib.crc32(sample.name.encode())])
            scale = float(np.sqrt(sample.scales[0] * sample.scales[1]))
            span = self.side_px / scale
            height, width = sample.picture.shape[:2]
            room = np.maximum(np.array([width, height]) - span, 0.0)
            places = mistaken_places(sample.boxes, self.detect(sample.picture))
            for number, place in enumerate(places):
                corner = np.clip(place - span / 2 + rng.uniform(-0.3, 0.3, 2) * span, 0.0, room)
                crop = Crop(float(corner[0]), float(corner[1]), self.side_px, scale)
                piece = cut(sample, crop)
                yield Sample(f"{self.name}-{sample.name}-{number}", piece.picture, piece.boxes)
