"""Detections matched with true boxes by pycocotools, and what is counted of the matches.

The matching is COCO's (T.-Y. Lin et al., Microsoft COCO, ECCV 2014; pycocotools.cocoeval): in each
picture best score first, each with the true box of its class, not taken yet, that it overlaps
most. Counting is done here, so that pictures can be weighted (bootstrap); with equal weights it is
what COCOeval.accumulate gives.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.evaluation.boxes import Scored
from detection.evaluation.needs import pycocotools_module
from detection.training.samples import Boxes, FloatArray, IntArray

__all__ = ["IOUS", "Curve", "Matches", "SizeRange", "average_precision", "curve", "match"]

IOUS = np.linspace(0.5, 0.95, 10)  # COCO's thresholds
_RECALLS = np.linspace(0.0, 1.0, 101)
_MOST_BOXES = 1000  # of one class in one picture
_TINY = float(np.spacing(1))


@dataclass(frozen=True, slots=True)
class SizeRange:
    """Objects whose side (square root of the box's area) is `low` to `high`, in the unit that the
    matching is given boxes in."""

    name: str
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Of one class and size range, for T thresholds of overlap: D detections, best first.

    `picture` (D,) and `index` (D,) say which box it is, `hit` (T, D) whether it found something,
    `ignored` (T, D) what does not count in this size range; `objects` (P,) true boxes a picture,
    `found` (T, objects in all) in the order of pictures and of the boxes in each.
    """

    picture: IntArray
    index: IntArray
    scores: FloatArray
    hit: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    objects: IntArray
    found: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Precision and recall at each score, falling, and how many objects there are."""

    objects: int
    scores: FloatArray
    precision: FloatArray
    recall: FloatArray

    def at(self, score: float) -> tuple[float, float]:
        """Precision and recall when only detections of at least `score` count."""
        count = int(np.searchsorted(-self.scores, -score, side="right"))
        if count == 0:
            return 1.0, 0.0
        return float(self.precision[count - 1]), float(self.recall[count - 1])

    def best_score(self) -> float:
        """The score at which F1, the harmonic mean of precision and recall, is largest."""
        f1 = 2 * self.precision * self.recall / np.maximum(self.precision + self.recall, 1e-9)
        return float(self.scores[int(np.argmax(f1))]) if len(f1) else 1.0


def match(
    pictures: Sequence[tuple[Boxes, Scored]],
    classes: int,
    *,
    ranges: Sequence[SizeRange] = (),
    factors: Sequence[float] | None = None,
    ious: FloatArray = IOUS,
) -> list[list[Matches]]:
    """Matches of (truth, detections) a picture: for each class, of all sizes and of each range.

    `factors`, one a picture, turn its pixels into the unit of `ranges`.
    """
    spans = [[0.0, 1e20], *([r.low**2, np.nextafter(r.high**2, 0.0)] for r in ranges)]
    scale = factors if factors is not None else [1.0] * len(pictures)
    truth = [_rows(t, scale[p], p) for p, (t, _) in enumerate(pictures)]
    found = [_rows(f.boxes, scale[p], p, f.scores) for p, (_, f) in enumerate(pictures)]
    names = range(len(pictures))
    judge: Any = pycocotools_module("cocoeval").COCOeval(
        _coco(truth, names, classes), _coco(found, names, classes), "bbox"
    )
    judge.params.imgIds = list(names)
    judge.params.catIds = list(range(classes))
    judge.params.iouThrs = ious
    judge.params.maxDets = [_MOST_BOXES]
    judge.params.areaRng = spans
    judge.params.areaRngLbl = ["all", *(r.name for r in ranges)]
    with contextlib.redirect_stdout(io.StringIO()):  # it prints
        judge.evaluate()
    # Unique numbers of boxes begin at 1: 0 means unmatched.
    starts = np.cumsum([1, *(len(rows) for rows in found)])
    cells = iter(judge.evalImgs)  # classes, then ranges, then pictures
    return [
        [_gathered([next(cells) for _ in names], starts, len(ious)) for _ in spans]
        for _ in range(classes)
    ]


def _rows(
    boxes: Boxes, factor: float, picture: int, scores: FloatArray | None = None
) -> list[dict[str, Any]]:
    corners = boxes.corners_px * factor
    rows: list[dict[str, Any]] = []
    for k, (x1, y1, x2, y2) in enumerate(corners.tolist()):
        row = {
            "image_id": picture, "category_id": int(boxes.class_ids[k]), "iscrowd": 0,
            "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1),
        }  # fmt: skip
        rows.append(row if scores is None else row | {"score": float(scores[k])})
    return rows


def _coco(rows: Sequence[list[dict[str, Any]]], pictures: Sequence[int], classes: int) -> Any:
    coco: Any = pycocotools_module("coco").COCO()
    annotations = [row for one in rows for row in one]
    for number, row in enumerate(annotations, 1):
        row["id"] = number
    coco.dataset = {
        "images": [{"id": p} for p in pictures], "annotations": annotations,
        "categories": [{"id": c} for c in range(classes)],
    }  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def _gathered(cells: Sequence[dict[str, Any] | None], starts: IntArray, ious: int) -> Matches:
    """One class and range over all pictures, in the order of COCOeval.accumulate."""
    there = [(p, cell) for p, cell in enumerate(cells) if cell is not None]
    objects = np.zeros(len(cells), np.int64)
    found = [np.zeros((ious, 0), bool)]
    for p, cell in there:
        counts = np.asarray(cell["gtIgnore"]) == 0
        objects[p] = int(counts.sum())
        order = np.argsort(np.asarray(cell["gtIds"], np.int64)[counts], kind="stable")
        found.append((cell["gtMatches"] > 0)[:, counts][:, order])
    none = np.zeros((ious, 0), bool)
    scores = np.concatenate([[], *(cell["dtScores"] for _, cell in there)])
    picture = np.concatenate([[], *(np.full(len(c["dtIds"]), p) for p, c in there)]).astype(int)
    number = np.concatenate([[], *(cell["dtIds"] for _, cell in there)]).astype(int)
    hit = np.concatenate([none, *(cell["dtMatches"] > 0 for _, cell in there)], axis=1)
    ignored = np.concatenate([none, *(cell["dtIgnore"] for _, cell in there)], axis=1).astype(bool)
    order = np.argsort(-scores, kind="stable")
    picture, number = picture[order], number[order]
    return Matches(
        picture, number - starts[picture], scores[order], hit[:, order], ignored[:, order],
        objects, np.concatenate(found, axis=1),
    )  # fmt: skip


def average_precision(matches: Matches, weights: FloatArray | None = None) -> FloatArray:
    """AP at each threshold of overlap (T,), pictures counted `weights` (P,) times; NaN where there
    is no object. Precision, made falling, is averaged at 101 recalls, as COCO does."""
    weights = np.ones(len(matches.objects)) if weights is None else weights
    objects = float(matches.objects @ weights)
    if objects <= 0:
        return np.full(len(matches.hit), np.nan)
    weight = weights[matches.picture] * ~matches.ignored
    right = np.cumsum(weight * matches.hit, axis=1)
    wrong = np.cumsum(weight * ~matches.hit, axis=1)
    recall = right / objects
    precision = right / (right + wrong + _TINY)
    falling = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    padded = np.pad(falling, ((0, 0), (0, 1)))
    places = [np.searchsorted(row, _RECALLS, side="left") for row in recall]
    return np.array([padded[t, at].mean() for t, at in enumerate(places)])


def curve(matches: Matches, iou: int = 0) -> Curve:
    """Precision and recall at the threshold of overlap with number `iou`."""
    counts = ~matches.ignored[iou]
    right = np.cumsum(matches.hit[iou][counts])
    objects = int(matches.objects.sum())
    return Curve(
        objects, matches.scores[counts], right / np.arange(1, len(right) + 1),
        right / max(objects, 1),
    )  # fmt: skip
