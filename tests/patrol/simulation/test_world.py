"""The virtual river: seeded, lawful where it should be, unlawful where it was planted."""

from __future__ import annotations

import json
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import shapely

from geo.errors import LayerError
from patrol.area import StudyArea
from patrol.errors import SimulationError
from patrol.simulation.world import World
from patrol.simulation.world.ground import GroundPainter
from patrol.simulation.world.textures import TILE_M, TILE_PX


def test_the_same_seed_makes_the_same_world(area: StudyArea, world: World) -> None:
    again = World.build(area, 5, 24.0)
    assert [f.properties for f in again.truth()] == [f.properties for f in world.truth()]
    np.testing.assert_array_equal(again.trees.xy_m, world.trees.xy_m)
    assert again.litter == world.litter
    other = World.build(area, 6, 24.0)
    assert [f.properties for f in other.truth()] != [f.properties for f in world.truth()]


@pytest.mark.parametrize("density", [6.0, 24.0])
def test_density_is_what_was_asked_for(area: StudyArea, density: float) -> None:
    counts = [
        sum(f.properties["planted"] for f in World.build(area, seed, density).truth())
        for seed in (1, 2, 3, 4)
    ]
    per_km = np.mean(counts) / (area.length_m / 1000)
    assert 0.65 * density < per_km < 1.35 * density


@pytest.mark.parametrize(("seed", "density"), [(-1, 6.0), (1, 0.0), (1, 61.0)])
def test_bad_settings_are_one_line(area: StudyArea, seed: int, density: float) -> None:
    with pytest.raises(SimulationError, match="seed must be 0 or more") as caught:
        World.build(area, seed, density)
    assert "\n" not in str(caught.value)


def test_things_of_a_class_stand_apart(world: World) -> None:
    planted = world.planted
    for things in (planted.outfalls, planted.structures, planted.wastes):
        assert len(things) >= 3
        for a, b in combinations(things, 2):
            assert a.footprint_m.centroid.distance(b.footprint_m.centroid) > 10


def test_outfalls_stand_in_the_bank_and_about_half_discharge(area: StudyArea) -> None:
    outfalls = discharging = 0
    for seed in range(1, 7):
        world = World.build(area, seed, 24.0)
        outfalls += len(world.planted.outfalls)
        discharging += len(world.planted.plumes)
        for outfall in world.planted.outfalls:
            assert world.water.boundary.distance(shapely.Point(outfall.root_m)) < 0.6
            assert 0.5 < outfall.size_m <= 2.5
    assert 0.3 < discharging / outfalls < 0.7


def test_a_plume_starts_at_its_outfall_and_runs_downstream(world: World) -> None:
    outfalls = {o.ident: o for o in world.planted.outfalls}
    assert world.planted.plumes
    for plume in world.planted.plumes:
        outfall = outfalls[plume.outfall]
        assert plume.footprint_m.distance(outfall.footprint_m) < 1.0
        assert world.water.buffer(0.1).covers(plume.footprint_m)
        river = min(
            world.area.rivers,
            key=lambda r: r.centreline_m.distance(shapely.Point(outfall.root_m)) - r.width_m / 2,
        )
        start = river.centreline_m.project(shapely.Point(outfall.root_m))
        end = river.centreline_m.project(shapely.Point(plume.spine_m[-1]))
        assert end > start


def test_structures_are_planted_inside_the_zone_and_houses_outside(world: World) -> None:
    zone = shapely.union_all([
        r.centreline_m.buffer(r.width_m / 2 + 15, cap_style="flat") for r in world.area.rivers
    ])  # fmt: skip
    permitted = [b.footprint_m for b in world.houses if b.status == "permitted"]
    assert len(permitted) == 1
    for building in world.planted.structures:
        inside = building.footprint_m.intersection(zone).area / building.footprint_m.area
        assert inside > 0.9
        assert building.footprint_m.distance(world.opening) > 0.3
        assert building.footprint_m.distance(permitted[0]) > 2
    ordinary = [b for b in world.houses if b.status == "ordinary"]
    assert len(ordinary) > 10
    for building in ordinary:
        assert building.footprint_m.distance(zone) >= 3 - 1e-6


def test_waste_floats(world: World) -> None:
    for waste in world.planted.wastes:
        assert world.water.buffer(1e-6).covers(waste.footprint_m)
        west, south, east, north = waste.footprint_m.bounds
        assert max(east - west, north - south) < 8.5


def test_truth_names_the_community_that_holds_each_thing(world: World, tmp_path: Path) -> None:
    count = world.write_truth(tmp_path / "truth.geojson")
    rows = json.loads((tmp_path / "truth.geojson").read_text())["features"]
    planted = [r for r in rows if r["properties"]["planted"]]
    assert len(planted) == count > 0
    assert {r["properties"]["class"] for r in planted} == {
        "outfall", "discharge", "structure", "floating_waste",
    }  # fmt: skip
    assert {r["properties"]["status"] for r in rows if not r["properties"]["planted"]} == {
        "permitted", "ordinary",
    }  # fmt: skip
    for row in rows:
        lon, lat = row["geometry"]["coordinates"]
        expected = "440112012002" if lon > 113.46 else "440112012001"
        if abs(lon - 113.46) > 1e-5:
            assert row["properties"]["community_code"] == expected
        ring = shapely.Polygon(row["properties"]["footprint"])
        assert ring.buffer(1e-5).covers(shapely.Point(lon, lat))
    assert len({r["properties"]["id"] for r in rows}) == len(rows)


def test_an_area_without_communities_has_no_truth(hamlet: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(hamlet, tmp_path / "bare")
    (folder / "communities.geojson").unlink()
    world = World.build(StudyArea.read(folder), 1)
    with pytest.raises(LayerError, match=r"communities\.geojson: no such file"):
        world.write_truth(tmp_path / "truth.geojson")
    assert not (tmp_path / "truth.geojson").exists()


def test_ground_tiles_are_the_same_in_any_order_and_meet_without_a_seam(world: World) -> None:
    one, other = GroundPainter(world), GroundPainter(world)
    first, second = one.paint(0, 0), one.paint(1, 0)
    again = other.paint(1, 0)
    np.testing.assert_array_equal(again, second)
    np.testing.assert_array_equal(other.paint(0, 0), first)
    assert first.shape == (TILE_PX, TILE_PX, 3)
    across = np.abs(first[:, -1].astype(int) - second[:, 0].astype(int)).mean()
    within = np.abs(first[:, -1].astype(int) - first[:, -2].astype(int)).mean()
    assert across < 1.6 * within + 1.0


def test_water_is_painted_where_the_water_is(world: World) -> None:
    """The plane below the bank tops is water: its colour is the world's water, not grass."""
    painter = GroundPainter(world)
    point = world.area.rivers[0].centreline_m.interpolate(250)
    i, j = int(point.x // TILE_M), int(point.y // TILE_M)
    tile = painter.paint(i, j)
    column = int((point.x - i * TILE_M) / TILE_M * TILE_PX)
    row = int(((j + 1) * TILE_M - point.y) / TILE_M * TILE_PX)
    patch = tile[max(row - 15, 0) : row + 15, max(column - 15, 0) : column + 15]
    water = world.materials.water.mean(axis=(0, 1))
    grass = world.materials.grass.mean(axis=(0, 1))
    seen = patch.reshape(-1, 3).mean(axis=0)
    assert np.linalg.norm(seen / seen.sum() - water / water.sum()) < np.linalg.norm(
        seen / seen.sum() - grass / grass.sum()
    )
