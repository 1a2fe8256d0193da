"""Missions over a bad link in memory: the new list whole, or the old one, or none, and it is said."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from benchmarks.flying.lossy import LossyLink, held, random_mission
from geo.coordinates import LonLat
from patrol.errors import FlightError
from patrol.flight.transfer import (
    ItemKind,
    MissionClient,
    RefusedError,
    TransferError,
    WireItem,
    difference,
    fence_items,
    load,
    rally_items,
    wire_items,
)
from patrol.mission import MissionItem, mission_items
from patrol.plan import Plan

BAD = {"loss": 0.2, "twice": 0.2, "overtaken": 0.2}
SQUARE = [LonLat(113.45 + x, 23.10 + y) for x, y in ((0, 0), (0.01, 0), (0.01, 0.01), (0, 0.01))]


def mission(seed: int, count: int) -> list[WireItem]:
    return random_mission(random.Random(seed), count)


# -- what an item is on the wire ---------------------------------------------------------------------


@pytest.fixture
def items(plan: Plan) -> tuple[MissionItem, ...]:
    return mission_items(plan, plan.sorties[0])


def test_positions_are_whole_tenth_millionths_and_heights_centimetres(
    items: tuple[MissionItem, ...],
) -> None:
    for item, wire in zip(items, wire_items(items), strict=True):
        if wire.is_placed:
            assert wire.x == pytest.approx(item.lat_deg * 1e7, abs=0.5)
            assert wire.y == pytest.approx(item.lon_deg * 1e7, abs=0.5)
            assert wire.z_m == pytest.approx(item.altitude_m, abs=0.005)
        else:
            assert (wire.x, wire.y, wire.z_m) == (item.lat_deg, item.lon_deg, item.altitude_m)


@pytest.mark.parametrize(
    ("index", "change", "says"),
    [
        (4, {"x": 1}, "item 4 has latitude"),
        (4, {"y": 1}, "item 4 has longitude"),
        (4, {"z_m": 31.0}, "item 4 has altitude 31 instead of 30"),
        (4, {"frame": 0}, "item 4 has frame 0 instead of 3"),
        (2, {"params": (1.0, 9.0, -1.0, 0.0)}, "item 2 has param2 9 instead of 8"),
        (5, {"command": 2501}, "item 5 is command 2501 instead of 2500"),
    ],
)
def test_any_changed_item_is_named(
    items: tuple[MissionItem, ...], index: int, change: dict[str, Any], says: str
) -> None:
    sent = wire_items(items)
    other = [replace(i, **change) if i.seq == index else i for i in sent]
    found = difference(sent, other)
    assert found is not None
    assert found.startswith(says)


def test_one_step_of_a_position_is_a_difference(items: tuple[MissionItem, ...]) -> None:
    sent = wire_items(items)
    moved = [replace(i, x=i.x + 1) if i.seq == 4 else i for i in sent]
    assert difference(sent, sent) is None
    assert difference(sent, moved) is not None
    assert difference(sent, sent[:-1]) == f"{len(sent) - 1} items instead of {len(sent)}"


def test_home_is_the_vehicles_own(items: tuple[MissionItem, ...]) -> None:
    sent = wire_items(items)
    other = [replace(sent[0], x=5, z_m=20.0), *sent[1:]]
    assert difference(sent, other) is None
    assert difference(sent, other, home_is_own=False) is not None


# -- over a bad link ---------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 120))
def test_any_mission_arrives_exactly_over_a_bad_link(seed: int, count: int) -> None:
    link = LossyLink(seed, **BAD)
    sent = mission(seed, count)
    loaded = load(MissionClient(link), ItemKind.MISSION, sent)
    assert difference(sent, held(link, 0)) is None
    assert not loaded.was_there


def test_a_late_request_after_the_last_item_does_not_hold_the_transfer_up() -> None:
    """With this seed a request for item 43 overtakes nothing but comes after item 44, the last,
    was sent; the vehicle is done, and its word of that is lost."""
    link = LossyLink(2_328_851_535, **BAD)
    sent = mission(1, 45)
    load(MissionClient(link), ItemKind.MISSION, sent)
    assert difference(sent, held(link, 0)) is None


def test_a_vehicle_that_forgot_the_transfer_is_begun_with_anew() -> None:
    """It restarts in the middle of the upload, and its list stays as long as it was."""
    forgot: list[int] = []

    def spoil(down: bool, message: Any) -> Any:
        is_item = not down and message.get_type() == "MISSION_ITEM_INT"
        if is_item and message.seq == 20 and not forgot:
            forgot.append(message.seq)
            link.lists.mission.uploading = False
        return message

    link = LossyLink(3, spoil=spoil)
    sent = mission(3, 40)
    load(MissionClient(link), ItemKind.MISSION, sent)
    assert forgot
    assert difference(sent, held(link, 0)) is None


def test_650_items_and_no_more() -> None:
    link = LossyLink(1, loss=0.05)
    load(MissionClient(link), ItemKind.MISSION, mission(1, 650))
    assert len(held(link, 0)) == 650
    with pytest.raises(
        FlightError, match=r"refused a list of 651 items .*NO_SPACE.* back in place"
    ):
        load(MissionClient(link), ItemKind.MISSION, mission(2, 651))
    assert difference(mission(1, 650), held(link, 0)) is None


@pytest.mark.parametrize("kind", [ItemKind.FENCE, ItemKind.RALLY])
def test_fences_and_rally_points_go_the_same_way(kind: ItemKind) -> None:
    link = LossyLink(5, **BAD)
    items = (
        fence_items(SQUARE, [SQUARE[:3]])
        if kind is ItemKind.FENCE
        else rally_items([(SQUARE[0], 47.7), (SQUARE[2], 60.0)])
    )
    client = MissionClient(link)
    load(client, kind, items)
    assert difference(items, held(link, kind), home_is_own=False) is None
    assert load(client, kind, items).was_there
    load(client, kind, [])
    assert held(link, kind) == []
    if kind is ItemKind.RALLY:
        assert items[0].z_m == 48.0, "vehicles keep whole metres: up, not down"


def test_the_same_mission_is_not_sent_again() -> None:
    link = LossyLink(3)
    client = MissionClient(link)
    load(client, ItemKind.MISSION, mission(3, 20))
    version = link.lists.mission.version
    assert load(client, ItemKind.MISSION, mission(3, 20)).was_there
    assert link.lists.mission.version == version


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(3, 60), st.data())
def test_after_a_refusal_the_vehicle_holds_the_old_mission_or_none(
    seed: int, count: int, data: st.DataObject
) -> None:
    refused = data.draw(st.integers(1, count - 1))
    old_count = data.draw(st.integers(2, 70))
    link = LossyLink(seed, **BAD, refuse_item=refused)
    old = mission(seed + 1, old_count)
    link.lists.mission.items = stored_by_vehicle(old)
    with pytest.raises(FlightError) as failure:
        load(MissionClient(link), ItemKind.MISSION, mission(seed, count))
    after, text = held(link, 0), str(failure.value)
    assert "nothing was armed" in text
    if "back in place" in text:
        assert difference(old, after) is None
    else:
        assert "cleared" in text or "as before" in text
        assert len(after) <= 1


def stored_by_vehicle(items: list[WireItem]) -> list[Any]:
    """As the vehicle stores them, put there directly."""
    link = LossyLink(0)
    MissionClient(link).upload(ItemKind.MISSION, items)
    return link.lists.mission.items


def test_a_link_that_dies_midway_is_told_and_nothing_is_claimed() -> None:
    link = LossyLink(7)
    client = MissionClient(link)
    load(client, ItemKind.MISSION, mission(1, 10))

    def die(kind: ItemKind, done: int, total: int) -> None:
        link.is_dead = done >= 20

    client = MissionClient(link, on_progress=die)
    with pytest.raises(FlightError, match=r"does not answer .* WHAT MISSION IT HOLDS IS NOT KNOWN"):
        load(client, ItemKind.MISSION, mission(2, 50))
    assert 5 < link.now() < 120, "it gives up in time"


def test_a_silent_vehicle_is_asked_as_often_as_the_guide_says() -> None:
    link = LossyLink(7)
    link.is_dead = True
    with pytest.raises(TransferError, match="asked 6 times; nothing was heard of it for 9 s"):
        MissionClient(link).download(ItemKind.MISSION)
    assert link.sent == 6
    assert link.now() == pytest.approx(9.0, abs=0.3)


def test_an_item_changed_on_the_way_is_noticed_and_sent_again() -> None:
    """A vehicle that stores something else once: read back, compared, sent anew."""
    spoilt = 0

    def spoil(down: bool, message: Any) -> Any:
        nonlocal spoilt
        if (
            not down
            and message.get_type() == "MISSION_ITEM_INT"
            and message.seq == 4
            and not spoilt
        ):
            spoilt += 1
            message.x += 1000
        return message

    link = LossyLink(9, spoil=spoil)
    load(MissionClient(link), ItemKind.MISSION, mission(9, 10))
    assert spoilt == 1
    assert difference(mission(9, 10), held(link, 0)) is None


def test_a_vehicle_that_always_stores_something_else_is_not_believed() -> None:
    def spoil(down: bool, message: Any) -> Any:
        if not down and message.get_type() == "MISSION_ITEM_INT" and message.command == 16:
            message.x += 1000
        return message

    link = LossyLink(9, spoil=spoil)
    sent = [
        WireItem(0, 0, 16, (0.0,) * 4, 0, 0, 0.0),
        WireItem(1, 3, 16, (0.0,) * 4, 231_000_000, 1_134_000_000, 30.0),
    ]
    with pytest.raises(
        FlightError, match="does not hold the mission that was sent: item 1 has lat"
    ):
        load(MissionClient(link), ItemKind.MISSION, sent)
    assert len(held(link, 0)) <= 1


def test_the_operators_stop_leaves_no_mix() -> None:
    link = LossyLink(4)
    old = mission(1, 12)
    load(MissionClient(link), ItemKind.MISSION, old)

    def stop(kind: ItemKind, done: int, total: int) -> None:
        if done == 20 and total == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(MissionClient(link, on_progress=stop), ItemKind.MISSION, mission(2, 40))
    assert difference(old, held(link, 0)) is None


def test_a_refusal_names_the_item_and_the_result() -> None:
    link = LossyLink(4, refuse_item=7)
    with pytest.raises(RefusedError, match="refused item 7 of the mission") as refusal:
        MissionClient(link).upload(ItemKind.MISSION, mission(2, 40))
    assert (refusal.value.seq, refusal.value.result) == (7, mavlink.MAV_MISSION_INVALID)


def test_an_empty_mission_is_refused_before_anything_is_sent() -> None:
    link = LossyLink(4)
    with pytest.raises(FlightError, match="the mission is empty"):
        load(MissionClient(link), ItemKind.MISSION, [])
    assert link.sent == 0
