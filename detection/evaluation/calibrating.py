"""Fitting a calibration to labelled pictures, and how far confidences are from being true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize

from detection.calibration import Calibration, Curve, Method
from detection.evaluation.judging import Judged
from detection.training.samples import FloatArray, IntArray

__all__ = ["ClassFit", "Fitted", "Outcomes", "Reliability", "fit", "outcomes", "reliability"]

_BINS = 10
_FOLDS = 5
_FEWEST = 10  # of right boxes, and of wrong ones, from which on a class is fitted
_FEWEST_FOR_STEPS = 50  # and from which on by isotonic regression
_STEP_NATS = 0.002  # a more complex curve must lessen the log loss a box by this
_MOST_KNOTS = 40
_EDGE = 1e-6
_STEEPEST = 20.0  # temperatures 1/20 to 20


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Boxes of all pictures: confidence (N,), whether each was right (N,), class (N,), and the
    group of its picture (N,)."""

    confidence: FloatArray
    right: NDArray[np.bool_]
    class_id: IntArray
    group: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Boxes sorted into bins of confidence: how many, how sure and how often right; `ece`, the
    expected calibration error, is the mean of the difference over boxes (M. Naeini et al., AAAI
    2015), NaN where there are none."""

    count: IntArray
    confidence: FloatArray
    right: FloatArray
    ece: float


@dataclass(frozen=True, slots=True)
class ClassFit:
    """What was chosen for a class, from how many boxes, with the log loss a box of each curve on
    pictures it was not fitted to."""

    name: str
    method: Method
    boxes: int
    right: int
    loss: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A calibration, and what it does to pictures that it was not fitted to: `held_out` (N,) are
    the confidences of `Outcomes`, each by a curve fitted to the other folds."""

    calibration: Calibration
    classes: tuple[ClassFit, ...]
    held_out: FloatArray


def outcomes(judged: Judged, *, raw: bool = False) -> Outcomes:
    """Whether each detection found an object of its class at IoU 0.5; `raw` for the confidences
    before calibration."""
    group = judged.groups
    parts = []
    for class_id, (matches, *_) in enumerate(judged.by_px):
        scores = matches.scores
        if raw:
            places = zip(matches.picture.tolist(), matches.index.tolist(), strict=True)
            scores = np.array([judged.pictures[p].raw[i] for p, i in places], float)
        ids = np.full(len(scores), class_id, np.int64)
        parts.append((scores, matches.hit[0], ids, group[matches.picture]))
    return Outcomes(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def reliability(confidence: FloatArray, right: NDArray[np.bool_], bins: int = _BINS) -> Reliability:
    """Confidences (N,) against outcomes (N,), in bins of equal width."""
    place = np.clip((confidence * bins).astype(int), 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        sure = np.bincount(place, confidence, bins) / count
        often = np.bincount(place, right.astype(float), bins) / count
    total = int(count.sum())
    gaps = np.abs(sure - often)[count > 0]
    ece = float(count[count > 0] @ gaps / total) if total else float("nan")
    return Reliability(count.astype(np.int64), sure, often, ece)


def fit(boxes: Outcomes, names: Sequence[str], *, seed: int = 0) -> Fitted:
    """Fit each class by itself to raw confidences.

    Temperature (with a shift) or isotonic, or neither, by log loss in cross-validation over groups
    of pictures; the simpler one unless the other is clearly better. A class with fewer than 10
    right or 10 wrong boxes is left as it is, one with fewer than 50 gets no steps.
    """
    fold = _folds(boxes.group, seed)
    held_out = boxes.confidence.copy()
    curves, fits = [], []
    for class_id, name in enumerate(names):
        mine = boxes.class_id == class_id
        raw, right, folds = boxes.confidence[mine], boxes.right[mine], fold[mine]
        count, good = len(raw), int(right.sum())
        parts = len(np.unique(folds))
        if min(good, count - good) < _FEWEST or parts < 2:
            curves.append(Curve())
            fits.append(ClassFit(name, "identity", count, good, {}))
            continue
        few = min(good, count - good) < _FEWEST_FOR_STEPS
        methods = [m for m in _METHODS if not (few and m == "isotonic")]
        apart = {m: _cross_validated(m, raw, right, folds) for m in methods}
        loss = {m: _log_loss(p, right) for m, p in apart.items()}
        method: Method = "identity"
        for better in methods[1:]:
            if loss[better] < loss[method] - _STEP_NATS:
                method = better
        held_out[mine] = apart[method]
        curves.append(_fitted(method, raw, right))
        rounded = {str(m): round(value, 5) for m, value in loss.items()}
        fits.append(ClassFit(name, method, count, good, rounded))
    return Fitted(Calibration(tuple(names), tuple(curves)), tuple(fits), held_out)


_METHODS: tuple[Method, ...] = ("identity", "temperature", "isotonic")


def _folds(group: IntArray, seed: int) -> IntArray:
    """A fold for each box; those of a group are together."""
    numbers, place = np.unique(group, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(numbers))
    return np.asarray(order[place] % _FOLDS, np.int64)


def _cross_validated(
    method: Method, raw: FloatArray, right: NDArray[np.bool_], folds: IntArray
) -> FloatArray:
    result = np.empty_like(raw)
    for one in np.unique(folds):
        out = folds == one
        result[out] = _fitted(method, raw[~out], right[~out]).apply(raw[out])
    return result


def _log_loss(confidence: FloatArray, right: NDArray[np.bool_]) -> float:
    inside = np.clip(confidence, _EDGE, 1 - _EDGE)
    return float(-np.mean(np.where(right, np.log(inside), np.log1p(-inside))))


def _fitted(method: Method, raw: FloatArray, right: NDArray[np.bool_]) -> Curve:
    if method == "temperature":
        return _temperature(raw, right)
    return _isotonic(raw, right) if method == "isotonic" else Curve()


def _temperature(raw: FloatArray, right: NDArray[np.bool_]) -> Curve:
    inside = np.clip(raw, _EDGE, 1 - _EDGE)
    logit = np.log(inside) - np.log1p(-inside)
    # Targets a little inside of 0 and 1, so that few boxes do not make it a step (Platt 1999).
    good, bad = int(right.sum()), int((~right).sum())
    target = np.where(right, (good + 1) / (good + 2), 1 / (bad + 2))

    def loss(x: FloatArray) -> tuple[float, FloatArray]:
        value = logit * np.exp(x[0]) + x[1]
        slope = 0.5 * (1 + np.tanh(0.5 * value)) - target
        total = float(np.mean(np.logaddexp(0.0, value) - target * value))
        return total, np.array([np.mean(slope * logit) * np.exp(x[0]), np.mean(slope)])

    edge = float(np.log(_STEEPEST))
    best = minimize(loss, np.zeros(2), jac=True, bounds=[(-edge, edge), (-_STEEPEST, _STEEPEST)])
    return Curve("temperature", float(np.exp(-best.x[0])), float(best.x[1]))


def _isotonic(raw: FloatArray, right: NDArray[np.bool_]) -> Curve:
    """Steps of isotonic regression joined by lines through their middles."""
    values, place = np.unique(raw, return_inverse=True)
    weight = np.bincount(place).astype(float)
    mean = np.bincount(place, right.astype(float)) / weight
    blocks = isotonic_regression(mean, weights=weight)
    edges = np.unique(np.concatenate([[0], np.asarray(blocks.blocks)]))[:-1].astype(int)
    size = np.add.reduceat(weight, edges)
    hits = np.add.reduceat(weight * mean, edges)
    x = np.add.reduceat(weight * values, edges) / size
    # One box more, half right: no step is quite 0 or 1 for having been seen a few times.
    y = np.asarray(isotonic_regression((hits + 0.5) / (size + 1), weights=size).x, float)
    if len(x) > _MOST_KNOTS:
        keep = np.unique(np.linspace(0, len(x) - 1, _MOST_KNOTS).round().astype(int))
        x, y = x[keep], y[keep]
    x, first = np.unique(np.round(x, 9), return_index=True)
    y = np.round(np.clip(y[first], 0.0, 1.0), 9)
    if len(x) < 2:
        x, y = np.array([0.0, 1.0]), np.repeat(y[:1], 2)
    return Curve("isotonic", 1.0, 0.0, x, y)
