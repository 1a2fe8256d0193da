"""The vehicle's side of the mission protocol, for the mission, the fence and the rally points."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from vehicle_bench import HOME, Station, download, e7, item_float, item_int, upload

from patrol.simulation.vehicle.items import StoredItem
from patrol.simulation.vehicle.mission import ItemLists

MISSION, FENCE, RALLY = 0, 1, 2
ACCEPTED, ERROR = mavlink.MAV_MISSION_ACCEPTED, mavlink.MAV_MISSION_ERROR
DENIED, INVALID = mavlink.MAV_MISSION_DENIED, mavlink.MAV_MISSION_INVALID
INVALID_SEQUENCE = mavlink.MAV_MISSION_INVALID_SEQUENCE

coordinate = st.tuples(
    st.integers(-900_000_000, 900_000_000),
    st.integers(-1_800_000_000, 1_800_000_000),
    st.integers(-50_000, 50_000),
)


def corner(seq: int, count: int, command: int = 5001, **changes: Any) -> Any:
    lat, lon = e7(100.0 * math.sin(seq), 100.0 * math.cos(seq))
    place = {"x": lat, "y": lon, "param1": float(count), "frame": 0, "mission_type": FENCE}
    return item_int(seq, command, **{**place, **changes})


def rally_point(seq: int, **changes: Any) -> Any:
    return item_int(seq, command=5100, mission_type=RALLY, **changes)


def texts(station: Station) -> list[str]:
    return station.texts()


# -- what is stored --------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(coordinate, min_size=1, max_size=40))
def test_a_mission_of_int_items_comes_back_exactly(places: list[tuple[int, int, int]]) -> None:
    station = Station()
    items = [item_int(0)] + [
        item_int(i, x=x, y=y, z=z / 100, param1=float(i)) for i, (x, y, z) in enumerate(places, 1)
    ]
    assert upload(station, items).type == ACCEPTED
    held = download(station)
    assert len(held) == len(items)
    for sent, got in zip(items[1:], held[1:], strict=True):
        assert (got.x, got.y, got.command, got.frame) == (sent.x, sent.y, sent.command, sent.frame)
        assert abs(got.z) <= abs(sent.z) + 1e-4, "heights are cut to centimetres"
        assert got.z == pytest.approx(sent.z, abs=0.0101)
        assert got.param1 == sent.param1
    home = held[0]
    assert (home.x, home.y, home.z) == (231_060_000, 1_134_590_000, 20.0), "home is the vehicle's"


def test_float_items_are_taken_and_given_too() -> None:
    station = Station()
    assert upload(station, [item_float(i) for i in range(5)]).type == ACCEPTED
    assert texts(station).count("got MISSION_ITEM; GCS should send MISSION_ITEM_INT") == 1
    got = station.one(mavlink.MAVLink_mission_request_message(1, 1, 3, 0))
    assert got.get_type() == "MISSION_ITEM"
    assert got.x == pytest.approx(23.106, abs=2e-6)
    assert got.y == pytest.approx(113.459, abs=8e-6)


def test_a_navigation_item_keeps_whole_seconds_and_no_other_parameter() -> None:
    station = Station()
    items = [item_int(0), item_int(1, param1=7.9, param2=3.0, param4=math.nan)]
    items.append(item_int(2, command=178, param1=1.0, param2=5.5, param3=-1.0, frame=2))
    items += [item_int(3, 19, param1=9.0, frame=2), item_int(4, 21), item_int(5, 205, frame=12)]
    assert upload(station, items).type == ACCEPTED
    _, waypoint, speed, loiter, land, mount = download(station)
    assert (loiter.param3, loiter.frame, land.param4) == (1.0, 0, 1.0), "as seen on Copter 4.6"
    assert (speed.frame, speed.x, speed.y, speed.z) == (0, 0, 0, 0.0)
    assert (mount.frame, mount.x, mount.z) == (0, 0, 2.0)
    assert [getattr(waypoint, f"param{i}") for i in range(1, 5)] == [7.0, 0.0, 0.0, 0.0]
    assert [getattr(speed, f"param{i}") for i in range(1, 5)] == [1.0, 5.5, -1.0, 0.0]


def test_a_fence_comes_back_as_it_was_sent() -> None:
    station = Station()
    items = [corner(i, 4) for i in range(4)] + [corner(i, 3, 5002) for i in range(4, 7)]
    items += [corner(7, 0, 5003, x=231_061_234), corner(8, 0, 5004), corner(9, 0, 5000)]
    items[7].param1, items[8].param1 = 40.5, 30.0
    assert upload(station, items, FENCE).type == ACCEPTED
    held = download(station, FENCE)
    for sent, got in zip(items, held, strict=True):
        assert (got.command, got.x, got.y, got.param1) == (
            sent.command, sent.x, sent.y, sent.param1,
        )  # fmt: skip
        assert (got.z, got.frame, got.mission_type) == (0.0, 0, FENCE)
    assert station.one(mavlink.MAVLink_mission_request_list_message(1, 1, MISSION)).count == 0


def test_rally_points_keep_whole_metres_in_their_frame() -> None:
    station = Station()
    points = [rally_point(0, z=45.9), rally_point(1, z=-3.7, frame=0), rally_point(2, z=60.0)]
    assert upload(station, points, RALLY).type == ACCEPTED
    held = download(station, RALLY)
    assert [(p.z, p.frame) for p in held] == [(45.0, 3), (-3.0, 0), (60.0, 3)]
    assert [(p.x, p.y) for p in held] == [(p.x, p.y) for p in points]


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"command": 9999}, mavlink.MAV_MISSION_UNSUPPORTED),
        ({"command": 1}, mavlink.MAV_MISSION_INVALID),
        ({"command": 5001}, mavlink.MAV_MISSION_UNSUPPORTED),
        ({"frame": 12}, mavlink.MAV_MISSION_UNSUPPORTED_FRAME),
        ({"param1": math.nan}, mavlink.MAV_MISSION_INVALID_PARAM1),
        ({"param3": math.inf}, mavlink.MAV_MISSION_INVALID_PARAM3),
        ({"param4": math.inf}, mavlink.MAV_MISSION_INVALID_PARAM4),
        ({"command": 178, "param4": math.nan}, mavlink.MAV_MISSION_INVALID_PARAM4),
        ({"x": 910_000_000}, mavlink.MAV_MISSION_INVALID_PARAM5_X),
        ({"y": 1_810_000_000}, mavlink.MAV_MISSION_INVALID_PARAM6_Y),
        ({"z": math.nan}, mavlink.MAV_MISSION_INVALID_PARAM7),
        ({"z": 90_000.0}, mavlink.MAV_MISSION_INVALID_PARAM7),
    ],
)
def test_a_wrong_item_ends_the_upload_with_its_reason(changes: dict[str, Any], result: int) -> None:
    station = Station()
    upload(station, [item_int(i, z=10.0) for i in range(6)])
    items = [item_int(0), item_int(1), item_int(2, **changes), item_int(3)]
    assert upload(station, items).type == result
    assert not station.ap.mission.uploading
    assert [m.z for m in download(station)] == [20.0, 41.25, 10.0, 10.0], "a mix, as on ArduPilot"


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ([corner(0, 2), corner(1, 2)], "Invalid vertex count (2)"),
        ([corner(0, 3), corner(1, 3)], "Incorrect item count"),
        ([corner(0, 4), corner(1, 4), corner(2, 4)], "Incorrect item count"),
        ([corner(0, 3), corner(1, 4), corner(2, 3)], "Unexpected vertex count want=3 got=4"),
        ([corner(0, 3), corner(1, 3, 5002)], "Received incorrect vertex type (want=98 got=97)"),
        ([corner(0, 3), corner(1, 30, 5003)], "Received incorrect type (want=98 got=92)"),
        ([corner(0, 0, 5003)], "Non-positive circle radius"),
        ([corner(0, 0, 5000), corner(1, 0, 5000)], "Multiple return points"),
        ([corner(0, 3), corner(1, 3), corner(2, 3), corner(3, 3)], "Incorrect item count"),
    ],
)
def test_a_wrong_fence_is_refused_as_a_whole(items: list[Any], says: str) -> None:
    station = Station()
    old = [corner(i, 5) for i in range(5)]
    assert upload(station, old, FENCE).type == ACCEPTED
    assert upload(station, items, FENCE).type == ERROR
    assert texts(station)[-2:] == [says, "Fence validation failed"]
    assert [m.x for m in download(station, FENCE)] == [m.x for m in old], "the old one stands"


@pytest.mark.parametrize(
    ("item", "result"),
    [
        (corner(0, 300), mavlink.MAV_MISSION_INVALID_PARAM1),
        (corner(0, 3, 16), mavlink.MAV_MISSION_UNSUPPORTED),
        (rally_point(0, x=910_000_000), mavlink.MAV_MISSION_INVALID_PARAM5_X),
        (rally_point(0, z=40_000.0), mavlink.MAV_MISSION_INVALID_PARAM7),
        (rally_point(0, frame=1), mavlink.MAV_MISSION_UNSUPPORTED_FRAME),
        (item_int(0, mission_type=RALLY), mavlink.MAV_MISSION_UNSUPPORTED),
    ],
)
def test_a_wrong_fence_or_rally_item_is_refused(item: Any, result: int) -> None:
    assert upload(Station(), [item], item.mission_type).type == result


def test_too_many_items_are_refused_and_the_most_allowed_are_not() -> None:
    station = Station()
    for kind, most in ((MISSION, 650), (FENCE, 84), (RALLY, 50)):
        ack = station.one(mavlink.MAVLink_mission_count_message(1, 1, most + 1, kind))
        assert ack.type == mavlink.MAV_MISSION_NO_SPACE
        assert texts(station)[-1] == f"Only {most} items are supported"
    assert upload(station, [item_int(i) for i in range(650)]).type == ACCEPTED


def test_texts_come_after_the_answer() -> None:
    station = Station()
    station.say(mavlink.MAVLink_mission_count_message(1, 1, 1, 0))
    ack, text = station.say(item_int(0))
    assert (ack.type, text.text) == (ACCEPTED, "Flight plan received")
    ack, text = station.say(mavlink.MAVLink_mission_clear_all_message(1, 1, FENCE))
    assert (ack.type, text.text) == (ACCEPTED, "Fence Indexed OK")


def test_an_item_can_be_refused_on_order() -> None:
    station = Station("item@2")
    assert upload(station, [item_int(i) for i in range(4)]).type == INVALID
    assert len(station.ap.mission.items) == 2
    fence = [corner(i, 3) for i in range(3)]
    assert upload(station, fence, FENCE).type == ACCEPTED, "only of the mission"


def test_an_old_item_without_a_place_does_not_end_the_upload() -> None:
    """It is asked for again for eight seconds, in which nothing can be listed."""
    station = Station()
    station.say(mavlink.MAVLink_mission_count_message(1, 1, 2, 0))
    refused = station.one(item_float(0, x=910_000_000))
    assert refused.type == mavlink.MAV_MISSION_INVALID_PARAM5_X
    before = len(station.sent)
    for tenth in range(79):
        station.ap.lists.tick(tenth / 10)
    assert [m.seq for m in station.sent[before:]] == [0] * 7
    listed = station.one(mavlink.MAVLink_mission_request_list_message(1, 1, 0))
    assert (listed.get_type(), listed.type) == ("MISSION_ACK", DENIED)
    station.ap.lists.tick(8.1)
    assert station.of("MISSION_ACK")[-1].type == mavlink.MAV_MISSION_OPERATION_CANCELLED
    assert station.one(mavlink.MAVLink_mission_request_list_message(1, 1, 0)).count == 0


# -- order and time --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [MISSION, RALLY])
def test_items_out_of_order_and_twice_change_nothing(kind: int) -> None:
    make = item_int if kind == MISSION else rally_point
    station = Station()
    station.say(mavlink.MAVLink_mission_count_message(1, 1, 3, kind))
    assert [m.seq for m in station.say(make(0))] == [1]
    for wrong in (make(0), make(2)):
        answer = station.one(wrong)
        assert (answer.get_type(), answer.type) == ("MISSION_ACK", INVALID_SEQUENCE)
    station.say(make(1))
    assert station.one(make(2)).type == ACCEPTED
    assert station.one(make(0)).type == ERROR, "no upload is under way"


def test_an_upload_that_stalls_is_asked_for_again_and_then_given_up() -> None:
    for kind, name in ((MISSION, "Mission"), (FENCE, "Fence"), (RALLY, "Rally")):
        station = Station()
        station.now_s = 100.0
        station.say(mavlink.MAVLink_mission_count_message(1, 1, 3, kind))
        before = len(station.sent)
        for tenth in range(80):
            station.ap.lists.tick(100.0 + tenth / 10)
        asked = [m.seq for m in station.sent[before:] if m.get_type() == "MISSION_REQUEST"]
        assert asked == [0] * 7
        denied = station.one(mavlink.MAVLink_mission_request_list_message(1, 1, kind))
        assert denied.type == DENIED
        station.ap.lists.tick(108.1)
        assert station.of("MISSION_ACK")[-1].type == mavlink.MAV_MISSION_OPERATION_CANCELLED
        assert station.texts()[-1] == f"{name} upload timeout"


def test_another_ground_station_waits_its_turn() -> None:
    station = Station()
    count = mavlink.MAVLink_mission_count_message(1, 1, 3, 0)
    station.say(count)
    station.say(item_int(0))
    [denied] = station.say(count, system=200)
    assert (denied.target_system, denied.type) == (200, DENIED)
    [denied] = station.say(item_int(1), system=200)
    assert (denied.target_system, denied.type) == (200, DENIED)
    acks = station.say(mavlink.MAVLink_mission_clear_all_message(1, 1, 0), system=200)
    assert [m.type for m in acks] == [DENIED, ERROR]
    [listed] = station.say(mavlink.MAVLink_mission_request_list_message(1, 1, 0), system=200)
    assert listed.type == DENIED
    [fence] = station.say(mavlink.MAVLink_mission_request_list_message(1, 1, 1), system=200)
    assert fence.count == 0, "the other lists are free"
    assert [m.seq for m in station.say(item_int(1))] == [2], "the first one's goes on"
    assert [m.seq for m in station.say(count)] == [0], "and may begin anew"


def test_clearing_listing_and_reading_beyond_the_end() -> None:
    station = Station()
    upload(station, [item_int(i) for i in range(3)])
    many, ack = station.say(mavlink.MAVLink_mission_request_int_message(1, 1, 7, 0))
    assert (many.count, ack.type) == (3, ERROR), "it is told how many there are"
    upload(station, [corner(i, 3) for i in range(3)], FENCE)
    for seq, result in ((3, ERROR), (4, INVALID_SEQUENCE)):
        ack = station.one(mavlink.MAVLink_mission_request_int_message(1, 1, seq, FENCE))
        assert ack.type == result
    rally = station.one(mavlink.MAVLink_mission_request_int_message(1, 1, 0, RALLY))
    assert rally.type == INVALID_SEQUENCE
    assert station.one(mavlink.MAVLink_mission_clear_all_message(1, 1, 0)).type == ACCEPTED
    assert station.one(mavlink.MAVLink_mission_request_list_message(1, 1, 0)).count == 0
    assert station.one(mavlink.MAVLink_mission_request_list_message(1, 1, FENCE)).count == 3
    home = station.one(mavlink.MAVLink_mission_request_int_message(1, 1, 0, 0))
    assert (home.x, home.y) == (231_060_000, 1_134_590_000), "home can always be read"
    unknown = station.one(mavlink.MAVLink_mission_request_list_message(1, 1, 9))
    assert (unknown.type, unknown.mission_type) == (mavlink.MAV_MISSION_UNSUPPORTED, 9)


def test_a_part_of_a_list_can_be_written() -> None:
    station = Station()
    upload(station, [item_int(i) for i in range(5)])
    refused = station.one(mavlink.MAVLink_mission_write_partial_list_message(1, 1, 2, 9, 0))
    assert refused.type == ERROR
    asked = station.say(mavlink.MAVLink_mission_write_partial_list_message(1, 1, 2, 3, 0))
    assert [m.seq for m in asked] == [2]
    assert [m.seq for m in station.say(item_int(2, z=5.0))] == [3]
    assert station.one(item_int(3, z=6.0)).type == ACCEPTED
    assert [m.z for m in download(station)] == [20.0, 41.25, 5.0, 6.0, 44.25]
    upload(station, [corner(i, 4) for i in range(4)], FENCE)
    station.say(mavlink.MAVLink_mission_write_partial_list_message(1, 1, 1, 1, FENCE))
    assert station.one(corner(1, 4, x=7)).type == ACCEPTED
    xs = [m.x for m in download(station, FENCE)]
    assert (len(xs), xs[1]) == (4, 7)


def test_messages_for_another_vehicle_are_left_alone() -> None:
    station = Station()
    assert station.say(mavlink.MAVLink_mission_request_list_message(7, 1, 0)) == []
    other = mavlink.MAVLink_command_long_message(7, 1, 400, 0, 1, 0, 0, 0, 0, 0, 0)
    assert station.say(other) == []


# -- a bad link ------------------------------------------------------------------------------------


class BadLink:
    """Sender and vehicle on a clock of their own; messages lost, doubled, overtaken both ways."""

    def __init__(self, seed: int, share: float) -> None:
        self._rng = random.Random(seed)
        self._share = share
        self.now_s = 0.0
        self._number = itertools.count()
        self._under_way: list[tuple[float, int, bool, Any]] = []
        self.answers: list[Any] = []
        home = StoredItem(16, 0, (0.0,) * 4, round(HOME.lat_deg * 1e7), 0, 2000)
        self.lists = ItemLists(lambda m: self._post(True, m), lambda *_: None, lambda: home)

    def send(self, message: Any) -> None:
        self._post(False, message)

    def _post(self, down: bool, message: Any) -> None:
        coder = mavlink.MAVLink(None, srcSystem=1 if down else 255, srcComponent=0)
        decoded = mavlink.MAVLink(None).decode(bytearray(message.pack(coder)))
        if self._rng.random() < self._share:
            return
        for _ in range(1 + (self._rng.random() < self._share)):
            late_s = 0.01 + (self._rng.uniform(0, 0.5) if self._rng.random() < self._share else 0)
            heapq.heappush(
                self._under_way, (self.now_s + late_s, next(self._number), down, decoded)
            )

    def run(self, seconds: float) -> list[Any]:
        """Let time pass; what the sender heard."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += 0.05
            while self._under_way and self._under_way[0][0] <= self.now_s:
                _, _, down, message = heapq.heappop(self._under_way)
                if down:
                    self.answers.append(message)
                else:
                    self.lists.handle(message, self.now_s)
            self.lists.tick(self.now_s)
        heard, self.answers = self.answers, []
        return heard


def send_over(link: BadLink, items: list[Any], kind: int) -> bool:
    """The guide's sender: answers each request, begins anew where it hears nothing."""
    done = False
    for _ in range(200):
        link.send(mavlink.MAVLink_mission_count_message(1, 1, len(items), kind))
        quiet_s = 0.0
        while quiet_s < 3.0:
            heard = link.run(0.05)
            requests = [m for m in heard if m.get_type() == "MISSION_REQUEST"]
            for request in requests:
                link.send(items[request.seq])
            for ack in (m for m in heard if m.get_type() == "MISSION_ACK"):
                # Duplicates bring INVALID_SEQUENCE and, after the end, ERROR: only the first
                # acceptance counts, and only when the vehicle is at rest.
                done |= ack.type == ACCEPTED
            if done:
                link.run(1.0)
                return True
            quiet_s = 0.0 if requests else quiet_s + 0.05
    return False


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    share=st.sampled_from([0.0, 0.1, 0.2]),
    count=st.integers(1, 60),
    kind=st.sampled_from([MISSION, FENCE, RALLY]),
)
def test_a_list_arrives_whole_over_a_bad_link(
    seed: int, share: float, count: int, kind: int
) -> None:
    rng = random.Random(seed)
    count = {MISSION: count, FENCE: max(count, 3), RALLY: min(count, 50)}[kind]
    place = [(rng.randint(-9 * 10**8, 9 * 10**8), rng.randint(-18 * 10**8, 18 * 10**8))
             for _ in range(count)]  # fmt: skip
    if kind == MISSION:
        items = [item_int(i, x=x, y=y) for i, (x, y) in enumerate(place)]
    elif kind == FENCE:
        items = [corner(i, count) for i in range(count)]
        for each, (x, y) in zip(items, place, strict=True):
            each.x, each.y = x, y
    else:
        items = [rally_point(i, x=x, y=y) for i, (x, y) in enumerate(place)]
    link = BadLink(seed, share)
    link.lists.handle(_cleared(kind), 0.0)
    link.run(1.0)
    assert send_over(link, items, kind)
    held = (link.lists.mission, link.lists.fence, link.lists.rally)[kind].items
    first = 1 if kind == MISSION else 0  # item 0 is home
    assert [(i.lat_e7, i.lon_e7) for i in held[first:]] == place[first:]
    assert [i.command for i in held[first:]] == [m.command for m in items[first:]]


def _cleared(kind: int) -> Any:
    message = mavlink.MAVLink_mission_clear_all_message(1, 1, kind)
    coder = mavlink.MAVLink(None, srcSystem=255, srcComponent=0)
    return mavlink.MAVLink(None).decode(bytearray(message.pack(coder)))
