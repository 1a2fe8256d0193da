"""A detector on labelled pictures: what it finds in each, and the scores of each class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from detection.backends import Detector
from detection.evaluation.boxes import Scored
from detection.evaluation.matching import Curve, average_precision, curve, match
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


def scored_by(detector: Detector, long_side_px: int = 640) -> Detect:
    """A back end's detections in the form that is scored."""

    def detect(picture: Picture) -> Scored:
        found = detector.detect([picture], long_side_px)[0]
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
) -> tuple[list[ClassScore], dict[int, Curve]]:
    """AP50 of each class that occurs in `samples`, and the curves behind it."""
    pictures = []
    for done, sample in enumerate(samples, 1):
        pictures.append((sample.boxes, detect(sample.picture)))
        advance(done)
    scores, curves = [], {}
    at_half = np.array([0.5])
    for class_id, [matches] in enumerate(match(pictures, len(CLASSES), ious=at_half)):
        if not matches.objects.sum():
            continue
        line = curves[class_id] = curve(matches)
        threshold = thresholds[class_id]
        ap50 = float(average_precision(matches)[0])
        precision, recall = line.at(threshold)
        scores.append(
            ClassScore(CLASSES[class_id], line.objects, ap50, threshold, precision, recall)
        )
    return scores, curves
