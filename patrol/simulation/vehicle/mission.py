"""The MAVLink mission protocol, vehicle's side, spoken as ArduPilot speaks it: one class for the
mission, the fence and the rally points.

Facts from the MAVLink guide ('Mission Protocol') and ArduPilot 4.6's MissionItemProtocol: items are
asked for with plain MISSION_REQUEST and taken as MISSION_ITEM or MISSION_ITEM_INT; item 0 of a
mission is home; an item out of turn is answered with INVALID_SEQUENCE and nothing else happens; a
mission is overwritten item by item, so a refused item leaves a mix of new and old, while a fence
takes effect only as a whole; asking and listing are denied while an upload is under way, which is
given up after eight seconds of silence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.simulation.vehicle.items import Refusal, StoredItem, fence_rings, stored

__all__ = ["MAX_ITEMS", "ItemLists", "ItemProtocol"]

MAX_ITEMS = 650
_MOST = {
    mavlink.MAV_MISSION_TYPE_MISSION: MAX_ITEMS,
    mavlink.MAV_MISSION_TYPE_FENCE: 70,
    mavlink.MAV_MISSION_TYPE_RALLY: 50,
}
_ASK_AGAIN_S = 1.0
_GIVE_UP_S = 8.0


class ItemProtocol:
    """Answers the mission protocol's messages about one list.

    `send` sends a message, `say` a STATUSTEXT; times are wall seconds, since they guard a link.
    `home` gives a mission's item 0.
    """

    def __init__(
        self,
        kind: int,
        send: Callable[[Any], None],
        say: Callable[[int, str], None],
        home: Callable[[], StoredItem] | None = None,
        refuse_item: int | None = None,
    ) -> None:
        self.kind = kind
        self._send = send
        self._say = say
        self._home = home
        self._refuse_item = refuse_item
        self.items: list[StoredItem] = []
        self.version = 0  # counts changes, so that the autopilot knows that it must look again
        self._coming: list[StoredItem] = []  # of a list that takes effect as a whole
        self._expected = 0  # items in the upload under way; 0 when there is none
        self._next = 0
        self._peer = (255, 0)  # whom answers go to
        self._uploader = (255, 0)
        self._asked_s = self._heard_s = 0.0

    @property
    def uploading(self) -> bool:
        return self._expected > 0

    @property
    def _is_mission(self) -> bool:
        return bool(self.kind == mavlink.MAV_MISSION_TYPE_MISSION)

    def handle(self, message: Any, now_s: float, *, current: int = 0, busy: bool = False) -> None:
        """Act on one message about this list. `current` is the item being flown, `busy` whether
        the mission is being flown and may not be cleared."""
        self._peer = (message.get_srcSystem(), message.get_srcComponent())
        name = message.get_type()
        if name == "MISSION_COUNT":
            self._on_count(message, now_s)
        elif name in ("MISSION_ITEM", "MISSION_ITEM_INT"):
            self._on_item(message, now_s)
        elif name == "MISSION_REQUEST_LIST":
            if self.uploading:
                self._ack(mavlink.MAV_MISSION_DENIED)
            else:
                self._send(
                    mavlink.MAVLink_mission_count_message(*self._peer, len(self.items), self.kind)
                )
        elif name in ("MISSION_REQUEST", "MISSION_REQUEST_INT"):
            self._on_request(message, as_int=name.endswith("INT"), current=current)
        elif name == "MISSION_CLEAR_ALL":
            self._on_clear(busy=busy)
        elif name == "MISSION_WRITE_PARTIAL_LIST":
            self._ack(mavlink.MAV_MISSION_UNSUPPORTED)

    # -- upload --------------------------------------------------------------------------------

    def _is_another(self) -> bool:
        """Whether somebody else's upload is under way."""
        return self.uploading and self._peer != self._uploader

    def _on_count(self, message: Any, now_s: float) -> None:
        if self._is_another():
            self._ack(mavlink.MAV_MISSION_DENIED)
            return
        if message.count > _MOST[self.kind]:
            self._say(mavlink.MAV_SEVERITY_WARNING, f"Only {_MOST[self.kind]} items are supported")
            self._ack(mavlink.MAV_MISSION_NO_SPACE)
            return
        self._coming = []
        if self.kind != mavlink.MAV_MISSION_TYPE_FENCE:
            del self.items[message.count :]
            self.version += 1
        self._expected, self._next = message.count, 0
        self._uploader, self._heard_s = self._peer, now_s
        if message.count:
            self._ask(now_s)
        else:
            self._complete()

    def _on_item(self, message: Any, now_s: float) -> None:
        if not self.uploading:
            self._ack(mavlink.MAV_MISSION_ERROR)
            return
        if message.seq != self._next:
            self._ack(mavlink.MAV_MISSION_INVALID_SEQUENCE)
            return
        if self._is_another():
            self._ack(mavlink.MAV_MISSION_DENIED)
            return
        try:
            if message.seq == self._refuse_item:
                raise Refusal(mavlink.MAV_MISSION_INVALID)
            item = stored(message, self.kind)
        except Refusal as refusal:
            self._expected = 0
            self._say(mavlink.MAV_SEVERITY_WARNING, f"Mission item {message.seq} refused")
            self._ack(refusal.result)
            return
        self._heard_s = now_s
        if self._is_mission and message.seq == 0 and self._home is not None:
            item = self._home()
        self._keep(item, message.seq)
        self._next += 1
        if self._next == self._expected:
            self._complete()
        else:
            self._ask(now_s)

    def _keep(self, item: StoredItem, seq: int) -> None:
        if self.kind == mavlink.MAV_MISSION_TYPE_FENCE:
            self._coming.append(item)
            return
        if seq < len(self.items):
            self.items[seq] = item
        else:
            self.items.append(item)
        self.version += 1

    def _complete(self) -> None:
        self._expected = 0
        if self.kind == mavlink.MAV_MISSION_TYPE_FENCE:
            try:
                fence_rings(self._coming)
            except Refusal as refusal:
                self._ack(refusal.result)
                return
            self.items, self._coming = self._coming, []
            self.version += 1
        self._ack(mavlink.MAV_MISSION_ACCEPTED)
        if self._is_mission:
            self._say(mavlink.MAV_SEVERITY_INFO, f"Mission: {len(self.items)} items")

    def tick(self, now_s: float) -> None:
        """Ask again for an item that does not come; give up after a while."""
        if not self.uploading:
            return
        if now_s - self._heard_s > _GIVE_UP_S:
            self._expected = 0
            self._say(mavlink.MAV_SEVERITY_WARNING, "Mission upload timeout")
            self._peer = self._uploader
            self._ack(mavlink.MAV_MISSION_OPERATION_CANCELLED)
        elif now_s - self._asked_s > _ASK_AGAIN_S:
            self._ask(now_s)

    def _ask(self, now_s: float) -> None:
        self._asked_s = now_s
        self._send(mavlink.MAVLink_mission_request_message(*self._uploader, self._next, self.kind))

    # -- download and the rest -----------------------------------------------------------------

    def _on_request(self, message: Any, *, as_int: bool, current: int) -> None:
        if self.uploading:
            self._ack(mavlink.MAV_MISSION_DENIED)
            return
        if not 0 <= message.seq < len(self.items):
            self._ack(mavlink.MAV_MISSION_INVALID_SEQUENCE)
            return
        item = self.items[message.seq]
        is_current = self._is_mission and message.seq == current
        head = (*self._peer, message.seq, item.frame, item.command)
        tail = (int(is_current), item.autocontinue, *item.params)
        if as_int:
            self._send(
                mavlink.MAVLink_mission_item_int_message(
                    *head, *tail, item.lat_e7, item.lon_e7, item.alt_m, self.kind
                )
            )
        else:
            self._send(
                mavlink.MAVLink_mission_item_message(
                    *head, *tail, item.lat_deg, item.lon_deg, item.alt_m, self.kind
                )
            )

    def _on_clear(self, *, busy: bool) -> None:
        if self._is_another() or (busy and self._is_mission):
            self._ack(mavlink.MAV_MISSION_DENIED)
            return
        self.items, self._coming = [], []
        self.version += 1
        self._expected = 0
        self._ack(mavlink.MAV_MISSION_ACCEPTED)

    def _ack(self, result: int) -> None:
        self._send(mavlink.MAVLink_mission_ack_message(*self._peer, result, self.kind))


class ItemLists:
    """The three lists of a vehicle, and whose a message is."""

    def __init__(
        self,
        send: Callable[[Any], None],
        say: Callable[[int, str], None],
        home: Callable[[], StoredItem],
        refuse_item: int | None = None,
    ) -> None:
        self._send = send
        self.mission = ItemProtocol(mavlink.MAV_MISSION_TYPE_MISSION, send, say, home, refuse_item)
        self.fence = ItemProtocol(mavlink.MAV_MISSION_TYPE_FENCE, send, say)
        self.rally = ItemProtocol(mavlink.MAV_MISSION_TYPE_RALLY, send, say)

    def handle(self, message: Any, now_s: float, *, current: int = 0, busy: bool = False) -> None:
        """Act on a message of the mission protocol; `now_s` is wall time."""
        kind = getattr(message, "mission_type", 0)
        wanted = [p for p in self._all if p.kind == kind]
        if kind == mavlink.MAV_MISSION_TYPE_ALL and message.get_type() == "MISSION_CLEAR_ALL":
            wanted = list(self._all)
        for protocol in wanted:
            protocol.handle(message, now_s, current=current, busy=busy)
        if not wanted:
            peer = (message.get_srcSystem(), message.get_srcComponent())
            self._send(
                mavlink.MAVLink_mission_ack_message(*peer, mavlink.MAV_MISSION_UNSUPPORTED, kind)
            )

    def tick(self, now_s: float) -> None:
        for protocol in self._all:
            protocol.tick(now_s)

    @property
    def _all(self) -> tuple[ItemProtocol, ItemProtocol, ItemProtocol]:
        return (self.mission, self.fence, self.rally)
