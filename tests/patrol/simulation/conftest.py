"""A small study area and a flight over it, made for these tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from geo.coordinates import LocalProjection, LonLat
from patrol.area import StudyArea
from patrol.simulation.world import World
from patrol.telemetry import Telemetry

_HERE = LocalProjection(LonLat(113.46, 23.11))
_MAIN = [(-310, -60), (-160, -20), (-40, 20), (120, 30), (300, 110)]
_BROOK = [(60, 260), (40, 150), (60, 26.25)]


def _write(path: Path, rows: list[tuple[str, Any, dict[str, Any]]]) -> None:
    features = []
    for kind, points, properties in rows:
        lonlat = _HERE.inverse(points).round(8).tolist()
        coordinates: Any = {"Polygon": [lonlat], "LineString": lonlat, "Point": lonlat[0]}[kind]
        geometry = {"type": kind, "coordinates": coordinates}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def _square(west: float, south: float, east: float, north: float) -> list[tuple[float, float]]:
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


@pytest.fixture(scope="session")
def hamlet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study area of one river of 640 m and a brook that flows into it."""
    folder = tmp_path_factory.mktemp("hamlet")
    rivers = {"R1": (_MAIN, 18.0), "R2": (_BROOK, 9.0)}
    _write(folder / "rivers.geojson", [
        ("LineString", points, {"code": code, "name": "河" + code, "width_m": width})
        for code, (points, width) in rivers.items()
    ])  # fmt: skip
    _write(folder / "management_zones.geojson", [
        (
            "Polygon",
            list(shapely.LineString(points).buffer(width / 2 + 15, cap_style="flat").exterior.coords),
            {"code": "Z" + code, "name": "管理范围", "river": code},
        )
        for code, (points, width) in rivers.items()
    ])  # fmt: skip
    _write(folder / "communities.geojson", [
        ("Polygon", _square(-900, -900, 0, 900), {"code": "440112012001", "name": "西社区"}),
        ("Polygon", _square(0, -900, 900, 900), {"code": "440112012002", "name": "东社区"}),
    ])  # fmt: skip
    _write(folder / "permitted_structures.geojson", [
        (
            "Polygon", _square(-166, -46, -154, -40),
            {"code": "P1", "name": "泵站", "kind": "pump", "permit": "1", "height_m": 5},
        )
    ])  # fmt: skip
    _write(
        folder / "launch_sites.geojson", [("Point", [(0, -60)], {"code": "L1", "name": "起降点"})]
    )
    return folder


@pytest.fixture(scope="session")
def area(hamlet: Path) -> StudyArea:
    return StudyArea.read(hamlet)


@pytest.fixture(scope="session")
def world(area: StudyArea) -> World:
    """World 5, planted densely enough to have several of each class."""
    return World.build(area, 5, 24.0)


MakeFlight = Callable[..., Telemetry]


@pytest.fixture(scope="session")
def make_flight(area: StudyArea) -> MakeFlight:
    """A pass along the main river: `seconds` at 5 rows a second, looking straight down."""

    def make(seconds: float = 6.0, *, height_m: float = 47.7, pauses: int = 1) -> Telemetry:
        n = round(seconds * 5) + 1
        t = np.arange(n) / 5
        line = area.rivers[0].centreline_m
        at = shapely.line_interpolate_point(line, 200 + 8 * t)
        lonlat = area.projection.inverse(shapely.get_coordinates(at))
        recording = np.ones(n, dtype=bool)
        recording[[0, -1]] = False
        for k in range(pauses):
            middle = n * (k + 1) // (pauses + 1)
            recording[middle - 2 : middle + 3] = False
        zero = np.zeros(n)
        return Telemetry(
            time_s=1_779_238_800.0 + t, lon_deg=lonlat[:, 0], lat_deg=lonlat[:, 1],
            above_launch_m=zero + height_m, msl_m=zero + height_m + 20, ground_speed_m_s=zero + 8,
            roll_deg=zero, pitch_deg=zero, yaw_deg=zero + 71, gimbal_roll_deg=zero,
            gimbal_pitch_deg=zero - 90, gimbal_yaw_deg=zero + 71, battery_pct=zero + 80,
            mission_item=np.zeros(n, dtype=np.int64), recording=recording,
        )  # fmt: skip

    return make
