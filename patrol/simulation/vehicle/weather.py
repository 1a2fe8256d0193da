"""A bad radio link: messages lost, doubled, overtaken and late, both ways."""

from __future__ import annotations

import random
from typing import Any

from patrol.simulation.vehicle.faults import FaultKind
from patrol.simulation.vehicle.safety import Safety

__all__ = ["RadioWeather"]

_OVERTAKEN_S = 0.05  # how late a message comes that others overtake


class RadioWeather:
    """One direction of a link. PINGs pass as they are: they only pace the simulation."""

    def __init__(self, safety: Safety, seed: str) -> None:
        self.safety = safety
        self._rng = random.Random(seed)
        self._late: list[tuple[float, Any]] = []

    def _share(self, kind: FaultKind) -> float:
        fault = self.safety.fault(kind)
        return 0.0 if fault is None else fault.value / 100.0

    def through(self, messages: list[Any], now_s: float) -> list[Any]:
        """What comes out at wall time `now_s` when these go in; call it regularly."""
        if not self._late and not self.safety.has_weather:
            return messages
        out = [m for due_s, m in self._late if due_s <= now_s]
        self._late = [(due_s, m) for due_s, m in self._late if due_s > now_s]
        loss, twice = self._share("loss"), self._share("duplicate")
        overtaken = self._share("reorder")
        latency = self.safety.fault("latency")
        delay_s = 0.0 if latency is None else latency.value
        for message in messages:
            if message.get_type() == "PING":
                out.append(message)
                continue
            if self._rng.random() < loss:
                continue
            copies = 2 if self._rng.random() < twice else 1
            for _ in range(copies):
                late_s = delay_s
                if self._rng.random() < overtaken:
                    late_s += self._rng.uniform(0.0, _OVERTAKEN_S)
                if late_s > 0:
                    self._late.append((now_s + late_s, message))
                else:
                    out.append(message)
        return out
