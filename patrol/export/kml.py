"""KML 2.2 to look at in Google Earth or a GIS; it holds the whole route, so that it reads back.

Folders `launch`, `waypoints`, `track`, `lanes`, `fence`, `no_fly_zones`, `rally`; what KML has no
element for stands in `ExtendedData`. Heights are drawn above ground, or above sea level where the
ground's height at the launch site is known. Source: OGC 07-147r2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from geo.coordinates import LonLat
from patrol.export.geojson import point_from, properties_of, route_from
from patrol.export.reading import MOST_POINTS, Source, one_file
from patrol.export.route import RallyPoint, Ring, Route, ZoneRing, lane_runs

__all__ = ["SUFFIX", "carried", "losses", "read", "write"]

SUFFIX = ".kml"
_NAMESPACE = "{http://www.opengis.net/kml/2.2}"
_STYLES = {  # KML colours are aabbggrr
    "track": "<LineStyle><color>ffe6a03c</color><width>2</width></LineStyle>",
    "lanes": "<LineStyle><color>ff00d7ff</color><width>4</width></LineStyle>",
    "fence": "<LineStyle><color>ff50b464</color></LineStyle><PolyStyle><fill>0</fill></PolyStyle>",
    "no_fly_zones": "<LineStyle><color>ff3232dc</color></LineStyle>"
    "<PolyStyle><color>503232dc</color></PolyStyle>",
}


def write(route: Route) -> dict[str, bytes]:
    """One document of folders."""
    rows = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<kml xmlns="http://www.opengis.net/kml/2.2">',
        "<Document>",
        f"<name>{escape(route.name)}</name>",
        *(f'<Style id="{name}">{style}</Style>' for name, style in _STYLES.items()),
        _data(properties_of(route)),
    ]
    if route.home is not None:
        rows += _folder("launch", [_place("launch", {}, _point(route, route.home, 0.0))])
    rows += _folder(
        "waypoints",
        [
            _place(
                str(index),
                {
                    "above_launch_m": point.above_launch_m, "speed_m_s": point.speed_m_s,
                    "lane": point.lane, "capture": point.capture,
                },
                _point(route, point.position, point.above_launch_m),
            )
            for index, point in enumerate(route.points)
        ],
    )  # fmt: skip
    home = [] if route.home is None else [(route.home, 0.0)]
    track = [(p.position, p.above_launch_m) for p in route.points]
    whole = [*home, *track, *home]
    rows += _folder("track", [_place("track", {}, _line(route, whole), "track")])
    rows += _folder(
        "lanes",
        [
            _place(str(route.points[a].lane), {}, _line(route, track[a : b + 1]), "lanes")
            for a, b in lane_runs(route.points)
        ],
    )
    rows += _folder("fence", [_place("fence", {}, _area(r), "fence") for r in [route.fence] if r])
    rows += _folder(
        "no_fly_zones",
        [_place(z.name, {}, _area(z.ring), "no_fly_zones") for z in route.zones],
    )
    rows += _folder(
        "rally",
        [
            _place(
                "rally",
                {"above_launch_m": r.above_launch_m},
                _point(route, r.position, r.above_launch_m),
            )
            for r in route.rally
        ],
    )
    text = "\n".join([*rows, "</Document>", "</kml>", ""])
    return {f"{route.name}{SUFFIX}": text.encode()}


def carried(route: Route) -> Route:
    """What comes back: all of it."""
    return route


def losses(route: Route) -> tuple[str, ...]:
    """For looking at, not for flying."""
    return ("仅供查看，飞控和地面站不能据此飞行 / to look at: no ground station flies it",)


def _data(values: Mapping[str, Any]) -> str:
    """ExtendedData; values are JSON, so that texts, numbers and nothing stay apart."""
    inner = "".join(
        f"<Data name={quoteattr(name)}><value>"
        f"{escape(json.dumps(value, ensure_ascii=False, allow_nan=False))}</value></Data>"
        for name, value in values.items()
    )
    return f"<ExtendedData>{inner}</ExtendedData>"


def _folder(name: str, placemarks: list[str]) -> list[str]:
    return [f"<Folder><name>{name}</name>", *placemarks, "</Folder>"] if placemarks else []


def _place(name: str, values: Mapping[str, Any], geometry: str, style: str = "") -> str:
    look = f"<styleUrl>#{style}</styleUrl>" if style else ""
    data = _data(values) if values else ""
    return f"<Placemark><name>{escape(name)}</name>{look}{data}{geometry}</Placemark>"


def _mode(route: Route) -> str:
    mode = "absolute" if route.ground_msl_m else "relativeToGround"
    return f"<altitudeMode>{mode}</altitudeMode>"


def _triple(route: Route, position: LonLat, above_launch_m: float) -> str:
    height = route.ground_msl_m + above_launch_m
    return f"{position.lon_deg:.8f},{position.lat_deg:.8f},{height:.3f}"


def _point(route: Route, position: LonLat, above_launch_m: float) -> str:
    told = _triple(route, position, above_launch_m)
    return f"<Point>{_mode(route)}<coordinates>{told}</coordinates></Point>"


def _line(route: Route, track: Iterable[tuple[LonLat, float]]) -> str:
    told = " ".join(_triple(route, place, height) for place, height in track)
    return f"<LineString>{_mode(route)}<coordinates>{told}</coordinates></LineString>"


def _area(ring: Ring) -> str:
    told = " ".join(f"{c.lon_deg:.8f},{c.lat_deg:.8f}" for c in (*ring, ring[0]))
    return (
        "<Polygon><outerBoundaryIs><LinearRing><coordinates>"
        f"{told}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
    )


def read(files: Mapping[str, bytes]) -> Route:
    """Raises PlanFileError where the file is not such a document."""
    source, data = one_file(files)
    document = _child(source.xml(data), "Document", source)
    folders: dict[str, list[Element]] = {}
    for folder in document.findall(f"{_NAMESPACE}Folder"):
        name = _text(folder, "name", source)
        if name in folders:
            source.fail(f"Folder {name}", "it once")
        folders[name] = folder.findall(f"{_NAMESPACE}Placemark")
    waypoints = folders.get("waypoints", [])
    if len(waypoints) > MOST_POINTS:
        source.fail("waypoints", f"at most {MOST_POINTS}", len(waypoints))
    launches = [_position(p, "launch", source) for p in folders.get("launch", [])]
    fences = [_ring(p, "fence", source) for p in folders.get("fence", [])]
    if len(launches) > 1 or len(fences) > 1:
        source.fail("Document", "one launch and one fence")
    points = [
        point_from(_values(p, source), _position(p, f"waypoint {i}", source), f"waypoint {i}",
                   source)
        for i, p in enumerate(waypoints)
    ]  # fmt: skip
    return route_from(
        _values(document, source), source,
        home=launches[0] if launches else None, points=points,
        fence=fences[0] if fences else (),
        zones=[
            ZoneRing(
                source.name_text(_text(p, "name", source), "no_fly_zones name"),
                _ring(p, "no_fly_zones", source),
            )
            for p in folders.get("no_fly_zones", [])
        ],
        rally=[_rally(p, source) for p in folders.get("rally", [])],
    )  # fmt: skip


def _rally(placemark: Element, source: Source) -> RallyPoint:
    height = _values(placemark, source).get("above_launch_m")
    return RallyPoint(
        _position(placemark, "rally", source), source.metres(height, "rally above_launch_m")
    )


def _child(parent: Element, path: str, source: Source) -> Element:
    full = "/".join(_NAMESPACE + name for name in path.split("/"))
    found = parent.findall(full)
    if len(found) != 1:
        source.fail(path, "it once", len(found))
    return found[0]


def _text(parent: Element, path: str, source: Source) -> str:
    return _child(parent, path, source).text or ""


def _values(parent: Element, source: Source) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for row in _child(parent, "ExtendedData", source).findall(f"{_NAMESPACE}Data"):
        name = row.get("name", "")
        text = _text(row, "value", source)
        try:
            values[name] = json.loads(text)
        except (ValueError, RecursionError):
            source.fail(f"Data {name}", "a JSON value", text)
    return values


def _position(placemark: Element, where: str, source: Source) -> LonLat:
    fields = _text(placemark, "Point/coordinates", source).strip().split(",")
    if len(fields) not in (2, 3):
        source.fail(f"{where} coordinates", "lon,lat,height", ",".join(fields))
    return source.position(fields[0], fields[1], where)


def _ring(placemark: Element, where: str, source: Source) -> Ring:
    text = _text(placemark, "Polygon/outerBoundaryIs/LinearRing/coordinates", source)
    ring = []
    for corner in text.split():
        fields = corner.split(",")
        if len(fields) not in (2, 3):
            source.fail(f"{where} coordinates", "lon,lat", corner)
        ring.append(source.position(fields[0], fields[1], where))
    if len(ring) < 4 or ring[0] != ring[-1]:
        source.fail(f"{where} coordinates", "a ring that ends where it begins", len(ring))
    return tuple(ring[:-1])
