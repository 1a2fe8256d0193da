"""The vehicle's side of MAVLink: commands, parameters, streams, camera."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from vehicle_bench import Station, fly_to, item_int, upload

ACCEPTED, FAILED = mavlink.MAV_RESULT_ACCEPTED, mavlink.MAV_RESULT_FAILED
DENIED = mavlink.MAV_RESULT_DENIED

# -- commands --------------------------------------------------------------------------------------


def test_commands_are_acknowledged_with_what_came_of_them() -> None:
    station = Station()
    accepted, failed = mavlink.MAV_RESULT_ACCEPTED, mavlink.MAV_RESULT_FAILED
    denied, unsupported = mavlink.MAV_RESULT_DENIED, mavlink.MAV_RESULT_UNSUPPORTED
    assert station.command(31999) == unsupported
    assert station.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1) == failed
    assert station.command(mavlink.MAV_CMD_MISSION_START) == failed
    assert station.command(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 10) == failed
    assert station.command(mavlink.MAV_CMD_DO_SET_MODE, 1, math.nan) == denied
    assert station.command(mavlink.MAV_CMD_DO_CHANGE_SPEED, 1, 200) == denied
    assert station.command(mavlink.MAV_CMD_DO_MOUNT_CONTROL, -95) == denied
    assert station.command(mavlink.MAV_CMD_DO_MOUNT_CONTROL, -60) == accepted
    assert station.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 30, 50_000) == accepted
    assert station.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 12345, 50_000) == denied
    assert station.command(mavlink.MAV_CMD_REQUEST_MESSAGE, 148) == accepted
    assert station.command(mavlink.MAV_CMD_REQUEST_MESSAGE, 12345) == denied
    assert station.command(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, 5) == denied
    station.run(3)
    assert station.ap.airframe.gimbal_pitch_deg == -60


def test_a_flight_by_commands() -> None:
    station = Station(wind_m_s=4.0)
    fly_to(station, 40)
    assert station.ap.flying
    assert station.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0) == mavlink.MAV_RESULT_FAILED
    denied = station.one(mavlink.MAVLink_mission_clear_all_message(1, 1, 0))
    assert denied.type == mavlink.MAV_MISSION_ERROR, "not while it is being flown"
    assert station.command(mavlink.MAV_CMD_VIDEO_START_CAPTURE) == 0
    station.run(0.1)
    films = [m for m in station.sent if m.get_type() == "CAMERA_CAPTURE_STATUS"][-1]
    assert films.video_status == 1
    reposition = mavlink.MAVLink_command_int_message(
        1, 1, 6, mavlink.MAV_CMD_DO_REPOSITION, 0, 0, 0, 0, 0, 0, 231_065_000, 1_134_590_000, 25.0
    )
    assert station.one(reposition).result == mavlink.MAV_RESULT_DENIED, "not in GUIDED"
    assert station.command(mavlink.MAV_CMD_DO_SET_MODE, 1, 4) == 0
    assert station.one(reposition).result == mavlink.MAV_RESULT_ACCEPTED
    station.run(40)
    assert station.ap.known_position().lat_deg == pytest.approx(23.1065, abs=2e-5)
    assert station.command(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH) == 0
    station.run(150)
    assert not station.ap.armed
    assert not station.ap.camera.recording, "the camera stops with the motors"


def test_skipping_to_an_item_in_flight() -> None:
    station = Station()
    fly_to(station, 30)
    station.say(mavlink.MAVLink_mission_set_current_message(1, 1, 3))
    station.run(1)
    assert station.ap.current_seq == 3
    reached = [m.seq for m in station.sent if m.get_type() == "MISSION_ITEM_REACHED"]
    assert 2 not in reached


def test_a_do_item_chosen_is_carried_out_with_those_after_it() -> None:
    station = Station()
    far = {"y": 1_134_690_000}
    items = [
        item_int(0), item_int(1, 22, z=20.0), item_int(2, **far), item_int(3, 178, param2=4.0),
        item_int(4, 205, param1=-50.0), item_int(5, x=231_090_000), item_int(6, 20),
    ]  # fmt: skip
    assert upload(station, items).type == 0
    station.run(7)
    start_mission(station)
    station.run(30)
    assert station.ap.current_seq == 2
    assert station.command(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, 3) == ACCEPTED
    assert station.ap.cruise_m_s == 4.0
    assert station.ap.camera.pitch_deg == -50.0
    assert station.ap.current_seq == 5
    station.run(20)
    assert station.ap.airframe.v_north == pytest.approx(4.0, abs=0.5)
    assert station.command(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, 7) == DENIED
    assert station.command(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, -1) == DENIED


def start_mission(station: Station) -> None:
    assert station.command(mavlink.MAV_CMD_DO_SET_MODE, 1, 4) == ACCEPTED
    assert station.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1) == ACCEPTED
    assert station.command(mavlink.MAV_CMD_MISSION_START) == ACCEPTED


def mission_state(station: Station) -> int:
    return int(station.of("MISSION_CURRENT")[-1].mission_state)


def test_a_mission_is_paused_and_goes_on() -> None:
    station = Station(wind_m_s=5.0)
    fly_to(station, 10)
    pause = mavlink.MAV_CMD_DO_PAUSE_CONTINUE
    assert station.command(pause, 0) == FAILED, "not while it climbs"
    assert station.texts()[-1] == "Failed to pause"
    station.run(25)
    assert station.command(pause, 0) == ACCEPTED
    assert mission_state(station) == mavlink.MISSION_STATE_PAUSED
    station.run(10)
    place = (station.ap.airframe.known_east, station.ap.airframe.known_north)
    station.run(30)
    assert station.away_m(*place) < 2
    assert station.ap.mode_name == "AUTO"
    assert mission_state(station) == mavlink.MISSION_STATE_PAUSED
    assert station.command(pause, 1) == ACCEPTED
    assert mission_state(station) == mavlink.MISSION_STATE_ACTIVE
    station.until(lambda: not station.ap.armed)
    assert station.reached() == [1, 2, 3]
    assert station.command(pause, 0) == FAILED
    assert station.command(pause, 3) == DENIED


def test_a_return_ends_a_pause() -> None:
    station = Station()
    fly_to(station, 35)
    station.command(mavlink.MAV_CMD_DO_PAUSE_CONTINUE, 0)
    station.run(5)
    assert station.command(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH) == ACCEPTED
    station.until(lambda: not station.ap.armed)
    assert station.away_m() < 1.5


def test_why_a_mission_does_not_start() -> None:
    station = Station()
    start = mavlink.MAV_CMD_MISSION_START
    assert station.command(start) == FAILED
    assert station.texts()[-1] == "Mission start failed: not armed"
    upload(station, [item_int(0), item_int(1), item_int(2, 22)])
    station.run(7)
    station.command(mavlink.MAV_CMD_DO_SET_MODE, 1, 4)
    station.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1)
    assert station.command(start, 1, 0) == DENIED
    assert station.command(start) == FAILED
    assert station.texts()[-2:] == [
        "Auto: Missing Takeoff Cmd", "Mode change to AUTO failed: init failed",
    ]  # fmt: skip


@pytest.mark.parametrize("mode", ["LOITER", "GUIDED", "BRAKE", "SMART_RTL"])
@pytest.mark.parametrize("restart", [0.0, 1.0])
def test_auto_after_a_hold_goes_on_at_the_current_item(mode: str, restart: float) -> None:
    station = Station()
    station.ap.parameters.set("MIS_RESTART", restart)
    items = [item_int(0), item_int(1, 22, z=20.0), item_int(2, 178, param2=3.0)]
    items += [item_int(3, x=231_061_000), item_int(4, y=1_134_650_000), item_int(5, 20)]
    upload(station, items)
    station.run(7)
    start_mission(station)
    station.until(lambda: station.ap.current_seq == 4)
    station.run(2)
    assert station.ap.change_mode(mode)
    station.run(6)
    assert station.ap.change_mode("AUTO")
    assert station.ap.current_seq == (1 if restart else 4)
    if not restart:
        assert station.ap.cruise_m_s == 10.0, "a speed of the mission is forgotten"


def test_a_reboot_on_the_ground_only() -> None:
    station = Station()
    reboot = mavlink.MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN
    fly_to(station, 15)
    assert station.command(reboot, 1) == FAILED
    station.ap.disarm(force=True)
    assert station.command(reboot, 0) == mavlink.MAV_RESULT_UNSUPPORTED
    assert not station.ap.wants_reboot
    assert station.command(reboot, 1) == ACCEPTED
    assert station.ap.wants_reboot


# -- camera and battery ----------------------------------------------------------------------------


def test_photos_by_distance_tell_where_they_were_taken() -> None:
    station = Station(wind_m_s=2.0)
    items = [item_int(0), item_int(1, 22, z=20.0), item_int(2, x=231_061_000, z=20.0)]
    items += [item_int(3, 206, param1=10.0), item_int(4, x=231_070_000, z=20.0)]
    items += [item_int(5, 206), item_int(6, 20)]
    upload(station, items)
    station.run(7)
    start_mission(station)
    station.until(lambda: not station.ap.armed)
    told = station.of("CAMERA_FEEDBACK")
    assert [m.img_idx for m in told] == list(range(1, len(told) + 1))
    assert len(told) == pytest.approx(11, abs=1), "100 m"
    metres = [(b.lat - a.lat) / 1e7 * 110_750 for a, b in itertools.pairwise(told)]
    assert all(10 <= m < 11 for m in metres)
    assert all(m.alt_rel == pytest.approx(20, abs=1.5) for m in told)
    assert all(m.alt_msl - m.alt_rel == pytest.approx(20, abs=0.01) for m in told)
    assert all(abs(m.yaw) < 20 or m.yaw > 340 for m in told[2:-1]), "north"
    seconds = [m.time_usec / 1e6 - 1.779e9 for m in told]
    assert 20 < seconds[0] < seconds[-1] < station.ap.time_s
    status = station.streams.one(mavlink.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS)
    assert status.image_count == len(told)
    assert status.image_status == 0


def test_film_and_photos_fill_the_card() -> None:
    station = Station(card_mb=200.0)
    ask = lambda: station.streams.one(mavlink.MAVLINK_MSG_ID_STORAGE_INFORMATION)  # noqa: E731
    assert (ask().total_capacity, ask().available_capacity) == (200.0, 200.0)
    assert station.command(mavlink.MAV_CMD_IMAGE_START_CAPTURE) == ACCEPTED
    assert ask().available_capacity == pytest.approx(192.0)
    fly_to(station, 10)
    assert station.command(mavlink.MAV_CMD_VIDEO_START_CAPTURE) == ACCEPTED
    station.run(5)
    status = station.streams.one(mavlink.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS)
    assert (status.video_status, status.recording_time_ms) == (1, 5000)
    assert status.available_capacity == pytest.approx(112.0)
    assert station.command(mavlink.MAV_CMD_VIDEO_STOP_CAPTURE) == ACCEPTED
    station.run(5)
    assert ask().available_capacity == pytest.approx(112.0), "only while it films"
    station.command(mavlink.MAV_CMD_VIDEO_START_CAPTURE)
    station.run(8)
    assert not station.ap.camera.recording, "the card is full"
    assert ask().available_capacity == 0.0
    assert station.command(mavlink.MAV_CMD_VIDEO_START_CAPTURE) == FAILED
    assert station.command(mavlink.MAV_CMD_IMAGE_START_CAPTURE) == FAILED


@pytest.mark.parametrize(
    ("left", "state"),
    [
        (80.0, mavlink.MAV_BATTERY_CHARGE_STATE_OK),
        (15.0, mavlink.MAV_BATTERY_CHARGE_STATE_LOW),
        (5.0, mavlink.MAV_BATTERY_CHARGE_STATE_CRITICAL),
    ],
)
def test_the_battery_tells_how_it_stands(left: float, state: int) -> None:
    station = Station(f"battery@12={left}")
    fly_to(station, 15)
    told = station.streams.one(mavlink.MAVLINK_MSG_ID_BATTERY_STATUS)
    assert told.charge_state == state
    assert told.battery_remaining == pytest.approx(left, abs=1)
    assert told.current_consumed == pytest.approx(station.ap.battery.used_mah, abs=1)
    assert told.energy_consumed == pytest.approx(station.ap.battery.used_wh * 36, abs=1)
    assert told.current_battery > 300
    assert sum(v for v in told.voltages if v < 65535) == pytest.approx(
        station.ap.battery.voltage_v * 1000, abs=4
    )
    assert station.ap.parameters["BATT_CAPACITY"] == 5000


@pytest.mark.parametrize(
    ("kind", "wanted"), [("copter", (2, 3)), ("plane", (1, 3)), ("px4", (2, 12))]
)
def test_it_says_what_it_is_told_to_be(kind: Any, wanted: tuple[int, int]) -> None:
    station = Station(vehicle_type=kind, firmware=(4, 3, 8))
    beat = station.streams.one(mavlink.MAVLINK_MSG_ID_HEARTBEAT)
    assert (beat.type, beat.autopilot) == wanted
    version = station.streams.one(mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION)
    assert version.flight_sw_version >> 8 == (4 << 16) | (3 << 8) | 8
    for bit in (
        mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FENCE,
        mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_RALLY,
        mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_INT,
    ):
        assert version.capabilities & bit


# -- parameters and streams ------------------------------------------------------------------------


def test_parameters_are_listed_read_and_set() -> None:
    station = Station()
    listed = station.say(mavlink.MAVLink_param_request_list_message(1, 1))
    assert [m.param_index for m in listed] == list(range(listed[0].param_count))
    by_name = station.one(mavlink.MAVLink_param_request_read_message(1, 1, b"RTL_ALT", -1))
    assert by_name.param_value == 1500
    by_index = station.one(
        mavlink.MAVLink_param_request_read_message(1, 1, b"", by_name.param_index)
    )
    assert by_index.param_id == "RTL_ALT"
    changed = station.one(mavlink.MAVLink_param_set_message(1, 1, b"RTL_ALT", 2500.0, 9))
    assert changed.param_value == 2500
    kept = station.one(mavlink.MAVLink_param_set_message(1, 1, b"RTL_ALT", math.nan, 9))
    assert kept.param_value == 2500
    assert station.say(mavlink.MAVLink_param_set_message(1, 1, b"NO_SUCH", 1.0, 9)) == []
    assert station.say(mavlink.MAVLink_param_request_read_message(1, 1, b"", 999)) == []


def count(station: Station, name: str, seconds: float) -> int:
    before = len(station.sent)
    station.run(seconds)
    return sum(m.get_type() == name for m in station.sent[before:])


def test_messages_come_as_often_as_asked() -> None:
    station = Station()
    station.run(1)
    rate: Callable[[float], int] = lambda us: station.command(511, 30, us)  # noqa: E731
    assert count(station, "HEARTBEAT", 10) == 10
    rate(100_000)
    assert 100 <= count(station, "ATTITUDE", 10) <= 101
    rate(-1)
    assert count(station, "ATTITUDE", 10) == 0
    rate(0)
    assert 40 <= count(station, "ATTITUDE", 10) <= 41
    station.say(
        mavlink.MAVLink_request_data_stream_message(1, 1, mavlink.MAV_DATA_STREAM_ALL, 2, 1)
    )
    assert 20 <= count(station, "ATTITUDE", 10) <= 21


def test_a_pose_of_the_very_moment_goes_with_each_change_of_recording() -> None:
    station = Station()
    station.run(2.05)
    station.ap.record(True)
    before = len(station.sent)
    station.run(0.05)
    names = [m.get_type() for m in station.sent[before:]]
    assert names[0] == "CAMERA_CAPTURE_STATUS"
    for name in ("ATTITUDE", "MOUNT_ORIENTATION", "GLOBAL_POSITION_INT"):
        [message] = [m for m in station.sent[before:] if m.get_type() == name]
        assert message.time_boot_ms == 2100


def test_every_message_can_be_packed_at_any_time() -> None:
    """Also upside down numbers: at the date line's end, exhausted, far below home."""
    station = Station()
    ap = station.ap
    ap.parameters.set("FENCE_ENABLE", 1.0)
    ap.battery.drop_to(0.0)
    ap.airframe.up = -3.0
    ap.airframe.yaw = -math.pi
    ap.airframe.v_east = -80.0
    for _ in range(200):
        ap.battery.sag_v = 10.0
        ap.battery.drain(1e5, 0.05)
    for message_id in (
        0,
        1,
        2,
        24,
        30,
        32,
        33,
        74,
        147,
        148,
        193,
        162,
        242,
        245,
        261,
        262,
        265,
        285,
    ):
        message = station.streams.one(message_id)
        assert message is not None, message_id
        assert len(message.pack(mavlink.MAVLink(None, 1, 1))) > 10
    assert station.streams.one(77) is None
