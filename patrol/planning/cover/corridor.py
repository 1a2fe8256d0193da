"""The ground along a river that must be seen: a strip on each bank, or all the water between.

Planar geometry in metres of the area's projection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from geo.errors import GeometryError
from patrol.plan import Bank, Reach
from patrol.planning.cover.coverage import united
from patrol.planning.settings import Cover
from patrol.rivers import Breadth, River

__all__ = ["BankStrip", "Corridor", "corridor_of", "stretch"]

FloatArray = NDArray[np.float64]

_BANKS: tuple[Bank, Bank] = ("left", "right")
_SHORTEST_LEG_M = 0.01
_SECTOR_POINTS = 9


@dataclass(frozen=True, slots=True)
class BankStrip:
    """The ground of one bank that must be seen."""

    bank: Bank
    ground: BaseGeometry


@dataclass(frozen=True, slots=True)
class Corridor:
    """A reach of a river: its centreline, the breadths along it (distances from the reach's
    start), and the strips that must be seen."""

    river: str
    reach: Reach
    centreline: LineString
    breadths: tuple[Breadth, ...]
    strips: tuple[BankStrip, ...]

    @property
    def ground(self) -> BaseGeometry:
        """All that must be seen."""
        return united([strip.ground for strip in self.strips])


def stretch(line: LineString, from_m: float, to_m: float) -> LineString:
    """The part of a line between two distances from its start, from < to."""
    part = substring(line, from_m, to_m)
    if not isinstance(part, LineString):
        raise GeometryError(f"there is no line between {from_m:g} and {to_m:g} m")
    return part


def corridor_of(
    river: River, reach: Reach, cover: Cover, strip_m: float, inner_m: float
) -> Corridor:
    """What must be seen of a reach.

    A bank's strip runs from `inner_m` inside the water's edge to `strip_m` beyond it; with
    `cover` "water" from the centreline. "left" and "right" are as seen along the centreline.
    """
    centreline = stretch(river.centreline_m, reach.from_m, reach.to_m)
    breadths = _within(river.breadths_m(), reach, centreline.length)
    banks: tuple[Bank, ...]
    match cover:
        case "left":
            banks = ("left",)
        case "right":
            banks = ("right",)
        case _:
            banks = ("left", "right")
    legs = _Legs.of(centreline, breadths)
    outer = {bank: legs.band(bank, strip_m) for bank in banks}
    if cover != "water":
        inner = united([legs.band(bank, -inner_m) for bank in _BANKS])
        outer = {bank: shapely.difference(ground, inner) for bank, ground in outer.items()}
    strips = tuple(BankStrip(bank, _polygons(ground)) for bank, ground in outer.items())
    return Corridor(river.code, reach, centreline, breadths, strips)


def _within(breadths: Sequence[Breadth], reach: Reach, length_m: float) -> tuple[Breadth, ...]:
    """The breadths of the reach, in distances from its start, without gaps."""
    kept = [
        Breadth(b.from_m - reach.from_m, b.to_m - reach.from_m, b.left_m, b.right_m)
        for b in breadths
        if b.to_m > reach.from_m + 1e-6 and b.from_m < reach.to_m - 1e-6
    ] or [Breadth(0.0, length_m, breadths[-1].left_m, breadths[-1].right_m)]
    ends = [0.0, *(b.from_m for b in kept[1:]), length_m]
    return tuple(
        Breadth(start, end, b.left_m, b.right_m)
        for b, (start, end) in zip(kept, pairwise(ends), strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Legs:
    """The straight legs of a centreline, cut where the breadth changes: N legs between N + 1
    points, with the water's reach left and right of each.

    Ground beside them is a rectangle for each leg and a sector for each bend, on its outer side:
    offset buffers of whole lines leave ground out inside bends tighter than the offset.
    """

    points_m: FloatArray
    left_m: FloatArray
    right_m: FloatArray

    @classmethod
    def of(cls, centreline: LineString, breadths: Sequence[Breadth]) -> _Legs:
        points = shapely.get_coordinates(centreline)
        points = points[np.r_[True, np.hypot(*np.diff(points, axis=0).T) > 1e-9]]
        along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
        ends = np.array([b.to_m for b in breadths])
        # Not where a vertex stands already: a leg of no length has no direction.
        cuts = [at for at in ends[:-1] if np.abs(along - at).min() > _SHORTEST_LEG_M]
        at = np.sort(np.r_[along, cuts])
        places = np.column_stack([np.interp(at, along, points[:, k]) for k in (0, 1)])
        middles = (at[:-1] + at[1:]) / 2
        which = np.minimum(np.searchsorted(ends, middles), len(breadths) - 1)
        left = np.array([b.left_m for b in breadths])[which]
        right = np.array([b.right_m for b in breadths])[which]
        return cls(places, left, right)

    def band(self, bank: Bank, beyond_m: float) -> BaseGeometry:
        """The ground on one side, from the centreline to so far beyond the water's edge (negative:
        short of it)."""
        sign = 1.0 if bank == "left" else -1.0
        reach = np.maximum((self.left_m if bank == "left" else self.right_m) + beyond_m, 0.0)
        steps = np.diff(self.points_m, axis=0)
        heading = np.arctan2(steps[:, 1], steps[:, 0])
        normal = sign * np.column_stack([-np.sin(heading), np.cos(heading)])
        start, end = self.points_m[:-1], self.points_m[1:]
        wide = reach > 1e-6
        aside = normal * reach[:, None]
        rings = np.stack([start, end, end + aside, start + aside], axis=1)[wide]
        parts = list(np.asarray(shapely.polygons(rings)).ravel()) if wide.any() else []
        turn = (np.diff(heading) + np.pi) % (2 * np.pi) - np.pi
        bends = np.flatnonzero((turn * sign < -1e-9) & (np.maximum(reach[:-1], reach[1:]) > 1e-6))
        if len(bends):
            share = np.linspace(0.0, 1.0, _SECTOR_POINTS)
            angle = heading[bends, None] + sign * np.pi / 2 + turn[bends, None] * share
            # Its straight sides lie inside the arc: drawn a little further out, it holds the arc.
            widest = np.maximum(reach[:-1], reach[1:])[bends]
            widest = widest / np.cos(turn[bends] / 2 / (_SECTOR_POINTS - 1))
            arc = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * widest[:, None, None]
            corner = self.points_m[1:-1][bends][:, None, :]
            fans = np.concatenate([corner, corner + arc], axis=1)
            parts += list(np.asarray(shapely.polygons(fans)).ravel())
        return united(parts)


def _polygons(geometry: BaseGeometry) -> BaseGeometry:
    """Only the areas of a geometry."""
    parts = [p for p in shapely.get_parts(geometry) if isinstance(p, Polygon) and p.area > 1e-6]
    return united(parts)
