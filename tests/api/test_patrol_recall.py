"""Recall at a rate of false alerts, of patrols that were analysed without thresholds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely
from made_up import collection, feature, write
from typer.testing import CliRunner

pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra 'train')")

from api.commands import app
from api.patrol_recall import read_patrol, recall_on_patrols
from geo.errors import PatrolError
from patrol.area import StudyArea

RIVER = "R2"
NAMES = ("outfall", "floating_waste")


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, luogang: Path) -> Path:
    out = tmp_path_factory.mktemp("recall") / "patrol"
    stretch = ["--river", RIVER, "--from-m", "200", "--to-m", "1200"]
    result = CliRunner().invoke(app, ["plan", str(luogang), "--out", str(out), *stretch])
    assert result.exit_code == 0, result.output
    return out


def on_river(luogang: Path, along_m: float) -> list[float]:
    area = StudyArea.read(luogang)
    line = next(river.centreline_m for river in area.rivers if river.code == RIVER)
    [[lon, lat]] = area.projection.inverse(shapely.get_coordinates(line.interpolate(along_m)))
    return [float(lon), float(lat)]


def patrol(folder: Path, luogang: Path, rows: list[tuple[str, float, float, int]]) -> None:
    """An outfall planted at 400 m and one at 600 m; alerts (class, metres, confidence, views)."""
    truth = [
        feature("Point", on_river(luogang, at), **{"id": f"outfall-{at}", "class": "outfall"},
                community_code="A", footprint=[], planted=True)
        for at in (400, 600)
    ]  # fmt: skip
    write(folder / "truth.geojson", collection(truth))
    cases: list[dict[str, Any]] = []
    sightings = []
    for number, (violation, along_m, sure, views) in enumerate(rows):
        place, name = on_river(luogang, along_m), f"S{number:04d}"
        cases.append({
            "sighting": name, "class": violation, "lon": place[0], "lat": place[1],
            "confidence": sure, "communities": [],
        })  # fmt: skip
        sightings.append(feature("Point", place, id=name, views=views))
    write(folder / "sightings.geojson", collection(sightings))
    (folder / "cases.json").write_text(json.dumps({"cases": cases[:2], "to_review": cases[2:]}))


def test_every_threshold_at_once(planned: Path, luogang: Path) -> None:
    patrol(planned, luogang, [
        ("outfall", 401, 0.9, 3),
        ("outfall", 800, 0.8, 3),  # false
        ("outfall", 599, 0.7, 3),
        ("outfall", 900, 0.6, 3),  # false
        ("floating_waste", 500, 0.5, 2),  # false
    ])  # fmt: skip
    recall = recall_on_patrols([planned], luogang, NAMES)
    outfalls = recall.by_class["outfall"]
    assert outfalls.planted == 2
    assert outfalls.river_km == pytest.approx(1.0, abs=0.01)
    at_one = outfalls.at_rate(1.0)
    assert (at_one.recall, at_one.threshold) == (1.0, 0.7)
    assert outfalls.at_rate(0.5).recall == 0.5
    assert recall.by_class["floating_waste"].planted == 0
    assert recall.together.at_rate(5.0).false_per_km == pytest.approx(3.0, abs=0.05)
    figures = recall.as_json()
    assert figures["classes"]["floating_waste"]["at_1_per_km"]["recall"] is None
    json.dumps(figures, allow_nan=False)
    twice = recall_on_patrols([planned, planned], luogang, NAMES).by_class["outfall"]
    assert (twice.planted, twice.at_rate(1.0).recall) == (4, 1.0)


def test_what_one_picture_alone_shows_must_be_surer(planned: Path, luogang: Path) -> None:
    patrol(planned, luogang, [("outfall", 401, 0.7, 1), ("outfall", 599, 0.7, 2)])
    [outfalls, _], _ = read_patrol(planned, luogang, NAMES)
    # It would be kept at thresholds t with t + 0.4 (1 - t) <= 0.7.
    assert sorted(outfalls.confidence) == pytest.approx([0.5, 0.7])


def test_a_patrol_without_its_sightings_is_one_line(planned: Path, luogang: Path) -> None:
    patrol(planned, luogang, [("outfall", 401, 0.7, 1)])
    (planned / "sightings.geojson").write_text("{}")
    with pytest.raises(PatrolError, match=r"sightings\.geojson: cannot be read"):
        read_patrol(planned, luogang, NAMES)
