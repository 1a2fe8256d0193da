"""GeoJSON (RFC 7946) to look at; it holds the whole route, so that it can be read back.

Features by their property `kind`: launch, waypoint, lane, track, fence, no_fly_zone, rally.
Lanes and track repeat the waypoints as lines for maps and are not read. Heights are properties,
above the launch site: a third coordinate would be a height above the ellipsoid.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

from geo.coordinates import LonLat
from patrol.export.reading import MOST_POINTS, Source, one_file, stem
from patrol.export.route import (
    CameraFacts,
    RallyPoint,
    Ring,
    Route,
    RoutePoint,
    ZoneRing,
    lane_runs,
)

__all__ = ["SUFFIX", "carried", "losses", "properties_of", "read", "route_from", "write"]

SUFFIX = ".geojson"
FORMAT = "river-patrol/route"
VERSION = 1
_KEYS = {field.name: field.name for field in fields(CameraFacts)}


def write(route: Route) -> dict[str, bytes]:
    """One FeatureCollection; its `route` holds what is not a place."""
    rows: list[dict[str, Any]] = []
    if route.home is not None:
        rows.append(_feature("Point", _pair(route.home), {"kind": "launch"}))
    for index, point in enumerate(route.points):
        told = {
            "kind": "waypoint", "index": index, "above_launch_m": point.above_launch_m,
            "speed_m_s": point.speed_m_s, "lane": point.lane, "capture": point.capture,
        }  # fmt: skip
        rows.append(_feature("Point", _pair(point.position), told))
    for first, last in lane_runs(route.points):
        stretch = route.points[first : last + 1]
        told = {"kind": "lane", "lane": stretch[0].lane}
        rows.append(_feature("LineString", [_pair(p.position) for p in stretch], told))
    home = [] if route.home is None else [route.home]
    track = [*home, *(p.position for p in route.points), *home]
    if len(track) > 1:
        rows.append(_feature("LineString", [_pair(p) for p in track], {"kind": "track"}))
    if route.fence:
        rows.append(_feature("Polygon", _closed(route.fence), {"kind": "fence"}))
    for zone in route.zones:
        told = {"kind": "no_fly_zone", "name": zone.name}
        rows.append(_feature("Polygon", _closed(zone.ring), told))
    for rally in route.rally:
        told = {"kind": "rally", "above_launch_m": rally.above_launch_m}
        rows.append(_feature("Point", _pair(rally.position), told))
    head = {"type": "FeatureCollection", "route": properties_of(route)}
    text = json.dumps(head, ensure_ascii=False, allow_nan=False)[:-1] + ', "features": [\n'
    text += ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    return {f"{route.name}{SUFFIX}": (text + "\n]}\n").encode()}


def properties_of(route: Route) -> dict[str, Any]:
    """What of a route is not a place."""
    return {
        "format": FORMAT, "version": VERSION, "take_off_m": route.take_off_m,
        "cruise_m_s": route.cruise_m_s, "pitch_deg": route.pitch_deg,
        "trigger_m": route.trigger_m, "ground_msl_m": route.ground_msl_m,
        "aircraft": route.aircraft, "camera": asdict(route.camera) if route.camera else None,
    }  # fmt: skip


def carried(route: Route) -> Route:
    """What comes back: all of it."""
    return route


def losses(route: Route) -> tuple[str, ...]:
    """For looking at, not for flying."""
    return ("仅供查看，飞控和地面站不能据此飞行 / to look at: no ground station flies it",)


def read(files: Mapping[str, bytes]) -> Route:
    """Raises PlanFileError where the file is not such a collection."""
    source, data = one_file(files)
    document = source.json(data)
    head = source.record(document.get("route"), "route")
    launches: list[LonLat] = []
    points: list[RoutePoint] = []
    fences: list[Ring] = []
    zones: list[ZoneRing] = []
    rally: list[RallyPoint] = []
    features = source.rows(document.get("features"), "features", 1, 4 * MOST_POINTS)
    for number, value in enumerate(features):
        where = f"features[{number}]"
        row = source.record(value, where)
        told = source.record(row.get("properties"), f"{where}.properties")
        shape = source.record(row.get("geometry"), f"{where}.geometry")
        match told.get("kind"):
            case "launch":
                launches.append(_place(shape, where, source))
            case "waypoint":
                if told.get("index") != len(points):
                    source.fail(f"{where}.index", str(len(points)), told.get("index"))
                points.append(point_from(told, _place(shape, where, source), where, source))
            case "fence":
                fences.append(_ring(shape, where, source))
            case "no_fly_zone":
                name = source.name_text(told.get("name"), f"{where}.name")
                zones.append(ZoneRing(name, _ring(shape, where, source)))
            case "rally":
                height = source.metres(told.get("above_launch_m"), f"{where}.above_launch_m")
                rally.append(RallyPoint(_place(shape, where, source), height))
            case "lane" | "track":
                pass
            case kind:
                source.fail(f"{where}.kind", "one that a route has", kind)
    if len(launches) > 1 or len(fences) > 1:
        source.fail("features", "one launch and one fence")
    return route_from(
        head, source, home=launches[0] if launches else None, points=points,
        fence=fences[0] if fences else (), zones=zones, rally=rally,
    )  # fmt: skip


def point_from(told: Mapping[str, Any], place: LonLat, where: str, source: Source) -> RoutePoint:
    """A waypoint from its properties."""
    lane, capture = told.get("lane"), told.get("capture")
    if not isinstance(capture, bool):
        source.fail(f"{where}.capture", "true or false", capture)
    return RoutePoint(
        place,
        source.metres(told.get("above_launch_m"), f"{where}.above_launch_m"),
        source.speed(told.get("speed_m_s"), f"{where}.speed_m_s"),
        None if lane is None else source.name_text(lane, f"{where}.lane"),
        capture,
    )


def route_from(
    head: Mapping[str, Any], source: Source, *, home: LonLat | None, points: list[RoutePoint],
    fence: Ring, zones: Iterable[ZoneRing], rally: Iterable[RallyPoint],
) -> Route:  # fmt: skip
    """A route from `properties_of` and its places; raises PlanFileError where they disagree."""
    if head.get("format") != FORMAT or head.get("version") != VERSION:
        found = f"{head.get('format')!r} version {head.get('version')!r}"
        source.fail("route.format", f"{FORMAT!r} version {VERSION}", found)
    if not points or points[-1].capture:
        source.fail("waypoints", "at least one, the last without capture")
    lanes = {
        index: points[first].lane
        for first, last in lane_runs(points)
        for index in range(first, last + 1)
    }
    for index, point in enumerate(points):
        if point.lane != lanes.get(index) or (point.capture and point.lane is None):
            source.fail(f"waypoint {index}.lane", "the lane that is captured there", point.lane)
    aircraft = head.get("aircraft")
    camera = head.get("camera")
    return Route(
        name=stem(source.name),
        home=home,
        take_off_m=source.metres(head.get("take_off_m"), "route.take_off_m", 0.0),
        cruise_m_s=source.speed(head.get("cruise_m_s"), "route.cruise_m_s"),
        pitch_deg=source.angle(head.get("pitch_deg"), "route.pitch_deg"),
        trigger_m=source.metres(head.get("trigger_m"), "route.trigger_m", 0.0),
        points=tuple(points),
        ground_msl_m=source.metres(head.get("ground_msl_m"), "route.ground_msl_m"),
        fence=fence,
        zones=tuple(zones),
        rally=tuple(rally),
        aircraft=None if aircraft is None else source.name_text(aircraft, "route.aircraft"),
        camera=None
        if camera is None
        else source.camera(source.record(camera, "route.camera"), _KEYS, "route.camera"),
    )


def _feature(kind: str, coordinates: object, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": kind, "coordinates": coordinates},
    }


def _pair(position: LonLat) -> list[float]:
    return [position.lon_deg, position.lat_deg]


def _closed(ring: Ring) -> list[list[list[float]]]:
    return [[_pair(corner) for corner in (*ring, ring[0])]]


def _place(shape: Mapping[str, Any], where: str, source: Source) -> LonLat:
    if shape.get("type") != "Point":
        source.fail(f"{where}.geometry", "a Point", shape.get("type"))
    lon, lat = source.rows(shape.get("coordinates"), f"{where}.coordinates", 2, 2)
    return source.position(lon, lat, where)


def _ring(shape: Mapping[str, Any], where: str, source: Source) -> Ring:
    if shape.get("type") != "Polygon":
        source.fail(f"{where}.geometry", "a Polygon", shape.get("type"))
    [corners] = source.rows(shape.get("coordinates"), f"{where}.coordinates", 1, 1)
    ring = []
    for index, corner in enumerate(source.rows(corners, f"{where}.coordinates[0]", 4)):
        lon, lat = source.rows(corner, f"{where}.coordinates[0][{index}]", 2, 2)
        ring.append(source.position(lon, lat, f"{where}.coordinates[0][{index}]"))
    if ring[0] != ring[-1]:
        source.fail(f"{where}.coordinates", "a ring that ends where it begins")
    return tuple(ring[:-1])
