"""The sample study area holds together: what its README promises."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry import Point, shape

from geo.communities import AreaMap
from geo.layers import Feature, read_layer
from patrol.area import StudyArea

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
