"""The JSON API and what is around it, over a real database and real patrol folders."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import Client
from made_up import (
    NOW,
    SIGHTINGS,
    collection,
    feature,
    lonlat,
    make_district,
    make_patrol_folder,
    write,
)
from shapely.geometry import LineString

from api.app import create_app
from api.intake import District, Sightings, open_cases
from api.settings import Settings
from dispatch.store import Store
from dispatch.values import parse_time
from geo.coordinates import LocalProjection, LonLat
from geo.errors import PatrolError
from patrol.plan import (
    BankCoverage,
    Certificate,
    Flight,
    Lane,
    LaunchSite,
    Operation,
    Plan,
    Reach,
    Sortie,
    Waypoint,
)
from patrol.planning.settings import PlanSettings
from patrol.rivers import River
from patrol.telemetry import Telemetry

START = parse_time(NOW, "now")
FIRST = "LG-20260520-0001"


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> Any:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def intake(folder: Path, district: Path, patrol: Path) -> Settings:
    url = f"sqlite:///{folder / 'cases.db'}"
    with Store.open(url) as store:
        open_cases(Sightings.read(patrol), District.read(district), store, now=START)
    return Settings(area=district, patrols=(patrol,), database=url, console=folder / "none")


@pytest.fixture
def settings(patrol: Path, district: Path, tmp_path: Path) -> Settings:
    return intake(tmp_path, district, patrol)


@pytest.fixture
def client(settings: Settings, clock: Clock) -> Iterator[Client]:
    with Client(create_app(settings, clock)) as opened:
        yield opened


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client for tests that change nothing, or try to and must not succeed."""
    folder = tmp_path_factory.mktemp("unchanged")
    patrol = make_patrol_folder(folder / "patrol-1", SIGHTINGS)
    (patrol / "evidence" / "link.jpg").symlink_to(patrol / "sightings.geojson")
    (patrol / "evidence" / ".hidden.jpg").write_bytes(b"x")
    (patrol / "evidence" / "notes.txt").write_bytes(b"x")
    settings = intake(folder, make_district(folder / "district"), patrol)
    with Client(create_app(settings, Clock())) as opened:
        head = opened.get("/api/ledger/verify").json()
        yield opened
        assert opened.get("/api/ledger/verify").json() == head


def problem(answer: Any, status: int, says: str) -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert list(body) == ["detail"]
    assert "\n" not in body["detail"]
    assert says in body["detail"]


def test_health_and_area(unchanged: Client) -> None:
    assert unchanged.get("/api/health").json()["status"] == "ok"
    area = unchanged.get("/api/area").json()
    assert set(area["layers"]) == {
        "rivers", "communities", "grids", "management_zones", "permitted_structures",
        "launch_sites", "no_fly_zones",
    }  # fmt: skip
    assert area["layers"]["rivers"]["features"][0]["properties"]["name"] == "中心涌"
    west, south, east, north = area["bounds"]
    assert west < 113.46 < east
    assert south < 23.1 < north
    assert area["departments"][1]["handles"] == ["structure"]


def test_cases_are_listed_filtered_and_paged(unchanged: Client) -> None:
    page = unchanged.get("/api/cases").json()
    assert (page["total"], len(page["items"])) == (4, 4)
    assert [row["number"][-1] for row in page["items"]] == ["4", "3", "2", "1"]
    assert unchanged.get("/api/cases?limit=1&offset=3").json()["items"][0]["number"] == FIRST
    assert unchanged.get("/api/cases?offset=9").json()["items"] == []
    [row] = unchanged.get("/api/cases?class=structure&state=dispatched").json()["items"]
    assert row["sighting"] == "S0003"
    assert row["order"]["department_name"] == "区城管执法局"
    [unsure] = unchanged.get("/api/cases?state=reported").json()["items"]
    assert unsure["to_review"]
    assert unsure["order"] is None
    west = unchanged.get("/api/cases?community=440112012001").json()
    assert {row["sighting"] for row in west["items"]} == {"S0001", "S0006"}
    assert unchanged.get("/api/cases?patrol=elsewhere").json()["total"] == 0


@pytest.mark.parametrize(
    ("query", "says"),
    [("state=lost", "state"), ("class=noise", "class"), ("limit=0", "limit"), ("limit=x", "limit"),
     ("offset=-1", "offset"), ("limit=99999999999999999999", "limit")],
)  # fmt: skip
def test_a_wrong_filter_is_one_line(unchanged: Client, query: str, says: str) -> None:
    problem(unchanged.get(f"/api/cases?{query}"), 422, says)


def test_a_case_with_its_report_order_and_events(unchanged: Client) -> None:
    case = unchanged.get(f"/api/cases/{FIRST}").json()
    assert case["report"]["class"] == case["class"] == "outfall"
    assert case["report"]["ellipse"]["semi_major_m"] == pytest.approx(4.9, abs=0.01)
    assert case["order"]["accept_by"] == "2026-05-21T03:00:00Z"
    assert [event["step"] for event in case["events"]] == ["report", "register", "dispatch"]
    assert case["events"][1]["previous"] == case["events"][0]["hash"]
    assert case["allowed_steps"] == ["accept", "return"]
    picture = unchanged.get(case["evidence_url"])
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8")
    problem(unchanged.get("/api/cases/LG-1"), 404, "LG-1")
    problem(unchanged.get("/api/cases/x'; DROP TABLE cases;--"), 404, "no case")


def test_a_case_from_order_to_closed(client: Client, clock: Clock) -> None:
    for hours, step, state in [
        (1, "accept", "accepted"),
        (30, "handle", "handled"),
        (50, "verify", "verified"),
        (51, "close", "closed"),
    ]:
        clock.now = START + timedelta(hours=hours)
        answer = client.post(f"/api/cases/{FIRST}/{step}", json={"actor": "王 <b>", "note": "好"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == state
    case = client.get(f"/api/cases/{FIRST}").json()
    assert case["order"]["accepted_at"] == "2026-05-20T04:00:00Z"
    assert not case["order"]["late"]
    assert case["events"][-1]["details"] == {"note": "好"}
    assert case["events"][-1]["actor"] == "王 <b>"
    assert case["allowed_steps"] == []
    problem(client.post(f"/api/cases/{FIRST}/accept", json={"actor": "王"}), 409, "closed")
    assert client.get("/api/ledger/verify").json()["ok"]


def test_returned_with_a_reason_and_ordered_again(client: Client) -> None:
    problem(client.post(f"/api/cases/{FIRST}/return", json={"actor": "王"}), 422, "reason")
    problem(
        client.post(f"/api/cases/{FIRST}/return", json={"actor": "王", "reason": " "}),
        422,
        "reason",
    )
    body = {"actor": "王", "reason": "属规划"}
    assert client.post(f"/api/cases/{FIRST}/return", json=body).json()["state"] == "returned"
    wrong = client.post(f"/api/cases/{FIRST}/dispatch", json={"actor": "李", "department": "X"})
    problem(wrong, 422, "WATER, PLAN")
    case = client.post(
        f"/api/cases/{FIRST}/dispatch", json={"actor": "李", "department": "PLAN"}
    ).json()
    assert case["order"]["number"] == f"{FIRST}-2"
    assert case["order"]["department"] == "PLAN"


def test_a_reviewer_registers_what_was_unsure(client: Client) -> None:
    number = "LG-20260520-0004"
    problem(client.post(f"/api/cases/{number}/dispatch", json={"actor": "李"}), 409, "register")
    client.post(f"/api/cases/{number}/register", json={"actor": "李"})
    case = client.post(f"/api/cases/{number}/dispatch", json={"actor": "李"}).json()
    assert case["order"]["department"] == "WATER"


def test_overdue_as_of_now(client: Client, clock: Clock) -> None:
    assert client.get("/api/summary").json()["overdue"] == 0
    clock.now = START + timedelta(hours=24, seconds=1)
    summary = client.get("/api/summary").json()
    assert summary["overdue"] == 3
    assert summary["by_state"]["dispatched"] == 3
    assert summary["to_review"] == 1
    assert {row["name"]: row["overdue"] for row in summary["by_department"]} == {
        "区水务局": 2, "区城管执法局": 1, "未派单 none yet": 0,
    }  # fmt: skip
    assert client.get(f"/api/cases/{FIRST}").json()["overdue"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"actor": ""}, 422),
        ({"actor": "王" * 101}, 422),
        ({"actor": 7}, 422),
        ({"actor": "王", "state": "closed"}, 422),
        ({"actor": "王", "note": "x" * 2001}, 422),
        ({"actor": "王\u0000"}, 409),
        ([], 422),
        ("accept", 422),
    ],
)
def test_a_wrong_body_changes_nothing(unchanged: Client, body: Any, status: int) -> None:
    problem(unchanged.post(f"/api/cases/{FIRST}/accept", json=body), status, "")


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"content-type": "application/json"}, b"{", 422),
        ({"content-type": "application/json"}, b'{"actor": "\\ud800"}', 422),
        ({"content-type": "application/json"}, b"[" * 100_000, 400),
        ({"content-type": "text/plain"}, b'{"actor": "x"}', 415),
        ({}, b'{"actor": "x"}', 415),
        ({"content-type": "application/json", "origin": "https://evil.example"}, b'{"actor": "x"}', 403),
        ({"content-type": "application/json", "origin": "null"}, b'{"actor": "x"}', 403),
        ({"content-type": "application/json", "origin": "http://127.0.0.1:9"}, b'{"actor": "x"}', 403),
        ({"content-type": "application/json", "origin": "http://127.0.0.1:8000"}, b'{"actor": ""}', 422),
    ],
)  # fmt: skip
def test_what_another_site_could_post(
    unchanged: Client, headers: dict[str, str], content: bytes, status: int
) -> None:
    answer = unchanged.post(f"/api/cases/{FIRST}/accept", content=content, headers=headers)
    assert answer.status_code == status, answer.text


def test_a_foreign_host_name_is_refused(unchanged: Client) -> None:
    assert unchanged.get("/api/health", headers={"host": "evil.example"}).status_code == 400


def test_every_answer_carries_the_security_headers(unchanged: Client) -> None:
    for path in ("/", "/api/health", "/api/none", "/api/cases?limit=x"):
        headers = unchanged.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "worker-src 'self' blob:" in policy
        assert "script-src 'self';" in policy, "no inline script"
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


# -- patrol folders ----------------------------------------------------------------------------


def fly(patrol: Path) -> None:
    """A recording of 200 moments along the river."""
    points = np.array([lonlat(0, north) for north in np.linspace(-400, 400, 200)])
    flat = np.zeros(200)
    Telemetry(
        START.timestamp() + np.arange(200.0), points[:, 0], points[:, 1], flat + 47.7, flat + 67.7,
        flat + 8, flat, flat, flat, flat, flat - 90, flat, np.linspace(100, 60, 200),
        np.arange(200), flat > 1,
    ).write(patrol / "flight" / "sortie-01.parquet")  # fmt: skip


def plan(patrol: Path) -> None:
    """A plan of one lane up the river and back, by the program's own writer."""
    along = [lonlat(0, -400), lonlat(0, 400)]
    down, up = (LonLat(*point) for point in along)
    lane = Lane("R1-1", "R1", "centre", 0.0, 800.0, LineString(along), 8.0)
    waypoints = (
        Waypoint(down, 47.7, "lane", lane.id),
        Waypoint(up, 47.7, "lane", lane.id),
        Waypoint(down, 47.7, "transit"),
    )
    launch, projection = LonLat(*lonlat(100, 0)), LocalProjection(down)
    sortie = Sortie(1, "L1", launch, 2400.0, 320.0, 20.0, waypoints)
    line = LineString(along)
    Plan(
        area="district",
        settings=PlanSettings(),
        projection=projection,
        rivers=(
            River("R1", "中心涌", "Zhongxin", 20.0, line, LineString(projection.forward(along))),
        ),
        launch_sites=(LaunchSite("L1", "起降点", "Site", launch),),
        no_fly_zones=(),
        reaches=(Reach("R1", 0.0, 800.0),),
        lanes=(lane,),
        sorties=(sortie,),
        certificate=Certificate((BankCoverage("R1", "left", 0.0, 800.0, 800.0, 776.0),), (), 1.0),
        operation=Operation(
            320.0, 320.0, "one sortie", 320.0, 120.0, 0.0, (Flight(1, 1, 1, "L1", 0.0, 320.0),)
        ),
    ).write(patrol)


def test_a_patrol_from_planned_to_analysed(client: Client, patrol: Path) -> None:
    [row] = client.get("/api/patrols").json()
    assert (row["id"], row["planned"], row["flown"], row["analysed"]) == (
        "patrol-1", False, False, True,
    )  # fmt: skip
    assert (row["sightings"], row["cases"]) == (6, 4)
    url = "/api/patrols/patrol-1"
    assert client.get(url).json()["plan"] is None
    problem(client.get(f"{url}/lanes.geojson"), 404, "lanes.geojson")
    assert client.get(f"{url}/track.geojson").json()["features"] == []

    plan(patrol)
    write(
        patrol / "lanes.geojson", collection([feature("LineString", [lonlat(0, 0), lonlat(0, 9)])])
    )
    fly(patrol)
    detail = client.get(url).json()
    assert detail["planned"]
    assert detail["flown"]
    assert detail["plan"]["lanes"] == 1
    assert detail["plan"]["coverage_share"] == 0.97
    assert detail["plan"]["sorties"][0]["waypoints"] == 3
    assert len(client.get(f"{url}/lanes.geojson").json()["features"]) == 1
    [track] = client.get(f"{url}/track.geojson").json()["features"]
    assert track["properties"]["sortie"] == "sortie-01"
    assert 2 <= len(track["geometry"]["coordinates"]) < 20, "a straight flight needs few points"
    assert track["geometry"]["coordinates"][0] == pytest.approx(lonlat(0, -400), abs=1e-6)
    seen = client.get(f"{url}/sightings.geojson")
    assert seen.headers["content-type"] == "application/geo+json"
    assert len(seen.json()["features"]) == 6
    problem(client.get("/api/patrols/none"), 404, "none")


def test_broken_files_of_a_patrol_do_not_break_the_list(client: Client, patrol: Path) -> None:
    (patrol / "plan.json").write_text("{")
    (patrol / "flight").mkdir()
    (patrol / "flight" / "sortie-01.parquet").write_bytes(b"PAR1")
    (patrol / "sightings.geojson").write_text("{}")
    [row] = client.get("/api/patrols").json()
    assert (row["planned"], row["analysed"]) == (True, False)
    assert client.get("/api/patrols/patrol-1").json()["plan"] is None
    answer = client.get("/api/patrols/patrol-1/track.geojson")
    problem(answer, 503, "log")
    assert str(patrol) not in answer.text


@pytest.mark.parametrize(
    "name",
    [
        "..%2Fsightings.geojson",
        "..%2F..%2F..%2F..%2Fetc%2Fpasswd",
        "%2Fetc%2Fpasswd",
        ".hidden.jpg",
        "link.jpg",
        "S0001.jpg%00.png",
        "S0001.JPG/",
        "none.jpg",
        "notes.txt",
        "..%5Csightings.geojson",
    ],
)
def test_nothing_but_evidence_comes_out(unchanged: Client, name: str) -> None:
    answer = unchanged.get(f"/api/patrols/patrol-1/evidence/{name}", follow_redirects=False)
    assert answer.status_code in (404, 307), answer.text
    assert b"FeatureCollection" not in answer.content


def test_a_folder_of_patrols(
    make_patrol: Callable[..., Path], settings: Settings, tmp_path: Path
) -> None:
    make_patrol(SIGHTINGS[:1], "all/monday")
    make_patrol(SIGHTINGS[:1], "all/tuesday")
    for day in ("monday", "tuesday"):  # the member is a plain name
        path = tmp_path / "all" / day / "sightings.geojson"
        document = json.loads(path.read_text(encoding="utf-8"))
        write(path, document | {"patrol": day})
    both = settings.model_copy(update={"patrols": (tmp_path / "all",)})
    with Client(create_app(both)) as client:
        assert {row["id"] for row in client.get("/api/patrols").json()} == {"monday", "tuesday"}


# -- the console -------------------------------------------------------------------------------


def test_a_console_that_is_not_built_says_how(unchanged: Client) -> None:
    page = unchanged.get("/")
    assert page.status_code == 200
    assert "make setup" in page.text


def test_a_built_console_is_served(settings: Settings, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<title>console</title>")
    (dist / "assets" / "app.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    built = settings.model_copy(update={"console": dist})
    with Client(create_app(built)) as client:
        assert "console" in client.get("/").text
        assert "javascript" in client.get("/assets/app.js").headers["content-type"]
        problem(client.get("/cases/none"), 404, "")
        assert client.get("/assets/none.js").status_code == 404
        problem(client.get("/api/none"), 404, "")
        assert client.get("/api/health").json()["status"] == "ok"
        for path in ("/..%2Fsecret.txt", "/%2e%2e/secret.txt", "//etc/passwd"):
            assert "secret" not in client.get(path).text


def test_the_openapi_is_complete_and_served(unchanged: Client) -> None:
    document = unchanged.get("/api/openapi.json").json()
    assert "/api/cases/{number}/accept" in document["paths"]
    case = document["components"]["schemas"]["CaseSummary"]["properties"]
    assert "class" in case
    assert "violation" not in case
    assert unchanged.get("/docs").status_code == 404


@pytest.mark.parametrize("name", ["rivers.geojson", "departments.json", "grids.geojson"])
def test_a_broken_area_stops_the_start_with_one_line(settings: Settings, name: str) -> None:
    (settings.area / name).write_text("{")
    with pytest.raises(PatrolError, match=name) as caught:
        create_app(settings)
    assert "\n" not in str(caught.value)
