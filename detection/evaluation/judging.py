"""A detector run over labelled pictures: everything that the figures are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detection.backends import Detector
from detection.calibration import Calibration
from detection.evaluation.boxes import Scored
from detection.evaluation.labelled import Labelled
from detection.evaluation.matching import IOUS, Matches, SizeRange, match
from detection.training.samples import Boxes, FloatArray, IntArray

__all__ = ["RANGES_M", "RANGES_PX", "Judged", "JudgedPicture", "judge"]

# Sides of boxes in pixels of the detector's input: below COCO's 'small' of 32 px there is most of
# what a patrol looks for, so that is halved.
RANGES_PX = (
    SizeRange("<16 px", 0.0, 16.0), SizeRange("16–32 px", 16.0, 32.0),
    SizeRange("32–96 px", 32.0, 96.0), SizeRange(">96 px", 96.0, 1e9),
)  # fmt: skip
RANGES_M = (
    SizeRange("<1 m", 0.0, 1.0), SizeRange("1–3 m", 1.0, 3.0), SizeRange("3–10 m", 3.0, 10.0),
    SizeRange(">10 m", 10.0, 1e9),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPicture:
    """True boxes and detections in one picture, in its pixels; `scale` is detector input pixels a
    picture pixel, `raw` (N,) the confidences before calibration."""

    path: Path
    name: str
    group: str
    truth: Boxes
    found: Scored
    raw: FloatArray
    scale: float
    gsd_m: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """All pictures. `by_px[c][0]` matches class c at all sizes, the rest in RANGES_PX; `by_m` the
    same in metres, of the pictures of which a pixel's size is known; None where of none."""

    pictures: tuple[JudgedPicture, ...]
    by_px: list[list[Matches]]
    by_m: list[list[Matches]] | None

    @property
    def groups(self) -> IntArray:
        """The number of each picture's group, (P,)."""
        return np.unique([p.group for p in self.pictures], return_inverse=True)[1].astype(np.int64)

    def recalibrated(self, calibration: Calibration) -> Judged:
        """The same with another calibration: the boxes stay, their order among classes too."""
        return _matched(
            [
                replace(p, found=replace(p.found, scores=calibration.apply(
                    p.raw, p.found.boxes.class_ids)))
                for p in self.pictures
            ],
            len(self.by_px),
        )  # fmt: skip


def judge(
    detector: Detector,
    labelled: Iterable[Labelled],
    calibration: Calibration,
    *,
    long_side_px: int = 640,
    advance: Callable[[float], None] = lambda done: None,
) -> Judged:
    """Run `detector`, whose confidences come calibrated by `calibration`, over the pictures, seen
    with their long side at `long_side_px`."""
    pictures = []
    for done, one in enumerate(labelled, 1):
        [found] = detector.detect([one.sample.picture], long_side_px)
        pictures.append(
            JudgedPicture(
                one.path, one.sample.name, one.group, one.sample.boxes,
                Scored(Boxes(found.class_id, found.box_px), found.confidence),
                calibration.invert(found.confidence, found.class_id),
                long_side_px / max(one.sample.picture.shape[:2]), one.gsd_m,
            )
        )  # fmt: skip
        advance(done)
    return _matched(pictures, len(calibration.names))


def _matched(pictures: list[JudgedPicture], classes: int) -> Judged:
    pairs = [(p.truth, p.found) for p in pictures]
    by_px = match(
        pairs, classes, ranges=RANGES_PX, factors=[p.scale for p in pictures], ious=IOUS
    )  # fmt: skip
    located = [p for p in pictures if p.gsd_m is not None]
    by_m = None
    if located:
        by_m = match(
            [(p.truth, p.found) for p in located], classes, ranges=RANGES_M,
            factors=[p.gsd_m for p in located if p.gsd_m is not None],
        )  # fmt: skip
    return Judged(tuple(pictures), by_px, by_m)
