"""The operator's hand on a flight: signals, commands from elsewhere, and a program that dies."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from short_patrol import START_S

from patrol.flight.desk import await_answer, give_command, read_live
from patrol.flight.link import Link
from patrol.flight.loadout import next_lane_item
from patrol.mission import mission_items
from patrol.plan import Plan
from patrol.simulation.vehicle import SimulatedVehicle, VehicleSettings
from patrol.telemetry import Telemetry

Flying = subprocess.Popen[str]


def fly(folder: Path, *words: str, **how: Any) -> Flying:
    """`patrol fly` of the first sortie in a process and a group of its own."""
    words = (*words, "--sortie", "1") if "--resume" not in words else words
    return subprocess.Popen(
        [sys.executable, "-m", "api", "fly", str(folder), "--speedup", "40", "--json", *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, **how,
    )  # fmt: skip


def live(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for _, line in read_live(folder)[0] if line]


def flown_m(folder: Path) -> float:
    return max((r["flown_m"] for r in live(folder) if r["kind"] == "position"), default=0.0)


def texts(folder: Path) -> str:
    path = folder / "flight" / "events.jsonl"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def until(condition: Callable[[], bool], process: Flying, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def end(process: Flying, code: int) -> dict[str, Any]:
    out, errors = process.communicate(timeout=100)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    result: dict[str, Any] = json.loads(out)
    return result


@pytest.fixture
def folder(plan: Plan, tmp_path: Path) -> Path:
    plan.write(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("press", "presses", "mode"),
    [
        (signal.SIGINT, 1, "RTL"),
        (signal.SIGINT, 2, "LAND"),
        (signal.SIGTERM, 1, "RTL"),
        (signal.SIGHUP, 1, "RTL"),
    ],
)
def test_ctrl_c_brings_the_vehicle_down_and_keeps_the_record(
    folder: Path, press: int, presses: int, mode: str
) -> None:
    process = fly(folder)
    until(lambda: flown_m(folder) > 60, process)
    for count in range(presses):
        if press == signal.SIGINT:  # as a terminal does it: to the whole group, vehicle included
            os.killpg(process.pid, press)
        else:
            process.send_signal(press)
        until(lambda n=count: texts(folder).count("操作员中止") > n, process)
    result = end(process, 130)
    assert f"模式 mode {mode}" in texts(folder)
    assert "上锁 disarmed" in texts(folder), "it waited for the landing"
    assert result["ending"] == "stopped"
    assert result["missing_plan"], "what was not seen is planned anew"
    rows = Telemetry.read(folder / "flight" / "sortie-01.parquet")
    assert rows.above_launch_m[-1] < 3


def test_ctrl_c_before_take_off_arms_nothing(folder: Path) -> None:
    process = fly(folder, "--fault", "latency@0=0.3")
    until(lambda: any(r["kind"] == "state" for r in live(folder)), process)
    os.killpg(process.pid, signal.SIGINT)
    end(process, 130)
    assert "解锁 armed" not in texts(folder)


def test_pause_and_skip_by_signal_and_by_command(folder: Path) -> None:
    process = fly(folder)
    until(lambda: flown_m(folder) > 60, process)
    process.send_signal(signal.SIGUSR1)
    until(lambda: '"paused"' in json.dumps(live(folder)), process)
    until(lambda: live(folder)[-1].get("ground_speed_m_s", 9.0) < 0.3, process)
    held_m = flown_m(folder)
    time.sleep(0.5)  # twenty seconds of the vehicle's
    assert flown_m(folder) < held_m + 3.0
    told = give_command(folder, "resume", 1, "test")
    answer = await_answer(folder, told.id)
    assert answer is not None
    assert answer[0], answer
    until(lambda: flown_m(folder) > held_m + 20, process)
    process.send_signal(signal.SIGUSR2)
    until(lambda: "跳过航线" in texts(folder), process)
    refused = give_command(folder, "resume", None, "test")
    assert await_answer(folder, refused.id) == (False, "it is not paused but mission")
    nobody = give_command(folder, "pause", 7, "test")
    assert await_answer(folder, nobody.id) == (False, "no such vehicle is flying")
    result = end(process, 0)
    assert result["seen_share"] < 0.99, "a lane was skipped"
    assert result["missing_plan"]


def test_skipping_leads_to_the_next_lane_or_home(plan: Plan) -> None:
    sortie = plan.sorties[0]
    items = mission_items(plan, sortie)
    commands = [i.command for i in items]
    stops = [i for i, command in enumerate(commands) if command == 2501]
    begin = commands.index(2500)
    assert next_lane_item(plan, sortie, begin + 1) == stops[0], "the camera goes off first"
    assert next_lane_item(plan, sortie, stops[0] + 2) == stops[1]
    assert next_lane_item(plan, sortie, stops[1]) == len(items) - 1
    assert next_lane_item(plan, sortie, 10_000) == len(items) - 1


def test_a_second_process_is_refused_while_one_flies(folder: Path) -> None:
    process = fly(folder)
    until(lambda: flown_m(folder) > 20, process)
    before = texts(folder)
    second = fly(folder)
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "another patrol fly" in errors
    assert len(errors.strip().splitlines()) == 1
    assert texts(folder).startswith(before[:200])
    os.killpg(process.pid, signal.SIGINT)
    end(process, 130)


@pytest.mark.parametrize("lands_first", [False, True])
def test_a_killed_program_loses_nothing_and_is_resumed(
    plan: Plan, folder: Path, lands_first: bool
) -> None:
    speedup = 20.0 if lands_first else 5.0
    settings = VehicleSettings(plan.sorties[0].launch, START_S, speedup=speedup)
    with SimulatedVehicle(settings) as vehicle:
        if not lands_first:  # patient: 24 s of ours, however slowly the second process starts
            with Link(vehicle.url) as link:
                assert link.set_parameter("FS_GCS_TIMEOUT", 120.0)
        process = fly(folder, "--connect", vehicle.url)
        until(lambda: flown_m(folder) > 80, process)
        process.kill()
        process.communicate()
        assert not (folder / "flight" / "sortie-01.parquet").exists()
        if lands_first:  # its own failsafe brings it home: ten seconds, the way, the landing
            time.sleep(12.0)
        again = fly(folder, "--resume", "--sortie", "1", "--connect", vehicle.url)
        out, errors = again.communicate(timeout=100)
    assert "Traceback" not in errors
    rows = Telemetry.read(folder / "flight" / "sortie-01.parquet")
    if lands_first:
        assert again.returncode == 3, errors
        assert "not in the air any more" in errors
        assert len(rows) > 100
        return
    assert again.returncode == 0, errors
    assert "接管 taken over" in texts(folder)
    assert rows.above_launch_m[0] < 3, "from the first process"
    assert rows.above_launch_m[-1] < 3, "to the ground, by the second"
    assert json.loads(out)["sorties"][0]["distance_m"] > 150


def test_there_must_be_something_to_resume(folder: Path) -> None:
    process = fly(folder, "--resume")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "there is no flight of this patrol to take over" in errors
    assert len(errors.strip().splitlines()) == 1


def test_a_full_disk_calls_the_vehicle_home(folder: Path) -> None:
    """A file may grow to a hundred kilobytes, then writing fails as on a full disk."""

    def little() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    process = fly(folder, preexec_fn=little)
    out, errors = process.communicate(timeout=100)
    assert process.returncode == 3, errors
    assert "the record cannot be written" in errors
    assert "Traceback" not in errors
    assert json.loads(out)["ending"] == "broken_off"


def test_nobody_at_the_address(folder: Path) -> None:
    process = fly(folder, "--connect", "tcp:127.0.0.1:1")
    began = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert time.monotonic() - began < 20
    assert "no connection to the vehicle" in errors
