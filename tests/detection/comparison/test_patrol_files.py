"""What an analysis left, read back; whatever stands in the files, one line says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_things import HERE, thing, write_patrol
from test_outcomes import look

from detection.comparison.patrols import read_patrol, things_m
from detection.comparison.seen import Seen, read_seen, write_seen
from detection.errors import ComparisonError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


def test_sightings_come_back_from_north_to_south(tmp_path: Path) -> None:
    things = [thing("S2", "outfall", (3, -40)), thing("S1", "structure", (0, 60), radius_m=4.0)]
    patrol = read_patrol(write_patrol(tmp_path, things))
    placed = things_m(patrol, HERE)
    assert [t.id for t in placed] == ["S1", "S2"]
    np.testing.assert_allclose(placed[1].ground_m, (3, -40), atol=0.01)
    assert placed[0].best.box_px == (10.0, 10.0, 40.0, 40.0)
    assert patrol.generated is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(
        (
            "id",
            "class",
            "confidence",
            "covariance_m2",
            "height_m",
            "radius_m",
            "views",
            "best_frame",
        )
    ),
    json_values,
)
def test_any_value_of_a_property_is_read_or_told(tmp_path: Path, name: str, value: Any) -> None:
    folder = write_patrol(tmp_path, [thing("S1", "outfall", (0, 0))])
    path = folder / "sightings.geojson"
    document = json.loads(path.read_text())
    document["features"][0]["properties"][name] = value
    path.write_text(json.dumps(document))
    try:
        [read] = read_patrol(folder).things
    except ComparisonError as error:
        assert "\n" not in str(error)
        assert "sightings.geojson" in str(error)
    else:
        assert np.all(np.linalg.eigvalsh(read.covariance_m2) > 0)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": "another"}'])
def test_a_manifest_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    folder = write_patrol(tmp_path, [])
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ComparisonError, match=r"manifest\.json"):
        read_patrol(folder)


def seen() -> Seen:
    return Seen((look((0, 0)), look((1.25, 4), fault="blurred"), look((2, 8), height_m=60)), {})


def test_what_was_looked_at_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "seen.geojson"
    write_seen(path, seen(), "20260520-abc")
    back = read_seen(path, "20260520-abc")
    assert [x.fault for x in back.looks] == ["", "blurred", ""]
    for was, now in zip(seen().looks, back.looks, strict=True):
        assert now.camera == was.camera
        assert (now.shot, now.time_s, now.pose.utc) == (was.shot, was.time_s, was.pose.utc)
        assert now.pose.error == was.pose.error
        moved = now.pose.pose(HERE).position() - was.pose.pose(HERE).position()
        assert np.linalg.norm(moved) < 1e-3
    written = path.read_bytes()
    write_seen(path, back, "20260520-abc")
    assert path.read_bytes() == written
    with pytest.raises(ComparisonError, match="is of patrol"):
        read_seen(path, "another")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(
        ("recording", "shot", "time_s", "fault", "lon", "lat", "utc", "error", "camera")
    ),
    json_values,
)
def test_any_value_of_a_picture_is_read_or_told(tmp_path: Path, name: str, value: Any) -> None:
    path = tmp_path / "seen.geojson"
    write_seen(path, seen(), "p")
    document = json.loads(path.read_text())
    document["features"][1]["properties"][name] = value
    path.write_text(json.dumps(document))
    try:
        assert len(read_seen(path, "p").looks) == 3
    except ComparisonError as error:
        assert "\n" not in str(error)
        assert "seen.geojson" in str(error)
