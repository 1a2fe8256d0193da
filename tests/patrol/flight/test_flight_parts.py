"""The recorder, its logs, and connections that are none."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from short_patrol import START_S

from geo.coordinates import LonLat
from patrol.errors import FlightError
from patrol.flight import dronekit_compat
from patrol.flight.link import Link, StatusText
from patrol.flight.record.recorder import EventLog, Recorder, gimbal_angles_deg
from patrol.flight.record.replay import recorded
from patrol.flight.record.tlog import TlogWriter, read_tlog
from patrol.flight.transfer import ItemKind, MissionClient, difference, load, wire_items
from patrol.mission import MissionItem, mission_items
from patrol.plan import Plan
from patrol.simulation.vehicle import SimulatedVehicle, VehicleSettings


@pytest.fixture
def items(plan: Plan) -> tuple[MissionItem, ...]:
    return mission_items(plan, plan.sorties[0])


# -- the recorder ----------------------------------------------------------------------------------


@given(
    st.floats(-179, 179),
    st.one_of(st.just(-90.0), st.floats(-89, 40)),
    st.floats(-30, 30),
)
def test_gimbal_angles_from_a_quaternion(yaw: float, pitch: float, roll: float) -> None:
    if pitch == -90.0:
        roll = 0.0
    cy, sy = math.cos(math.radians(yaw) / 2), math.sin(math.radians(yaw) / 2)
    cp, sp = math.cos(math.radians(pitch) / 2), math.sin(math.radians(pitch) / 2)
    cr, sr = math.cos(math.radians(roll) / 2), math.sin(math.radians(roll) / 2)
    q = (
        cr * cp * cy + sr * sp * sy,
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
    )
    got_roll, got_pitch, got_yaw = gimbal_angles_deg(q)
    assert got_pitch == pytest.approx(pitch, abs=0.3)
    assert math.remainder(got_yaw - yaw, 360) == pytest.approx(0, abs=0.3)
    assert got_roll == pytest.approx(roll, abs=0.3)


class Replay:
    """A source of given messages, as a log is."""

    mode = "AUTO"
    armed = True

    def __init__(self) -> None:
        self.on_text: Callable[[StatusText], None] = print
        self.handlers: dict[str, Any] = {}

    def listen(self, name: str, handler: Any) -> None:
        self.handlers[name] = handler

    def feed(self, message: Any) -> None:
        self.handlers[message.get_type()](message)


def recorder(items: tuple[MissionItem, ...], folder: Path) -> tuple[Recorder, Replay, EventLog]:
    link = Replay()
    log = EventLog(folder / "events.jsonl", [1])
    made = Recorder(link, items, 1, log)
    made.active = True
    return made, link, log


def position(ms: int, lon: float = 113.459) -> Any:
    return mavlink.MAVLink_global_position_int_message(
        ms, 231_060_000, round(lon * 1e7), 50_000, 30_000, 0, 800, 0, 9000
    )


def test_a_vehicle_without_camera_or_gimbal_messages(
    items: tuple[MissionItem, ...], tmp_path: Path
) -> None:
    """Recording then follows from the mission item, and the gimbal from where it was sent."""
    made, link, log = recorder(items, tmp_path)
    link.feed(mavlink.MAVLink_system_time_message(1_779_238_800_000_000, 0))
    first_filmed = next(i.seq for i in items if i.command == 2500) + 1
    for step, seq in enumerate([1, first_filmed - 2, first_filmed, len(items) - 1]):
        link.feed(mavlink.MAVLink_mission_current_message(seq))
        link.feed(mavlink.MAVLink_attitude_message(step * 100, 0.1, -0.2, 3.0, 0, 0, 0))
        link.feed(position(step * 100))
    rows = made.telemetry()
    log.close()
    assert rows.recording.tolist() == [False, False, True, False]
    assert rows.gimbal_pitch_deg.tolist() == [-90.0] * 4
    assert np.allclose(rows.gimbal_yaw_deg, math.degrees(3.0))
    assert made.gimbal_source == "assumed"
    assert rows.time_s[0] == 1_779_238_800.0


def test_attitude_is_interpolated_through_north(
    items: tuple[MissionItem, ...], tmp_path: Path
) -> None:
    made, link, log = recorder(items, tmp_path)
    link.feed(mavlink.MAVLink_system_time_message(1_000_000_000, 0))
    link.feed(mavlink.MAVLink_attitude_message(0, 0, 0, math.radians(-10), 0, 0, 0))
    link.feed(position(50))
    link.feed(position(50))  # the same moment twice is one row
    link.feed(mavlink.MAVLink_attitude_message(100, 0.2, 0, math.radians(20), 0, 0, 0))
    link.feed(position(75))
    rows = made.telemetry()
    log.close()
    assert rows.yaw_deg == pytest.approx([5.0, 12.5])
    assert rows.roll_deg == pytest.approx([math.degrees(0.1), math.degrees(0.15)])


def test_a_vehicle_that_never_tells_the_time(
    items: tuple[MissionItem, ...], tmp_path: Path
) -> None:
    made, link, log = recorder(items, tmp_path)
    link.feed(position(100))
    with pytest.raises(FlightError, match="never sent its time"):
        made.telemetry()
    log.close()


def test_rows_that_come_late_or_twice_stand_in_order_and_once(
    items: tuple[MissionItem, ...], tmp_path: Path
) -> None:
    made, link, log = recorder(items, tmp_path)
    link.feed(mavlink.MAVLink_system_time_message(1_000_000_000, 0))
    for ms in (100, 300, 200, 300, 400):
        link.feed(position(ms))
    log.close()
    assert made.telemetry().time_s.tolist() == pytest.approx([1000.1, 1000.2, 1000.3, 1000.4])
    assert len(made) == 4


def test_a_gap_is_told_and_counted_straight(items: tuple[MissionItem, ...], tmp_path: Path) -> None:
    made, link, log = recorder(items, tmp_path)
    link.feed(position(1000))
    link.feed(position(21_000, 113.460))  # 102 m further east
    log.close()
    assert made.gaps == [(1.0, 21.0)]
    assert made.distance_m == pytest.approx(102.3, abs=0.3)


# -- logs of packets -------------------------------------------------------------------------------


def packets(*messages: Any) -> list[bytes]:
    coder = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    return [bytes(message.pack(coder)) for message in messages]


def heartbeat(*, armed: bool) -> Any:
    return mavlink.MAVLink_heartbeat_message(2, 3, 128 if armed else 0, 3, 4, 3)


def test_a_log_gives_the_rows_that_were_recorded(
    items: tuple[MissionItem, ...], tmp_path: Path
) -> None:
    path = tmp_path / "sortie-01.tlog"
    log = TlogWriter(path)
    flown = packets(
        mavlink.MAVLink_system_time_message(1_779_238_800_000_000, 0),
        position(500),
        heartbeat(armed=True),
        *(position(ms) for ms in range(1000, 2000, 100)),
        heartbeat(armed=False),
        position(2500),
    )
    for packet in flown:
        log.write(packet)
    log.close()
    again, _ = recorded(path, items, 1)
    rows = again.telemetry()
    assert len(rows) == 10, "from arming to disarming"
    assert rows.time_s[0] == pytest.approx(1_779_238_801.0)


@given(st.data())
def test_a_log_cut_off_or_damaged_gives_what_is_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "x.tlog"
    log = TlogWriter(path)
    for packet in packets(*(position(ms) for ms in range(0, 2000, 100))):
        log.write(packet)
    log.close()
    whole = bytearray(path.read_bytes())
    cut = data.draw(st.integers(0, len(whole)))
    whole = whole[:cut]
    for _ in range(data.draw(st.integers(0, 3))):
        if whole:
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(whole))
    times = [m.time_boot_ms for _, m in read_tlog(path) if m.get_type() == "GLOBAL_POSITION_INT"]
    assert len(times) <= 20
    if not cut:
        assert times == []


def test_other_tools_read_the_log(tmp_path: Path) -> None:
    from pymavlink import mavutil

    log = TlogWriter(tmp_path / "x.tlog")
    for packet in packets(heartbeat(armed=True), position(100)):
        log.write(packet)
    log.close()
    reader = mavutil.mavlink_connection(str(tmp_path / "x.tlog"))
    try:
        names = []
        while (message := reader.recv_msg()) is not None:
            names.append(message.get_type())
            assert abs(message._timestamp - time.time()) < 60
    finally:
        reader.close()
    assert names == ["HEARTBEAT", "GLOBAL_POSITION_INT"]


def test_a_full_disk_is_noted_and_not_raised(tmp_path: Path) -> None:
    (tmp_path / "full.tlog").symlink_to("/dev/full")
    log = TlogWriter(tmp_path / "full.tlog")
    for packet in packets(heartbeat(armed=True), position(100)):
        log.write(packet)
    assert log.failed is not None
    assert "No space left" in str(log.failed)
    log.close()


# -- over a real connection ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vehicle(plan: Plan) -> Iterator[SimulatedVehicle]:
    with SimulatedVehicle(VehicleSettings(plan.sorties[0].launch, START_S, speedup=100)) as running:
        yield running


def test_missions_are_replaced_whole_on_the_same_connection(
    vehicle: SimulatedVehicle, plan: Plan
) -> None:
    with Link(vehicle.url) as link, link.channel() as channel:
        client = MissionClient(channel)
        for number in (0, 1, 0):
            sent = wire_items(mission_items(plan, plan.sorties[number]))
            load(client, ItemKind.MISSION, sent)
            assert difference(sent, client.download(ItemKind.MISSION)) is None


def test_parameters_are_read_and_set(vehicle: SimulatedVehicle) -> None:
    with Link(vehicle.url) as link:
        assert link.parameter("RTL_ALT") == 1500
        assert link.set_parameter("RTL_ALT", 4770.0)
        assert link.parameter("RTL_ALT") == 4770
        assert link.parameter("NO_SUCH_PARAM", timeout_s=0.5) is None
        assert not link.set_parameter("NO_SUCH_PARAM", 1.0, timeout_s=0.5)
        assert link.set_parameter("RTL_ALT", 1500.0)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "vehicle",
        "tcp:127.0.0.1",
        "tcp:127.0.0.1:port",
        "tcp:127.0.0.1:99999",
        "http://127.0.0.1:5760",
        "/dev/no-such-device",
        "tcp:a b:5760",
    ],
)
def test_what_is_no_address_of_a_vehicle_is_refused_at_once(url: str) -> None:
    with pytest.raises(FlightError, match="is not a connection to a vehicle; write tcp:HOST:PORT"):
        Link(url)


def test_nobody_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(FlightError, match=f"tcp:127.0.0.1:{port}: no connection .*refused"):
        Link(f"tcp:127.0.0.1:{port}")


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 40])
def test_somebody_who_is_no_vehicle(greeting: bytes) -> None:
    threads = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answered: list[socket.socket] = []

        def answer() -> None:
            peer, _ = server.accept()
            peer.sendall(greeting)
            answered.append(peer)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(FlightError, match="no MAVLink heartbeat of a vehicle within 1 s"):
            Link(f"tcp:127.0.0.1:{port}", timeout_s=1.0)
        thread.join()
        for peer in answered:
            peer.close()
    assert threading.active_count() <= threads


def test_what_a_listener_raises_is_not_lost(vehicle: SimulatedVehicle) -> None:
    with Link(vehicle.url) as link:

        def broken(message: Any) -> None:
            raise ZeroDivisionError("in a listener")

        link.listen("HEARTBEAT", broken)
        with pytest.raises(ZeroDivisionError, match="in a listener"):
            link.wait(lambda: False, 10.0)


def test_a_mode_that_the_vehicle_refuses_is_told_with_its_reason(plan: Plan) -> None:
    settings = VehicleSettings(LonLat(113.459, 23.106), START_S, ground_speedup=1.0)
    with (
        SimulatedVehicle(settings) as booting,
        Link(booting.url) as link,
        pytest.raises(
            FlightError, match=r"stays in mode STABILIZE instead of AUTO: .*requires position"
        ),
    ):
        link.set_mode("AUTO", timeout_s=2.0)


@given(st.integers(0, 255), st.lists(st.integers(0, 12), min_size=60, max_size=400))
def test_a_heartbeat_that_was_overtaken_is_dropped(first: int, delays: list[int]) -> None:
    """Every seventh packet is a heartbeat; each packet is late by so many packets."""
    passed: list[int] = []

    class Passing:
        def notify_message_listeners(self, name: str, message: Any) -> None:
            if name == "HEARTBEAT":
                passed.append(message.custom_mode)

    vehicle = Passing()
    dronekit_compat._drop_stale_heartbeats(vehicle)
    came = sorted(range(len(delays)), key=lambda n: (n + delays[n], n))
    for number in came:
        message = mavlink.MAVLink_heartbeat_message(2, 3, 0, number, 4, 3)
        message._header.seq = (first + number) % 256
        message._header.srcSystem, message._header.srcComponent = 1, 1
        vehicle.notify_message_listeners("HEARTBEAT" if number % 7 == 0 else "ATTITUDE", message)
    assert passed == sorted(passed)
    assert passed[-1] == (len(delays) - 1) // 7 * 7, "the latest is heard"


def test_heartbeats_count_anew_after_a_restart() -> None:
    passed: list[int] = []

    class Passing:
        def notify_message_listeners(self, name: str, message: Any) -> None:
            passed.append(message.get_seq())

    vehicle = Passing()
    dronekit_compat._drop_stale_heartbeats(vehicle)
    for seq in (118, 119, 120, 0, 1, 2):
        message = mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3)
        message._header.seq, message._header.srcSystem = seq, 1
        vehicle.notify_message_listeners("HEARTBEAT", message)
    assert passed == [118, 119, 120, 0, 1, 2]
