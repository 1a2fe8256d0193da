from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_plans import plans, small_plan

from patrol.errors import PlanFileError
from patrol.plan import Certificate, Plan


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    small_plan().write(tmp_path)
    read: dict[str, Any] = json.loads((tmp_path / "plan.json").read_text())
    return read


@settings(max_examples=60, deadline=None)
@given(plans())
def test_written_and_read_back_it_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan
) -> None:
    folder = tmp_path_factory.mktemp("patrol")
    plan.write(folder)
    first = (folder / "plan.json").read_bytes()
    again = Plan.read(folder)
    assert again == plan
    again.write(folder / "plan.json")
    assert (folder / "plan.json").read_bytes() == first


def test_the_contract_s_fields_are_there(document: dict[str, Any]) -> None:
    assert document["format"] == "river-patrol/plan"
    assert document["version"] == 2
    sortie = document["sorties"][0]
    assert {"id", "launch_site", "launch", "length_m", "duration_s", "energy_wh"} <= set(sortie)
    assert {"camera", "capture", "gsd_m", "pitch_deg", "wind"} <= set(document["settings"])
    assert {"rivers", "launch_sites", "certificate", "operation", "terrain"} <= set(document)
    assert set(sortie["waypoints"][0]) == {"lon", "lat", "above_launch_m", "leg", "lane"}
    assert sortie["waypoints"][0]["lane"] is None
    assert sortie["waypoints"][1]["lane"] == "R1-01"


def at(*path: str | int) -> Callable[[dict[str, Any], Any], None]:
    def change(document: dict[str, Any], value: Any) -> None:
        here: Any = document
        for key in path[:-1]:
            here = here[key]
        if value is DELETE:
            del here[path[-1]]
        else:
            here[path[-1]] = value

    return change


DELETE = object()
NAN = float("nan")
WAYPOINT = ("sorties", 0, "waypoints", 1)


@pytest.mark.parametrize(
    ("change", "value", "words"),
    [
        (at("format"), "kml", "not a patrol plan"),
        (at("version"), 1, "version 1, this program reads version 2"),
        (at("version"), DELETE, "version null"),
        (at("version"), True, "version true"),
        (at("settings", "camera"), "leica", r"settings: camera 'leica' is not known"),
        (at("settings", "camera"), 7, r"settings\.camera: expected a text"),
        (at("area"), "", "area: expected a text"),
        (at("settings", "gsd_m"), NAN, "gsd_m: expected a number from"),
        (at("settings", "gsd_m"), "0.035", "gsd_m: expected a number"),
        (at("settings", "gsd_m"), DELETE, "'gsd_m' is missing"),
        (at("settings", "gsd_m"), 0.9, "over the legal 120 m"),
        (at("settings", "speed_m_s"), True, "speed_m_s: expected a number"),
        (at("settings", "picture_px"), [1920], "picture_px"),
        (at("settings", "picture_px"), [1920, 1080, 3], "width, height"),
        (at("settings", "picture_px"), [1920.5, 1080], "whole number"),
        (at("settings", "capture"), "film", "'video' or 'photos'"),
        (at("settings", "wind", "speed_m_s"), -1, r"settings\.wind\.speed_m_s"),
        (at("settings", "docks"), 1, "true or false"),
        (at("settings"), None, "settings: expected an object"),
        (at("projection", "origin"), [123.17, 113.46], "look swapped|outside"),
        (at("rivers"), [], "rivers: expected a list of at least 1"),
        (at("rivers", 1, "code"), "R1", "river 'R1' stands twice"),
        (at("rivers", 1, "breadths", 0), [1, 2], r"rivers\[1\]\.breadths\[0\]"),
        (at("rivers", 0, "width_m"), 0, "width_m"),
        (at("launch_sites", 0, "position"), [23.1, 113.4], "look swapped"),
        (at("reaches", 0, "river"), "R7", "there is no river 'R7'"),
        (at("reaches", 0, "to_m"), 5_000, "found a reach from 0 to 5000 m"),
        (at("certificate", "area_share"), 1.5, "area_share"),
        (at("certificate", "banks", 0, "bank"), "north", "'left' or 'right'"),
        (at("certificate", "uncovered"), {}, "uncovered: expected a list"),
        (at("operation", "flights", 0, "crew"), 0, r"flights\[0\]\.crew"),
        (at("operation", "lower_bound_s"), "low", "lower_bound_s: expected a number"),
        (at("terrain"), 7, "terrain"),
        (at("notes"), [7], r"notes\[0\]: expected a text"),
        (at("lanes", 0, "speed_m_s"), 0, r"lanes\[0\]\.speed_m_s"),
        (at("lanes"), [], "lanes: expected a list of at least 1"),
        (at("lanes"), None, "lanes"),
        (at("lanes", 0), "R1", r"lanes\[0\]: expected an object"),
        (at("lanes", 0, "line"), [[113.48, 23.17]], r"lanes\[0\]\.line"),
        (at("lanes", 0, "line"), [[113.48, 23.17]] * 2, "two distinct points"),
        (at("lanes", 0, "line", 0), [23.17, 113.48], "look swapped"),
        (at("lanes", 0, "line", 1), [113.48, None], r"line\[1\]: expected a pair"),
        (at("lanes", 0, "line", 1), [113.48, NAN], "finite"),
        (at("lanes", 0, "side"), "middle", "'centre' or 'left' or 'right'"),
        (at("lanes", 1, "id"), "R1-01", "'R1-01' stands twice"),
        (at("sorties"), [], "sorties"),
        (at("sorties", 0, "id"), 0, r"sorties\[0\]\.id"),
        (at("sorties", 0, "launch"), [23.169, 113.479], "look swapped"),
        (at("sorties", 0, "launch"), [113.479, 23.169, 5], "launch: expected a pair"),
        (at("sorties", 0, "launch"), [13.479, 23.169], "are longitude and latitude swapped"),
        (at("sorties", 0, "waypoints"), [], "waypoints"),
        (at("sorties", 0, "duration_s"), "long", "duration_s"),
        (at(*WAYPOINT, "lat"), 123.0, r"waypoints\[1\] \(lon, lat\)"),
        (at(*WAYPOINT, "lon"), DELETE, "'lon' is missing"),
        (at(*WAYPOINT, "lane"), None, "the lane's id on a 'lane' leg"),
        (at(*WAYPOINT, "lane"), "R9-01", "there is no lane 'R9-01'"),
        (at(*WAYPOINT, "leg"), "ferry", "'transit' or 'lane'"),
        (at(*WAYPOINT, "above_launch_m"), NAN, "above_launch_m"),
        (at("no_fly_zones", 0, "outline", 1), [113.47, 23.15], "does not cross itself"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, document: dict[str, Any], change: Callable[..., None], value: Any, words: str
) -> None:
    change(document, value)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document))
    with pytest.raises(PlanFileError, match=words) as caught:
        Plan.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("{", "not valid JSON"),
        ("[1]", "not a patrol plan"),
        ("\x00", "not valid JSON"),
    ],
)
def test_files_that_are_no_plan(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(PlanFileError, match=words):
        Plan.read(tmp_path)


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="run `patrol plan` first"):
        Plan.read(tmp_path)
    (tmp_path / "plan.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PlanFileError, match="UTF-8"):
        Plan.read(tmp_path)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_one_value_replaced_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("patrol")
    small_plan().write(folder)
    document = json.loads((folder / "plan.json").read_text())
    here: Any = document
    while True:
        keys = sorted(here) if isinstance(here, dict) else range(len(here))
        key = data.draw(st.sampled_from(list(keys)))
        if not isinstance(here[key], dict | list) or not here[key] or data.draw(st.booleans()):
            break
        here = here[key]
    here[key] = data.draw(
        st.sampled_from(
            [None, True, -1, 0, 10**30, 1e308, NAN, float("inf"), "", "x", [], {}, [[]], [1, 2]]
        )
    )
    (folder / "plan.json").write_text(json.dumps(document))
    try:
        Plan.read(folder)
    except PlanFileError as error:
        assert "\n" not in str(error)


def test_nothing_is_left_of_a_plan_that_cannot_be_written(tmp_path: Path) -> None:
    good = small_plan()
    good.write(tmp_path)
    before = (tmp_path / "plan.json").read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        replace(copy.copy(good), certificate=Certificate((), (), NAN)).write(tmp_path)
    assert (tmp_path / "plan.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


def test_a_sortie_by_its_number() -> None:
    plan = small_plan()
    assert plan.sortie(1) is plan.sorties[0]
    with pytest.raises(PlanFileError, match="no sortie 7; it has 1"):
        plan.sortie(7)
