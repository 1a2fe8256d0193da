"""The made-up rivers and cities are what they say, and the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry import Point

from benchmarks.planning.city_world import made_city
from benchmarks.planning.meanders import random_area, random_settings
from benchmarks.planning.worlds import meander
from patrol.area import StudyArea


def test_a_city_has_its_share_of_everything_and_is_the_same_again():
    city, again = made_city(3, 1 / 32), made_city(3, 1 / 32)
    assert len(city.rivers) == 74
    assert city.km == pytest.approx(5750 / 32, rel=0.02)
    assert (len(city.docks_m), len(city.zones)) == (2, 1)
    assert all(a.equals(b) for a, b in zip(city.rivers, again.rivers, strict=True))
    assert np.array_equal(city.docks_m, again.docks_m)


def test_a_city_keeps_docks_and_most_of_each_river_out_of_zones():
    city = made_city(4, 1 / 8)
    taken = shapely.union_all(list(city.zones))
    assert shapely.distance(shapely.points(city.docks_m), taken).min() > 150
    assert all(line.intersection(taken).length < line.length / 3 for line in city.rivers)


def test_a_city_is_read_as_it_was_made(tmp_path: Path):
    city = made_city(5, 1 / 64)
    city.write(tmp_path)
    area = StudyArea.read(tmp_path)
    assert area.length_m / 1000 == pytest.approx(city.km, rel=1e-3)
    assert [river.width_m for river in area.rivers] == city.widths_m.tolist()
    assert len(area.launch_sites) == len(city.docks_m)
    assert len(area.no_fly_zones) == len(city.zones)


@pytest.mark.parametrize("seed", range(20))
def test_meanders_bend_no_tighter_than_asked_and_do_not_cross_themselves(seed: int):
    line = meander(np.random.default_rng(seed), 1500.0, 20.0)
    steps = np.diff(shapely.get_coordinates(line), axis=0)
    heading = np.arctan2(steps[:, 1], steps[:, 0])
    turns = np.abs((np.diff(heading) + np.pi) % (2 * np.pi) - np.pi)
    assert line.is_simple
    assert line.length >= 700
    assert (turns <= np.hypot(*steps.T)[1:] / 20.0 + 1e-6).all()


def test_random_areas_differ_in_all_that_matters():
    drawn = [
        (random_area(rng), random_settings(rng)) for rng in map(np.random.default_rng, range(60))
    ]
    rivers = [area.rivers[0] for area, _ in drawn]
    assert {len(area.no_fly_zones) for area, _ in drawn} == {0, 1, 2, 3}
    assert {s.cover for _, s in drawn} == {"both", "left", "right", "water"}
    assert {s.capture for _, s in drawn} == {"photos", "video"}
    assert any(len(r.breadths) > 1 for r in rivers)
    assert any(not r.breadths for r in rivers)
    sites = [
        r.centreline_m.distance(Point(area.projection.forward([(s.position.lon_deg, s.position.lat_deg)])[0]))
        for r, (area, _) in zip(rivers, drawn, strict=True)
        for s in area.launch_sites
    ]  # fmt: skip
    assert min(sites) >= 180
    assert max(sites) <= 1600
