"""How a patrol is compared with the truth: what counts as found, and what as a false alert."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely
from made_up import collection, feature, write
from typer.testing import CliRunner

from api.commands import app
from api.truth import compare_patrol
from patrol.area import StudyArea

RIVER = "R2"


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, luogang: Path) -> Path:
    out = tmp_path_factory.mktemp("truth") / "patrol"
    stretch = ["--river", RIVER, "--from-m", "200", "--to-m", "1100"]
    result = CliRunner().invoke(app, ["plan", str(luogang), "--out", str(out), *stretch])
    assert result.exit_code == 0, result.output
    return out


def place(luogang: Path, along_m: float, aside_m: float = 0.0) -> list[float]:
    """Longitude and latitude on the river, or `aside_m` further down it on the left."""
    area = StudyArea.read(luogang)
    line = next(river.centreline_m for river in area.rivers if river.code == RIVER)
    a, b = (shapely.get_coordinates(line.interpolate(along_m + d))[0] for d in (-1.0, 1.0))
    left = [-(b - a)[1] / 2, (b - a)[0] / 2]
    middle = (a + b) / 2
    [[lon, lat]] = area.projection.inverse(
        [[m + aside_m * n for m, n in zip(middle, left, strict=True)]]
    )
    return [float(lon), float(lat)]


def alert(name: str, violation: str, at: list[float]) -> dict[str, Any]:
    return {
        "sighting": name, "class": violation, "lon": at[0], "lat": at[1],
        "communities": [{"code": "A", "name": "", "probability": 1.0}],
    }  # fmt: skip


def test_every_alert_that_is_no_planted_thing_counts(planned: Path, luogang: Path) -> None:
    """Waiting for a reviewer or dispatched, twice the same, of another class, or too far off."""
    here = place(luogang, 400)
    truth = [
        feature("Point", here, **{"id": "outfall-001", "class": "outfall"},
                community_code="A", footprint=[], planted=True),
        feature("Point", place(luogang, 600), **{"id": "floating_waste-001",
                "class": "floating_waste"}, community_code="B", footprint=[], planted=True),
    ]  # fmt: skip
    write(planned / "truth.geojson", collection(truth))
    cases = [
        alert("S0001", "outfall", place(luogang, 400, 2)),  # found, 2 m off
        alert("S0002", "outfall", place(luogang, 400, -3)),  # the same again
        alert("S0003", "discharge", here),
        alert("S0004", "floating_waste", place(luogang, 609)),  # 9 m off
    ]
    review = [alert("S0005", "outfall", place(luogang, 800))]
    document = {"cases": cases, "to_review": review, "dismissed": [alert("S6", "outfall", here)]}
    (planned / "cases.json").write_text(json.dumps(document))
    result = compare_patrol(planned, luogang)
    assert (result["planted"], result["found"], result["alerts"]) == (2, 1, 5)
    assert {row["sighting"] for row in result["false"]} == {"S0002", "S0003", "S0004", "S0005"}
    assert result["false_alerts_per_km"] == pytest.approx(4 / result["river_km"], abs=1e-3)
    assert result["position_error_m"] == pytest.approx(2.0, abs=0.05)
    assert result["right_community_share"] == 1.0
    assert result["misses"] == ["floating_waste-001"]
