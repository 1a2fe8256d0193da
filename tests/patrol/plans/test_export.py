"""Mission items, and the files of ground stations read back by what reads them in the field."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from made_plans import plans, small_plan
from pymavlink import mavutil, mavwp
from shapely.geometry import LineString, Point, Polygon

from patrol import mission
from patrol.export import FORMATS, export_sorties
from patrol.export.fence import FENCE_M, keep_in
from patrol.export.qgroundcontrol import plan_text, waypoints_text
from patrol.mission import mission_items
from patrol.plan import Plan

mavlink = mavutil.mavlink


def test_the_numbers_are_mavlink_s() -> None:
    assert mission.NAV_WAYPOINT == mavlink.MAV_CMD_NAV_WAYPOINT
    assert mission.NAV_RETURN_TO_LAUNCH == mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH
    assert mission.NAV_TAKEOFF == mavlink.MAV_CMD_NAV_TAKEOFF
    assert mission.DO_CHANGE_SPEED == mavlink.MAV_CMD_DO_CHANGE_SPEED
    assert mission.DO_MOUNT_CONTROL == mavlink.MAV_CMD_DO_MOUNT_CONTROL
    assert mission.VIDEO_START_CAPTURE == mavlink.MAV_CMD_VIDEO_START_CAPTURE
    assert mission.VIDEO_STOP_CAPTURE == mavlink.MAV_CMD_VIDEO_STOP_CAPTURE
    assert mission.FRAME_GLOBAL == mavlink.MAV_FRAME_GLOBAL
    assert mission.FRAME_MISSION == mavlink.MAV_FRAME_MISSION
    assert mission.FRAME_GLOBAL_RELATIVE_ALT == mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT


def test_the_mission_of_a_sortie() -> None:
    plan = small_plan()
    items = mission_items(plan, plan.sorties[0])
    assert [item.command for item in items] == [
        16, 22, 178, 205,  # home, take-off, speed, gimbal
        16,  # transit
        16, 2500, 16, 16, 2501,  # first lane
        16, 2500, 16, 2501,  # second lane
        16,  # transit
        20,
    ]  # fmt: skip
    assert [item.seq for item in items] == list(range(len(items)))
    assert [item.current for item in items] == [1] + [0] * (len(items) - 1)
    home, takeoff, speed, gimbal = items[:4]
    assert (home.frame, home.lat_deg, home.lon_deg) == (0, 23.169, 113.479)
    assert (takeoff.frame, takeoff.altitude_m) == (3, 47.739)
    assert (speed.param1, speed.param2) == (1, 8)
    assert (gimbal.param1, gimbal.altitude_m) == (-90, mavlink.MAV_MOUNT_MODE_MAVLINK_TARGETING)


@settings(max_examples=60, deadline=None)
@given(plans())
def test_recording_is_on_exactly_along_the_lanes(plan: Plan) -> None:
    for sortie in plan.sorties:
        recording, recorded, here = False, [], None
        for item in mission_items(plan, sortie)[4:]:
            if item.command == mission.NAV_WAYPOINT:
                there = (item.lon_deg, item.lat_deg)
                if recording and here is not None:
                    recorded.append((here, there))
                here = there
            elif item.command in (mission.VIDEO_START_CAPTURE, mission.VIDEO_STOP_CAPTURE):
                assert recording == (item.command == mission.VIDEO_STOP_CAPTURE)
                recording = not recording
        assert not recording
        flown = dict.fromkeys(w.lane for w in sortie.waypoints if w.lane)
        lanes = {lane.id: list(lane.line.coords) for lane in plan.lanes}
        wanted = [leg for name in flown for leg in zip(lanes[name], lanes[name][1:], strict=False)]
        assert recorded == wanted


@settings(max_examples=40, deadline=None)
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


def test_the_text_of_the_waypoints() -> None:
    plan = small_plan()
    lines = waypoints_text(plan, plan.sorties[0]).splitlines()
    assert lines[0] == "QGC WPL 110"
    assert lines[1].split("\t")[:4] == ["0", "1", "0", "16"]
    assert all(len(line.split("\t")) == 12 for line in lines[1:])
    assert [line.split("\t")[1] for line in lines[2:]] == ["0"] * (len(lines) - 2)


def test_the_plan_is_as_qgroundcontrol_has_it() -> None:
    plan = small_plan()
    sortie = plan.sorties[0]
    document = json.loads(plan_text(plan, sortie))
    assert (document["fileType"], document["version"]) == ("Plan", 1)
    assert document["groundStation"] == "QGroundControl"
    assert set(document) == {
        "fileType",
        "version",
        "groundStation",
        "mission",
        "geoFence",
        "rallyPoints",
    }
    told = document["mission"]
    assert (told["version"], told["firmwareType"], told["vehicleType"]) == (2, 3, 2)
    assert told["plannedHomePosition"] == [23.169, 113.479, 0.0]
    items = mission_items(plan, sortie)[1:]
    assert [row["doJumpId"] for row in told["items"]] == list(range(1, len(items) + 1))
    for row, item in zip(told["items"], items, strict=True):
        assert row["type"] == "SimpleItem"
        assert row["autoContinue"] is True
        assert (row["command"], row["frame"]) == (item.command, item.frame)
        assert row["params"] == [
            item.param1, item.param2, item.param3, item.param4,
            item.lat_deg, item.lon_deg, item.altitude_m,
        ]  # fmt: skip
        assert ("Altitude" in row) == (item.frame == 3)
    assert document["rallyPoints"] == {"version": 2, "points": [[23.169, 113.479, 47.739]]}
    fence = document["geoFence"]
    assert (fence["version"], fence["circles"]) == (2, [])
    inside, outside = fence["polygons"]
    assert (inside["inclusion"], outside["inclusion"]) == (True, False)
    ring = Polygon([(lon, lat) for lat, lon in inside["polygon"]])
    track = [(w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints]
    assert ring.contains(LineString([(113.479, 23.169), *track, (113.479, 23.169)]))
    assert len(outside["polygon"]) == 3


@settings(max_examples=40, deadline=None)
@given(plans())
def test_the_fence_keeps_its_distance_and_is_short(plan: Plan) -> None:
    degree_m = 102_000  # of longitude here, the shorter of the two
    for sortie in plan.sorties:
        fence = keep_in(sortie)
        assert fence.is_valid
        for w in sortie.waypoints:
            point = Point(w.position.lon_deg, w.position.lat_deg)
            assert fence.contains(point)
            assert fence.exterior.distance(point) * degree_m * 1.1 > FENCE_M - 15
        assert len(fence.exterior.coords) < 150


def test_files_of_an_earlier_plan_do_not_stay(tmp_path: Path) -> None:
    plan = small_plan()
    twice = replace(plan, sorties=(plan.sorties[0], replace(plan.sorties[0], id=2)))
    assert len(export_sorties(twice, tmp_path, list(FORMATS))) == 4
    (tmp_path / "notes.txt").write_text("mine")
    export_sorties(plan, tmp_path, ["plan"])
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "notes.txt", "sortie-01.plan", "sortie-01.waypoints", "sortie-02.waypoints",
    ]  # fmt: skip
    first = (tmp_path / "sortie-01.plan").read_bytes()
    export_sorties(plan, tmp_path, ["plan"])
    assert (tmp_path / "sortie-01.plan").read_bytes() == first
