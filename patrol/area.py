"""The study area: the map layers that planning, flying and the virtual river share.

A folder holds `rivers`, `launch_sites` and, where there are any, `banks` and `no_fly_zones`, each
in one of the formats of `geo.reading.vector`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from geo.coordinates import LocalProjection, LonLat
from geo.errors import LayerError
from geo.layers import Feature
from geo.reading.airspace import is_airspace, read_airspace
from geo.reading.datums import Datum
from geo.reading.vector import SUFFIXES, Bounds, read_vector_noted
from patrol.banks import MAX_REACH_M, measure_banks
from patrol.errors import AreaError
from patrol.joining import SHORTEST_M, JoinedRiver, join_rivers
from patrol.plan import LaunchSite
from patrol.rivers import Breadth, River

__all__ = ["SURROUNDINGS_M", "LaunchSite", "NoFlyZone", "River", "StudyArea"]

SURROUNDINGS_M = 10_000.0
_LINES = ("LineString", "MultiLineString")
_POLYGONS = ("Polygon", "MultiPolygon")


@dataclass(frozen=True, slots=True)
class NoFlyZone:
    name: str
    name_en: str
    geometry: BaseGeometry
    outline_m: BaseGeometry


@dataclass(frozen=True, slots=True)
class StudyArea:
    """What a patrol is planned over; `projection` is centred on the rivers.

    `notes` (Chinese / English, one line each) say what reading did: reaches joined, gaps bridged,
    codes made up, zones left out.
    """

    folder: Path
    projection: LocalProjection
    rivers: tuple[River, ...]
    launch_sites: tuple[LaunchSite, ...]
    no_fly_zones: tuple[NoFlyZone, ...]
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def read(
        cls,
        folder: Path,
        *,
        rivers: Path | None = None,
        banks: Path | None = None,
        launch_sites: Path | None = None,
        no_fly_zones: Path | Sequence[Path] | None = None,
        datum: Datum = "wgs84",
        bbox: Bounds | None = None,
    ) -> StudyArea:
        """Read the layers of a folder; a path given by name stands for the folder's own.

        `rivers` are centrelines, joined by code or name (`patrol.joining`); their width is
        `width_m`, or `left_m` and `right_m`, or comes from `banks`, polygons of the water.
        `no_fly_zones`, one file or several, may also be ED-269 or ED-318, of which zones within
        `SURROUNDINGS_M` of the rivers count. `datum` "gcj02" declares that every layer is in
        GCJ-02 (but not ED-269 and ED-318, which are WGS-84). `bbox` (west, south, east, north in
        degrees) takes only the rivers and sites that meet it out of a large file.

        Raises LayerError or AreaError, each one line naming file and feature.
        """
        if not folder.is_dir() and (rivers is None or launch_sites is None):
            raise AreaError(
                f"{folder}: no such folder; give the study area's folder, "
                "for example sample_footage/luogang"
            )
        notes: list[str] = []
        path = rivers or _required(folder, "rivers")
        rows, said = read_vector_noted(path, _LINES, datum=datum, bbox=bbox, layer="rivers")
        notes += said
        points = np.vstack([shapely.get_coordinates(row.geometry) for row in rows])
        if np.ptp(points[:, 0]) > 1.0 or np.ptp(points[:, 1]) > 1.0:
            raise AreaError(
                f"{path}: the rivers span more than a degree; a patrol area "
                "is a few kilometres: is one of the coordinates wrong, or swapped?"
            )
        projection = LocalProjection.around(points[:, 0], points[:, 1])
        around = _surroundings(projection, points)
        joined, said = join_rivers(rows, projection)
        notes += said
        _distinct([river.code for river in joined], path)
        water = None
        water_path = banks or _optional(folder, "banks")
        if water_path is not None:
            surfaces, said = read_vector_noted(
                water_path, _POLYGONS, datum=datum, bbox=around, layer="banks"
            )
            notes += said
            water = shapely.union_all(
                [shapely.transform(row.geometry, projection.forward) for row in surfaces]
            )
        whole = tuple(_river(river, joined, water, notes) for river in joined)
        path = launch_sites or _required(folder, "launch_sites")
        rows, said = read_vector_noted(
            path, ("Point",), datum=datum, bbox=bbox, layer="launch_sites"
        )
        notes += said
        sites = _sites(rows, path, notes)
        given = _optional(folder, "no_fly_zones") if no_fly_zones is None else no_fly_zones
        paths = [given] if isinstance(given, Path) else list(given or ())
        zones = tuple(
            zone for path in paths for zone in _zones(path, projection, datum, around, notes)
        )
        return cls(folder, projection, whole, sites, zones, tuple(notes))

    @property
    def length_m(self) -> float:
        return sum(river.centreline_m.length for river in self.rivers)

    def water_m(self, river: River) -> BaseGeometry:
        """The water surface: the centreline widened to the river's width, flat ends."""
        line = river.centreline_m
        if not river.breadths:
            return shapely.buffer(line, river.width_m / 2, cap_style="flat")
        parts = []
        for breadth in river.breadths:
            run = substring(line, breadth.from_m, breadth.to_m)
            for reach_m in (breadth.left_m, -breadth.right_m):  # a negative one is on the right
                if reach_m:
                    parts.append(shapely.buffer(run, reach_m, cap_style="flat", single_sided=True))
        return shapely.union_all(parts)


def _candidates(folder: Path, name: str) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.stem == name and path.suffix.lower() in SUFFIXES
    )


def _optional(folder: Path, name: str) -> Path | None:
    """The folder's file for a layer; raises AreaError where there are two."""
    found = _candidates(folder, name)
    if len(found) > 1:
        raise AreaError(
            f"{folder}: {' and '.join(path.name for path in found)} both hold the layer {name}; "
            "keep one"
        )
    return found[0] if found else None


def _required(folder: Path, name: str) -> Path:
    path = _optional(folder, name)
    if path is None:
        raise LayerError(
            f"{folder / name}.geojson: no such file, nor {', '.join(SUFFIXES[1:])}; check the path"
        )
    return path


def _surroundings(projection: LocalProjection, points_deg: np.ndarray) -> Bounds:
    """The box in degrees that reaches `SURROUNDINGS_M` beyond all points."""
    xy = projection.forward(points_deg)
    low, high = xy.min(axis=0) - SURROUNDINGS_M, xy.max(axis=0) + SURROUNDINGS_M
    corners = projection.inverse([(x, y) for x in (low[0], high[0]) for y in (low[1], high[1])])
    west, south = corners.min(axis=0).tolist()
    east, north = corners.max(axis=0).tolist()
    return (west, south, east, north)


def _river(
    joined: JoinedRiver,
    others: Sequence[JoinedRiver],
    water: BaseGeometry | None,
    notes: list[str],
) -> River:
    length_m = joined.centreline_m.length
    if length_m < SHORTEST_M:
        raise AreaError(
            f"{joined.source}: the centreline is {length_m:.1f} m long; at least 10 m are needed"
        )
    label = f"{joined.code} {joined.name}"
    breadths = joined.breadths
    unknown = next((b for b in breadths if np.isnan(b.left_m)), None)
    if isinstance(water, (Polygon, MultiPolygon)):
        elsewhere = [
            o.centreline_m
            for o in others
            if o is not joined and o.centreline_m.dwithin(joined.centreline_m, 2 * MAX_REACH_M)
        ]
        try:
            breadths, said = measure_banks(
                joined.centreline_m, water, river=label, others_m=elsewhere
            )
        except AreaError as error:
            if unknown is not None:
                raise AreaError(f"{joined.source}: {error}") from None
            said = [
                f"{label}: 水面不合, 用 width_m / the banks do not fit, width_m counts ({error})"
            ]
        notes += said
    elif unknown is not None:
        raise AreaError(
            f"{joined.source}: the river {label} has no width from {unknown.from_m:.0f} to "
            f"{unknown.to_m:.0f} m; add width_m (or left_m and right_m), or a layer of banks"
        )
    width_m = sum((b.to_m - b.from_m) * (b.left_m + b.right_m) for b in breadths) / length_m
    first = breadths[0]
    if len(breadths) == 1 and first.left_m == first.right_m:
        breadths, width_m = (), first.left_m + first.right_m
    return River(
        joined.code, joined.name, joined.name_en, float(width_m),
        joined.centreline, joined.centreline_m, _ended(breadths, length_m),
    )  # fmt: skip


def _ended(breadths: tuple[Breadth, ...], length_m: float) -> tuple[Breadth, ...]:
    """The breadths with the last ending where the centreline does, to the last bit."""
    if not breadths:
        return ()
    last = breadths[-1]
    return (*breadths[:-1], Breadth(last.from_m, length_m, last.left_m, last.right_m))


def _sites(rows: Sequence[Feature], path: Path, notes: list[str]) -> tuple[LaunchSite, ...]:
    used = {row.text("code", "") for row in rows}
    free = (own for n in count(1) if (own := f"L{n}") not in used)
    sites = []
    for row in rows:
        code = row.text("code", "")
        if not code:
            code = next(free)
            notes.append(
                f"{row.text('name', '起降点')}: 没有编号, 编为 {code} / has no code, is now {code}"
            )
        name = row.text("name", code)
        [[lon, lat]] = shapely.get_coordinates(row.geometry)
        sites.append(
            LaunchSite(code, name, row.text("name_en", name), LonLat(float(lon), float(lat)))
        )
    _distinct([site.code for site in sites], path)
    return tuple(sites)


def _zones(
    path: Path, projection: LocalProjection, datum: Datum, around: Bounds, notes: list[str]
) -> list[NoFlyZone]:
    if is_airspace(path):
        rows, said = read_airspace(path, around)
    else:
        # A GeoJSON is small enough to be kept whole, so that a zone far off by mistake is seen.
        near = None if path.suffix.lower() in (".geojson", ".json") else around
        rows, said = read_vector_noted(
            path, _POLYGONS, datum=datum, bbox=near, allow_empty=True, layer="no_fly_zones"
        )
    notes += said
    zones = []
    for number, row in enumerate(rows, 1):
        name = row.text("name", "") or row.text("code", f"禁飞区 {number}")
        zones.append(
            NoFlyZone(
                name,
                row.text("name_en", name),
                row.geometry,
                shapely.transform(row.geometry, projection.forward),
            )
        )
    return zones


def _distinct(codes: list[str], path: Path) -> None:
    for code, times in Counter(codes).items():
        if times > 1:
            raise AreaError(f"{path}: the code {code!r} stands twice; codes must differ")
