"""Signals and keys as what they mean to a flight, instead of exceptions in the middle of it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

if sys.platform != "win32":
    import select
    import termios
    import tty

__all__ = ["KEYS", "Interrupts", "Keys"]

# What each key wants. The space bar alone needs to know what is so now.
KEYS = {"p": "pause", "c": "resume", "s": "skip", "r": "return", "l": "land"}


class Interrupts:
    """Turns signals into actions; a context manager.

    Ctrl-C, SIGTERM and a terminal that is closed (SIGHUP) are 'stop', SIGUSR1 is 'pause' and
    'resume' in turn, SIGUSR2 is 'skip'. Outside the main thread it hears nothing.
    """

    _STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self._actions: deque[str] = deque()
        self._before: dict[signal.Signals, Any] = {}
        self._paused = False

    def next_action(self) -> str | None:
        """The oldest action not yet taken, None where there is none."""
        return self._actions.popleft() if self._actions else None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number in self._STOPS:
            self._actions.append("stop")
        elif number == signal.SIGUSR1:
            self._paused = not self._paused
            self._actions.append("pause" if self._paused else "resume")
        else:
            self._actions.append("skip")

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (*self._STOPS, signal.SIGUSR1, signal.SIGUSR2):
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


class Keys:
    """Single keys from the terminal; a context manager that puts the terminal back.

    Where standard input is no terminal there are none.
    """

    def __init__(self) -> None:
        self._settings: list[Any] | None = None
        self._enters = threading.Semaphore(0)
        self.waiting = False  # somebody waits for Enter

    @property
    def live(self) -> bool:
        return self._settings is not None

    def __call__(self) -> str | None:
        """What the next key wants, None where none was pressed that means something."""
        if self._settings is None:
            return None
        file = sys.stdin.fileno()
        while select.select([file], [], [], 0)[0]:
            key = os.read(file, 1).decode(errors="replace")
            if not key:
                return None
            if key in "\r\n":
                if self.waiting:
                    self._enters.release()
            elif key.lower() in KEYS:
                return KEYS[key.lower()]
        return None

    def wait_for_enter(self, stopped: Callable[[], bool]) -> None:
        """Block until Enter is pressed or `stopped`; not at all where there is no terminal."""
        if self._settings is None:
            return
        self.waiting = True
        while not self._enters.acquire(timeout=0.2) and not stopped():
            pass
        self.waiting = False

    def __enter__(self) -> Self:
        if sys.stdin.isatty():
            self._settings = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._settings is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._settings)
            self._settings = None
