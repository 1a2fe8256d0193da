"""Parts of a made-up district and of what was seen there, in metres about its middle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from geo.coordinates import LocalProjection, LonLat

HOME = LocalProjection(LonLat(113.46, 23.1))
NOW = "2026-05-20T03:00:00Z"

WATER = {"code": "WATER", "name": "区水务局", "name_en": "Water Bureau"}
PLANNING = {"code": "PLAN", "name": "区城管执法局", "name_en": "Urban Management"}
DEPARTMENTS: dict[str, Any] = {
    "departments": [WATER, PLANNING],
    "handles": {
        "outfall": "WATER",
        "discharge": "WATER",
        "structure": "PLAN",
        "floating_waste": "WATER",
    },
    "accept_hours": 24,
    "case_prefix": "LG",
}


def lonlat(east_m: float, north_m: float) -> list[float]:
    [[lon, lat]] = HOME.inverse([(east_m, north_m)])
    return [float(lon), float(lat)]


def collection(features: list[dict[str, Any]], **members: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", **members, "features": features}


def feature(geometry_type: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    geometry = {"type": geometry_type, "coordinates": coordinates}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def box(west: float, south: float, east: float, north: float, **properties: Any) -> dict[str, Any]:
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return feature("Polygon", [[lonlat(*corner) for corner in corners]], **properties)


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def sighting(
    name: str, violation: str, east_m: float, north_m: float, **other: Any
) -> dict[str, Any]:
    """A sighting with a round ellipse of 2 m standard deviation, unless `other` says otherwise."""
    properties = {
        "id": name,
        "class": violation,
        "confidence": 0.9,
        "covariance_m2": [[4.0, 0.0], [0.0, 4.0]],
        "first_seen": "2026-05-20T01:00:00Z",
        "last_seen": "2026-05-20T01:00:04Z",
        "views": 8,
        "radius_m": 1.0,
        "evidence": f"evidence/{name}.jpg",
    }
    return feature("Point", lonlat(east_m, north_m), **(properties | other))


SIGHTINGS = [
    sighting("S0001", "outfall", -9, 0),
    sighting("S0002", "discharge", 7.5, 50),
    sighting("S0003", "structure", 20, -100),  # in the zone, not permitted
    sighting("S0004", "structure", 16, 104),  # the pump station
    sighting("S0005", "structure", 200, 0),  # far from the river
    sighting("S0006", "floating_waste", 0, 200, confidence=0.3),  # on the border, and unsure
]


def make_district(folder: Path) -> Path:
    """Two communities that meet at the river, which runs north along east = 0; the management
    zone is 25 m either side of it, with one permitted pump station."""
    layers = {
        "rivers": [
            feature(
                "LineString", [lonlat(0, -500), lonlat(0, 500)],
                code="R1", name="中心涌", name_en="Middle Creek", width_m=16,
            )
        ],
        "communities": [
            box(-500, -500, 0, 500, code="440112012001", name="西社区", name_en="West"),
            box(0, -500, 500, 500, code="440112012002", name="东社区", name_en="East"),
        ],
        "grids": [
            box(-500, -500, 0, 500, code="G1", name="西一", community_code="440112012001"),
            box(0, -500, 500, 0, code="G2", name="东一", community_code="440112012002"),
            box(0, 0, 500, 500, code="G3", name="东二", community_code="440112012002"),
        ],
        "management_zones": [box(-25, -500, 25, 500, code="Z1", name="中心涌管理范围", river="R1")],
        "permitted_structures": [
            box(12, 100, 20, 108, code="P1", name="泵站", kind="pump", permit="2019-1", height_m=5)
        ],
        "launch_sites": [feature("Point", lonlat(100, 0), code="L1", name="起降点", name_en="Site")],
        "no_fly_zones": [box(300, 300, 400, 400, code="N1", name="禁飞", name_en="No fly", reason="学校")],
    }  # fmt: skip
    for name, features in layers.items():
        write(folder / f"{name}.geojson", collection(features))
    write(folder / "departments.json", DEPARTMENTS)
    return folder


def make_patrol_folder(folder: Path, features: list[dict[str, Any]]) -> Path:
    """A patrol's folder, named as the patrol, with these sightings and their pictures."""
    members = {"patrol": folder.name, "generated": NOW}
    write(folder / "sightings.geojson", collection(features, **members))
    (folder / "evidence").mkdir(exist_ok=True)
    for row in features:
        picture = folder / "evidence" / f"{row['properties']['id']}.jpg"
        picture.write_bytes(b"\xff\xd8" + picture.name.encode())
    return folder
