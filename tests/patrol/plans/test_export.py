"""Exporting a plan: the files, what is said of them, the fence; and pymavlink reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from made_plans import plans, small_plan
from pymavlink import mavwp
from shapely.geometry import Point

from patrol.errors import PlanFileError
from patrol.export import (
    DEFAULT_FORMATS,
    FORMATS,
    export_losses,
    export_sorties,
    read_route,
    route_of,
)
from patrol.export.fence import keep_in
from patrol.mission import mission_items
from patrol.plan import Plan


@settings(max_examples=30, deadline=None)
@given(plans())
def test_pymavlink_reads_the_waypoints_back(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan
) -> None:
    for path, sortie in zip(
        export_sorties(plan, tmp_path_factory.mktemp("export"), ["waypoints"]),
        plan.sorties,
        strict=True,
    ):
        loader = mavwp.MAVWPLoader()
        items = mission_items(plan, sortie)
        assert loader.load(str(path)) == len(items)
        for index, item in enumerate(items):
            read = loader.wp(index)
            assert (read.seq, read.frame, read.command, read.current, read.autocontinue) == (
                item.seq, item.frame, item.command, item.current, item.autocontinue,
            )  # fmt: skip
            assert (read.param1, read.param2, read.param3, read.param4) == pytest.approx(
                (item.param1, item.param2, item.param3, item.param4)
            )
            assert (read.x, read.y, read.z) == pytest.approx(
                (item.lat_deg, item.lon_deg, item.altitude_m), abs=1e-7
            )


def test_the_text_of_the_waypoints(tmp_path: Path) -> None:
    [path] = export_sorties(small_plan(), tmp_path, ["waypoints"])
    lines = path.read_text().splitlines()
    assert lines[0] == "QGC WPL 110"
    assert lines[1].split("\t")[:4] == ["0", "1", "0", "16"]
    assert all(len(line.split("\t")) == 12 for line in lines[1:])
    assert [line.split("\t")[1] for line in lines[2:]] == ["0"] * (len(lines) - 2)


@settings(max_examples=30, deadline=None)
@given(plans())
def test_the_fence_keeps_its_distance_and_is_short(plan: Plan) -> None:
    degree_m = 102_000  # of longitude here, the shorter of the two
    for sortie in plan.sorties:
        fence = keep_in(sortie)
        assert fence.is_valid
        for w in sortie.waypoints:
            point = Point(w.position.lon_deg, w.position.lat_deg)
            assert fence.contains(point)
            assert fence.exterior.distance(point) * degree_m * 1.1 > 65.0
        if len(sortie.waypoints) < 20:
            assert len(fence.exterior.coords) < 150


def test_files_of_an_earlier_plan_do_not_stay(tmp_path: Path) -> None:
    plan = small_plan()
    twice = replace(plan, sorties=(plan.sorties[0], replace(plan.sorties[0], id=2)))
    assert len(export_sorties(twice, tmp_path, DEFAULT_FORMATS)) == 4
    (tmp_path / "notes.txt").write_text("mine")
    export_sorties(plan, tmp_path, ["plan"])
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "notes.txt", "sortie-01.plan", "sortie-01.waypoints", "sortie-02.waypoints",
    ]  # fmt: skip
    first = (tmp_path / "sortie-01.plan").read_bytes()
    export_sorties(plan, tmp_path, ["plan"])
    assert (tmp_path / "sortie-01.plan").read_bytes() == first


def test_every_format_by_name_and_by_what_it_holds(tmp_path: Path) -> None:
    plan = small_plan()
    paths = export_sorties(plan, tmp_path, list(FORMATS))
    assert [p.name for p in paths] == [
        "sortie-01.plan", "sortie-01.waypoints", "sortie-01.kmz", "sortie-01.csv",
        "sortie-01.kml", "sortie-01.geojson",
    ]  # fmt: skip
    route = route_of(plan, plan.sorties[0])
    for path, chosen in zip(paths, FORMATS.values(), strict=True):
        assert read_route(path) == chosen.carried(route)
        other = path.rename(path.with_suffix(".unknown"))
        assert read_route(other) == chosen.carried(route)


def test_files_that_are_no_mission(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="cannot be read"):
        read_route(tmp_path / "none.plan")
    with pytest.raises(PlanFileError, match="cannot be read"):
        read_route(tmp_path)
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(PlanFileError, match=r"expected one of \.plan, \.waypoints"):
        read_route(tmp_path / "a.txt")


def test_what_is_lost_is_said_in_both_languages(tmp_path: Path) -> None:
    plan = small_plan()
    told = export_losses(plan, list(FORMATS))
    assert set(told) == set(FORMATS)
    for lines in told.values():
        for line in lines:
            chinese, english = line.split(" / ", 1)
            assert any("\u4e00" <= c <= "\u9fff" for c in chinese)
            assert english.isascii()
            assert "\n" not in line
    assert any("no fence" in line for line in told["waypoints"])
    assert any("rally points" in line for line in told["wpml"])
    assert any("curvesize" in line for line in told["litchi"])
    assert any("recording" in line for line in told["plan"])


def test_losses_depend_on_the_route() -> None:
    photos = small_plan(capture="photos")
    assert export_losses(photos, ["plan"]) == {}, "one height, one speed: QGC can edit it"
    assert any("interval" in line for line in export_losses(photos, ["litchi"])["litchi"])
    assert any("DJI Fly" in line for line in export_losses(photos, ["wpml"])["wpml"])
    fast = replace(photos, settings=replace(small_plan().settings, speed_m_s=13.0))
    assert any("11.5" in line for line in export_losses(fast, ["wpml"])["wpml"])
    first, *others = photos.sorties[0].waypoints
    rough = [replace(w, above_launch_m=40.0 + i) for i, w in enumerate(others)]
    sortie = replace(photos.sorties[0], waypoints=(first, *rough))
    [line] = export_losses(replace(photos, sorties=(sortie,)), ["plan"])["plan"]
    assert "recomputes it at one height" in line
    slow = replace(photos, lanes=tuple(replace(lane, speed_m_s=4.0) for lane in photos.lanes))
    [line] = export_losses(slow, ["plan"])["plan"]
    assert "drops the speed" in line
