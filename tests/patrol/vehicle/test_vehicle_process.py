"""The vehicle as a process: its port, its clock, and that rubbish does not bring it down."""

from __future__ import annotations

import itertools
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.coordinates import LonLat
from patrol.errors import SimulationError
from patrol.simulation.vehicle import SimulatedVehicle, VehicleSettings

HOME = LonLat(113.459, 23.106)


class Wire:
    """A bare MAVLink connection, without dronekit."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.settimeout(0.2)
        self.coder = mavlink.MAVLink(None, srcSystem=255, srcComponent=0)
        self.coder.robust_parsing = True
        self.heard: list[Any] = []

    def send(self, message: Any) -> None:
        self.socket.sendall(message.pack(self.coder))

    def read(self) -> list[Any]:
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return []
        if not data:
            raise ConnectionError("the vehicle hung up")
        new = self.coder.parse_buffer(bytearray(data)) or []
        self.heard += new
        return new

    def wait(self, wanted: Callable[[Any], bool], timeout_s: float = 20.0) -> Any:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for message in self.read():
                if wanted(message):
                    return message
        raise AssertionError("the message did not come")

    def close(self) -> None:
        self.socket.close()


def is_type(name: str) -> Callable[[Any], bool]:
    return lambda message: message.get_type() == name


@pytest.fixture(scope="module")
def vehicle() -> Iterator[SimulatedVehicle]:
    with SimulatedVehicle(VehicleSettings(HOME, 1.779e9, speedup=50.0)) as running:
        yield running
    assert not running.running


@pytest.fixture
def wire(vehicle: SimulatedVehicle) -> Iterator[Wire]:
    connection = Wire(vehicle.port)
    yield connection
    connection.close()


def boot_s(message: Any) -> float:
    return float(message.time_boot_ms) / 1000


def test_its_clock_runs_faster_than_the_walls(wire: Wire) -> None:
    first = boot_s(wire.wait(is_type("SYSTEM_TIME")))
    started = time.monotonic()
    last = boot_s(wire.wait(lambda m: is_type("SYSTEM_TIME")(m) and boot_s(m) > first + 9))
    assert (last - first) / (time.monotonic() - started) > 3, "ten times, on a busy machine less"


def test_it_waits_for_a_ground_station_that_reads_slowly(vehicle: SimulatedVehicle) -> None:
    """Pings that stay unanswered hold the clock: nothing is lost, nothing runs ahead."""
    wire = Wire(vehicle.port)
    ping = wire.wait(is_type("PING"))
    answer = mavlink.MAVLink_ping_message(ping.time_usec, ping.seq, 1, 1)
    wire.send(answer)
    answered_s = ping.time_usec / 1e6
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        wire.read()
    latest = max(boot_s(m) for m in wire.heard if hasattr(m, "time_boot_ms"))
    assert latest - answered_s < 4.0
    for _ in range(3):
        newest = [m for m in wire.heard if is_type("PING")(m)][-1]
        wire.send(mavlink.MAVLink_ping_message(newest.time_usec, newest.seq, 1, 1))
        wire.wait(lambda m, seq=newest.seq: is_type("PING")(m) and m.seq > seq)
    sequence = [m.get_seq() for m in wire.heard if m.get_type() != "BAD_DATA"]
    assert all((b - a) % 256 == 1 for a, b in itertools.pairwise(sequence))
    wire.close()


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_do_not_bring_it_down(vehicle: SimulatedVehicle, seed: int) -> None:
    rng = random.Random(seed)
    wire = Wire(vehicle.port)
    for _ in range(40):
        data = bytearray(rng.randbytes(rng.randint(1, 3000)))
        for _ in range(20):  # with starts of packets that promise more
            data[rng.randrange(len(data))] = rng.choice((0xFD, 0xFE))
        wire.socket.sendall(data)
    wire.close()
    answers(vehicle)


def random_message(rng: random.Random) -> bytes:
    """Any message of the dialect with random fields, sometimes damaged or cut short."""
    kind = rng.choice(list(mavlink.mavlink_map.values()))
    coder = mavlink.MAVLink(None, srcSystem=rng.choice((255, 1, 7)), srcComponent=0)
    payload = rng.randbytes(kind.unpacker.size)
    message = kind.__new__(kind)
    mavlink.MAVLink_message.__init__(message, kind.id, kind.msgname)
    packet = bytearray(message._pack(coder, kind.crc_extra, payload))
    damage = rng.random()
    if damage < 0.1:
        packet[rng.randrange(len(packet))] ^= 1 << rng.randrange(8)
    elif damage < 0.15:
        del packet[rng.randrange(1, len(packet)) :]
    return bytes(packet)


@pytest.mark.parametrize("seed", range(4))
def test_random_messages_do_not_bring_it_down(vehicle: SimulatedVehicle, seed: int) -> None:
    rng = random.Random(1000 + seed)
    wire = Wire(vehicle.port)
    for _ in range(60):
        wire.socket.sendall(b"".join(random_message(rng) for _ in range(50)))
        wire.read()
    wire.close()
    answers(vehicle)


@pytest.mark.parametrize("seed", range(3))
def test_known_messages_with_absurd_fields_do_not_bring_it_down(
    vehicle: SimulatedVehicle, seed: int
) -> None:
    """The messages it acts upon, addressed to it, with values at and beyond every edge."""
    rng = random.Random(2000 + seed)
    numbers = (0.0, 1.0, -1.0, float("nan"), float("inf"), -1e38, 21196.0, 3.0, 262.0)
    wire = Wire(vehicle.port)
    for _ in range(600):
        six = [rng.choice(numbers) for _ in range(7)]
        command = rng.choice((16, 20, 21, 22, 178, 192, 205, 300, 400, 510, 511, 512, 2500, 9999))
        wire.send(mavlink.MAVLink_command_long_message(rng.choice((0, 1)), 1, command, 0, *six))
        place = (rng.randint(-(2**31), 2**31 - 1), rng.randint(-(2**31), 2**31 - 1), six[4])
        wire.send(mavlink.MAVLink_mission_count_message(1, 1, rng.choice((0, 1, 3, 651)), 0))
        wire.send(
            mavlink.MAVLink_mission_item_int_message(
                1, 1, rng.randint(0, 3), rng.randint(0, 21), command, 0, 1, *six[:4], *place, 0
            )
        )
        wire.send(
            mavlink.MAVLink_mission_item_message(
                1, 1, rng.randint(0, 3), 3, 16, rng.randint(0, 3), 1, *six[:4], *six[4:], 0
            )
        )
        name = rng.choice((b"DISARM_DELAY", b"WPNAV_SPEED", b"RTL_ALT", b"\xff\xfe"))
        wire.send(mavlink.MAVLink_param_set_message(1, 1, name, rng.choice(numbers), 9))
        wire.read() if rng.random() < 0.05 else None
    wire.close()
    answers(vehicle)


def answers(vehicle: SimulatedVehicle) -> None:
    """It runs, and a new ground station is served."""
    wire = Wire(vehicle.port)
    try:
        assert wire.wait(is_type("HEARTBEAT")).autopilot == mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA
        wire.send(mavlink.MAVLink_param_request_read_message(1, 1, b"RTL_LOIT_TIME", -1))
        assert wire.wait(is_type("PARAM_VALUE")).param_id == "RTL_LOIT_TIME"
    finally:
        wire.close()
    assert vehicle.running, vehicle.complaint()


def test_it_ends_when_whoever_started_it_dies() -> None:
    settings = VehicleSettings(HOME, 1.779e9)
    code = (
        "import sys, os\n"
        "from patrol.simulation.vehicle import SimulatedVehicle, VehicleSettings\n"
        "vehicle = SimulatedVehicle(VehicleSettings.from_json(sys.argv[1]))\n"
        "print(vehicle.process.pid, vehicle.port, flush=True)\n"
        "os._exit(9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, settings.to_json()], capture_output=True, text=True, timeout=60
    )
    _, port = map(int, done.stdout.split())
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.05)
    raise AssertionError("the vehicle outlived its parent")


def test_a_port_in_use_is_one_line(vehicle: SimulatedVehicle) -> None:
    with pytest.raises(
        SimulationError, match=r"did not start: .*[Aa]ddress already in use"
    ) as error:
        SimulatedVehicle(VehicleSettings(HOME, 1.779e9, port=vehicle.port))
    assert "\n" not in str(error.value)
