"""How well a detector does on labelled pictures: AP50, and precision and recall at thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from detection.backends import Detector
from detection.training.precision import ClassResult, Scored, average_precision
from detection.training.samples import CLASSES, Boxes, Crop, Picture, Sample, cut

__all__ = ["ClassScore", "Detect", "evaluate", "resized", "scored_by", "tiles"]

Detect = Callable[[Picture], Scored]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Figures of one class; `precision` and `recall` are at `threshold`."""

    name: str
    objects: int
    ap50: float
    threshold: float
    precision: float
    recall: float


def scored_by(detector: Detector) -> Detect:
    """A back end's detections in the form that is scored."""

    def detect(picture: Picture) -> Scored:
        found = detector.detect([picture])[0]
        return Scored(Boxes(found.class_id, found.box_px), found.confidence)

    return detect


def resized(sample: Sample, scale: float) -> Sample:
    """The whole picture at another size."""
    height, width = sample.picture.shape[:2]
    size = (round(width * scale), round(height * scale))
    small = np.asarray(cv2.resize(sample.picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    factors = np.array([size[0] / width, size[1] / height] * 2)
    return Sample(
        sample.name, small, Boxes(sample.boxes.class_ids, sample.boxes.corners_px * factors)
    )


def tiles(sample: Sample, side_px: int) -> Iterator[Sample]:
    """The picture cut in squares, padded with grey; a box goes where half of it is or more."""
    height, width = sample.picture.shape[:2]
    for top in range(0, height, side_px):
        for left in range(0, width, side_px):
            yield cut(sample, Crop(float(left), float(top), side_px, 1.0), min_visible=0.5)


def evaluate(
    detect: Detect,
    samples: Iterable[Sample],
    thresholds: tuple[float, ...] = (0.25,) * len(CLASSES),
    advance: Callable[[float], None] = lambda done: None,
) -> tuple[list[ClassScore], dict[int, ClassResult]]:
    """AP50 of each class that occurs in `samples`, and the curves behind it."""

    def pairs() -> Iterator[tuple[Boxes, Scored]]:
        for done, sample in enumerate(samples, 1):
            yield sample.boxes, detect(sample.picture)
            advance(done)

    curves = dict(average_precision(pairs(), len(CLASSES)))
    scores = []
    for class_id, curve in sorted(curves.items()):
        precision, recall = curve.at(thresholds[class_id])
        scores.append(
            ClassScore(
                CLASSES[class_id], curve.objects, curve.ap, thresholds[class_id], precision, recall
            )
        )
    return scores, curves
