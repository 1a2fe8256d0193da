"""Rivers as the planner takes them: a centreline, and how far the water reaches on either side."""

from __future__ import annotations

from dataclasses import dataclass, field

from shapely.geometry import LineString

__all__ = ["Breadth", "River"]


@dataclass(frozen=True, slots=True)
class Breadth:
    """The water's reach left and right of the centreline, between two distances along it.

    Left and right as seen along the centreline. All in metres.
    """

    from_m: float
    to_m: float
    left_m: float
    right_m: float


@dataclass(frozen=True, slots=True)
class River:
    """A river: its centreline in WGS-84 and in metres of the area's projection.

    `width_m` is its width, or the mean where it varies; `breadths` then says where and how: they
    follow one another from 0 to the centreline's length. Without any, the water reaches
    `width_m / 2` to either side all along.
    """

    code: str
    name: str
    name_en: str
    width_m: float
    centreline: LineString
    centreline_m: LineString
    breadths: tuple[Breadth, ...] = field(default=())

    def breadths_m(self) -> tuple[Breadth, ...]:
        """The breadths, one for the whole length where none are given."""
        if self.breadths:
            return self.breadths
        half = self.width_m / 2
        return (Breadth(0.0, self.centreline_m.length, half, half),)
