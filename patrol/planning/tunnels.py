"""A line of few bends through a tunnel of heights.

Every bound of a height along the way is a lowest or a highest at a sample of the distance. With a
slope limit each bound becomes an envelope, the least function above it (or greatest below it)
that no slope exceeds: dilation and erosion by a cone (Serra, Image Analysis and Mathematical
Morphology, 1982), in two running extrema. A way exists exactly where the envelopes do not cross.
The line of few bends is a minimum-link path (Suri 1986; for functions in a tunnel Imai and Iri,
An optimal algorithm for approximating a piecewise linear function, 1986), found breadth first
over how many bends are added, where those at given samples are free. Its heights are a few levels
of each sample's range, so the number is near the least, not proven to be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["TINY_M", "Tunnel"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Slopes = tuple[float, float]  # climb, descent, both positive

TINY_M = 1e-6

_LEVELS = np.array([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])  # shares of a sample's range
_MOST_STARTS = 12  # bends tried on a leg at a time
_WINDOW = 48  # samples looked ahead at a time
_SLACK = 1e-9  # of a slope: rounding


@dataclass(frozen=True, slots=True, eq=False)
class Tunnel:
    """Lowest and highest heights `low_m`, `high_m` (K,) at distances `at_m` (K,), increasing.

    `slopes` are the most climb and descent, metres a metre. Both bounds keep them, and so does
    any mean of the two: there always is a way through.
    """

    at_m: FloatArray
    low_m: FloatArray
    high_m: FloatArray
    slopes: Slopes

    @classmethod
    def between(
        cls,
        at_m: FloatArray,
        floor_m: FloatArray,
        top_m: FloatArray,
        band_m: FloatArray,
        tolerance_m: float,
        slopes: Slopes,
    ) -> Tunnel | None:
        """From bounds (K,) that may be as ragged as they are; None where there is no way through.

        `floor_m` and `top_m` always hold, and fix the height where they are equal. `band_m` is the
        most that is wanted. Where even the lowest way is above it, a tolerance of room above that
        way saves bends. Not more than two tolerances below it are wanted; where that is above the
        highest way, one tolerance of room below that.
        """
        inner = slopes[0] * (1 - _SLACK), slopes[1] * (1 - _SLACK)
        least = _least_above(at_m, floor_m, inner)
        if np.any(least > top_m + TINY_M):
            return None
        fixed = floor_m == top_m
        most = np.where(least > band_m, least + tolerance_m, band_m)
        most = np.where(fixed, top_m, np.minimum(most, top_m))
        high = np.maximum(_greatest_below(at_m, most, inner), least)
        wanted = np.maximum(floor_m, band_m - 2 * tolerance_m)
        wanted = np.where(wanted > high, np.maximum(least, high - tolerance_m), wanted)
        low = _least_above(at_m, np.where(fixed, floor_m, wanted), inner)
        return cls(at_m, np.minimum(low, high), high, slopes)

    def few_bends(self, free: IntArray) -> tuple[IntArray, FloatArray]:
        """Samples where a line through bends, first and last included, and its heights there.

        `free` are samples, first and last among them, in order, where bends cost nothing.
        """
        ends = np.array([0, len(self.at_m) - 1], dtype=np.intp)
        lowest, highest = float(self.low_m.max()), float(self.high_m.min())
        if lowest <= highest:
            return ends, np.full(2, (lowest + highest) / 2)
        for share in (0.5, 0.0, 1.0):
            heights = (self.low_m + share * (self.high_m - self.low_m))[ends]
            if self.holds(ends, heights):
                return ends, heights
        bends, heights = _Search(self, free).run()
        index = 1
        while index < len(bends) - 1:  # without those that it can do without
            pair = [index - 1, index + 1]
            if self.holds(bends[pair], heights[pair]):
                bends, heights = np.delete(bends, index), np.delete(heights, index)
                index = max(1, index - 1)
            else:
                index += 1
        return bends, heights

    def holds(self, bends: IntArray, heights_m: FloatArray) -> bool:
        """Whether the line through these samples at these heights is inside and not too steep."""
        between = slice(bends[0], bends[-1] + 1)
        flown = np.interp(self.at_m[between], self.at_m[bends], heights_m)
        steep = np.diff(heights_m) / np.diff(self.at_m[bends])
        return bool(
            np.all(flown >= self.low_m[between] - TINY_M / 2)
            and np.all(flown <= self.high_m[between] + TINY_M / 2)
            and np.all(steep <= self.slopes[0] + _SLACK)
            and np.all(steep >= -self.slopes[1] - _SLACK)
        )


def _least_above(at: FloatArray, low: FloatArray, slopes: Slopes) -> FloatArray:
    """The least function at or above `low` that climbs and descends no steeper."""
    climb, descent = slopes
    before = np.maximum.accumulate((low - climb * at)[::-1])[::-1] + climb * at
    after = np.maximum.accumulate(low + descent * at) - descent * at
    return np.maximum(np.maximum(before, after), low)


def _greatest_below(at: FloatArray, high: FloatArray, slopes: Slopes) -> FloatArray:
    return -_least_above(at, -high, (slopes[1], slopes[0]))


class _Search:
    """The breadth-first search of `Tunnel.few_bends`.

    A state is a sample and a level. From a state a fan of slopes passes every sample's range up
    to some distance; the states in it are reached for one added bend, or none at given samples.
    """

    def __init__(self, tunnel: Tunnel, given: IntArray) -> None:
        self.at, self.low, self.high = tunnel.at_m, tunnel.low_m, tunnel.high_m
        self.slopes, self.given = tunnel.slopes, given
        self.height = self.low[:, None] + (self.high - self.low)[:, None] * _LEVELS
        size = self.height.shape
        self.free = np.zeros(len(self.at), dtype=bool)
        self.free[given] = True
        self.added = np.full(size, np.iinfo(np.intp).max, dtype=np.intp)
        self.effort = np.full(size, np.inf)  # metres up and down so far: the second goal
        self.parent = np.full(size, -1, dtype=np.intp)

    def run(self) -> tuple[IntArray, FloatArray]:
        self.added[0], self.effort[0] = 0, 0.0
        last = len(self.at) - 1
        for count in range(len(self.at)):
            inner = np.nonzero((self.added == count).any(axis=1) & ~self.free)[0]
            if len(inner):
                # Only the leg where the last round ended; thinned, its far end kept.
                begun = self.given[np.searchsorted(self.given, inner[-1]) - 1]
                inner = inner[inner > begun]
                if len(inner) > _MOST_STARTS:
                    inner = inner[np.linspace(0, len(inner) - 1, _MOST_STARTS).astype(np.intp)]
                self._spread(inner, count)
            for start in self.given[:-1]:
                if (self.added[start] == count).any():
                    self._spread(np.array([start]), count)
            if (self.added[last] == count).any():
                return self._traced(last, count)
        return np.arange(len(self.at)), self.low  # the lower bound itself is a way

    def _spread(self, starts: IntArray, count: int) -> None:
        """Reach on from the states of these samples that took `count` added points."""
        from_sample, from_level = np.nonzero(self.added[starts] == count)
        sample = starts[from_sample]
        here, height = self.at[sample], self.height[sample, from_level]
        effort = self.effort[sample, from_level]
        state = sample * len(_LEVELS) + from_level
        lowest = np.full(len(sample), -self.slopes[1] - _SLACK)
        highest = np.full(len(sample), self.slopes[0] + _SLACK)
        begin = int(sample.min()) + 1
        while begin < len(self.at) and len(sample):
            ahead = slice(begin, min(begin + _WINDOW, len(self.at)))
            run = self.at[ahead] - here[:, None]
            later = run > 0
            run = np.where(later, run, 1.0)
            down = np.where(later, (self.low[ahead] - height[:, None]) / run, -np.inf)
            up = np.where(later, (self.high[ahead] - height[:, None]) / run, np.inf)
            down = np.maximum(np.maximum.accumulate(down, axis=1), lowest[:, None])
            up = np.minimum(np.minimum.accumulate(up, axis=1), highest[:, None])
            slope = (self.height[ahead] - height[:, None, None]) / run[:, :, None]
            seen = (slope >= down[:, :, None] - 1e-12) & (slope <= up[:, :, None] + 1e-12)
            seen &= later[:, :, None]
            self._reach(ahead, seen, np.abs(slope) * run[:, :, None], effort, state, count)
            lowest, highest = down[:, -1], up[:, -1]
            alive = lowest <= highest + 1e-12
            sample, here, height = sample[alive], here[alive], height[alive]
            effort, state = effort[alive], state[alive]
            lowest, highest = lowest[alive], highest[alive]
            begin = ahead.stop

    def _reach(
        self,
        ahead: slice,
        seen: NDArray[np.bool_],
        climbed: FloatArray,
        effort: FloatArray,
        state: IntArray,
        count: int,
    ) -> None:
        """Note what these states see: first the fewest added points, then the least effort."""
        total = np.where(seen, climbed + effort[:, None, None], np.inf)
        best = total.argmin(axis=0)
        least = np.take_along_axis(total, best[None], axis=0)[0]
        added = np.where(self.free[ahead], count, count + 1)[:, None]
        known, work = self.added[ahead], self.effort[ahead]
        better = np.isfinite(least) & ((added < known) | ((added == known) & (least < work - 1e-9)))
        known[better] = np.broadcast_to(added, known.shape)[better]
        work[better] = least[better]
        self.parent[ahead][better] = state[best[better]]

    def _traced(self, last: int, count: int) -> tuple[IntArray, FloatArray]:
        sample = last
        level = int(np.where(self.added[last] == count, self.effort[last], np.inf).argmin())
        bends, heights = [sample], [float(self.height[sample, level])]
        while sample > 0:
            sample, level = divmod(int(self.parent[sample, level]), len(_LEVELS))
            bends.append(sample)
            heights.append(float(self.height[sample, level]))
        return np.array(bends[::-1], dtype=np.intp), np.array(heights[::-1])
