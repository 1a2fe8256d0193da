"""The vehicle's own process: its clock, and the loop between link and autopilot."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.simulation.vehicle.autopilot import Autopilot
from patrol.simulation.vehicle.guards.contact import Contact
from patrol.simulation.vehicle.restart import restarted
from patrol.simulation.vehicle.settings import VehicleSettings
from patrol.simulation.vehicle.wire.commands import CommandDesk
from patrol.simulation.vehicle.wire.link import Link
from patrol.simulation.vehicle.wire.streams import Streams
from patrol.simulation.vehicle.wire.weather import RadioWeather

__all__ = ["VehicleProcess", "main"]

_PING_EVERY_S = 1.0  # vehicle time
_SLICE_S = 0.01  # wall time between looks at the link while flying
_BACKLOG_S = 0.25  # wall time that is caught up at most after the machine was busy
_AWAY_S = 1.0  # wall time for which a restarting autopilot takes no connection


class VehicleProcess:
    """Runs a vehicle against wall time.

    The clock on board runs at `SIM_SPEEDUP` times wall time, but waits whenever the link is full
    or a ground station that answers pings has not yet answered those of two seconds ago. So a
    slow ground station sees a slower flight, never a gap, and never acts on stale state.
    """

    def __init__(self, settings: VehicleSettings) -> None:
        self.link = Link(settings.port)
        self._seen_connections = 0
        self._boot(Autopilot(settings, self._send))

    def _boot(self, autopilot: Autopilot) -> None:
        """Everything that belongs to one boot of the autopilot."""
        self.autopilot = autopilot
        self.contact = Contact()
        self.streams = Streams(autopilot)
        self.desk = CommandDesk(autopilot, self.streams, self.contact)
        seed = autopilot.settings.seed
        self._down: RadioWeather[bytes] = RadioWeather(autopilot.drill, f"river-patrol down {seed}")
        self._up: RadioWeather[Any] = RadioWeather(autopilot.drill, f"river-patrol up {seed}")
        self._next_ping_s = 0.0
        self._was_silent = False

    def _send(self, message: Any) -> None:
        if self.autopilot.silent:
            self.link.lose()
        elif not self._down.is_ordered or message.get_type() == "PING":
            self.link.send(message)
        elif self.link.connected:
            packet = self.link.pack(message)
            for out in self._down.send(packet, self.autopilot.time_s, time.monotonic()):
                self.link.send_packet(out)

    def _receive(self) -> None:
        """Wait for messages for a moment, act on those that got through."""
        came = self.link.exchange(self._pause_s())
        ap, now = self.autopilot, time.monotonic()
        if self.link.connections != self._seen_connections:
            self._seen_connections = self.link.connections
            self.contact.renew()
        if self._up.is_ordered:
            through = self._up.due(now)
            for message in came:
                if message.get_type() == "PING":  # only paces the simulation
                    through.append(message)
                else:
                    through += self._up.send(message, ap.time_s, now)
            for packet in self._down.due(now):
                self.link.send_packet(packet)
            came = through
        if not ap.silent:
            for message in came:
                self.desk.handle(message, now)

    def run(self, stopped: threading.Event) -> None:
        """Run until `stopped`."""
        last = time.monotonic()
        owed_s = 0.0  # vehicle time not yet stepped
        while not stopped.is_set():
            self._receive()
            now = time.monotonic()
            self.autopilot.lists.tick(now)
            if not self.link.away:  # a restarting autopilot's clock has not begun
                owed_s += min(now - last, _BACKLOG_S) * self._rate()
            last = now
            owed_s = self._run_on(owed_s, now)
            if self.autopilot.wants_reboot:
                self.link.go_away(_AWAY_S)
                self._boot(restarted(self.autopilot, self._send))
                owed_s = 0.0

    def _run_on(self, owed_s: float, began: float) -> float:
        """Step as long as time is owed and nothing speaks against it; what is still owed."""
        ap = self.autopilot
        while owed_s >= ap.DT_S and not ap.wants_reboot:
            if not self._may_go_on():
                return 0.0
            ap.step()
            self.streams.tick()
            self._ping()
            self._watch_ground_station(began)
            owed_s -= ap.DT_S
            if time.monotonic() - began > _BACKLOG_S:  # slower than asked: look at the link
                return min(owed_s, ap.DT_S)
        return owed_s

    def _rate(self) -> float:
        ap = self.autopilot
        speedup = ap.parameters["SIM_SPEEDUP"]
        if ap.flying:
            return speedup
        # Armed on the ground, the autopilot disarms after ten of its seconds, in which a ground
        # station on a bad link has to repeat itself: they are no shorter than they really are.
        return min(speedup, ap.settings.ground_speedup * (0.1 if ap.armed else 1.0))

    def _pause_s(self) -> float:
        return max(_SLICE_S, min(self.autopilot.DT_S / self._rate(), 0.1))

    def _may_go_on(self) -> bool:
        if self.autopilot.silent:
            self._was_silent = True
            return True
        if self._was_silent:  # answers were lost on the way
            self._was_silent = False
            self.contact.pardon()
        if not self.link.connected:
            return True
        return not self.link.full and self.contact.keeps_up

    def _ping(self) -> None:
        ap = self.autopilot
        if self.link.connected and ap.time_s >= self._next_ping_s:
            self._next_ping_s = ap.time_s + _PING_EVERY_S
            number = self.contact.ping()
            ap.send(mavlink.MAVLink_ping_message(round(ap.time_s * 1e6), number, 0, 0))

    def _watch_ground_station(self, now_s: float) -> None:
        ap = self.autopilot
        limit_s = ap.parameters["FS_GCS_TIMEOUT"]
        lost = self.contact.is_lost(ap.time_s, now_s, limit_s)
        ap.failsafes.watch_ground_station(lost=lost)


def _watch_parent(stopped: threading.Event) -> None:
    """End when whoever started us closes our standard input, by leaving or by dying."""
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], 3600)
        if readable and not os.read(sys.stdin.fileno(), 4096):
            stopped.set()
            return


def main(settings_json: str) -> None:
    """Run a vehicle until standard input closes or SIGTERM comes; prints 'port N' first."""
    # Ctrl-C on the terminal is for the ground station, which then brings the vehicle home.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    vehicle = VehicleProcess(VehicleSettings.from_json(settings_json))
    threading.Thread(target=_watch_parent, args=(stopped,), daemon=True).start()
    print(f"port {vehicle.link.port}", flush=True)
    try:
        vehicle.run(stopped)
    finally:
        vehicle.link.close()
