"""The record of a flight: what the vehicle's messages say, as telemetry and as events.

The same `Recorder` listens to a live link and to a telemetry log, so that what a log holds is
exactly what was recorded.
"""

from __future__ import annotations

import contextlib
import json
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geo.files import replacing
from patrol.errors import FlightError
from patrol.flight.link import StatusText
from patrol.telemetry import Telemetry

if TYPE_CHECKING:
    from patrol.mission import MissionItem

__all__ = ["EventLog", "MessageSource", "Recorder", "gimbal_angles_deg"]

_START_CAPTURE, _STOP_CAPTURE, _PHOTOS_BY_DISTANCE = 2500, 2501, 206
_INTERVAL_SET = (2, 3)  # image_status of CAMERA_CAPTURE_STATUS: photos follow one another
_GAP_S = 1.0
_LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")


class EventLog:
    """events.jsonl: one line an event, written through at once.

    `replace` names the sorties whose earlier events are dropped; those of others stay. A disk
    that takes no more is noted in `failed`, not raised. `listener` gets time, sortie, level and
    text of each event.
    """

    def __init__(self, path: Path, replace: Sequence[int]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [line for line in _lines(path) if _sortie_of(line) not in replace]
        with replacing(path) as beside:
            beside.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        self._file: IO[str] = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self.failed: OSError | None = None
        self.listener: Callable[[float | None, int, str, str], None] = lambda *event: None

    def add(self, time_s: float | None, sortie: int, level: str, text: str) -> None:
        """`time_s` is the vehicle's UTC in seconds since 1970, None before it is known."""
        when = None
        if time_s is not None:
            stamp = datetime.fromtimestamp(time_s, UTC)
            when = stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": when, "sortie": sortie, "level": level, "text": text}
        with self._lock:
            if not self._file.closed and self.failed is None:
                try:
                    self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
                    self._file.flush()
                except OSError as error:
                    self.failed = error
        self.listener(time_s, sortie, level, text)

    def close(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._file.close()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise FlightError(f"{path}: cannot be read ({error}); move it away") from None


def _sortie_of(line: str) -> int | None:
    try:
        return int(json.loads(line)["sortie"])
    except (ValueError, KeyError, TypeError):
        return None


class EventSink(Protocol):
    """Where events go: an `EventLog`, or nowhere."""

    def add(self, time_s: float | None, sortie: int, level: str, text: str) -> None: ...


class MessageSource(Protocol):
    """Whose messages are recorded: a `Link`, or messages replayed."""

    on_text: Callable[[StatusText], None]

    @property
    def mode(self) -> str: ...

    @property
    def armed(self) -> bool: ...

    def listen(self, name: str, handler: Callable[[Any], None]) -> None: ...


class Recorder:
    """Listens to a vehicle while `active` and turns its messages into Telemetry.

    Rows are the vehicle's GLOBAL_POSITION_INT messages; attitude and gimbal are interpolated to
    their times. `recording` is what the camera last reported before the row; for a vehicle
    without a camera it follows from the mission item being flown.
    """

    def __init__(
        self, link: MessageSource, items: Sequence[MissionItem], sortie: int, log: EventSink
    ) -> None:
        self._link = link
        self._sortie = sortie
        self._log = log
        self._films = _filmed(items)
        self._items = items
        self.active = False
        self.distance_m = 0.0
        self.boot_s = 0.0
        self.clock_offset_s: float | None = None
        self.top_seq = 0
        self.gaps: list[tuple[float, float]] = []  # boot times between which nothing was heard
        self._rows: list[tuple[float, ...]] = []  # as they came; late ones stand late
        self._latest: tuple[float, ...] | None = None
        self._attitude: list[tuple[float, ...]] = []
        self._gimbal: list[tuple[float, ...]] = []
        self._camera: bool | None = None
        self._recording = False
        self._battery = math.nan
        self._seq = 0
        self._mode = ""
        self._armed = False
        self._closed = False
        listen = link.listen
        for name, handler in (
            ("SYSTEM_TIME", self._on_time),
            ("SYS_STATUS", self._on_status),
            ("MISSION_CURRENT", self._on_current),
            ("MISSION_ITEM_REACHED", self._on_reached),
            ("CAMERA_CAPTURE_STATUS", self._on_camera),
            ("ATTITUDE", self._on_attitude),
            ("MOUNT_ORIENTATION", self._on_mount),
            ("GIMBAL_DEVICE_ATTITUDE_STATUS", self._on_gimbal_device),
            ("GLOBAL_POSITION_INT", self._on_position),
            ("HEARTBEAT", self._on_heartbeat),
        ):
            listen(name, handler)
        link.on_text = self._on_text

    def __len__(self) -> int:
        """Moments recorded."""
        return len({row[0] for row in self._rows})

    def take(self, earlier: Recorder) -> None:
        """Begin with the rows of an earlier recorder of the same flight."""
        self._rows = [*earlier._rows, *self._rows]
        self._latest = self._latest or earlier._latest
        self._attitude = [*earlier._attitude, *self._attitude]
        self._gimbal = [*earlier._gimbal, *self._gimbal]
        self.gaps = [*earlier.gaps, *self.gaps]
        self.distance_m += earlier.distance_m
        self.top_seq = max(self.top_seq, earlier.top_seq)
        self.clock_offset_s = earlier.clock_offset_s or self.clock_offset_s

    @property
    def last(self) -> tuple[float, ...] | None:
        """The latest row: boot time, lon, lat, above launch, msl, speed, battery, item, recording;
        None before the first."""
        return self._latest

    @property
    def yaw_deg(self) -> float:
        return math.degrees(self._attitude[-1][3]) % 360.0 if self._attitude else 0.0

    @property
    def time_s(self) -> float | None:
        """The vehicle's UTC now, None before it told."""
        if self.clock_offset_s is None:
            return None
        return self.boot_s + self.clock_offset_s

    def say(self, level: str, text: str) -> None:
        """Log an event at the vehicle's time, until `close`."""
        if not self._closed:
            self._log.add(self.time_s, self._sortie, level, text)

    def close(self) -> None:
        """Nothing more belongs to the sortie: what the vehicle still says is not logged."""
        self._closed = True

    # -- listeners, on dronekit's thread -----------------------------------------------------------

    def _on_time(self, message: Any) -> None:
        if not message.time_unix_usec:
            return
        offset_s = message.time_unix_usec / 1e6 - message.time_boot_ms / 1e3
        known = self.clock_offset_s
        # After a restart in flight the boot clock means something else: the rows keep theirs.
        if known is None or not self._rows or abs(offset_s - known) < _GAP_S:
            self.clock_offset_s = offset_s

    def _on_status(self, message: Any) -> None:
        if message.battery_remaining >= 0:
            self._battery = float(message.battery_remaining)

    def _on_text(self, text: StatusText) -> None:
        level = _LEVELS[text.severity] if text.severity < len(_LEVELS) else "info"
        self.say(level, text.text)

    def _on_heartbeat(self, message: Any) -> None:
        mode, armed = self._link.mode, self._link.armed
        if armed != self._armed:
            self.say("info", "解锁 armed" if armed else "上锁 disarmed")
        if mode != self._mode:
            self.say("info", f"模式 mode {mode}")
        self._mode, self._armed = mode, armed

    def _on_current(self, message: Any) -> None:
        self._seq = message.seq
        if self.active:
            self.top_seq = max(self.top_seq, message.seq)
            if self._camera is None:
                self._record(self._seq in self._films)

    def _on_reached(self, message: Any) -> None:
        if self.active:
            self.say("info", f"到达航点 reached item {message.seq} of {len(self._items) - 1}")

    def _on_camera(self, message: Any) -> None:
        self._camera = message.video_status == 1 or message.image_status in _INTERVAL_SET
        self._record(self._camera)

    def _record(self, on: bool) -> None:
        if on != self._recording:
            self._recording = on
            self.say("info", "开始录像 recording on" if on else "停止录像 recording off")

    def _on_attitude(self, message: Any) -> None:
        if self.active:
            self._attitude.append(
                (message.time_boot_ms / 1e3, message.roll, message.pitch, message.yaw)
            )

    def _on_mount(self, message: Any) -> None:
        if self.active:
            self._gimbal.append(
                (
                    message.time_boot_ms / 1e3,
                    math.radians(message.roll),
                    math.radians(message.pitch),
                    math.radians(message.yaw_absolute),
                )
            )

    def _on_gimbal_device(self, message: Any) -> None:
        if not self.active:
            return
        roll, pitch, yaw = gimbal_angles_deg(message.q)
        if not message.flags & 16 and self._attitude:  # yaw is the vehicle's frame, not earth's
            yaw += math.degrees(self._attitude[-1][3])
        self._gimbal.append(
            (message.time_boot_ms / 1e3, math.radians(roll), math.radians(pitch), math.radians(yaw))
        )

    def _on_position(self, message: Any) -> None:
        boot_s = message.time_boot_ms / 1e3
        speed = math.hypot(message.vx, message.vy) / 100
        row = (
            boot_s, message.lon / 1e7, message.lat / 1e7, message.relative_alt / 1e3,
            message.alt / 1e3, speed, self._battery, self._seq, self._recording,
        )  # fmt: skip
        before, self.boot_s = self.boot_s, max(self.boot_s, boot_s)
        if not self.active:
            self.boot_s = boot_s
            return
        latest = self._latest
        if self._rows and boot_s < self._rows[0][0]:
            return  # of another boot of the autopilot
        self._rows.append(row)
        if latest is None or boot_s > latest[0]:
            self._latest = row
            if latest is not None:
                gap_s = boot_s - before
                if gap_s <= _GAP_S:
                    self.distance_m += speed * gap_s
                else:  # nothing was heard for a while: at least straight on
                    self.gaps.append((before, boot_s))
                    self.distance_m += _metres(latest, row[1], row[2])

    # -- the result ------------------------------------------------------------------------------

    def telemetry(self) -> Telemetry:
        """What was received so far. Raises FlightError where the vehicle's clock is unknown."""
        rows = np.array(self._rows, dtype=float).reshape(-1, 9)
        _, first_of_each = np.unique(rows[:, 0], return_index=True)  # in order, each moment once
        rows = rows[first_of_each]
        if self.clock_offset_s is None and len(rows):
            raise FlightError(
                "the vehicle never sent its time (SYSTEM_TIME), so the record cannot be dated; "
                "wait for its GPS before flying"
            )
        boot = rows[:, 0]
        roll, pitch, yaw = self._angles(self._attitude, boot)
        if self._gimbal:
            gimbal_roll, gimbal_pitch, gimbal_yaw = self._angles(self._gimbal, boot)
        else:  # a gimbal that tells nothing is where the mission pointed it, over the nose
            pitch_deg = next((i.param1 for i in self._items if i.command == 205), -90.0)
            gimbal_roll = np.zeros(len(boot))
            gimbal_pitch, gimbal_yaw = np.full(len(boot), pitch_deg), yaw
        battery = rows[:, 6]
        first = battery[~np.isnan(battery)]
        return Telemetry(
            time_s=boot + (self.clock_offset_s or 0.0),
            lon_deg=rows[:, 1], lat_deg=rows[:, 2], above_launch_m=rows[:, 3], msl_m=rows[:, 4],
            ground_speed_m_s=rows[:, 5],
            roll_deg=roll, pitch_deg=pitch, yaw_deg=yaw % 360.0,
            gimbal_roll_deg=gimbal_roll, gimbal_pitch_deg=gimbal_pitch,
            gimbal_yaw_deg=gimbal_yaw % 360.0,
            battery_pct=np.where(np.isnan(battery), first[0] if len(first) else 100.0, battery),
            mission_item=rows[:, 7].astype(np.int64),
            recording=rows[:, 8].astype(bool),
        )  # fmt: skip

    @property
    def gimbal_source(self) -> str:
        return "reported" if self._gimbal else "assumed"

    def write(self, path: Path, metadata: Mapping[str, str]) -> bool:
        """Write the record, whole; False where there is nothing to write."""
        if not self._rows:
            return False
        self.telemetry().write(path, {"gimbal": self.gimbal_source, **metadata})
        return True

    @staticmethod
    def _angles(
        samples: list[tuple[float, ...]], boot_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Roll, pitch and yaw in degrees at the given times."""
        if not samples:
            nothing = np.zeros(len(boot_s))
            return nothing, nothing, nothing
        table = np.array(samples)
        order = np.argsort(table[:, 0], kind="stable")
        table = table[order]
        table[:, 1:] = np.unwrap(table[:, 1:], axis=0)
        roll, pitch, yaw = (
            np.degrees(np.interp(boot_s, table[:, 0], table[:, i])) for i in (1, 2, 3)
        )
        return roll, pitch, yaw


def _metres(row: tuple[float, ...], lon_deg: float, lat_deg: float) -> float:
    """From a row's position to another, over the few hundred metres of a gap."""
    east = (lon_deg - row[1]) * math.cos(math.radians(lat_deg))
    return math.hypot(east, lat_deg - row[2]) * 111_195.0


def _filmed(items: Sequence[MissionItem]) -> frozenset[int]:
    """Sequence numbers of the waypoints that are flown towards with the camera filming."""
    films = False
    towards: set[int] = set()
    for item in items:
        if item.command == _START_CAPTURE:
            films = True
        elif item.command == _STOP_CAPTURE:
            films = False
        elif item.command == _PHOTOS_BY_DISTANCE:
            films = item.param1 > 0
        elif films:
            towards.add(item.seq)
    return frozenset(towards)


def gimbal_angles_deg(q: Sequence[float]) -> tuple[float, float, float]:
    """Roll, pitch, yaw of a MAVLink gimbal quaternion (w, x, y, z), in degrees.

    Straight down, where roll and yaw turn about the same axis, all of it is taken as yaw.
    """
    w, x, y, z = q
    sine = max(-1.0, min(1.0, 2 * (w * y - z * x)))
    pitch = math.degrees(math.asin(sine))
    if abs(sine) > 0.99999:
        yaw = math.degrees(2 * math.atan2(z, w))
        return 0.0, pitch, math.remainder(yaw, 360.0)
    roll = math.degrees(math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y)))
    yaw = math.degrees(math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
    return roll, pitch, yaw
