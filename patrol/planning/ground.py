"""The ground that a plan is made over: a terrain model in the area's metres, or a plane."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.coordinates import LocalProjection
from geo.terrain import Terrain

__all__ = ["Ground"]

FloatArray = NDArray[np.float64]

_FLAT_STEP_M = 15.0
_LEAST_STEP_M, _MOST_STEP_M = 2.0, 10.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Heights above sea level at places in `projection`; a plane at 0 m where `terrain` is None."""

    terrain: Terrain | None
    projection: LocalProjection

    @property
    def flat(self) -> bool:
        return self.terrain is None

    @property
    def step_m(self) -> float:
        """How densely to look along a track and across it: a third of a cell, 2 to 10 m. The
        ground bends only at the lines through the cells' centres."""
        if self.terrain is None:
            return _FLAT_STEP_M
        return min(_MOST_STEP_M, max(_LEAST_STEP_M, self.terrain.cell_m / 3))

    def heights_m(self, points_m: ArrayLike) -> FloatArray:
        """Metres above sea level at (N, 2) east, north: (N,), NaN where it is not known."""
        points = np.asarray(points_m, dtype=float).reshape(-1, 2)
        if self.terrain is None:
            return np.zeros(len(points))
        return self.terrain.heights(self.projection.inverse(points))

    def lowest_highest_m(
        self, points_m: ArrayLike, headings_rad: ArrayLike, half_across_m: float
    ) -> tuple[FloatArray, FloatArray]:
        """The lowest and highest ground across a track, ((N,), (N,)) metres above sea level.

        At each of (N, 2) points the ground is sampled up to `half_across_m` to either side of
        `headings_rad` (N,), counter-clockwise from east. NaN where any of it is not known.
        """
        points = np.asarray(points_m, dtype=float).reshape(-1, 2)
        if self.terrain is None or half_across_m <= 0:
            heights = self.heights_m(points)
            return heights, heights.copy()
        headings = np.asarray(headings_rad, dtype=float)
        steps = math.ceil(half_across_m / self.step_m)
        offsets = np.linspace(-half_across_m, half_across_m, 2 * steps + 1)
        sideways = np.column_stack([-np.sin(headings), np.cos(headings)])
        places = points[:, None, :] + sideways[:, None, :] * offsets[:, None]
        heights = self.heights_m(places.reshape(-1, 2)).reshape(len(points), len(offsets))
        return heights.min(axis=1), heights.max(axis=1)
