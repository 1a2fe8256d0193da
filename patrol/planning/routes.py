"""The way from one place to another round the no-fly zones: the shortest, by visibility graph.

The corners of the zones, widened by a clearance, are the graph's vertices; two see each other
where the straight line between them stays out of the widened zones (N. Nilsson 1969; M. de Berg
et al., Computational Geometry, ch. 15). Shortest paths by Dijkstra.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

__all__ = ["Router"]

FloatArray = NDArray[np.float64]

_CORNER_M = 1.0  # corners stand this far outside what is forbidden


class Router:
    """Ways between points (metres) that keep `clearance_m` from every zone."""

    def __init__(self, zones_m: Sequence[BaseGeometry], clearance_m: float) -> None:
        self.forbidden = shapely.union_all(
            [shapely.buffer(zone, clearance_m, quad_segs=4) for zone in zones_m]
        )
        shapely.prepare(self.forbidden)
        # Lanes are cut here: their ends must not lie on the very edge, where no way begins.
        self.keep_out = shapely.buffer(self.forbidden, _CORNER_M / 2, quad_segs=4)
        rings: list[FloatArray] = []
        for part in shapely.get_parts(shapely.buffer(self.forbidden, _CORNER_M, quad_segs=4)):
            if part.is_empty:
                continue
            outline = shapely.simplify(part.exterior, _CORNER_M / 4)
            rings.append(shapely.get_coordinates(outline)[:-1])
        corners = np.vstack(rings) if rings else np.empty((0, 2))
        self._corners = corners[~shapely.intersects_xy(self.forbidden, *corners.T)]
        self._between = self._lengths(self._corners, self._corners)

    def clear(self, starts_m: FloatArray, ends_m: FloatArray) -> NDArray[np.bool_]:
        """Whether the straight line between each pair, (N, 2) and (N, 2), is free: (N,)."""
        if self.forbidden.is_empty:
            return np.ones(len(starts_m), dtype=bool)
        lines = shapely.linestrings(np.stack([starts_m, ends_m], axis=1))
        return ~np.asarray(shapely.intersects(self.forbidden, lines))

    def _lengths(self, starts_m: FloatArray, ends_m: FloatArray) -> FloatArray:
        """(N, M) straight distances, infinite where the line is not free."""
        lengths = np.hypot(
            starts_m[:, None, 0] - ends_m[None, :, 0], starts_m[:, None, 1] - ends_m[None, :, 1]
        )
        if lengths.size:
            a, b = np.indices(lengths.shape).reshape(2, -1)
            blocked = ~self.clear(starts_m[a], ends_m[b])
            lengths[blocked.reshape(lengths.shape)] = np.inf
        return np.asarray(lengths)

    def distances_m(self, points_m: FloatArray) -> FloatArray:
        """(N, N) lengths of the shortest ways between (N, 2) points; infinite where none."""
        straight = self._lengths(points_m, points_m)
        if np.isfinite(straight).all() or not len(self._corners):
            return straight
        to_corners = self._lengths(points_m, self._corners)
        round_corners = self._corner_distances()
        via = np.min(to_corners[:, :, None] + round_corners[None, :, :], axis=1)
        for index in range(len(points_m)):
            detour = np.min(via[index][None, :] + to_corners, axis=1)
            straight[index] = np.minimum(straight[index], detour)
        return np.minimum(straight, straight.T)

    def way(self, start_m: FloatArray, end_m: FloatArray) -> FloatArray | None:
        """(K, 2) corners to pass between start and end: empty where the straight line is free,
        None where there is no way."""
        ends = np.vstack([start_m, end_m])
        if self.clear(ends[:1], ends[1:])[0]:
            return np.empty((0, 2))
        count = len(self._corners)
        if not count:
            return None
        from_start, from_end = self._lengths(ends, self._corners)
        best = np.where(np.isfinite(from_start), from_start, np.inf)
        came = np.full(count, -1)
        queue = [(float(best[i]), i) for i in range(count) if np.isfinite(best[i])]
        heapq.heapify(queue)
        done = np.zeros(count, dtype=bool)
        while queue:
            _, here = heapq.heappop(queue)
            if done[here]:
                continue
            done[here] = True
            further = best[here] + self._between[here]
            for there in np.flatnonzero(further < best - 1e-9):
                best[there], came[there] = further[there], here
                heapq.heappush(queue, (float(further[there]), int(there)))
        total = best + from_end
        last = int(np.argmin(total))
        if not np.isfinite(total[last]):
            return None
        path = [last]
        while came[path[-1]] >= 0:
            path.append(int(came[path[-1]]))
        return np.asarray(self._corners[path[::-1]])

    def _corner_distances(self) -> FloatArray:
        """(C, C) shortest ways between the corners (Floyd and Warshall)."""
        shortest = self._between.copy()
        for middle in range(len(shortest)):
            np.minimum(
                shortest, shortest[:, middle, None] + shortest[None, middle, :], out=shortest
            )
        return shortest
