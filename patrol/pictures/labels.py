"""Which labels a map has room for, and where."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Avoids", "Box", "Placed", "Wish", "place", "text_width_em"]


Avoids = Literal["never", "rather", "always"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its middle and size."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: Box) -> bool:
        return (
            abs(self.x - other.x) * 2 < self.width + other.width
            and abs(self.y - other.y) * 2 < self.height + other.height
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """A label that may stand at any of some middles, the first that is free. `avoids`: it rather
    takes a later one than stand on what is to be avoided ("rather"), or none at all ("always")."""

    key: str
    width: float
    height: float
    middles: tuple[tuple[float, float], ...]
    avoids: Avoids = "rather"


@dataclass(frozen=True, slots=True)
class Placed:
    """A label that has found its place."""

    key: str
    x: float
    y: float


class _Taken:
    """Boxes, looked up by where they are."""

    def __init__(self, cell: float, boxes: Sequence[Box]) -> None:
        self._cell = cell
        self._boxes: dict[tuple[int, int], list[Box]] = {}
        for box in boxes:
            self.add(box)

    def add(self, box: Box) -> None:
        self._boxes.setdefault((int(box.x // self._cell), int(box.y // self._cell)), []).append(box)

    def meets(self, box: Box) -> bool:
        column, row = int(box.x // self._cell), int(box.y // self._cell)
        return any(
            box.meets(other)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
            for other in self._boxes.get((column + i, row + j), ())
        )


def place(
    wishes: Sequence[Wish],
    taken: Sequence[Box],
    width: float,
    height: float,
    avoid: Callable[[Box], bool] = lambda box: False,
) -> tuple[Placed, ...]:
    """The labels that fit on a sheet (0 to width, 0 to height) without meeting one another or
    what is taken, nor, if that can be, standing on what is to be avoided; earlier ones choose
    first."""
    sizes = [max(box.width, box.height) for box in taken]
    cell = max([1.0, *sizes, *(max(wish.width, wish.height) for wish in wishes)])
    hard = _Taken(cell, taken)
    found = []
    for wish in wishes:
        free = [
            box
            for box in (Box(x, y, wish.width, wish.height) for x, y in wish.middles)
            if abs(2 * box.x - width) <= width - box.width
            and abs(2 * box.y - height) <= height - box.height
            and not hard.meets(box)
        ]
        if free:
            clear = (box for box in free if wish.avoids == "never" or not avoid(box))
            box = next(clear, None) or (free[0] if wish.avoids != "always" else None)
            if box is None:
                continue
            hard.add(box)
            found.append(Placed(wish.key, box.x, box.y))
    return tuple(found)


def text_width_em(text: str) -> float:
    """How wide a text is about, in heights of its letters."""
    return sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.6 for c in text)
