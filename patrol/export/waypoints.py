"""`.waypoints`: "QGC WPL 110", tab separated; Mission Planner, MAVProxy, QGroundControl read it.

Source: MAVLink's developer guide, "Plain-text file format".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from patrol.export.items import flown, route_items
from patrol.export.reading import MOST_POINTS, Source, one_file, stem
from patrol.export.route import Route, bare
from patrol.mission import FRAME_GLOBAL, NAV_WAYPOINT, MissionItem

__all__ = ["SUFFIX", "carried", "losses", "read", "write"]

SUFFIX = ".waypoints"
_HEAD = "QGC WPL 110"
_FIELDS = 12


def write(route: Route) -> dict[str, bytes]:
    """One item a line, home first and marked as the current one."""
    rows = [_HEAD]
    for item in route_items(route)[0]:
        fields = [str(n) for n in (item.seq, item.current, item.frame, item.command)]
        fields += [f"{p:.6f}" for p in (item.param1, item.param2, item.param3, item.param4)]
        fields += [f"{degrees:.8f}" for degrees in (item.lat_deg, item.lon_deg)]
        fields += [f"{item.altitude_m:.6f}", str(item.autocontinue)]
        rows.append("\t".join(fields))
    return {f"{route.name}{SUFFIX}": ("\n".join(rows) + "\n").encode()}


def carried(route: Route) -> Route:
    """What comes back: the flight, with the lanes numbered."""
    return bare(route)


def losses(route: Route) -> tuple[str, ...]:
    """What the format cannot carry of this route."""
    told = []
    if route.fence or route.zones or route.rally:
        told.append(
            "不含电子围栏、禁飞区和备降点，需另行上传 / no fence, no-fly zones or rally points: "
            "send them to the vehicle by other means"
        )
    told.append(
        "不含航线名称和相机参数 / the lanes' names and the camera's figures are not in the file"
    )
    return tuple(told)


def read(files: Mapping[str, bytes]) -> Route:
    """Raises PlanFileError where the file is not such a mission, or one that no patrol flies."""
    source, data = one_file(files)
    rows = source.text(data).splitlines()
    if not rows or rows[0].strip() != _HEAD:
        source.fail("line 1", repr(_HEAD), rows[0] if rows else "an empty file")
    if len(rows) > 8 * MOST_POINTS:
        source.fail("file", f"at most {8 * MOST_POINTS} lines", len(rows))
    items = [_item(row, number, source) for number, row in enumerate(rows[1:]) if row.strip()]
    if not items or items[0].command != NAV_WAYPOINT or items[0].frame != FRAME_GLOBAL:
        source.fail("item 0", "the home position (command 16, frame 0)")
    told = flown(items[1:], source)
    return Route(
        name=stem(source.name),
        home=source.position(items[0].lon_deg, items[0].lat_deg, "item 0"),
        take_off_m=told.take_off_m, cruise_m_s=told.cruise_m_s, pitch_deg=told.pitch_deg,
        trigger_m=told.trigger_m, points=told.points,
    )  # fmt: skip


def _item(row: str, number: int, source: Source) -> MissionItem:
    fields = row.split("\t")
    where = f"line {number + 2}"
    if len(fields) != _FIELDS:
        source.fail(where, f"{_FIELDS} fields with tabs between", len(fields))
    seq, current, frame, command = (source.whole(f, where, 0, 65_535) for f in fields[:4])
    if seq != number:
        source.fail(where, f"item {number}", seq)
    p1, p2, p3, p4, lat, lon, height = (source.number(f, where, -1e9, 1e9) for f in fields[4:11])
    item = MissionItem(seq, frame, command, current, 1, p1, p2, p3, p4, lat, lon, height)
    return replace(item, autocontinue=source.whole(fields[11], where, 0, 1))
