"""How much later operations end where sorties wait for one another's airspace.

Two sorties of different crews meet where their ways, launch columns included, come near. In
flight the second waits on the ground until no such place is flown through by both within a margin
(`patrol.flight.airspace` decides then by the same `windows`; here they are foreseen, with the
planned times).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from patrol.plan import Flight
from patrol.planning.energy import CLIMB_M_S, DESCENT_M_S
from patrol.planning.settings import PlanSettings
from patrol.planning.sorties.drafts import Draft

__all__ = ["APART_M", "APART_UP_M", "STEP_M", "Airways", "Windows", "windows"]

FloatArray = NDArray[np.float64]
Windows = list[tuple[float, float]]

APART_M = 30.0
APART_UP_M = 10.0
STEP_M = 8.0  # between the points of ways, which may miss as much
_ROUNDING_S = 1e-3
_MARGIN_S = 40.0
_MARGIN_SHARE = 0.06  # of the times that both have been flying


class Airways:
    """The ways of sorties and where two of them meet, worked out once."""

    def __init__(self, sites_m: FloatArray, settings: PlanSettings) -> None:
        self._sites_m, self._settings = sites_m, settings
        self._ways: dict[int, tuple[Draft, FloatArray]] = {}  # by the draft's id, which lives on
        self._windows: dict[tuple[int, int], Windows] = {}

    def last_landing_s(self, flights: Sequence[Flight], made: Sequence[Draft]) -> float:
        """When the last of these flights lands where one waits for another's airspace; sortie n
        is `made[n - 1]`. The first to start goes first."""
        late_s: dict[int, float] = {}
        flown: list[tuple[Flight, float]] = []
        for flight in flights:
            begin = flight.start_s + late_s.get(flight.crew, 0.0)
            again = True
            while again:
                again = False
                for other, other_s in flown:
                    if other.crew == flight.crew or begin >= other_s + other.end_s - other.start_s:
                        continue
                    for low, high in self._forbidden(
                        made[other.sortie - 1], made[flight.sortie - 1]
                    ):
                        if low < begin - other_s < high:
                            # A little more, or rounding holds it there for ever.
                            begin, again = other_s + high + _ROUNDING_S, True
            late_s[flight.crew] = begin - flight.start_s
            flown.append((flight, begin))
        return max((begin + f.end_s - f.start_s for f, begin in flown), default=0.0)

    def _way(self, made: Draft) -> FloatArray:
        if id(made) not in self._ways:
            self._ways[id(made)] = made, _way_of(made, self._sites_m, self._settings)
        return self._ways[id(made)][1]

    def _forbidden(self, first: Draft, second: Draft) -> Windows:
        """Starts of the second less that of the first at which they would meet."""
        key = id(first), id(second)
        if key not in self._windows:
            self._windows[key] = windows(self._way(first), self._way(second))
        return self._windows[key]


def _way_of(made: Draft, sites_m: FloatArray, settings: PlanSettings) -> FloatArray:
    """(N, 4) points of a sortie's way: metres, height above one datum, and the seconds after its
    start at which it is there."""
    home = sites_m[made.site]
    points = np.vstack([home[None], *(p.points_m for p in made.parts), home[None]])
    heights = np.concatenate([p.heights_m for p in made.parts])
    heights = np.r_[heights[:1], heights, heights[-1:]]
    seconds, _ = settings.energy.legs(np.diff(points, axis=0), np.diff(heights))
    up_s, down_s = heights[0] / CLIMB_M_S, heights[-1] / DESCENT_M_S
    # Turns and slower lanes make it later than that all along.
    late = max(1.0, (made.cost.duration_s - up_s - down_s) / max(float(seconds.sum()), 1e-9))
    at_s = up_s + np.r_[0.0, np.cumsum(seconds * late)]
    knots = np.column_stack([points, heights, at_s])
    ground = np.zeros((1, 4))
    ground[0, :2] = home
    last = ground.copy()
    last[0, 3] = at_s[-1] + down_s
    knots = np.vstack([ground, knots, last])
    lengths = np.linalg.norm(np.diff(knots[:, :3], axis=0), axis=1)
    along = np.r_[0.0, np.cumsum(np.maximum(lengths, 1e-9))]
    where = np.linspace(0.0, along[-1], max(2, int(along[-1] / STEP_M) + 1))
    way = np.column_stack([np.interp(where, along, knots[:, k]) for k in range(4)])
    way[:, 2] += made.ground_m
    return way


def windows(a: FloatArray, b: FloatArray) -> Windows:
    """Starts of the second way less that of the first at which they would meet. Places flown
    through twice, out and home, forbid two short spells, not all between them."""
    pairs = cKDTree(a[:, :2]).sparse_distance_matrix(
        cKDTree(b[:, :2]), APART_M + STEP_M, output_type="coo_matrix"
    )
    one, other = a[pairs.row], b[pairs.col]
    level = np.abs(one[:, 2] - other[:, 2]) < APART_UP_M
    one_s, other_s = one[level, 3], other[level, 3]
    margin = _MARGIN_S + _MARGIN_SHARE * (one_s + other_s)
    low, high = one_s - other_s - margin, one_s - other_s + margin
    if not len(low):
        return []
    order = np.argsort(low, kind="stable")
    low, high = low[order], np.maximum.accumulate(high[order])
    first = np.r_[True, low[1:] > high[:-1]]
    last = np.r_[first[1:], True]
    return list(zip(low[first].tolist(), high[last].tolist(), strict=True))
