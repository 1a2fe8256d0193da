"""`patrol vehicle` from outside."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "api", "vehicle", *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_it_runs_until_ctrl_c() -> None:
    with started("--home", "113.459,23.106", "--port", "0", "--json", "--fault", "loss=5") as it:
        assert it.stdout is not None
        address = json.loads(it.stdout.readline())["address"]
        scheme, host, port = address.split(":")
        assert (scheme, host) == ("tcp", "127.0.0.1")
        coder = mavlink.MAVLink(None)
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            heard: list[str] = []
            while "HEARTBEAT" not in heard:
                found = coder.parse_buffer(bytearray(connection.recv(4096))) or []
                heard += [m.get_type() for m in found]
        it.send_signal(signal.SIGINT)
        _, errors = it.communicate(timeout=20)
        assert it.returncode == 0
        assert errors.splitlines()[-1] == "已结束 ended"


def test_a_port_in_use_and_other_wrong_words_are_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for words, says in (
            (("--home", "113.459,23.106", "--port", port), f"port {port} cannot be used"),
            (("--home", "here"), "'here'"),
            (("--home", "23.106,113.459"), "is not LON,LAT"),
            (("--home", "113,23,4"), "is not LON,LAT"),
            ((), "one of --home"),
            (("--home", "113,23", "--patrol", str(tmp_path)), "one of --home"),
            (("--home", "113,23", "--sortie", "1"), "goes with --patrol"),
            (("--patrol", str(tmp_path / "none")), "none"),
            (("--home", "113,23", "--fault", "wings@5"), "wings@5"),
            (("--home", "113,23", "--faults", str(tmp_path / "none.txt")), "none.txt"),
        ):
            with started(*words) as it:
                out, errors = it.communicate(timeout=60)
                assert it.returncode == 1, words
                assert out == ""
                [line] = errors.splitlines()
                assert line.startswith("错误 error: ")
                assert says in line


def test_it_stands_at_a_sorties_launch_site(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from api.commands import vehicle
    from geo.coordinates import LonLat
    from patrol.plan import Plan

    sorties = [
        SimpleNamespace(launch=LonLat(113.0 + i, 23.0), ground_msl_m=10.0 * i) for i in range(3)
    ]
    plan = SimpleNamespace(sorties=sorties, sortie=lambda number: sorties[number])
    monkeypatch.setattr(Plan, "read", lambda folder: plan)
    assert vehicle._place(None, Path("p"), None) == (LonLat(113.0, 23.0), 20.0)
    assert vehicle._place(None, Path("p"), 2) == (LonLat(115.0, 23.0), 20.0)
    sorties[2].ground_msl_m = 35.0
    assert vehicle._place(None, Path("p"), 2) == (LonLat(115.0, 23.0), 35.0)
