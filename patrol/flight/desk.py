"""The desk of a running flight: what it tells whoever watches, and what it is told, through files.

`flight/live.jsonl`     appended by the flight, one JSON object a line, begun anew by each flight
`flight/commands.jsonl` appended by whoever commands: the console, `patrol tell`
`flight/flight.lock`    held (flock) by the flight while it runs; holds its process number

Files, so that either side may crash or come later, and so that no port has to be open. A line is
written by one call with O_APPEND, which keeps lines of several writers whole.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import math
import os
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args

from patrol.errors import FlightError

__all__ = [
    "ACTIONS",
    "Action",
    "FlightCommand",
    "FlightDesk",
    "await_answer",
    "flight_running",
    "give_command",
    "read_live",
]

Action = Literal["pause", "resume", "skip", "return", "land"]
ACTIONS: tuple[str, ...] = get_args(Action)

_LIVE, _COMMANDS, _LOCK = "live.jsonl", "commands.jsonl", "flight.lock"
_AWAIT_EVERY_S = 0.1
# Who looks whether a flight runs holds the lock for a moment: not a reason to refuse one.
_LOCK_TRIES, _LOCK_AGAIN_S = 6, 0.05


@dataclass(frozen=True, slots=True)
class FlightCommand:
    """What somebody wants of a running flight; `vehicle` counts from 1, None means all."""

    id: str
    action: str
    vehicle: int | None
    by: str


class FlightDesk:
    """The flight's side; a context manager that holds the lock. Its methods may be called from
    any thread.

    `first` describes the flight (its first line). `keep` goes on with what an earlier process
    wrote. Raises FlightError where another process flies this patrol. A disk that takes no more
    is noted in `failed`, not raised. Times are seconds since 1970 on the vehicle's clock.
    """

    def __init__(self, folder: Path, *, first: Mapping[str, Any], keep: bool = False) -> None:
        self._flight = folder / "flight"
        self._first = dict(first)
        self._keep = keep
        self._number = 0
        self._live = self._lock = -1
        self._mutex = threading.Lock()
        self._inbox: _Tail | None = None
        self.failed: OSError | None = None

    def __enter__(self) -> Self:
        self._flight.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self._flight / _LOCK)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            self._live = os.open(
                self._flight / _LIVE, flags | (0 if self._keep else os.O_TRUNC), 0o644
            )
        except OSError:
            os.close(self._lock)
            self._lock = -1
            raise
        if self._keep:
            with contextlib.suppress(OSError):
                self._number = (self._flight / _LIVE).read_bytes().count(b"\n")
                if self._number:  # a line that a crash cut off is ended, and then skipped
                    os.write(self._live, b"\n")
        self._inbox = _Tail(self._flight / _COMMANDS)
        self._inbox.skip()
        started = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._write("flight", **self._first, id=uuid.uuid4().hex, started=started)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._mutex:
            live, self._live = self._live, -1
        if live >= 0:
            os.close(live)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # -- telling -------------------------------------------------------------------------------

    def state(
        self, vehicle: int, sortie: int, time_s: float | None, state: str, text: str = ""
    ) -> None:
        self._write(
            "state", vehicle=vehicle, sortie=sortie, time=_iso(time_s), state=state, text=text
        )

    def position(self, vehicle: int, sortie: int, time_s: float | None, **fields: Any) -> None:
        self._write("position", vehicle=vehicle, sortie=sortie, time=_iso(time_s), **fields)

    def event(
        self, vehicle: int | None, sortie: int | None, time_s: float | None, level: str, text: str
    ) -> None:
        self._write(
            "event", vehicle=vehicle, sortie=sortie, time=_iso(time_s), level=level, text=text
        )

    def answer(self, command: str, vehicle: int | None, ok: bool, text: str) -> None:
        self._write("answer", command=command, vehicle=vehicle, ok=ok, text=text)

    def end(self, outcome: str, code: int, seen_share: float | None) -> None:
        self._write("end", outcome=outcome, code=code, seen_share=seen_share)

    def _write(self, kind: str, **fields: Any) -> None:
        with self._mutex:
            if self._live < 0 or self.failed is not None:
                return
            row = {"n": self._number, "kind": kind, **fields}
            try:
                _append(self._live, row)
                self._number += 1
            except OSError as error:
                self.failed = error

    # -- being told ----------------------------------------------------------------------------

    def commands(self) -> list[FlightCommand]:
        """The commands given since the last call; what is not one is passed over."""
        assert self._inbox is not None
        found = []
        for line in self._inbox.lines():
            command = _command(line)
            if command is not None:
                found.append(command)
        return found


class _Tail:
    """New whole lines of a file that somebody appends to and that may not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def skip(self) -> None:
        """Begin after what is there now."""
        with contextlib.suppress(OSError):
            self._at = self._path.stat().st_size

    def lines(self) -> list[bytes]:
        try:
            found, self._at = _lines_from(self._path, self._at)
        except OSError:
            return []
        return [line for _, line in found]


def _lines_from(path: Path, offset: int) -> tuple[list[tuple[int, bytes]], int]:
    """Whole lines from a byte offset on, each with the offset after it, and where to go on."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if offset > size:  # begun anew
            offset = 0
        file.seek(offset)
        data = file.read(size - offset)
    found = []
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        found.append((offset + end + 1, data[at:end]))
        at = end + 1
    return found, offset + at


def _command(line: bytes) -> FlightCommand | None:
    try:
        row = json.loads(line)
        number, action, vehicle, by = row["id"], row["action"], row["vehicle"], row["by"]
    except (ValueError, KeyError, TypeError):
        return None
    is_right = (
        isinstance(number, str)
        and 0 < len(number) <= 64
        and action in ACTIONS
        and (vehicle is None or (type(vehicle) is int and vehicle > 0))
        and isinstance(by, str)
    )
    return FlightCommand(number, action, vehicle, by[:40]) if is_right else None


def _append(file: int, row: Mapping[str, Any]) -> None:
    """Write one line in one call; raises OSError where not all of it could be written."""
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v
              for k, v in row.items()}  # fmt: skip
    # What no encoding has (a broken character of a vehicle's text) becomes a question mark.
    line = json.dumps(finite, ensure_ascii=False).encode(errors="replace") + b"\n"
    if os.write(file, line) != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _iso(time_s: float | None) -> str | None:
    if time_s is None or not math.isfinite(time_s):
        return None
    stamp = datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds")
    return stamp.replace("+00:00", "Z")


def _locked(path: Path) -> int:
    """The lock's file, held; raises FlightError where another process holds it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    for again in reversed(range(_LOCK_TRIES)):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            if again:
                time.sleep(_LOCK_AGAIN_S)
                continue
            other = os.read(file, 20).decode(errors="replace").strip() or "?"
            os.close(file)
            raise FlightError(
                f"{path.parent.parent}: another patrol fly (process {other}) is flying this "
                "patrol; wait for it, or tell it: patrol tell"
            ) from None
    with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    return file


# -- the other side ------------------------------------------------------------------------------


def flight_running(folder: Path) -> int | None:
    """The process that flies this patrol now (0 where it did not say), None where none does."""
    try:
        file = os.open(folder / "flight" / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        text = os.read(file, 20).decode(errors="replace").strip()
        return int(text) if text.isdecimal() else 0
    finally:
        os.close(file)
    return None


def give_command(folder: Path, action: str, vehicle: int | None, by: str) -> FlightCommand:
    """Command a running flight; `await_answer` waits for what came of it.

    Raises FlightError where the action is none or nothing is flying.
    """
    if action not in ACTIONS:
        raise FlightError(
            f"{action!r} is nothing that a flight can do; one of {', '.join(ACTIONS)}"
        )
    if flight_running(folder) is None:
        raise FlightError(f"{folder}: no flight of this patrol is running")
    command = FlightCommand(uuid.uuid4().hex, action, vehicle, by)
    row = {
        "id": command.id, "action": action, "vehicle": vehicle, "by": by,
        "time": _iso(time.time()),
    }  # fmt: skip
    file = os.open(
        folder / "flight" / _COMMANDS, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644
    )
    try:
        _append(file, row)
    finally:
        os.close(file)
    return command


def await_answer(folder: Path, command: str, timeout_s: float = 10.0) -> tuple[bool, str] | None:
    """Whether a command was carried out and what was said; None where no answer came."""
    offset = 0
    deadline = time.monotonic() + timeout_s
    while True:
        lines, offset = read_live(folder, offset)
        for _, line in lines:
            if command.encode() not in line:
                continue
            with contextlib.suppress(ValueError, KeyError, TypeError):
                row = json.loads(line)
                if row["kind"] == "answer" and row["command"] == command:
                    return bool(row["ok"]), str(row["text"])
        if time.monotonic() > deadline:
            return None
        time.sleep(_AWAIT_EVERY_S)


def read_live(folder: Path, offset: int = 0) -> tuple[list[tuple[int, bytes]], int]:
    """Whole lines of live.jsonl from a byte offset on, each with the offset after it, and where
    to go on. An offset beyond the file's end begins again: another flight was begun."""
    try:
        return _lines_from(folder / "flight" / _LIVE, offset)
    except OSError:
        return [], 0
