"""QGroundControl `.plan` (JSON): mission with the lanes as editable corridors, fence, rally points.

Sources: QGroundControl's developer guide, "Plan file format", and its loaders: MissionController::
_loadJsonMissionFileV2, SimpleMissionItem::load, GeoFenceController::load, QGCMapPolygon::
loadFromJson, RallyPointController::load.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from patrol.errors import PlanFileError
from patrol.export.corridor import (
    ALTITUDE_RELATIVE,
    camera_facts,
    corridor_item,
    is_corridor,
    simple_item,
)
from patrol.export.items import flown, route_items
from patrol.export.reading import MOST_POINTS, Source, one_file, stem
from patrol.export.route import (
    CameraFacts,
    RallyPoint,
    Ring,
    Route,
    ZoneRing,
    lane_runs,
    launch_of,
    numbered_lanes,
    with_lanes,
)
from patrol.mission import MissionItem

__all__ = ["SUFFIX", "carried", "losses", "read", "write"]

SUFFIX = ".plan"
_FIRMWARE_ARDUPILOT = 3  # MAV_AUTOPILOT_ARDUPILOTMEGA
_VEHICLE_QUADROTOR = 2  # MAV_TYPE_QUADROTOR
_PARAMS = 7


def write(route: Route) -> dict[str, bytes]:
    """Mission, keep-in fence, no-fly zones as exclusion polygons, rally points."""
    home = launch_of(route, "a QGroundControl plan")
    document = {
        "fileType": "Plan",
        "version": 1,
        "groundStation": "QGroundControl",
        "mission": {
            "version": 2,
            "firmwareType": _FIRMWARE_ARDUPILOT,
            "vehicleType": _VEHICLE_QUADROTOR,
            "globalPlanAltitudeMode": ALTITUDE_RELATIVE,
            "cruiseSpeed": route.cruise_m_s,
            "hoverSpeed": route.cruise_m_s,
            "plannedHomePosition": [home.lat_deg, home.lon_deg, route.ground_msl_m],
            "items": _items(route),
        },
        "geoFence": {
            "version": 2,
            "circles": [],
            "polygons": [
                *([_polygon(route.fence, inclusion=True)] if route.fence else []),
                *(_polygon(z.ring, inclusion=False) | {"name": z.name} for z in route.zones),
            ],
        },
        "rallyPoints": {
            "version": 2,
            "points": [
                [r.position.lat_deg, r.position.lon_deg, r.above_launch_m] for r in route.rally
            ],
        },
    }
    text = json.dumps(document, indent=4, allow_nan=False, ensure_ascii=False)
    return {f"{route.name}{SUFFIX}": (text + "\n").encode()}


def _items(route: Route) -> list[dict[str, Any]]:
    """The mission after home; the items of each lane, from its first waypoint to where recording
    stops, are one corridor. Numbers run on through it, as QGroundControl counts them."""
    items, flies_to = route_items(route)
    at = {to: seq for seq, to in enumerate(flies_to)}  # its waypoint is the last that flies there
    rows: list[dict[str, Any]] = []
    seq = 1
    for begin, end in lane_runs(route.points):
        inside, after = at[begin], at[end] + 2  # up to the last waypoint and the stop after it
        rows += [simple_item(item) for item in items[seq:inside]]
        rows.append(corridor_item(route, route.points[begin : end + 1], items[inside:after]))
        seq = after
    return rows + [simple_item(item) for item in items[seq:]]


def _polygon(ring: Ring, *, inclusion: bool) -> dict[str, Any]:
    """A ring as QGroundControl has it: lat, lon, and not closed."""
    corners = [[corner.lat_deg, corner.lon_deg] for corner in ring]
    return {"version": 1, "inclusion": inclusion, "polygon": corners}


def carried(route: Route) -> Route:
    """What comes back: all but the aircraft; the camera where there is a lane to hold it."""
    captures = any(point.capture for point in route.points)
    named = all(route.points[first].lane is not None for first, _ in lane_runs(route.points))
    return replace(
        route,
        points=route.points if named else numbered_lanes(route.points),
        trigger_m=route.trigger_m if captures else 0.0,
        aircraft=None,
        camera=route.camera if captures else None,
    )


def losses(route: Route) -> tuple[str, ...]:
    """What the format cannot carry of this route, and what is lost by editing it."""
    told = []
    runs = lane_runs(route.points)
    if any(len({p.above_launch_m for p in route.points[a : b + 1]}) > 1 for a, b in runs):
        told.append(
            "航线高度随地形变化：照原样飞行无损，但在 QGroundControl 中编辑走廊会把它重算成单一高度"
            " / lanes follow the terrain: flown as written, but editing a corridor in "
            "QGroundControl recomputes it at one height"
        )
    if runs and route.capture == "video":
        told.append(
            "在 QGroundControl 中编辑走廊会丢失其中的录像指令 / editing a corridor in "
            "QGroundControl drops its start and stop of recording"
        )
    if any(route.points[a].speed_m_s != route.cruise_m_s for a, _ in runs):
        told.append(
            "在 QGroundControl 中编辑走廊会丢失该航线的速度 / editing a corridor in "
            "QGroundControl drops the speed of that lane"
        )
    return tuple(told)


def read(files: Mapping[str, bytes]) -> Route:
    """Raises PlanFileError where the file is not such a plan, or one that no patrol flies."""
    source, data = one_file(files)
    document = source.json(data)
    if document.get("fileType") != "Plan" or document.get("version") != 1:
        found = f"{document.get('fileType')!r} version {document.get('version')!r}"
        source.fail("fileType", "'Plan' version 1", found)
    mission = source.record(document.get("mission"), "mission")
    if mission.get("version") != 2:
        source.fail("mission.version", "2", mission.get("version"))
    planned = source.rows(mission.get("plannedHomePosition"), "mission.plannedHomePosition", 3, 3)
    items, lanes, camera = _read_items(mission.get("items"), source)
    told = flown(items, source)
    runs = lane_runs(told.points)
    names = {seq: name for seq, name in lanes if name is not None}
    points = told.points
    if runs and all(told.at[first] in names for first, _ in runs):
        points = with_lanes(points, [names[told.at[first]] for first, _ in runs])
    fence, zones = _read_fence(document.get("geoFence", {"version": 1}), source)
    return Route(
        name=stem(source.name),
        home=source.position(planned[1], planned[0], "mission.plannedHomePosition"),
        take_off_m=told.take_off_m, cruise_m_s=told.cruise_m_s, pitch_deg=told.pitch_deg,
        trigger_m=told.trigger_m, points=points,
        ground_msl_m=source.metres(planned[2] or 0.0, "mission.plannedHomePosition height"),
        fence=fence, zones=zones,
        rally=_read_rally(document.get("rallyPoints", {"version": 1}), source),
        camera=camera,
    )  # fmt: skip


def _read_items(
    rows: object, source: Source
) -> tuple[list[MissionItem], list[tuple[int, str | None]], CameraFacts | None]:
    """The items with corridors laid open, numbered from 1; where each corridor begins and its
    lane's name; the camera of the first one."""
    items: list[MissionItem] = []
    lanes: list[tuple[int, str | None]] = []
    camera: CameraFacts | None = None
    for number, value in enumerate(source.rows(rows, "mission.items", 1, 8 * MOST_POINTS)):
        where = f"mission.items[{number}]"
        row = source.record(value, where)
        if not is_corridor(row, where, source):
            items.append(_read_simple(row, where, len(items) + 1, source))
            continue
        inner = source.record(
            row.get("TransectStyleComplexItem"), f"{where}.TransectStyleComplexItem"
        )
        name = row.get("lane")
        lanes.append(
            (len(items) + 1, None if name is None else source.name_text(name, f"{where}.lane"))
        )
        calc = camera_facts(inner.get("CameraCalc"), f"{where}.CameraCalc", source)
        camera = calc if len(lanes) == 1 else camera
        for index, nested in enumerate(source.rows(inner.get("Items"), f"{where}.Items", 1)):
            place = f"{where}.Items[{index}]"
            nested_row = source.record(nested, place)
            if nested_row.get("type") != "SimpleItem":
                source.fail(place, "a SimpleItem", nested_row.get("type"))
            items.append(_read_simple(nested_row, place, len(items) + 1, source))
    return items, lanes, camera


def _read_simple(row: dict[str, Any], where: str, seq: int, source: Source) -> MissionItem:
    command = source.whole(row.get("command"), f"{where}.command", 0, 65_535)
    frame = source.whole(row.get("frame"), f"{where}.frame", 0, 255)
    if row.get("autoContinue") is not True:
        source.fail(f"{where}.autoContinue", "true", row.get("autoContinue"))
    if source.whole(row.get("doJumpId", seq), f"{where}.doJumpId", 0, 1_000_000) != seq:
        source.fail(f"{where}.doJumpId", f"{seq}", row.get("doJumpId"))
    values = source.rows(row.get("params"), f"{where}.params", _PARAMS, _PARAMS)
    numbers = [  # null is "not given" there
        0.0 if value is None else source.number(value, f"{where}.params[{i}]", -1e9, 1e9)
        for i, value in enumerate(values)
    ]
    return MissionItem(seq, frame, command, 0, 1, *numbers)


def _read_fence(value: object, source: Source) -> tuple[Ring, tuple[ZoneRing, ...]]:
    fence = source.record(value, "geoFence")
    if fence.get("version") == 1:
        return (), ()
    if fence.get("version") != 2:
        source.fail("geoFence.version", "2", fence.get("version"))
    if source.rows(fence.get("circles"), "geoFence.circles"):
        source.fail("geoFence.circles", "polygons only")
    inside: list[Ring] = []
    zones: list[ZoneRing] = []
    for index, polygon in enumerate(source.rows(fence.get("polygons"), "geoFence.polygons")):
        where = f"geoFence.polygons[{index}]"
        row = source.record(polygon, where)
        ring = tuple(
            source.position(lon, lat, f"{where}[{corner}]")
            for corner, (lat, lon) in enumerate(_pairs(row.get("polygon"), where, source))
        )
        if row.get("inclusion") is True:
            inside.append(ring)
        elif row.get("inclusion") is False:
            zones.append(ZoneRing(source.name_text(row.get("name", ""), f"{where}.name"), ring))
        else:
            source.fail(f"{where}.inclusion", "true or false", row.get("inclusion"))
    if len(inside) > 1:
        raise PlanFileError(f"{source.name}: geoFence: expected one keep-in polygon, found 2")
    return (inside[0] if inside else ()), tuple(zones)


def _pairs(value: object, where: str, source: Source) -> list[list[Any]]:
    corners = source.rows(value, f"{where}.polygon", 3)
    return [source.rows(corner, f"{where}[{i}]", 2, 2) for i, corner in enumerate(corners)]


def _read_rally(value: object, source: Source) -> tuple[RallyPoint, ...]:
    rally = source.record(value, "rallyPoints")
    if rally.get("version") == 1:
        return ()
    if rally.get("version") != 2:
        source.fail("rallyPoints.version", "2", rally.get("version"))
    points = []
    for index, point in enumerate(source.rows(rally.get("points"), "rallyPoints.points")):
        where = f"rallyPoints.points[{index}]"
        lat, lon, height = source.rows(point, where, 3, 3)
        points.append(
            RallyPoint(source.position(lon, lat, where), source.metres(height, f"{where} height"))
        )
    return tuple(points)
