"""The vehicle's side of MAVLink: mission protocol, commands, parameters, streams."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.coordinates import LonLat
from patrol.simulation.vehicle.autopilot import Autopilot
from patrol.simulation.vehicle.commands import CommandDesk
from patrol.simulation.vehicle.settings import Fault, VehicleSettings
from patrol.simulation.vehicle.streams import Streams

HOME = LonLat(113.459, 23.106)


class Station:
    """A ground station talking to the vehicle's desk; what is sent goes over the wire format."""

    def __init__(self, **changes: Any) -> None:
        self.sent: list[Any] = []
        self.ap = Autopilot(VehicleSettings(HOME, 1.779e9, **changes), self.sent.append)
        self.streams = Streams(self.ap)
        self.desk = CommandDesk(self.ap, self.streams)
        self._wire = mavlink.MAVLink(None, srcSystem=255, srcComponent=0)
        self.now_s = 0.0

    def say(self, message: Any) -> list[Any]:
        """Deliver a message; returns the answers."""
        decoded = mavlink.MAVLink(None).parse_buffer(bytearray(message.pack(self._wire)))
        before = len(self.sent)
        for each in decoded:
            self.desk.handle(each, self.now_s)
        return self.sent[before:]

    def one(self, message: Any) -> Any:
        [answer] = self.say(message)
        return answer

    def command(self, number: int, *params: float) -> int:
        seven = (*params, *([0.0] * (7 - len(params))))
        acks = [
            m
            for m in self.say(mavlink.MAVLink_command_long_message(1, 1, number, 0, *seven))
            if m.get_type() == "COMMAND_ACK"
        ]
        assert len(acks) == 1
        assert acks[0].command == number
        return int(acks[0].result)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / Autopilot.DT_S)):
            self.ap.step()
            self.streams.tick()


def item_int(seq: int, command: int = 16, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "target_system": 1, "target_component": 1, "seq": seq, "frame": 3, "command": command,
        "current": 0, "autocontinue": 1, "param1": 0.0, "param2": 0.0, "param3": 0.0,
        "param4": 0.0, "x": 231_060_000 + seq, "y": 1_134_590_000 - seq, "z": 40.25 + seq,
        "mission_type": 0, **changes,
    }  # fmt: skip
    return mavlink.MAVLink_mission_item_int_message(*fields.values())


def item_float(seq: int, **changes: Any) -> Any:
    exact = item_int(seq, **changes)
    values = [getattr(exact, name) for name in exact.fieldnames]
    values[11], values[12] = exact.x / 1e7, exact.y / 1e7
    return mavlink.MAVLink_mission_item_message(*values)


def upload(station: Station, items: list[Any]) -> Any:
    """Speak the sender's side of the protocol; returns the MISSION_ACK."""
    answers = station.say(mavlink.MAVLink_mission_count_message(1, 1, len(items), 0))
    while True:
        ack = next((m for m in answers if m.get_type() == "MISSION_ACK"), None)
        if ack:
            return ack
        [request] = [m for m in answers if m.get_type() == "MISSION_REQUEST"]
        assert (request.target_system, request.target_component) == (255, 0)
        answers = station.say(items[request.seq])


def download(station: Station) -> list[Any]:
    count = station.one(mavlink.MAVLink_mission_request_list_message(1, 1, 0)).count
    return [
        station.one(mavlink.MAVLink_mission_request_int_message(1, 1, i, 0)) for i in range(count)
    ]


# -- missions --------------------------------------------------------------------------------------

coordinate = st.tuples(
    st.integers(-900_000_000, 900_000_000),
    st.integers(-1_800_000_000, 1_800_000_000),
    st.integers(-50_000, 50_000),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(coordinate, min_size=1, max_size=40))
def test_a_mission_of_int_items_comes_back_exactly(places: list[tuple[int, int, int]]) -> None:
    station = Station()
    items = [item_int(0)] + [
        item_int(i, x=x, y=y, z=z / 100, param1=float(i)) for i, (x, y, z) in enumerate(places, 1)
    ]
    assert upload(station, items).type == mavlink.MAV_MISSION_ACCEPTED
    held = download(station)
    assert len(held) == len(items)
    for sent, got in zip(items[1:], held[1:], strict=True):
        assert (got.x, got.y, got.command, got.frame) == (sent.x, sent.y, sent.command, sent.frame)
        assert got.z == pytest.approx(sent.z, abs=0.005)
        assert got.param1 == sent.param1
    home = held[0]
    assert (home.x, home.y, home.z) == (231_060_000, 1_134_590_000, 20.0), "home is the vehicle's"


def test_float_items_are_taken_and_given_too() -> None:
    station = Station()
    assert upload(station, [item_float(i) for i in range(5)]).type == 0
    got = station.one(mavlink.MAVLink_mission_request_message(1, 1, 3, 0))
    assert got.get_type() == "MISSION_ITEM"
    assert got.x == pytest.approx(23.106, abs=2e-6)
    assert got.y == pytest.approx(113.459, abs=8e-6)


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"command": 9999}, mavlink.MAV_MISSION_UNSUPPORTED),
        ({"frame": 10}, mavlink.MAV_MISSION_UNSUPPORTED_FRAME),
        ({"param1": math.nan}, mavlink.MAV_MISSION_INVALID_PARAM1),
        ({"param3": math.inf}, mavlink.MAV_MISSION_INVALID_PARAM3),
        ({"x": 910_000_000}, mavlink.MAV_MISSION_INVALID_PARAM5_X),
        ({"y": 1_810_000_000}, mavlink.MAV_MISSION_INVALID_PARAM6_Y),
        ({"z": math.nan}, mavlink.MAV_MISSION_INVALID_PARAM7),
        ({"mission_type": 1}, mavlink.MAV_MISSION_UNSUPPORTED),
    ],
)
def test_a_wrong_item_ends_the_upload_with_its_reason(changes: dict[str, Any], result: int) -> None:
    station = Station()
    ack = upload(station, [item_int(0), item_int(1), item_int(2, **changes), item_int(3)])
    assert ack.type == result
    assert not station.ap.mission.uploading
    assert len(station.ap.mission.items) == 2, "what came before stays, as on ArduPilot"


def test_too_many_items_are_refused_and_the_most_allowed_are_not() -> None:
    station = Station()
    ack = station.one(mavlink.MAVLink_mission_count_message(1, 1, 651, 0))
    assert ack.type == mavlink.MAV_MISSION_NO_SPACE
    assert upload(station, [item_int(i) for i in range(650)]).type == 0


def test_items_out_of_order_and_twice() -> None:
    station = Station()
    station.say(mavlink.MAVLink_mission_count_message(1, 1, 3, 0))
    assert [m.seq for m in station.say(item_int(0))] == [1]
    again = station.say(item_int(0))
    assert [m.get_type() for m in again] == ["MISSION_REQUEST"]
    assert again[0].seq == 1
    early = station.say(item_int(2))
    assert [m.get_type() for m in early] == ["MISSION_ACK", "MISSION_REQUEST"]
    assert early[0].type == mavlink.MAV_MISSION_INVALID_SEQUENCE
    station.say(item_int(1))
    assert station.say(item_int(2))[0].type == mavlink.MAV_MISSION_ACCEPTED
    stray = station.one(item_int(0))
    assert stray.type == mavlink.MAV_MISSION_ERROR, "no upload is under way"


def test_an_upload_that_stalls_is_asked_for_again_and_then_given_up() -> None:
    station = Station()
    station.say(mavlink.MAVLink_mission_count_message(1, 1, 3, 0))
    before = len(station.sent)
    for tenth in range(70):
        station.ap.mission.tick(tenth / 10)
    asked = [m.seq for m in station.sent[before:] if m.get_type() == "MISSION_REQUEST"]
    assert 5 <= len(asked) <= 7
    assert set(asked) == {0}
    denied = station.one(mavlink.MAVLink_mission_request_list_message(1, 1, 0))
    assert denied.type == mavlink.MAV_MISSION_DENIED
    station.ap.mission.tick(8.5)
    assert station.sent[-1].type == mavlink.MAV_MISSION_OPERATION_CANCELLED
    assert not station.ap.mission.uploading


def test_clearing_and_the_other_mission_types() -> None:
    station = Station()
    upload(station, [item_int(i) for i in range(3)])
    assert station.one(mavlink.MAVLink_mission_request_message(1, 1, 7, 0)).type == (
        mavlink.MAV_MISSION_INVALID_SEQUENCE
    )
    fence = station.one(mavlink.MAVLink_mission_request_list_message(1, 1, 1))
    assert (fence.type, fence.mission_type) == (mavlink.MAV_MISSION_UNSUPPORTED, 1)
    partial = station.one(mavlink.MAVLink_mission_write_partial_list_message(1, 1, 0, 1, 0))
    assert partial.type == mavlink.MAV_MISSION_UNSUPPORTED
    assert station.one(mavlink.MAVLink_mission_clear_all_message(1, 1, 0)).type == 0
    assert station.one(mavlink.MAVLink_mission_request_list_message(1, 1, 0)).count == 0


def test_an_item_can_be_refused_on_order() -> None:
    station = Station(faults=(Fault("item", 2.0),))
    assert upload(station, [item_int(i) for i in range(4)]).type == mavlink.MAV_MISSION_INVALID


def test_messages_for_another_vehicle_are_left_alone() -> None:
    station = Station()
    assert station.say(mavlink.MAVLink_mission_request_list_message(7, 1, 0)) == []
    other = mavlink.MAVLink_command_long_message(7, 1, 400, 0, 1, 0, 0, 0, 0, 0, 0)
    assert station.say(other) == []


# -- commands --------------------------------------------------------------------------------------


def fly_to(station: Station, seconds: float) -> None:
    items = [
        item_int(0),
        item_int(1, command=22),
        item_int(2, y=1_134_650_000),
        item_int(3, command=20),
    ]
    assert upload(station, items).type == 0
    station.run(7)
    assert station.command(mavlink.MAV_CMD_DO_SET_MODE, 1, 4) == 0
    assert station.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1) == 0
    assert station.command(mavlink.MAV_CMD_MISSION_START) == 0
    station.run(seconds)


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
    assert denied.type == mavlink.MAV_MISSION_DENIED, "not while it is being flown"
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
    assert not station.ap.recording, "the camera stops with the motors"


def test_skipping_to_an_item_in_flight() -> None:
    station = Station()
    fly_to(station, 30)
    station.say(mavlink.MAVLink_mission_set_current_message(1, 1, 3))
    station.run(1)
    assert station.ap.current_seq == 3
    reached = [m.seq for m in station.sent if m.get_type() == "MISSION_ITEM_REACHED"]
    assert 2 not in reached


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
    ap.battery.drop_to(0.0)
    ap.airframe.up = -3.0
    ap.airframe.yaw = -math.pi
    for message_id in (0, 1, 2, 24, 30, 32, 33, 74, 147, 148, 193, 242, 245, 262, 265, 285):
        message = station.streams.one(message_id)
        assert message is not None, message_id
        assert len(message.pack(mavlink.MAVLink(None, 1, 1))) > 10
    assert station.streams.one(77) is None
