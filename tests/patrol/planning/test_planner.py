"""Whole plans: the sample area, random rivers with zones, terrain, and input that cannot be planned."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from made_terrain import terrain
from numpy.typing import NDArray
from random_rivers import PROJECTION, area_with, hairpin, meander, river_cases
from shapely.geometry import LineString, Point, box
from shapely.geometry.base import BaseGeometry

from geo.errors import LayerError
from geo.terrain import Terrain
from patrol.area import StudyArea
from patrol.errors import AreaError, PatrolError, PlanningError
from patrol.mission import mission_items
from patrol.plan import Plan, Reach, Sortie
from patrol.planning.check import check_plan
from patrol.planning.layers import lane_features
from patrol.planning.planner import chosen_reaches, plan_area
from patrol.planning.settings import PlanSettings
from patrol.planning.wind import Wind

RIVER = LineString([(0, 0), (400, 60), (800, 0), (1200, 40)])
MUST_SHOW = PlanSettings(
    gsd_m=0.02, capture="photos", cover="both", speed_m_s=12.0, wind=Wind(5.0, 45.0)
)


@pytest.fixture(scope="module")
def area(luogang: Path) -> StudyArea:
    return StudyArea.read(luogang)


@pytest.fixture(scope="module")
def plan(area: StudyArea) -> Plan:
    return plan_area(area, MUST_SHOW)


@pytest.fixture(scope="module")
def short(area: StudyArea) -> Plan:
    """Eight hundred metres of a brook: quick to plan again."""
    return plan_area(area, MUST_SHOW, chosen_reaches(area, ["R3"], 100.0, 900.0))


def track_m(plan: Plan, sortie: Sortie) -> LineString:
    home = (sortie.launch.lon_deg, sortie.launch.lat_deg)
    stops = [home, *((w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints), home]
    return LineString(plan.projection.forward(stops))


def lanes_m(plan: Plan) -> list[LineString]:
    return [shapely.transform(lane.line, plan.projection.forward) for lane in plan.lanes]


def seen(
    points: NDArray[np.float64], line: NDArray[np.float64], settings: PlanSettings
) -> NDArray[np.bool_]:
    """Which of the points a lane sees, leg by leg, written apart from the planner's own check."""
    half, near, far = settings.view_m(settings.height_m)
    found = np.zeros(len(points), bool)
    for start, end in pairwise(line):
        length = np.hypot(*(end - start))
        unit, away = (end - start) / length, points - start
        along, across = away @ unit, away[:, 0] * unit[1] - away[:, 1] * unit[0]
        beside = (np.abs(across) <= half + 0.06) & (along >= near - 0.06)
        found |= beside & (along <= length + far + 0.06)
    return found


def flies_each_lane_once(plan: Plan) -> bool:
    flown: dict[str, list[tuple[float, float]]] = {}
    for sortie in plan.sorties:
        for w in sortie.waypoints:
            if w.lane:
                flown.setdefault(w.lane, []).append((w.position.lon_deg, w.position.lat_deg))
    return flown == {lane.id: list(lane.line.coords) for lane in plan.lanes}


def test_the_sample_area_is_covered_in_the_time_that_must_be_shown(plan: Plan) -> None:
    assert plan.certificate.share == 1.0
    assert plan.certificate.area_share > 0.99999
    assert plan.certificate.uncovered == ()
    assert {lane.river for lane in plan.lanes} == {"R1", "R2", "R3", "R4"}
    assert sum(r.to_m - r.from_m for r in plan.reaches) == pytest.approx(12_000, rel=0.01)
    assert plan.certificate.metres == pytest.approx(24_000, rel=0.01)
    assert plan.operation.operating_s <= 75 * 60
    assert 0 <= plan.operation.gap_share <= 0.10


def test_the_sample_area_is_seen_point_by_point(plan: Plan) -> None:
    rng = np.random.default_rng(1)
    lines = [shapely.get_coordinates(line) for line in lanes_m(plan)]
    for river in plan.rivers:
        edge = river.width_m / 2
        strip = river.centreline_m.buffer(edge + 15, cap_style="flat").difference(
            river.centreline_m.buffer(edge - 5, cap_style="flat")
        )
        west, south, east, north = strip.bounds
        points = rng.uniform((west, south), (east, north), (40_000, 2))
        points = points[shapely.contains_xy(strip, points)]
        assert len(points) > 100
        found = np.zeros(len(points), bool)
        for line in lines:
            found |= seen(points, line, plan.settings)
        assert found.all()


def test_sorties_can_be_flown(area: StudyArea, plan: Plan) -> None:
    sites = {site.code: site.position for site in area.launch_sites}
    for sortie in plan.sorties:
        assert sites[sortie.launch_site] == sortie.launch
        assert sortie.energy_wh <= 0.75 * 77.0
        assert len(mission_items(plan, sortie)) <= 600
        track = track_m(plan, sortie)
        assert track.length == pytest.approx(sortie.length_m, rel=1e-4)
        assert sortie.duration_s > sortie.length_m / plan.settings.speed_m_s
        assert {w.above_launch_m for w in sortie.waypoints} == {round(plan.height_agl_m, 3)}
        points = shapely.get_coordinates(track)
        again = plan.settings.energy.sortie(points, np.full(len(points), plan.height_agl_m))
        assert again.energy_wh == pytest.approx(sortie.energy_wh, rel=1e-5)
        assert again.duration_s == pytest.approx(sortie.duration_s, rel=1e-5)
        for zone in area.no_fly_zones:
            assert track.distance(zone.outline_m) > 15


def test_the_operation_adds_up(plan: Plan) -> None:
    operation = plan.operation
    assert operation.flight_s == pytest.approx(sum(s.duration_s for s in plan.sorties))
    assert operation.operating_s == pytest.approx(operation.flight_s + operation.ground_s)
    assert operation.operating_s == max(f.end_s for f in operation.flights)
    lanes = sum(line.length for line in lanes_m(plan)) / plan.settings.speed_m_s
    assert operation.ferry_s + lanes < operation.flight_s
    assert operation.lower_bound_s > lanes
    assert sorted(f.sortie for f in operation.flights) == [s.id for s in plan.sorties]


def test_each_lane_is_flown_once_along_its_line(plan: Plan) -> None:
    assert flies_each_lane_once(plan)
    rivers = {river.code: river.centreline_m for river in plan.rivers}
    for lane, line in zip(plan.lanes, lanes_m(plan), strict=True):
        at = [rivers[lane.river].project(Point(line.coords[i])) for i in (0, -1)]
        assert [lane.from_m, lane.to_m] == pytest.approx(at, abs=0.1)
        assert lane.speed_m_s == plan.settings.speed_m_s


def test_the_certificate_is_that_of_the_file(plan: Plan) -> None:
    found = check_plan(plan)
    assert found.problems == ()
    assert found.certificate == plan.certificate


def test_planning_again_gives_the_same_plan(area: StudyArea, short: Plan) -> None:
    assert plan_area(area, MUST_SHOW, chosen_reaches(area, ["R3"], 100.0, 900.0)) == short


def test_a_plan_goes_through_its_file_unchanged(plan: Plan, short: Plan, tmp_path: Path) -> None:
    for number, made in enumerate((plan, short)):
        path = tmp_path / f"{number}.json"
        made.write(path)
        read = Plan.read(path)
        read.write(tmp_path / "again.json")
        assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
        assert check_plan(read).problems == ()
        assert check_plan(read).certificate.share == made.certificate.share


def test_lanes_for_the_map(plan: Plan) -> None:
    features = lane_features(plan)
    lanes = [f for f in features if f.properties["kind"] == "lane"]
    transit = [f for f in features if f.properties["kind"] == "transit"]
    assert len(lanes) == len(plan.lanes)
    for sortie in plan.sorties:
        mine = [f.geometry for f in features if f.properties["sortie"] == sortie.id]
        first = next(f.geometry for f in transit if f.properties["sortie"] == sortie.id)
        home = (sortie.launch.lon_deg, sortie.launch.lat_deg)
        assert first.coords[0] == home
        whole = [home, *((w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints), home]
        assert sum(line.length for line in mine) == pytest.approx(LineString(whole).length)


def test_a_finer_picture_needs_more_lanes(area: StudyArea) -> None:
    reach = [Reach("R1", 0.0, 1200.0)]
    coarse, fine = (plan_area(area, PlanSettings(gsd_m=gsd), reach) for gsd in (0.035, 0.02))
    assert {lane.side for lane in fine.lanes} >= {"left", "right"}
    assert fine.certificate.share == coarse.certificate.share == 1.0
    assert fine.height_agl_m < coarse.height_agl_m
    assert sum(x.length for x in lanes_m(fine)) > 1.5 * sum(x.length for x in lanes_m(coarse))


def test_a_short_stretch(area: StudyArea) -> None:
    [reach] = chosen_reaches(area, ["R3"], 200, 800)
    made = plan_area(area, PlanSettings(), [reach])
    assert made.certificate.share == 1.0
    [lane] = made.lanes
    assert sorted((lane.from_m, lane.to_m)) == pytest.approx([190, 810], abs=3)
    assert [river.code for river in made.rivers] == ["R3"]


@pytest.mark.parametrize(
    ("rivers", "from_m", "to_m", "words"),
    [
        (["R9"], None, None, "no river 'R9'"),
        ([], 100.0, None, "exactly one --river"),
        (["R1"], 500.0, 400.0, "not at least"),
        (["R1"], float("nan"), None, "not at least"),
        (["R1"], -5.0, None, "not at least"),
        (["R1"], 9000.0, None, "not at least"),
    ],
)
def test_reaches_that_are_not_there(
    area: StudyArea, rivers: list[str], from_m: float, to_m: float, words: str
) -> None:
    with pytest.raises(PlanningError, match=words):
        chosen_reaches(area, rivers, from_m, to_m)


def test_a_small_battery_makes_more_and_shorter_sorties() -> None:
    area = area_with([(RIVER, 20)], [(-200, -200), (900, 300)])
    one, many = (plan_area(area, PlanSettings(battery_wh=wh)) for wh in (None, 12.0))
    assert len(one.sorties) == 1
    assert len(many.sorties) > 1
    assert all(s.energy_wh <= 0.75 * 12 for s in many.sorties)
    assert many.certificate.share == one.certificate.share == 1.0
    assert flies_each_lane_once(many)
    assert many.operation.operating_s > one.operation.operating_s
    starts = sorted((f.start_s, f.end_s) for f in many.operation.flights)
    for before, after in pairwise(starts):
        assert after[0] - before[1] >= 300.0 - 1e-6


def test_what_the_battery_does_not_reach_is_listed() -> None:
    area = area_with([(RIVER, 20)], [(-200, -200)])
    made = plan_area(area, PlanSettings(battery_wh=14.0))
    assert 0.3 < made.certificate.share < 0.95
    assert all("no lane" in u.reason and u.to_m > 1200 for u in made.certificate.uncovered)
    assert any("battery" in note for note in made.notes)
    assert check_plan(made).problems == ()


def test_what_lies_in_a_no_fly_zone_is_listed() -> None:
    area = area_with([(RIVER, 20)], [(-200, -200)], [box(500, -100, 700, 150)])
    made = plan_area(area, PlanSettings())
    gaps = made.certificate.uncovered
    assert {gap.bank for gap in gaps} == {"left", "right"}
    for gap in gaps:
        assert gap.reason == "禁飞区 no-fly zone: 区1"
        assert 450 < gap.from_m < 520
        assert 690 < gap.to_m < 760
    lost = sum(gap.to_m - gap.from_m for gap in gaps)
    assert made.certificate.share == pytest.approx(1 - lost / (2 * RIVER.length))
    assert [zone.name for zone in made.no_fly_zones] == ["区1"]
    for sortie in made.sorties:
        assert track_m(made, sortie).distance(box(500, -100, 700, 150)) > 19


def test_a_zone_with_a_hole_is_filled() -> None:
    ring = Point(600, 30).buffer(300).difference(Point(600, 30).buffer(150))
    made = plan_area(area_with([(RIVER, 20)], [(-400, -200)], [ring]), PlanSettings())
    assert made.no_fly_zones[0].outline.interiors[:] == []
    for sortie in made.sorties:
        assert track_m(made, sortie).distance(Point(600, 30)) > 250


@pytest.mark.parametrize("crews", [2, 3])
def test_two_crews_that_stay_fly_a_river_each(crews: int) -> None:
    rivers = [(LineString([(0, 0), (600, 0)]), 20.0), (LineString([(12e3, 0), (12.6e3, 0)]), 20.0)]
    area = area_with(rivers, [(0, 100), (12_000, 100)])
    made = plan_area(area, PlanSettings(battery_wh=20.0, crews=crews, car_m_s=None))
    assert made.certificate.share == 1.0
    assert {(f.site, f.start_s) for f in made.operation.flights} == {("L1", 0.0), ("L2", 0.0)}


def test_docks_and_crews_are_quicker_than_one_crew() -> None:
    rivers = [(LineString([(0, 0), (600, 0)]), 20.0), (LineString([(3e3, 0), (3.6e3, 0)]), 20.0)]
    area = area_with(rivers, [(0, 100), (3000, 100)])
    settings = PlanSettings(battery_wh=20.0)
    one, two, docks = (
        plan_area(area, replace(settings, **chosen)).operation.operating_s  # type: ignore[arg-type]
        for chosen in ({}, {"crews": 2}, {"docks": True})
    )
    assert two == docks
    assert two < 0.7 * one


@pytest.mark.parametrize("cover", ["left", "right", "both", "water"])
@pytest.mark.parametrize("pitch_deg", [-90.0, -60.0])
def test_each_cover_with_either_camera(cover: str, pitch_deg: float) -> None:
    area = area_with([(meander(4, 900, 60, 20), 60)], [(-150, -100)])
    settings = PlanSettings(gsd_m=0.03, cover=cover, pitch_deg=pitch_deg)  # type: ignore[arg-type]
    made = plan_area(area, settings)
    assert made.certificate.share == 1.0
    banks = {"left": ["left"], "right": ["right"]}.get(cover, ["left", "right"])
    assert [b.bank for b in made.certificate.banks] == banks


def test_tight_bends_are_seen_whole() -> None:
    for line in (hairpin(250, 60), meander(7, 900, 20, 8)):
        made = plan_area(area_with([(line, 40)], [(-150, -150)]), PlanSettings())
        assert made.certificate.share == 1.0


@hypothesis_settings(max_examples=16, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(river_cases())
def test_every_place_is_seen_or_listed_and_no_zone_is_crossed(
    case: tuple[StudyArea, float],
) -> None:
    area, strip_m = case
    settings = PlanSettings(strip_m=strip_m)
    try:
        plan = plan_area(area, settings)
    except PlanningError as refused:
        assert "\n" not in str(refused)
        assert area.no_fly_zones
        return
    assert check_plan(plan).problems == ()
    assert flies_each_lane_once(plan)
    assert plan.operation.lower_bound_s <= plan.operation.operating_s
    for sortie in plan.sorties:
        assert sortie.energy_wh <= settings.usable_wh
        for zone in area.no_fly_zones:
            assert track_m(plan, sortie).distance(zone.outline_m) > 15
    lanes = lanes_m(plan)
    assert all(lane.is_simple for lane in lanes)
    if not area.no_fly_zones:
        assert plan.certificate.share > 0.999
        assert plan.certificate.area_share > 0.99999
    rng = np.random.default_rng(0)
    for river in area.rivers:
        line = river.centreline_m
        least = min(min(b.left_m, b.right_m) for b in river.breadths_m()) + strip_m
        wanted = line.buffer(least - 0.1, cap_style="flat")
        west, south, east, north = wanted.bounds
        points = rng.uniform((west, south), (east, north), (4000, 2))
        points = points[shapely.contains_xy(wanted, points)]
        found = np.zeros(len(points), bool)
        for lane in lanes:
            found |= seen(points, shapely.get_coordinates(lane), settings)
        at = shapely.line_locate_point(line, shapely.points(points))
        for gap in plan.certificate.uncovered:
            found |= (gap.river == river.code) & (at >= gap.from_m - 1) & (at <= gap.to_m + 1)
        assert found.all()


# -- terrain -----------------------------------------------------------------------------------


def agl_m(plan: Plan, sortie: Sortie, step_m: float = 3.0) -> NDArray[np.float64]:
    """Heights above ground along a whole sortie, sampled densely."""
    assert plan.terrain is not None
    points = shapely.get_coordinates(track_m(plan, sortie))
    heights = np.array([w.above_launch_m for w in sortie.waypoints]) + sortie.ground_msl_m
    heights = np.r_[heights[0], heights, heights[-1]]
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    at = np.unique(np.r_[np.arange(0, along[-1], step_m), along])
    places = np.column_stack([np.interp(at, along, points[:, k]) for k in (0, 1)])
    ground = plan.terrain.heights(plan.projection.inverse(places))
    # Where a way begins by climbing on the spot, its height at the launch site counts from there.
    return np.asarray(np.interp(at, along, heights) - ground)


@pytest.mark.parametrize(
    ("ground", "share"),
    [
        (terrain("flat"), 1.0),
        (terrain("ramp", 200), 0.99),
        (terrain("hills", 60), 0.99),
        (terrain("hills", 140), 0.8),
        (terrain("terrace", 50), 0.9),
    ],
)
def test_plans_follow_the_terrain(ground: Terrain, share: float, tmp_path: Path) -> None:
    area = area_with([(RIVER, 20)], [(-200, -200)])
    settings = PlanSettings()
    made = plan_area(area, settings, None, ground)
    assert made.certificate.share >= share
    assert check_plan(made).problems == ()
    assert flies_each_lane_once(made)
    for sortie in made.sorties:
        above = agl_m(made, sortie)
        assert above.min() >= settings.least_height_m - 0.3
        assert above.max() <= 120.0
        [launch] = ground.heights([(sortie.launch.lon_deg, sortie.launch.lat_deg)])
        assert sortie.ground_msl_m == pytest.approx(float(launch), abs=0.01)
        assert sortie.energy_wh <= settings.usable_wh
    made.write(tmp_path / "plan.json")
    read = Plan.read(tmp_path / "plan.json")
    read.write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "plan.json").read_bytes()
    found = check_plan(read)
    assert found.problems == ()
    assert found.certificate.share == pytest.approx(made.certificate.share, abs=1e-3)


def test_flat_terrain_is_as_good_as_none() -> None:
    area = area_with([(RIVER, 20)], [(-200, -200)])
    without, on_flat = (plan_area(area, PlanSettings(), None, t) for t in (None, terrain("flat")))
    assert on_flat.certificate.share == without.certificate.share == 1.0
    assert on_flat.operation.operating_s == pytest.approx(without.operation.operating_s, rel=0.05)


def test_lanes_keep_the_height_that_the_gsd_asks_for() -> None:
    """Over hills no lane is higher above the lowest ground in view than the GSD allows, wherever
    it is counted as seen."""
    area = area_with([(RIVER, 20)], [(-200, -200)])
    settings = PlanSettings()
    made = plan_area(area, settings, None, terrain("ramp", 100))
    assert made.terrain is not None
    for sortie in made.sorties:
        for before, here in pairwise(sortie.waypoints):
            if here.lane and here.lane == before.lane:
                points = PROJECTION.forward(
                    [(w.position.lon_deg, w.position.lat_deg) for w in (before, here)]
                )
                share = np.linspace(0, 1, 12)[:, None]
                places = points[0] * (1 - share) + points[1] * share
                flown = (
                    before.above_launch_m * (1 - share[:, 0]) + here.above_launch_m * share[:, 0]
                )
                ground = made.terrain.heights(PROJECTION.inverse(places))
                above = flown + sortie.ground_msl_m - ground
                assert above.max() <= settings.height_m * 1.01
                assert above.min() >= 0.6 * settings.height_m


def test_a_hole_in_the_terrain_is_listed_and_not_flown_over() -> None:
    hole = (slice(61, 70), slice(65, 73))
    area = area_with([(RIVER, 20)], [(-200, -200)])
    made = plan_area(area, PlanSettings(), None, terrain("flat", hole=hole))
    assert 0.5 < made.certificate.share < 0.9
    assert {u.reason for u in made.certificate.uncovered} == {"缺高程数据 no elevation data"}
    for sortie in made.sorties:
        assert np.isfinite(agl_m(made, sortie)).all()


def test_a_launch_site_without_a_height() -> None:
    area = area_with([(RIVER, 20)], [(-2500, 0)])
    with pytest.raises(PlanningError, match=r"L1 .* knows no height"):
        plan_area(area, PlanSettings(), None, terrain("flat"))


# -- input that cannot be planned --------------------------------------------------------------


def refused(area: StudyArea, words: str, settings: PlanSettings | None = None) -> None:
    with pytest.raises(PlanningError, match=words) as caught:
        plan_area(area, settings or PlanSettings())
    assert "\n" not in str(caught.value)


def test_a_launch_site_in_a_zone() -> None:
    refused(
        area_with([(RIVER, 20)], [(0, 300)], [Point(0, 300).buffer(50)]),
        r"L1 .* lies in the no-fly zone 区1",
    )
    refused(
        area_with([(RIVER, 20)], [(0, 300)], [box(10, 250, 60, 350)]),
        r"L1 .* too near a no-fly zone",
    )


@pytest.mark.parametrize("zone", [RIVER.buffer(300), RIVER.buffer(60)])
def test_a_river_in_a_zone_altogether(zone: BaseGeometry) -> None:
    refused(area_with([(RIVER, 20)], [(0, 1500)], [zone]), "river R1 cannot be flown")


def test_a_river_out_of_reach() -> None:
    near = LineString([(0, 0), (500, 0)])
    far = LineString([(30_000, 0), (30_500, 0)])
    refused(
        area_with([(near, 10), (far, 10)], [(0, 100)]),
        "river R2 cannot be flown from any launch site",
    )
    refused(area_with([(near, 10)], [(0, 100)]), "cannot be flown", PlanSettings(battery_wh=2.0))


def test_a_launch_site_walled_in_by_zones() -> None:
    ring = Point(-300, 0).buffer(200).difference(Point(-300, 0).buffer(120))
    with pytest.raises(PlanningError) as caught:
        plan_area(area_with([(RIVER, 20)], [(-300, 0)], [ring]), PlanSettings())
    assert "\n" not in str(caught.value)


def edited(luogang: Path, folder: Path, layer: str, change: object) -> Path:
    """A copy of the sample area whose first feature of a layer has other coordinates."""
    shutil.copytree(luogang, folder / "area")
    path = folder / "area" / f"{layer}.geojson"
    document = json.loads(path.read_text())
    change(document["features"][0]["geometry"])  # type: ignore[operator]
    path.write_text(json.dumps(document))
    return folder / "area"


def one_point(geometry: dict) -> None:
    geometry["coordinates"] = geometry["coordinates"][:1]


def same_point_twice(geometry: dict) -> None:
    geometry["coordinates"] = [geometry["coordinates"][0]] * 2


def swapped(geometry: dict) -> None:
    geometry["coordinates"] = [[lat, lon] for lon, lat in geometry["coordinates"]]


def not_a_number(geometry: dict) -> None:
    geometry["coordinates"][3][0] = float("nan")


@pytest.mark.parametrize("change", [one_point, same_point_twice, swapped, not_a_number])
def test_centrelines_that_are_none(luogang: Path, tmp_path: Path, change: object) -> None:
    folder = edited(luogang, tmp_path, "rivers", change)
    with pytest.raises(LayerError, match=r"rivers.geojson: feature 1") as caught:
        StudyArea.read(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("layer", ["rivers", "launch_sites"])
def test_a_missing_layer(luogang: Path, tmp_path: Path, layer: str) -> None:
    shutil.copytree(luogang, tmp_path / "area")
    (tmp_path / "area" / f"{layer}.geojson").unlink()
    with pytest.raises(PatrolError, match=f"{layer}.geojson: no such file"):
        StudyArea.read(tmp_path / "area")


def test_a_missing_area(tmp_path: Path) -> None:
    with pytest.raises(AreaError, match="no such folder"):
        StudyArea.read(tmp_path / "nowhere")


def test_a_report_is_told_of_every_stage() -> None:
    told: list[tuple[str, float]] = []
    plan_area(
        area_with([(RIVER, 20)], [(-200, -200)]), PlanSettings(),
        report=lambda stage, share: told.append((stage, share)),
    )  # fmt: skip
    assert len({stage for stage, _ in told}) == 3
    assert all(0 <= share <= 1 and math.isfinite(share) for _, share in told)
    assert told[-1][1] == 1.0
