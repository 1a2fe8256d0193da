"""The MAVLink mission protocol as a ground station speaks it: one class for all three lists.

Source: MAVLink guide, 'Mission Protocol' (time-outs 1.5 s and for items 250 ms, five retries,
cancel by MISSION_ACK). One class for mission, fence and rally points after MAVProxy's
mission_item_protocol; what vehicles do beyond the guide after ArduPilot 4.6 (MissionItemProtocol):
it asks with plain MISSION_REQUEST, answers a repeated item with INVALID_SEQUENCE and goes on,
denies lists while an upload is under way and gives that up after eight seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Protocol, TypeVar

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.errors import FlightError
from patrol.flight.transfer.items import WireItem

__all__ = ["Channel", "ItemKind", "MissionClient", "RefusedError", "TransferError", "result_name"]

TIMEOUT_S = 1.5
ITEM_TIMEOUT_S = 0.25
RETRIES = 5
# As long as other messages show that the link lives, a lossy one gets this many retries an item.
LIVING_RETRIES = 40
_REPEAT_S = 0.1  # a request repeated sooner is a duplicate: answering would double the traffic
_BUSY_S = 10.0  # a vehicle gives up an unfinished upload after 8 s; until then it denies
_SETTLE_S = 0.5
_NUDGE_M = 0.002
_GONE = 3  # answers that an item is not wanted, or not there
_STARTS = 3  # attempts where the vehicle itself gave the transfer up

_ACCEPTED = mavlink.MAV_MISSION_ACCEPTED
# About an earlier transfer, or a doubled item: nothing that ends this one.
_NOT_FATAL = (
    mavlink.MAV_MISSION_INVALID_SEQUENCE,
    mavlink.MAV_MISSION_ERROR,
    mavlink.MAV_MISSION_OPERATION_CANCELLED,
)


_Answer = TypeVar("_Answer")


class ItemKind(IntEnum):
    """MAV_MISSION_TYPE."""

    MISSION = mavlink.MAV_MISSION_TYPE_MISSION
    FENCE = mavlink.MAV_MISSION_TYPE_FENCE
    RALLY = mavlink.MAV_MISSION_TYPE_RALLY

    @property
    def label(self) -> str:
        """The list's name in a message."""
        return {0: "mission", 1: "fence", 2: "rally points"}[int(self)]


class TransferError(FlightError):
    """A transfer that did not come to its end."""


class RefusedError(TransferError):
    """The vehicle refused; `result` is its MAV_MISSION_RESULT, `seq` the item, -1 the list."""

    def __init__(self, message: str, result: int, seq: int) -> None:
        super().__init__(message)
        self.result = result
        self.seq = seq


class Channel(Protocol):
    """A link that may lose, double and reorder what it carries."""

    def now(self) -> float:
        """Seconds on a clock that only runs forward."""
        ...

    def send(self, message: Any) -> None: ...

    def receive(self, timeout_s: float) -> Any | None:
        """The next message of the mission protocol, None after `timeout_s`.

        Raises FlightError where the link is lost or the operator cancels.
        """
        ...

    def heard(self) -> float:
        """When anything at all was last heard of the vehicle, on the clock of `now`."""
        ...


def result_name(result: int) -> str:
    entry = mavlink.enums["MAV_MISSION_RESULT"].get(result)
    return str(entry.name) if entry else f"result {result}"


class MissionClient:
    """Uploads, downloads and clears lists over a channel.

    `target` is (system, component). `on_progress` gets (kind, items done, items). Raises
    RefusedError
    where the vehicle refuses and TransferError where it goes silent.
    """

    def __init__(
        self,
        channel: Channel,
        target: tuple[int, int] = (1, 1),
        on_progress: Callable[[ItemKind, int, int], None] = lambda kind, done, total: None,
    ) -> None:
        self._channel = channel
        self._target = target
        self._on_progress = on_progress
        self.opaque_id = 0  # the vehicle's name for the list last accepted, 0 where it has none

    # -- upload --------------------------------------------------------------------------------

    def upload(self, kind: ItemKind, items: Sequence[WireItem]) -> None:
        """Send a list. On return the vehicle has taken it, as far as it said: read it back."""
        for attempt in range(_STARTS):
            if self._upload_once(kind, items, is_last=attempt == _STARTS - 1):
                return

    def _upload_once(self, kind: ItemKind, items: Sequence[WireItem], *, is_last: bool) -> bool:
        """False where the vehicle gave up and it is worth another try."""
        channel, total = self._channel, len(items)
        self._drain()
        count = mavlink.MAVLink_mission_count_message(*self._target, total, int(kind))
        asked = -1  # the item that the vehicle wants
        tries = unwanted = ended = 0  # times that it said that it wants another item, or none
        is_last_sent = False
        begun_s = sent_s = channel.now()
        channel.send(count)
        while True:
            limit_s = TIMEOUT_S if asked < 0 else ITEM_TIMEOUT_S
            message = channel.receive(max(sent_s + limit_s - channel.now(), 0.0))
            if message is None:
                tries += 1
                self._check_patience(kind, tries, max(asked, 0), total)
                channel.send(count if asked < 0 else self._message(kind, items[asked]))
                sent_s = channel.now()
                continue
            if getattr(message, "mission_type", 0) != kind:
                continue
            name = message.get_type()
            if name in ("MISSION_REQUEST", "MISSION_REQUEST_INT"):
                seq = message.seq
                repeated = seq == asked and channel.now() - sent_s < _REPEAT_S
                # A doubled MISSION_COUNT that came late makes it begin again.
                back = seq < asked and unwanted >= _GONE
                if not (asked <= seq < total or back) or repeated:
                    continue  # late, doubled or nonsense; the time-outs mend what is lost
                if seq != asked:
                    tries = unwanted = ended = 0
                    self._on_progress(kind, seq, total)
                asked = seq
                is_last_sent |= seq == total - 1
                channel.send(self._message(kind, items[seq]))
                sent_s = channel.now()
            elif name == "MISSION_ACK":
                if message.type == _ACCEPTED:
                    if is_last_sent:
                        self.opaque_id = getattr(message, "opaque_id", 0)
                        self._on_progress(kind, total, total)
                        return True
                elif message.type == mavlink.MAV_MISSION_OPERATION_CANCELLED and asked >= 0:
                    if is_last:
                        raise TransferError(f"the vehicle gave up the {kind.label} transfer")
                    return False
                elif message.type in _NOT_FATAL:
                    unwanted += message.type == mavlink.MAV_MISSION_INVALID_SEQUENCE
                    ended += message.type == mavlink.MAV_MISSION_ERROR and asked >= 0 and tries > 0
                    # ERROR: it expects no item any more. Once the last was sent (we may have gone
                    # back since) that means that it is done and said so in vain; whether it is,
                    # reading back will tell. Before, that it ended the transfer in vain.
                    if ended and is_last_sent:
                        return True
                    if ended >= _GONE:
                        if is_last:
                            raise TransferError(
                                f"the vehicle takes no more items of the {kind.label}"
                            )
                        return False
                elif message.type == mavlink.MAV_MISSION_DENIED:
                    # Meant for a late question of an earlier download, or somebody else's upload
                    # is under way: then nothing is asked for.
                    if asked < 0:
                        self._wait_while_busy(kind, begun_s)
                        channel.send(count)
                        sent_s = channel.now()
                else:
                    where = f"item {asked}" if asked >= 0 else f"a list of {total} items"
                    raise RefusedError(
                        f"the vehicle refused {where} of the {kind.label} "
                        f"({result_name(message.type)})",
                        message.type,
                        asked,
                    )

    def cancel(self, kind: ItemKind) -> None:
        """Tell the vehicle that the transfer ends here."""
        self._channel.send(
            mavlink.MAVLink_mission_ack_message(
                *self._target, mavlink.MAV_MISSION_OPERATION_CANCELLED, int(kind)
            )
        )

    # -- download ------------------------------------------------------------------------------

    def download(self, kind: ItemKind) -> list[WireItem]:
        """The list that the vehicle holds; a mission's item 0 is home."""
        held, total = self._downloaded(kind)
        again = 1
        while len(held) < total:
            if again == _STARTS:
                raise TransferError(f"the vehicle's {kind.label} changes while it is read")
            again += 1
            held, total = self._downloaded(kind)
        if total:
            self._channel.send(
                mavlink.MAVLink_mission_ack_message(*self._target, _ACCEPTED, int(kind))
            )
        return held

    def _downloaded(self, kind: ItemKind) -> tuple[list[WireItem], int]:
        """The items, fewer than told where the list changed on the way, and how many were told."""
        total = self._count(kind)
        held: list[WireItem] = []
        for seq in range(total):
            item = self._item(kind, seq, total)
            if item is None:
                break
            held.append(item)
            self._on_progress(kind, seq + 1, total)
        return held, total

    def _count(self, kind: ItemKind) -> int:
        channel = self._channel
        self._drain()
        ask = mavlink.MAVLink_mission_request_list_message(*self._target, int(kind))
        begun_s = channel.now()

        def answered(message: Any) -> int | None:
            if message.get_type() == "MISSION_COUNT":
                return int(message.count)
            if message.get_type() == "MISSION_ACK" and message.type != _ACCEPTED:
                if message.type == mavlink.MAV_MISSION_DENIED:
                    self._wait_while_busy(kind, begun_s)
                    channel.send(ask)
                elif message.type not in _NOT_FATAL:
                    raise RefusedError(
                        f"the vehicle does not tell its {kind.label} ({result_name(message.type)})",
                        message.type,
                        -1,
                    )
            return None

        return self._ask(kind, ask, answered, TIMEOUT_S, 0, 0)

    def _item(self, kind: ItemKind, seq: int, total: int) -> WireItem | None:
        """An item; None where there is no such item any more."""
        ask = mavlink.MAVLink_mission_request_int_message(*self._target, seq, int(kind))

        begun_s = self._channel.now()

        gone = 0

        def answered(message: Any) -> tuple[WireItem | None] | None:
            nonlocal gone
            if message.get_type() == "MISSION_ITEM_INT" and message.seq == seq:
                return (WireItem.of(message),)
            if message.get_type() != "MISSION_ACK":
                return None
            if message.type == mavlink.MAV_MISSION_INVALID_SEQUENCE:
                gone += 1  # once may be about a doubled item of an earlier upload
                return (None,) if gone >= _GONE else None
            if message.type == mavlink.MAV_MISSION_DENIED:
                # A doubled MISSION_COUNT that came late began another upload: until the vehicle
                # gives that up, it tells nothing.
                self._wait_while_busy(kind, begun_s)
                self._channel.send(ask)
            return None

        return self._ask(kind, ask, answered, ITEM_TIMEOUT_S, seq, total)[0]

    # -- clear -----------------------------------------------------------------------------------

    def clear(self, kind: ItemKind) -> None:
        """Remove the vehicle's list; that it is gone is to be seen by `download`."""
        self._drain()
        ask = mavlink.MAVLink_mission_clear_all_message(*self._target, int(kind))

        def answered(message: Any) -> bool | None:
            if message.get_type() != "MISSION_ACK":
                return None
            if message.type == _ACCEPTED:
                return True
            if message.type in _NOT_FATAL:
                return None
            raise RefusedError(
                f"the vehicle does not clear its {kind.label} ({result_name(message.type)})",
                message.type,
                -1,
            )

        self._ask(kind, ask, answered, TIMEOUT_S, 0, 0)

    # -- common ----------------------------------------------------------------------------------

    def _ask(
        self,
        kind: ItemKind,
        question: Any,
        answered: Callable[[Any], _Answer | None],
        limit_s: float,
        seq: int,
        total: int,
    ) -> _Answer:
        """Send a question until `answered` makes something of a message."""
        channel = self._channel
        tries = 0
        channel.send(question)
        sent_s = channel.now()
        while True:
            message = channel.receive(max(sent_s + limit_s - channel.now(), 0.0))
            if message is None:
                tries += 1
                self._check_patience(kind, tries, seq, total)
                channel.send(question)
                sent_s = channel.now()
            elif getattr(message, "mission_type", 0) == kind:
                answer = answered(message)
                if answer is not None:
                    return answer

    def _check_patience(self, kind: ItemKind, tries: int, seq: int, total: int) -> None:
        quiet_s = self._channel.now() - self._channel.heard()
        lives = quiet_s < RETRIES * TIMEOUT_S
        if tries > (LIVING_RETRIES if lives else RETRIES):
            where = f" at item {seq} of {total}" if total else ""
            raise TransferError(
                f"the vehicle does not answer about its {kind.label}{where}, asked {tries} times"
                + ("" if lives else f"; nothing was heard of it for {quiet_s:.0f} s")
            )

    def _wait_while_busy(self, kind: ItemKind, begun_s: float) -> None:
        channel = self._channel
        if channel.now() - begun_s > _BUSY_S:
            raise TransferError(
                f"the vehicle is taking a {kind.label} from another ground station; end that first"
            )
        until_s = channel.now() + 0.5
        while channel.now() < until_s:
            channel.receive(max(until_s - channel.now(), 0.0))

    def settle(self) -> None:
        """Let what is still under way of a failed transfer arrive and be forgotten, so that it is
        not taken for an answer to the next."""
        while self._channel.receive(_SETTLE_S) is not None:
            pass

    def _drain(self) -> None:
        """Forget what is left of an earlier transfer."""
        while self._channel.receive(0.0) is not None:
            pass

    def _message(self, kind: ItemKind, item: WireItem) -> Any:
        z_m = item.z_m
        if item.is_placed and kind is ItemKind.MISSION:
            # Vehicles cut off what is below a centimetre: 2.11 as float32 would become 2.10.
            z_m += math.copysign(_NUDGE_M, z_m) if z_m else 0.0
        return mavlink.MAVLink_mission_item_int_message(
            *self._target, item.seq, item.frame, item.command, 0, item.autocontinue,
            *item.params, item.x, item.y, z_m, int(kind),
        )  # fmt: skip
