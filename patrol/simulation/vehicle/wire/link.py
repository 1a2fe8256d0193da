"""The TCP end of the vehicle: one ground station at a time, as ArduPilot's SITL serves it."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

__all__ = ["Link"]

_SEND_BUFFER = 64 * 1024
_FULL = 32 * 1024  # bytes waiting at which the vehicle holds its clock


class _Outbox:
    """What pymavlink writes encoded messages to."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, packet: bytes) -> None:
        self.data += packet


class Link:
    """Listens on loopback; decodes what comes, sends what is queued, never drops or reorders.

    While nobody is connected what is sent goes nowhere, as on a radio.
    """

    def __init__(self, port: int) -> None:
        self._listener: socket.socket | None = None
        self._listen(port)
        self._peer: socket.socket | None = None
        self._outbox = _Outbox()
        self._coder = self._new_coder()
        self.connections = 0

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=1)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._away_until_s = 0.0

    def _new_coder(self) -> Any:
        coder = mavlink.MAVLink(self._outbox, srcSystem=1, srcComponent=1)
        coder.robust_parsing = True  # rubbish between messages is skipped
        return coder

    @property
    def connected(self) -> bool:
        return self._peer is not None

    @property
    def away(self) -> bool:
        """Nobody can connect for now."""
        return self._listener is None

    @property
    def full(self) -> bool:
        """The ground station does not keep up; nothing more should be sent for now."""
        return len(self._outbox.data) > _FULL

    def send(self, message: Any) -> None:
        if self._peer is not None:
            self._coder.send(message)

    def pack(self, message: Any) -> bytes:
        """The packet that would be sent; without sending it the peer sees a gap in the sequence."""
        packet: bytes = bytes(message.pack(self._coder))
        self._coder.seq = (self._coder.seq + 1) % 256
        return packet

    def send_packet(self, packet: bytes) -> None:
        if self._peer is not None:
            self._outbox.data += packet

    def lose(self) -> None:
        """A message that is lost on the way."""
        self._coder.seq = (self._coder.seq + 1) % 256

    def exchange(self, wait_s: float) -> list[Any]:
        """Send what fits, wait up to `wait_s` for the peer, return the messages that came."""
        self._flush()
        peer = self._peer
        if self._listener is None:
            self._come_back()
        reading = [s for s in (peer or self._listener,) if s is not None]
        writing = [peer] if peer is not None and self._outbox.data else []
        readable, writable, _ = select.select(reading, writing, [], max(wait_s, 0.0))
        if writable:
            self._flush()
        if not readable:
            return []
        if peer is None:
            self._accept()
            return []
        return self._receive()

    def go_away(self, away_s: float) -> None:
        """Close the connection and refuse others for so many seconds of wall time, as a restart
        does."""
        self._flush()
        self.close()
        self._away_until_s = time.monotonic() + away_s

    def _come_back(self) -> None:
        if time.monotonic() >= self._away_until_s:
            with contextlib.suppress(OSError):  # the port is taken: try again
                self._listen(self.port)

    def close(self) -> None:
        self._hang_up()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _accept(self) -> None:
        if self._listener is None:
            return
        with contextlib.suppress(OSError):
            peer, _ = self._listener.accept()
            peer.setblocking(False)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            self._peer = peer
            self._outbox.data.clear()
            self._coder = self._new_coder()
            self.connections += 1

    def _hang_up(self) -> None:
        if self._peer is not None:
            self._peer.close()
            self._peer = None
            self._outbox.data.clear()

    def _flush(self) -> None:
        if self._peer is None or not self._outbox.data:
            return
        try:
            sent = self._peer.send(self._outbox.data)
            del self._outbox.data[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._hang_up()

    def _receive(self) -> list[Any]:
        assert self._peer is not None
        try:
            data = self._peer.recv(65536)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return []
        return self._decode(data)

    def _decode(self, data: bytes) -> list[Any]:
        messages: list[Any] = []
        waiting = data
        while True:
            try:
                message = self._coder.parse_char(waiting)
            except (mavlink.MAVError, ValueError, UnicodeError, IndexError):
                message = None  # an undecodable packet; the parser has already stepped past it
                if not self._coder.buf_len():
                    break
                waiting = b""
                continue
            waiting = b""
            if message is None:
                return messages
            if message.get_type() != "BAD_DATA":
                messages.append(message)
        return messages
