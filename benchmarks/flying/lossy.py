"""A radio link in memory, on a clock of its own: messages get lost, doubled and overtaken.

At its far end is the simulated vehicle's own mission protocol, so that a ground station's side can
be tried on thousands of missions without waiting.
"""

from __future__ import annotations

import heapq
import itertools
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.flight.transfer import WireItem
from patrol.simulation.vehicle.items import StoredItem
from patrol.simulation.vehicle.mission import ItemLists

__all__ = ["LossyLink", "held", "home_item", "random_mission"]

_TICK_S = 0.05  # how often the vehicle looks at its clock


class _Wire:
    """Encodes and decodes, as a wire does: float32, whole numbers."""

    def __init__(self, system: int, component: int) -> None:
        self._coder = mavlink.MAVLink(None, srcSystem=system, srcComponent=component)
        self._reader = mavlink.MAVLink(None)

    def carry(self, message: Any) -> Any:
        return self._reader.decode(bytearray(message.pack(self._coder)))


@dataclass(frozen=True, slots=True)
class _Weather:
    loss: float
    twice: float
    overtaken: float


class LossyLink:
    """A `Channel` to a vehicle in memory. `loss`, `twice` and `overtaken` are shares of messages,
    either way; `delay_s` is what each takes. `spoil` may change or drop (None) a message on its
    way: (is it from the vehicle, message) to message."""

    def __init__(
        self,
        seed: int,
        *,
        loss: float = 0.0,
        twice: float = 0.0,
        overtaken: float = 0.0,
        delay_s: float = 0.005,
        refuse_item: int | None = None,
        spoil: Callable[[bool, Any], Any | None] = lambda down, message: message,
    ) -> None:
        self._weather = _Weather(loss, twice, overtaken)
        self._rng = random.Random(seed)
        self._delay_s = delay_s
        self._spoil = spoil
        self._now_s = 0.0
        self._heard_s = 0.0
        self._ticked_s = 0.0
        self._number = itertools.count()
        self._under_way: list[tuple[float, int, bool, Any]] = []
        self._inbox: list[Any] = []
        self._up, self._down = _Wire(255, 0), _Wire(1, 1)
        self.lists = ItemLists(self._answer, lambda level, text: None, home_item, refuse_item)
        self.sent = 0
        self.is_dead = False  # nothing passes any more

    # -- Channel ---------------------------------------------------------------------------------

    def now(self) -> float:
        return self._now_s

    def heard(self) -> float:
        return self._heard_s

    def send(self, message: Any) -> None:
        self.sent += 1
        self._post(down=False, message=self._up.carry(message))

    def receive(self, timeout_s: float) -> Any | None:
        until_s = self._now_s + timeout_s
        while not self._inbox:
            due_s = self._under_way[0][0] if self._under_way else float("inf")
            step_s = min(due_s, until_s, self._ticked_s + _TICK_S)
            if step_s >= until_s and due_s > until_s:
                self._now_s = max(until_s, self._now_s)
                self._tick()
                return self._inbox.pop(0) if self._inbox else None
            self._now_s = max(step_s, self._now_s)
            self._tick()
            self._deliver()
        return self._inbox.pop(0)

    # -- the way ---------------------------------------------------------------------------------

    def _answer(self, message: Any) -> None:
        self._post(down=True, message=self._down.carry(message))

    def _post(self, *, down: bool, message: Any) -> None:
        message = self._spoil(down, message)
        weather, rng = self._weather, self._rng
        if message is None or self.is_dead or rng.random() < weather.loss:
            return
        for _ in range(2 if rng.random() < weather.twice else 1):
            late_s = rng.uniform(0.0, 0.3) if rng.random() < weather.overtaken else 0.0
            due_s = self._now_s + self._delay_s + late_s
            heapq.heappush(self._under_way, (due_s, next(self._number), down, message))

    def _deliver(self) -> None:
        while self._under_way and self._under_way[0][0] <= self._now_s:
            _, _, down, message = heapq.heappop(self._under_way)
            if down:
                self._heard_s = self._now_s
                self._inbox.append(message)
            else:
                self.lists.handle(message, self._now_s)

    def _tick(self) -> None:
        if self._now_s - self._ticked_s >= _TICK_S - 1e-9:
            self._ticked_s = self._now_s
            self.lists.tick(self._now_s)
            # Telemetry shows that the link lives, as far as it gets through.
            if not self.is_dead and self._rng.random() >= self._weather.loss:
                self._heard_s = self._now_s


def home_item() -> StoredItem:
    """The vehicle's own home."""
    return StoredItem(
        mavlink.MAV_CMD_NAV_WAYPOINT, mavlink.MAV_FRAME_GLOBAL, (0.0,) * 4, 231_060_000,
        1_134_590_000, 2_000,
    )  # fmt: skip


def held(link: LossyLink, kind: int) -> list[WireItem]:
    """What the vehicle holds, looked at directly."""
    lists = link.lists
    items = (lists.mission, lists.fence, lists.rally)[kind].items
    return [
        WireItem(seq, i.frame, i.command, i.params, i.lat_e7, i.lon_e7, i.alt_m, i.autocontinue)
        for seq, i in enumerate(items)
    ]


def random_mission(rng: random.Random, count: int) -> list[WireItem]:
    """A mission of `count` items (home included) with everything that patrols use."""
    items = [WireItem(0, 0, mavlink.MAV_CMD_NAV_WAYPOINT, (0.0,) * 4, 0, 0, 0.0)]
    while len(items) < count:
        seq = len(items)
        place = (rng.randint(-899_999_999, 899_999_999), rng.randint(-1_799_999_999, 1_799_999_999))
        height = round(rng.uniform(-50.0, 500.0), 2)
        kinds: list[tuple[int, int, tuple[float, float, float, float], int, int, float]] = [
            (3, 16, (float(rng.randint(0, 30)), 0.0, 0.0, 0.0), *place, height),
            (0, 16, (0.0, 0.0, 0.0, 0.0), *place, height),
            (3, 22, (0.0, 0.0, 0.0, 0.0), *place, abs(height)),
            (2, 178, (1.0, _f32(rng.uniform(1, 15)), -1.0, 0.0), 0, 0, 0.0),
            (2, 205, (_f32(rng.uniform(-90, 0)), 0.0, 0.0, 0.0), 0, 0, 2.0),
            (2, 206, (_f32(rng.uniform(0, 50)), 0.0, 1.0, 0.0), 0, 0, 0.0),
            (2, 2500, (0.0, 0.0, 0.0, 0.0), 0, 0, 0.0),
            (2, 2501, (0.0, 0.0, 0.0, 0.0), 0, 0, 0.0),
            (2, 20, (0.0, 0.0, 0.0, 0.0), 0, 0, 0.0),
        ]
        frame, command, params, x, y, z = rng.choice(kinds)
        items.append(WireItem(seq, frame, command, params, x, y, z))
    return items


def _f32(value: float) -> float:
    """The value as the wire has it."""
    number: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return number
