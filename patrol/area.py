"""The study area: a folder of GeoJSON layers that planning, flying and the virtual river share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from geo.coordinates import LocalProjection, LonLat
from geo.layers import Feature, read_layer
from patrol.errors import AreaError

__all__ = ["LaunchSite", "NoFlyZone", "River", "StudyArea"]


@dataclass(frozen=True, slots=True)
class River:
    """A river reach: its centreline in WGS-84 and in metres of the area's projection."""

    code: str
    name: str
    name_en: str
    width_m: float
    centreline: LineString
    centreline_m: LineString


@dataclass(frozen=True, slots=True)
class LaunchSite:
    code: str
    name: str
    name_en: str
    position: LonLat


@dataclass(frozen=True, slots=True)
class NoFlyZone:
    name: str
    name_en: str
    geometry: BaseGeometry
    outline_m: BaseGeometry


@dataclass(frozen=True, slots=True)
class StudyArea:
    """What a patrol is planned over; `projection` is centred on the rivers."""

    folder: Path
    projection: LocalProjection
    rivers: tuple[River, ...]
    launch_sites: tuple[LaunchSite, ...]
    no_fly_zones: tuple[NoFlyZone, ...]

    @classmethod
    def read(cls, folder: Path) -> StudyArea:
        """Read `rivers.geojson`, `launch_sites.geojson` and, where there, `no_fly_zones.geojson`.

        Raises LayerError or AreaError, each one line naming file and feature.
        """
        if not folder.is_dir():
            raise AreaError(
                f"{folder}: no such folder; give the study area's folder, "
                "for example sample_footage/luogang"
            )
        rows = read_layer(folder / "rivers.geojson", ("LineString",))
        points = np.vstack([shapely.get_coordinates(row.geometry) for row in rows])
        if np.ptp(points[:, 0]) > 1.0 or np.ptp(points[:, 1]) > 1.0:
            raise AreaError(
                f"{folder / 'rivers.geojson'}: the rivers span more than a degree; a patrol area "
                "is a few kilometres: is one of the coordinates wrong, or swapped?"
            )
        projection = LocalProjection.around(points[:, 0], points[:, 1])
        rivers = tuple(_river(row, projection) for row in rows)
        _distinct([r.code for r in rivers], folder / "rivers.geojson")
        sites = tuple(
            LaunchSite(
                row.text("code"),
                row.text("name"),
                row.text("name_en", row.text("name")),
                _lonlat(row.geometry),
            )
            for row in read_layer(folder / "launch_sites.geojson", ("Point",))
        )
        _distinct([s.code for s in sites], folder / "launch_sites.geojson")
        path = folder / "no_fly_zones.geojson"
        zones = tuple(
            NoFlyZone(
                row.text("name"),
                row.text("name_en", row.text("name")),
                row.geometry,
                shapely.transform(row.geometry, projection.forward),
            )
            for row in (
                read_layer(path, ("Polygon", "MultiPolygon"), allow_empty=True)
                if path.exists()
                else []
            )
        )
        return cls(folder, projection, rivers, sites, zones)

    @property
    def length_m(self) -> float:
        return sum(river.centreline_m.length for river in self.rivers)

    def water_m(self, river: River) -> Polygon:
        """The water surface: the centreline widened to the river's width, flat ends."""
        return shapely.buffer(river.centreline_m, river.width_m / 2, cap_style="flat")


def _lonlat(geometry: BaseGeometry) -> LonLat:
    [[lon, lat]] = shapely.get_coordinates(geometry)
    return LonLat(float(lon), float(lat))


def _river(row: Feature, projection: LocalProjection) -> River:
    width_m = row.number("width_m")
    if not 1 <= width_m <= 2000:
        raise AreaError(f"{row.source}: width_m must be 1 to 2000 metres, found {width_m:g}")
    line = row.geometry
    if not isinstance(line, LineString):
        raise AreaError(f"{row.source}: expected a LineString, found {line.geom_type}")
    line_m = shapely.transform(line, projection.forward)
    if line_m.length < 10:
        raise AreaError(
            f"{row.source}: the centreline is {line_m.length:.1f} m long; at least 10 m are needed"
        )
    return River(
        row.text("code"), row.text("name"), row.text("name_en", row.text("name")),
        width_m, line, line_m,
    )  # fmt: skip


def _distinct(codes: list[str], path: Path) -> None:
    for code in codes:
        if codes.count(code) > 1:
            raise AreaError(f"{path}: the code {code!r} stands twice; codes must differ")
