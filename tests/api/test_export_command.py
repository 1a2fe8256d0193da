"""`patrol export` over a plan: files, notes of what is lost, JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shapely.geometry import LineString
from typer.testing import CliRunner

from api.commands import app
from geo.coordinates import LocalProjection, LonLat
from patrol.export import FORMATS, read_route
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

HOME = LonLat(113.46, 23.17)


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    """A plan of one lane of 120 waypoints."""
    along = [(113.461 + i / 1e4, 23.171 + (i % 2) / 1e5) for i in range(120)]
    projection, line = LocalProjection(HOME), LineString(along)
    waypoints = tuple(Waypoint(LonLat(*p), 47.7, "lane", "R1-1") for p in along)
    Plan(
        area="district",
        settings=PlanSettings(),
        projection=projection,
        rivers=(River("R1", "涌", "River", 20.0, line, LineString(projection.forward(along))),),
        launch_sites=(LaunchSite("L1", "起降点", "Site", HOME),),
        no_fly_zones=(),
        reaches=(Reach("R1", 0.0, 900.0),),
        lanes=(Lane("R1-1", "R1", "centre", 0.0, 900.0, line, 8.0),),
        sorties=(Sortie(1, "L1", HOME, 2400.0, 320.0, 20.0, waypoints),),
        certificate=Certificate((BankCoverage("R1", "left", 0.0, 900.0, 900.0, 900.0),), (), 1.0),
        operation=Operation(320.0, 320.0, "one", 320.0, 0.0, 0.0, (Flight(1, 1, 1, "L1", 0, 320),)),
    ).write(tmp_path)
    return tmp_path


def export(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["export", *map(str, words)], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


def test_plan_and_waypoints_unless_asked_otherwise(planned: Path) -> None:
    code, out, notes = export(planned)
    assert code == 0
    assert [Path(line).name for line in out.splitlines()] == [
        "sortie-01.plan", "sortie-01.waypoints",
    ]  # fmt: skip
    assert "waypoints: 不含电子围栏" in notes
    assert "plan: " in notes


def test_all_formats_with_what_they_lose_in_json(planned: Path) -> None:
    asked = [word for name in FORMATS for word in ("--format", name)]
    code, out, notes = export(planned, *asked, "--json")
    assert code == 0
    told = json.loads(out)
    assert [Path(p).name for p in told["files"]] == [
        "sortie-01.plan", "sortie-01.waypoints", "sortie-01.kmz", "sortie-01-1.csv",
        "sortie-01-2.csv", "sortie-01.kml", "sortie-01.geojson",
    ]  # fmt: skip
    assert set(told["losses"]) == set(FORMATS)
    assert any("2 files" in line for line in told["losses"]["litchi"])
    assert sum(len(lines) for lines in told["losses"].values()) == len(notes.splitlines())
    for name in told["files"]:
        assert len(read_route(Path(name)).points) in (22, 120)


def test_a_format_that_there_is_not(planned: Path) -> None:
    code, _, _ = export(planned, "--format", "kmz")
    assert code == 2
    assert not (planned / "export").exists()
