"""The mission of a sortie as MAVLink items, and which waypoint each item flies to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from made_plans import plans, small_plan
from pymavlink import mavutil

from patrol import mission
from patrol.errors import PlanFileError
from patrol.mission import item_waypoints, mission_items, route_points, trigger_m, waypoint_at
from patrol.plan import Plan

mavlink = mavutil.mavlink
CAMERA = (mission.VIDEO_START_CAPTURE, mission.VIDEO_STOP_CAPTURE, mission.DO_SET_CAM_TRIGG_DIST)


def test_the_numbers_are_mavlink_s() -> None:
    assert mission.NAV_WAYPOINT == mavlink.MAV_CMD_NAV_WAYPOINT
    assert mission.NAV_RETURN_TO_LAUNCH == mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH
    assert mission.NAV_TAKEOFF == mavlink.MAV_CMD_NAV_TAKEOFF
    assert mission.DO_CHANGE_SPEED == mavlink.MAV_CMD_DO_CHANGE_SPEED
    assert mission.DO_MOUNT_CONTROL == mavlink.MAV_CMD_DO_MOUNT_CONTROL
    assert mission.DO_SET_CAM_TRIGG_DIST == mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST
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


def test_photos_are_triggered_by_distance() -> None:
    plan = small_plan(capture="photos")
    items = mission_items(plan, plan.sorties[0])
    triggers = [(i.param1, i.param3) for i in items if i.command == 206]
    every = round(plan.settings.trigger_m, 3)
    assert every > 0
    assert triggers == [(every, 1), (0, 1), (every, 1), (0, 1)]
    assert [i.command for i in items[5:10]] == [16, 206, 16, 16, 206]


def test_a_lane_s_own_speed_holds_from_its_first_point_to_its_last() -> None:
    plan = small_plan()
    slow = replace(plan, lanes=(replace(plan.lanes[0], speed_m_s=5.5), plan.lanes[1]))
    items = mission_items(slow, slow.sorties[0])
    assert [item.command for item in items[4:14]] == [
        16, 16, 178, 2500, 16, 16, 2501, 178, 16, 2500,
    ]  # fmt: skip
    assert [item.param2 for item in items if item.command == 178] == [8.0, 5.5, 8.0]


def test_heights_are_each_waypoint_s_own() -> None:
    plan = small_plan()
    heights = [3.0, 40.5, 41.25, 38.0, 52.125, 50.0, -2.5]
    waypoints = tuple(
        replace(w, above_launch_m=h)
        for w, h in zip(plan.sorties[0].waypoints, heights, strict=True)
    )
    rough = replace(plan, sorties=(replace(plan.sorties[0], waypoints=waypoints),))
    items = mission_items(rough, rough.sorties[0])
    assert items[1].altitude_m == 5.0, "the first waypoint is lower than any take-off"
    assert [i.altitude_m for i in items[2:] if i.command == 16] == heights


def test_a_lane_of_a_single_point_is_flown_past() -> None:
    plan = small_plan()
    sortie = replace(plan.sorties[0], waypoints=plan.sorties[0].waypoints[:2])
    alone = replace(plan, sorties=(sortie,))
    assert [i.command for i in mission_items(alone, sortie)] == [16, 22, 178, 205, 16, 16, 20]
    assert [p.lane for p in route_points(alone, sortie)] == [None, None]


@settings(max_examples=40, deadline=None)
@given(plans())
def test_the_camera_works_on_exactly_along_the_lanes(plan: Plan) -> None:
    for sortie in plan.sorties:
        on, recorded, here = False, [], None
        for item in mission_items(plan, sortie)[4:]:
            if item.command == mission.NAV_WAYPOINT:
                there = (item.lon_deg, item.lat_deg)
                if on and here is not None:
                    recorded.append((here, there))
                here = there
            elif item.command in CAMERA:
                if item.command == mission.DO_SET_CAM_TRIGG_DIST:
                    assert item.param1 == (0 if on else trigger_m(plan))
                else:
                    assert on == (item.command == mission.VIDEO_STOP_CAPTURE)
                on = not on
        assert not on
        flown = dict.fromkeys(w.lane for w in sortie.waypoints if w.lane)
        lanes = {lane.id: list(lane.line.coords) for lane in plan.lanes}
        wanted = [leg for name in flown for leg in zip(lanes[name], lanes[name][1:], strict=False)]
        assert recorded == wanted


@settings(max_examples=40, deadline=None)
@given(plans())
def test_speeds_hold_and_change_only_where_they_do(plan: Plan) -> None:
    speeds = {lane.id: lane.speed_m_s for lane in plan.lanes}
    for sortie in plan.sorties:
        speed, index, changes = 0.0, 0, []
        legs = [*zip(sortie.waypoints, sortie.waypoints[1:], strict=False)]
        wanted = [plan.settings.speed_m_s] + [
            speeds[b.lane] if b.lane and a.lane == b.lane else plan.settings.speed_m_s
            for a, b in legs
        ]
        for item in mission_items(plan, sortie)[1:]:
            if item.command == mission.DO_CHANGE_SPEED:
                assert item.param2 != speed
                changes.append(item.param2)
                speed = item.param2
            elif item.command == mission.NAV_WAYPOINT:
                assert speed == pytest.approx(wanted[index], abs=1e-3)
                index += 1
        assert index == len(sortie.waypoints)


@settings(max_examples=40, deadline=None)
@given(plans())
def test_each_item_knows_its_waypoint(plan: Plan) -> None:
    for sortie in plan.sorties:
        items = mission_items(plan, sortie)
        to = item_waypoints(plan, sortie)
        assert len(to) == len(items)
        assert list(to) == sorted(to)
        assert to[:4] == (0, 0, 0, 0)
        assert to[-1] == len(sortie.waypoints)
        places = [
            (index, item.lon_deg, item.lat_deg)
            for item, index in zip(items[4:], to[4:], strict=True)
            if item.command == mission.NAV_WAYPOINT
        ]
        assert places == [
            (i, w.position.lon_deg, w.position.lat_deg) for i, w in enumerate(sortie.waypoints)
        ]
        for item, index, following in zip(items, to, to[1:], strict=False):
            if item.command in CAMERA:
                assert index == following


def test_an_item_outside_of_the_mission() -> None:
    plan = small_plan()
    sortie = plan.sorties[0]
    assert waypoint_at(plan, sortie, 0) == 0
    assert waypoint_at(plan, sortie, 6) == 2, "recording starts on the way to the lane's second"
    assert waypoint_at(plan, sortie, 15) == 7
    for seq in (-1, 16):
        with pytest.raises(PlanFileError, match=rf"no mission item {seq}; its items are 0 to 15"):
            waypoint_at(plan, sortie, seq)
