"""A bad radio link: messages lost, doubled, overtaken and late, both ways."""

from __future__ import annotations

import heapq
import itertools
import random
from typing import Generic, TypeVar

from patrol.simulation.vehicle.faults import RADIO_FAULTS
from patrol.simulation.vehicle.guards.drill import Drill

__all__ = ["RadioWeather"]

_OVERTAKEN_S = 0.05  # how late a message comes that others overtake
T = TypeVar("T")


class RadioWeather(Generic[T]):
    """One direction of a link, for messages in whatever form.

    What happens to each comes from `seed`, so that the same traffic meets the same weather.
    """

    def __init__(self, drill: Drill, seed: str) -> None:
        self._drill = drill
        self.is_ordered = drill.has(*RADIO_FAULTS)
        self._rng = random.Random(seed)
        self._late: list[tuple[float, int, T]] = []  # a heap by when it is due
        self._number = itertools.count()

    def send(self, message: T, vehicle_s: float, now_s: float) -> list[T]:
        """What comes out at once, at wall time `now_s`, when this goes in."""
        drill, rng = self._drill, self._rng
        if rng.random() < drill.value("loss", vehicle_s) / 100.0:
            return []
        copies = 2 if rng.random() < drill.value("duplicate", vehicle_s) / 100.0 else 1
        overtaken = drill.value("reorder", vehicle_s) / 100.0
        delay_s = drill.value("latency", vehicle_s)
        out: list[T] = []
        for _ in range(copies):
            late_s = delay_s
            if rng.random() < overtaken:
                late_s += rng.uniform(0.0, _OVERTAKEN_S)
            if late_s > 0:
                heapq.heappush(self._late, (now_s + late_s, next(self._number), message))
            else:
                out.append(message)
        return out

    def due(self, now_s: float) -> list[T]:
        """What was late and comes out by now."""
        out: list[T] = []
        while self._late and self._late[0][0] <= now_s:
            out.append(heapq.heappop(self._late)[2])
        return out
