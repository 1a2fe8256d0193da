"""Terrain: a grid of ground heights above sea level.

A digital elevation model (DEM) is read from files, cropped to an area and kept in WGS-84 as
decimetres: what is planned over is to the bit what a plan file holds. Between cell centres the
ground is bilinear; where a height is not known it is NaN, never a guess.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from rasterio.features import geometry_mask, shapes
from rasterio.transform import Affine
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve
from shapely.geometry import MultiPolygon, box, shape
from shapely.geometry.base import BaseGeometry

from geo.coordinates import LocalProjection
from geo.errors import TerrainError
from geo.reading.terrain_packing import packed, unpacked

__all__ = ["Bounds", "Terrain", "rounded"]

FloatArray = NDArray[np.float64]
Bounds = tuple[float, float, float, float]  # west, south, east, north in degrees

_HOLE_M = 100.0  # a wider hole may hide a hill
_SNAP = 1e-6  # of a cell: what rounding in projections may be off
_METRES_PER_DEGREE = 111_195.0  # of latitude, on the sphere of 6371 km


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Terrain:
    """Heights at the centres of cells of a WGS-84 grid.

    `west_deg`, `north_deg`: the centre of the north-west cell. `step_lon_deg`, `step_lat_deg`:
    from centre to centre, both positive. `heights_m`: (R, C) float32, row 0 north, metres above
    sea level, NaN where nothing is known; made read-only. `source`: the file's name, for messages.
    Raises TerrainError where these are not a grid of at least 2 x 2 cells on the Earth.
    """

    west_deg: float
    north_deg: float
    step_lon_deg: float
    step_lat_deg: float
    heights_m: NDArray[np.float32]
    source: str

    def __post_init__(self) -> None:
        heights = np.array(self.heights_m, dtype=np.float32)
        heights.setflags(write=False)
        object.__setattr__(self, "heights_m", heights)
        if heights.ndim != 2 or min(heights.shape) < 2:
            raise TerrainError(
                f"{self.source}: terrain needs at least 2 x 2 cells, found {heights.shape}"
            )
        west, south, east, north = self.bounds
        if not (
            all(math.isfinite(value) for value in (west, south, east, north))
            and self.step_lon_deg > 0
            and self.step_lat_deg > 0
            and west >= -360
            and east <= 360
            and south >= -90
            and north <= 90
        ):
            raise TerrainError(
                f"{self.source}: not a grid on the Earth: longitude {west:g} to {east:g}, "
                f"latitude {south:g} to {north:g}"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Terrain):
            return NotImplemented
        return self._head == other._head and np.array_equal(
            self.heights_m, other.heights_m, equal_nan=True
        )

    def __hash__(self) -> int:
        return hash((self._head, self.heights_m.shape))

    def __repr__(self) -> str:
        rows, columns = self.heights_m.shape
        return f"Terrain({self.source}, {rows} x {columns} cells of {self.cell_m:.3g} m)"

    @property
    def _head(self) -> tuple[float, float, float, float, str]:
        return (
            self.west_deg,
            self.north_deg,
            self.step_lon_deg,
            self.step_lat_deg,
            self.source,
        )

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north of the outermost cell centres: heights are known up to there."""
        rows, columns = self.heights_m.shape
        return (
            self.west_deg,
            self.north_deg - (rows - 1) * self.step_lat_deg,
            self.west_deg + (columns - 1) * self.step_lon_deg,
            self.north_deg,
        )

    @property
    def cell_sides_m(self) -> tuple[float, float]:
        """A cell's sides east and north in metres, at the middle latitude."""
        _, south, _, north = self.bounds
        shrink = max(0.01, math.cos(math.radians((south + north) / 2)))
        return (
            self.step_lon_deg * _METRES_PER_DEGREE * shrink,
            self.step_lat_deg * _METRES_PER_DEGREE,
        )

    @property
    def cell_m(self) -> float:
        """The shorter side of a cell."""
        return min(self.cell_sides_m)

    @classmethod
    def read(cls, paths: Sequence[Path], bounds: Bounds) -> Terrain:
        """Read DEM files over an area; `geo.reading.terrain_files.read_terrain` says how."""
        from geo.reading.terrain_files import read_terrain  # it builds this class

        return read_terrain(paths, bounds)

    def heights(self, lonlat_deg: ArrayLike) -> FloatArray:
        """Bilinear heights in metres above sea level: (N, 2) lon, lat in degrees to (N,).

        NaN outside the cell centres, and where any of the four around it that counts is unknown.
        """
        points = np.asarray(lonlat_deg, dtype=float).reshape(-1, 2)
        rows, columns = self.heights_m.shape
        x = (points[:, 0] - self.west_deg) / self.step_lon_deg
        y = (self.north_deg - points[:, 1]) / self.step_lat_deg
        with np.errstate(invalid="ignore"):
            inside = (x >= -_SNAP) & (x <= columns - 1 + _SNAP) & (y >= -_SNAP)
            inside &= y <= rows - 1 + _SNAP
        x, y = np.where(inside, x, 0.0), np.where(inside, y, 0.0)
        left = np.clip(np.floor(x).astype(np.intp), 0, columns - 2)
        top = np.clip(np.floor(y).astype(np.intp), 0, rows - 2)
        right_share, low_share = _snapped(x - left), _snapped(y - top)
        flat = self.heights_m.ravel()
        corner = top * columns + left
        found = np.zeros(len(points))
        for offset, weight in (
            (0, (1 - right_share) * (1 - low_share)),
            (1, right_share * (1 - low_share)),
            (columns, (1 - right_share) * low_share),
            (columns + 1, right_share * low_share),
        ):
            found += np.where(weight > 0, flat[corner + offset] * weight, 0.0)
        return np.where(inside, found, np.nan)

    def filled(self, most_cells: int | None = None) -> tuple[Terrain, list[str]]:
        """Fill small holes from their rims, and say so.

        A hole is a group of unknown cells that touch by side or corner and do not reach the grid's
        edge. One of at most `most_cells` cells from end to end either way (None: about 100 m) is
        filled with the membrane over its rim, the solution of Laplace's equation, which lies
        between the rim's lowest and highest; larger ones stay unknown. Returns the terrain and
        notes for the operator, Chinese / English, none where nothing was filled.
        """
        unknown = np.isnan(self.heights_m)
        if not unknown.any():
            return self, []
        rows, columns = self.heights_m.shape
        labels, count = ndimage.label(unknown, structure=np.ones((3, 3), dtype=int))
        if most_cells is not None:
            most_columns = most_rows = most_cells
        else:
            most_columns, most_rows = (
                max(1, round(_HOLE_M / side_m)) for side_m in self.cell_sides_m
            )
        small = np.zeros(count + 1, dtype=bool)
        where: list[tuple[float, float]] = []
        for index, (down, across) in enumerate(ndimage.find_objects(labels), start=1):
            if (
                down.start > 0
                and across.start > 0
                and down.stop < rows
                and across.stop < columns
                and down.stop - down.start <= most_rows
                and across.stop - across.start <= most_columns
            ):
                small[index] = True
                where.append(
                    (
                        self.west_deg + (across.start + across.stop - 1) / 2 * self.step_lon_deg,
                        self.north_deg - (down.start + down.stop - 1) / 2 * self.step_lat_deg,
                    )
                )
        if not where:
            return self, []
        hole = small[labels]
        heights = self.heights_m.copy()
        heights[hole] = _membrane(self.heights_m, hole)
        places = "; ".join(f"{lon:.5f}, {lat:.5f}" for lon, lat in where[:3])
        more_zh, more_en = (" 等", " and elsewhere") if len(where) > 3 else ("", "")
        cells = int(hole.sum())
        note = (
            f"地形 {self.source} 有 {len(where)} 处小空洞（共 {cells} 格）已按周边高程插补："
            f"{places}{more_zh} / {cells} unknown cells in {len(where)} small holes of terrain "
            f"{self.source} were filled from their rims: {places}{more_en}"
        )
        return replace(self, heights_m=rounded(heights)), [note]

    def missing_outline(self, bounds: Bounds) -> BaseGeometry:
        """Where inside `bounds` (west, south, east, north) no height is known: polygons in lon,
        lat of holes and of what lies beyond the grid. A hole reaches to the next known cells'
        centres, as `heights` has it. Empty where all is known."""
        area = box(*bounds)
        west, south, east, north = self.bounds
        parts: list[BaseGeometry] = [area.difference(box(west, south, east, north))]
        # Quads between four centres, only those near the bounds.
        rows, columns = self.heights_m.shape
        left = int(np.clip((bounds[0] - west) // self.step_lon_deg, 0, columns - 2))
        right = int(np.clip(-((west - bounds[2]) // self.step_lon_deg), left + 1, columns - 1))
        top = int(np.clip((north - bounds[3]) // self.step_lat_deg, 0, rows - 2))
        low = int(np.clip(-((bounds[1] - north) // self.step_lat_deg), top + 1, rows - 1))
        unknown = np.isnan(self.heights_m[top : low + 1, left : right + 1])
        missing = unknown[:-1, :-1] | unknown[1:, :-1] | unknown[:-1, 1:] | unknown[1:, 1:]
        if missing.any():
            grid = Affine(
                self.step_lon_deg,
                0.0,
                west + left * self.step_lon_deg,
                0.0,
                -self.step_lat_deg,
                north - top * self.step_lat_deg,
            )
            parts += [
                shape(outline)
                for outline, _ in shapes(missing.astype(np.uint8), mask=missing, transform=grid)
            ]
        found = shapely.intersection(shapely.union_all(parts), area)
        polygons = [part for part in shapely.get_parts(found) if part.geom_type == "Polygon"]
        return polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)

    def cropped_to(self, geometry: BaseGeometry, margin_m: float) -> Terrain:
        """Only what `heights` needs within `margin_m` of a geometry (lon, lat): cropped to its
        box, the rest unknown, so that it packs small. Raises TerrainError where they do not meet.
        """
        if geometry.is_empty:
            raise TerrainError(f"{self.source}: nothing to crop the terrain to")
        coordinates = shapely.get_coordinates(geometry)
        projection = LocalProjection.around(coordinates[:, 0], coordinates[:, 1])
        around_m = shapely.transform(geometry, projection.forward).buffer(
            margin_m + 1.5 * math.hypot(*self.cell_sides_m), quad_segs=8
        )
        around = shapely.transform(around_m, projection.inverse)
        west, south, east, north = around.bounds
        rows, columns = self.heights_m.shape
        left = max(0, math.floor((west - self.west_deg) / self.step_lon_deg))
        right = min(columns, math.ceil((east - self.west_deg) / self.step_lon_deg) + 1)
        top = max(0, math.floor((self.north_deg - north) / self.step_lat_deg))
        low = min(rows, math.ceil((self.north_deg - south) / self.step_lat_deg) + 1)
        if right - left < 2 or low - top < 2:
            raise TerrainError(
                f"{self.source}: the terrain (longitude {self.bounds[0]:.5f} to "
                f"{self.bounds[2]:.5f}, latitude {self.bounds[1]:.5f} to {self.bounds[3]:.5f}) "
                "does not reach here; take files that cover the area"
            )
        heights = self.heights_m[top:low, left:right].copy()
        corner_lon = self.west_deg + left * self.step_lon_deg
        corner_lat = self.north_deg - top * self.step_lat_deg
        cells = Affine(
            self.step_lon_deg,
            0.0,
            corner_lon - self.step_lon_deg / 2,
            0.0,
            -self.step_lat_deg,
            corner_lat + self.step_lat_deg / 2,
        )
        heights[geometry_mask([around], heights.shape, cells, all_touched=True)] = np.nan
        return replace(self, west_deg=corner_lon, north_deg=corner_lat, heights_m=heights)

    def to_document(self) -> dict[str, Any]:
        """JSON-able and small: heights in decimetres, packed by `geo.reading.terrain_packing`."""
        return {
            "source": self.source,
            "west_deg": self.west_deg,
            "north_deg": self.north_deg,
            "step_lon_deg": self.step_lon_deg,
            "step_lat_deg": self.step_lat_deg,
            **packed(self.heights_m),
        }

    @classmethod
    def from_document(cls, document: object) -> Terrain:
        """What `to_document` wrote; raises TerrainError of one line on anything else."""
        if not isinstance(document, dict):
            raise TerrainError(f"terrain: expected an object, found {type(document).__name__}")
        source = document.get("source")
        if not isinstance(source, str) or not 0 < len(source) <= 1000 or not source.isprintable():
            raise TerrainError("terrain: 'source' must be a file name")
        names = ("west_deg", "north_deg", "step_lon_deg", "step_lat_deg")
        west, north, step_lon, step_lat = (_degrees(document, name) for name in names)
        return cls(west, north, step_lon, step_lat, unpacked(document), source)


def _snapped(share: FloatArray) -> FloatArray:
    share = np.where(share < _SNAP, 0.0, share)
    return np.where(share > 1 - _SNAP, 1.0, share)


def rounded(heights_m: NDArray[np.float32]) -> NDArray[np.float32]:
    """To decimetres, so that a plan file holds the very heights."""
    result: NDArray[np.float32] = (np.rint(heights_m.astype(float) * 10) / 10).astype(np.float32)
    return result


def _membrane(heights_m: NDArray[np.float32], hole: NDArray[np.bool_]) -> FloatArray:
    """Heights (K,) at the hole's cells, each the mean of its four neighbours."""
    row, column = np.nonzero(hole)
    order = np.full(hole.shape, -1, dtype=np.intp)
    order[row, column] = np.arange(len(row))
    known = np.zeros(len(row))
    lines, across = [np.arange(len(row))], [np.arange(len(row))]
    values = [np.full(len(row), 4.0)]
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        near = order[row + down, column + right]
        inner = near >= 0
        known[~inner] += heights_m[row + down, column + right][~inner]
        lines.append(np.nonzero(inner)[0])
        across.append(near[inner])
        values.append(np.full(int(inner.sum()), -1.0))
    matrix = sparse.csc_matrix(
        (np.concatenate(values), (np.concatenate(lines), np.concatenate(across))),
        shape=(len(row), len(row)),
    )
    return np.asarray(spsolve(matrix, known), dtype=float).reshape(-1)


def _degrees(document: dict[Any, Any], name: str) -> float:
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TerrainError(f"terrain: {name!r} must be a number, found {type(value).__name__}")
    if not -360 <= value <= 360:  # NaN fails too
        raise TerrainError(f"terrain: {name!r} must be degrees from -360 to 360")
    return float(value)
