"""DJI WPML: the archive, the axes, what stands at which waypoint."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given, settings
from made_plans import plans, small_plan

from patrol.errors import PlanFileError
from patrol.export import FORMATS, Route, route_of
from patrol.plan import Plan

KML = "{http://www.opengis.net/kml/2.2}"
WPML = "{http://www.dji.com/wpmz/1.0.6}"


def parts_of(route: Route) -> dict[str, Element]:
    [packed] = FORMATS["wpml"].write(route).values()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        return {name: fromstring(archive.read(name)) for name in archive.namelist()}


def text(element: Element, path: str) -> str:
    found = element.find(path)
    assert found is not None, path
    return found.text or ""


def marks(root: Element) -> list[Element]:
    return root.findall(f"{KML}Document/{KML}Folder/{KML}Placemark")


def small(capture: str = "video") -> Route:
    plan = small_plan(capture=capture)
    return route_of(plan, plan.sorties[0])


def test_the_archive_is_the_same_bytes_everywhere() -> None:
    [packed] = FORMATS["wpml"].write(small()).values()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        entries = archive.infolist()
    assert [e.filename for e in entries] == ["wpmz/template.kml", "wpmz/waylines.wpml"]
    for entry in entries:
        assert entry.compress_type == zipfile.ZIP_STORED
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert not entry.flag_bits & 0x8, "sizes stand before the data"


def test_coordinates_are_lon_lat_and_only_the_take_off_point_is_lat_lon() -> None:
    route = replace(small(), ground_msl_m=12.5)
    for root in parts_of(route).values():
        reference = text(root, f"{KML}Document/{WPML}missionConfig/{WPML}takeOffRefPoint")
        assert reference == "23.16900000,113.47900000,12.500"
        first = marks(root)[0]
        place = text(first, f"{KML}Point/{KML}coordinates")
        assert place == "113.47950000,23.16990000"


def test_the_mission_s_settings() -> None:
    for name, root in parts_of(small()).items():
        config = root.find(f"{KML}Document/{WPML}missionConfig")
        assert config is not None
        told = {child.tag.removeprefix(WPML): (child.text or "").strip() for child in config}
        assert list(told) == [
            "flyToWaylineMode", "finishAction", "exitOnRCLost", "executeRCLostAction",
            "takeOffSecurityHeight", "takeOffRefPoint", "takeOffRefPointAGLHeight",
            "globalTransitionalSpeed", "globalRTHHeight", "droneInfo", "payloadInfo",
        ]  # fmt: skip
        assert (told["finishAction"], told["flyToWaylineMode"]) == ("goHome", "safely")
        assert (told["exitOnRCLost"], told["executeRCLostAction"]) == (
            "executeLostAction",
            "goBack",
        )
        assert float(told["takeOffSecurityHeight"]) == 47.739
        folder = f"{KML}Document/{KML}Folder/"
        if name == "wpmz/template.kml":
            assert text(root, f"{folder}{WPML}templateType") == "waypoint"
            system = f"{folder}{WPML}waylineCoordinateSysParam/{WPML}"
            assert text(root, f"{system}heightMode") == "relativeToStartPoint"
            assert text(root, f"{system}coordinateMode") == "WGS84"
        else:
            assert text(root, f"{folder}{WPML}executeHeightMode") == "relativeToStartPoint"


@pytest.mark.parametrize(
    ("camera", "numbers"),
    [
        ("m3e", ("77", "0", "66")),
        ("m3t", ("77", "1", "67")),
        ("m30t", ("67", "1", "53")),
        ("m4e", ("99", "0", "88")),
        ("mini4pro", ("68", "0", None)),
        ("p4rtk", ("77", "0", "66")),
    ],
)
def test_aircraft_and_payload(camera: str, numbers: tuple[str, str, str | None]) -> None:
    route = replace(small(), aircraft=camera)
    root = parts_of(route)["wpmz/waylines.wpml"]
    config = f"{KML}Document/{WPML}missionConfig/{WPML}"
    drone, sub, payload = numbers
    assert text(root, f"{config}droneInfo/{WPML}droneEnumValue") == drone
    assert text(root, f"{config}droneInfo/{WPML}droneSubEnumValue") == sub
    found = root.find(f"{config}payloadInfo/{WPML}payloadEnumValue")
    assert (None if found is None else found.text) == payload
    told = FORMATS["wpml"].losses(route)
    assert any("does not know the aircraft" in line for line in told) == (camera == "p4rtk")


def groups(root: Element) -> list[tuple[int, int, int, str, str, str, str]]:
    """id, first, last, trigger, its parameter, action, file suffix."""
    found = []
    for mark in marks(root):
        for group in mark.findall(f"{WPML}actionGroup"):
            parameter = group.find(f"{WPML}actionTrigger/{WPML}actionTriggerParam")
            suffix = group.find(f"{WPML}action/{WPML}actionActuatorFuncParam/{WPML}fileSuffix")
            found.append(
                (
                    int(text(group, f"{WPML}actionGroupId")),
                    int(text(group, f"{WPML}actionGroupStartIndex")),
                    int(text(group, f"{WPML}actionGroupEndIndex")),
                    text(group, f"{WPML}actionTrigger/{WPML}actionTriggerType"),
                    "" if parameter is None else parameter.text or "",
                    text(group, f"{WPML}action/{WPML}actionActuatorFunc"),
                    "" if suffix is None else suffix.text or "",
                )
            )
    return found


def test_video_starts_and_stops_at_the_ends_of_lanes() -> None:
    for root in parts_of(small()).values():
        assert groups(root) == [
            (0, 0, 0, "reachPoint", "", "gimbalRotate", ""),
            (1, 1, 1, "reachPoint", "", "startRecord", "R1-01"),
            (2, 3, 3, "reachPoint", "", "stopRecord", ""),
            (3, 4, 4, "reachPoint", "", "startRecord", "R2-02"),
            (4, 5, 5, "reachPoint", "", "stopRecord", ""),
        ]
        turn = f"{WPML}waypointTurnParam/{WPML}waypointTurnMode"
        assert [("Pass" in text(m, turn)) for m in marks(root)] == [
            False, False, True, False, False, False, False,
        ]  # fmt: skip


def test_photos_are_taken_by_distance_along_lanes() -> None:
    route = small("photos")
    every = f"{route.trigger_m:.3f}"
    for root in parts_of(route).values():
        assert groups(root) == [
            (0, 0, 0, "reachPoint", "", "gimbalRotate", ""),
            (1, 1, 3, "multipleDistance", every, "takePhoto", "R1-01"),
            (2, 4, 5, "multipleDistance", every, "takePhoto", "R2-02"),
        ]


@settings(max_examples=25, deadline=None)
@given(plans())
def test_both_files_agree_and_stay_within_bounds(plan: Plan) -> None:
    for sortie in plan.sorties:
        route = route_of(plan, sortie)
        template, waylines = parts_of(route).values()
        assert groups(template) == groups(waylines)
        ids = [row[0] for row in groups(waylines)]
        assert ids == list(range(len(ids)))
        for index, (ours, theirs, point) in enumerate(
            zip(marks(template), marks(waylines), route.points, strict=True)
        ):
            assert text(ours, f"{WPML}index") == text(theirs, f"{WPML}index") == str(index)
            assert float(text(ours, f"{WPML}height")) == point.above_launch_m
            assert float(text(theirs, f"{WPML}executeHeight")) == point.above_launch_m
            assert float(text(theirs, f"{WPML}waypointSpeed")) == point.speed_m_s
            assert float(text(ours, f"{WPML}gimbalPitchAngle")) == route.pitch_deg
        height = f"{KML}Document/{WPML}missionConfig/{WPML}takeOffSecurityHeight"
        assert 2 <= float(text(waylines, height)) <= 1500


def test_many_waypoints_are_a_warning_and_too_many_an_error() -> None:
    route = small()
    many = replace(route, points=route.points[:1] * 101)
    assert any("101 waypoints" in line for line in FORMATS["wpml"].losses(many))
    with pytest.raises(PlanFileError, match="numbers at most 65536"):
        FORMATS["wpml"].write(replace(route, points=route.points[:1] * 65_537))


@pytest.mark.parametrize(
    ("part", "old", "new", "words"),
    [
        ("template.kml", "23.16900000,113.47900000", "113.47900000,23.16900000", "swapped"),
        ("template.kml", ">waypoint<", ">mapping2d<", "templateType: expected waypoint"),
        ("template.kml", "missionConfig>", "mission>", "missionConfig: expected it once, found 0"),
        ("waylines.wpml", "113.47950000,23.16990000", "23.16990000,113.47950000", "swapped"),
        ("waylines.wpml", ">relativeToStartPoint<", ">WGS84<", "executeHeightMode"),
        ("waylines.wpml", "Index>1<", "Index>2<", "Placemark 1 actionGroup"),
        ("waylines.wpml", "stopRecord", "takePhoto", "Placemark 3 actionGroup"),
        ("waylines.wpml", "startRecord", "stopRecord", "recording started, then stopped"),
        ("waylines.wpml", "gimbalRotate<", "hover<", "Placemark 0 actionGroup"),
        ("waylines.wpml", ">47.739<", ">high<", "expected a number"),
        ("waylines.wpml", "index>3<", "index>4<", "Placemark 3 index"),
        ("waylines.wpml", "opengis.net/kml/2.2", "opengis.net/kml/2.1", "root: expected kml"),
    ],
)
def test_what_is_wrong_is_named(part: str, old: str, new: str, words: str) -> None:
    [(name, packed)] = FORMATS["wpml"].write(small()).items()
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(packed)) as archive,
        zipfile.ZipFile(out, "w") as changed,
    ):
        for entry in archive.namelist():
            told = archive.read(entry).decode()
            if entry.endswith(part):
                assert old in told
                told = told.replace(old, new)
            changed.writestr(entry, told)
    with pytest.raises(PlanFileError, match=words) as caught:
        FORMATS["wpml"].read({name: out.getvalue()})
    assert str(caught.value).startswith("sortie-01.kmz: ")
    assert "\n" not in str(caught.value)


def test_an_archive_without_its_files() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("wpmz/template.kml", "<kml/>")
    with pytest.raises(PlanFileError, match="a file wpmz/waylines"):
        FORMATS["wpml"].read({"a.kmz": out.getvalue()})
    with pytest.raises(PlanFileError, match="not a KMZ"):
        FORMATS["wpml"].read({"a.kmz": b"PK\x03\x04 not really"})
