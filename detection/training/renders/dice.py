"""A random stream whose draws are rounded, so that a specification reads and hashes the same
whichever C library computed the last digits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

__all__ = ["Dice"]

T = TypeVar("T")
RGB = tuple[float, float, float]


class Dice:
    """Draws from one `numpy.random.Generator`."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def between(self, low: float, high: float) -> float:
        """Uniform."""
        return round(float(self._rng.uniform(low, high)), 4)

    def log_between(self, low: float, high: float) -> float:
        """Uniform in the logarithm: half of the draws lie below sqrt(low * high)."""
        return round(math.exp(float(self._rng.uniform(math.log(low), math.log(high)))), 4)

    def normal(self, mean: float, deviation: float) -> float:
        return round(float(self._rng.normal(mean, deviation)), 4)

    def chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)

    def one_of(self, values: Sequence[T]) -> T:
        return values[int(self._rng.integers(len(values)))]

    def count(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self._rng.integers(low, high + 1))

    def near(self, colour: RGB, spread: float) -> RGB:
        """A colour near another: brighter or darker, and a little of another hue."""
        level = float(self._rng.normal(0, spread))
        hue = self._rng.normal(0, spread * 0.3, 3)
        r, g, b = (
            round(min(max(c * math.exp(level + float(d)), 0.002), 0.95), 4)
            for c, d in zip(colour, hue, strict=True)
        )
        return r, g, b

    def seed(self) -> int:
        """A seed for the details that the scene builder draws."""
        return int(self._rng.integers(2**31))
