"""`.plan` against what QGroundControl's loaders check: keys, types, versions, numbering.

The tables are the loaders' own lists (JsonHelper::validateKeys in MissionController,
CorridorScanComplexItem, TransectStyleComplexItem, CameraCalc, CameraSpec, MissionItem,
SimpleMissionItem, QGCMapPolyline, GeoFenceController, QGCFencePolygon, RallyPointController), of
the releases before and after `DistanceMode` took the place of `DistanceToSurfaceRelative`.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from made_plans import plans, small_plan
from shapely.geometry import LineString, Polygon

from patrol.errors import PlanFileError
from patrol.export import FORMATS, Route, route_of
from patrol.mission import mission_items
from patrol.plan import Plan

DOUBLE, TEXT, BOOL, ARRAY, OBJECT = "double", "string", "bool", "array", "object"

MISSION = {
    "plannedHomePosition": ARRAY, "items": ARRAY, "firmwareType": DOUBLE, "vehicleType": DOUBLE,
    "cruiseSpeed": DOUBLE, "hoverSpeed": DOUBLE, "globalPlanAltitudeMode": DOUBLE,
}  # fmt: skip
ITEM = {
    "type": TEXT, "frame": DOUBLE, "command": DOUBLE, "params": ARRAY, "autoContinue": BOOL,
    "doJumpId": DOUBLE,
}  # fmt: skip
ALTITUDE = {"AltitudeMode": DOUBLE, "Altitude": DOUBLE, "AMSLAltAboveTerrain": DOUBLE}
CORRIDOR = {
    "version": DOUBLE, "type": TEXT, "complexItemType": TEXT, "CorridorWidth": DOUBLE,
    "EntryPoint": DOUBLE, "polyline": ARRAY, "TransectStyleComplexItem": OBJECT,
}  # fmt: skip
TRANSECTS = {
    "version": DOUBLE, "TurnAroundDistance": DOUBLE, "CameraTriggerInTurnAround": BOOL,
    "HoverAndCapture": BOOL, "Refly90Degrees": BOOL, "CameraCalc": OBJECT,
    "VisualTransectPoints": ARRAY, "Items": ARRAY, "CameraShots": DOUBLE, "FollowTerrain": BOOL,
}  # fmt: skip
CAMERA = {
    "version": DOUBLE, "CameraName": TEXT, "AdjustedFootprintSide": DOUBLE,
    "AdjustedFootprintFrontal": DOUBLE, "DistanceToSurface": DOUBLE,
    "DistanceToSurfaceRelative": BOOL,
    "ValueSetIsDistance": BOOL, "ImageDensity": DOUBLE, "FrontalOverlap": DOUBLE,
    "SideOverlap": DOUBLE,
    "SensorWidth": DOUBLE, "SensorHeight": DOUBLE, "ImageWidth": DOUBLE, "ImageHeight": DOUBLE,
    "FocalLength": DOUBLE, "Landscape": BOOL, "FixedOrientation": BOOL,
    "MinTriggerInterval": DOUBLE,
}  # fmt: skip
FENCE = {"version": DOUBLE, "circles": ARRAY, "polygons": ARRAY}
FENCE_POLYGON = {"version": DOUBLE, "inclusion": BOOL, "polygon": ARRAY}
RALLY = {"version": DOUBLE, "points": ARRAY}


def kind(value: Any) -> str:
    """QJsonValue's type; null counts as a double there (not a number)."""
    if isinstance(value, bool):
        return BOOL
    if value is None or isinstance(value, int | float):
        return DOUBLE
    return {str: TEXT, list: ARRAY, dict: OBJECT}[type(value)]


def has(row: dict[str, Any], keys: dict[str, str]) -> None:
    assert {key: kind(row[key]) for key in keys} == keys


def plan_of(plan: Plan, index: int = 0) -> tuple[Route, dict[str, Any]]:
    route = route_of(plan, plan.sorties[index])
    [text] = FORMATS["plan"].write(route).values()
    document: dict[str, Any] = json.loads(text)
    return route, document


def laid_open(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The items as QGroundControl sends them: those of complex items in their place."""
    rows: list[dict[str, Any]] = []
    for row in document["mission"]["items"]:
        rows += row["TransectStyleComplexItem"]["Items"] if "complexItemType" in row else [row]
    return rows


def check(document: dict[str, Any]) -> None:
    assert (document["fileType"], document["version"]) == ("Plan", 1)
    mission = document["mission"]
    has(mission, MISSION)
    assert mission["version"] == 2
    assert len(mission["plannedHomePosition"]) == 3
    for row in mission["items"]:
        if row["type"] == "SimpleItem":
            has(row, ITEM)
            assert len(row["params"]) == 7
            if row["command"] in (16, 22):
                has(row, ALTITUDE)
                assert row["Altitude"] == row["params"][6]
            continue
        check_corridor(row)
    for number, row in enumerate(laid_open(document), 1):
        has(row, ITEM)
        assert row["type"] == "SimpleItem"
        assert (row["doJumpId"], row["autoContinue"]) == (number, True)
        assert all(isinstance(p, int | float) and math.isfinite(p) for p in row["params"])
    fence = document["geoFence"]
    has(fence, FENCE)
    assert (fence["version"], fence["circles"]) == (2, [])
    for polygon in fence["polygons"]:
        has(polygon, FENCE_POLYGON)
        assert polygon["version"] == 1
        assert all(len(corner) == 2 for corner in polygon["polygon"])
    has(document["rallyPoints"], RALLY)
    assert document["rallyPoints"]["version"] == 2
    assert all(len(point) == 3 for point in document["rallyPoints"]["points"])


def check_corridor(row: dict[str, Any]) -> None:
    has(row, CORRIDOR)
    assert (row["type"], row["complexItemType"], row["version"]) == (
        "ComplexItem",
        "CorridorScan",
        2,
    )
    inner = row["TransectStyleComplexItem"]
    has(inner, TRANSECTS)
    assert inner["version"] == 1
    camera = inner["CameraCalc"]
    has(camera, CAMERA)
    assert camera["version"] == 1
    assert camera["CameraName"] in ("Custom Camera", "Manual (no camera specs)")
    places = [i["params"][4:6] for i in inner["Items"] if i["command"] == 16]
    assert row["polyline"] == inner["VisualTransectPoints"] == places
    # CorridorScanComplexItem::_calcTransectCount: one, which then lies on the line itself.
    side = camera["AdjustedFootprintSide"]
    assert math.ceil(row["CorridorWidth"] / (side if side >= 0.5 else 100_000)) == 1
    assert row["CorridorWidth"] > 0


@settings(max_examples=40, deadline=None)
@given(plans())
def test_all_that_the_loaders_ask_for_is_there(plan: Plan) -> None:
    for index, sortie in enumerate(plan.sorties):
        _, document = plan_of(plan, index)
        check(document)
        items = mission_items(plan, sortie)[1:]
        rows = laid_open(document)
        assert [(r["command"], r["frame"]) for r in rows] == [(i.command, i.frame) for i in items]
        for row, item in zip(rows, items, strict=True):
            assert row["params"] == [
                item.param1, item.param2, item.param3, item.param4,
                item.lat_deg, item.lon_deg, item.altitude_m,
            ]  # fmt: skip


def test_each_lane_is_a_corridor_between_the_transits() -> None:
    plan = small_plan()
    _, document = plan_of(plan)
    rows = document["mission"]["items"]
    assert [row.get("complexItemType", row.get("command")) for row in rows] == [
        22, 178, 205, 16, "CorridorScan", "CorridorScan", 16, 20,
    ]  # fmt: skip
    assert [row["lane"] for row in rows if "lane" in row] == ["R1-01", "R2-02"]
    first, second = (r["TransectStyleComplexItem"] for r in rows if "lane" in r)
    assert [item["command"] for item in first["Items"]] == [16, 2500, 16, 16, 2501]
    assert [item["doJumpId"] for item in second["Items"]] == [10, 11, 12, 13]
    assert rows[-1]["doJumpId"] == 15
    assert first["VisualTransectPoints"][0] == [23.1701, 113.4801]


def test_an_edited_corridor_takes_photos_as_planned() -> None:
    """CameraCalc::_recalcTriggerDistance with what the file says gives the planned distance."""
    plan = small_plan(capture="photos")
    _, document = plan_of(plan)
    row = document["mission"]["items"][4]["TransectStyleComplexItem"]
    camera, every = row["CameraCalc"], round(plan.settings.trigger_m, 3)
    assert camera["CameraName"] == "Custom Camera"
    assert camera["AdjustedFootprintFrontal"] == every
    density = camera["DistanceToSurface"] * camera["SensorWidth"] * 100 / (
        camera["ImageWidth"] * camera["FocalLength"]
    )  # fmt: skip
    assert camera["ImageDensity"] == pytest.approx(density)
    assert density == pytest.approx(100 * plan.settings.gsd_m, rel=0.01)
    ahead = camera["ImageHeight"] * density / 100 * (100 - camera["FrontalOverlap"]) / 100
    assert ahead == pytest.approx(every, abs=0.01)
    aside = camera["ImageWidth"] * density / 100 * (100 - camera["SideOverlap"]) / 100
    assert camera["AdjustedFootprintSide"] == pytest.approx(aside, abs=0.01)
    assert row["CameraShots"] == math.ceil(LineString(
        plan.projection.forward(plan.lanes[0].line.coords)
    ).length / every)  # fmt: skip


def test_an_edited_corridor_of_a_video_takes_no_photos() -> None:
    _, document = plan_of(small_plan())
    row = document["mission"]["items"][4]["TransectStyleComplexItem"]
    assert row["CameraCalc"]["CameraName"] == "Manual (no camera specs)"
    assert row["CameraCalc"]["AdjustedFootprintFrontal"] == 0
    assert row["CameraShots"] == 0


def test_a_corridor_over_terrain_is_as_high_as_its_highest_point() -> None:
    plan = small_plan()
    heights = [30.0, 31.5, 36.25, 33.0, 40.0, 41.0, 42.0]
    waypoints = tuple(
        replace(w, above_launch_m=h)
        for w, h in zip(plan.sorties[0].waypoints, heights, strict=True)
    )
    rough = replace(plan, sorties=(replace(plan.sorties[0], waypoints=waypoints),))
    _, document = plan_of(rough)
    row = document["mission"]["items"][4]["TransectStyleComplexItem"]
    assert row["CameraCalc"]["DistanceToSurface"] == 36.25
    assert [i["params"][6] for i in row["Items"] if i["command"] == 16] == [31.5, 36.25, 33.0]


def test_home_fence_and_rally() -> None:
    plan = small_plan()
    route, document = plan_of(plan)
    assert document["groundStation"] == "QGroundControl"
    assert document["mission"]["plannedHomePosition"] == [23.169, 113.479, 0.0]
    assert document["rallyPoints"] == {"version": 2, "points": [[23.169, 113.479, 47.739]]}
    inside, outside = document["geoFence"]["polygons"]
    assert (inside["inclusion"], outside["inclusion"]) == (True, False)
    ring = Polygon([(lon, lat) for lat, lon in inside["polygon"]])
    track = [(p.position.lon_deg, p.position.lat_deg) for p in route.points]
    assert ring.contains(LineString([(113.479, 23.169), *track, (113.479, 23.169)]))
    assert len(outside["polygon"]) == 3


def test_a_plan_as_other_programs_write_it() -> None:
    """Without our own keys, and with null for parameters that are not given."""
    route, document = plan_of(small_plan(capture="photos"))
    for row in document["mission"]["items"]:
        row.pop("lane", None)
        if "TransectStyleComplexItem" in row:
            row["TransectStyleComplexItem"]["CameraCalc"].pop("camera")
        elif row["command"] == 16:
            row["params"][3] = None
    for polygon in document["geoFence"]["polygons"]:
        polygon.pop("name", None)
    read = FORMATS["plan"].read({"sortie-01.plan": json.dumps(document).encode()})
    assert read.camera is None
    assert [p.lane for p in read.points] == [
        None, "lane-1", "lane-1", "lane-1", "lane-2", "lane-2", None,
    ]  # fmt: skip
    assert read.trigger_m == route.trigger_m


ITEMS = ("mission", "items")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("fileType",), "Mission", "fileType: expected 'Plan' version 1"),
        (("version",), 2, "fileType"),
        (("mission",), [], "mission: expected an object"),
        (("mission", "version"), 1, r"mission\.version: expected 2"),
        (("mission", "plannedHomePosition"), [23.1, 113.4], "plannedHomePosition"),
        (("mission", "plannedHomePosition"), [113.4, 23.1, 0], "swapped"),
        (ITEMS, [], "mission.items: expected a list of 1"),
        ((*ITEMS, 0, "command"), 84, "take-off"),
        ((*ITEMS, 0, "frame"), 0, r"item 1 frame: expected 3"),
        ((*ITEMS, 0, "autoContinue"), False, r"items\[0\]\.autoContinue"),
        ((*ITEMS, 1, "params"), [1, 8], r"items\[1\]\.params"),
        ((*ITEMS, 1, "params", 1), -8, "item 2 speed"),
        ((*ITEMS, 1, "doJumpId"), 7, r"items\[1\]\.doJumpId: expected 2"),
        ((*ITEMS, 3, "params", 4), 91, "latitude 91"),
        ((*ITEMS, 4, "version"), 3, r"items\[4\]\.version: expected 2"),
        ((*ITEMS, 4, "complexItemType"), "survey", "a SimpleItem or a CorridorScan"),
        ((*ITEMS, 4, "TransectStyleComplexItem"), None, "TransectStyleComplexItem"),
        ((*ITEMS, 4, "TransectStyleComplexItem", "Items", 1, "command"), 2501, "item 6"),
        ((*ITEMS, 7, "command"), 21, "a command that a patrol has"),
        (("geoFence", "version"), 3, r"geoFence\.version"),
        (("geoFence", "circles"), [{}], "polygons only"),
        (("geoFence", "polygons", 1, "inclusion"), True, "one keep-in polygon"),
        (("geoFence", "polygons", 0, "polygon", 1), [23.1], r"polygons\[0\]\[1\]"),
        (("rallyPoints", "points", 0), [23.1, 113.4], r"points\[0\]"),
    ],
)
def test_what_is_wrong_is_named(path: tuple[str | int, ...], value: Any, words: str) -> None:
    _, document = plan_of(small_plan())
    here: Any = document
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    if path[-2:] == (0, "command"):
        words = "a command that a patrol has"
    with pytest.raises(PlanFileError, match=words) as caught:
        FORMATS["plan"].read({"sortie-01.plan": json.dumps(document).encode()})
    assert str(caught.value).startswith("sortie-01.plan: ")
    assert "\n" not in str(caught.value)
