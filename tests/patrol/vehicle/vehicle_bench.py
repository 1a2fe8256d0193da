"""A vehicle on the bench: stepped by hand, its messages kept; and a ground station beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.coordinates import LonLat
from patrol.simulation.vehicle.autopilot import Autopilot
from patrol.simulation.vehicle.faults import Fault
from patrol.simulation.vehicle.items import StoredItem
from patrol.simulation.vehicle.settings import VehicleSettings
from patrol.simulation.vehicle.wire.commands import CommandDesk
from patrol.simulation.vehicle.wire.streams import Streams

HOME = LonLat(113.459, 23.106)
M_PER_DEG_LAT = 110_750
M_PER_DEG_LON = 111_320 * math.cos(math.radians(HOME.lat_deg))


def e7(east: float, north: float) -> tuple[int, int]:
    """Latitude and longitude of a place, metres from home."""
    return (
        round((HOME.lat_deg + north / M_PER_DEG_LAT) * 1e7),
        round((HOME.lon_deg + east / M_PER_DEG_LON) * 1e7),
    )


def item(
    command: int,
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
    east: float = 0.0,
    north: float = 0.0,
    up: float = 0.0,
) -> StoredItem:
    frame = mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT
    return StoredItem(command, frame, params, *e7(east, north), round(up * 100))


def ring(*corners: tuple[float, float], keep_in: bool = True) -> list[StoredItem]:
    command = 5001 if keep_in else 5002
    return [item(command, (float(len(corners)), 0, 0, 0), *corner) for corner in corners]


class Bench:
    """An autopilot whose messages are kept."""

    def __init__(self, *faults: str, **changes: Any) -> None:
        self.sent: list[Any] = []
        settings = VehicleSettings(
            HOME, 1.779e9, faults=tuple(Fault.parse(f) for f in faults), **changes
        )
        self.ap = Autopilot(settings, self.sent.append)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / Autopilot.DT_S)):
            self.ap.step()

    def until(self, done: Callable[[], Any], limit_s: float = 600.0) -> float:
        """Run until something is so; the time then."""
        end_s = self.ap.time_s + limit_s
        while not done():
            self.ap.step()
            assert self.ap.time_s < end_s, self.texts()
        return self.ap.time_s

    def load(self, *stops: tuple[float, float, float], hold_s: float = 0.0) -> None:
        items = [self.ap.home_item(), item(mavlink.MAV_CMD_NAV_TAKEOFF, up=20.0)]
        items += [
            item(mavlink.MAV_CMD_NAV_WAYPOINT, (hold_s, 0.0, 0.0, 0.0), east, north, up)
            for east, north, up in stops
        ]
        self.store(*items, item(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH))

    def store(self, *items: StoredItem) -> None:
        self.ap.mission.items = list(items)
        self.ap.mission.version += 1

    def fence(self, *items: StoredItem, **parameters: float) -> None:
        self.ap.lists.fence.items = list(items)
        self.ap.lists.fence.version += 1
        for name, value in {"FENCE_ENABLE": 1.0, **parameters}.items():
            assert self.ap.parameters.set(name, value), name

    def rally(self, *places: tuple[float, float, float]) -> None:
        self.ap.lists.rally.items = [item(5100, east=e, north=n, up=u) for e, n, u in places]

    def start(self) -> None:
        assert self.ap.change_mode("GUIDED"), self.texts()
        assert self.ap.arm(), self.texts()
        assert self.ap.start_mission(), self.texts()

    def away_m(self, east: float = 0.0, north: float = 0.0) -> float:
        air = self.ap.airframe
        return math.hypot(air.known_east - east, air.known_north - north)

    def texts(self) -> list[str]:
        return [m.text for m in self.sent if m.get_type() == "STATUSTEXT"]

    def of(self, name: str) -> list[Any]:
        return [m for m in self.sent if m.get_type() == name]

    def reached(self) -> list[int]:
        return [m.seq for m in self.of("MISSION_ITEM_REACHED")]


def ready(*faults: str, **changes: Any) -> Bench:
    """On the ground with a short mission, as soon as it could be armed."""
    bench = Bench(*faults, **changes)
    bench.load((60.0, 0.0, 20.0), (60.0, 80.0, 25.0))
    bench.run(7)
    return bench


class Station(Bench):
    """A ground station talking to the vehicle's desk; what is sent goes over the wire format."""

    def __init__(self, *faults: str, **changes: Any) -> None:
        super().__init__(*faults, **changes)
        self.streams = Streams(self.ap)
        self.desk = CommandDesk(self.ap, self.streams)
        self.now_s = 0.0

    def say(self, message: Any, system: int = 255) -> list[Any]:
        """Deliver a message; returns the answers."""
        coder = mavlink.MAVLink(None, srcSystem=system, srcComponent=0)
        decoded = mavlink.MAVLink(None).parse_buffer(bytearray(message.pack(coder)))
        before = len(self.sent)
        for each in decoded:
            self.desk.handle(each, self.now_s)
        return self.sent[before:]

    def one(self, message: Any) -> Any:
        """Deliver a message; returns the only answer that is no STATUSTEXT."""
        [answer] = [m for m in self.say(message) if m.get_type() != "STATUSTEXT"]
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


def upload(station: Station, items: list[Any], kind: int = 0) -> Any:
    """Speak the sender's side of the protocol; returns the MISSION_ACK."""
    answers = station.say(mavlink.MAVLink_mission_count_message(1, 1, len(items), kind))
    while True:
        ack = next((m for m in answers if m.get_type() == "MISSION_ACK"), None)
        if ack:
            assert ack.mission_type == kind
            return ack
        [request] = [m for m in answers if m.get_type() == "MISSION_REQUEST"]
        assert (request.target_system, request.target_component) == (255, 0)
        assert request.mission_type == kind
        answers = station.say(items[request.seq])


def download(station: Station, kind: int = 0) -> list[Any]:
    count = station.one(mavlink.MAVLink_mission_request_list_message(1, 1, kind)).count
    return [
        station.one(mavlink.MAVLink_mission_request_int_message(1, 1, i, kind))
        for i in range(count)
    ]


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
