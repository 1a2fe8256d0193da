"""All figures of a judged data set, as one value that can be written as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detection.evaluation.calibrating import Reliability, outcomes, reliability
from detection.evaluation.confusion import confusion
from detection.evaluation.intervals import ApIntervals, Interval, bootstrap
from detection.evaluation.judging import RANGES_M, RANGES_PX, Judged
from detection.evaluation.matching import Curve, Matches, SizeRange, average_precision, curve
from detection.training.samples import FloatArray, IntArray

__all__ = ["SizeScore", "Summary", "summarise"]


@dataclass(frozen=True, slots=True)
class SizeScore:
    """AP of a class's objects in a range of sizes; NaN where there are none."""

    range_name: str
    objects: int
    ap50: float
    ap50_95: float


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """Figures of one model on one data set; sequences over classes in the order of `names`.

    `thresholds` (classes,) are those at which precision, recall and the confusion are taken;
    `by_px` and `by_m` hold a tuple of SizeScore a class; `reliability_raw` and `reliability` are
    of all boxes, before and after calibration; `reliability_by_class` after it.
    """

    names: tuple[str, ...]
    pictures: int
    groups: int
    thresholds: FloatArray
    ap: ApIntervals
    curves: tuple[Curve, ...]
    by_px: tuple[tuple[SizeScore, ...], ...]
    by_m: tuple[tuple[SizeScore, ...], ...] | None
    confusion: IntArray
    reliability_raw: Reliability
    reliability: Reliability
    reliability_by_class: tuple[Reliability, ...]

    @property
    def false_per_picture(self) -> FloatArray:
        """(classes,) false alarms a picture, at the thresholds."""
        wrong = [
            (1 - line.at(t)[0]) * np.searchsorted(-line.scores, -t, side="right")
            for line, t in zip(self.curves, self.thresholds.tolist(), strict=True)
        ]
        return np.array(wrong, float) / max(self.pictures, 1)

    def as_json(self) -> dict[str, Any]:
        """Plain values; what cannot be measured is None."""
        classes = {}
        for c, name in enumerate(self.names):
            precision, recall = self.curves[c].at(float(self.thresholds[c]))
            there = self.curves[c].objects > 0
            classes[name] = {
                "objects": self.curves[c].objects,
                "ap50": _row(self.ap.ap50[c]),
                "ap50_95": _row(self.ap.ap50_95[c]),
                "threshold": _number(float(self.thresholds[c])),
                "precision": _number(precision),
                "recall": _number(recall) if there else None,
                "false_alarms_per_picture": _number(float(self.false_per_picture[c])),
                "ece": _number(self.reliability_by_class[c].ece),
                "by_size_px": _sizes(self.by_px[c]),
                "by_size_m": _sizes(self.by_m[c]) if self.by_m is not None else None,
            }
        return {
            "pictures": self.pictures, "groups": self.groups, "classes": classes,
            "mean": {"ap50": _row(self.ap.mean_ap50), "ap50_95": _row(self.ap.mean_ap50_95)},
            "confusion": {"classes": [*self.names, "background"],
                          "rows_truth_columns_found": self.confusion.tolist()},
            "calibration": {"ece_raw": _number(self.reliability_raw.ece),
                            "ece": _number(self.reliability.ece)},
        }  # fmt: skip


def summarise(
    judged: Judged,
    names: Sequence[str],
    thresholds: FloatArray,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Summary:
    """Everything that is said of a model on these pictures; `resamples` of the bootstrap."""
    groups = judged.groups
    every = [row[0] for row in judged.by_px]
    boxes, raw = outcomes(judged), outcomes(judged, raw=True)
    return Summary(
        tuple(names), len(judged.pictures), int(groups.max(initial=-1)) + 1, thresholds,
        bootstrap(every, groups, resamples=resamples, seed=seed),
        tuple(curve(m) for m in every),
        tuple(_by_size(row[1:], RANGES_PX) for row in judged.by_px),
        tuple(_by_size(row[1:], RANGES_M) for row in judged.by_m) if judged.by_m else None,
        confusion([(p.truth, p.found) for p in judged.pictures], thresholds),
        reliability(raw.confidence, raw.right),
        reliability(boxes.confidence, boxes.right),
        tuple(
            reliability(boxes.confidence[boxes.class_id == c], boxes.right[boxes.class_id == c])
            for c in range(len(names))
        ),
    )  # fmt: skip


def _by_size(row: Sequence[Matches], ranges: Sequence[SizeRange]) -> tuple[SizeScore, ...]:
    scores = []
    for matches, size in zip(row, ranges, strict=True):
        ap = average_precision(matches)
        objects = int(matches.objects.sum())
        scores.append(SizeScore(size.name, objects, float(ap[0]), float(ap.mean())))
    return tuple(scores)


def _number(value: float) -> float | None:
    return round(value, 5) if math.isfinite(value) else None


def _row(interval: Interval) -> dict[str, float | None]:
    return {
        "value": _number(interval.value), "low": _number(interval.low),
        "high": _number(interval.high),
    }  # fmt: skip


def _sizes(scores: Sequence[SizeScore]) -> dict[str, dict[str, float | None]]:
    return {
        s.range_name: {"objects": s.objects, "ap50": _number(s.ap50), "ap50_95": _number(s.ap50_95)}
        for s in scores
    }
