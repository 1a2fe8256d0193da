"""`patrol serve` from the shell: a port, a signal, and paths as no browser would send them."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


def start(*words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "api", "serve", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def words(district: Path, patrol: Path) -> list[str | Path]:
    return ["--area", district, "--patrols", patrol, "--port", "0", "--json"]


@pytest.fixture
def server(words: list[str | Path]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = start(*words)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()
    yield process, int(json.loads(line)["url"].rpartition(":")[2])
    if process.poll() is None:
        process.kill()
    process.communicate()


def ask(port: int, path: str) -> tuple[int, bytes]:
    """GET with the path as it is: http.client takes no '..' away."""
    for _ in range(100):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except ConnectionRefusedError:  # it listens already, but be patient
            time.sleep(0.1)
        finally:
            connection.close()
    raise AssertionError("the server does not answer")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_told_to_stop(
    server: tuple[subprocess.Popen[str], int], patrol: Path, number: signal.Signals
) -> None:
    process, port = server
    assert ask(port, "/api/health")[0] == 200
    for path in (
        "/api/patrols/patrol-1/evidence/../sightings.geojson",
        "/api/patrols/patrol-1/evidence/../../patrol-1/sightings.geojson",
        "/api/patrols/../../etc/passwd",
        "/../../etc/passwd",
        "/api/patrols/patrol-1/evidence//etc/passwd",
        "//etc/passwd",
    ):
        status, body = ask(port, path)
        assert status in (400, 404), path
        assert b"FeatureCollection" not in body
        assert b"root:" not in body
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert not list(patrol.glob("*.db-wal")), "the database was closed"


def test_a_port_in_use_is_one_line(words: list[str | Path], patrol: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start(*words, "--port", str(port))
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    [line] = errors.splitlines()
    assert str(port) in line
    assert "--port" in line
    assert not (patrol / "river-patrol.db").exists()


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (["--area", "/none"], "/none"),
        (["--patrols", "/none"], "/none"),
        (["--database", "mysql://a:geheim@b/c"], "mysql"),
        (["--host", "203.0.113.7"], "203.0.113.7"),
    ],
)
def test_what_it_cannot_serve_is_one_line(
    words: list[str | Path], change: list[str], names: str
) -> None:
    process = start(*words, *change)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert out == ""
    [line] = errors.splitlines()
    assert names in line
    assert "geheim" not in line
