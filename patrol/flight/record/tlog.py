"""Telemetry logs (.tlog): every packet as it came, the format of MAVProxy and QGroundControl.

Each packet stands after eight bytes with the ground's time in microseconds since 1970, big-endian
(pymavlink's mavutil reads and writes the same). Written through at once, so that what was
received outlives the process that received it.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.errors import TelemetryError

__all__ = ["GROUND_SYSTEM", "TlogWriter", "read_tlog"]

GROUND_SYSTEM = 255  # source system of what we sent ourselves
_STAMP = struct.Struct(">Q")
_SYNC_S = 5.0  # between flushes to the disk itself, for a machine that loses power
_V2_HEAD, _V1_HEAD = 10, 6
_V2, _V1 = 0xFD, 0xFE
_SIGNED = 0x01


class TlogWriter:
    """Appends packets to a log. A disk that takes no more is noted in `failed`, not raised: the
    flight goes on and decides itself what that means."""

    def __init__(self, path: Path, *, append: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if append else os.O_TRUNC)
        self.path = path
        self.failed: OSError | None = None
        self._file = os.open(path, flags, 0o644)
        self._synced_s = time.monotonic()

    def write(self, packet: bytes) -> None:
        if self.failed is not None or self._file < 0:
            return
        row = _STAMP.pack(time.time_ns() // 1000) + packet
        try:
            written = os.write(self._file, row)
            if written != len(row):
                raise OSError(28, os.strerror(28))  # ENOSPC: only a part fitted
            now = time.monotonic()
            if now - self._synced_s > _SYNC_S:
                self._synced_s = now
                os.fdatasync(self._file)
        except OSError as error:
            self.failed = error

    def close(self) -> None:
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)


def read_tlog(path: Path) -> Iterator[tuple[float, Any]]:
    """The vehicle's messages in a log, with the ground's time in seconds since 1970.

    What was cut off or damaged is stepped over. Raises TelemetryError where there is no such file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TelemetryError(f"{path}: cannot be read ({error.strerror or error})") from None
    coder = mavlink.MAVLink(None)
    coder.robust_parsing = True
    at = 0
    while at + _STAMP.size < len(data):
        size = _packet_size(data, at + _STAMP.size)
        if size is None:
            at += 1
            continue
        begin = at + _STAMP.size
        packet = data[begin : begin + size]
        if len(packet) < size:
            return
        try:
            message = coder.decode(bytearray(packet))
        except (mavlink.MAVError, struct.error, ValueError, UnicodeError):
            at += 1
            continue
        yield _STAMP.unpack_from(data, at)[0] / 1e6, message
        at = begin + size


def _packet_size(data: bytes, at: int) -> int | None:
    """Bytes of the packet at `at`, None where none begins there or it is not all there."""
    magic = data[at]
    if magic == _V2 and at + 2 < len(data):
        return _V2_HEAD + data[at + 1] + 2 + (13 if data[at + 2] & _SIGNED else 0)
    if magic == _V1 and at + 1 < len(data):
        return _V1_HEAD + data[at + 1] + 2
    return None
