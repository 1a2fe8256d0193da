"""`patrol plan` and `patrol export` as a person types them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def patrol(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "api", *(str(word) for word in words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def planned(luogang: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("patrol") / "out"
    ran = patrol(
        "plan", luogang, "--out", out, "--river", "R3", "--from-m", 300, "--to-m", 900, "--json"
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["coverage_share"] == 1.0
    assert told["rivers_km"] == 0.6
    assert told["uncovered"] == []
    assert 0 < told["sorties"][0]["battery_share"] < 0.75
    return out


def test_plan_writes_the_plan_and_the_lanes(planned: Path) -> None:
    assert sorted(p.name for p in planned.iterdir()) == ["lanes.geojson", "plan.json"]
    kinds = [
        f["properties"]["kind"]
        for f in json.loads((planned / "lanes.geojson").read_text())["features"]
    ]
    assert kinds.count("lane") == 1
    assert kinds.count("transit") == 2


def test_export_writes_a_file_a_sortie_and_format(planned: Path) -> None:
    ran = patrol("export", planned, "--json")
    assert ran.returncode == 0, ran.stderr
    names = [Path(p).name for p in json.loads(ran.stdout)["files"]]
    assert names == ["sortie-01.plan", "sortie-01.waypoints"]
    assert (
        (planned / "export" / "sortie-01.waypoints")
        .read_text()
        .startswith("QGC WPL 110\n0\t1\t0\t16\t")
    )


def test_the_table_for_people(luogang: Path, tmp_path: Path) -> None:
    ran = patrol("plan", luogang, "--out", tmp_path, "--river", "R3", "--to-m", 500)
    assert ran.returncode == 0
    assert "架次" in ran.stdout
    assert "100.00 %" in ran.stdout
    assert "0.50 km of river" in ran.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gsd-cm", "12"], "over the legal 120 m"),
        (["--gsd-cm", "nan"], "GSD"),
        (["--camera", "kodak"], "expected one of m3e"),
        (["--river", "R7"], "there is no river 'R7'"),
        (["--from-m", "100"], "exactly one --river"),
        (["--battery-wh", "2"], "cannot be flown from any launch site"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    luogang: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    ran = patrol("plan", luogang, "--out", tmp_path / "out", *words)
    assert ran.returncode == 1
    assert said in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_swapped_centreline(luogang: Path, tmp_path: Path) -> None:
    shutil.copytree(luogang, tmp_path / "area")
    path = tmp_path / "area" / "rivers.geojson"
    document = json.loads(path.read_text())
    line = document["features"][1]["geometry"]
    line["coordinates"] = [[lat, lon] for lon, lat in line["coordinates"]]
    path.write_text(json.dumps(document))
    ran = patrol("plan", tmp_path / "area", "--out", tmp_path / "out")
    assert ran.returncode == 1
    assert "rivers.geojson: feature 2 (水声涌)" in ran.stderr
    assert "swapped" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1


def test_an_area_without_no_fly_zones_is_planned_with_a_note(luogang: Path, tmp_path: Path) -> None:
    shutil.copytree(luogang, tmp_path / "area")
    (tmp_path / "area" / "no_fly_zones.geojson").unlink()
    ran = patrol(
        "plan", tmp_path / "area", "--out", tmp_path / "out", "--river", "R3", "--to-m", 300
    )
    assert ran.returncode == 0
    assert "no_fly_zones.geojson" in ran.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["plan"], 2),
        (["plan", "x", "--out", "y", "--gsd-cm", "fine"], 2),
        (["export"], 2),
        (["export", "x", "--format", "kmz"], 2),
    ],
)
def test_usage_is_told_apart(words: list[str], code: int) -> None:
    assert patrol(*words).returncode == code


def test_export_without_a_plan(tmp_path: Path) -> None:
    ran = patrol("export", tmp_path)
    assert ran.returncode == 1
    assert "run `patrol plan` first" in ran.stderr
    assert not (tmp_path / "export").exists()
