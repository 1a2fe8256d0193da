"""Vector files of the field as typed features: GeoJSON, GeoPackage, Shapefile, KML, KMZ, GPX.

GeoJSON goes through the strict reader of `geo.layers`, the others through GDAL (pyogrio), and all
through the same checks. Whatever is wrong is a `LayerError` of one line that names file and
feature.
"""

from __future__ import annotations

import codecs
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyogrio.raw
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import MultiLineString, MultiPoint, MultiPolygon
from shapely.geometry.base import BaseGeometry

from geo.errors import LayerError
from geo.layers import Feature, check_geometry, feature_label, read_layer
from geo.reading.datums import Datum, bounds_in, conversion
from geo.reading.fields import normal_properties
from geo.reading.vector_files import sibling, table_encoding, unpacked

__all__ = ["MAX_BYTES", "MAX_FEATURES", "SUFFIXES", "Bounds", "read_vector", "read_vector_noted"]

Bounds = tuple[float, float, float, float]

SUFFIXES = (".geojson", ".json", ".gpkg", ".shp", ".kml", ".kmz", ".gpx")
MAX_FEATURES = 200_000
MAX_BYTES = 300_000_000

# How each format begins, and the name GDAL has for it. GDAL guesses by content, and would read
# a KML named .shp, or a list of other files: what opened must be what the name says.
_DRIVERS = {
    ".gpkg": ("GeoPackage", b"SQLite format 3\0", ("GPKG",)),
    ".shp": ("Shapefile", b"\0\0\x27\x0a", ("ESRI Shapefile",)),
    ".kml": ("KML", b"<", ("LIBKML", "KML")),
    ".gpx": ("GPX", b"<", ("GPX",)),
}
_INDEXED = (".gpkg", ".shp")  # these can be read in part
_HARMLESS = ("Measured (M) geometry types", "non conformant file extension", "organizePolygons")
_MULTI: dict[str, Callable[[list[Any]], BaseGeometry]] = {
    "Point": MultiPoint,
    "LineString": MultiLineString,
    "Polygon": MultiPolygon,
}
_OGR_ERRORS = (RuntimeError, ValueError, TypeError, KeyError, IndexError, OSError, MemoryError)


def read_vector(
    path: Path,
    kinds: Sequence[str],
    *,
    datum: Datum = "wgs84",
    bbox: Bounds | None = None,
    allow_empty: bool = False,
    layer: str | None = None,
) -> list[Feature]:
    """Read the features of the wanted geometry types from any of the `SUFFIXES`' formats.

    `kinds` are as for `read_layer`. The result is WGS-84, whatever system the file names; `datum`
    "gcj02" declares that its degrees are GCJ-02's. `bbox` (west, south, east, north in WGS-84
    degrees) keeps only features that meet it. `layer` is preferred where a GeoPackage has several
    of the wanted kind. Of a KML or GPX, which mix kinds, only the wanted are taken. Properties are
    found under the project's names (`geo.reading.fields`). Raises LayerError.
    """
    return read_vector_noted(
        path, kinds, datum=datum, bbox=bbox, allow_empty=allow_empty, layer=layer
    )[0]


def read_vector_noted(
    path: Path,
    kinds: Sequence[str],
    *,
    datum: Datum = "wgs84",
    bbox: Bounds | None = None,
    allow_empty: bool = False,
    layer: str | None = None,
) -> tuple[list[Feature], list[str]]:
    """As `read_vector`, and notes, Chinese first, that say what of the file was not taken."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise LayerError(
            f"{path}: the format {suffix or 'without a suffix'} is not read; "
            f"expected one of {', '.join(SUFFIXES)}"
        )
    size = _size(path)
    if size > MAX_BYTES and (bbox is None or suffix not in _INDEXED):
        advice = (
            "give a part of it with --bbox"
            if suffix in _INDEXED
            else "cut the area out first, or convert it to GeoPackage and give a bbox"
        )
        raise LayerError(
            f"{path}: the file has {size / 1e6:,.0f} MB, more than {MAX_BYTES / 1e6:.0f}; {advice}"
        )
    notes: list[str] = []
    if suffix in (".geojson", ".json"):
        features = [
            replace(feature, properties=normal_properties(feature.properties))
            for feature in read_layer(path, kinds, allow_empty=allow_empty, datum=datum)
        ]
    else:
        with unpacked(path, MAX_BYTES) as file:
            features = _Source(file, path, tuple(kinds), datum, bbox, layer).features(notes)
    if len(features) > MAX_FEATURES:
        raise LayerError(_too_many(path, len(features), bbox))
    if not features and not allow_empty and bbox is None:
        raise LayerError(f"{path}: the layer has no features")
    if bbox is not None:
        window = shapely.box(*bbox)
        near = shapely.intersects(np.array([f.geometry for f in features], dtype=object), window)
        features = [f for f, keep in zip(features, near, strict=True) if keep]
        if not features and not allow_empty:
            raise LayerError(
                f"{path}: no feature lies in the box {', '.join(f'{v:g}' for v in bbox)}"
            )
    return features, notes


def _size(path: Path) -> int:
    try:
        size = path.stat().st_size
        if path.suffix.lower() == ".shp" and (dbf := sibling(path, ".dbf")):
            size += dbf.stat().st_size
    except FileNotFoundError:
        raise LayerError(f"{path}: no such file; check the path") from None
    except (OSError, ValueError) as error:
        raise LayerError(f"{path}: cannot be read ({error})") from None
    if not path.is_file():
        raise LayerError(f"{path}: not a file")
    return size


def _too_many(path: Path, count: int, bbox: Bounds | None) -> str:
    return (
        f"{path}: the layer has {count:,} features, {_size(path) / 1e6:,.1f} MB; more than "
        f"{MAX_FEATURES:,} are not read: "
        + ("give a part of it with --bbox" if bbox is None else "give a smaller bbox")
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that GDAL reads: `file` is opened, `path` is named in messages."""

    file: Path
    path: Path
    kinds: tuple[str, ...]
    datum: Datum
    bbox: Bounds | None
    layer: str | None

    def features(self, notes: list[str]) -> list[Feature]:
        self._check_beginning()
        found: list[Feature] = []
        others: dict[str, int] = {}
        for name in self._layers():
            self._read(name, found, others)
        if others:
            what = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
            if not found:
                raise LayerError(
                    f"{self.path}: expected {' or '.join(self.kinds)}, found only {what}"
                )
            notes.append(
                f"{self.path.name}: 未采用其他类型的要素 {what} / {what} of other kinds not taken"
            )
        return found

    def _check_beginning(self) -> None:
        suffix = self.file.suffix.lower()
        name, begins, _ = _DRIVERS[suffix]
        try:
            with self.file.open("rb") as file:
                head = file.read(1 << 20)
        except OSError as error:
            raise LayerError(f"{self.path}: cannot be read ({error})") from None
        text = head.removeprefix(codecs.BOM_UTF8).lstrip() if begins == b"<" else head
        if not head:
            raise LayerError(f"{self.path}: the file is empty")
        if not text.startswith(begins) or (
            begins == b"<" and f"<{suffix[1:]}".encode() not in text
        ):
            raise LayerError(
                f"{self.path}: the content is not that of a {name} (it begins {head[:8]!r})"
            )
        if begins == b"<" and (b"<!DOCTYPE" in head or b"<!ENTITY" in head):
            raise LayerError(f"{self.path}: declares a document type or entities; remove them")
        if suffix == ".shp" and sibling(self.file, ".shx") is None:
            raise LayerError(
                f"{self.path}: a Shapefile is several files, and {self.path.stem}.shx is missing; "
                "copy it, .dbf and .prj as well"
            )

    @property
    def _families(self) -> set[str]:
        return {kind.removeprefix("Multi") for kind in self.kinds}

    @contextmanager
    def _ogr(self) -> Iterator[None]:
        """Turns what GDAL and pyogrio raise or warn of into a LayerError."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                yield
            except _OGR_ERRORS as error:
                raise LayerError(
                    f"{self.path}: cannot be read as {_DRIVERS[self.file.suffix.lower()][0]} "
                    f"({self._said(error)}); is the file complete?"
                ) from None
        for warning in caught:
            if not any(text in str(warning.message) for text in _HARMLESS):
                raise LayerError(f"{self.path}: {self._said(warning.message)}")

    def _said(self, error: object) -> str:
        return _line(error).replace(str(self.file), self.path.name)[:300]

    def _layers(self) -> list[str]:
        """The layers to read."""
        with self._ogr():
            rows = [(str(name), kind) for name, kind in pyogrio.list_layers(self.file)]
        suffix = self.file.suffix.lower()
        if suffix == ".gpx":
            wanted = {"Point": ["waypoints"], "LineString": ["routes", "tracks"]}
            names = [n for family in sorted(self._families) for n in wanted.get(family, [])]
            if not names:
                raise LayerError(f"{self.path}: a GPX holds no {' or '.join(self.kinds)}")
            return names
        if suffix != ".gpkg":
            return [name for name, _ in rows]
        return [self._one_of([(name, str(kind)) for name, kind in rows if kind is not None])]

    def _one_of(self, rows: list[tuple[str, str]]) -> str:
        def family(kind: str) -> str:
            return kind.removeprefix("2.5D ").removeprefix("Multi").split(" ")[0]

        fits = [n for n, kind in rows if family(kind) in self._families]
        fits = fits or [n for n, kind in rows if family(kind) in ("Unknown", "GeometryCollection")]
        for hint in (self.layer, self.path.stem):
            named = [n for n in fits if hint is not None and n.casefold() == hint.casefold()]
            if len(named) == 1 and len(fits) > 1:
                return named[0]
        listed = ", ".join(f"{n} ({kind})" for n, kind in rows[:20]) or "none"
        if not fits:
            raise LayerError(
                f"{self.path}: expected a layer of {' or '.join(self.kinds)}, found {listed}"
            )
        if len(fits) > 1:
            raise LayerError(
                f"{self.path}: several layers could be meant: {', '.join(fits[:20])}; keep one, "
                f"or name one {self.layer or self.path.stem}"
            )
        return fits[0]

    def _read(self, layer: str, found: list[Feature], others: dict[str, int]) -> None:
        with self._ogr():
            info = pyogrio.read_info(self.file, layer=layer)
        if info["driver"] not in _DRIVERS[self.file.suffix.lower()][2]:
            raise LayerError(f"{self.path}: the content is that of a {info['driver']} file")
        crs = info["crs"] or None
        if self.bbox is None and int(info["features"]) > MAX_FEATURES:
            raise LayerError(_too_many(self.path, int(info["features"]), None))
        convert = conversion(crs, self.datum, str(self.path))
        window = None
        if self.bbox is not None:
            window = bounds_in(crs, self.datum, self.bbox, str(self.path))
        with self._ogr():
            meta, _, wkb, columns = pyogrio.raw.read(
                self.file,
                layer=layer,
                bbox=window,
                max_features=MAX_FEATURES + 1 - min(len(found), MAX_FEATURES),
                encoding=table_encoding(self.file),
            )
            names = [str(name) for name in meta["fields"]]
        if wkb is None:
            return
        label = f"{self.path}: " + (f"{layer}: " if self.file.suffix.lower() != ".shp" else "")
        for index, data in enumerate(wkb):
            values = (column[index] for column in columns)
            properties = normal_properties(dict(zip(names, values, strict=True)))
            source = f"{label}feature {index + 1}{feature_label(properties)}"
            geometry = self._geometry(data, source)
            if geometry is None:
                kind = "(no geometry)" if data is None else _kind(data)
                if self.file.suffix.lower() in _INDEXED:
                    expected = " or ".join(self.kinds)
                    raise LayerError(f"{source}: expected {expected}, found {kind}")
                others[kind] = others.get(kind, 0) + 1
                continue
            if crs is None:
                self._must_be_degrees(geometry, source)
            geometry = check_geometry(geometry, source, self.kinds, convert)
            found.append(Feature(geometry, properties, source))

    def _geometry(self, data: bytes | None, source: str) -> BaseGeometry | None:
        """The part of the geometry that is of the wanted kind, in a type that was asked for."""
        if data is None:
            return None
        try:
            with np.errstate(invalid="ignore"):
                geometry = shapely.force_2d(shapely.from_wkb(data))
        except (ShapelyError, ValueError, TypeError) as error:
            raise LayerError(f"{source}: geometry cannot be read ({_line(error)})") from None
        if geometry is None or geometry.geom_type in self.kinds:
            return geometry
        parts = [p for p in _flattened(geometry) if p.geom_type in self._families]
        if not parts:
            return None
        if len(parts) == 1 and parts[0].geom_type in self.kinds:
            return parts[0]
        return _MULTI[parts[0].geom_type]([p for p in parts if p.geom_type == parts[0].geom_type])

    def _must_be_degrees(self, geometry: BaseGeometry, source: str) -> None:
        x, y = shapely.get_coordinates(geometry).T
        with np.errstate(invalid="ignore"):
            if np.any(np.abs(x) > 180) or np.any(np.abs(y) > 180):
                raise LayerError(
                    f"{source}: the file names no reference system (is the .prj missing?) and its "
                    f"coordinates ({x[0]:g}, {y[0]:g}) are no longitude and latitude; add it, or "
                    "export the layer again as WGS-84"
                )


def _flattened(geometry: BaseGeometry) -> list[BaseGeometry]:
    parts = [geometry]
    while any(hasattr(part, "geoms") for part in parts):
        parts = [p for part in parts for p in shapely.get_parts(part).tolist()]
    return parts


def _kind(data: bytes) -> str:
    return str(shapely.from_wkb(data).geom_type)


def _line(value: object) -> str:
    return " ".join(str(value).split())
