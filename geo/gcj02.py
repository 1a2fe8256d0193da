"""GCJ-02, the shifted datum of Chinese web maps, to WGS-84 and back.

The formula is the one of the public `eviltransform` implementations (Krasovsky's ellipsoid and
a sum of sines); there is no official publication. Positions outside the rectangle around China
are not shifted. Its inverse is found by iteration: the shift changes by under 1 % of a step, so
that each round gains two digits or more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["gcj02_to_wgs84", "wgs84_to_gcj02"]

FloatArray = NDArray[np.float64]

_SEMI_MAJOR_M = 6378245.0
_ECCENTRICITY_2 = 0.00669342162296594323
_WEST, _SOUTH, _EAST, _NORTH = 72.004, 0.8293, 137.8347, 55.8271
_ROUNDS = 12  # 4 give a millimetre; the rest is for the line 105 east, where a root has its kink


def wgs84_to_gcj02(lonlat_deg: ArrayLike) -> FloatArray:
    """Shift (N, 2) WGS-84 lon, lat in degrees to GCJ-02."""
    points = np.asarray(lonlat_deg, dtype=float).reshape(-1, 2)
    return np.where(_in_china(points)[:, None], points + _shift_deg(points), points)


def gcj02_to_wgs84(lonlat_deg: ArrayLike) -> FloatArray:
    """Unshift (N, 2) GCJ-02 lon, lat in degrees to WGS-84, to well below a millimetre."""
    shifted = np.asarray(lonlat_deg, dtype=float).reshape(-1, 2)
    points = shifted.copy()
    for _ in range(_ROUNDS):
        points = shifted - _shift_deg(points)
    return np.where(_in_china(shifted)[:, None], points, shifted)


def _in_china(points: FloatArray) -> NDArray[np.bool_]:
    lon, lat = points[:, 0], points[:, 1]
    return (lon >= _WEST) & (lon <= _EAST) & (lat >= _SOUTH) & (lat <= _NORTH)


def _shift_deg(points: FloatArray) -> FloatArray:
    """What GCJ-02 adds, in degrees (N, 2)."""
    x, y = points[:, 0] - 105.0, points[:, 1] - 35.0
    root = np.sqrt(np.abs(x))
    ripple = 20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)
    north_m = (
        -100 + 2 * x + 3 * y + 0.2 * y**2 + 0.1 * x * y + 0.2 * root
        + (ripple + 20 * np.sin(np.pi * y) + 40 * np.sin(np.pi * y / 3)
           + 160 * np.sin(np.pi * y / 12) + 320 * np.sin(np.pi * y / 30)) * 2 / 3
    )  # fmt: skip
    east_m = (
        300 + x + 2 * y + 0.1 * x**2 + 0.1 * x * y + 0.1 * root
        + (ripple + 20 * np.sin(np.pi * x) + 40 * np.sin(np.pi * x / 3)
           + 150 * np.sin(np.pi * x / 12) + 300 * np.sin(np.pi * x / 30)) * 2 / 3
    )  # fmt: skip
    lat = np.radians(points[:, 1])
    magic = 1 - _ECCENTRICITY_2 * np.sin(lat) ** 2
    meridian_m = _SEMI_MAJOR_M * (1 - _ECCENTRICITY_2) / magic**1.5
    parallel_m = _SEMI_MAJOR_M / np.sqrt(magic) * np.cos(lat)
    return np.column_stack([np.degrees(east_m / parallel_m), np.degrees(north_m / meridian_m)])
