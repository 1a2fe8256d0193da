"""The link to a vehicle: dronekit's vehicle with waits that end, reasons that are kept, and a
connection that is made again when it breaks."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Queue
from types import TracebackType
from typing import Any, Self

from patrol.errors import FlightError
from patrol.flight import dronekit_compat as dk

__all__ = ["Link", "LinkChannel", "StatusText"]

_WARNING = 4  # MAV_SEVERITY_WARNING; smaller is worse
_AGAIN_S = 2.0  # between attempts to connect again
_GAP_S = 3.0  # on the vehicle's clock: longer without a message, contact was lost
_LATE_S = 5.0
_BEAT_S = 1.0
_BEHIND = 15  # messages in a row
_MISSION_MESSAGES = (
    "MISSION_COUNT",
    "MISSION_REQUEST",
    "MISSION_REQUEST_INT",
    "MISSION_ITEM_INT",
    "MISSION_ACK",
)
_COPTERS = (2, 3, 4, 13, 14, 15, 29)  # MAV_TYPE: quad, coaxial, heli, hexa, octo, tri, dodeca
_ARDUPILOT = 3  # MAV_AUTOPILOT_ARDUPILOTMEGA


@dataclass(frozen=True, slots=True)
class StatusText:
    """Something the vehicle said, with MAVLink's severity (0 emergency .. 7 debug).

    `boot_s` is the vehicle's clock when it was heard.
    """

    severity: int
    text: str
    boot_s: float = 0.0

    @property
    def is_warning(self) -> bool:
        return self.severity <= _WARNING


class Link:
    """A connected vehicle. `vehicle` is dronekit's; use it for attributes, modes and messages.

    `silence_s` is how long (wall time) the link may be silent before it counts as lost. Every
    wait here ends: by its condition, by its time limit, by a lost link, or by `cancelled`.
    Listeners stay when the connection is made again.
    """

    def __init__(self, url: str, *, timeout_s: float = 10.0, silence_s: float = 10.0) -> None:
        self.url = url
        self.silence_s = silence_s
        self.vehicle = dk.connect(url, timeout_s)
        self.cancelled = threading.Event()
        self.changed = threading.Condition()
        self.texts: deque[StatusText] = deque(maxlen=50)
        self.said = 0  # texts heard so far
        self.on_text: Callable[[StatusText], None] = lambda text: None
        self.on_packet: Callable[[bytes], None] = lambda packet: None
        self.fix_type = 0
        self.ekf_ok = False
        self.fence_breached = False
        self.home: tuple[float, float] | None = None  # lon, lat
        self.boot_s = 0.0
        self.contact_s = -1e9  # when, by that, contact was last made again after a gap
        self.reboots = 0
        self._behind = 0
        self._beat_s = 0.0
        self.mission_seq = 0
        self.mission_total: int | None = None
        self.vehicle_type = self.autopilot = -1
        self.version: tuple[int, int, int] | None = None
        self.storage_mb: float | None = None  # free on the camera's card
        self._acks: dict[int, int] = {}
        self._parameters: dict[str, float] = {}
        self._heard_s = time.monotonic()
        self._again_s = 0.0
        self._listeners: dict[Any, tuple[str, Any]] = {}
        self._fault: Exception | None = None
        for name, handler in (
            ("*", self._on_any),
            ("PING", self._on_ping),
            ("STATUSTEXT", self._on_text),
            ("GPS_RAW_INT", self._on_gps),
            ("EKF_STATUS_REPORT", self._on_ekf),
            ("FENCE_STATUS", self._on_fence),
            ("HOME_POSITION", self._on_home),
            ("SYSTEM_TIME", self._on_time),
            ("GLOBAL_POSITION_INT", self._on_time),
            ("COMMAND_ACK", self._on_command_ack),
            ("MISSION_CURRENT", self._on_mission_current),
            ("PARAM_VALUE", self._on_parameter),
            ("AUTOPILOT_VERSION", self._on_version),
            ("CAMERA_CAPTURE_STATUS", self._on_capture),
            ("HEARTBEAT", self._on_heartbeat),
        ):
            self.listen(name, handler)

    def listen(self, name: str, handler: Callable[[Any], None]) -> None:
        """Call `handler` with each message of this name, on dronekit's thread.

        dronekit logs and forgets what a listener raises; here the next `check()` raises it.
        """

        def listener(vehicle: Any, name: str, message: Any) -> None:
            try:
                handler(message)
            except Exception as error:  # noqa: BLE001 - raised again by check()
                self._fault = self._fault or error

        self._listeners[name, handler] = (name, listener)
        self.vehicle.add_message_listener(name, listener)

    def forget(self, name: str, handler: Callable[[Any], None]) -> None:
        """Undo `listen`."""
        self.vehicle.remove_message_listener(*self._listeners.pop((name, handler)))

    # -- listeners, on dronekit's thread -----------------------------------------------------------

    def _on_any(self, message: Any) -> None:
        self._heard_s = time.monotonic()
        self.on_packet(bytes(message.get_msgbuf()))

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
        text = StatusText(message.severity, message.text.rstrip("\0 "), self.boot_s)
        self.texts.append(text)
        self.said += 1
        self.on_text(text)
        self._notify()

    def _on_gps(self, message: Any) -> None:
        self.fix_type = message.fix_type

    def _on_ekf(self, message: Any) -> None:
        need = dk.EKF_POS_HORIZ_ABS
        self.ekf_ok = message.flags & need == need

    def _on_fence(self, message: Any) -> None:
        self.fence_breached = message.breach_status == 1

    def _on_home(self, message: Any) -> None:
        self.home = (message.longitude / 1e7, message.latitude / 1e7)

    def _on_time(self, message: Any) -> None:
        boot_s = message.time_boot_ms / 1e3
        if boot_s - self._beat_s >= _BEAT_S or boot_s < self._beat_s - _LATE_S:
            # dronekit's heartbeats go by our clock; a simulated vehicle's may run much faster,
            # and its failsafe for a lost ground station goes by its own.
            self._beat_s = boot_s
            self.vehicle.send_mavlink(
                self.vehicle.message_factory.heartbeat_encode(
                    dk.mavlink.MAV_TYPE_GCS, dk.mavlink.MAV_AUTOPILOT_INVALID, 0, 0, 0
                )
            )
        if boot_s > self.boot_s:
            if boot_s - self.boot_s > _GAP_S and self.boot_s > 0:
                self.contact_s = boot_s
            self.boot_s, self._behind = boot_s, 0
        elif boot_s < self.boot_s - _LATE_S:
            # Packets may come late, but not all of them: then the clock is one of another boot.
            self._behind += 1
            if self._behind >= _BEHIND:
                self.reboots += 1
                self.boot_s, self._behind = boot_s, 0

    def _on_command_ack(self, message: Any) -> None:
        self._acks[message.command] = message.result
        self._notify()

    def _on_mission_current(self, message: Any) -> None:
        self.mission_seq = message.seq
        total = getattr(message, "total", 0)
        self.mission_total = total or None  # 0 and 65535: it does not tell

    def _on_parameter(self, message: Any) -> None:
        self._parameters[str(message.param_id).rstrip("\0")] = float(message.param_value)
        self._notify()

    def _on_version(self, message: Any) -> None:
        word = message.flight_sw_version
        self.version = (word >> 24 & 255, word >> 16 & 255, word >> 8 & 255)
        self._notify()

    def _on_capture(self, message: Any) -> None:
        if message.available_capacity > 0:
            self.storage_mb = float(message.available_capacity)

    def _on_heartbeat(self, message: Any) -> None:
        if message.get_srcComponent() in (0, 1) and message.type not in (6, 27):  # no GCS, ADSB
            self.vehicle_type, self.autopilot = message.type, message.autopilot
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

    @property
    def is_copter(self) -> bool:
        return self.autopilot == _ARDUPILOT and self.vehicle_type in _COPTERS

    def warning(self, since: int = 0) -> str:
        """The last two warnings among the texts from number `since` on; often reason and action."""
        new = self.said - since
        warnings = [t.text for t in list(self.texts)[-new:] if t.is_warning] if new > 0 else []
        return "; ".join(dict.fromkeys(warnings[-2:]))

    def texts_since(self, said: int) -> list[StatusText]:
        """The texts from number `said` on, as far as they are kept."""
        new = self.said - said
        return list(self.texts)[-new:] if new > 0 else []

    @property
    def silent_s(self) -> float:
        """Wall seconds since anything was heard."""
        return time.monotonic() - self._heard_s

    @property
    def lost(self) -> str | None:
        """Why the link counts as lost, None while it lives."""
        if not self.vehicle._handler._alive:
            return "the vehicle closed the connection"
        if self.silent_s > self.silence_s:
            return f"no message from the vehicle for {self.silent_s:.0f} s"
        return None

    def check(self) -> None:
        """Raises FlightError where the link is lost, and what a listener raised."""
        self.raise_fault()
        reason = self.lost
        if reason:
            raise FlightError(f"{self.url}: {reason}")

    def raise_fault(self) -> None:
        """Raise what a listener raised, once."""
        if self._fault:
            fault, self._fault = self._fault, None
            raise fault

    # -- doing -----------------------------------------------------------------------------------

    def reconnect(self) -> bool:
        """One attempt to connect again where the connection has ended; whether there is one.

        Attempts are at least two seconds apart. Listeners and what is known of the vehicle stay.
        """
        if self.vehicle._handler._alive:
            return True
        if time.monotonic() < self._again_s:
            return False
        self._again_s = time.monotonic() + _AGAIN_S
        try:
            vehicle = dk.connect(self.url, _AGAIN_S)
        except FlightError:
            return False
        before, self.vehicle = self.vehicle, vehicle
        dk.disconnect(before)
        for name, listener in self._listeners.values():
            vehicle.add_message_listener(name, listener)
        return True

    def send(self, message: Any) -> None:
        """Send a message; it stands in the record too."""
        self.vehicle.send_mavlink(message)
        with contextlib.suppress(TypeError, AttributeError):  # it was not packed: no connection
            self.on_packet(bytes(message.get_msgbuf()))

    def wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `condition` or for `timeout_s` of wall time; whether it came true.

        Raises FlightError where the link is lost, KeyboardInterrupt once `cancelled` is set.
        """
        deadline = time.monotonic() + timeout_s
        while not condition():
            self.check()
            if self.cancelled.is_set():
                raise KeyboardInterrupt
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with self.changed:
                self.changed.wait(min(left, 0.05))
        return True

    def command(self, command: int, *params: float, timeout_s: float = 5.0) -> int | None:
        """Send COMMAND_LONG up to five times and return its MAV_RESULT, None where none came."""
        self._acks.pop(command, None)
        for attempt in range(5):
            self.tell(command, *params, confirmation=attempt)
            if self.wait(lambda: command in self._acks, timeout_s / 5):
                return self._acks[command]
        return None

    def tell(self, command: int, *params: float, confirmation: int = 0) -> None:
        """Send COMMAND_LONG once and wait for nothing."""
        seven = (*params, *([0.0] * (7 - len(params))))
        self.send(
            self.vehicle.message_factory.command_long_encode(0, 1, command, confirmation, *seven)
        )

    def parameter(self, name: str, timeout_s: float = 5.0) -> float | None:
        """A parameter's value, None where the vehicle does not have it."""
        self._parameters.pop(name, None)
        for _ in range(5):
            self.send(
                self.vehicle.message_factory.param_request_read_encode(0, 1, name.encode(), -1)
            )
            if self.wait(lambda: name in self._parameters, timeout_s / 5):
                return self._parameters[name]
        return None

    def set_parameter(self, name: str, value: float, timeout_s: float = 5.0) -> bool:
        """Set a parameter; whether the vehicle says that it has this value now (float32)."""

        def holds() -> bool:
            have = self._parameters.get(name)
            return have is not None and abs(have - value) <= 1e-6 * max(abs(value), 1.0)

        self._parameters.pop(name, None)
        for _ in range(5):
            self.send(
                self.vehicle.message_factory.param_set_encode(
                    0, 1, name.encode(), value, dk.mavlink.MAV_PARAM_TYPE_REAL32
                )
            )
            if self.wait(holds, timeout_s / 5):
                return True
        return False

    def ask_for_mode(self, name: str) -> None:
        """Ask for a flight mode, once; the next heartbeats tell."""
        self.vehicle.mode = dk.VehicleMode(name)

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
            self.ask_for_mode(name)
            self.wait(lambda: self.mode == name, timeout_s / 5)

    def channel(self) -> LinkChannel:
        """A channel for mission transfers over this link; close it after use."""
        return LinkChannel(self)

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


class LinkChannel:
    """The mission protocol's messages of a `Link`; a context manager that stops listening."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._inbox: Queue[Any] = Queue()
        for name in _MISSION_MESSAGES:
            link.listen(name, self._inbox.put)

    def now(self) -> float:
        return time.monotonic()

    def heard(self) -> float:
        return self._link._heard_s

    def send(self, message: Any) -> None:
        self._link.send(message)

    def receive(self, timeout_s: float) -> Any | None:
        """The next message; raises FlightError on a lost link, KeyboardInterrupt if cancelled."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                # Short waits, so that a cancellation is seen.
                left = deadline - time.monotonic()
                return self._inbox.get(left > 0, min(max(left, 0.001), 0.1))
            except Empty:
                self._link.check()
                if self._link.cancelled.is_set():
                    raise KeyboardInterrupt from None
                if time.monotonic() >= deadline:
                    return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in _MISSION_MESSAGES:
            self._link.forget(name, self._inbox.put)
