"""How well a detector does on labelled pictures: AP50, and precision and recall at thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from detection.training.precision import ClassResult, Scored, average_precision
from detection.training.samples import CLASSES, Boxes, Picture, Sample
from detection.training.ultralytics_setup import load_yolo

__all__ = ["ClassScore", "Detect", "evaluate", "resized", "tiles", "ultralytics_detector"]

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


def ultralytics_detector(weights: Path, size_px: tuple[int, int] = (384, 640)) -> Detect:
    """Detections of a .pt model at this input size (height, width), down to a score of 0.01."""
    model = load_yolo(weights)

    def detect(picture: Picture) -> Scored:
        result = model.predict(picture, imgsz=size_px, conf=0.01, iou=0.6, verbose=False)[0].boxes
        ids = result.cls.cpu().numpy().astype(np.int64)
        corners = result.xyxy.cpu().numpy().astype(np.float64)
        return Scored(Boxes(ids, corners), result.conf.cpu().numpy().astype(np.float64))

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
    """The picture cut in squares that do not overlap; boxes go where most of them lies."""
    from detection.training.samples import Crop, cut

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
