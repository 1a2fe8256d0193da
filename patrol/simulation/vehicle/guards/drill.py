"""Carrying out the faults that were ordered."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from patrol.simulation.vehicle.faults import RADIO_FAULTS, Fault, FaultKind

__all__ = ["Drill"]


class Drill:
    """The faults of one vehicle from power-on.

    Their clock starts with the first take-off and runs on, in the air and on the ground, also
    through a restart; that of a fault of the radio ordered for 0 starts with power-on. Times are
    seconds of the vehicle's clock.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._by_kind: dict[str, list[Fault]] = {}
        for fault in faults:
            self._by_kind.setdefault(fault.kind, []).append(fault)
        self._events = [f for f in faults if f.kind in ("battery", "reboot", "pilot")]
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._power_on_s = 0.0
        self._took_off_s: float | None = None

    def __bool__(self) -> bool:
        return bool(self._by_kind)

    def took_off(self, time_s: float) -> None:
        if self._took_off_s is None:
            self._took_off_s = time_s

    def restarted(self, time_s: float) -> None:
        """The vehicle's clock, now at `time_s`, starts again at 0."""
        self._power_on_s -= time_s
        if self._took_off_s is not None:
            self._took_off_s -= time_s

    def has(self, *kinds: FaultKind) -> bool:
        """Whether a fault of these kinds was ordered at all."""
        return any(kind in self._by_kind for kind in kinds)

    def held(self, kind: FaultKind, time_s: float) -> Fault | None:
        """A fault of this kind that holds at a time."""
        for fault in self._by_kind.get(kind, ()):
            if self._is_on(fault, time_s):
                return fault
        return None

    def value(self, kind: FaultKind, time_s: float) -> float:
        """The value of a fault of this kind that holds at a time, 0 where there is none."""
        fault = self.held(kind, time_s) if kind in self._by_kind else None
        return 0.0 if fault is None else fault.value

    def _since_s(self, fault: Fault, time_s: float) -> float:
        if fault.kind in RADIO_FAULTS and fault.at == 0.0:
            return time_s - self._power_on_s
        return -1.0 if self._took_off_s is None else time_s - self._took_off_s

    def _is_on(self, fault: Fault, time_s: float) -> bool:
        since_s = self._since_s(fault, time_s)
        return since_s >= 0.0 and fault.is_on(since_s)

    def events(
        self, time_s: float, begin: Callable[[Fault], None], end: Callable[[Fault], None]
    ) -> None:
        """Call `begin` and `end` once for each fault that is an event and has come to pass."""
        for number, fault in enumerate(self._events):
            since_s = self._since_s(fault, time_s)
            if since_s < fault.at:
                continue
            if number not in self._begun:
                self._begun.add(number)
                begin(fault)
            over = fault.lasts is not None and since_s >= fault.at + fault.lasts
            if over and number not in self._ended:
                self._ended.add(number)
                end(fault)
