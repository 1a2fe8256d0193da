"""Whole plans: the sample area, random rivers with zones, and input that cannot be planned."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from random_rivers import area_with, river_cases
from shapely.geometry import LineString, Point, box

from geo.errors import LayerError
from patrol.area import StudyArea
from patrol.errors import AreaError, PatrolError, PlanningError
from patrol.mission import mission_items
from patrol.plan import Plan, Reach, Sortie
from patrol.planning.layers import lane_features
from patrol.planning.planner import chosen_reaches, plan_area
from patrol.planning.settings import PlanSettings

RIVER = LineString([(0, 0), (400, 60), (800, 0), (1200, 40)])


@pytest.fixture(scope="module")
def area(luogang: Path) -> StudyArea:
    return StudyArea.read(luogang)


@pytest.fixture(scope="module")
def plan(area: StudyArea) -> Plan:
    return plan_area(area, PlanSettings())


def track_m(area: StudyArea, sortie: Sortie) -> LineString:
    home = (sortie.launch.lon_deg, sortie.launch.lat_deg)
    stops = [home, *((w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints), home]
    return LineString(area.projection.forward(stops))


def seen(points: np.ndarray, line: np.ndarray, half_m: float, ahead_m: float) -> np.ndarray:
    """Which of the points a lane sees, leg by leg, written apart from the planner's own check."""
    found = np.zeros(len(points), bool)
    for start, end in pairwise(line):
        length = np.hypot(*(end - start))
        unit, away = (end - start) / length, points - start
        along, across = away @ unit, away[:, 0] * unit[1] - away[:, 1] * unit[0]
        near = (np.abs(across) <= half_m + 0.06) & (along >= -ahead_m - 0.06)
        found |= near & (along <= length + ahead_m + 0.06)
    return found


def test_the_sample_area_is_covered(plan: Plan) -> None:
    assert plan.coverage_share == pytest.approx(1.0, abs=1e-6)
    assert plan.uncovered == ()
    assert {lane.river for lane in plan.lanes} == {"R1", "R2", "R3", "R4"}
    assert sum(r.to_m - r.from_m for r in plan.reaches) == pytest.approx(12_000, rel=0.01)


def test_sorties_can_be_flown(area: StudyArea, plan: Plan) -> None:
    sites = {site.code: site.position for site in area.launch_sites}
    for sortie in plan.sorties:
        assert sites[sortie.launch_site] == sortie.launch
        assert sortie.energy_wh <= 0.75 * plan.battery_wh
        assert len(mission_items(plan, sortie)) <= 600
        track = track_m(area, sortie)
        assert track.length == pytest.approx(sortie.length_m, rel=1e-4)
        assert sortie.duration_s > sortie.length_m / plan.speed_m_s
        assert {w.above_launch_m for w in sortie.waypoints} == {plan.height_agl_m}
        for zone in area.no_fly_zones:
            assert track.distance(zone.outline_m) > 15


def test_a_transit_leg_goes_round_a_zone(plan: Plan) -> None:
    assert any(w.leg == "transit" for sortie in plan.sorties for w in sortie.waypoints)


def test_each_lane_is_flown_once_along_its_line(plan: Plan) -> None:
    flown: dict[str, list[tuple[float, float]]] = {}
    for sortie in plan.sorties:
        for w in sortie.waypoints:
            if w.lane:
                flown.setdefault(w.lane, []).append((w.position.lon_deg, w.position.lat_deg))
    assert flown == {lane.id: list(lane.line.coords) for lane in plan.lanes}


def test_planning_again_gives_the_same_plan(area: StudyArea, plan: Plan) -> None:
    assert plan_area(area, PlanSettings()) == plan


def test_lanes_for_the_map(plan: Plan) -> None:
    features = lane_features(plan)
    lanes = [f for f in features if f.properties["kind"] == "lane"]
    transit = [f for f in features if f.properties["kind"] == "transit"]
    assert len(lanes) == len(plan.lanes)
    for sortie in plan.sorties:
        mine = [f.geometry for f in features if f.properties["sortie"] == sortie.id]
        joined = shapely.line_merge(shapely.union_all(mine))
        first = next(f.geometry for f in transit if f.properties["sortie"] == sortie.id)
        assert first.coords[0] == (sortie.launch.lon_deg, sortie.launch.lat_deg)
        assert shapely.get_num_geometries(joined) >= 1
        whole = [
            (sortie.launch.lon_deg, sortie.launch.lat_deg),
            *((w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints),
            (sortie.launch.lon_deg, sortie.launch.lat_deg),
        ]
        assert sum(line.length for line in mine) == pytest.approx(LineString(whole).length)


def test_a_finer_picture_needs_more_lanes(area: StudyArea, plan: Plan) -> None:
    fine = plan_area(area, PlanSettings(gsd_m=0.02), [Reach("R1", 0, 2000)])
    assert {lane.side for lane in fine.lanes} == {"left", "right"}
    assert fine.coverage_share == pytest.approx(1.0, abs=1e-6)
    assert fine.height_agl_m < plan.height_agl_m


def test_a_short_stretch(area: StudyArea) -> None:
    [reach] = chosen_reaches(area, ["R3"], 200, 800)
    short = plan_area(area, PlanSettings(), [reach])
    assert short.coverage_share == pytest.approx(1.0, abs=1e-6)
    [lane] = short.lanes
    assert sorted((lane.from_m, lane.to_m)) == pytest.approx([190, 810], abs=2)


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


def test_a_small_battery_makes_more_and_shorter_sorties(area: StudyArea, plan: Plan) -> None:
    many = plan_area(area, PlanSettings(battery_wh=25.0))
    assert len(many.sorties) > len(plan.sorties)
    assert all(s.energy_wh <= 0.75 * 25 for s in many.sorties)
    seen_m = sum(abs(lane.to_m - lane.from_m) for lane in many.lanes)
    missed_m = sum(u.to_m - u.from_m for u in many.uncovered)
    assert seen_m + missed_m >= 11_900


def test_what_lies_in_a_no_fly_zone_is_listed() -> None:
    area = area_with([(RIVER, 20)], [(-200, -200)], [box(500, -100, 700, 150)])
    plan = plan_area(area, PlanSettings())
    [gap] = plan.uncovered
    assert "区1" in gap.reason
    assert 450 < gap.from_m < 520
    assert 690 < gap.to_m < 760
    assert plan.coverage_share == pytest.approx(
        1 - (gap.to_m - gap.from_m) / RIVER.length, abs=0.02
    )


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
    for sortie in plan.sorties:
        assert sortie.energy_wh <= settings.usable_wh
        for zone in area.no_fly_zones:
            assert track_m(area, sortie).distance(zone.outline_m) > 15
    lanes = [shapely.transform(lane.line, area.projection.forward) for lane in plan.lanes]
    assert all(lane.is_simple for lane in lanes)
    if not area.no_fly_zones:
        assert plan.coverage_share > 0.9999
    rng = np.random.default_rng(0)
    for river in area.rivers:
        wanted = river.centreline_m.buffer(river.width_m / 2 + strip_m, cap_style="flat")
        west, south, east, north = wanted.bounds
        points = rng.uniform((west, south), (east, north), (8000, 2))
        points = points[shapely.contains_xy(wanted, points)]
        found = np.zeros(len(points), bool)
        for lane in lanes:
            line = shapely.get_coordinates(lane)
            found |= seen(points, line, settings.seen_half_m, settings.usable_ahead_m)
        at = shapely.line_locate_point(river.centreline_m, shapely.points(points))
        for gap in plan.uncovered:
            found |= (gap.river == river.code) & (at >= gap.from_m - 1) & (at <= gap.to_m + 1)
        assert found.all()


def test_a_launch_site_in_a_zone() -> None:
    area = area_with([(RIVER, 20)], [(0, 300)], [Point(0, 300).buffer(50)])
    with pytest.raises(PlanningError, match=r"L1 .* lies in the no-fly zone 区1"):
        plan_area(area, PlanSettings())


def test_a_river_in_a_zone_altogether() -> None:
    area = area_with([(RIVER, 20)], [(0, 1500)], [RIVER.buffer(300)])
    with pytest.raises(PlanningError, match="river R1 cannot be flown"):
        plan_area(area, PlanSettings())


def test_a_river_out_of_reach() -> None:
    near = LineString([(0, 0), (500, 0)])
    far = LineString([(30_000, 0), (30_500, 0)])
    area = area_with([(near, 10), (far, 10)], [(0, 100)])
    with pytest.raises(PlanningError, match="river R2 cannot be flown from any launch site"):
        plan_area(area, PlanSettings())


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
