"""UAS geographical zones, as EUROCAE ED-269 and ED-318 publish them, as polygon features.

ED-269: `features` of zones, each with a list `geometry` of volumes around a
`horizontalProjection`. ED-318: a GeoJSON FeatureCollection whose geometries carry their vertical
limits in `layer`, circles as a point with an `extent`. Both are WGS-84, longitude first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from geo.errors import LayerError
from geo.layers import Feature, check_geometry, read_geometry, read_json

__all__ = ["CEILING_AGL_M", "is_airspace", "read_airspace"]

Bounds = tuple[float, float, float, float]

CEILING_AGL_M = 120.0  # above it is controlled airspace, where no patrol flies anyway
MAX_BYTES = 300_000_000

_FOOT_M = 0.3048
_NO_LIMIT = 99_999  # what ED-269 writers put where a zone has no ceiling
_FREE = ("NO_RESTRICTION", "NONE")
_CORNERS = 72
_LONGEST_RADIUS_M = 500_000.0
_POLYGONS = ("Polygon", "MultiPolygon")
_GEOD = pyproj.Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class _Volume:
    """One geometry of a zone, its limits in metres (None where not stated)."""

    shape: Mapping[str, Any]
    lower_m: float
    lower_reference: str
    upper_m: float | None
    upper_reference: str


def is_airspace(path: Path) -> bool:
    """Whether a .json or .geojson holds zones of ED-269 or ED-318, by its content.

    False too for what cannot be read at all: the reader of that file says why.
    """
    if path.suffix.lower() not in (".json", ".geojson"):
        return False
    try:
        return path.stat().st_size <= MAX_BYTES and _edition(read_json(path)) is not None
    except (OSError, LayerError):
        return False


def read_airspace(path: Path, bbox: Bounds | None = None) -> tuple[list[Feature], list[str]]:
    """Read the zones that a drone must stay out of, and notes (Chinese / English) on those left
    out.

    Whatever prohibits, needs an authorisation or sets conditions is taken, at whatever time it
    applies: the plan cannot know who was authorised, or when it is flown. Left out are zones
    without restriction, and those that begin higher than `CEILING_AGL_M` above ground (a lower
    limit above sea level says nothing about the ground, so it keeps the zone). `bbox` (west,
    south, east, north in degrees) keeps zones that meet it. Circles become polygons that contain
    them. Each volume is one feature with the properties name, name_en, code, lower_m, upper_m
    (None: no ceiling), reference ("AGL", "AMSL" …, of the lower limit), upper_reference,
    restriction, reason and times (as published; empty: always). Raises LayerError naming file and
    zone.
    """
    try:
        size = path.stat().st_size
    except OSError:
        size = 0  # read_json says what is wrong
    if size > MAX_BYTES:
        raise LayerError(
            f"{path}: the file has {size / 1e6:,.0f} MB, more than {MAX_BYTES / 1e6:.0f}; "
            "cut the area out first"
        )
    document = read_json(path)
    edition = _edition(document)
    if edition is None:
        raise LayerError(
            f"{path}: expected zones as ED-269 or ED-318 (a list 'features' of zones with "
            "identifier and restriction); is it another kind of file?"
        )
    window = None if bbox is None else shapely.box(*bbox)
    found: list[Feature] = []
    free: list[str] = []
    high: list[str] = []
    for index, row in enumerate(_rows(document)):
        source = f"{path}: zone {index + 1}"
        if not isinstance(row, dict):
            raise LayerError(f"{source}: expected an object, found {type(row).__name__}")
        zone = row if edition == "ED-269" else row.get("properties")
        if not isinstance(zone, dict):
            raise LayerError(f"{source}: 'properties' must be an object")
        name, english = _names(zone.get("name"))
        code = _text(zone.get("identifier"))
        source += f" ({code or name})" if code or name else ""
        kind = _text(zone.get("restriction" if edition == "ED-269" else "type")).upper()
        if not kind:
            raise LayerError(f"{source}: does not say what it restricts; add it")
        outlines = [(volume, _outline(volume.shape, source)) for volume in _volumes(row, source)]
        for volume, outline in outlines:
            if window is not None and not shapely.box(*outline.bounds).intersects(window):
                continue
            outline = check_geometry(outline, source, _POLYGONS)
            if window is not None and not outline.intersects(window):
                continue
            label = name or code
            if kind in _FREE:
                free.append(label)
                continue
            if volume.lower_reference == "AGL" and volume.lower_m > CEILING_AGL_M:
                high.append(label)
                continue
            properties = {
                "name": label or f"空域 {index + 1}",
                "name_en": english or label or f"Zone {index + 1}",
                "code": code,
                "lower_m": volume.lower_m,
                "upper_m": volume.upper_m,
                "reference": volume.lower_reference,
                "upper_reference": volume.upper_reference,
                "restriction": kind,
                "reason": ", ".join(_strings(zone.get("reason"))),
                "times": _times(zone),
            }
            found.append(Feature(outline, properties, source))
    notes = []
    if high:
        notes.append(
            f"{path.name}: 未采用下限高于真高 120 米的空域 {_listed(high)} / left out, as they "
            f"begin above 120 m AGL: {_listed(high)}"
        )
    if free:
        notes.append(
            f"{path.name}: 未采用无限制的空域 {_listed(free)} / left out, as they restrict "
            f"nothing: {_listed(free)}"
        )
    return found, notes


def _rows(document: Mapping[str, Any]) -> list[Any]:
    for key in ("features", "UASZoneList", "UASZoneVersion"):
        rows = document.get(key)
        if isinstance(rows, list):
            return rows
    return []


def _edition(document: Any) -> str | None:
    """ "ED-269" or "ED-318" by the first zones, None for anything else."""
    if not isinstance(document, dict):
        return None
    for row in _rows(document)[:50]:
        if not isinstance(row, dict):
            continue
        if isinstance(row.get("geometry"), list) and ("restriction" in row or "identifier" in row):
            return "ED-269"
        zone, geometry = row.get("properties"), row.get("geometry")
        if isinstance(zone, dict) and isinstance(geometry, dict):
            parts = geometry.get("geometries")
            first = parts[0] if isinstance(parts, list) and parts else geometry
            layered = isinstance(first, dict) and "layer" in first
            if layered or ({"identifier", "variant", "type"} <= zone.keys()):
                return "ED-318"
    return None


def _volumes(row: Mapping[str, Any], source: str) -> Iterator[_Volume]:
    geometry = row.get("geometry")
    if isinstance(geometry, dict):  # ED-318
        parts = geometry.get("geometries") if "geometries" in geometry else [geometry]
    else:
        parts = geometry
    if not isinstance(parts, list) or not parts:
        raise LayerError(f"{source}: has no geometry; expected a list of volumes")
    for part in parts:
        if not isinstance(part, dict):
            raise LayerError(f"{source}: expected a volume, found {type(part).__name__}")
        if isinstance(geometry, dict):
            layer = part.get("layer", geometry.get("layer")) or {}
            if not isinstance(layer, dict):
                raise LayerError(f"{source}: 'layer' must be an object")
            keys = ("uom", "lower", "lowerReference", "upper", "upperReference")
            shape: Any = part
        else:
            layer = part
            keys = ("uomDimensions", "lowerLimit", "lowerVerticalReference",
                    "upperLimit", "upperVerticalReference")  # fmt: skip
            shape = part.get("horizontalProjection")
        if not isinstance(shape, dict):
            raise LayerError(f"{source}: has no horizontal projection")
        uom, lower, lower_reference, upper, upper_reference = (layer.get(key) for key in keys)
        unit = _text(uom).upper() or "M"
        if unit not in ("M", "FT"):
            raise LayerError(f"{source}: the unit must be M or FT, found {unit!r}")
        lower_m = _limit_m(lower, unit, f"{source}: the lower limit")
        yield _Volume(
            shape,
            lower_m if lower_m is not None else 0.0,
            # without a datum the limit cannot lift the zone out of our way
            _text(lower_reference).upper() or "UNKNOWN",
            _limit_m(upper, unit, f"{source}: the upper limit"),
            _text(upper_reference).upper() or "UNKNOWN",
        )


def _limit_m(value: Any, unit: str, what: str) -> float | None:
    if value is None or value == "":
        return None
    number = _number(value, what)
    if number >= _NO_LIMIT:
        return None
    return number * (_FOOT_M if unit == "FT" else 1.0)


def _outline(shape: Mapping[str, Any], source: str) -> BaseGeometry:
    kind = shape.get("type")
    extent = shape.get("extent")
    if kind == "Circle":
        return _circle(shape.get("center"), shape.get("radius"), source)
    if kind == "Point":
        if not isinstance(extent, dict):
            raise LayerError(f"{source}: a point without an 'extent' encloses nothing")
        return _circle(shape.get("coordinates"), extent.get("radius"), source)
    if kind not in _POLYGONS:
        raise LayerError(f"{source}: expected Polygon or Circle, found {kind!r}")
    outline = read_geometry({"geometry": shape}, source)
    if not np.all(np.isfinite(shapely.get_coordinates(outline))) or outline.is_empty:
        raise LayerError(f"{source}: the outline is empty or has a coordinate that is no number")
    return outline


def _circle(center: Any, radius: Any, source: str) -> Polygon:
    """A polygon around a circle. The radius is in metres: ED-318 says so; in ED-269 it shares the
    unit of the limits, but writers put metres beside feet, and metres are the safe reading."""
    if not isinstance(center, (list, tuple)) or len(center) < 2:
        raise LayerError(f"{source}: the circle's centre must be [lon, lat], found {center!r}")
    lon, lat = (_number(value, f"{source}: the circle's centre") for value in center[:2])
    radius_m = _number(radius, f"{source}: the circle's radius")
    if not 0 < radius_m <= _LONGEST_RADIUS_M:
        raise LayerError(f"{source}: the circle's radius must be 0 to 500 km, found {radius_m:g} m")
    if abs(lat) > 90 or abs(lon) > 180:
        raise LayerError(
            f"{source}: the circle's centre is out of range (longitude {lon:g}, latitude {lat:g})"
        )
    # Sides touch the circle from outside; the 0.01 % is for sides straight in degrees.
    reach_m = radius_m / math.cos(math.pi / _CORNERS) * 1.0001 + 0.01
    azimuth = np.arange(_CORNERS) * (360.0 / _CORNERS)
    x, y, _ = _GEOD.fwd(
        np.full(_CORNERS, lon), np.full(_CORNERS, lat), azimuth, np.full(_CORNERS, reach_m)
    )
    return Polygon(np.column_stack([x, y]))


def _names(value: Any) -> tuple[str, str]:
    """The name (Chinese where there is one, else English, else the first) and the English one."""
    if not isinstance(value, list):
        return _text(value), _text(value)
    by_language = {
        _text(row.get("lang")).lower(): _text(row.get("text"))
        for row in reversed(value)
        if isinstance(row, dict)
    }
    first = next(iter(reversed(by_language.values())), "")
    english = next((text for lang, text in by_language.items() if lang.startswith("en")), "")
    chinese = next((text for lang, text in by_language.items() if lang.startswith("zh")), "")
    return chinese or english or first, english or first


def _times(zone: Mapping[str, Any]) -> list[Any]:
    rows = zone.get("applicability", zone.get("limitedApplicability"))
    if not isinstance(rows, list):
        return []
    return [row for row in rows if isinstance(row, dict) and row.get("permanent") != "YES"]


def _number(value: Any, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise LayerError(f"{what} must be a number, found {value!r}"[:300])
    return number


def _text(value: Any) -> str:
    return " ".join(str(value).split()) if isinstance(value, (str, int, float)) else ""


def _strings(value: Any) -> list[str]:
    return [_text(v) for v in value] if isinstance(value, list) else [_text(value)]


def _listed(names: list[str]) -> str:
    shown = ", ".join(dict.fromkeys(names[:5]))
    return shown + (f" … ({len(names)})" if len(names) > 5 else "")
