"""How far it is from a place round no-fly zones: shortest ways over a grid of free places."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

__all__ = ["way_lengths"]

FloatArray = NDArray[np.float64]

_STEP_M = 15.0
_ROOM_M = 600.0
_STEPS = ((1, 0), (0, 1), (1, 1), (1, -1))


def way_lengths(start_m: FloatArray, ends_m: FloatArray, free: BaseGeometry) -> FloatArray:
    """Metres from a place to (N, 2) places within `free`, up to a tenth too many; infinite where
    there is no way. Moves lead to the eight neighbours on the grid."""
    places = np.vstack([start_m[None], ends_m])
    low, high = places.min(axis=0) - _ROOM_M, places.max(axis=0) + _ROOM_M
    east, north = (np.arange(a, b, _STEP_M) for a, b in zip(low, high, strict=True))
    grid = np.stack(np.meshgrid(east, north, indexing="ij"), axis=-1)
    open_ = shapely.contains_xy(free, grid.reshape(-1, 2)).reshape(grid.shape[:2])
    number = np.where(open_, np.cumsum(open_).reshape(open_.shape) - 1, -1)
    rows, columns, lengths = [], [], []
    for i, j in _STEPS:
        here = number[: -i or None, max(0, -j) : -j if j > 0 else None]
        there = number[i:, max(0, j) : j if j < 0 else None]
        both = (here >= 0) & (there >= 0)
        rows.append(here[both])
        columns.append(there[both])
        lengths.append(np.full(int(both.sum()), _STEP_M * np.hypot(i, j)))
    count = int(open_.sum())
    graph = coo_array(
        (np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns))),
        shape=(count, count),
    ).tocsr()
    tree = cKDTree(grid[open_])
    _, first = tree.query(start_m)
    whole = dijkstra(graph, directed=False, indices=np.array([int(first)], dtype=np.int32))
    far = np.asarray(whole).reshape(-1)
    beside, nearest = tree.query(ends_m)
    return np.asarray(far[nearest] + beside)
