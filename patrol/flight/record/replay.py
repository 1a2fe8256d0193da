"""A record made again from the log of its packets, as it stands after a crash of the recorder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.flight.link import StatusText
from patrol.flight.record.recorder import Recorder
from patrol.flight.record.tlog import GROUND_SYSTEM, read_tlog

if TYPE_CHECKING:
    from patrol.mission import MissionItem

__all__ = ["Replay", "recorded"]


class Replay:
    """A `MessageSource` that is fed with messages."""

    def __init__(self) -> None:
        self.on_text: Callable[[StatusText], None] = lambda text: None
        self.mode = ""
        self.armed = False
        self._handlers: dict[str, list[Callable[[Any], None]]] = {}

    def listen(self, name: str, handler: Callable[[Any], None]) -> None:
        self._handlers.setdefault(name, []).append(handler)

    def feed(self, message: Any) -> None:
        name = message.get_type()
        if name == "HEARTBEAT":
            self.armed = bool(message.base_mode & mavlink.MAV_MODE_FLAG_SAFETY_ARMED)
            self.mode = str(message.custom_mode)
        for handler in self._handlers.get(name, ()):
            handler(message)


class _Nowhere:
    def add(self, time_s: float | None, sortie: int, level: str, text: str) -> None:
        """The events were logged when they happened."""


def recorded(log: Path, items: Sequence[MissionItem], sortie: int) -> tuple[Recorder, Replay]:
    """The rows of a telemetry log, from arming to disarming, and the source that may be fed on.

    Raises TelemetryError where the log cannot be read.
    """
    source = Replay()
    recorder = Recorder(source, items, sortie, _Nowhere())
    for _, message in read_tlog(log):
        if message.get_srcSystem() == GROUND_SYSTEM:
            continue
        source.feed(message)
        if message.get_type() == "HEARTBEAT" and message.get_srcComponent() == 1:
            recorder.active = source.armed
    return recorder, source
