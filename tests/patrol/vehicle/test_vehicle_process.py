"""The vehicle as a process: its port, its clock, and that rubbish does not bring it down."""

from __future__ import annotations

import itertools
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from vehicle_bench import HOME, item_int

from patrol.errors import SimulationError
from patrol.simulation.vehicle import Fault, SimulatedVehicle, VehicleSettings


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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Pilot(Wire):
    """A ground station that answers pings, loads a mission, arms and flies it."""

    def read(self) -> list[Any]:
        new = super().read()
        for message in new:
            if message.get_type() == "PING" and message.target_system == 0:
                self.send(mavlink.MAVLink_ping_message(message.time_usec, message.seq, 1, 1))
        return new

    def ask(self, message: Any, wanted: Callable[[Any], bool]) -> Any:
        """Send until the answer comes; the link may be bad."""
        for _ in range(60):
            self.send(message)
            try:
                return self.wait(wanted, 0.4)
            except AssertionError:
                continue
        raise AssertionError(f"no answer to {message}")

    def command(self, number: int, *params: float) -> int:
        seven = (*params, *([0.0] * (7 - len(params))))
        message = mavlink.MAVLink_command_long_message(1, 1, number, 0, *seven)
        answer = self.ask(message, lambda m: is_type("COMMAND_ACK")(m) and m.command == number)
        return int(answer.result)

    def load(self, items: list[Any]) -> None:
        message = mavlink.MAVLink_mission_count_message(1, 1, len(items), 0)
        while True:
            answer = self.ask(message, lambda m: m.get_type() in ("MISSION_REQUEST", "MISSION_ACK"))
            if answer.get_type() == "MISSION_REQUEST":
                message = items[answer.seq]
            elif answer.type in (mavlink.MAV_MISSION_ACCEPTED, mavlink.MAV_MISSION_ERROR):
                return  # the latter where the acceptance was lost
            # else a duplicate's INVALID_SEQUENCE: go on

    def fly(self, items: int = 41) -> None:
        last = items - 1
        far = [item_int(i, x=231_060_000 + 30_000 * (i % 2), z=20.0) for i in range(2, last)]
        self.load([item_int(0), item_int(1, 22, z=20.0), *far, item_int(last, 20)])
        self.wait(lambda m: is_type("SYSTEM_TIME")(m) and m.time_boot_ms > 8000)
        assert self.command(mavlink.MAV_CMD_DO_SET_MODE, 1, 4) == 0
        assert self.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1) == 0
        assert self.command(mavlink.MAV_CMD_MISSION_START) == 0

    def texts(self) -> list[str]:
        return [m.text for m in self.heard if m.get_type() == "STATUSTEXT"]


def simulated(*faults: str, **changes: Any) -> SimulatedVehicle:
    drills = tuple(Fault.parse(fault) for fault in faults)
    return SimulatedVehicle(
        VehicleSettings(HOME, 1.779e9, **{"speedup": 100.0, **changes}, faults=drills)
    )


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


# -- faults and the clock --------------------------------------------------------------------------


def beat(wire: Wire) -> None:
    wire.send(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_GCS, 8, 0, 0, 4, 3))


def test_a_cut_of_twenty_seconds_at_a_hundred_times_trips_the_failsafe() -> None:
    with simulated("link@20+20") as vehicle, Pilot(vehicle.port) as pilot:
        beat(pilot)
        pilot.fly()
        pilot.wait(lambda m: is_type("HEARTBEAT")(m) and m.custom_mode == 6)
        pilot.wait(
            is_type("SYSTEM_TIME")
        )  # the first after the silence, which comes a moment later
        times = [boot_s(m) for m in pilot.heard if is_type("SYSTEM_TIME")(m)]
        gaps = [b - a for a, b in itertools.pairwise(times)]
        assert 19 <= max(gaps) <= 22, "nothing was heard for so long"
        pilot.wait(lambda m: is_type("HEARTBEAT")(m) and not m.base_mode & 128, 60)


def test_one_heartbeat_a_second_at_a_hundred_times_does_not() -> None:
    with simulated() as vehicle, Wire(vehicle.port) as wire:
        beat(wire)
        first = boot_s(wire.wait(is_type("SYSTEM_TIME")))
        deadline = time.monotonic() + 2.2
        while time.monotonic() < deadline:
            beat(wire) if int(time.monotonic() * 10) % 10 == 0 else None
            wire.read()
        last = max(boot_s(m) for m in wire.heard if is_type("SYSTEM_TIME")(m))
        assert last - first > 12, "longer than FS_GCS_TIMEOUT on its clock"
        assert "GCS Failsafe" not in [m.text for m in wire.heard if is_type("STATUSTEXT")(m)]


def test_a_ground_station_that_dies_is_missed_by_the_vehicles_clock() -> None:
    with simulated() as vehicle:
        with Pilot(vehicle.port) as pilot:
            pilot.fly()
            pilot.wait(lambda m: is_type("VFR_HUD")(m) and m.alt > 38)
        time.sleep(0.4)  # forty seconds of the vehicle's
        with Pilot(vehicle.port) as again:
            assert again.wait(is_type("HEARTBEAT")).custom_mode == 6


def test_a_restart_in_flight_closes_the_connection_and_takes_another() -> None:
    with simulated("reboot@30") as vehicle:
        with Pilot(vehicle.port) as pilot:
            pilot.ask(
                mavlink.MAVLink_param_set_message(1, 1, b"RTL_ALT", 2200.0, 9),
                is_type("PARAM_VALUE"),
            )
            pilot.fly()
            with pytest.raises((ConnectionError, AssertionError)):
                pilot.wait(lambda m: False, 60)
        began = time.monotonic()
        refused = 0
        while True:
            try:
                again = Pilot(vehicle.port)
                break
            except ConnectionRefusedError:
                refused += 1
                time.sleep(0.02)
        with again:
            assert refused > 5
            assert 0.3 < time.monotonic() - began < 8
            assert boot_s(again.wait(is_type("SYSTEM_TIME"))) < 5
            heartbeat = again.wait(is_type("HEARTBEAT"))
            assert (heartbeat.custom_mode, heartbeat.base_mode & 128) == (0, 0)
            position = again.wait(is_type("GLOBAL_POSITION_INT"))
            assert abs(position.relative_alt) < 2500, "on the ground"
            count = again.ask(
                mavlink.MAVLink_mission_request_list_message(1, 1, 0), is_type("MISSION_COUNT")
            )
            assert count.count == 41
            kept = again.ask(
                mavlink.MAVLink_param_request_read_message(1, 1, b"RTL_ALT", -1),
                is_type("PARAM_VALUE"),
            )
            assert kept.param_value == 2200.0


def test_a_reboot_on_command() -> None:
    with simulated() as vehicle, Pilot(vehicle.port) as pilot:
        assert pilot.command(mavlink.MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN, 1) == 0
        with pytest.raises(ConnectionError):
            pilot.wait(lambda m: False, 10)


def test_a_flight_over_a_bad_link() -> None:
    """A fifth of the messages lost, doubled and overtaken: it can still be flown, and the gaps
    show in the sequence numbers."""
    faults = ("loss=20", "duplicate=20", "reorder=20", "latency=0.02")
    with simulated(*faults) as vehicle, Pilot(vehicle.port) as pilot:
        pilot.fly(items=6)
        pilot.wait(lambda m: is_type("VFR_HUD")(m) and m.alt > 38, 60)
        numbers = [m.get_seq() for m in pilot.heard if m.get_type() != "BAD_DATA"]
        steps = [(b - a) % 256 for a, b in itertools.pairwise(numbers)]
        assert 0.05 < sum(step == 0 for step in steps) / len(steps) < 0.3, "doubled"
        assert sum(1 < step < 128 for step in steps) / len(steps) > 0.05, "lost"
        assert sum(step >= 128 for step in steps) / len(steps) > 0.02, "overtaken"
        pings = [m.seq for m in pilot.heard if is_type("PING")(m)]
        assert pings == list(range(pings[0], pings[0] + len(pings))), "they only pace it"


def test_it_flies_sixty_times_as_fast_as_the_clock() -> None:
    """With all pose streams at 10 Hz, on processor time, as other work may share the machine."""
    with simulated(speedup=1000.0, ground_speedup=100.0) as vehicle, Pilot(vehicle.port) as pilot:
        pilot.fly()
        for message_id in (30, 32, 33, 265, 285):
            assert pilot.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, message_id, 100_000) == 0
        first = boot_s(pilot.wait(is_type("SYSTEM_TIME")))
        before = processor_s(vehicle)
        pilot.wait(lambda m: is_type("SYSTEM_TIME")(m) and boot_s(m) > first + 100)
        last = max(boot_s(m) for m in pilot.heard if is_type("SYSTEM_TIME")(m))
        assert (last - first) / (processor_s(vehicle) - before) > 60


def processor_s(vehicle: SimulatedVehicle) -> float:
    fields = Path(f"/proc/{vehicle.process.pid}/stat").read_text().rsplit(")")[-1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_port_in_use_is_one_line(vehicle: SimulatedVehicle) -> None:
    with pytest.raises(
        SimulationError, match=r"did not start: .*[Aa]ddress already in use"
    ) as error:
        SimulatedVehicle(VehicleSettings(HOME, 1.779e9, port=vehicle.port))
    assert "\n" not in str(error.value)
