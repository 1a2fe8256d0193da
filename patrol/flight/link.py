"""The link to a vehicle: dronekit's vehicle with waits that end and reasons that are kept."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, Self

from patrol.errors import FlightError
from patrol.flight import dronekit_compat as dk

__all__ = ["Interrupts", "Link", "StatusText"]

_WARNING = 4  # MAV_SEVERITY_WARNING; smaller is worse


@dataclass(frozen=True, slots=True)
class StatusText:
    """Something the vehicle said, with MAVLink's severity (0 emergency .. 7 debug)."""

    severity: int
    text: str

    @property
    def is_warning(self) -> bool:
        return self.severity <= _WARNING


class Interrupts:
    """Counts Ctrl-C and SIGTERM instead of raising in the middle of a flight.

    A context manager; outside the main thread it counts nothing.
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[signal.Signals, Any] = {}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in self._SIGNALS:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()


class Link:
    """A connected vehicle. `vehicle` is dronekit's; use it for attributes, modes and messages.

    `silence_s` is how long (wall time) the link may be silent before it counts as lost. Every
    wait here ends: by its condition, by its time limit, by a lost link, or by Ctrl-C where
    `interrupts` is given to it.
    """

    def __init__(self, url: str, *, timeout_s: float = 10.0, silence_s: float = 10.0) -> None:
        self.url = url
        self.silence_s = silence_s
        self.vehicle = dk.connect(url, timeout_s)
        self.changed = threading.Condition()
        self.texts: deque[StatusText] = deque(maxlen=50)
        self.said = 0  # texts heard so far
        self.on_text: Callable[[StatusText], None] = lambda text: None
        self.fix_type = 0
        self.ekf_ok = False
        self.home: tuple[float, float] | None = None  # lon, lat
        self.mission_ack: int | None = None
        self.command_acks: dict[int, int] = {}
        self.mission_seq = 0
        self._heard_s = time.monotonic()
        self._listeners: dict[Any, Any] = {}
        self._fault: Exception | None = None
        listen = self.listen
        listen("*", self._on_any)
        for name, handler in (
            ("PING", self._on_ping),
            ("STATUSTEXT", self._on_text),
            ("GPS_RAW_INT", self._on_gps),
            ("EKF_STATUS_REPORT", self._on_ekf),
            ("HOME_POSITION", self._on_home),
            ("MISSION_ACK", self._on_mission_ack),
            ("COMMAND_ACK", self._on_command_ack),
            ("MISSION_CURRENT", self._on_mission_current),
            ("HEARTBEAT", self._on_heartbeat),
        ):
            listen(name, handler)

    def listen(self, name: str, handler: Callable[[Any], None]) -> None:
        """Call `handler` with each message of this name, on dronekit's thread.

        dronekit logs and forgets what a listener raises; here the next `check()` raises it.
        """

        def listener(vehicle: Any, name: str, message: Any) -> None:
            try:
                handler(message)
            except Exception as error:  # noqa: BLE001 - raised again by check()
                self._fault = self._fault or error

        self._listeners[name, handler] = listener
        self.vehicle.add_message_listener(name, listener)

    def forget(self, name: str, handler: Callable[[Any], None]) -> None:
        """Undo `listen`."""
        self.vehicle.remove_message_listener(name, self._listeners.pop((name, handler)))

    # -- listeners, on dronekit's thread -----------------------------------------------------------

    def _on_any(self, message: Any) -> None:
        self._heard_s = time.monotonic()

    def _on_ping(self, message: Any) -> None:
        """Answer, so that a simulated vehicle knows how far we have read (and waits for us)."""
        if message.target_system == 0:
            self.vehicle.send_mavlink(
                self.vehicle.message_factory.ping_encode(
                    message.time_usec, message.seq, message.get_srcSystem(),
                    message.get_srcComponent(),
                )
            )  # fmt: skip

    def _on_text(self, message: Any) -> None:
        text = StatusText(message.severity, message.text.rstrip("\0 "))
        self.texts.append(text)
        self.said += 1
        self.on_text(text)
        self._notify()

    def _on_gps(self, message: Any) -> None:
        self.fix_type = message.fix_type

    def _on_ekf(self, message: Any) -> None:
        need = dk.EKF_POS_HORIZ_ABS
        self.ekf_ok = message.flags & need == need

    def _on_home(self, message: Any) -> None:
        self.home = (message.longitude / 1e7, message.latitude / 1e7)

    def _on_mission_ack(self, message: Any) -> None:
        self.mission_ack = message.type
        self._notify()

    def _on_command_ack(self, message: Any) -> None:
        self.command_acks[message.command] = message.result
        self._notify()

    def _on_mission_current(self, message: Any) -> None:
        self.mission_seq = message.seq

    def _on_heartbeat(self, message: Any) -> None:
        self._notify()

    def _notify(self) -> None:
        with self.changed:
            self.changed.notify_all()

    # -- state -----------------------------------------------------------------------------------

    @property
    def mode(self) -> str:
        return str(self.vehicle.mode.name)

    @property
    def armed(self) -> bool:
        return bool(self.vehicle.armed)

    @property
    def battery_pct(self) -> float | None:
        level = self.vehicle.battery.level if self.vehicle.battery else None
        return None if level is None or level < 0 else float(level)

    def warning(self, since: int = 0) -> str:
        """The last two warnings among the texts from number `since` on; often reason and action."""
        new = self.said - since
        warnings = [t.text for t in list(self.texts)[-new:] if t.is_warning] if new > 0 else []
        return "; ".join(dict.fromkeys(warnings[-2:]))

    @property
    def lost(self) -> str | None:
        """Why the link counts as lost, None while it lives."""
        handler = self.vehicle._handler
        if not handler._alive:
            return "the vehicle closed the connection"
        silent_s = time.monotonic() - self._heard_s
        if silent_s > self.silence_s:
            return f"no message from the vehicle for {silent_s:.0f} s"
        return None

    def check(self) -> None:
        """Raises FlightError where the link is lost, and what a listener raised."""
        if self._fault:
            raise self._fault
        reason = self.lost
        if reason:
            raise FlightError(f"{self.url}: {reason}")

    # -- doing -----------------------------------------------------------------------------------

    def wait(
        self,
        condition: Callable[[], bool],
        timeout_s: float,
        *,
        interrupts: Interrupts | None = None,
    ) -> bool:
        """Wait until `condition` or for `timeout_s` of wall time; whether it came true.

        Raises FlightError where the link is lost, KeyboardInterrupt on Ctrl-C.
        """
        deadline = time.monotonic() + timeout_s
        while not condition():
            self.check()
            if interrupts is not None and interrupts.count:
                raise KeyboardInterrupt
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with self.changed:
                self.changed.wait(min(left, 0.05))
        return True

    def command(self, command: int, *params: float, timeout_s: float = 5.0) -> int | None:
        """Send COMMAND_LONG and return its MAV_RESULT, None where no answer came."""
        self.command_acks.pop(command, None)
        seven = (*params, *([0.0] * (7 - len(params))))
        for _ in range(3):
            self.vehicle.send_mavlink(
                self.vehicle.message_factory.command_long_encode(0, 0, command, 0, *seven)
            )
            if self.wait(lambda: command in self.command_acks, timeout_s / 3):
                return self.command_acks[command]
        return None

    def set_mode(self, name: str, timeout_s: float = 5.0) -> None:
        """Change the flight mode; raises FlightError with the vehicle's reason where it stays."""
        said = self.said
        deadline = time.monotonic() + timeout_s
        while self.mode != name:
            if time.monotonic() > deadline:
                reason = self.warning(said)
                raise FlightError(
                    f"the vehicle stays in mode {self.mode} instead of {name}"
                    + (f": {reason}" if reason else "")
                )
            self.vehicle.mode = dk.VehicleMode(name)
            self.wait(lambda: self.mode == name, timeout_s / 4)

    def close(self) -> None:
        dk.disconnect(self.vehicle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
