"""Map layers: GeoJSON files as typed features.

GeoJSON is WGS-84, longitude first (RFC 7946); a file of the older kind that names another system
in `crs` is converted. Every problem is a `LayerError` of one line that names the file and the
feature. `geo.reading.vector` reads the other formats.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

from geo.errors import LayerError
from geo.files import write_text
from geo.reading.datums import Conversion, Datum, conversion, declares_gcj02

__all__ = [
    "Feature",
    "check_geometry",
    "feature_label",
    "read_geometry",
    "read_json",
    "read_layer",
    "write_layer",
]


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a layer: a WGS-84 geometry (lon, lat degrees) and its properties.

    `source` names file and feature for messages, as "communities.geojson: feature 3 (萝岗社区)".
    """

    geometry: BaseGeometry
    properties: Mapping[str, Any]
    source: str = "feature"

    def text(self, name: str, default: str | None = None) -> str:
        """A property as text; raises LayerError where it is missing and has no default."""
        value = self.properties.get(name)
        if value is None or value == "":
            if default is not None:
                return default
            raise LayerError(f"{self.source}: the property {name!r} is missing; add it")
        return str(value)

    def number(self, name: str, default: float | None = None) -> float:
        """A property as a finite number; raises LayerError where it is not one."""
        value = self.properties.get(name)
        if value is None and default is not None:
            return default
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        if not np.isfinite(number):
            raise LayerError(
                f"{self.source}: the property {name!r} must be a number, found {value!r}"
            )
        return number


def feature_label(properties: Mapping[str, Any]) -> str:
    """What follows "feature 3" in messages: its name or code in brackets, or nothing."""
    name = properties.get("name") or properties.get("code")
    return f" ({' '.join(str(name).split())})" if name else ""


def read_json(path: Path) -> Any:
    """Read a JSON file in UTF-8, with or without a byte-order mark. Raises LayerError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise LayerError(f"{path}: no such file; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise LayerError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LayerError(f"{path}: not valid JSON ({error}); is the file complete?") from None


def read_layer(
    path: Path,
    kinds: Sequence[str] | None = None,
    *,
    allow_empty: bool = False,
    datum: Datum = "wgs84",
) -> list[Feature]:
    """Read a GeoJSON FeatureCollection.

    `kinds` are the geometry types accepted, say ("Polygon", "MultiPolygon"). Checks that every
    geometry is valid (no self-crossing), finite, of two or more distinct points, and inside the
    range of longitude and latitude; heights are left out. Coordinates in the system that a `crs`
    member names are converted to WGS-84, and so are GCJ-02's: where `datum` says so, or the
    file's own `crs` or `datum` member. Raises LayerError.
    """
    document = read_json(path)
    rows = document.get("features") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise LayerError(f"{path}: expected a GeoJSON FeatureCollection with 'features'")
    convert = _declared(path, document, datum)
    features = [_feature(path, index, row, kinds, convert) for index, row in enumerate(rows)]
    if not features and not allow_empty:
        raise LayerError(f"{path}: the layer has no features")
    return features


def _declared(path: Path, document: Mapping[str, Any], datum: Datum) -> Conversion | None:
    """How to convert what the document's members and the caller declare."""
    crs = document.get("crs")
    name = crs
    if isinstance(crs, dict):
        properties = crs.get("properties")
        name = properties.get("name") if isinstance(properties, dict) else None
    if declares_gcj02(name) or declares_gcj02(document.get("datum")):
        return conversion(None, "gcj02", str(path))
    if crs is None:
        return conversion(None, datum, str(path))
    declared = json.dumps(crs)
    if any(known in declared for known in ("CRS84", "4326", "EPSG::4490", "EPSG:4490")):
        return conversion(None, datum, str(path))
    if not isinstance(name, str):
        raise LayerError(
            f"{path}: coordinates are declared as {declared}; expected WGS-84 (CRS84), "
            "convert the layer first"
        )
    return conversion(name, datum, str(path))


def _feature(
    path: Path, index: int, row: Any, kinds: Sequence[str] | None, convert: Conversion | None
) -> Feature:
    source = f"{path}: feature {index + 1}"
    if not isinstance(row, dict):
        raise LayerError(f"{source}: expected a GeoJSON Feature, found {type(row).__name__}")
    properties = row.get("properties") or {}
    if not isinstance(properties, dict):
        raise LayerError(f"{source}: 'properties' must be an object")
    source += feature_label(properties)
    return Feature(check_geometry(read_geometry(row, source), source, kinds, convert),
                   properties, source)  # fmt: skip


def read_geometry(row: Mapping[str, Any], source: str) -> BaseGeometry:
    """The geometry of a GeoJSON Feature as it stands, unchecked. Raises LayerError."""
    try:
        with np.errstate(invalid="ignore"):  # NaN coordinates are told later, not warned of here
            return shape(row["geometry"])
    except (
        KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, ShapelyError,
        RecursionError,
    ) as error:  # fmt: skip
        why = " ".join(str(error).split())
        raise LayerError(f"{source}: geometry cannot be read ({why})") from None


def check_geometry(
    geometry: BaseGeometry,
    source: str,
    kinds: Sequence[str] | None = None,
    convert: Conversion | None = None,
) -> BaseGeometry:
    """The geometry in WGS-84 without heights, if it is what `read_layer` promises.

    Raises LayerError, beginning with `source`.
    """
    if kinds is not None and geometry.geom_type not in kinds:
        raise LayerError(f"{source}: expected {' or '.join(kinds)}, found {geometry.geom_type}")
    geometry = shapely.force_2d(geometry)
    coordinates = shapely.get_coordinates(geometry)
    if len(coordinates) == 0:
        raise LayerError(f"{source}: the geometry is empty")
    if not np.all(np.isfinite(coordinates)):
        raise LayerError(f"{source}: a coordinate is not a finite number")
    if convert is not None:
        converted = convert(coordinates)
        if not np.all(np.isfinite(converted)):
            raise LayerError(
                f"{source}: coordinates ({coordinates[0][0]:g}, {coordinates[0][1]:g}) lie outside "
                "the range of the reference system that the file names"
            )
        geometry = shapely.set_coordinates(geometry, converted)
        coordinates = converted
    lon, lat = coordinates[:, 0], coordinates[:, 1]
    if np.any(np.abs(lat) > 90) or np.any(np.abs(lon) > 180):
        swapped = bool(np.all(np.abs(lon) <= 90) and np.all(np.abs(lat) <= 180))
        raise LayerError(
            f"{source}: coordinates out of range (longitude {lon[0]:g}, latitude {lat[0]:g})"
            + ("; they look swapped: longitude comes first" if swapped else "")
        )
    if geometry.geom_type in ("LineString", "MultiLineString") and geometry.length == 0:
        raise LayerError(f"{source}: the line has one distinct point; at least two are needed")
    if not geometry.is_valid:
        raise LayerError(
            f"{source}: the geometry is not valid ({explain_validity(geometry)}); "
            "mend the outline so that it does not cross itself"
        )
    return geometry


def write_layer(
    path: Path, features: Iterable[Feature], *, members: Mapping[str, Any] | None = None
) -> None:
    """Write a FeatureCollection, whole or not at all. Coordinates get 8 decimals (1 mm).

    `members` are further top-level members.
    """
    rows = [
        {
            "type": "Feature",
            "properties": dict(feature.properties),
            "geometry": _rounded(mapping(feature.geometry)),
        }
        for feature in features
    ]
    document = {"type": "FeatureCollection", **(members or {}), "features": rows}
    write_text(path, json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return round(value, 8) if isinstance(value, float) else value
