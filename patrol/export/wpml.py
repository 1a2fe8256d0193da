"""DJI WPML (`.kmz`): `wpmz/template.kml`, which DJI Pilot edits, and `wpmz/waylines.wpml`, which
the aircraft flies.

Elements, their order and ranges from DJI's Cloud API documentation, "DJI WPML": template.kml,
waylines.wpml, common elements. Coordinates are lon,lat; `takeOffRefPoint` alone is
lat,lon,height. Heights are above the take-off point.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from xml.sax.saxutils import escape

from geo.coordinates import LocalProjection
from patrol.errors import PlanFileError
from patrol.export.reading import MOST_POINTS
from patrol.export.route import Route, bare, lane_runs, launch_of, with_lanes
from patrol.export.wpml_reading import (
    AIRCRAFT,
    FALLBACK,
    HEIGHT_RANGE_M,
    SUFFIX,
    TEMPLATE,
    WAYLINES,
    is_suffix,
    read_kmz,
)
from patrol.mission import RoutePoint

__all__ = ["SUFFIX", "carried", "losses", "read", "write"]

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:wpml="http://www.dji.com/wpmz/1.0.6">'
)
_STOP = "toPointAndStopWithDiscontinuityCurvature"
_PASS = "toPointAndPassWithContinuityCurvature"
_TURN_M = 2.0  # how far before a lane's bend the aircraft begins to turn
_FAST_M_S = 11.5
_MANY = 100

Node = tuple[str, "str | list[Node]"]


def write(route: Route) -> dict[str, bytes]:
    """A KMZ with both files, stored without compression and with fixed dates, so that the same
    route is the same bytes everywhere. Raises PlanFileError for more points than can be numbered.
    """
    if len(route.points) > MOST_POINTS + 1:
        raise PlanFileError(
            f"{route.name}: {len(route.points)} waypoints; WPML numbers at most {MOST_POINTS + 1}"
        )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, nodes in ((TEMPLATE, _template(route)), (WAYLINES, _waylines(route))):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, _document(nodes).encode())
    return {f"{route.name}{SUFFIX}": packed.getvalue()}


def carried(route: Route) -> Route:
    """What comes back: the flight with launch site and aircraft; lanes by name where the name can
    be a media file's suffix."""
    low, high = HEIGHT_RANGE_M
    return replace(
        bare(route),
        take_off_m=min(max(route.take_off_m, low), high),
        points=with_lanes(route.points, _suffixes(route)),
        ground_msl_m=route.ground_msl_m,
        aircraft=route.aircraft if route.aircraft in AIRCRAFT else FALLBACK,
    )


def _suffixes(route: Route) -> list[str]:
    """The lanes' names, or lane-1, lane-2 … where a name cannot end a media file's."""
    names = [route.points[first].lane or "" for first, _ in lane_runs(route.points)]
    return [name if is_suffix(name) else f"lane-{i}" for i, name in enumerate(names, 1)]


def losses(route: Route) -> tuple[str, ...]:
    """What the format, and the devices that fly it, cannot carry of this route."""
    told = ["不含电子围栏、禁飞区和备降点 / no fence, no-fly zones or rally points"]
    if route.aircraft not in AIRCRAFT:
        told.append(
            f"WPML 没有机型 {route.aircraft}：文件按 {FALLBACK} 声明 / WPML does not know the "
            f"aircraft {route.aircraft}: the file is declared for {FALLBACK}"
        )
    if route.capture == "video":
        told.append(
            "录像以航点动作开始和停止 / recording starts and stops as actions at waypoints, where "
            "the aircraft halts"
        )
    else:
        told.append(
            "DJI Fly 忽略等距拍照，仅 DJI Pilot 2 和司空 2 执行 / DJI Fly ignores photos by "
            "distance; DJI Pilot 2 and FlightHub 2 take them"
        )
    fastest = max((p.speed_m_s for p in route.points), default=0.0)
    if max(fastest, route.cruise_m_s) > _FAST_M_S:
        told.append(
            f"DJI RC 2 会把超过 12 m/s 的速度悄悄改为 2.5 m/s：请规划 {_FAST_M_S} m/s 以下 / the "
            f"DJI RC 2 silently resets speeds over 12 m/s to 2.5: plan at most {_FAST_M_S} m/s"
        )
    if len(route.points) > _MANY:
        told.append(
            f"{route.name} 有 {len(route.points)} 个航点：DJI RC 2 超过约 {_MANY} 个会卡死 / "
            f"{len(route.points)} waypoints: the DJI RC 2 freezes beyond about {_MANY}"
        )
    low, high = HEIGHT_RANGE_M
    if not low <= route.take_off_m <= high:
        told.append(
            f"起飞安全高度限 {low:g}–{high:g} m / the take-off height is kept to {low:g}-{high:g} m"
        )
    return tuple(told)


def read(files: Mapping[str, bytes]) -> Route:
    """Raises PlanFileError where the archive is not such a mission, or one that no patrol flies."""
    return read_kmz(files)


def _document(nodes: list[Node]) -> str:
    lines = [_HEAD]
    _lines(("Document", nodes), 1, lines)
    return "\n".join([*lines, "</kml>", ""])


def _lines(node: Node, depth: int, lines: list[str]) -> None:
    tag, value = node
    name = tag if tag[0].isupper() or tag == "coordinates" else f"wpml:{tag}"
    indent = "  " * depth
    if isinstance(value, str):
        lines.append(f"{indent}<{name}>{escape(value)}</{name}>")
        return
    lines.append(f"{indent}<{name}>")
    for child in value:
        _lines(child, depth + 1, lines)
    lines.append(f"{indent}</{name}>")


def _number(value: float) -> str:
    return f"{value:.3f}"


def _mission(route: Route) -> Node:
    home = launch_of(route, "WPML")
    drone, sub, payload = AIRCRAFT.get(route.aircraft or "", AIRCRAFT[FALLBACK])
    low, high = HEIGHT_RANGE_M
    take_off_m = min(max(route.take_off_m, low), high)
    back_m = max(take_off_m, *(p.above_launch_m for p in route.points))
    return "missionConfig", [
        ("flyToWaylineMode", "safely"),
        ("finishAction", "goHome"),
        ("exitOnRCLost", "executeLostAction"),
        ("executeRCLostAction", "goBack"),
        ("takeOffSecurityHeight", _number(take_off_m)),
        ("takeOffRefPoint", f"{home.lat_deg:.8f},{home.lon_deg:.8f},{route.ground_msl_m:.3f}"),
        ("takeOffRefPointAGLHeight", "0"),
        ("globalTransitionalSpeed", _number(route.cruise_m_s)),
        ("globalRTHHeight", _number(min(back_m, high))),
        ("droneInfo", [("droneEnumValue", str(drone)), ("droneSubEnumValue", str(sub))]),
        *_payload(payload),
    ]


def _payload(number: int | None) -> list[Node]:
    """Nothing for an aircraft whose camera is its own."""
    if number is None:
        return []
    return [("payloadInfo", [("payloadEnumValue", str(number)), ("payloadPositionIndex", "0")])]


def _template(route: Route) -> list[Node]:
    heading: list[Node] = [
        ("waypointHeadingMode", "followWayline"),
        ("waypointHeadingPathMode", "followBadArc"),
    ]
    folder: list[Node] = [
        ("templateType", "waypoint"),
        ("templateId", "0"),
        (
            "waylineCoordinateSysParam",
            [("coordinateMode", "WGS84"), ("heightMode", "relativeToStartPoint")],
        ),
        ("autoFlightSpeed", _number(route.cruise_m_s)),
        ("gimbalPitchMode", "usePointSetting"),
        ("globalWaypointHeadingParam", heading),
        ("globalWaypointTurnMode", _STOP),
        ("globalUseStraightLine", "1"),
    ]
    turns, groups = _turns(route.points), _groups(route)
    for index, point in enumerate(route.points):
        folder.append(
            (
                "Placemark",
                [
                    _point(point),
                    ("index", str(index)),
                    ("ellipsoidHeight", _number(point.above_launch_m)),
                    ("height", _number(point.above_launch_m)),
                    ("useGlobalHeight", "0"),
                    ("useGlobalSpeed", "0"),
                    ("waypointSpeed", _number(point.speed_m_s)),
                    ("useGlobalHeadingParam", "1"),
                    ("useGlobalTurnParam", "0"),
                    *_turn(turns[index]),
                    ("gimbalPitchAngle", _number(route.pitch_deg)),
                    *groups.get(index, []),
                ],
            )
        )
    folder.append(("payloadParam", [("payloadPositionIndex", "0"), ("imageFormat", "wide")]))
    return [_mission(route), ("Folder", folder)]


def _waylines(route: Route) -> list[Node]:
    folder: list[Node] = [
        ("templateId", "0"),
        ("executeHeightMode", "relativeToStartPoint"),
        ("waylineId", "0"),
        ("autoFlightSpeed", _number(route.cruise_m_s)),
    ]
    turns, groups = _turns(route.points), _groups(route)
    for index, point in enumerate(route.points):
        folder.append(
            (
                "Placemark",
                [
                    _point(point),
                    ("index", str(index)),
                    ("executeHeight", _number(point.above_launch_m)),
                    ("waypointSpeed", _number(point.speed_m_s)),
                    (
                        "waypointHeadingParam",
                        [
                            ("waypointHeadingMode", "followWayline"),
                            ("waypointHeadingPathMode", "followBadArc"),
                        ],
                    ),
                    *_turn(turns[index]),
                    *groups.get(index, []),
                ],
            )
        )
    return [_mission(route), ("Folder", folder)]


def _point(point: RoutePoint) -> Node:
    place = point.position
    return "Point", [("coordinates", f"{place.lon_deg:.8f},{place.lat_deg:.8f}")]


def _turns(points: Sequence[RoutePoint]) -> list[float]:
    """How far before each point the turn begins; 0 to stop at it. Only within lanes is flown
    through, and the turns at either end of a leg fit into it."""
    here = LocalProjection(points[0].position)
    track = here.forward([(p.position.lon_deg, p.position.lat_deg) for p in points])
    legs = [math.dist(a, b) for a, b in pairwise(track)]
    turns = [0.0] * len(points)
    for first, last in lane_runs(points):
        for index in range(first + 1, last):
            fits = math.floor(min(_TURN_M, 0.4 * min(legs[index - 1], legs[index])) * 100) / 100
            turns[index] = fits if fits >= 0.1 else 0.0
    return turns


def _turn(before_m: float) -> list[Node]:
    mode = _PASS if before_m > 0 else _STOP
    return [
        (
            "waypointTurnParam",
            [("waypointTurnMode", mode), ("waypointTurnDampingDist", f"{before_m:.2f}")],
        ),
        ("useStraightLine", "1"),
    ]


def _groups(route: Route) -> dict[int, list[Node]]:
    """The action groups of each waypoint: the gimbal at the first, the camera along the lanes."""
    groups: dict[int, list[Node]] = {}

    def add(first: int, last: int, trigger: list[Node], action: str, param: list[Node]) -> None:
        number = sum(len(row) for row in groups.values())
        groups.setdefault(first, []).append(
            (
                "actionGroup",
                [
                    ("actionGroupId", str(number)),
                    ("actionGroupStartIndex", str(first)),
                    ("actionGroupEndIndex", str(last)),
                    ("actionGroupMode", "sequence"),
                    ("actionTrigger", trigger),
                    (
                        "action",
                        [
                            ("actionId", "0"),
                            ("actionActuatorFunc", action),
                            ("actionActuatorFuncParam", param),
                        ],
                    ),
                ],
            )
        )

    reach: list[Node] = [("actionTriggerType", "reachPoint")]
    add(0, 0, reach, "gimbalRotate", _gimbal(route.pitch_deg))
    every: list[Node] = [
        ("actionTriggerType", "multipleDistance"),
        ("actionTriggerParam", _number(route.trigger_m)),
    ]
    for (first, last), suffix in zip(lane_runs(route.points), _suffixes(route), strict=True):
        camera: list[Node] = [
            ("payloadPositionIndex", "0"),
            ("fileSuffix", suffix),
            ("payloadLensIndex", "wide"),
            ("useGlobalPayloadLensIndex", "0"),
        ]
        if route.trigger_m > 0:
            add(first, last, every, "takePhoto", camera)
        else:
            add(first, first, reach, "startRecord", camera)
            add(last, last, reach, "stopRecord", [camera[0], camera[2]])
    return groups


def _gimbal(pitch_deg: float) -> list[Node]:
    return [
        ("gimbalHeadingYawBase", "north"),
        ("gimbalRotateMode", "absoluteAngle"),
        ("gimbalPitchRotateEnable", "1"),
        ("gimbalPitchRotateAngle", _number(pitch_deg)),
        ("gimbalRollRotateEnable", "0"),
        ("gimbalRollRotateAngle", "0"),
        ("gimbalYawRotateEnable", "0"),
        ("gimbalYawRotateAngle", "0"),
        ("gimbalRotateTimeEnable", "0"),
        ("gimbalRotateTime", "0"),
        ("payloadPositionIndex", "0"),
    ]
