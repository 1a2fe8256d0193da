"""A small made-up district and an analysed patrol of it, written to files as the chain does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up import DEPARTMENTS, NOW, SIGHTINGS, box, collection, feature, lonlat, write


@pytest.fixture
def district(tmp_path: Path) -> Path:
    """Two communities that meet at the river, which runs north along east = 0; the management
    zone is 25 m either side of it, with one permitted pump station."""
    folder = tmp_path / "district"
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


@pytest.fixture
def make_patrol(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a patrol folder with these sightings and their pictures."""

    def make(features: list[dict[str, Any]], name: str = "patrol-1") -> Path:
        folder = tmp_path / name
        write(folder / "sightings.geojson", collection(features, patrol=name, generated=NOW))
        (folder / "evidence").mkdir(exist_ok=True)
        for row in features:
            picture = folder / "evidence" / f"{row['properties']['id']}.jpg"
            picture.write_bytes(b"\xff\xd8" + picture.name.encode())
        return folder

    return make


@pytest.fixture
def patrol(make_patrol: Callable[..., Path]) -> Path:
    return make_patrol(SIGHTINGS)
