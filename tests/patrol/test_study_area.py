"""The sample study area holds together: what its README promises; and areas in every format."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyogrio.raw import write
from shapely.geometry import LineString, Point, box, shape

from geo.communities import AreaMap
from geo.errors import LayerError
from geo.gcj02 import wgs84_to_gcj02
from geo.layers import Feature, read_layer, write_layer
from patrol.area import River, StudyArea
from patrol.errors import AreaError
from patrol.rivers import Breadth

BANK_STRIP_M = 15.0


@pytest.fixture(scope="module")
def area(luogang: Path) -> StudyArea:
    return StudyArea.read(luogang)


def layer(area: StudyArea, name: str) -> list[Feature]:
    return read_layer(area.folder / f"{name}.geojson")


def metres(area: StudyArea, feature: Feature) -> shapely.Geometry:
    return shapely.transform(feature.geometry, area.projection.forward)


def test_four_named_rivers_of_twelve_kilometres(area: StudyArea) -> None:
    assert len({river.name for river in area.rivers}) == 4
    assert area.length_m == pytest.approx(12_000, rel=0.01)
    for river in area.rivers:
        assert 8 <= river.width_m <= 32
        steps = np.hypot(*np.diff(shapely.get_coordinates(river.centreline_m), axis=0).T)
        assert 20 <= steps.min() <= steps.max() <= 60
        assert river.centreline_m.is_simple


def test_rivers_meet_only_at_confluences(area: StudyArea) -> None:
    for number, river in enumerate(area.rivers):
        for other in area.rivers[:number]:
            if river.centreline_m.distance(other.centreline_m) < 80:
                end = shapely.get_point(river.centreline_m, -1)
                assert end.distance(other.centreline_m) < 0.1
                upstream = shapely.line_interpolate_point(
                    river.centreline_m, np.arange(0, river.centreline_m.length - 250, 20.0)
                )
                assert shapely.distance(upstream, other.centreline_m).min() > 80


def test_communities_and_grids_are_partitions(area: StudyArea) -> None:
    communities, grids = layer(area, "communities"), layer(area, "grids")
    outlines = [c.geometry for c in communities]
    assert len(communities) >= 14
    assert shapely.coverage_is_valid(outlines)
    assert shapely.coverage_is_valid([g.geometry for g in grids])
    whole = shapely.union_all(outlines)
    assert whole.geom_type == "Polygon"
    assert not whole.interiors
    for community in communities:
        mine = [g for g in grids if g.text("community_code") == community.text("code")]
        assert 3 <= len(mine) <= 8
        joined = shapely.union_all([g.geometry for g in mine])
        assert joined.symmetric_difference(community.geometry).area < 1e-12
        assert all(g.text("code").startswith(community.text("code")) for g in mine)
    AreaMap.read(area.folder / "communities.geojson")  # codes differ


def test_communities_reach_half_a_kilometre_beyond_the_rivers(area: StudyArea) -> None:
    whole = shapely.union_all([metres(area, c) for c in layer(area, "communities")])
    for river in area.rivers:
        assert whole.contains(river.centreline_m.buffer(500))


def test_a_part_of_the_borders_runs_along_the_rivers(area: StudyArea) -> None:
    borders = shapely.union_all([metres(area, c).boundary for c in layer(area, "communities")])
    near = borders.buffer(0.05)
    shared = sum(river.centreline_m.intersection(near).length for river in area.rivers)
    assert 0.3 < shared / area.length_m < 0.95


def test_names_and_codes_are_official(area: StudyArea, real_data: Path) -> None:
    rows = json.loads((real_data / "gis" / "huangpu_streets_communities.json").read_text())
    names = {row["code"]: row["name"] for row in rows["villages"]}
    streets = {row["code"]: row["name"] for row in rows["streets"]}
    communities = layer(area, "communities")
    for community in communities:
        short = community.text("name").removesuffix("社区")
        assert names[community.text("code")].startswith(short)
        assert streets[community.text("street_code")] == community.text("street")
        assert community.text("code").startswith(community.text("street_code"))
    of_luogang = {code for code in names if code.startswith("440112012")}
    assert of_luogang <= {c.text("code") for c in communities}


def test_it_lies_in_huangpu(area: StudyArea, real_data: Path) -> None:
    districts = json.loads((real_data / "gis" / "guangzhou_districts_echarts.geojson").read_text())
    [row] = [r for r in districts["features"] if r["properties"]["name"] == "黄埔区"]
    gcj = shapely.make_valid(shape(row["geometry"]))
    wgs = shapely.transform(gcj, lambda lonlat: lonlat - [0.00544, -0.00257])  # GCJ-02 there
    assert all(wgs.covers(c.geometry) for c in layer(area, "communities"))


def test_management_zones_are_the_water_and_the_strip(area: StudyArea) -> None:
    zones = {z.text("river"): metres(area, z) for z in layer(area, "management_zones")}
    assert set(zones) == {river.code for river in area.rivers}
    for river in area.rivers:
        wanted = river.centreline_m.buffer(river.width_m / 2 + BANK_STRIP_M, cap_style="flat")
        assert zones[river.code].symmetric_difference(wanted).area < 0.001 * wanted.area


def test_permitted_structures_stand_in_a_zone_and_not_in_the_water(area: StudyArea) -> None:
    structures = layer(area, "permitted_structures")
    zones = {z.text("river"): metres(area, z) for z in layer(area, "management_zones")}
    assert 10 <= len(structures) <= 14
    for structure in structures:
        outline = metres(area, structure)
        assert zones[structure.text("river")].contains(outline)
        assert structure.text("permit")
        assert 1 <= structure.number("height_m") <= 15
        for river in area.rivers:
            assert not outline.intersects(river.centreline_m.buffer(river.width_m / 2))


def test_launch_sites_and_no_fly_zones(area: StudyArea) -> None:
    assert len(area.launch_sites) == 3
    assert len(area.no_fly_zones) == 2
    for zone in area.no_fly_zones:
        for river in area.rivers:
            assert zone.outline_m.distance(river.centreline_m) > river.width_m / 2 + 50
        for site in area.launch_sites:
            here = Point(*area.projection.forward([(site.position.lon_deg, site.position.lat_deg)]))
            assert zone.outline_m.distance(here) > 50


def test_everything_has_an_english_name(area: StudyArea) -> None:
    for name in (
        "rivers", "communities", "grids", "management_zones", "permitted_structures",
        "launch_sites", "no_fly_zones",
    ):  # fmt: skip
        for feature in layer(area, name):
            assert feature.text("name_en").isascii()
            assert not feature.text("name").isascii()


def test_departments_answer_for_every_class(area: StudyArea) -> None:
    rows = json.loads((area.folder / "departments.json").read_text())
    codes = {row["code"] for row in rows["departments"]}
    assert set(rows["handles"]) == {"outfall", "discharge", "structure", "floating_waste"}
    assert set(rows["handles"].values()) <= codes
    assert rows["accept_hours"] == 24


def copy_as(area: StudyArea, folder: Path, driver: str, suffix: str) -> Path:
    """The sample area's layers in another format."""
    for name, kind in (
        ("rivers", "LineString"), ("launch_sites", "Point"), ("no_fly_zones", "Polygon"),
    ):  # fmt: skip
        rows = layer(area, name)
        keys = [k for k in ("code", "name", "name_en", "width_m") if k in rows[0].properties]
        columns = [
            np.array([row.properties[k] for row in rows], dtype=float if k == "width_m" else object)
            for k in keys
        ]
        write(
            folder / f"{name}{suffix}",
            np.array([shapely.to_wkb(row.geometry) for row in rows], dtype=object),
            columns, fields=[k.upper() for k in keys], crs="EPSG:4326",
            geometry_type=kind, driver=driver, encoding="UTF-8",
        )  # fmt: skip
    return folder


@pytest.mark.parametrize(
    ("driver", "suffix"), [("GPKG", ".gpkg"), ("ESRI Shapefile", ".shp"), ("LIBKML", ".kml")]
)
def test_the_same_area_from_other_formats(
    area: StudyArea, tmp_path: Path, driver: str, suffix: str
) -> None:
    again = StudyArea.read(copy_as(area, tmp_path, driver, suffix))
    assert [(r.code, r.name, r.width_m) for r in again.rivers] == [
        (r.code, r.name, r.width_m) for r in area.rivers
    ]
    for one, two in zip(area.rivers, again.rivers, strict=True):
        assert one.centreline_m.hausdorff_distance(two.centreline_m) < 0.01
    assert [(s.code, s.name) for s in again.launch_sites] == [
        (s.code, s.name) for s in area.launch_sites
    ]
    assert [z.name for z in again.no_fly_zones] == [z.name for z in area.no_fly_zones]


def test_reading_the_sample_says_nothing(area: StudyArea) -> None:
    assert area.notes == ()
    assert all(river.breadths == () for river in area.rivers)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder with one river of two reaches, a launch site without a code, and no zones."""
    river = {"code": "R1", "name": "南岗河", "width_m": 20}
    write_layer(
        tmp_path / "rivers.geojson",
        [
            Feature(LineString([(113.46, 23.18), (113.47, 23.18)]), river),
            Feature(LineString([(113.475, 23.18), (113.4702, 23.18)]), river | {"width_m": 30}),
        ],
    )
    write_layer(tmp_path / "launch_sites.geojson", [Feature(Point(113.465, 23.181), {})])
    return tmp_path


def rivers(folder: Path, *lines: Any, **properties: Any) -> None:
    row = {"code": "R1", "name": "南岗河", "width_m": 20} | properties
    write_layer(folder / "rivers.geojson", [Feature(LineString(line), row) for line in lines])


def water(folder: Path, *outlines: Any) -> None:
    write_layer(folder / "banks.geojson", [Feature(outline, {}) for outline in outlines])


def test_reaches_are_joined_and_the_notes_say_so(small: Path) -> None:
    area = StudyArea.read(small)
    [river] = area.rivers
    first = 1023.5
    assert river.breadths[0] == Breadth(0, pytest.approx(first, abs=1), 10, 10)
    assert river.breadths[1].left_m == 15
    assert river.breadths[-1].to_m == river.centreline_m.length
    assert 20 < river.width_m < 30
    assert [site.code for site in area.launch_sites] == ["L1"]
    assert any("bridged 1 gaps (20.5 m)" in note for note in area.notes)
    assert any("is now L1" in note for note in area.notes)
    covered = area.water_m(river)
    assert covered.area == pytest.approx(river.width_m * river.centreline_m.length, rel=1e-6)


def test_water_of_uneven_breadth_is_on_the_right_side(area: StudyArea) -> None:
    line = LineString([(0, 0), (100, 0)])
    river = River("R", "r", "r", 15, line, line, (Breadth(0, 40, 5, 10), Breadth(40, 100, 0, 15)))
    assert area.water_m(river).equals(box(0, -10, 40, 5).union(box(40, -15, 100, 0)))


def test_banks_say_how_wide(small: Path) -> None:
    rivers(small, [(113.46, 23.18), (113.47, 23.18)], width_m=None)
    water(small, box(113.459, 23.1799, 113.4655, 23.1802), box(113.4654, 23.1799, 113.471, 23.1804))
    [river] = StudyArea.read(small).rivers
    assert [round(b.left_m) for b in river.breadths] == [22, 44]
    assert [round(b.right_m) for b in river.breadths] == [11, 11]
    water(small, box(113.459, 23.19, 113.471, 23.191))
    with pytest.raises(AreaError, match=r"R1 南岗河: the water's outline misses the centreline"):
        StudyArea.read(small)
    rivers(small, [(113.46, 23.18), (113.47, 23.18)])
    area = StudyArea.read(small)
    assert area.rivers[0].width_m == 20
    assert any("width_m counts" in note for note in area.notes)


def test_no_width_anywhere_is_refused_by_name(small: Path) -> None:
    rivers(small, [(113.46, 23.18), (113.47, 23.18)], width_m=None)
    with pytest.raises(AreaError, match="the river R1 南岗河 has no width from 0 to 10") as caught:
        StudyArea.read(small)
    assert "rivers.geojson: feature 1" in str(caught.value)


def test_two_files_for_one_layer_are_refused(small: Path) -> None:
    shutil.copy(small / "rivers.geojson", small / "rivers.json")
    with pytest.raises(
        AreaError, match=r"rivers\.geojson and rivers\.json both hold the layer rivers"
    ):
        StudyArea.read(small)
    assert StudyArea.read(small, rivers=small / "rivers.json").rivers


def test_layers_from_elsewhere(luogang: Path, small: Path, tmp_path: Path) -> None:
    area = StudyArea.read(
        tmp_path / "nowhere",
        rivers=small / "rivers.geojson",
        launch_sites=luogang / "launch_sites.geojson",
        no_fly_zones=luogang / "no_fly_zones.geojson",
    )
    assert (len(area.rivers), len(area.launch_sites), len(area.no_fly_zones)) == (1, 3, 2)
    with pytest.raises(LayerError, match="no such file"):
        StudyArea.read(small, banks=tmp_path / "none.shp")


def test_zones_of_ed269_near_the_area(luogang: Path, small: Path) -> None:
    def zone(lon: float, **members: Any) -> dict[str, Any]:
        circle = {"type": "Circle", "center": [lon, 23.18], "radius": 300}
        volume = {"uomDimensions": "M", "lowerLimit": 0, "lowerVerticalReference": "AGL",
                  "horizontalProjection": circle, **members}  # fmt: skip
        return {"identifier": f"Z{lon}", "restriction": "PROHIBITED", "geometry": [volume]}

    path = small / "no_fly_zones.json"
    rows = [zone(113.48), zone(113.7), zone(113.5, lowerLimit=300)]
    path.write_text(json.dumps({"title": "UAS zones", "features": rows}))
    area = StudyArea.read(small)
    assert [z.name for z in area.no_fly_zones] == ["Z113.48"]
    assert area.no_fly_zones[0].outline_m.area == pytest.approx(np.pi * 300**2, rel=0.01)
    assert any("above 120 m AGL: Z113.5" in note for note in area.notes)
    both = StudyArea.read(small, no_fly_zones=[path, luogang / "no_fly_zones.geojson"])
    assert len(both.no_fly_zones) == 3


def test_gcj02_moves_the_whole_area(small: Path, tmp_path: Path) -> None:
    plain = StudyArea.read(small)
    for name in ("rivers", "launch_sites"):
        rows = read_layer(small / f"{name}.geojson")
        shifted = [
            Feature(shapely.transform(r.geometry, wgs84_to_gcj02), r.properties) for r in rows
        ]
        write_layer(small / f"{name}.geojson", shifted)
    back = StudyArea.read(small, datum="gcj02")
    assert back.projection == plain.projection
    [one], [two] = plain.rivers, back.rivers
    assert one.centreline_m.hausdorff_distance(two.centreline_m) < 0.01


def test_a_box_takes_rivers_out_of_a_large_file(luogang: Path) -> None:
    whole = StudyArea.read(luogang)
    west, south, east, north = whole.launch_sites[0].position.lon_deg, 23.0, 113.6, 23.4
    part = StudyArea.read(luogang, bbox=(west, south, east, north))
    assert 0 < len(part.rivers) < len(whole.rivers)
    with pytest.raises(LayerError, match="no feature lies in the box"):
        StudyArea.read(luogang, bbox=(120, 30, 121, 31))
