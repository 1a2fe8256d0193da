"""Reading back a mission, the recorder, connections that are none, and the operator's Ctrl-C."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
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
from patrol.flight.link import Link, StatusText
from patrol.flight.recorder import EventLog, Recorder, gimbal_angles_deg
from patrol.flight.transfer import difference, download, send_mission, upload
from patrol.mission import MissionItem, mission_items
from patrol.plan import Plan
from patrol.simulation.vehicle import SimulatedVehicle, VehicleSettings
from patrol.telemetry import Telemetry

# -- comparing missions ----------------------------------------------------------------------------


def held(items: tuple[MissionItem, ...]) -> list[Any]:
    """What a vehicle gives back: float32 fields and its own home."""
    messages = []
    for item in items:
        message = mavlink.MAVLink_mission_item_message(
            255, 0, item.seq, item.frame, item.command, 0, item.autocontinue,
            item.param1, item.param2, item.param3, item.param4,
            item.lat_deg, item.lon_deg, item.altitude_m, 0,
        )  # fmt: skip
        [decoded] = mavlink.MAVLink(None).parse_buffer(
            bytearray(message.pack(mavlink.MAVLink(None)))
        )
        messages.append(decoded)
    return messages


@pytest.fixture
def items(plan: Plan) -> tuple[MissionItem, ...]:
    return mission_items(plan, plan.sorties[0])


def test_what_went_through_float32_is_the_same_mission(items: tuple[MissionItem, ...]) -> None:
    assert difference(items, held(items)) is None


@pytest.mark.parametrize(
    ("index", "change", "says"),
    [
        (4, {"lat_deg": 23.10640}, "item 4 has latitude"),
        (4, {"lon_deg": 113.46}, "item 4 has longitude"),
        (4, {"altitude_m": 31.0}, "item 4 has altitude 31 instead of 30"),
        (4, {"frame": 0}, "item 4 has frame 0 instead of 3"),
        (2, {"param2": 9.0}, "item 2 has param2 9 instead of 8"),
        (5, {"command": 2501}, "item 5 is command 2501 instead of 2500"),
    ],
)
def test_any_changed_item_is_named(
    items: tuple[MissionItem, ...], index: int, change: dict[str, Any], says: str
) -> None:
    other = [replace(i, **change) if i.seq == index else i for i in items]
    found = difference(items, held(tuple(other)))
    assert found is not None
    assert found.startswith(says)


def test_a_missing_item_is_told(items: tuple[MissionItem, ...]) -> None:
    assert difference(items, held(items[:-1])) == f"{len(items) - 1} items instead of {len(items)}"


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


# -- over a real connection ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vehicle(plan: Plan) -> Iterator[SimulatedVehicle]:
    with SimulatedVehicle(VehicleSettings(plan.sorties[0].launch, START_S, speedup=100)) as running:
        yield running


def test_missions_are_replaced_whole_on_the_same_connection(
    vehicle: SimulatedVehicle, plan: Plan
) -> None:
    with Link(vehicle.url) as link:
        for number in (0, 1, 0):
            sent = mission_items(plan, plan.sorties[number])
            send_mission(link, sent)
            assert difference(sent, download(link)) is None


def test_a_mission_that_was_changed_on_the_vehicle_is_noticed(
    vehicle: SimulatedVehicle, items: tuple[MissionItem, ...]
) -> None:
    with Link(vehicle.url) as link:
        upload(link, items)
        other = [replace(i, altitude_m=55.0) if i.seq == 4 else i for i in items]
        upload(link, other)
        assert difference(items, download(link)) == "item 4 has altitude 55 instead of 30"


def test_650_items_are_sent_and_read_back(
    vehicle: SimulatedVehicle, items: tuple[MissionItem, ...]
) -> None:
    many = [
        replace(items[4], seq=i, lat_deg=items[4].lat_deg + i * 1e-5) if i else items[0]
        for i in range(650)
    ]
    with Link(vehicle.url) as link:
        send_mission(link, many)
        too_many = [*many, replace(many[-1], seq=650)]
        with pytest.raises(FlightError, match=r"refused the mission .*NO_SPACE"):
            upload(link, too_many)


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


# -- Ctrl-C ----------------------------------------------------------------------------------------

_OPERATOR = """
import json, sys
from pathlib import Path
from patrol.flight.operation import Simulation, fly_patrol
from patrol.plan import Plan
folder = Path(sys.argv[1])
told = 0.0
def tell(metres):
    global told
    if metres >= told + 5:
        told = metres
        print(f"{metres:.0f}", flush=True)
try:
    fly_patrol(folder, Plan.read(folder), simulation=Simulation(float(sys.argv[2]), 40.0, 3.0),
               on_distance=tell)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(("presses", "mode"), [(1, "RTL"), (2, "LAND")])
def test_ctrl_c_brings_the_vehicle_down_and_keeps_the_record(
    plan: Plan, tmp_path: Path, presses: int, mode: str
) -> None:
    plan.write(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", _OPERATOR, str(tmp_path), str(START_S)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    while float(process.stdout.readline() or "nan") < 60:  # NaN: it ended too early
        pass
    log = tmp_path / "flight" / "events.jsonl"
    for count in range(presses):
        # As a terminal does it: to the whole group, the vehicle included.
        os.killpg(process.pid, signal.SIGINT)
        wait_for(lambda n=count: log.read_text(encoding="utf-8").count("操作员中止") > n)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    texts = [e["text"] for e in events]
    assert f"模式 mode {mode}" in texts
    assert "上锁 disarmed" in texts, "it waited for the landing"
    assert texts[-1] == "架次结束 sortie 1: stopped by the operator"
    rows = Telemetry.read(tmp_path / "flight" / "sortie-01.parquet")
    assert rows.above_launch_m[-1] < 3
    assert not (tmp_path / "flight" / "sortie-02.parquet").exists()


def wait_for(condition: Any, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
