"""A stretch of centreline with the breadths along it, and the operations that joining
needs. Metres of the area's projection throughout."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString
from shapely.ops import substring

from patrol.rivers import Breadth

__all__ = ["SAME_M", "Stretch", "crossing", "merged", "without_duplicates"]

FloatArray = NDArray[np.float64]

SAME_M = 1.0  # lines this near are one line
_EXACT_M = 0.05
_BACK = -0.9995  # the cosine of a turn that leads back over the line itself, 178 degrees
_AHEAD_M = 5.0  # over which the direction of an end is taken


@dataclass(frozen=True)
class Stretch:
    """Vertices `xy` (N, 2) without repeats, breadths from 0 to the length (NaN: unknown side), and
    the place in the file. Not slotted: it caches its line."""

    xy: FloatArray
    breadths: tuple[Breadth, ...]
    order: int

    @classmethod
    def of(cls, xy: FloatArray, left_m: float, right_m: float, order: int) -> Stretch:
        """A reach of one breadth."""
        return cls(xy, (Breadth(0.0, float(LineString(xy).length), left_m, right_m),), order)

    @cached_property
    def line(self) -> LineString:
        return LineString(self.xy)

    @cached_property
    def length_m(self) -> float:
        return float(self.line.length)

    def outward(self, side: int) -> FloatArray:
        """The unit vector in which the line leaves through its first (0) or last (1) point."""
        reach_m = min(_AHEAD_M, self.length_m / 2)
        inside = self.line.interpolate(reach_m if side == 0 else self.length_m - reach_m)
        way = self.xy[0 if side == 0 else -1] - np.array([inside.x, inside.y])
        return np.asarray(way / max(float(np.hypot(*way)), 1e-9))

    def reversed(self) -> Stretch:
        """The other way round, left and right exchanged."""
        length = self.length_m
        turned = tuple(
            Breadth(length - b.to_m, length - b.from_m, b.right_m, b.left_m)
            for b in reversed(self.breadths)
        )
        return Stretch(self.xy[::-1], turned, self.order)

    def cut(self, from_m: float, to_m: float) -> Stretch:
        """The part between two distances along the reach."""
        line = substring(self.line, from_m, to_m)
        kept = tuple(
            Breadth(max(b.from_m, from_m) - from_m, min(b.to_m, to_m) - from_m, b.left_m, b.right_m)
            for b in self.breadths
            if min(b.to_m, to_m) - max(b.from_m, from_m) > 1e-9
        )
        return Stretch(shapely.get_coordinates(line), kept, self.order)

    def raised(self, from_m: float, to_m: float, left_m: float, right_m: float) -> Stretch:
        """At least so broad between two distances along the reach."""
        edges = sorted({from_m, to_m} | {e for b in self.breadths for e in (b.from_m, b.to_m)})
        found = []
        for start, end in pairwise(edges):
            middle = (start + end) / 2
            own = next((b for b in self.breadths if b.from_m <= middle <= b.to_m), None)
            if own is None or end - start < 1e-9:
                continue
            left, right = own.left_m, own.right_m
            if from_m <= middle <= to_m:
                left, right = float(np.fmax(left, left_m)), float(np.fmax(right, right_m))
            found.append(Breadth(start, end, left, right))
        return Stretch(self.xy, merged(found), self.order)

    def followed_by(self, other: Stretch, exact_m: float) -> Stretch:
        """This reach, a straight bridge where the other begins elsewhere, and the other.

        The bridge is as broad as the broader of its two ends.
        """
        last = self.xy[-1]
        rest = other.xy
        if np.hypot(*(rest[0] - last)) <= exact_m:
            away = np.hypot(*(rest - last).T) > exact_m
            away[-1] = True
            rest = rest[int(np.argmax(away)) :]
        joined = np.vstack([self.xy, rest])
        steps = np.hypot(*np.diff(joined, axis=0).T)
        end_m = float(steps.sum())
        bridged_m = float(np.hypot(*(other.xy[0] - last)))
        start_m = self.length_m + (bridged_m if bridged_m > exact_m else 0.0)
        parts = list(self.breadths)
        if start_m > self.length_m:
            before, after = self.breadths[-1], other.breadths[0]
            parts.append(
                Breadth(
                    self.length_m, start_m,
                    float(np.fmax(before.left_m, after.left_m)),
                    float(np.fmax(before.right_m, after.right_m)),
                )
            )  # fmt: skip
        scale = (end_m - start_m) / other.length_m
        parts += [
            Breadth(start_m + b.from_m * scale, start_m + b.to_m * scale, b.left_m, b.right_m)
            for b in other.breadths
        ]
        return Stretch(joined, merged(parts), self.order)


def merged(breadths: list[Breadth]) -> tuple[Breadth, ...]:
    """Neighbours of the same breadth as one, and each beginning where the last ended."""
    found: list[Breadth] = []
    for b in breadths:
        if found:
            a = found[-1]
            same = np.array_equal([a.left_m, a.right_m], [b.left_m, b.right_m], equal_nan=True)
            if same:
                found[-1] = Breadth(a.from_m, b.to_m, a.left_m, a.right_m)
                continue
            b = Breadth(a.to_m, b.to_m, b.left_m, b.right_m)
        found.append(b)
    return tuple(found)


def crossing(line: LineString) -> FloatArray | None:
    """Where a line crosses, touches or doubles back over itself (x, y); None where it is simple,
    or a mere ring."""
    xy = shapely.get_coordinates(line)
    steps = np.diff(xy, axis=0)
    long = np.hypot(steps[:, 0], steps[:, 1])
    back = (steps[1:] * steps[:-1]).sum(axis=1) < _BACK * long[1:] * long[:-1]
    back &= np.minimum(long[1:], long[:-1]) > 2 * SAME_M
    if back.any():
        return np.asarray(xy[int(np.argmax(back)) + 1])
    if line.is_simple:
        return None
    segments = np.asarray(shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1)))
    one, two = shapely.STRtree(segments).query(segments, predicate="intersects")
    for i, j in sorted(zip(one.tolist(), two.tolist(), strict=True)):
        if j <= i:
            continue
        shared = segments[i].intersection(segments[j])
        closes = i == 0 and j == len(segments) - 1 and np.array_equal(xy[0], xy[-1])
        if shared.length > 0 or (j > i + 1 and not closes):
            found: FloatArray = shapely.get_coordinates(shared)[0]
            return found
    return np.asarray(xy[0])


def without_duplicates(reaches: list[Stretch]) -> tuple[list[Stretch], float]:
    """The reaches without what lies within `SAME_M` of a longer one, in file order; and how many
    metres that was. Where a duplicate is broader, the reach that stays becomes so."""
    lines = np.array([reach.line for reach in reaches], dtype=object)
    near: dict[int, list[int]] = {}
    pairs = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=SAME_M)
    for i, j in pairs.T.tolist():
        if i != j:
            near.setdefault(i, []).append(j)
    kept: dict[int, list[Stretch]] = {}
    twice_m = 0.0
    for i in sorted(range(len(reaches)), key=lambda n: (-reaches[n].length_m, n)):
        others = [(j, k) for j in near.get(i, []) for k in range(len(kept.get(j, [])))]
        stays, goes = _split(reaches[i], [kept[j][k] for j, k in others])
        kept[i] = stays
        for duplicate in goes:
            twice_m += duplicate.length_m
            for j, k in others:
                kept[j][k] = _raised_by(kept[j][k], duplicate)
    return [reach for i in sorted(kept) for reach in kept[i]], twice_m


def _split(reach: Stretch, others: list[Stretch]) -> tuple[list[Stretch], list[Stretch]]:
    """What of the reach stays and what duplicates others."""
    if not others:
        return [reach], []
    cover = shapely.union_all([shapely.buffer(other.line, SAME_M) for other in others])
    tips = shapely.multipoints([xy for other in others for xy in (other.xy[0], other.xy[-1])])
    axes = shapely.union_all([other.line for other in others])
    length = reach.length_m
    stays: list[Stretch] = []
    goes: list[Stretch] = []
    at = 0.0
    for start, end in _covered(reach.line, cover):
        piece = reach.cut(start, end)
        first, last = start <= 0.0, end >= length
        if not (first and last):
            if not (first or last):
                drop = end - start > 10 * SAME_M  # shorter: they cross
            else:
                tip = shapely.points(reach.xy[0] if first else reach.xy[-1])
                meets = tip.distance(axes) <= _EXACT_M and end - start <= 3 * SAME_M
                overlaps = end - start > 10 * SAME_M or tips.distance(piece.line) <= SAME_M
                drop = overlaps and not meets
            if not drop:
                continue
        if start - at > 1e-6:
            stays.append(reach.cut(at, start))
        goes.append(piece)
        at = end
    if length - at > 1e-6:
        stays.append(reach if at == 0.0 else reach.cut(at, length))
    return stays, goes


def _covered(line: LineString, cover: shapely.Geometry) -> list[tuple[float, float]]:
    """The stretches of a simple line inside a polygon, as distances along it."""
    spans = []
    for part in shapely.get_parts(shapely.intersection(line, cover)).tolist():
        if part.length < 1e-6:
            continue
        middle = line.project(part.interpolate(0.5, normalized=True))
        spans.append((middle - part.length / 2, middle + part.length / 2))
    found: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        start = 0.0 if start < 1e-5 else start
        end = line.length if end > line.length - 1e-5 else end
        if found and start - found[-1][1] < 1e-5:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _raised_by(reach: Stretch, duplicate: Stretch) -> Stretch:
    for b in duplicate.breadths:
        if np.isnan(b.left_m):
            continue
        at_m = np.linspace(b.from_m, b.to_m, 33)
        points = shapely.line_interpolate_point(duplicate.line, at_m)
        own = shapely.distance(points, reach.line) <= 1.5 * SAME_M
        if not own.any():
            continue
        places = shapely.line_locate_point(reach.line, points[own])
        ahead = places[-1] >= places[0]
        left, right = (b.left_m, b.right_m) if ahead else (b.right_m, b.left_m)
        # a step further to either side, as the ends lie between the places looked at
        step = (b.to_m - b.from_m) / 32
        reach = reach.raised(
            max(0.0, float(places.min()) - step),
            min(reach.length_m, float(places.max()) + step),
            left,
            right,
        )
    return reach
