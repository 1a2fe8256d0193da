"""A figure: something measured, its target, and the line it ends with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Figure", "Skipped"]


class Skipped(Exception):  # noqa: N818 - it is an outcome, not an error
    """What the figure needs is not here; the message says what."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One named figure.

    `measure(seed)` returns the value in `unit`; it is met when it is at least, or at most,
    `target`. `minutes` is about what it costs on 2 cores.
    """

    name: str
    what: str
    unit: str
    sense: Literal["at least", "at most"]
    target: float
    minutes: float
    measure: Callable[[int], float]

    def met(self, value: float) -> bool:
        return value >= self.target if self.sense == "at least" else value <= self.target

    def line(self, value: float) -> str:
        """The closing line: name, value, unit, target, met or short."""
        word = "met" if self.met(value) else "short"
        return f"{self.name} {value:.4g} {self.unit} {self.sense} {self.target:g} {word}"
