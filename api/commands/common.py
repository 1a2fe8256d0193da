"""What every command shares: errors as one line, exit codes, JSON output, progress."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn, Protocol

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from geo.errors import PatrolError

__all__ = ["Advance", "JsonFlag", "emit", "note", "progress", "run_app", "stop"]

EXIT_BAD_INPUT = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
_PLAIN_LINE_EVERY_S = 5.0

JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON object on standard output.")
]


def note(message: str) -> None:
    """A line for people, on standard error, so that standard output stays clean for --json."""
    print(message, file=sys.stderr, flush=True)


def emit(result: dict[str, Any], *, as_json: bool, text: str) -> None:
    """The result of a command, on standard output: `text` for people or `result` as JSON."""
    print(json.dumps(result, ensure_ascii=False) if as_json else text, flush=True)


def stop(message: str, code: int = EXIT_BAD_INPUT) -> NoReturn:
    """Print one line 'error: …' and leave with this exit code."""
    line = " ".join(message.split())
    print(f"错误 error: {line}", file=sys.stderr, flush=True)
    raise SystemExit(code)


def run_app(app: typer.Typer) -> None:
    """Run the Typer app; every PatrolError is one line and exit code 1, Ctrl-C is 130."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both stop cleanly
    try:
        app()
    except PatrolError as error:
        stop(str(error))
    except KeyboardInterrupt:
        stop("stopped; what was finished is kept", EXIT_INTERRUPTED)
    except BrokenPipeError:
        raise SystemExit(EXIT_BAD_INPUT) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        stop(f"{where}{error.strerror or error}; check the path, permissions and free space")


class Advance(Protocol):
    """Called with what is done so far, and the total once it is known."""

    def __call__(self, done: float, total: float | None = None) -> None: ...


@contextmanager
def progress(label: str, total: float | None = None, unit: str = "") -> Iterator[Advance]:
    """A progress bar on a terminal, a plain line each few seconds elsewhere (standard error)."""
    console = Console(stderr=True)
    if console.is_terminal:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        ) as bar:
            task = bar.add_task(label, total=total)

            def advance_bar(done: float, total: float | None = None) -> None:
                bar.update(task, completed=round(done), total=total)

            yield advance_bar
        return
    started = last = time.monotonic()
    known_total = total

    def advance_line(done: float, total: float | None = None) -> None:
        nonlocal last, known_total
        known_total = total if total is not None else known_total
        now = time.monotonic()
        if now - last >= _PLAIN_LINE_EVERY_S:
            last = now
            of = f" / {known_total:.0f}" if known_total else ""
            note(f"{label}: {done:.0f}{of} {unit} ({now - started:.0f} s)")

    yield advance_line
