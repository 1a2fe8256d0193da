"""Coordinates whose type says what they are.

`LonLat` is WGS-84 in degrees, longitude first. `EastNorth` is metres in a named
`LocalProjection`. A bare pair never crosses a function of this project.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray

from geo.errors import CoordinateError

__all__ = ["EastNorth", "LocalProjection", "LonLat"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LonLat:
    """A WGS-84 position in degrees.

    Raises CoordinateError when a value is not finite or out of range; a latitude beyond 90°
    most often means that the two were swapped, and the message says so.
    """

    lon_deg: float
    lat_deg: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lon_deg) and math.isfinite(self.lat_deg)):
            raise CoordinateError(
                f"coordinate ({self.lon_deg}, {self.lat_deg}) is not a pair of finite numbers"
            )
        if abs(self.lat_deg) > 90.0:
            hint = (
                "; longitude and latitude look swapped: write longitude first"
                if abs(self.lon_deg) <= 90.0
                else ""
            )
            raise CoordinateError(
                f"latitude {self.lat_deg} is outside -90..90 (longitude {self.lon_deg}){hint}"
            )
        if abs(self.lon_deg) > 180.0:
            raise CoordinateError(f"longitude {self.lon_deg} is outside -180..180")


@lru_cache(maxsize=64)
def _transformer(lon_deg: float, lat_deg: float) -> pyproj.Transformer:
    local = pyproj.CRS.from_proj4(
        f"+proj=tmerc +lat_0={lat_deg!r} +lon_0={lon_deg!r} +k=1 +x_0=0 +y_0=0 "
        "+datum=WGS84 +units=m +no_defs"
    )
    return pyproj.Transformer.from_crs("EPSG:4326", local, always_xy=True)


@dataclass(frozen=True, slots=True)
class LocalProjection:
    """A transverse Mercator projection in metres, true to scale at `origin`.

    Scale error grows as (x / 6.4e6 m)^2 / 2: below 1 mm in a kilometre within 9 km east or west.
    """

    origin: LonLat

    @classmethod
    def around(cls, lon_deg: ArrayLike, lat_deg: ArrayLike) -> LocalProjection:
        """A projection centred on the middle of the extent of the given positions, rounded to
        1e-4 degrees so that nearly equal extents share one projection."""
        lon = np.asarray(lon_deg, dtype=float)
        lat = np.asarray(lat_deg, dtype=float)
        if lon.size == 0:
            raise CoordinateError("no positions to centre a local projection on")
        return cls(
            LonLat(
                round((float(lon.min()) + float(lon.max())) / 2, 4),
                round((float(lat.min()) + float(lat.max())) / 2, 4),
            )
        )

    def to_east_north(self, position: LonLat) -> EastNorth:
        east, north = _transformer(self.origin.lon_deg, self.origin.lat_deg).transform(
            position.lon_deg, position.lat_deg
        )
        return EastNorth(float(east), float(north), self)

    def to_lonlat(self, position: EastNorth) -> LonLat:
        if position.projection != self:
            raise CoordinateError(
                f"position is in the projection around {position.projection.origin}, "
                f"not the one around {self.origin}: convert it to LonLat first"
            )
        lon, lat = _transformer(self.origin.lon_deg, self.origin.lat_deg).transform(
            position.east_m, position.north_m, direction="INVERSE"
        )
        return LonLat(float(lon), float(lat))

    def forward(self, lonlat_deg: ArrayLike) -> FloatArray:
        """Project many: (N, 2) lon, lat in degrees to (N, 2) east, north in metres."""
        points = np.asarray(lonlat_deg, dtype=float).reshape(-1, 2)
        east, north = _transformer(self.origin.lon_deg, self.origin.lat_deg).transform(
            points[:, 0], points[:, 1]
        )
        return np.column_stack([east, north])

    def inverse(self, east_north_m: ArrayLike) -> FloatArray:
        """Unproject many: (N, 2) east, north in metres to (N, 2) lon, lat in degrees."""
        points = np.asarray(east_north_m, dtype=float).reshape(-1, 2)
        lon, lat = _transformer(self.origin.lon_deg, self.origin.lat_deg).transform(
            points[:, 0], points[:, 1], direction="INVERSE"
        )
        return np.column_stack([lon, lat])


@dataclass(frozen=True, slots=True)
class EastNorth:
    """Metres east and north of the origin of a `LocalProjection`."""

    east_m: float
    north_m: float
    projection: LocalProjection

    def distance_m(self, other: EastNorth) -> float:
        """Straight-line distance; both must be in the same projection."""
        if other.projection != self.projection:
            raise CoordinateError("distance between positions in two different projections")
        return math.hypot(self.east_m - other.east_m, self.north_m - other.north_m)
