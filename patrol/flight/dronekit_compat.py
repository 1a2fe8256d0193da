"""dronekit 2.9.2 on Python 3.10 and later: the only module that imports it.

What it needs, and why:

- `collections.MutableMapping` moved to `collections.abc` in Python 3.10.
- pymavlink must speak MAVLink 2 from the start. On the first MAVLink 2 byte from the vehicle it
  would otherwise switch dialects, which replaces the sender that dronekit has patched: targets
  are then no longer filled in, and messages are written from two threads.
- At the end of a TCP stream pymavlink prints a line and goes on reading nothing, at full CPU. Here
  that ends dronekit's threads in the way that they know (`ECONNABORTED`).
- dronekit takes mode and arming from the heartbeat that comes last, even where a radio delivered
  it after a later one; those are dropped here.
- `Vehicle.initialize` waits without limit for parameters; here each wait has one.
- dronekit and pymavlink print and log; what the vehicle says reaches the user through `Link`.
"""

from __future__ import annotations

import collections
import collections.abc
import contextlib
import errno
import io
import logging
import os
import re
import socket
import time
import warnings
from pathlib import Path
from queue import Empty
from typing import Any, NoReturn

os.environ["MAVLINK20"] = "1"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    if not hasattr(collections, "MutableMapping"):
        collections.MutableMapping = collections.abc.MutableMapping  # type: ignore[attr-defined]
    from pymavlink import mavutil

    if mavutil.mavlink.WIRE_PROTOCOL_VERSION != "2.0":  # it was imported before us
        mavutil.set_dialect("ardupilotmega")
    import dronekit

from patrol.errors import FlightError

__all__ = [
    "EKF_POS_HORIZ_ABS",
    "APIException",
    "Command",
    "DronekitTimeout",
    "VehicleMode",
    "connect",
    "disconnect",
    "mavlink",
]

mavlink = mavutil.mavlink
EKF_POS_HORIZ_ABS: int = mavlink.EKF_POS_HORIZ_ABS

APIException = dronekit.APIException
DronekitTimeout = dronekit.TimeoutError
Command = dronekit.Command
VehicleMode = dronekit.VehicleMode

for _name in ("dronekit", "autopilot"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False

_URL = re.compile(r"(tcp|udp|udpin|udpout):[^:\s]+:(\d{1,5})$")
_LATE_PACKETS = 100  # what lies further back is a vehicle that has started anew
_HINT = "write tcp:HOST:PORT, udp:HOST:PORT or a serial device, for example tcp:127.0.0.1:5760"


def connect(url: str, timeout_s: float = 10.0) -> Any:
    """Connect and wait for the first heartbeat; returns a `dronekit.Vehicle`.

    Raises FlightError where the URL is wrong, nobody answers, or nothing that answers is a vehicle.
    """
    _check(url)
    deadline = time.monotonic() + timeout_s
    # pymavlink prints each attempt; do_connect() honours the default time-out.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout_s / 2)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            vehicle = dronekit.connect(url, _initialize=False)
    except ImportError as error:
        raise FlightError(f"{url}: a serial connection needs pyserial ({error})") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise FlightError(
            f"{url}: no connection to the vehicle ({reason}); is it on and listening there?"
        ) from None
    finally:
        socket.setdefaulttimeout(before)
    _end_on_eof(vehicle)
    _drop_stale_heartbeats(vehicle)
    handler = vehicle._handler
    handler.start()
    while not vehicle._heartbeat_lastreceived:
        if not handler._alive or time.monotonic() > deadline:
            disconnect(vehicle)
            raise FlightError(
                f"{url}: connected, but no MAVLink heartbeat of a vehicle within {timeout_s:.0f} s;"
                " is this the vehicle's telemetry port?"
            )
        time.sleep(0.02)
    handler.target_system = vehicle._heartbeat_system
    return vehicle


def disconnect(vehicle: Any) -> None:
    """End dronekit's threads and close the connection; never waits for long."""
    handler = vehicle._handler
    queue = handler.out_queue
    deadline = time.monotonic() + 1.0
    while handler._alive and not queue.empty() and time.monotonic() < deadline:
        time.sleep(0.01)
    handler._alive = False
    with contextlib.suppress(Empty):  # close() waits for an empty queue, even with no reader left
        while True:
            queue.get_nowait()
    with contextlib.suppress(OSError, AttributeError):
        vehicle.close()


def _check(url: str) -> None:
    match = _URL.match(url)
    if match and 0 < int(match.group(2)) < 65536:
        return
    device = url.split(",")[0]
    if device.startswith("/dev/") and Path(device).exists():
        return
    raise FlightError(f"{url!r} is not a connection to a vehicle; {_HINT}")


def _end_on_eof(vehicle: Any) -> None:
    """Make the end of a TCP stream an error instead of an endless loop."""

    def ended() -> NoReturn:
        raise ConnectionAbortedError(errno.ECONNABORTED, "the vehicle closed the connection")

    master = vehicle._master
    if isinstance(master, mavutil.mavtcp):
        master.handle_eof = ended
        master.handle_disconnect = ended


def _drop_stale_heartbeats(vehicle: Any) -> None:
    """Pass a heartbeat on only where no later one came before it, by the packets' numbers."""
    pass_on = vehicle.notify_message_listeners
    newest: dict[tuple[int, int], int] = {}  # unwrapped packet number, by system and component
    beats: dict[tuple[int, int], int] = {}

    def notify(name: str, message: Any) -> None:
        source = (message.get_srcSystem(), message.get_srcComponent())
        number = message.get_seq()
        last = newest.get(source, number)
        place = last + (number - last + 128) % 256 - 128
        if place > last or last - place > _LATE_PACKETS:  # the latter: it counts anew
            newest[source] = place
            if place < last:
                beats.pop(source, None)
        if name == "HEARTBEAT":
            if place < beats.get(source, place):
                return
            beats[source] = place
        newest.setdefault(source, place)
        pass_on(name, message)

    vehicle.notify_message_listeners = notify
