"""A real Chromium on the real server, which serves a made-up patrol of the study area."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from made_patrol import Server, make_patrol, open_cases
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from api.settings import CONSOLE

expect.set_options(timeout=20_000)

# WebGL without a graphics card.
_CHROMIUM = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader",
             "--enable-unsafe-swiftshader"]  # fmt: skip
SERVER_START_S = 60
DRAWN_MS = 120_000  # software rendering, on a busy machine


def _needed(found: bool, reason: str) -> None:
    """Skip where something is missing; fail where make or CI promised that it is there."""
    if found:
        return
    if os.environ.get("CI") or os.environ.get("MAKELEVEL"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def serve(luogang: Path) -> Iterator[Callable[[Path], Server]]:
    """A function that serves a patrol's folder until the tests end."""
    _needed(
        (CONSOLE / "index.html").is_file(),
        "api/console/dist is not built; run npm ci && npm run build in api/console",
    )
    running: list[subprocess.Popen[bytes]] = []

    def start(folder: Path) -> Server:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "api", "serve", "--area", str(luogang),
             "--patrols", str(folder), "--port", str(port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        running.append(process)

        def stop() -> None:
            process.terminate()
            process.wait(20)

        server = Server(f"http://127.0.0.1:{port}", stop)
        deadline = time.monotonic() + SERVER_START_S
        while time.monotonic() < deadline:
            assert process.poll() is None, f"patrol serve ended with {process.returncode}"
            try:
                if httpx.get(f"{server.url}/api/health").status_code == 200:
                    return server
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError("patrol serve did not answer")

    yield start
    for process in running:
        if process.poll() is None:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="session")
def server(
    serve: Callable[[Path], Server], luogang: Path, tmp_path_factory: pytest.TempPathFactory
) -> Server:
    """The console over 14 sightings: 13 cases, of which two are late for acceptance."""
    folder = make_patrol(tmp_path_factory.mktemp("console") / "patrol", luogang)
    open_cases(folder, luogang, datetime.now(UTC))
    return serve(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed after each file: as long as it runs, no test of this process can use asyncio."""
    path = shutil.which("chromium") or ""
    _needed(bool(path), "chromium is not installed; run apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A page in the zone of the office. When the test ends, nothing may have gone wrong in it: no
    error in the browser's console (a policy that blocks something is one), no fault in a script,
    and not one request to anywhere but the server."""
    context = browser.new_context(
        base_url=server.url, viewport={"width": 1280, "height": 800},
        timezone_id="Asia/Shanghai", locale="zh-CN", reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    wrong: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith((f"{server.url}/", "blob:", "data:")):
            wrong.append(f"a request left the machine: {request.url}")

    context.on("request", asked)
    page.on("pageerror", lambda error: wrong.append(f"fault: {error}"))
    page.on(
        "console",
        lambda message: (
            wrong.append(f"{message.type}: {message.text}")
            if message.type in ("error", "warning") and "GPU stall" not in message.text
            else None
        ),
    )
    yield page
    context.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def drawn() -> Callable[[Page], None]:
    """Wait until the map has drawn everything that it has."""

    def wait(page: Page) -> None:
        page.locator(".map-canvas[data-ready=true][data-idle=true]").wait_for(timeout=DRAWN_MS)

    return wait
