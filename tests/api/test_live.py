"""A flight as the API tells it: state, stream, commands; and `patrol tell` beside it.

The flights are made up with `FlightDesk`, as `patrol fly` uses it.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asking import Client
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from api.app import create_app
from api.commands import app as shell
from api.commands import tell
from api.routes import live
from api.settings import Settings
from patrol.flight.desk import FlightDesk

URL = "/api/patrols/patrol-1/flight"
START_S = 1779238800.0
FIRST: dict[str, Any] = {
    "patrol": "patrol-1", "simulated": True, "vehicles": 2,
    "sorties": [{"id": i, "launch_site": f"L{i}", "planned_m": 4000.0, "planned_s": 600}
                for i in (1, 2)],
}  # fmt: skip
FLYING = """
import sys, pathlib
from patrol.flight.desk import FlightDesk
with FlightDesk(pathlib.Path(sys.argv[1]), first={"patrol": "p", "vehicles": 1}) as desk:
    print("up", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def application(patrol: Path, district: Path, tmp_path: Path) -> Iterator[FastAPI]:
    settings = Settings(
        area=district, patrols=(patrol,), database=f"sqlite:///{tmp_path / 'cases.db'}",
        console=tmp_path / "none",
    )  # fmt: skip
    made = create_app(settings)
    yield made
    made.state.context.store.close()


@pytest.fixture
def client(application: FastAPI) -> Client:
    return Client(application)


@pytest.fixture
def desk(patrol: Path) -> Iterator[FlightDesk]:
    with FlightDesk(patrol, first=FIRST) as opened:
        yield opened


def at(desk: FlightDesk, vehicle: int, k: int, **other: Any) -> None:
    """The `k`th position of a vehicle that flies a zigzag to the north-east."""
    fields: dict[str, Any] = {
        "lon": 113.46 + 1e-4 * k, "lat": 23.1 + 1e-4 * k + 5e-5 * (k % 2), "above_launch_m": 45.5,
        "yaw_deg": 45.0, "ground_speed_m_s": 8.0, "battery_pct": 87, "mode": "AUTO",
        "armed": True, "item": k, "items": 40, "flown_m": 15.0 * k, "planned_m": 4000.0,
        "recording": k % 2 == 0, "link": "ok",
    }  # fmt: skip
    desk.position(vehicle, vehicle, START_S + k, **fields | other)


def raw(patrol: Path, *lines: bytes) -> None:
    """Write to live.jsonl what no flight would."""
    path = patrol / "flight" / "live.jsonl"
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        file.writelines(line + b"\n" for line in lines)


def problem(answer: Any, status: int, says: str) -> None:
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    assert says in answer.json()["detail"]
    assert "/tmp" not in answer.text, "no path of the server"


# -- the state ---------------------------------------------------------------------------------


def test_before_any_flight(client: Client) -> None:
    answer = client.get(URL)
    assert answer.status_code == 200
    assert answer.json() | {"cursor": ""} == {
        "running": False, "flight": None, "vehicles": [], "events": [], "trails": [], "end": None,
        "quiet_s": None, "cursor": "",
    }  # fmt: skip


def test_a_running_flight(client: Client, patrol: Path, desk: FlightDesk) -> None:
    desk.state(1, 1, None, "checking")
    for k in range(40):
        at(desk, 1, k)
        desk.event(1, 1, START_S + k, "info", f"到达航点 reached item {k}")
        desk.event(None, 1, None, "warning", "阵风 gusts")
    at(desk, 2, 3, battery_pct=None, lon=float("nan"))  # it has no position yet
    desk.state(1, 1, START_S + 40, "paused", "暂停 paused")
    flight = client.get(URL).json()
    assert flight["running"]
    assert flight["end"] is None
    assert flight["quiet_s"] < 60
    assert flight["flight"]["sorties"][1] == {
        "id": 2, "launch_site": "L2", "planned_m": 4000.0, "planned_s": 600.0,
    }  # fmt: skip
    first, second = flight["vehicles"]
    assert first["vehicle"] == 1
    assert first["state"]["state"] == "paused"
    assert first["state"]["time"] == "2026-05-20T01:00:40Z"
    assert first["position"]["item"] == 39
    assert first["position"]["battery_pct"] == 87
    assert second == {"vehicle": 2, "state": None, "position": None}
    assert len(flight["events"]) == 50
    assert flight["events"][-1]["text"] == "阵风 gusts"
    [trail] = flight["trails"]
    assert (trail["vehicle"], trail["sortie"], len(trail["line"])) == (1, 1, 40)
    assert trail["line"][0] == [113.46, 23.1]


def test_a_straight_trail_needs_few_points(client: Client, desk: FlightDesk) -> None:
    for k in range(500):
        at(desk, 1, k, lat=23.1)
    [trail] = client.get(URL).json()["trails"]
    assert trail["line"] == [[113.46, 23.1], [113.5099, 23.1]]


def test_a_flight_that_ended_and_one_that_was_cut_off(client: Client, patrol: Path) -> None:
    with FlightDesk(patrol, first=FIRST) as desk:
        desk.end("complete", 0, 0.998)
    flight = client.get(URL).json()
    assert not flight["running"]
    assert flight["end"] == {"outcome": "complete", "code": 0, "seen_share": 0.998}
    with FlightDesk(patrol, first=FIRST, keep=True) as desk:  # taken over
        at(desk, 1, 1)
    flight = client.get(URL).json()
    assert (flight["running"], flight["end"]) == (False, None)
    assert flight["vehicles"][0]["position"]["item"] == 1


def test_lines_that_are_none_are_passed_over(client: Client, patrol: Path) -> None:
    raw(
        patrol, b"", b"{", b"[]", b"null", b'{"kind": 7}', b'{"kind": "flight", "vehicles": "many"}',
        b'{"kind": "position", "vehicle": [1], "lon": 113, "lat": 23}',
        b'{"kind": "position", "vehicle": 1, "lon": 1e999, "lat": 23}',
        b'{"kind": "position", "vehicle": 1, "lon": "x", "lat": 23}',
        b'{"kind": "position", "vehicle": 1, "sortie": [], "lon": 113, "lat": 23}',
        b'{"kind": "state", "vehicle": 1}', b'{"kind": "event"}', b'{"kind": "end", "code": "x"}',
        b"[" * 100_000, b"\xff\xfe", b'{"kind": "state", "vehicle": 3, "state": "landed"}',
    )  # fmt: skip
    flight = client.get(URL).json()
    assert flight["flight"] is None
    assert flight["end"] is None
    assert flight["trails"] == []
    assert [row["vehicle"] for row in flight["vehicles"]] == [3]


@pytest.mark.parametrize("path", ["flight", "flight/live"])
def test_a_patrol_that_is_not_there(client: Client, path: str) -> None:
    problem(client.get(f"/api/patrols/none/{path}"), 404, "none")


# -- commands ----------------------------------------------------------------------------------


def test_a_command_reaches_the_flight(client: Client, desk: FlightDesk) -> None:
    answer = client.post(f"{URL}/commands", json={"action": "pause", "vehicle": 2})
    assert answer.status_code == 202, answer.text
    answer_all = client.post(f"{URL}/commands", json={"action": "return"})
    first, second = desk.commands()
    assert answer.json() == {"id": first.id, "action": "pause", "vehicle": 2}
    assert (first.action, first.vehicle, first.by) == ("pause", 2, "console")
    assert (second.id, second.vehicle) == (answer_all.json()["id"], None)


def test_a_command_to_nobody(client: Client, patrol: Path) -> None:
    body = {"action": "pause", "vehicle": 1}
    problem(client.post("/api/patrols/none/flight/commands", json=body), 404, "none")
    problem(client.post(f"{URL}/commands", json=body), 409, "no flight")
    with FlightDesk(patrol, first=FIRST) as desk:
        desk.end("complete", 0, None)
    problem(client.post(f"{URL}/commands", json=body), 409, "no flight")
    assert not (patrol / "flight" / "commands.jsonl").exists()


@pytest.mark.parametrize(
    "body",
    [
        {}, {"action": "hover"}, {"action": ["land"]}, {"action": "land", "vehicle": 0},
        {"action": "land", "vehicle": "1"}, {"action": "land", "vehicle": 1.5},
        {"action": "land", "vehicle": True}, {"action": "land", "vehicle": 10**30},
        {"action": "land", "by": "me"}, [], "land",
    ],
)  # fmt: skip
def test_a_wrong_command_is_refused(client: Client, desk: FlightDesk, body: Any) -> None:
    problem(client.post(f"{URL}/commands", json=body), 422, "")
    assert desk.commands() == []


def test_another_sites_page_cannot_command(client: Client, desk: FlightDesk) -> None:
    body = {"action": "land"}
    headers = {"origin": "https://evil.example"}
    problem(client.post(f"{URL}/commands", json=body, headers=headers), 403, "evil")
    answer = client.post(f"{URL}/commands", content=json.dumps(body))
    problem(answer, 415, "json")
    assert desk.commands() == []


def test_a_command_that_cannot_be_written(client: Client, patrol: Path, desk: FlightDesk) -> None:
    (patrol / "flight" / "commands.jsonl").mkdir()
    problem(client.post(f"{URL}/commands", json={"action": "land"}), 503, "remote")


# -- the stream --------------------------------------------------------------------------------


class Stream:
    """What the server sends to one client; `leave` hangs up."""

    def __init__(self) -> None:
        self.bytes = b""
        self.headers: dict[str, str] = {}
        self.status = 0
        self.gone = asyncio.Event()
        self.finished = asyncio.Event()
        self._read = 0

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        self.bytes += message.get("body", b"")

    async def events(self, count: int, *, but: str = "running") -> list[dict[str, Any]]:
        """The next events of other kinds than `but`."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + 20
        while len(found) < count:
            assert time.monotonic() < deadline, (found, self.bytes[-500:])
            end = self.bytes.find(b"\n\n", self._read)
            if end < 0:
                await asyncio.sleep(0.02)
                continue
            block, self._read = self.bytes[self._read : end].decode(), end + 2
            fields = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
            if "data" in fields and fields["event"] != but:
                found.append({**fields, "data": json.loads(fields["data"])})
        return found


@asynccontextmanager
async def listening(app: FastAPI, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    stream = Stream()
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "method": "GET", "scheme": "http", "path": f"{URL}/live", "raw_path": b"", "root_path": "",
        "query_string": query.encode(), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        "headers": [(b"host", b"127.0.0.1:8000"),
                    *((k.replace("_", "-").encode(), v.encode()) for k, v in headers.items())],
    }  # fmt: skip

    async def answer() -> None:
        await app(scope, stream.receive, stream.send)
        stream.finished.set()

    task = asyncio.create_task(answer())
    try:
        yield stream
    finally:
        stream.gone.set()
        await asyncio.wait_for(task, 5)


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scene())


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in events]


def test_lines_are_sent_as_they_are_written(application: FastAPI, desk: FlightDesk) -> None:
    async def scene() -> None:
        async with listening(application) as stream:
            [flight] = await stream.events(1)
            assert flight["event"] == "flight"
            assert flight["data"]["vehicles"] == 2
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert stream.headers["cache-control"] == "no-store"
            assert "content-security-policy" in stream.headers
            at(desk, 1, 1)
            desk.event(1, 1, None, "warning", "电量低\r\ndata: forged\n\nlow battery")
            position, event = await stream.events(2)
            assert position["data"]["item"] == 1
            assert event["data"]["text"] == "电量低\r\ndata: forged\n\nlow battery"
            desk.end("complete", 0, None)
            assert kinds(await stream.events(1)) == ["end"]

    play(scene)


@pytest.mark.parametrize("how", ["header", "query", "bare"])
def test_it_goes_on_where_the_client_was(application: FastAPI, desk: FlightDesk, how: str) -> None:
    for k in range(6):
        desk.event(1, 1, None, "info", f"event {k}")

    async def scene() -> None:
        async with listening(application) as stream:
            seen = await stream.events(4)
        place = seen[-1]["id"]
        if how == "header":  # it is what a browser says when it comes again: later than `after`
            again = listening(application, "after=0", last_event_id=place)
        else:
            again = listening(application, f"after={place if how == 'query' else place[:-9]}")
        async with again as stream:
            rest = await stream.events(3)
        assert [event["data"]["n"] for event in seen + rest] == list(range(7))

    play(scene)


@pytest.mark.parametrize("place", ["x", "-", "7", "99999999", "1e3", "٣", "9" * 30])
def test_a_place_that_is_none_begins_at_the_beginning(
    application: FastAPI, desk: FlightDesk, place: str
) -> None:
    async def scene() -> None:
        from urllib.parse import quote

        async with listening(application, f"after={quote(place)}") as stream:
            assert kinds(await stream.events(1)) == ["flight"]

    play(scene)


def test_the_state_says_where_the_stream_goes_on(
    application: FastAPI, client: Client, desk: FlightDesk
) -> None:
    at(desk, 1, 1)
    cursor = client.get(URL).json()["cursor"]
    at(desk, 1, 2)

    async def scene() -> None:
        async with listening(application, f"after={cursor}") as stream:
            [position] = await stream.events(1)
            assert position["data"]["item"] == 2

    play(scene)


def test_another_flight_begins(application: FastAPI, patrol: Path) -> None:
    """Also where its file is as long by then as the one before: the place is of another flight."""

    async def scene() -> None:
        with FlightDesk(patrol, first=FIRST) as desk:
            for k in range(5):
                desk.event(1, 1, None, "info", f"event {k}")
            async with listening(application) as stream:
                before = await stream.events(6)
                desk.__exit__(None, None, None)
                with FlightDesk(patrol, first=FIRST) as later:
                    for k in range(9):
                        later.event(1, 1, None, "info", f"event {k}")
                    now = await stream.events(10)
                    assert [event["data"]["n"] for event in now] == list(range(10))
                    assert now[0]["data"]["id"] != before[0]["data"]["id"]
        async with listening(application, last_event_id=before[2]["id"]) as stream:
            assert kinds(await stream.events(1)) == ["flight"]

    play(scene)


def test_half_a_line_waits_for_its_end(application: FastAPI, patrol: Path) -> None:
    async def scene() -> None:
        raw(patrol, b'{"kind": "event", "n": 0}')
        with (patrol / "flight" / "live.jsonl").open("ab", buffering=0) as file:
            file.write(b'{"kind": "event", ')
            async with listening(application) as stream:
                await stream.events(1)
                await asyncio.sleep(0.6)
                file.write(b'"n": 1}\n{"kind": "noise"}\nno line\n{"kind": "event", "n": 2}\n')
                assert [event["data"]["n"] for event in await stream.events(2)] == [1, 2]

    play(scene)


def test_who_has_much_to_catch_up_with_is_told_the_last_positions_only(
    application: FastAPI, desk: FlightDesk
) -> None:
    for k in range(400):
        at(desk, 1 + k % 2, k)
        if k % 100 == 0:
            desk.event(1, 1, None, "info", f"event {k}")
    desk.state(1, 1, None, "landed")

    async def scene() -> None:
        async with listening(application) as stream:
            told = await stream.events(8)
            assert kinds(told) == ["flight", *["event"] * 4, *["position"] * 2, "state"]
            assert [event["data"]["item"] for event in told[5:7]] == [398, 399]
            at(desk, 1, 400)
            assert (await stream.events(1))[0]["data"]["item"] == 400

    play(scene)


def test_it_says_whether_the_flight_runs(application: FastAPI, patrol: Path) -> None:
    """Also where its process is killed, which tells nothing any more."""

    async def scene() -> None:
        async with listening(application) as stream:
            [first] = await stream.events(1, but="")
            assert first["data"] == {"running": False, "quiet_s": None}
            assert "id" not in first
            process = subprocess.Popen(
                [sys.executable, "-c", FLYING, str(patrol)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
            try:
                running, *_ = [e for e in await stream.events(2, but="") if e["event"] == "running"]
                assert running["data"]["running"]
                [again] = await stream.events(1, but="")  # and that goes on
                assert again["data"]["running"]
                assert again["data"]["quiet_s"] > 1
            finally:
                process.kill()
                process.communicate()
            while (last := (await stream.events(1, but=""))[0])["data"]["running"]:
                pass
            assert last["event"] == "running"

    play(scene)


def test_a_silent_stream_is_kept_alive(
    application: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_KEEP_ALIVE_S", 0.3)

    async def scene() -> None:
        async with listening(application) as stream:
            await asyncio.sleep(1.2)
            assert stream.bytes.count(b": keep-alive\n\n") >= 2
            stream.gone.set()
            await asyncio.wait_for(stream.finished.wait(), 2)

    play(scene)


def test_it_ends_when_the_server_does(application: FastAPI, desk: FlightDesk) -> None:
    async def scene() -> None:
        async with listening(application) as stream:
            await stream.events(1)
            application.state.stopping.set()
            await asyncio.wait_for(stream.finished.wait(), 2)

    play(scene)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_with_listeners_stops_at_once(
    patrol: Path, district: Path, desk: FlightDesk, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "api", "serve", "--area", str(district), "--patrols", str(patrol),
         "--port", "0", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    connections: list[http.client.HTTPConnection] = []
    try:
        assert process.stdout is not None
        port = int(json.loads(process.stdout.readline())["url"].rpartition(":")[2])
        connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=20) for _ in range(5)]
        for connection in connections:
            connection.request("GET", f"{URL}/live")
        listeners = [connection.getresponse() for connection in connections]
        for listener in listeners:
            assert listener.status == 200
            while listener.readline() != b"event: flight\n":
                pass
        process.send_signal(number)
        started = time.monotonic()
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
        assert time.monotonic() - started < 5
        for listener in listeners:
            listener.read()  # to its end
    finally:
        for connection in connections:
            connection.close()
        process.kill()
        process.communicate()


# -- patrol tell -------------------------------------------------------------------------------


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(shell, ["tell", *map(str, words)], catch_exceptions=False)


@pytest.fixture
def obedient(desk: FlightDesk) -> Iterator[FlightDesk]:
    """A flight with two vehicles, of which the second has landed and refuses everything."""
    stopped = threading.Event()

    def heed() -> None:
        while not stopped.wait(0.05):
            for command in desk.commands():
                for vehicle in (1, 2):
                    if command.vehicle in (None, vehicle):
                        text = "paused" if vehicle == 1 else "the flight is over"
                        desk.answer(command.id, command.vehicle, vehicle == 1, text)

    thread = threading.Thread(target=heed)
    thread.start()
    yield desk
    stopped.set()
    thread.join()


def test_tell_gives_a_command_and_prints_the_answer(patrol: Path, obedient: FlightDesk) -> None:
    done = run(patrol, "pause", "--vehicle", "1")
    assert (done.exit_code, done.stdout) == (0, "已执行 done: paused\n")
    done = run(patrol, "pause", "--json")
    assert done.exit_code == 0
    result = json.loads(done.stdout)
    assert (result["obeyed"], result["refused"]) == (["paused"], ["the flight is over"])
    done = run(patrol, "land", "--vehicle", "2")
    assert done.exit_code == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert "the flight is over" in line


def test_tell_does_not_wait_for_ever(
    patrol: Path, desk: FlightDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tell, "_ANSWER_S", 0.3)
    done = run(patrol, "land")
    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert "no answer" in line
    assert [command.action for command in desk.commands()] == ["land"], "it stands"


@pytest.mark.parametrize("action", ["pause", "status"])
def test_tell_with_no_flight_is_one_line(patrol: Path, action: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api", "tell", str(patrol), action], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert str(patrol) in line


def test_tell_status(patrol: Path, desk: FlightDesk) -> None:
    desk.state(1, 1, START_S, "mission")
    at(desk, 1, 20, link="silent")
    done = run(patrol, "status")
    assert done.exit_code == 0
    first, second, third = done.stdout.splitlines()
    assert "flying" in first
    assert "执行航线 mission" in second
    assert "87 %" in second
    assert "0.30 of 4.00 km" in second
    assert "no contact" in second
    assert "vehicle 2: 待命 waits" in third
    [only] = json.loads(run(patrol, "status", "--vehicle", "1", "--json").stdout)["vehicles"]
    assert only["position"]["mode"] == "AUTO"
    assert run(patrol, "status", "--vehicle", "9").exit_code == 1
    desk.end("complete", 0, 0.998)
    desk.__exit__(None, None, None)
    assert "ended: complete; 99.8 %" in run(patrol, "status").stdout
