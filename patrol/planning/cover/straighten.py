"""A shorter, straighter line that stays near a given one.

A string pulled tight through discs: one disc round each place of the given line, as wide as the
picture leaves room for. The shortest line through discs in a given order is a convex problem (the
"touring" of discs: M. Dror, A. Efrat, A. Lubiw, J. Mitchell, STOC 2003); it is relaxed by moving
every point towards the middle of its neighbours and back into its disc, coarse to fine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["straightened"]

FloatArray = NDArray[np.float64]

_LEVELS = (8, 4, 2, 1)
_ROUNDS = 60
_STILL_M = 0.02


def straightened(places_m: FloatArray, room_m: FloatArray) -> FloatArray:
    """(N, 2) points of a short line whose i-th point is within `room_m[i]` of `places_m[i]`.

    The ends move sideways with their neighbours as well, but not along the line, so that it keeps
    its length beyond the ends.
    """
    count = len(places_m)
    points = places_m.copy()
    if count < 3 or not np.any(room_m > 0):
        return points
    for step in _LEVELS:
        at = np.unique(np.r_[np.arange(0, count, step), count - 1])
        if len(at) < 3:
            continue
        moved = _relaxed(points[at], places_m[at], room_m[at])
        if step > 1:
            index = np.arange(count)
            points = np.column_stack([np.interp(index, at, moved[:, k]) for k in (0, 1)])
            points = _into_discs(points, places_m, room_m)
        else:
            points = moved
    return points


def _relaxed(points: FloatArray, places: FloatArray, room: FloatArray) -> FloatArray:
    points = points.copy()
    first, last = _across(places[0], places[1]), _across(places[-1], places[-2])
    for _ in range(_ROUNDS):
        before = points.copy()
        for start in (1, 2):  # every other point, then those between
            inner = slice(start, -1, 2)
            count = len(points[inner])
            if count:
                middle = (points[start - 1 : -2 : 2][:count] + points[start + 1 :: 2][:count]) / 2
                points[inner] = _into_discs(middle, places[inner], room[inner])
        for end, inward, across in ((0, 1, first), (-1, -2, last)):
            away = float((points[inward] - places[end]) @ across)
            away = max(-float(room[end]), min(float(room[end]), away))
            points[end] = places[end] + across * away
        if np.abs(points - before).max() < _STILL_M:
            break
    return points


def _across(place: FloatArray, following: FloatArray) -> FloatArray:
    ahead = following - place
    return np.array([-ahead[1], ahead[0]]) / max(float(np.hypot(*ahead)), 1e-9)


def _into_discs(points: FloatArray, places: FloatArray, room: FloatArray) -> FloatArray:
    away = points - places
    far = np.hypot(away[:, 0], away[:, 1])
    scale = np.minimum(1.0, room / np.maximum(far, 1e-9))
    return np.asarray(places + away * scale[:, None])
