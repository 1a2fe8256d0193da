"""From whatever reference system a layer declares to WGS-84.

GCJ-02 is no registered system and no file format can name it, so that it counts only where it is
declared: by the caller, or by a GeoJSON's own member.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import ProjError

from geo.errors import LayerError
from geo.gcj02 import gcj02_to_wgs84, wgs84_to_gcj02

__all__ = ["Conversion", "Datum", "bounds_in", "conversion", "declares_gcj02"]

Datum = Literal["wgs84", "gcj02"]
Conversion = Callable[[NDArray[np.float64]], NDArray[np.float64]]
Bounds = tuple[float, float, float, float]

_GCJ02 = re.compile(r"(.*:)?\s*gcj[-_ ]?0?2\s*", re.IGNORECASE)
# Bare names are left out: PROJ would take the nearest it knows. "+init" is out of use.
_SYSTEM = re.compile(
    r"\s*(urn:ogc:def:crs:|https?://www\.opengis\.net/def/crs/|[A-Za-z]+:\w+\s*$|\+proj=|"
    r"(GEOG|PROJ|COMPD|GEODETIC|PROJECTED|COMPOUND|BOUND|GEOGRAPHIC|ENG|LOCAL_)\w*\s*\[)",
    re.IGNORECASE,
)
_SAME_AS_WGS84 = ("World Geodetic System 1984", "WGS 84", "WGS_1984", "China 2000")


def declares_gcj02(value: Any) -> bool:
    """Whether a name is GCJ-02's, as "GCJ-02", "gcj02" or "urn:…:GCJ-02"."""
    return isinstance(value, str) and _GCJ02.fullmatch(value) is not None


def conversion(crs: str | None, datum: Datum, source: str) -> Conversion | None:
    """How (N, 2) positions (x, y; degrees or metres) in `crs` become WGS-84 lon, lat in degrees;
    None where they are so already.

    `crs` is anything pyproj understands; None counts as WGS-84. CGCS2000 ("China 2000") equals
    WGS-84 within a drone's error. Raises LayerError, beginning with `source`, for systems that
    are unknown, not horizontal, or without a published transformation to WGS-84 (Xi'an 1980, say,
    is some 100 m off and its parameters are not public).
    """
    if datum not in get_args(Datum):
        raise LayerError(f"{source}: the datum {datum!r} is unknown; expected wgs84 or gcj02")
    convert = None if crs is None else _conversion(crs, source)
    if datum == "wgs84":
        return convert
    if convert is not None:
        raise LayerError(
            f"{source}: declared as GCJ-02, yet the file names the system {_short(crs)}; GCJ-02 is "
            "in degrees: leave out the declaration, or mend the file's reference system"
        )
    return gcj02_to_wgs84


def bounds_in(crs: str | None, datum: Datum, bounds_deg: Bounds, source: str) -> Bounds:
    """A WGS-84 box (west, south, east, north) as a box in the system of a file that holds it."""
    west, south, east, north = bounds_deg
    corners = np.array([(x, y) for x in (west, east) for y in (south, north)])
    if datum == "gcj02":
        corners = wgs84_to_gcj02(corners)
    elif crs is not None and conversion(crs, datum, source) is not None:
        try:
            back = pyproj.Transformer.from_crs("EPSG:4326", _flat(crs), always_xy=True)
            box = back.transform_bounds(west, south, east, north, densify_pts=21)
        except (ProjError, ValueError) as error:
            raise LayerError(f"{source}: no box of {_short(crs)} ({_line(error)})") from None
        if not np.all(np.isfinite(box)):
            raise LayerError(f"{source}: the area lies outside the range of {_short(crs)}")
        return (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    low, high = corners.min(axis=0), corners.max(axis=0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


@lru_cache(maxsize=64)
def _flat(crs: str) -> pyproj.CRS:
    return pyproj.CRS.from_user_input(crs).to_2d()


def _conversion(crs: str, source: str) -> Conversion | None:
    expected = (
        "expected WGS-84 (CRS84), CGCS2000 or a system with a published transformation; "
        "convert the layer first"
    )
    try:
        if _SYSTEM.match(crs) is None:
            raise ValueError(crs)
        system = _flat(crs)
    except (ProjError, ValueError):
        raise LayerError(
            f"{source}: the reference system {_short(crs)} is unknown; {expected}"
        ) from None
    base = system.geodetic_crs
    if system.is_geocentric or base is None or base.datum is None:
        raise LayerError(f"{source}: {_short(crs)} is not a system of the map; {expected}")
    same = any(base.datum.name.startswith(name) for name in _SAME_AS_WGS84)
    if same and system.is_geographic and _in_degrees_east(system):
        return None
    try:
        transformer = pyproj.Transformer.from_crs(
            system,
            base.to_2d() if same else "EPSG:4326",
            always_xy=True,
            allow_ballpark=same,  # between two datums a ballpark is no transformation at all
        )
    except ProjError:
        raise LayerError(
            f"{source}: no transformation from {_short(crs)} to WGS-84 is published; {expected}"
        ) from None

    def convert(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = transformer.transform(points[:, 0], points[:, 1])
        return np.column_stack([x, y])

    return convert


def _in_degrees_east(system: pyproj.CRS) -> bool:
    meridian = system.prime_meridian
    degrees = all(
        abs(axis.unit_conversion_factor - np.pi / 180) < 1e-9 for axis in system.axis_info
    )
    return degrees and (meridian is None or meridian.longitude == 0)


def _short(crs: str | None) -> str:
    text = _line(crs)
    return text if len(text) <= 90 else text[:87] + "..."


def _line(value: object) -> str:
    return " ".join(str(value).split())
