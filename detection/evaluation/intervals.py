"""How sure an AP is: bootstrap over pictures, or over groups of pictures that belong together.

B. Efron, Bootstrap methods, Annals of Statistics 1979; percentile intervals; whole groups are
drawn (cluster bootstrap), as neighbouring frames and crops of one photo say nearly the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detection.evaluation.matching import Matches, average_precision
from detection.training.samples import FloatArray, IntArray

__all__ = ["ApIntervals", "Interval", "bootstrap"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the bounds of its interval; NaN where there is nothing to measure."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ApIntervals:
    """AP50 and AP50-95 of each class, and their means over the classes that occur."""

    ap50: tuple[Interval, ...]
    ap50_95: tuple[Interval, ...]
    mean_ap50: Interval
    mean_ap50_95: Interval


def bootstrap(
    matches: Sequence[Matches],
    groups: IntArray,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> ApIntervals:
    """Intervals of the APs of `matches`, one a class; `groups` (P,) numbers each picture's group
    from 0. With fewer than two groups the bounds are NaN."""
    at_once = np.array([average_precision(m) for m in matches])  # classes, thresholds
    count = int(groups.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    drawn = np.full((max(resamples, 1), *at_once.shape), np.nan)
    if count >= 2:
        for k in range(resamples):
            weights = np.bincount(rng.integers(count, size=count), minlength=count)[groups]
            drawn[k] = [average_precision(m, weights.astype(float)) for m in matches]
    half, whole = drawn[:, :, 0], drawn.mean(axis=2)
    return ApIntervals(
        tuple(_interval(v, d, level) for v, d in zip(at_once[:, 0], half.T, strict=True)),
        tuple(_interval(v, d, level) for v, d in zip(at_once.mean(axis=1), whole.T, strict=True)),
        _interval(_mean(at_once[:, 0]), _means(half), level),
        _interval(_mean(at_once.mean(axis=1)), _means(whole), level),
    )


def _mean(values: FloatArray) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


def _means(drawn: FloatArray) -> FloatArray:
    return np.array([_mean(row) for row in drawn])


def _interval(value: float, drawn: FloatArray, level: float) -> Interval:
    drawn = drawn[~np.isnan(drawn)]  # a resample may hold no object of a rare class
    if not len(drawn):
        return Interval(float(value), float("nan"), float("nan"))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high))
