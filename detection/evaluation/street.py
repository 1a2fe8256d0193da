"""Whole patrols: what a threshold of confidence finds, and how often it cries wolf a kilometre."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from detection.training.samples import FloatArray

__all__ = ["RATES_PER_KM", "AtRate", "Patrolled", "Sweep", "sweep", "together"]

RATES_PER_KM = (1.0, 2.0, 5.0)
_FAR_M = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Patrolled:
    """Alerts of one class on one patrol: `distance_m` (planted, alerts) of each alert from each
    planted thing, infinite where it cannot be that; `confidence` (alerts,)."""

    distance_m: FloatArray
    confidence: FloatArray

    def found(self, threshold: float) -> int:
        """How many planted things the alerts of at least `threshold` find, one to one."""
        cost = self.distance_m[:, self.confidence >= threshold]
        possible = np.isfinite(cost)
        rows, columns = linear_sum_assignment(np.where(possible, cost, _FAR_M))
        return int(possible[rows, columns].sum())


@dataclass(frozen=True, slots=True)
class AtRate:
    """The lowest threshold that keeps to a rate of false alerts, and what it gives: `recall` NaN
    where nothing was planted, `threshold` infinite where none keeps to it."""

    threshold: float
    recall: float
    false_per_km: float


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """One class over all thresholds: `thresholds` (N,) falling, things found and false alerts (N,)
    when sightings of at least that confidence are alerts, over `river_km` in all."""

    planted: int
    river_km: float
    thresholds: FloatArray
    found: FloatArray
    false: FloatArray

    def at(self, threshold: float) -> AtRate:
        """What a threshold gives."""
        count = int(np.searchsorted(-self.thresholds, -threshold, side="right"))
        found, false = (self.found[count - 1], self.false[count - 1]) if count else (0.0, 0.0)
        recall = float(found) / self.planted if self.planted else float("nan")
        return AtRate(threshold, recall, float(false) / self.river_km)

    def at_rate(self, false_per_km: float) -> AtRate:
        """The lowest threshold with at most so many false alerts a kilometre. They can only become
        more as it falls: another alert is a find or false, and takes no find away."""
        count = int(np.sum(self.false <= false_per_km * self.river_km))
        return self.at(float(self.thresholds[count - 1]) if count else math.inf)

    def as_json(self) -> dict[str, Any]:
        rows: dict[str, Any] = {"planted": self.planted, "river_km": round(self.river_km, 3)}
        for rate in RATES_PER_KM:
            at = self.at_rate(rate)
            rows[f"at_{rate:g}_per_km"] = {
                "recall": round(at.recall, 4) if math.isfinite(at.recall) else None,
                "threshold": round(at.threshold, 4) if math.isfinite(at.threshold) else None,
                "false_per_km": round(at.false_per_km, 4),
            }
        return rows


def sweep(patrols: Sequence[Patrolled], river_km: float) -> Sweep:
    """One class over patrols of `river_km` kilometres of river in all."""
    every = np.concatenate([[], *(p.confidence for p in patrols)])
    thresholds = np.unique(every)[::-1]
    found = np.array([sum(p.found(t) for p in patrols) for t in thresholds.tolist()], float)
    alerts = np.searchsorted(np.sort(-every), -thresholds, side="right")
    planted = sum(len(p.distance_m) for p in patrols)
    return Sweep(planted, river_km, thresholds, found, alerts - found)


def together(sweeps: Mapping[str, Sweep]) -> Sweep:
    """All classes with one threshold for all."""
    thresholds = np.unique(np.concatenate([[], *(s.thresholds for s in sweeps.values())]))[::-1]
    sums = np.zeros((2, len(thresholds)))
    for one in sweeps.values():
        count = np.searchsorted(-one.thresholds, -thresholds, side="right")
        for row, values in zip(sums, (one.found, one.false), strict=True):
            row += np.concatenate([[0.0], values])[count]
    km = max((s.river_km for s in sweeps.values()), default=0.0)
    return Sweep(sum(s.planted for s in sweeps.values()), km, thresholds, sums[0], sums[1])
