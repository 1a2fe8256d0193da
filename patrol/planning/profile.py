"""Height profiles over terrain: how high to fly along a line given in plan.

The ground is sampled along the line and across it; what a height must keep at each sample makes a
tunnel (`patrol.planning.tunnels`) that a line of few bends goes through.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from patrol.planning.ground import Ground
from patrol.planning.tunnels import TINY_M, Tunnel

__all__ = ["Profile", "follow", "legs_agl_m"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_SAME_PLACE_M = 1e-6
_SWEEP_RAD = 0.5  # a turn is sampled across in steps of half of this from its legs


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A line in plan with heights.

    `points_m` (M, 2): the given points and what was added between them. `msl_m` (M,): metres
    above sea level, straight in between. `original` (N,): where in `points_m` each given point
    is. `too_high` and `too_low`: parts (from, to) in metres along the line, a sample's step
    generous, where the height is above `target` (coarser than asked) or more than twice the
    tolerance below it (narrower than asked), because it cannot be otherwise.
    """

    points_m: FloatArray
    msl_m: FloatArray
    original: IntArray
    too_high: list[tuple[float, float]]
    too_low: list[tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class _Track:
    """A line sampled at its points and at most `Ground.step_m` apart; arrays (K,), K samples.

    `vertex` (N,): the sample at each given point; points at one place share one. `lowest_m` and
    `highest_m` are across the track, at a point across all directions of the turn there.
    """

    points_m: FloatArray
    distance_m: FloatArray
    vertex: IntArray
    under_m: FloatArray
    lowest_m: FloatArray
    highest_m: FloatArray


def follow(
    points_m: ArrayLike,
    ground: Ground,
    *,
    target_agl_m: float,
    tolerance_m: float,
    least_agl_m: float,
    ceiling_agl_m: float,
    half_across_m: float,
    climb_slope: float,
    descent_slope: float,
    first_msl_m: float | None = None,
    last_msl_m: float | None = None,
    symmetric: bool = True,
) -> Profile | None:
    """Heights along (N, 2) east, north points, N >= 1, with few points added.

    All along the line the height is `least_agl_m` or more above the highest ground within
    `half_across_m` of the track, at most `ceiling_agl_m` above the ground under it, and climbs
    and descends no steeper than the slopes (metres up per metre along; `symmetric`: in either
    direction of flight). Within that it stays at most `target_agl_m` above the lowest ground
    across, and not more than twice `tolerance_m` below that height; where only one of the two can
    be kept, the first is. `first_msl_m` and `last_msl_m` fix the ends.

    None where clearance, ceiling, slopes and fixed ends cannot all hold, or the ground is not
    known everywhere.
    """
    points = np.asarray(points_m, dtype=float).reshape(-1, 2)
    if symmetric:
        climb_slope = descent_slope = min(climb_slope, descent_slope)
    if ground.flat and first_msl_m is None and last_msl_m is None:
        if not least_agl_m <= target_agl_m <= ceiling_agl_m:
            return None
        level = np.full(len(points), float(target_agl_m))
        return Profile(points.copy(), level, np.arange(len(points)), [], [])
    track = _sampled(points, ground, half_across_m)
    if not (np.isfinite(track.lowest_m).all() and np.isfinite(track.highest_m).all()):
        return None
    at = track.distance_m
    lowest = -_with_peaks(-track.lowest_m, at)
    floor = _with_peaks(track.highest_m, at) + least_agl_m
    top = -_with_peaks(-track.under_m, at) + ceiling_agl_m
    if len(at) == 1 and None not in (first_msl_m, last_msl_m) and first_msl_m != last_msl_m:
        return None
    for end, fixed_m in ((0, first_msl_m), (-1, last_msl_m)):
        if fixed_m is None:
            continue
        lowest_m = track.highest_m[end] + least_agl_m - TINY_M
        highest_m = track.under_m[end] + ceiling_agl_m + TINY_M
        if not lowest_m <= fixed_m <= highest_m:
            return None
        floor[end] = top[end] = fixed_m
    band = lowest + target_agl_m
    slopes = climb_slope, descent_slope
    tunnel = Tunnel.between(at, floor, top, band, tolerance_m, slopes)
    if tunnel is None:
        return None
    bends, heights = tunnel.few_bends(np.unique(track.vertex))
    flown = np.interp(at, at[bends], heights)
    kept = np.union1d(track.vertex, bends)
    original = np.searchsorted(kept, track.vertex)
    result, msl, original = _with_repeats(points, track.points_m[kept], flown[kept], original)
    return Profile(
        result,
        msl,
        original,
        _parts(at, flown > band + TINY_M),
        _parts(at, flown < band - 2 * tolerance_m - TINY_M),
    )


def legs_agl_m(
    points_m: ArrayLike, msl_m: ArrayLike, ground: Ground, half_across_m: float = 0.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Heights above ground along (N, 2) points flown at (N,) metres above sea level.

    Returns distances along the line, (K,) metres at most `ground.step_m` apart and all points
    among them, and at each the height above the highest and above the lowest ground within
    `half_across_m` of the track, (K,) each; NaN where the ground is not known. Where points at
    one place have several heights (a climb on the spot), the least counts for the former and the
    most for the latter.
    """
    points = np.asarray(points_m, dtype=float).reshape(-1, 2)
    heights = np.asarray(msl_m, dtype=float)
    track = _sampled(points, ground, half_across_m)
    places = np.unique(track.vertex)
    first = np.searchsorted(track.vertex, places)
    last = np.searchsorted(track.vertex, places, side="right") - 1
    at = track.distance_m
    # At a place with several heights the leg before arrives at the first, the next leaves from
    # the last.
    leg = np.clip(np.searchsorted(places, np.arange(len(at)), side="right") - 1, 0, len(places) - 1)
    after = np.minimum(leg + 1, len(places) - 1)
    length = at[places[after]] - at[places[leg]]
    share = np.divide(at - at[places[leg]], length, out=np.zeros(len(at)), where=length > 0)
    flown = heights[last[leg]] * (1 - share) + heights[first[after]] * share
    least, most = flown.copy(), flown.copy()
    np.minimum.at(least, track.vertex, heights)
    np.maximum.at(most, track.vertex, heights)
    return at, least - track.highest_m, most - track.lowest_m


def _sampled(points: FloatArray, ground: Ground, half_across_m: float) -> _Track:
    legs = np.diff(points, axis=0)
    lengths = np.hypot(legs[:, 0], legs[:, 1])
    moved = lengths > _SAME_PLACE_M
    legs, lengths, starts = legs[moved], lengths[moved], points[:-1][moved]
    counts = np.ceil(lengths / ground.step_m - 1e-9).astype(np.intp).clip(1)
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    vertex = ends[np.concatenate([[0], np.cumsum(moved)]).astype(np.intp)]
    if not len(legs):
        lowest, highest = ground.lowest_highest_m(points[:1], np.zeros(1), half_across_m)
        under = ground.heights_m(points[:1])
        return _Track(points[:1].copy(), np.zeros(1), vertex, under, lowest, highest)
    # Every leg with both its ends: what is across a point counts for both legs.
    leg = np.repeat(np.arange(len(legs)), counts + 1)
    step = np.arange(len(leg)) - (ends[:-1] + np.arange(len(legs)))[leg]
    share = (step / counts[leg])[:, None]
    places = starts[leg] * (1 - share) + (starts + legs)[leg] * share
    slot = ends[leg] + step
    course = np.arctan2(legs[:, 1], legs[:, 0])
    # A turn sweeps the directions between its legs' as well.
    turn = (np.diff(course) + np.pi) % (2 * np.pi) - np.pi
    swept = np.ceil(np.abs(turn) / _SWEEP_RAD).astype(np.intp)
    at_turn = np.repeat(np.arange(len(turn)), swept)
    part = np.arange(len(at_turn)) - np.repeat(np.cumsum(swept) - swept, swept)
    between = course[at_turn] + turn[at_turn] * (part + 0.5) / swept[at_turn]
    low, high = ground.lowest_highest_m(
        np.concatenate([places, starts[1:][at_turn]]),
        np.concatenate([course[leg], between]),
        half_across_m,
    )
    slots = np.concatenate([slot, ends[1:-1][at_turn]])
    size = int(ends[-1]) + 1
    lowest, highest = np.full(size, np.inf), np.full(size, -np.inf)
    with np.errstate(invalid="ignore"):  # NaN is meant to win
        np.minimum.at(lowest, slots, low)
        np.maximum.at(highest, slots, high)
    at, on = np.zeros(size), np.zeros((size, 2))
    begun = np.concatenate([[0.0], np.cumsum(lengths)])
    at[slot] = begun[leg] + lengths[leg] * share[:, 0]
    at[ends] = begun
    on[slot] = places
    under = lowest if half_across_m <= 0 else ground.heights_m(on)
    return _Track(on, at, vertex, under, lowest, highest)


def _with_peaks(heights_m: FloatArray, at_m: FloatArray) -> FloatArray:
    """Heights raised at samples beside a peak that may stand between two of them.

    The ground bends between samples; continued straight from either side, the two slopes meet
    above the chord by no more than this, which both samples of the pair get.
    """
    if len(heights_m) < 4:
        return heights_m.copy()
    step = np.diff(at_m)
    slope = np.diff(heights_m) / step
    rising = np.maximum(slope[:-2] - slope[1:-1], 0.0)  # against the chord, from its left
    falling = np.maximum(slope[1:-1] - slope[2:], 0.0)
    total = rising + falling
    above = np.divide(rising * falling, total, out=np.zeros(len(total)), where=total > 0)
    above *= step[1:-1]
    raised = heights_m.copy()
    raised[1:-2] += above
    raised[2:-1] = np.maximum(raised[2:-1], heights_m[2:-1] + above)
    return raised


def _with_repeats(
    points: FloatArray, kept: FloatArray, msl: FloatArray, original: IntArray
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Given points at one place again as many as they were, each exactly as given."""
    copies = np.ones(len(kept), dtype=np.intp)
    np.add.at(copies, original, 1)
    copies = np.maximum(copies - 1, 1)
    first = np.concatenate([[0], np.cumsum(copies)[:-1]])
    again = np.arange(len(original)) - np.searchsorted(original, original)
    where = (first[original] + again).astype(np.intp)
    result = np.repeat(kept, copies, axis=0)
    result[where] = points
    return result, np.repeat(msl, copies), where


def _parts(at: FloatArray, wrong: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Runs of samples, each reaching to the next samples that are right."""
    edges = np.diff(np.concatenate([[0], wrong.astype(np.int8), [0]]))
    begins = np.maximum(np.nonzero(edges == 1)[0] - 1, 0)
    ends = np.minimum(np.nonzero(edges == -1)[0], len(at) - 1)
    return [(float(at[a]), float(at[b])) for a, b in zip(begins, ends, strict=True)]
