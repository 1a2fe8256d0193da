"""The web application: the JSON API under /api, and the built console at /."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response
from starlette.types import Scope

from api.context import Clock, Context, system_clock
from api.intake import District
from api.routes import area, cases, live, overview, patrols
from api.schemas import Problem
from api.security import SafeAnswers, SameOriginWrites
from api.settings import Settings
from dispatch.errors import CaseError, DepartmentError, NoSuchCaseError
from dispatch.store import Store
from geo.errors import PatrolError

__all__ = ["create_app"]

_log = logging.getLogger("river_patrol.api")

_NOT_BUILT = """<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><title>River Patrol 无人机巡河</title></head>
<body><h1>River Patrol 无人机巡河</h1>
<p>控制台尚未构建。The console is not built yet; from the project's folder run:</p>
<pre>make setup</pre>
<p>接口可用。The API answers already: <a href="/api/health">/api/health</a>,
<a href="/api/openapi.json">/api/openapi.json</a></p>
</body></html>
"""


def create_app(settings: Settings, clock: Clock = system_clock) -> FastAPI:
    """The application over one study area, its patrols and one database.

    Reads the area and opens the database at once, so that what is wrong with them is one line at
    the start: raises AreaError, LayerError, DepartmentError or StoreError.
    """
    district = District.read(settings.area)
    public_area = area.public_area(district)
    store = Store.open(settings.database)
    stopping = threading.Event()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with _on_signal(stopping.set):
            yield
        store.close()

    app = FastAPI(
        title="River Patrol 无人机巡河",
        summary="Patrols, sightings, cases and dispatch orders.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # its page would load scripts from another host
        redoc_url=None,
        lifespan=lifespan,
        responses={status: {"model": Problem} for status in (400, 422, 503)},
    )
    app.state.context = Context(settings, district, public_area, store, clock)
    app.state.stopping = stopping
    for module in (area, patrols, live, cases, overview):
        app.include_router(module.router, prefix="/api")
    app.add_exception_handler(PatrolError, _on_patrol_error)
    app.add_exception_handler(RequestValidationError, _on_wrong_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_fault)
    _mount_console(app, settings.console)
    app.add_middleware(SameOriginWrites)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=settings.trusted_hosts)
    app.add_middleware(SafeAnswers)
    return app


@contextmanager
def _on_signal(call: Callable[[], None]) -> Iterator[None]:
    """Call this when the process is told to end, and leave the rest to the server.

    A server that shuts down waits for its answers to be finished before it ends the lifespan; a
    stream has to be told at once that it is to finish.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may have handlers; whoever runs it elsewhere sets the event
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_signal(number: int, frame: FrameType | None) -> None:
        call()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        elif handler == signal.SIG_DFL:  # nobody else waits for it
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in before:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is on_signal:
                signal.signal(number, handler)


class _Console(StaticFiles):
    """The built console, under every path that is not the API's."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if scope["path"].startswith("/api/"):
            raise HTTPException(404, "没有这个接口: the API has no such path")
        return await super().get_response(path, scope)


def _mount_console(app: FastAPI, dist: Path) -> None:
    if (dist / "index.html").is_file():
        # What no route knows. As a mounted route it would answer for the API's wrong methods too.
        app.router.default = _Console(directory=dist, html=True)
        return

    @app.get("/", include_in_schema=False)
    def not_built() -> HTMLResponse:
        return HTMLResponse(_NOT_BUILT)


def _problem(status: int, message: str) -> JSONResponse:
    return JSONResponse({"detail": " ".join(message.split())}, status)


async def _on_patrol_error(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, NoSuchCaseError):
        return _problem(404, str(error))
    if isinstance(error, CaseError):
        return _problem(409, str(error))
    if isinstance(error, DepartmentError):
        return _problem(422, str(error))
    # Of files and databases on the server: the client is not told their paths.
    _log.error("%s", error)
    return _problem(503, "服务器暂时无法完成: the server cannot do this now; see its log")


async def _on_wrong_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        f"{'.'.join(str(part) for part in fault['loc'][1:]) or 'body'}: {fault['msg']}"
        for fault in error.errors()[:5]
    ]
    return _problem(422, "请求有误 wrong request: " + "; ".join(faults))


async def _on_http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    answer = _problem(error.status_code, str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _on_fault(request: Request, _: Exception) -> JSONResponse:
    return _problem(500, f"服务器出错: the server failed on {request.url.path:.80}; see its log")
