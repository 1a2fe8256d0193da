"""The MAVLink mission protocol, vehicle's side, spoken as ArduPilot speaks it: one class for the
mission, the fence and the rally points.

Facts from ArduPilot 4.6's MissionItemProtocol and GCS_Common: items are asked for with plain
MISSION_REQUEST and taken as MISSION_ITEM or MISSION_ITEM_INT; item 0 of a mission is home; an item
out of turn is answered with INVALID_SEQUENCE and nothing else happens, so that what was lost is
asked for again after a second. A mission and rally points are overwritten item by item, so a
refused item leaves a mix of new and old, while a fence takes effect only as a whole. A refusal ends
the upload at once, but a MISSION_ITEM (the old kind) without a place on earth does not: it is
refused before it gets that far, the item is asked for again until the upload is given up after
eight seconds of silence, and listing is denied all that time. An upload under way from one ground
station denies another's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.simulation.vehicle.items import Refusal, StoredItem, as_int, fence_complaint, stored

__all__ = ["MAX_ITEMS", "ItemLists", "ItemProtocol"]

MAX_ITEMS = 650
_MOST = {
    mavlink.MAV_MISSION_TYPE_MISSION: MAX_ITEMS,
    mavlink.MAV_MISSION_TYPE_FENCE: 84,
    mavlink.MAV_MISSION_TYPE_RALLY: 50,
}
_NAMES = {
    mavlink.MAV_MISSION_TYPE_MISSION: "Mission",
    mavlink.MAV_MISSION_TYPE_FENCE: "Fence",
    mavlink.MAV_MISSION_TYPE_RALLY: "Rally",
}
_ASK_AGAIN_S = 1.0
_GIVE_UP_S = 8.0
_WARNING = mavlink.MAV_SEVERITY_WARNING


class ItemProtocol:
    """Answers the mission protocol's messages about one list.

    `send` sends a message, `say` a STATUSTEXT; times are those of any one clock. `home` gives a
    mission's item 0.
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
        self._tell = say
        self._to_say: list[tuple[int, str]] = []  # ArduPilot's texts come after its answers
        self._home = home
        self._refuse_item = refuse_item
        self.items: list[StoredItem] = []
        self.version = 0  # counts changes, so that the autopilot knows that it must look again
        self._coming: dict[int, StoredItem] = {}  # of a fence, which takes effect as a whole
        self._next = self._last = 0  # items asked for now and at the end
        self.uploading = False
        self._peer = (255, 0)  # whom answers go to
        self._uploader = (255, 0)
        self._asked_s = self._heard_s = 0.0
        self._warned_of_floats = self._warned_of_requests = False

    @property
    def _is_mission(self) -> bool:
        return bool(self.kind == mavlink.MAV_MISSION_TYPE_MISSION)

    @property
    def _is_fence(self) -> bool:
        return bool(self.kind == mavlink.MAV_MISSION_TYPE_FENCE)

    def handle(self, message: Any, now_s: float, *, current: int = 0, busy: bool = False) -> None:
        """Act on one message about this list. `current` is the item being flown, `busy` whether
        the mission is being flown and may not be cleared."""
        self._peer = (message.get_srcSystem(), message.get_srcComponent())
        self._answer(message, now_s, current=current, busy=busy)
        self._say_all()

    def _answer(self, message: Any, now_s: float, *, current: int, busy: bool) -> None:
        name = message.get_type()
        if name == "MISSION_COUNT":
            self._on_count(message, now_s)
        elif name in ("MISSION_ITEM", "MISSION_ITEM_INT"):
            self._on_item(message, now_s)
        elif name == "MISSION_REQUEST_LIST":
            if self.uploading:
                self._ack(mavlink.MAV_MISSION_DENIED)
            else:
                self._send_count()
        elif name in ("MISSION_REQUEST", "MISSION_REQUEST_INT"):
            self._on_request(message, int_wanted=name.endswith("INT"), current=current)
        elif name == "MISSION_CLEAR_ALL":
            self._on_clear(busy=busy)
        elif name == "MISSION_WRITE_PARTIAL_LIST":
            self._on_partial(message, now_s)

    def _say(self, severity: int, text: str) -> None:
        self._to_say.append((severity, text))

    def _say_all(self) -> None:
        for severity, text in self._to_say:
            self._tell(severity, text)
        self._to_say.clear()

    # -- upload --------------------------------------------------------------------------------

    def _cancel_upload(self) -> bool:
        """End an upload under way; False, and the peer is told so, where it is somebody else's."""
        if self.uploading and self._peer != self._uploader:
            self._ack(mavlink.MAV_MISSION_DENIED)
            return False
        self.uploading = False
        self._coming = {}
        return True

    def _on_count(self, message: Any, now_s: float) -> None:
        if not self._cancel_upload():
            return
        if message.count > _MOST[self.kind]:
            self._ack(mavlink.MAV_MISSION_NO_SPACE)
            self._say(_WARNING, f"Only {_MOST[self.kind]} items are supported")
            return
        if not self._is_fence and len(self.items) > message.count:
            del self.items[message.count :]
            self.version += 1
        if message.count:
            self._begin(0, message.count - 1, now_s)
        else:
            self._complete()

    def _on_partial(self, message: Any, now_s: float) -> None:
        first, last = message.start_index, message.end_index
        if self.uploading:
            self._ack(mavlink.MAV_MISSION_DENIED)
        elif not 0 <= first <= last <= len(self.items):
            self._say(_WARNING, "Flight plan update rejected")
            self._ack(mavlink.MAV_MISSION_ERROR)
        else:
            self._coming = dict(enumerate(self.items)) if self._is_fence else {}
            self._begin(first, last, now_s)

    def _begin(self, first: int, last: int, now_s: float) -> None:
        self.uploading = True
        self._next, self._last = first, last
        self._uploader, self._heard_s = self._peer, now_s
        self._warned_of_floats = self._warned_of_requests = False
        self._ask(now_s)

    def _on_item(self, message: Any, now_s: float) -> None:
        if message.get_type() == "MISSION_ITEM":
            try:
                message_int = as_int(message)
            except Refusal as refusal:  # the upload goes on
                self._ack(refusal.result)
                return
            if not self._warned_of_floats:
                self._warned_of_floats = True
                self._say(_WARNING, "got MISSION_ITEM; GCS should send MISSION_ITEM_INT")
        else:
            message_int = message
        if not self.uploading:
            self._ack(mavlink.MAV_MISSION_ERROR)
            return
        if message.seq != self._next:
            self._ack(mavlink.MAV_MISSION_INVALID_SEQUENCE)
            return
        if self._peer != self._uploader:
            self._ack(mavlink.MAV_MISSION_DENIED)
            return
        try:
            if message.seq == self._refuse_item:  # on order; ArduPilot itself gives no reason
                self._tell(_WARNING, f"Mission item {message.seq} refused")
                raise Refusal(mavlink.MAV_MISSION_INVALID)
            item = stored(message_int, self.kind)
            if self._is_mission and message.seq == 0 and self._home is not None:
                item = self._home()
            self._keep(item, message.seq)
        except Refusal as refusal:
            self._ack(refusal.result)
            self.uploading = False
            self._coming = {}
            return
        self._heard_s = now_s
        self._next += 1
        if self._next > self._last:
            self._complete()
        else:
            self._ask(now_s)

    def _keep(self, item: StoredItem, seq: int) -> None:
        if self._is_fence:
            self._coming[seq] = item
            return
        if seq < len(self.items):
            self.items[seq] = item
        elif seq == len(self.items) < _MOST[self.kind]:
            self.items.append(item)
        else:  # a list that was cleared or cut meanwhile
            raise Refusal(mavlink.MAV_MISSION_ERROR)
        self.version += 1

    def _complete(self) -> None:
        self.uploading = False
        result = mavlink.MAV_MISSION_ACCEPTED
        if self._is_fence:
            coming = [self._coming[seq] for seq in sorted(self._coming)]
            self._coming = {}
            complaint = fence_complaint(coming)
            if complaint is None:
                self._take_fence(coming)
            else:
                self._say(_WARNING, complaint)
                self._say(_WARNING, "Fence validation failed")
                result = mavlink.MAV_MISSION_ERROR
        elif self._is_mission:
            self._say(mavlink.MAV_SEVERITY_INFO, "Flight plan received")
        self._ack(result)

    def _take_fence(self, items: list[StoredItem]) -> None:
        self.items = items
        self.version += 1
        self._say(mavlink.MAV_SEVERITY_INFO, "Fence Indexed OK")

    def tick(self, now_s: float) -> None:
        """Ask again for an item that does not come; give up after a while."""
        if not self.uploading:
            return
        if now_s - self._heard_s > _GIVE_UP_S:
            self.uploading = False
            self._coming = {}
            self._say(_WARNING, f"{_NAMES[self.kind]} upload timeout")
            self._peer = self._uploader
            self._ack(mavlink.MAV_MISSION_OPERATION_CANCELLED)
            self._say_all()
        elif now_s - self._asked_s > _ASK_AGAIN_S:
            self._ask(now_s)

    def _ask(self, now_s: float) -> None:
        self._asked_s = now_s
        self._send(mavlink.MAVLink_mission_request_message(*self._uploader, self._next, self.kind))

    # -- download and the rest -----------------------------------------------------------------

    def _send_count(self) -> None:
        self._send(mavlink.MAVLink_mission_count_message(*self._peer, len(self.items), self.kind))

    def _on_request(self, message: Any, *, int_wanted: bool, current: int) -> None:
        if int_wanted and self.uploading:
            self._ack(mavlink.MAV_MISSION_DENIED)
            return
        item = self._item(message.seq)
        if item is None:
            return
        is_current = self._is_mission and message.seq == current
        head = (*self._peer, message.seq, item.frame, item.command)
        tail = (int(is_current), item.autocontinue, *item.params)
        if int_wanted:
            self._send(
                mavlink.MAVLink_mission_item_int_message(
                    *head, *tail, item.lat_e7, item.lon_e7, item.alt_m, self.kind
                )
            )
            return
        if not self._warned_of_requests:
            self._warned_of_requests = True
            self._say(_WARNING, "got MISSION_REQUEST; use MISSION_REQUEST_INT!")
        self._send(
            mavlink.MAVLink_mission_item_message(
                *head, *tail, item.lat_deg, item.lon_deg, item.alt_m, self.kind
            )
        )

    def _item(self, seq: int) -> StoredItem | None:
        """An item; None, and the peer is told so, where there is none."""
        if 0 <= seq < len(self.items):
            return self.items[seq]
        if self._is_mission:
            if seq == 0 and self._home is not None:  # home can always be read
                return self._home()
            self._send_count()  # how many there are
            self._ack(mavlink.MAV_MISSION_ERROR)
        elif self._is_fence and seq == len(self.items):
            self._ack(mavlink.MAV_MISSION_ERROR)
        else:
            self._ack(mavlink.MAV_MISSION_INVALID_SEQUENCE)
        return None

    def _on_clear(self, *, busy: bool) -> None:
        done = self._cancel_upload() and not (busy and self._is_mission)
        if done and self._is_fence:
            self._take_fence([])
        elif done:
            self.items = []
            self.version += 1
        self._ack(mavlink.MAV_MISSION_ACCEPTED if done else mavlink.MAV_MISSION_ERROR)

    def _ack(self, result: int) -> None:
        self._send(mavlink.MAVLink_mission_ack_message(*self._peer, result, self.kind))


class ItemLists:
    """The three lists of a vehicle, and whose a message is: `handle` takes every message of the
    mission protocol, `tick` lets time pass."""

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
        self._all = (self.mission, self.fence, self.rally)

    def handle(self, message: Any, now_s: float, *, current: int = 0, busy: bool = False) -> None:
        """Act on a message of the mission protocol; `now_s` is of the clock that `tick` gets."""
        kind = getattr(message, "mission_type", 0)
        for protocol in self._all:
            if protocol.kind == kind:
                protocol.handle(message, now_s, current=current, busy=busy)
                return
        peer = (message.get_srcSystem(), message.get_srcComponent())
        self._send(
            mavlink.MAVLink_mission_ack_message(*peer, mavlink.MAV_MISSION_UNSUPPORTED, kind)
        )

    def tick(self, now_s: float) -> None:
        for protocol in self._all:
            protocol.tick(now_s)

    def keep(self, old: ItemLists) -> None:
        """Take over what another boot of the same vehicle had stored."""
        for mine, theirs in zip(self._all, old._all, strict=True):
            mine.items = list(theirs.items)
            mine.version = theirs.version + 1
