"""A flight as it goes: its state, a stream of what it tells, and commands to it.

The stream is made of server-sent events. Each line of the patrol's flight/live.jsonl is one:
`id` is where to go on after it (`after`, or the header Last-Event-ID), `event` its kind and
`data` the line itself. Where a client has more than a few hundred lines to catch up with, only the
last position of each vehicle is sent. Besides, `running` (without an id) tells at the beginning,
every two seconds of a flight and when that changes whether a process flies the patrol, and how
many seconds ago it last told anything.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from fastapi.responses import StreamingResponse

from api.context import ContextDep
from api.patrols import (
    PatrolFolder,
    flight_now,
    live_changed,
    live_cursor,
    live_offset,
    live_row,
)
from api.routes.patrols import named
from api.schemas import CommandBody, CommandPublic, FlightPublic, Problem
from patrol.errors import FlightError
from patrol.flight.desk import flight_running, give_command, read_live

__all__ = ["router"]

router = APIRouter(prefix="/patrols", tags=["flight"], responses={404: {"model": Problem}})

_log = logging.getLogger("river_patrol.api")
_KINDS = frozenset({"flight", "state", "position", "event", "answer", "end"})
_LOOK_EVERY_S = 0.25
_RUNNING_EVERY_S = 2.0
_KEEP_ALIVE_S = 15.0
_MOST_AT_ONCE = 300  # lines; more are thinned
_RETRY_MS = 2000


def _patrol(context: ContextDep, patrol_id: str) -> PatrolFolder:
    return named(context, patrol_id)


# On a worker thread, as it reads folders: the stream itself has none.
PatrolDep = Annotated[PatrolFolder, Depends(_patrol)]


@router.get("/{patrol_id}/flight")
def flight(patrol: PatrolDep) -> FlightPublic:
    """The flight as it stands: where each vehicle is, what it does, and what was last told."""
    return flight_now(patrol.path)


@router.post("/{patrol_id}/flight/commands", status_code=202, responses={409: {"model": Problem}})
def command(patrol: PatrolDep, body: CommandBody) -> CommandPublic:
    """Hand a command to the running flight; its answer comes in the stream."""
    try:
        given = give_command(patrol.path, body.action, body.vehicle, "console")
    except FlightError:
        raise HTTPException(
            409, f"这次巡查没有正在进行的飞行: no flight of patrol {patrol.id!r:.60} is running"
        ) from None
    except OSError as error:
        _log.error("%s", error)
        raise HTTPException(
            503, "指令未能送达，请用遥控器: the command could not be written; use the remote"
        ) from None
    return CommandPublic(id=given.id, action=body.action, vehicle=given.vehicle)


@router.get(
    "/{patrol_id}/flight/live",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def live(
    request: Request,
    patrol: PatrolDep,
    after: Annotated[str | None, Query(max_length=40)] = None,
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
) -> StreamingResponse:
    """What the flight tells, as server-sent events; it goes on until the client leaves."""
    feed = _Feed(patrol.path, last_event_id or after)
    return StreamingResponse(
        _events(feed, request.app.state.stopping),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _events(feed: _Feed, stopping: Event) -> AsyncIterator[bytes]:
    """The bytes of a stream; nothing waits on a thread between two looks at the file. The server
    cancels it when the client is gone."""
    yield f"retry: {_RETRY_MS}\n\n".encode()
    spoke_s = time.monotonic()
    while not stopping.is_set():
        if feed.is_due():
            news = await asyncio.to_thread(feed.news)
            if news:
                yield news
                spoke_s = time.monotonic()
        if time.monotonic() - spoke_s >= _KEEP_ALIVE_S:
            yield b": keep-alive\n\n"
            spoke_s = time.monotonic()
        await asyncio.sleep(_LOOK_EVERY_S)


class _Feed:
    """What a client was sent of a patrol's live.jsonl, and what is new to it."""

    def __init__(self, folder: Path, after: str | None) -> None:
        self._folder = folder
        self._cursor = after
        self._seen: tuple[int, int] | None = None
        self._running: bool | None = None
        self._looked_s = 0.0

    def is_due(self) -> bool:
        """Whether there may be something new; cheap."""
        return (
            time.monotonic() - self._looked_s >= _RUNNING_EVERY_S
            or live_changed(self._folder) != self._seen
        )

    def news(self) -> bytes:
        running = flight_running(self._folder) is not None  # first: the lines of its end follow
        changed = live_changed(self._folder)
        sent = self._lines() if changed != self._seen else []
        self._seen = changed
        due = time.monotonic() - self._looked_s >= _RUNNING_EVERY_S
        if running != self._running or (running and due):
            quiet_s = max(time.time() - changed[0] / 1e9, 0.0) if changed else None
            data = {"running": running, "quiet_s": None if quiet_s is None else round(quiet_s, 1)}
            sent.append(f"event: running\ndata: {json.dumps(data)}\n\n")
        self._running = running
        if due:
            self._looked_s = time.monotonic()
        return "".join(sent).encode(errors="replace")

    def _lines(self) -> list[str]:
        offset = live_offset(self._folder, self._cursor)
        lines, end = read_live(self._folder, offset)
        rows = [(at, row) for at, line in lines if (row := live_row(line)) is not None]
        if len(rows) > _MOST_AT_ONCE:
            rows = _thinned(rows)
        # The file's mark, once for all of them; a flight that began meanwhile is read anew.
        self._cursor = live_cursor(self._folder, end)
        mark = self._cursor.partition("-")[2]
        return [
            f"id: {at}-{mark}\nevent: {row['kind']}\n"
            f"data: {json.dumps(row, ensure_ascii=False)}\n\n"
            for at, row in rows
            if row["kind"] in _KINDS
        ]


def _thinned(rows: list[tuple[int, dict[str, Any]]]) -> list[tuple[int, dict[str, Any]]]:
    """Without the positions that a later one of the same vehicle follows."""
    last = {str(row.get("vehicle")): at for at, row in rows if row["kind"] == "position"}
    kept = set(last.values())
    return [(at, row) for at, row in rows if row["kind"] != "position" or at in kept]
