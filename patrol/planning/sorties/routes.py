"""The way from one place to another round the no-fly zones: the shortest, by visibility graph.

The corners of the zones, widened by a clearance, are the graph's vertices; two see each other
where the straight line between them stays out of the widened zones (N. Nilsson 1969; M. de Berg
et al., Computational Geometry, ch. 15). Shortest paths by Dijkstra.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from patrol.planning.energy import EnergyModel

__all__ = ["Router"]

FloatArray = NDArray[np.float64]

_CORNER_M = 1.0  # corners stand this far outside what is forbidden
_ROOM_M = 1500.0  # ways do not lead further round than this


class Router:
    """Ways between points (metres) that keep `clearance_m` from every zone."""

    def __init__(self, zones_m: Sequence[BaseGeometry], clearance_m: float) -> None:
        self._zones, self._clearance_m = list(zones_m), clearance_m
        self.forbidden = shapely.union_all(
            [shapely.buffer(zone, clearance_m, quad_segs=4) for zone in zones_m]
        )
        shapely.prepare(self.forbidden)
        # Lanes are cut here: their ends must not lie on the very edge, where no way begins.
        self.keep_out = shapely.buffer(self.forbidden, _CORNER_M / 2, quad_segs=4)
        self._rounds: dict[EnergyModel, FloatArray] = {}

    def near(self, place: BaseGeometry) -> Router:
        """A router that only knows the zones near a place: enough for short ways about it."""
        west, south, east, north = place.bounds
        room = max(_ROOM_M, (east - west + north - south) / 4)
        around = shapely.box(west - room, south - room, east + room, north + room)
        return Router([z for z in self._zones if z.intersects(around)], self._clearance_m)

    @cached_property
    def _corners(self) -> FloatArray:
        """(C, 2) places to go round by."""
        rings: list[FloatArray] = []
        for part in shapely.get_parts(shapely.buffer(self.forbidden, _CORNER_M, quad_segs=4)):
            if part.is_empty:
                continue
            outline = shapely.simplify(part.exterior, _CORNER_M / 4)
            rings.append(shapely.get_coordinates(outline)[:-1])
        corners = np.vstack(rings) if rings else np.empty((0, 2))
        return np.asarray(corners[~shapely.intersects_xy(self.forbidden, *corners.T)])

    @cached_property
    def _between(self) -> FloatArray:
        """(C, C) straight distances between the corners."""
        return self._lengths(self._corners, self._corners)

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

    def detours(
        self, starts_m: FloatArray, ends_m: FloatArray, energy: EnergyModel
    ) -> tuple[NDArray[np.bool_], FloatArray]:
        """What the shortest ways round the zones cost, from (N, 2) starts to (M, 2) ends.

        Returns which straight lines are not free (N, M), and for those the metres, seconds and
        watt-hours of the way round (3, N, M), without turns; infinite where there is none.
        """
        blocked = ~np.isfinite(self._lengths(starts_m, ends_m))
        costs = np.full((3, *blocked.shape), np.inf)
        if not blocked.any() or not len(self._corners):
            return blocked, costs
        leave, arrive = np.flatnonzero(blocked.any(axis=1)), np.flatnonzero(blocked.any(axis=0))
        out = self._hops(starts_m[leave], self._corners, energy)
        back = self._hops(self._corners, ends_m[arrive], energy)
        if energy not in self._rounds:
            self._rounds[energy] = self._round_corners(energy)
        middle = self._rounds[energy]
        corner, goal = np.arange(len(self._corners)), np.arange(len(arrive))
        for i, start in enumerate(leave):
            first = np.argmin(out[0, i][:, None] + middle[0], axis=0)  # on the way to each corner
            to = out[:, i, first] + middle[:, first, corner]
            last = np.argmin(to[0][:, None] + back[0], axis=0)
            whole = to[:, last] + back[:, last, goal]
            pick = blocked[start, arrive]
            costs[:, start, arrive[pick]] = whole[:, pick]
        return blocked, costs

    def _hops(self, starts_m: FloatArray, ends_m: FloatArray, energy: EnergyModel) -> FloatArray:
        """(3, N, M) metres, seconds and watt-hours of straight hops, infinite where not free."""
        lengths = self._lengths(starts_m, ends_m)
        steps = ends_m[None, :, :] - starts_m[:, None, :]
        seconds, watt_hours = energy.legs(steps.reshape(-1, 2))
        shape = lengths.shape
        costs = np.stack([lengths, seconds.reshape(shape), watt_hours.reshape(shape)])
        costs[:, ~np.isfinite(lengths)] = np.inf
        return np.asarray(costs)

    def _round_corners(self, energy: EnergyModel) -> FloatArray:
        """(3, C, C) the shortest ways between the corners (Floyd and Warshall)."""
        costs = self._hops(self._corners, self._corners, energy)
        costs[:, range(costs.shape[1]), range(costs.shape[1])] = 0.0
        for middle in range(costs.shape[1]):
            via = costs[:, :, middle, None] + costs[:, None, middle, :]
            costs = np.where(via[0] < costs[0] - 1e-9, via, costs)
        return costs

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
