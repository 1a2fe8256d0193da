"""Which sighting of one patrol is which of another.

Same-class association over the ground by Mahalanobis distance, gated, all at once (Hungarian
method; Y. Bar-Shalom, X. Li, Multitarget-Multisensor Tracking, 1995, section 2), after an offset
that all sightings of a patrol share (satellite and launch-site error) was taken out. The offset is
the mode of the differences that are possible, found by trying each, and then a Gauss-Markov
estimate with Tukey's weights about it; its prior is no offset.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from detection.comparison.patrols import Thing
from detection.placement import PRIORS

__all__ = ["GATE_CHI2", "Association", "Offset", "associate"]

FloatArray = NDArray[np.float64]

# 99.5 % of chi-square with two degrees of freedom.
GATE_CHI2 = -2.0 * math.log(0.005)
# A common offset is no larger than this, one standard deviation, before anything is matched.
_PRIOR_OFFSET_M = 3.0
_LARGEST_OFFSET_M = 12.0
_TUKEY, _REWEIGHTED = 3.5, 10
# Middles of boxes of one thing differ by this share of their sizes, from another side or height.
_SIZE_SHARE = 0.2
# What floats moves, between days anywhere: within these bounds it is taken for the same heap.
_ADRIFT_M = 3.0
# With this many matches their own scatter tells how good the stated covariances are.
_ENOUGH_FOR_SPREAD = 8
_SPREAD = (0.25, 1.0)
_MEDIAN_CHI2 = -2.0 * math.log(0.5)
# A plume begins at its outfall: the one's middle lies within the other's reach.
_KIN = {("outfall", "discharge"), ("discharge", "outfall")}
_KIN_SLACK_M = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Offset:
    """Later minus earlier position of the same ground, (2,) east, north with its covariance;
    `matches` is how many sightings it is from; `spread` by what factor their covariances were
    lessened, because once it is taken out they agree better than they claim."""

    ground_m: FloatArray
    covariance_m2: FloatArray
    matches: int
    spread: float


@dataclass(frozen=True, slots=True, eq=False)
class Association:
    """`pairs` are (earlier, later) rows of one class, `kin` those of an outfall and a discharge
    that turned one into the other; each row is in at most one pair. `chi2` has the squared
    Mahalanobis distance of each of `pairs`."""

    pairs: tuple[tuple[int, int], ...]
    kin: tuple[tuple[int, int], ...]
    chi2: tuple[float, ...]
    offset: Offset


def associate(earlier: Sequence[Thing], later: Sequence[Thing]) -> Association:
    """Match two patrols' things, placed in one projection.

    Whatever order the things come in, the same are matched.
    """
    order_a, order_b = _order(earlier), _order(later)
    a, b = [earlier[i] for i in order_a], [later[j] for j in order_b]
    difference, spread = _differences(a, b)
    same = np.array([[t.class_name == u.class_name for u in b] for t in a], bool)
    same = same.reshape(len(a), len(b))
    offset = _offset(difference, spread, same)
    chi2 = _chi2(difference - offset.ground_m, spread * offset.spread + offset.covariance_m2)
    pairs = _assigned(np.where(same, chi2, np.inf))
    kin = _kin(a, b, difference - offset.ground_m, spread, pairs)
    named = sorted((order_a[i], order_b[j], float(chi2[i, j])) for i, j in pairs)
    return Association(
        tuple((i, j) for i, j, _ in named),
        tuple(sorted((order_a[i], order_b[j]) for i, j in kin)),
        tuple(value for _, _, value in named),
        offset,
    )


def _order(things: Sequence[Thing]) -> list[int]:
    """Rows in an order that depends on what the things are alone."""
    return sorted(
        range(len(things)),
        key=lambda i: (
            -things[i].ground_m[1], things[i].ground_m[0], things[i].class_name, things[i].id,
        ),
    )  # fmt: skip


def _differences(a: Sequence[Thing], b: Sequence[Thing]) -> tuple[FloatArray, FloatArray]:
    """(A, B, 2) later minus earlier, and its covariance (A, B, 2, 2)."""
    at_a = np.array([t.ground_m for t in a]).reshape(-1, 2)
    at_b = np.array([t.ground_m for t in b]).reshape(-1, 2)
    cov_a = np.array([t.covariance_m2 for t in a]).reshape(-1, 2, 2)
    cov_b = np.array([t.covariance_m2 for t in b]).reshape(-1, 2, 2)
    size = np.array([[_SIZE_SHARE * (t.radius_m + u.radius_m) for u in b] for t in a])
    drift = np.array([_ADRIFT_M * (PRIORS[t.class_name].drift_m_s > 0) for t in a])
    extra = size.reshape(len(a), len(b)) ** 2 + drift.reshape(-1, 1) ** 2
    return (
        at_b[None] - at_a[:, None],
        cov_a[:, None] + cov_b[None] + extra[..., None, None] * np.eye(2),
    )


def _chi2(difference: FloatArray, covariance: FloatArray) -> FloatArray:
    """(A, B) squared Mahalanobis distances."""
    if not difference.size:
        return np.zeros(difference.shape[:2])
    inverse = np.linalg.inv(covariance)
    return np.asarray(np.einsum("abi,abij,abj->ab", difference, inverse, difference))


def _assigned(chi2: FloatArray) -> list[tuple[int, int]]:
    """The assignment with most matches within the gate for their distance: each match gains what
    it is nearer than the gate."""
    gain = np.where(chi2 < GATE_CHI2, chi2 - GATE_CHI2, 0.0)
    rows, columns = linear_sum_assignment(gain)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if gain[i, j] < 0]


def _offset(difference: FloatArray, spread: FloatArray, same: NDArray[np.bool_]) -> Offset:
    prior = np.eye(2) * _PRIOR_OFFSET_M**2
    near = same & (np.linalg.norm(difference, axis=2) <= _LARGEST_OFFSET_M)
    rows, columns = np.nonzero(near)
    if not len(rows):
        return Offset(np.zeros(2), prior, 0, 1.0)
    apart, covariance = difference[rows, columns], spread[rows, columns]
    inverse = np.asarray(np.linalg.inv(covariance), dtype=float)
    candidates = np.vstack([np.zeros((1, 2)), apart])
    scores = [
        _support(np.asarray(apart - d), inverse, rows, columns) - _surprise(d) for d in candidates
    ]
    now = candidates[int(np.argmax(scores))]
    found = np.eye(2)
    weight = np.zeros(len(rows))
    for _ in range(_REWEIGHTED):
        chi2 = np.einsum("ni,nij,nj->n", apart - now, inverse, apart - now)
        taken = _mutual(chi2, rows, columns)
        weight = np.where(taken, np.clip(1 - chi2 / _TUKEY**2, 0, None) ** 2, 0.0)
        information = np.linalg.inv(prior) + np.einsum("n,nij->ij", weight, inverse)
        found = np.linalg.inv(information)
        now = found @ np.einsum("n,nij,nj->i", weight, inverse, apart)
    kept = weight > 0
    factor = 1.0
    if kept.sum() >= _ENOUGH_FOR_SPREAD:
        chi2 = np.einsum("ni,nij,nj->n", apart - now, inverse, apart - now)[kept]
        factor = float(np.clip(np.median(chi2) / _MEDIAN_CHI2 * 1.5, *_SPREAD))
    return Offset(now, np.asarray(found), int(kept.sum()), factor)


def _support(
    apart: FloatArray,
    inverse: FloatArray,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> float:
    """How many things find a partner at an offset, the nearer the more: each one once."""
    chi2 = np.einsum("ni,nij,nj->n", apart, inverse, apart)
    gain = np.exp(-chi2 / 2) * _mutual(chi2, rows, columns)
    return float(np.round(gain.sum(), 9))


def _mutual(
    chi2: FloatArray, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Which differences are between things that are each other's nearest."""
    best_a = np.full(int(rows.max()) + 1, np.inf)
    best_b = np.full(int(columns.max()) + 1, np.inf)
    np.minimum.at(best_a, rows, chi2)
    np.minimum.at(best_b, columns, chi2)
    return np.asarray((chi2 <= best_a[rows]) & (chi2 <= best_b[columns]))


def _surprise(offset: FloatArray) -> float:
    """What an offset of this size costs, in things that would have to support it."""
    return float(offset @ offset) / (2 * _PRIOR_OFFSET_M**2)


def _kin(
    a: Sequence[Thing], b: Sequence[Thing], difference: FloatArray, spread: FloatArray,
    pairs: Sequence[tuple[int, int]],
) -> list[tuple[int, int]]:  # fmt: skip
    """Outfalls and discharges left over that lie where one can have become the other."""
    rows = sorted(set(range(len(a))) - {i for i, _ in pairs})
    columns = sorted(set(range(len(b))) - {j for _, j in pairs})
    cost = np.full((len(a), len(b)), np.inf)
    for i in rows:
        for j in columns:
            if (a[i].class_name, b[j].class_name) in _KIN:
                reach_m = max(a[i].radius_m, b[j].radius_m) + _KIN_SLACK_M
                covariance = spread[i, j] + np.eye(2) * (reach_m / 2) ** 2
                d = difference[i, j]
                cost[i, j] = float(d @ np.linalg.solve(covariance, d))
    return _assigned(cost)
