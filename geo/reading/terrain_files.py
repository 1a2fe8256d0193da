"""Reading digital elevation models: whatever GDAL reads, in any CRS, one file or a mosaic.

A file in WGS-84 longitude and latitude is taken cell by cell; any other is warped (bilinear) to
about its own resolution. SRTM tiles (.hgt) say where they are by their name (USGS, SRTM
documentation: N23E113 is the south-west corner, 1201 or 3601 cells a side, big-endian int16).
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError  # GDAL's own, which some calls let through
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.transform import Affine
from rasterio.warp import reproject, transform
from rasterio.windows import Window

from geo.errors import TerrainError
from geo.reading.terrain_packing import HIGHEST_M, LOWEST_M, MOST_CELLS
from geo.terrain import Bounds, Terrain, rounded

__all__ = ["read_terrain"]

_WGS84 = "EPSG:4326"
_MARGIN_CELLS = 4
_SAME_DEG = 1e-7  # 1 cm: a datum that far from WGS-84 is WGS-84
_HGT_NAME = re.compile(r"[NS]\d{2}[EW]\d{3}", re.IGNORECASE)
_HGT_BYTES = {2 * side * side for side in (1201, 3601)}
# What files hold where nothing is known, declared or not; beyond 1e30 any value is such.
_VOIDS = (-32768.0, -32767.0, -9999.0, -99999.0)
_PICTURE_KINDS = (ColorInterp.palette, ColorInterp.red, ColorInterp.green, ColorInterp.blue)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Cells in longitude and latitude; west, north: the centre of the north-west cell."""

    west_deg: float
    north_deg: float
    step_lon_deg: float
    step_lat_deg: float

    @property
    def affine(self) -> Affine:
        return Affine(
            self.step_lon_deg,
            0.0,
            self.west_deg - self.step_lon_deg / 2,
            0.0,
            -self.step_lat_deg,
            self.north_deg + self.step_lat_deg / 2,
        )

    def over(self, bounds: Bounds) -> tuple[_Grid, tuple[int, int]]:
        """The same grid's part that covers bounds with a margin, and its rows and columns."""
        left, right = (
            round((lon - self.west_deg) / self.step_lon_deg) + more
            for lon, more in ((bounds[0], -_MARGIN_CELLS), (bounds[2], _MARGIN_CELLS))
        )
        top, low = (
            round((self.north_deg - lat) / self.step_lat_deg) + more
            for lat, more in ((bounds[3], -_MARGIN_CELLS), (bounds[1], _MARGIN_CELLS))
        )
        part = _Grid(
            self.west_deg + left * self.step_lon_deg,
            self.north_deg - top * self.step_lat_deg,
            self.step_lon_deg,
            self.step_lat_deg,
        )
        return part, (low - top + 1, right - left + 1)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one file holds of the area: a window of its cells, in its own CRS."""

    path: Path
    heights_m: NDArray[np.float32]
    transform: Affine
    crs: Any
    grid: _Grid
    exact: bool  # the file's own cells are those of `grid`


def read_terrain(paths: Sequence[Path], bounds: Bounds) -> Terrain:
    """Read DEM files over `bounds` (west, south, east, north in degrees) and a few cells more.

    The finest file gives the grid; where files overlap, the first that knows a height gives it.
    Heights are metres above sea level, rounded to decimetres. Files that do not meet the area
    are left out as long as one does. Raises TerrainError, one line that names the file, where one
    is missing, truncated, no raster, a picture, without a CRS, in feet or out of -500..9000 m,
    where none meets the area or knows a height in it, and where it has too many cells.
    """
    west, south, east, north = bounds
    if not (-180 <= west < east <= 180 and -90 < south < north < 90):
        raise TerrainError(
            f"terrain is asked for longitude {west:g} to {east:g}, latitude {south:g} to "
            f"{north:g}, which is no area"
        )
    if not paths:
        raise TerrainError("no terrain file was given")
    pieces: list[_Piece] = []
    elsewhere: list[str] = []
    for path in paths:
        piece, extent = _read_piece(path, bounds)
        if piece is not None:
            pieces.append(piece)
        else:
            elsewhere.append(f"{path} ({extent})")
    if not pieces:
        raise TerrainError(
            f"{'; '.join(elsewhere[:3])}: does not meet the area, longitude {west:.4f} to "
            f"{east:.4f}, latitude {south:.4f} to {north:.4f}; take a terrain file that covers it"
        )
    finest = min(pieces, key=lambda piece: piece.grid.step_lat_deg)
    grid, size = finest.grid.over(bounds)
    if size[0] * size[1] > MOST_CELLS:
        raise _too_large(finest.path, size)
    heights = np.full(size, np.nan, dtype=np.float32)
    for piece in pieces:
        part = _on_grid(piece, grid, size)
        np.copyto(heights, part, where=np.isnan(heights))
    known = np.isfinite(heights)
    names = " + ".join(piece.path.name for piece in pieces)
    if not known.any():
        raise TerrainError(
            f"{names}: no height is known anywhere in the area, only holes; take another file"
        )
    # Cells beyond the files' end would be kept for nothing.
    rows, columns = np.nonzero(known.any(axis=1))[0], np.nonzero(known.any(axis=0))[0]
    top, low = min(rows[0], size[0] - 2), max(rows[-1] + 1, rows[0] + 2)
    left, right = min(columns[0], size[1] - 2), max(columns[-1] + 1, columns[0] + 2)
    return Terrain(
        float(grid.west_deg + left * grid.step_lon_deg),
        float(grid.north_deg - top * grid.step_lat_deg),
        grid.step_lon_deg,
        grid.step_lat_deg,
        rounded(heights[top:low, left:right]),
        names,
    )


def _too_large(path: Path, size: tuple[int, int]) -> TerrainError:
    return TerrainError(
        f"{path}: the area has {size[0] * size[1] / 1e6:.0f} million cells; at most "
        f"{MOST_CELLS / 1e6:.0f} million are taken: plan a smaller area, or make the file coarser "
        "(gdalwarp -tr, -r average)"
    )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The data set; every way in which it cannot be read is a TerrainError."""
    if not path.exists():
        raise TerrainError(f"{path}: no such file; check the path")
    if path.is_dir():
        raise TerrainError(f"{path}: is a folder; name the terrain files in it")
    if path.suffix.lower() == ".hgt":
        _check_hgt(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as source:
                yield source
    except RasterioIOError as error:
        why = " ".join(str(error).split())
        if "not recognized as being in a supported file format" in why:
            raise TerrainError(
                f"{path}: not a terrain raster; expected a GeoTIFF, an SRTM .hgt tile or another "
                "raster of heights (unpack archives first)"
            ) from None
        why = "part of its data is missing" if why.startswith("Read failed") else why
        raise TerrainError(f"{path}: cannot be read ({why}); is the file complete?") from None
    except (RasterioError, CPLE_BaseError, OSError, ValueError, MemoryError) as error:
        why = " ".join(str(error).split())
        raise TerrainError(f"{path}: cannot be read as terrain ({why})") from None


def _check_hgt(path: Path) -> None:
    if _HGT_NAME.match(path.name) is None:
        raise TerrainError(
            f"{path}: the name of an .hgt tile says where it is, such as N23E113.hgt; give it back"
        )
    size = path.stat().st_size
    if size not in _HGT_BYTES:
        raise TerrainError(
            f"{path}: an .hgt tile has 1201 or 3601 cells a side, {min(_HGT_BYTES)} or "
            f"{max(_HGT_BYTES)} bytes; found {size}: the file is truncated, fetch it again"
        )


def _read_piece(path: Path, bounds: Bounds) -> tuple[_Piece | None, str]:
    """The file's part of the area, None where they do not meet; and its extent in words."""
    with _opened(path) as source:
        _check_kind(path, source)
        grid, exact = _own_grid(path, source)
        window, extent = _window(path, source, bounds)
        if window is None:
            return None, extent
        if window.width * window.height > 2 * MOST_CELLS:
            raise _too_large(path, (int(window.height), int(window.width)))
        with np.errstate(invalid="ignore", over="ignore"):
            read = source.read(1, window=window, masked=True)
            heights = np.ma.filled(read.astype(np.float64), np.nan)
            for void in _VOIDS:
                heights[heights == void] = np.nan
            heights[~(np.abs(heights) < 1e30)] = np.nan
            heights = heights * source.scales[0] + source.offsets[0]
        wrong = (heights < LOWEST_M) | (heights > HIGHEST_M)
        if wrong.any():
            raise TerrainError(
                f"{path}: heights of {int(wrong.sum())} cells cannot be metres, such as "
                f"{heights[wrong][0]:g}; expected {LOWEST_M:g} to {HIGHEST_M:g}: if it stands for "
                "'unknown', declare it (gdal_edit.py -a_nodata)"
            )
        place = source.transform @ Affine.translation(window.col_off, window.row_off)
        return _Piece(path, heights.astype(np.float32), place, source.crs, grid, exact), extent


def _check_kind(path: Path, source: Any) -> None:
    kind = source.dtypes[0]
    if source.count == 0:
        raise TerrainError(f"{path}: the file has no raster of its own; name one of its parts")
    if source.colorinterp[0] in _PICTURE_KINDS or (source.count >= 3 and kind == "uint8"):
        raise TerrainError(
            f"{path}: this is a picture ({source.count} bands of {kind}), not heights; take the "
            "elevation model (DEM, DSM or DTM)"
        )
    if kind.startswith("complex"):
        raise TerrainError(f"{path}: heights must be whole or real numbers, found {kind}")
    unit = (source.units[0] or "").lower()
    if unit.startswith(("f", "us")):  # ft, foot, feet, US survey foot
        raise TerrainError(
            f"{path}: heights are in {source.units[0]}; convert them to metres first"
        )
    if source.crs is None or source.transform == Affine.identity():
        raise TerrainError(
            f"{path}: the file does not say where on the Earth it is (no CRS); set it "
            "(gdal_edit.py -a_srs)"
        )


def _own_grid(path: Path, source: Any) -> tuple[_Grid, bool]:
    """A WGS-84 grid of about the file's resolution, and whether its cells are the file's own."""
    centre = source.transform @ (source.width / 2, source.height / 2)
    a, b, d, e = (getattr(source.transform, name) for name in "abde")
    # The file's middle, one cell on, one cell down: what a cell is in degrees.
    xs = [centre[0], centre[0] + a, centre[0] + b]
    ys = [centre[1], centre[1] + d, centre[1] + e]
    lon, lat = _to_lonlat(path, source.crs, xs, ys)
    if b == d == 0 and a > 0 and e < 0 and np.allclose([lon, lat], [xs, ys], 0, _SAME_DEG):
        west, north = source.transform @ (0.5, 0.5)
        return _Grid(west, north, a, -e), True
    shrink = math.cos(math.radians(lat[0]))
    areas = (lon[1] - lon[0]) * (lat[2] - lat[0]) - (lon[2] - lon[0]) * (lat[1] - lat[0])
    side_deg = math.sqrt(abs(areas) * shrink)  # a cell as a square, in degrees of latitude
    return _Grid(lon[0], lat[0], side_deg / shrink, side_deg), False


def _to_lonlat(path: Path, crs: Any, xs: Any, ys: Any) -> tuple[Any, Any]:
    lon, lat = (np.asarray(values) for values in transform(crs, _WGS84, xs, ys))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise TerrainError(f"{path}: its coordinates do not lie on the Earth in its CRS ({crs})")
    return lon, lat


def _window(path: Path, source: Any, bounds: Bounds) -> tuple[Window | None, str]:
    """The cells that cover the bounds with a margin; None where there are none."""
    share = np.linspace(0.0, 1.0, 21)
    lon = bounds[0] + (bounds[2] - bounds[0]) * share
    lat = bounds[1] + (bounds[3] - bounds[1]) * share
    xs, ys = transform(
        _WGS84,
        source.crs,
        np.concatenate([lon, lon, np.full(21, bounds[0]), np.full(21, bounds[2])]),
        np.concatenate([np.full(21, bounds[1]), np.full(21, bounds[3]), lat, lat]),
    )
    column, row = ~source.transform @ (np.asarray(xs), np.asarray(ys))
    corners = [source.transform @ at for at in ((0, 0), (source.width, 0), (0, source.height))]
    corners.append(source.transform @ (source.width, source.height))
    file_lon, file_lat = _to_lonlat(path, source.crs, *zip(*corners, strict=True))
    extent = (
        f"longitude {min(file_lon):.4f} to {max(file_lon):.4f}, "
        f"latitude {min(file_lat):.4f} to {max(file_lat):.4f}"
    )
    if not (np.isfinite(column).all() and np.isfinite(row).all()):
        return None, extent  # the area is not even in the CRS's domain
    if column.min() >= source.width or column.max() <= 0:
        return None, extent
    if row.min() >= source.height or row.max() <= 0:
        return None, extent
    left, top = (max(0, math.floor(values.min()) - _MARGIN_CELLS) for values in (column, row))
    right = min(source.width, math.ceil(column.max()) + _MARGIN_CELLS)
    low = min(source.height, math.ceil(row.max()) + _MARGIN_CELLS)
    return Window(left, top, right - left, low - top), extent


def _on_grid(piece: _Piece, grid: _Grid, size: tuple[int, int]) -> NDArray[np.float32]:
    """The piece's heights on the grid, NaN where it has none."""
    result = np.full(size, np.nan, dtype=np.float32)
    if piece.exact:
        own = piece.transform
        left = (own.c + own.a / 2 - grid.west_deg) / grid.step_lon_deg
        top = (grid.north_deg - (own.f + own.e / 2)) / grid.step_lat_deg
        rows, columns = piece.heights_m.shape
        drift = max(
            abs(left - round(left)),
            abs(top - round(top)),
            abs(own.a / grid.step_lon_deg - 1) * columns,
            abs(-own.e / grid.step_lat_deg - 1) * rows,
        )
        if drift < 0.01:  # the same cells: copied, not resampled
            down, across = round(top), round(left)
            take = piece.heights_m[
                max(0, -down) : max(0, size[0] - down), max(0, -across) : max(0, size[1] - across)
            ]
            down, across = max(0, down), max(0, across)
            result[down : down + take.shape[0], across : across + take.shape[1]] = take
            return result
    try:
        reproject(
            piece.heights_m,
            result,
            src_transform=piece.transform,
            src_crs=piece.crs,
            src_nodata=np.nan,
            dst_transform=grid.affine,
            dst_crs=_WGS84,
            dst_nodata=np.nan,
            resampling=Resampling.bilinear,
        )
    except (RasterioError, CPLE_BaseError, ValueError) as error:
        why = " ".join(str(error).split())
        raise TerrainError(f"{piece.path}: cannot be brought to WGS-84 ({why})") from None
    return result
