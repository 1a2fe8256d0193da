"""From sightings to cases: `patrol open-cases` as a person calls it, and what it refuses."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up import NOW, SIGHTINGS, collection, lonlat, sighting, write
from typer.testing import CliRunner, Result

from api.commands import app
from api.intake import District, Sightings, open_cases
from dispatch.store import Store
from dispatch.values import parse_time
from geo.errors import PatrolError

MakePatrol = Callable[..., Path]


def run(patrol: Path, district: Path, *words: str) -> Result:
    return CliRunner().invoke(
        app, ["open-cases", str(patrol), "--area", str(district), "--now", NOW, *words]
    )


def cases(patrol: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((patrol / "cases.json").read_text(encoding="utf-8"))
    return document


def refused(result: Result, names: str) -> None:
    assert isinstance(result.exception, PatrolError), result.output
    line = str(result.exception)
    assert "\n" not in line
    assert names in line


def test_every_violation_gets_its_case_and_order(patrol: Path, district: Path) -> None:
    result = run(patrol, district)
    assert result.exit_code == 0, result.output
    assert "LG-20260520-0001" in result.stdout
    assert "区水务局" in result.stdout
    document = cases(patrol)
    rows = {row["sighting"]: row for row in document["cases"]}
    assert sorted(rows) == ["S0001", "S0002", "S0003"]
    assert [row["number"] for row in rows.values()] == [f"LG-20260520-000{i}" for i in (1, 2, 3)]
    assert [rows[s]["order"]["department"] for s in sorted(rows)] == ["WATER", "WATER", "PLAN"]
    assert {row["order"]["accept_by"] for row in rows.values()} == {"2026-05-21T03:00:00Z"}
    assert rows["S0001"]["communities"][0]["name"] == "西社区"
    assert rows["S0002"]["communities"] == [
        {"code": "440112012002", "name": "东社区", "probability": 1.0}
    ]
    assert [rows[s]["grid"] for s in sorted(rows)] == ["G1", "G3", "G2"]
    assert rows["S0001"]["river_name"] == "中心涌"


def test_a_structure_is_suspected_only_where_the_map_says_so(patrol: Path, district: Path) -> None:
    run(patrol, district)
    dismissed = {row["sighting"]: row["reason"] for row in cases(patrol)["dismissed"]}
    assert sorted(dismissed) == ["S0004", "S0005"]
    assert "P1" in dismissed["S0004"]


def test_what_is_unsure_waits_for_a_reviewer(patrol: Path, district: Path) -> None:
    run(patrol, district)
    [row] = cases(patrol)["to_review"]
    assert (row["sighting"], row["state"], row["order"]) == ("S0006", "reported", None)
    with Store.open(f"sqlite:///{patrol / 'river-patrol.db'}") as store:
        _, entries = store.case("LG-20260520-0001")
        steps = [(e.event.step.value, e.event.actor) for e in entries]
        assert steps == [("report", "auto"), ("register", "auto"), ("dispatch", "auto")]
        assert entries[1].event.details["rule"] == "confidence 0.900 >= 0.500"
        assert store.verify().ok


def test_a_lower_bar_registers_more(patrol: Path, district: Path) -> None:
    run(patrol, district, "--register-from", "0.3")
    assert len(cases(patrol)["cases"]) == 4


@pytest.mark.parametrize(
    ("east_m", "west", "tolerance"),
    [(0.0, 0.5, 0.01), (2.0, 0.1587, 0.01), (-2.0, 0.8413, 0.01), (4.0, 0.0228, 0.005)],
)
def test_probability_where_the_ellipse_crosses_a_border(
    make_patrol: MakePatrol, district: Path, east_m: float, west: float, tolerance: float
) -> None:
    """One standard deviation is 2 m, so the normal distribution's table says how much is west."""
    patrol = make_patrol([sighting("S0001", "outfall", east_m, -50)])
    assert run(patrol, district).exit_code == 0
    shares = {s["name"]: s["probability"] for s in cases(patrol)["cases"][0]["communities"]}
    assert shares["西社区"] == pytest.approx(west, abs=tolerance)
    assert sum(shares.values()) == pytest.approx(1.0, abs=0.005)
    assert cases(patrol)["cases"][0]["communities"][0]["probability"] == max(shares.values())


def test_a_long_ellipse_along_the_border_stays_on_its_side(
    make_patrol: MakePatrol, district: Path
) -> None:
    along = sighting("S0001", "outfall", 4, 0, covariance_m2=[[1.0, 0.0], [0.0, 400.0]])
    across = sighting("S0002", "outfall", 4, 100, covariance_m2=[[400.0, 0.0], [0.0, 1.0]])
    patrol = make_patrol([along, across])
    run(patrol, district)
    first, second = cases(patrol)["cases"]
    assert first["communities"][0] == {"code": "440112012002", "name": "东社区", "probability": 1.0}
    assert second["communities"][0]["probability"] == pytest.approx(0.579, abs=0.02)


@pytest.mark.parametrize(
    ("violation", "east_m", "kept"),
    [
        ("floating_waste", 9, True), ("floating_waste", 20, False), ("discharge", 20, False),
        ("outfall", 15, True), ("outfall", 30, False),
    ],
)  # fmt: skip
def test_what_belongs_in_the_water_is_dismissed_on_land(
    make_patrol: MakePatrol, district: Path, violation: str, east_m: float, kept: bool
) -> None:
    patrol = make_patrol([sighting("S0001", violation, east_m, 0)])
    assert run(patrol, district).exit_code == 0
    assert len(cases(patrol)["cases"]) == kept
    assert len(cases(patrol)["dismissed"]) == (not kept)


def test_outside_every_community_is_said(make_patrol: MakePatrol, district: Path) -> None:
    sure = {"covariance_m2": [[1.0, 0.0], [0.0, 1.0]]}
    patrol = make_patrol([sighting("S0001", "outfall", 0, 510, **sure)])  # where the river ends
    assert run(patrol, district).exit_code == 0
    assert cases(patrol)["cases"][0]["communities"] == [
        {"code": None, "name": "区外 outside", "probability": 1.0}
    ]


def test_a_second_intake_opens_nothing_and_writes_the_same(patrol: Path, district: Path) -> None:
    run(patrol, district)
    before = (patrol / "cases.json").read_bytes()
    again = run(patrol, district, "--now", "2026-06-01T00:00:00Z", "--json")
    result = json.loads(again.stdout)
    assert result["opened"] == []
    assert len(result["known"]) == 4
    assert (patrol / "cases.json").read_bytes() == before


def test_analysed_again_with_one_more(make_patrol: MakePatrol, district: Path) -> None:
    """Numbered anew, a little moved, one thing more: only that one gets a case."""
    run(make_patrol(SIGHTINGS[:2]), district)
    moved = [
        sighting("S0001", "floating_waste", 3, -200),
        sighting("S0002", "outfall", -8.4, 0.3),
        sighting("S0003", "discharge", 7.2, 50.2),
    ]
    result = json.loads(run(make_patrol(moved), district, "--json").stdout)
    assert result["known"] == ["LG-20260520-0001", "LG-20260520-0002"]
    assert result["opened"] == ["LG-20260520-0003"]


def test_footage_that_tells_no_time(make_patrol: MakePatrol, district: Path) -> None:
    patrol = make_patrol([edited(first_seen=None, last_seen=None)])
    assert run(patrol, district).exit_code == 0
    assert json.loads(run(patrol, district, "--json").stdout)["known"] == ["LG-20260520-0001"]


def test_two_patrols_in_one_database(
    make_patrol: MakePatrol, district: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'all.db'}"
    first, second = make_patrol(SIGHTINGS[:2], "monday"), make_patrol(SIGHTINGS[:1], "tuesday")
    run(first, district, "--database", url)
    run(second, district, "--database", url)
    assert [row["number"] for row in cases(second)["cases"]] == ["LG-20260520-0003"]
    assert len(cases(first)["cases"]) == 2
    assert not (first / "river-patrol.db").exists()


def test_the_day_of_a_case_number_is_the_districts(make_patrol: MakePatrol, district: Path) -> None:
    patrol = make_patrol(SIGHTINGS[:1])
    run(patrol, district, "--now", "2026-05-20T16:30:00Z")  # half past midnight in Guangzhou
    assert cases(patrol)["cases"][0]["number"] == "LG-20260521-0001"


def test_on_luogang(make_patrol: MakePatrol, luogang: Path) -> None:
    """Outfalls at the middle of every river of the real study area find their community."""
    there = District.read(luogang)
    rows = []
    for index, river in enumerate(there.area.rivers):
        middle = river.centreline.interpolate(0.5, normalized=True)
        row = sighting(f"S{index:04d}", "outfall", 0, 0)
        row["geometry"]["coordinates"] = [middle.x, middle.y]
        rows.append(row)
    patrol = make_patrol(rows)
    assert run(patrol, luogang).exit_code == 0
    found = cases(patrol)["cases"]
    assert [row["river"] for row in found] == [river.code for river in there.area.rivers]
    codes = {area.code for area in there.communities.areas}
    assert all(row["communities"][0]["code"] in codes for row in found)
    assert all(row["order"]["department_name"] for row in found)


# -- bad input ---------------------------------------------------------------------------------


def edited(**changes: Any) -> dict[str, Any]:
    row = copy.deepcopy(SIGHTINGS[0])
    for name, value in changes.items():
        row["properties"][name] = value
    return row


@pytest.mark.parametrize(
    ("row", "names"),
    [
        (edited(**{"class": "noise"}), "'noise'"),
        (edited(**{"class": None}), "'class'"),
        (edited(confidence=2), "confidence"),
        (edited(confidence="sure"), "confidence"),
        (edited(covariance_m2=None), "covariance_m2"),
        (edited(covariance_m2=[[1, 0], [0, -1]]), "covariance_m2"),
        (edited(first_seen="2026-05-20T01:00:00"), "first_seen"),
        (edited(first_seen="yesterday"), "first_seen"),
        (edited(last_seen=None), "last_seen"),  # but both may be unknown
        (edited(views=0), "views"),
        (edited(views=1.5), "views"),
        (edited(evidence="../../etc/passwd"), "evidence"),
        (edited(evidence="/etc/passwd"), "evidence"),
        (edited(evidence="evidence/none.jpg"), "none.jpg"),
        (edited(id=""), "id"),
        (edited(id="S\x00"), "control"),
        (SIGHTINGS[0] | {"geometry": {"type": "Point", "coordinates": [0, 0]}}, "km from"),
        (SIGHTINGS[0] | {"geometry": {"type": "Point", "coordinates": [23.1, 113.4]}}, "swapped"),
        (SIGHTINGS[0] | {"geometry": {"type": "LineString", "coordinates": [[113.4, 23.1]] * 2}}, "Point"),
    ],
)  # fmt: skip
def test_a_wrong_sighting_is_one_line_and_opens_nothing(
    make_patrol: MakePatrol, district: Path, row: dict[str, Any], names: str
) -> None:
    patrol = make_patrol(SIGHTINGS[1:3])
    document = json.loads((patrol / "sightings.geojson").read_text(encoding="utf-8"))
    document["features"].append(row)
    (patrol / "evidence" / "S0001.jpg").write_bytes(b"\xff\xd8")
    write(patrol / "sightings.geojson", document)
    refused(run(patrol, district), names)
    assert not (patrol / "cases.json").exists()
    url = f"sqlite:///{patrol / 'river-patrol.db'}"
    with Store.open(url) as store:
        assert store.head().entries == 0


@pytest.mark.parametrize("name", ["communities.geojson", "departments.json", "rivers.geojson"])
def test_a_missing_layer_of_the_area(patrol: Path, district: Path, name: str) -> None:
    (district / name).unlink()
    refused(run(patrol, district), name)
    assert not (patrol / "cases.json").exists()
    assert not (patrol / "river-patrol.db").exists()


def test_no_zones_no_judgement(patrol: Path, district: Path) -> None:
    (district / "management_zones.geojson").unlink()
    refused(run(patrol, district), "management_zones.geojson")


def test_not_analysed_yet_or_no_folder(tmp_path: Path, patrol: Path, district: Path) -> None:
    refused(run(tmp_path / "none", district), "none")
    (patrol / "sightings.geojson").unlink()
    refused(run(patrol, district), "patrol analyze")


@pytest.mark.parametrize(
    "now", ["tomorrow", "2026-05-20", "2026-05-20T03:00:00", "9999-12-31T23:59:59Z"]
)
def test_a_wrong_time(patrol: Path, district: Path, now: str) -> None:
    refused(run(patrol, district, "--now", now), "--now")


@pytest.mark.parametrize("member", [None, "", 7, "a/b", "x" * 200])
def test_the_patrol_must_have_a_name(patrol: Path, district: Path, member: Any) -> None:
    document = json.loads((patrol / "sightings.geojson").read_text(encoding="utf-8"))
    write(patrol / "sightings.geojson", document | {"patrol": member})
    refused(run(patrol, district), "'patrol'")


def test_no_sightings_is_no_error(make_patrol: MakePatrol, district: Path) -> None:
    patrol = make_patrol([])
    assert run(patrol, district).exit_code == 0
    assert cases(patrol)["cases"] == []


JUNK = st.sampled_from(
    [None, True, 0, -1, 1e308, float("nan"), float("inf"), "", "x", "\x00", "\ud800", "S0001", "二",
     [], [[]], {}, [1, 2], [[1, 2], [3, 4]], [113.46, 23.1], {"type": "Point"}, "outfall", "2026-05-20T01:00:00Z"]
)  # fmt: skip


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        items: Any = value.items()
    else:
        items = enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += _paths(item, (*path, key))
    return found


@pytest.fixture
def there(district: Path) -> District:
    return District.read(district)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'fuzz.db'}") as opened:
        yield opened


@settings(
    max_examples=400, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data())
def test_a_mutated_file_is_taken_whole_or_refused_in_one_line(
    data: st.DataObject, patrol: Path, there: District, store: Store
) -> None:
    document = collection(copy.deepcopy(SIGHTINGS), patrol="patrol-1", generated=NOW)
    for _ in range(data.draw(st.integers(1, 3), "changes")):
        *way, last = data.draw(st.sampled_from(_paths(document)), "path")
        place: Any = document
        for key in way:
            place = place[key]
        if data.draw(st.booleans(), "drop"):
            del place[last]
        else:
            place[last] = copy.deepcopy(data.draw(JUNK, "value"))
        if not _paths(document):
            break
    text = json.dumps(document, ensure_ascii=data.draw(st.booleans()))
    raw = text.encode("utf-8", "surrogatepass")
    raw = raw[: data.draw(st.just(len(raw)) | st.integers(0, len(raw)), "cut at")]
    (patrol / "sightings.geojson").write_bytes(raw)
    head = store.head()
    try:
        intake = open_cases(Sightings.read(patrol), there, store, now=parse_time(NOW, "now"))
    except PatrolError as error:
        assert "\n" not in str(error)
        assert store.head() == head, "a refused file must leave nothing"
    else:
        assert store.head().entries >= head.entries + len(intake.opened)
        assert store.verify(head).ok


def test_a_sighting_far_up_the_road_is_not_ours(make_patrol: MakePatrol, district: Path) -> None:
    row = sighting("S0001", "outfall", 0, 0)
    row["geometry"]["coordinates"] = [lonlat(0, 0)[0] + 1.0, lonlat(0, 0)[1]]
    refused(run(make_patrol([row]), district), "is it the right")
