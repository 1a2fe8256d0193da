"""The files between a flight and who watches it: whole lines, one flight at a time."""

from __future__ import annotations

import fcntl
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patrol.errors import FlightError
from patrol.flight import desk as desk_module
from patrol.flight.desk import (
    ACTIONS,
    FlightDesk,
    await_answer,
    flight_running,
    give_command,
    read_live,
)

FIRST = {"patrol": "p", "simulated": True, "vehicles": 2, "sorties": []}
FLYING = """
import sys, pathlib
from patrol.flight.desk import FlightDesk
with FlightDesk(pathlib.Path(sys.argv[1]), first={"patrol": "p"}) as desk:
    desk.event(None, None, None, "info", "up")
    print("up", flush=True)
    sys.stdin.readline()
"""


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for _, line in read_live(folder)[0]]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FlightDesk]:
    with FlightDesk(tmp_path, first=FIRST) as opened:
        yield opened


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that flies the patrol."""
    process = subprocess.Popen(
        [sys.executable, "-c", FLYING, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    yield process
    process.kill()
    process.communicate()


def test_what_is_told_stands_in_the_file_in_order(tmp_path: Path, desk: FlightDesk) -> None:
    desk.state(1, 3, None, "checking")
    desk.position(1, 3, 1779238800.1234, lon=113.5, lat=23.1, battery_pct=math.nan)
    desk.event(None, 3, math.inf, "warning", "电量低 low \udcff battery")
    desk.answer("c1", None, False, "no")
    desk.end("complete", 0, 0.998)
    found = rows(tmp_path)
    assert [row["n"] for row in found] == list(range(6))
    assert [row["kind"] for row in found] == [
        "flight", "state", "position", "event", "answer", "end",
    ]  # fmt: skip
    flight, state, position, event, answer, end = found
    assert flight["vehicles"] == 2
    assert flight["id"]
    assert flight["started"].endswith("Z")
    assert (state["time"], state["text"]) == (None, "")
    assert position["time"] == "2026-05-20T01:00:00.123Z"
    assert position["battery_pct"] is None, "JSON has no NaN"
    assert event["time"] is None
    assert "电量低" in event["text"]
    assert (answer["command"], answer["ok"]) == ("c1", False)
    assert (end["code"], end["seen_share"]) == (0, 0.998)


def test_a_new_flight_begins_the_file_anew_and_a_taken_over_one_goes_on(tmp_path: Path) -> None:
    for keep, kinds in [
        (False, ["flight", "end"]),
        (False, ["flight", "end"]),
        (True, ["flight", "end", "flight", "end"]),
    ]:
        with FlightDesk(tmp_path, first=FIRST, keep=keep) as desk:
            desk.end("complete", 0, None)
        lines = [json.loads(line) for _, line in read_live(tmp_path)[0] if line]
        assert [row["kind"] for row in lines] == kinds
    live = tmp_path / "flight" / "live.jsonl"
    with live.open("ab") as file:
        file.write(b'{"n": 9, "ki')  # a crash in the middle of a line
    with FlightDesk(tmp_path, first=FIRST, keep=True):
        pass
    lines = [line for _, line in read_live(tmp_path)[0] if line]
    assert lines[-2] == b'{"n": 9, "ki'
    assert json.loads(lines[-1])["kind"] == "flight"


def test_the_second_is_refused_in_one_line(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    live = (tmp_path / "flight" / "live.jsonl").read_bytes()
    with pytest.raises(FlightError, match=rf"process {other.pid}") as caught:
        FlightDesk(tmp_path, first=FIRST).__enter__()
    assert "\n" not in str(caught.value)
    assert (tmp_path / "flight" / "live.jsonl").read_bytes() == live, "the other's record is kept"
    assert flight_running(tmp_path) == other.pid
    other.kill()  # the lock goes with the process, however that ends
    other.wait()
    assert flight_running(tmp_path) is None
    with FlightDesk(tmp_path, first=FIRST):
        assert flight_running(tmp_path) == os.getpid()
    assert flight_running(tmp_path) is None


def test_who_only_looks_keeps_nobody_from_flying(tmp_path: Path) -> None:
    with FlightDesk(tmp_path, first=FIRST):
        pass
    file = os.open(tmp_path / "flight" / "flight.lock", os.O_RDONLY)
    fcntl.flock(file, fcntl.LOCK_SH)
    timer = threading.Timer(0.1, os.close, [file])
    timer.start()
    with FlightDesk(tmp_path, first=FIRST):
        pass
    timer.join()


def test_commands_of_another_process_arrive_once(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    for action in ACTIONS:
        given = give_command(tmp_path, action, 1, "shell")
        assert given.action == action
    rows = [
        json.loads(line)
        for line in (tmp_path / "flight" / "commands.jsonl").read_bytes().splitlines()
    ]
    assert [row["action"] for row in rows] == list(ACTIONS)
    assert rows[0]["time"].endswith("Z")
    other.kill()
    other.wait()
    with FlightDesk(tmp_path, first=FIRST) as desk:
        assert desk.commands() == [], "meant for the flight before"
        command = give_command(tmp_path, "land", None, "console")
        assert desk.commands() == [command]
        assert desk.commands() == []


def test_a_command_that_cannot_be_given(tmp_path: Path) -> None:
    with pytest.raises(FlightError, match="no flight"):
        give_command(tmp_path, "pause", None, "shell")
    assert not (tmp_path / "flight").exists()
    with FlightDesk(tmp_path, first=FIRST) as desk:
        with pytest.raises(FlightError, match="hover"):
            give_command(tmp_path, "hover", None, "shell")
        assert desk.commands() == []


def test_an_answer_is_awaited(tmp_path: Path, desk: FlightDesk) -> None:
    command = give_command(tmp_path, "pause", 2, "shell")
    assert await_answer(tmp_path, command.id, 0.2) is None
    timer = threading.Timer(0.2, desk.answer, [command.id, 2, True, "暂停 paused"])
    timer.start()
    assert await_answer(tmp_path, command.id, 10) == (True, "暂停 paused")
    timer.join()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), count=st.integers(1, 12))
def test_lines_that_come_in_pieces_are_read_whole_once_and_in_order(
    tmp_path: Path, data: st.DataObject, count: int
) -> None:
    """However the bytes arrive, and wherever the reader looks between."""
    (tmp_path / "flight").mkdir(exist_ok=True)
    path = tmp_path / "flight" / "live.jsonl"
    path.write_bytes(b"")
    lines = [
        json.dumps({"n": n, "text": data.draw(st.text(max_size=20))}, ensure_ascii=False).encode(
            errors="replace"
        )
        for n in range(count)
    ]
    whole = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    offset, found = 0, []
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        with path.open("ab") as file:
            file.write(whole[begin:end])
        new, offset = read_live(tmp_path, offset)
        found += new
    assert [line for _, line in found] == lines
    for at, line in found:
        assert whole[:at].endswith(line + b"\n")
    # Whoever went away after any of the lines goes on with the next one.
    for i, (at, _) in enumerate(found):
        assert [line for _, line in read_live(tmp_path, at)[0]] == lines[i + 1 :]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    junk=st.lists(
        st.one_of(
            st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b" ")),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["id", "action", "vehicle", "by", "time"]),
                        inner,
                        max_size=5,
                    )
                ),
                max_leaves=6,
            ).map(lambda value: json.dumps(value).encode()),
        ),
        max_size=6,
    )
)
def test_what_is_no_command_is_passed_over(tmp_path: Path, junk: list[bytes]) -> None:
    with FlightDesk(tmp_path, first=FIRST) as desk:
        path = tmp_path / "flight" / "commands.jsonl"
        with path.open("ab") as file:
            file.write(b"".join(line + b"\n" for line in junk))
        command = give_command(tmp_path, "skip", 1, "shell")
        found = desk.commands()
        assert found[-1] == command
        for each in found:
            assert each.action in ACTIONS
            assert each.vehicle is None or each.vehicle > 0


@pytest.mark.parametrize(
    "row",
    [
        {"id": "a", "action": "pause", "vehicle": 0, "by": "x"},
        {"id": "a", "action": "pause", "vehicle": True, "by": "x"},
        {"id": "a", "action": "pause", "vehicle": 1.0, "by": "x"},
        {"id": "a", "action": ["pause"], "vehicle": 1, "by": "x"},
        {"id": "", "action": "pause", "vehicle": 1, "by": "x"},
        {"id": "a" * 65, "action": "pause", "vehicle": 1, "by": "x"},
        {"id": "a", "action": "take off", "vehicle": 1, "by": "x"},
        {"id": "a", "action": "pause", "by": "x"},
        ["id", "action", "vehicle", "by"],
        7,
    ],
)
def test_a_command_with_a_wrong_field_is_none(tmp_path: Path, desk: FlightDesk, row: Any) -> None:
    path = tmp_path / "flight" / "commands.jsonl"
    path.write_text(json.dumps(row) + "\n")
    assert desk.commands() == []


def test_half_a_command_waits_for_its_end(tmp_path: Path, desk: FlightDesk) -> None:
    path = tmp_path / "flight" / "commands.jsonl"
    line = json.dumps({"id": "a", "action": "pause", "vehicle": None, "by": "x"}) + "\n"
    path.write_text(line[:20])
    assert desk.commands() == []
    with path.open("a") as file:
        file.write(line[20:])
    assert [command.id for command in desk.commands()] == ["a"]


def test_an_offset_beyond_the_end_begins_again(tmp_path: Path) -> None:
    assert read_live(tmp_path, 700) == ([], 0), "no flight yet"
    with FlightDesk(tmp_path, first=FIRST) as desk:
        for n in range(50):
            desk.event(1, 1, None, "info", f"event {n}")
    _, offset = read_live(tmp_path)
    assert read_live(tmp_path, offset) == ([], offset)
    with FlightDesk(tmp_path, first=FIRST):
        pass
    found, again = read_live(tmp_path, offset)
    assert [json.loads(line)["kind"] for _, line in found] == ["flight"]
    assert again < offset


def test_writers_on_many_threads_keep_lines_whole(tmp_path: Path, desk: FlightDesk) -> None:
    def write(vehicle: int) -> None:
        for n in range(300):
            desk.event(vehicle, 1, None, "info", f"{n} " + "水" * (n % 90))

    threads = [threading.Thread(target=write, args=(v,)) for v in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = rows(tmp_path)
    assert [row["n"] for row in found] == list(range(1201))
    for vehicle in range(1, 5):
        said = [row["text"].split()[0] for row in found if row.get("vehicle") == vehicle]
        assert said == [str(n) for n in range(300)]


def test_commanders_in_many_processes_keep_lines_whole(tmp_path: Path, desk: FlightDesk) -> None:
    script = (
        "import sys, pathlib\n"
        "from patrol.flight.desk import give_command\n"
        "for n in range(100):\n"
        "    give_command(pathlib.Path(sys.argv[1]), 'pause', n + 1, sys.argv[2] * 40)\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), by]) for by in "abc"
    ]
    found = []
    deadline = time.monotonic() + 60
    while len(found) < 300 and time.monotonic() < deadline:
        found += desk.commands()
        time.sleep(0.005)
    assert [process.wait(20) for process in processes] == [0, 0, 0]
    for by in "abc":
        mine = [command.vehicle for command in found if command.by == by * 40]
        assert mine == list(range(1, 101))


@pytest.mark.parametrize("short", [True, False])
def test_a_full_disk_is_noted_and_does_not_stop_the_flight(
    tmp_path: Path, desk: FlightDesk, monkeypatch: pytest.MonkeyPatch, short: bool
) -> None:
    """A disk takes part of the line, or nothing of it."""
    write = os.write

    def full(file: int, data: bytes) -> int:
        if short:
            return write(file, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(desk_module.os, "write", full)
    desk.event(1, 1, None, "info", "lost")
    monkeypatch.setattr(desk_module.os, "write", write)
    assert desk.failed is not None
    assert desk.failed.errno == 28
    desk.end("complete", 0, None)
    assert desk.commands() == []
    assert [row["kind"] for row in rows(tmp_path)] == ["flight"]


def test_a_flight_folder_that_cannot_be_written_frees_the_lock(tmp_path: Path) -> None:
    (tmp_path / "flight" / "live.jsonl").mkdir(parents=True)
    with pytest.raises(OSError, match=r"live\.jsonl"):
        FlightDesk(tmp_path, first=FIRST).__enter__()
    assert flight_running(tmp_path) is None
