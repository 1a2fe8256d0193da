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
from patrol.simulation.vehicle.commands import CommandDesk
from patrol.simulation.vehicle.link import Link
from patrol.simulation.vehicle.settings import VehicleSettings
from patrol.simulation.vehicle.streams import Streams
from patrol.simulation.vehicle.weather import RadioWeather

__all__ = ["VehicleProcess", "main"]

_PING_EVERY_S = 1.0  # vehicle time
_LEAD_S = 2.0  # how far the vehicle may be ahead of the last answered ping
_SLICE_S = 0.01  # wall time between looks at the link while flying
_BACKLOG_S = 0.25  # wall time that is caught up at most after the machine was busy


class VehicleProcess:
    """Runs a vehicle against wall time.

    The clock on board runs at `SIM_SPEEDUP` times wall time, but waits whenever the link is full
    or a ground station that answers pings has not yet answered those of two seconds ago. So a
    slow ground station sees a slower flight, never a gap, and never acts on stale state.
    """

    def __init__(self, settings: VehicleSettings) -> None:
        self.link = Link(settings.port)
        self.autopilot = Autopilot(settings, self._send)
        self.streams = Streams(self.autopilot)
        self.desk = CommandDesk(self.autopilot, self.streams)
        self._pings = 0
        self._seen_connections = 0
        self._begin()

    def _begin(self) -> None:
        """Everything that belongs to one boot of the autopilot."""
        safety, seed = self.autopilot.safety, self.autopilot.settings.seed
        self._outward = RadioWeather(safety, f"river-patrol down {seed}")
        self._inward = RadioWeather(safety, f"river-patrol up {seed}")
        self._next_ping_s = 0.0
        self._heard_at_s: float | None = None
        self._answered_seen = -1
        self._gcs_lost = False
        self._was_silent = False

    def _send(self, message: Any) -> None:
        if self.autopilot.silent:
            return
        for out in self._outward.through([message], time.monotonic()):
            self.link.send(out)

    def _restart(self) -> None:
        """The autopilot restarts in flight: the motors stop, the connection breaks."""
        self.link.hang_up()
        self.autopilot = self.autopilot.restarted(self._send)
        self.streams = Streams(self.autopilot)
        self.desk = CommandDesk(self.autopilot, self.streams)
        self._begin()

    def run(self, stopped: threading.Event) -> None:
        """Run until `stopped`."""
        last = time.monotonic()
        owed_s = 0.0  # vehicle time not yet stepped
        while not stopped.is_set():
            came = self.link.exchange(self._pause_s())
            ap = self.autopilot
            for message in self._inward.through(came, time.monotonic()):
                if not ap.silent:
                    self.desk.handle(message, time.monotonic())
            for late in self._outward.through([], time.monotonic()):
                self.link.send(late)
            if self.link.connections != self._seen_connections:
                self._new_peer()
            now = time.monotonic()
            ap.lists.tick(now)
            self._watch_ground_station(now)
            owed_s += min(now - last, _BACKLOG_S) * self._rate()
            last = now
            while owed_s >= ap.DT_S:
                if not self._may_go_on():
                    owed_s = 0.0
                    break
                ap.step()
                self.streams.tick()
                self._ping()
                owed_s -= ap.DT_S
                if ap.safety.wants_reboot:
                    self._restart()
                    break
                if time.monotonic() - now > _BACKLOG_S:  # slower than asked: look at the link
                    owed_s = min(owed_s, ap.DT_S)

    def _rate(self) -> float:
        ap = self.autopilot
        speedup = ap.parameters["SIM_SPEEDUP"]
        if ap.flying:
            return speedup
        # Armed on the ground, the autopilot disarms after ten of its seconds: give people longer.
        return min(speedup, ap.settings.ground_speedup * (0.25 if ap.armed else 1.0))

    def _pause_s(self) -> float:
        return max(_SLICE_S, min(self.autopilot.DT_S / self._rate(), 0.1))

    def _new_peer(self) -> None:
        self._seen_connections = self.link.connections
        self.desk.ping_answered = -1
        self.desk.heartbeat_s = None
        self._heard_at_s = None
        self._answered_seen = -1

    def _may_go_on(self) -> bool:
        if self.autopilot.silent:
            self._was_silent = True
            return True
        if self._was_silent:  # answers were lost on the way: begin to count anew
            self._was_silent = False
            self.desk.ping_answered = max(self.desk.ping_answered, self._pings - 1)
        if self.link.full:
            return False
        answered = self.desk.ping_answered
        if not self.link.connected or answered < 0:
            return True  # nobody there, or one that knows no pings: buffers alone hold us
        return self._pings - 1 - answered <= _LEAD_S / _PING_EVERY_S

    def _ping(self) -> None:
        ap = self.autopilot
        if self.link.connected and ap.time_s >= self._next_ping_s:
            self._next_ping_s = ap.time_s + _PING_EVERY_S
            ap.send(mavlink.MAVLink_ping_message(round(ap.time_s * 1e6), self._pings, 0, 0))
            self._pings += 1

    def _watch_ground_station(self, now_s: float) -> None:
        """The GCS failsafe: on the vehicle's clock for a ground station that answers pings, which
        come once a second of that; in wall time for one that only sends heartbeats, which go by
        its own."""
        ap, desk = self.autopilot, self.desk
        limit_s = ap.parameters["FS_GCS_TIMEOUT"]
        if desk.ping_answered > self._answered_seen:
            self._answered_seen = desk.ping_answered
            self._heard_at_s = ap.time_s
        if self._heard_at_s is not None:
            lost = ap.time_s - self._heard_at_s > limit_s
        else:
            lost = desk.heartbeat_s is not None and now_s - desk.heartbeat_s > limit_s
        if lost and not self._gcs_lost:
            ap.safety.ground_station_lost()
        self._gcs_lost = lost


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
