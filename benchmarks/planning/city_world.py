"""A made-up network of city rivers of Changzhou's size, from a seed, as a study area's layers.

Changzhou flies 5,750 km along 2,354 rivers from 61 docks. Here: sine-generated curves (W. Langbein,
L. Leopold, USGS Professional Paper 422-H, 1966), lengths and widths log-normal, docks on a jittered
grid, and 40 no-fly zones, over 60 x 60 km. A smaller city has the same densities.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point, Polygon, mapping
from shapely.geometry.base import BaseGeometry

from geo.coordinates import LocalProjection, LonLat

__all__ = ["City", "made_city"]

FloatArray = NDArray[np.float64]

RIVERS, KM, DOCKS, ZONES, SIDE_KM = 2354, 5750.0, 61, 40, 60.0
CENTRE = LonLat(119.97, 31.81)

_STEP_M = 25.0  # from vertex to vertex
_CLEAR_OF_DOCKS_M = 150.0
_SHORTEST_M = 300.0


@dataclass(frozen=True, slots=True)
class City:
    """Metres around CENTRE: rivers with their widths, (D, 2) docks, zones."""

    rivers: tuple[LineString, ...]
    widths_m: FloatArray
    docks_m: FloatArray
    zones: tuple[Polygon, ...]

    @property
    def km(self) -> float:
        return sum(line.length for line in self.rivers) / 1000

    def write(self, folder: Path) -> None:
        """The layers of a study area in this folder."""
        folder.mkdir(parents=True, exist_ok=True)
        rivers = (
            (line, {"code": f"R{i}", "name": f"河{i}", "name_en": f"River {i}", "width_m": width})
            for i, (line, width) in enumerate(zip(self.rivers, self.widths_m.tolist(), strict=True))
        )
        docks = (
            (Point(xy), {"code": f"D{i}", "name": f"机场{i}", "name_en": f"Dock {i}"})
            for i, xy in enumerate(self.docks_m)
        )
        zones = (
            (zone, {"name": f"禁飞区{i}", "name_en": f"Zone {i}"})
            for i, zone in enumerate(self.zones)
        )
        for name, rows in (("rivers", rivers), ("launch_sites", docks), ("no_fly_zones", zones)):
            (folder / f"{name}.geojson").write_text(_geojson(rows), encoding="utf-8")


def _geojson(rows: Iterable[tuple[BaseGeometry, dict[str, Any]]]) -> str:
    projection = LocalProjection(CENTRE)
    features = [
        {
            "type": "Feature",
            "geometry": mapping(shapely.transform(shape, projection.inverse)),
            "properties": properties,
        }
        for shape, properties in rows
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def made_city(seed: int, share: float = 1.0) -> City:
    """A city with this share of Changzhou's rivers, docks, zones and area."""
    rng = np.random.default_rng(seed)
    side = SIDE_KM * 1000 * share**0.5
    docks = _docks(rng, max(1, round(DOCKS * share)), side)
    zones = _zones(rng, max(1, round(ZONES * share)), side, docks)
    taken = shapely.union_all(list(zones))
    shapely.prepare(taken)
    count = round(RIVERS * share)
    lengths = np.maximum(_SHORTEST_M, rng.lognormal(0.0, 0.8, count) * 1800)
    lengths = np.maximum(_SHORTEST_M, lengths * KM * 1000 * share / lengths.sum())
    rivers = tuple(_placed(rng, length, side, taken) for length in lengths)
    widths = np.clip(rng.lognormal(np.log(15.0), 0.6, count), 4.0, 80.0).round(1)
    return City(rivers, widths, docks, zones)


def _docks(rng: np.random.Generator, count: int, side_m: float) -> FloatArray:
    """Rows of docks, each somewhere about the middle of its cell."""
    rows = max(1, round(count**0.5))
    docks = []
    for row in range(rows):
        here = count * (row + 1) // rows - count * row // rows
        for column in range(here):
            cell = np.array([side_m / here, side_m / rows])
            middle = (np.array([column, row]) + 0.5) * cell
            docks.append(middle + rng.uniform(-0.15, 0.15, 2) * cell)
    return np.array(docks) - side_m / 2


def _zones(
    rng: np.random.Generator, count: int, side_m: float, docks_m: FloatArray
) -> tuple[Polygon, ...]:
    """Ragged polygons of 100 m to 2 km across that keep off the docks."""
    zones: list[Polygon] = []
    while len(zones) < count:
        radius = float(np.clip(rng.lognormal(np.log(300.0), 0.7), 50.0, 1000.0))
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 12))))
        ring = np.column_stack([np.cos(angles), np.sin(angles)])
        ring = ring * (radius * rng.uniform(0.6, 1.0, (len(ring), 1)))
        zone = Polygon(ring + rng.uniform(-side_m / 2, side_m / 2, 2))
        clear = shapely.distance(shapely.points(docks_m), zone).min() > _CLEAR_OF_DOCKS_M
        if zone.is_valid and clear:
            zones.append(zone)
    return tuple(zones)


def _placed(
    rng: np.random.Generator, length_m: float, side_m: float, taken: BaseGeometry
) -> LineString:
    """A river inside the city, of which no more than a third lies in zones."""
    while True:
        line = _winding(rng, length_m)
        points = shapely.get_coordinates(line)
        room = side_m - np.ptp(points, axis=0)
        if line.is_simple and (room > 0).all():
            corner = rng.uniform(0, room) - side_m / 2
            line = LineString(points - points.min(axis=0) + corner)
            if line.intersection(taken).length < length_m / 3:
                return line


def _winding(rng: np.random.Generator, length_m: float) -> LineString:
    """A sine-generated curve whose swing and wavelength differ, with a slow drift."""
    count = max(12, round(length_m / _STEP_M))
    step = length_m / count
    at = (np.arange(count) + 0.5) * step
    swing, wave = rng.uniform(0.1, 0.9), rng.lognormal(np.log(600.0), 0.4)
    drift = rng.normal(0, 0.5) * np.sin(
        2 * np.pi * at / rng.uniform(3000, 8000) + rng.uniform(0, 6)
    )
    course = rng.uniform(0, 2 * np.pi) + swing * np.sin(
        2 * np.pi * at / wave + rng.uniform(0, 2 * np.pi)
    )
    course = course + drift
    steps = np.column_stack([np.cos(course), np.sin(course)]) * step
    return LineString(np.vstack([[0.0, 0.0], np.cumsum(steps, axis=0)]))
