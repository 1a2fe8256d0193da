"""Litchi waypoint missions (CSV), in parts of at most 99 waypoints.

Columns and codes as Litchi's Mission Hub writes and reads them: actions 0 stay, 1 photo, 2 start
and 3 stop recording, 5 tilt; gimbalmode 2 sets the pitch; altitudemode 0 is above take-off; a
photo interval or a speed holds from its waypoint on. Actions are skipped at waypoints with a
curve, so curvesize is 0 throughout. A part begins at the waypoint where the one before it ends.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from patrol.errors import PlanFileError
from patrol.export.reading import LARGEST_BYTES, MOST_POINTS, Source, stem
from patrol.export.route import Route, RoutePoint, bare, numbered_lanes
from patrol.mission import take_off_m

__all__ = ["MOST_WAYPOINTS", "SUFFIX", "carried", "losses", "parts", "read", "write"]

SUFFIX = ".csv"
MOST_WAYPOINTS = 99
_ACTIONS = 15
_NONE, _START, _STOP = -1, 2, 3
_COLUMNS = [
    "latitude", "longitude", "altitude(m)", "heading(deg)", "curvesize(m)", "rotationdir",
    "gimbalmode", "gimbalpitchangle",
    *(f"action{what}{i}" for i in range(1, _ACTIONS + 1) for what in ("type", "param")),
    "altitudemode", "speed(m/s)", "poi_latitude", "poi_longitude", "poi_altitude(m)",
    "poi_altitudemode", "photo_timeinterval", "photo_distinterval",
]  # fmt: skip
_PART = re.compile(r"(.+)-([1-9]\d*)")


def parts(points: Sequence[RoutePoint]) -> list[tuple[int, int]]:
    """(first, last) index of the points of each file.

    Parts end between lanes where the second half of a file has such a place, at its last
    waypoint otherwise.
    """
    found: list[tuple[int, int]] = []
    first = 0
    while len(points) - first > MOST_WAYPOINTS:
        furthest = first + MOST_WAYPOINTS - 1
        between = [
            index
            for index in range(first + MOST_WAYPOINTS // 2, furthest + 1)
            if not points[index].capture
        ]
        last = between[-1] if between else furthest
        found.append((first, last))
        first = last
    return [*found, (first, len(points) - 1)]


def write(route: Route) -> dict[str, bytes]:
    """NAME.csv, or NAME-1.csv, NAME-2.csv … to be flown one after the other."""
    spans = parts(route.points)
    files = {}
    for number, (first, last) in enumerate(spans, 1):
        name = route.name if len(spans) == 1 else f"{route.name}-{number}"
        files[f"{name}{SUFFIX}"] = _part(route, first, last, final=number == len(spans)).encode()
    return files


def _part(route: Route, first: int, last: int, *, final: bool) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(_COLUMNS)
    recording = False
    for index in range(first, last + 1):
        point = route.points[index]
        capture = point.capture and (final or index < last)  # each part stops what it starts
        action = _NONE
        if route.capture == "video" and capture != recording:
            action = _START if capture else _STOP
        recording = capture
        distance = route.trigger_m if capture and route.trigger_m > 0 else -1.0
        rows.writerow(
            [
                f"{point.position.lat_deg:.8f}", f"{point.position.lon_deg:.8f}",
                f"{point.above_launch_m:.3f}", f"{_heading_deg(route.points, index):.1f}", "0", "0",
                "2", f"{route.pitch_deg:.3f}", str(action), "0", *(["-1", "0"] * (_ACTIONS - 1)),
                "0", f"{point.speed_m_s:.3f}", "0", "0", "0", "0", "-1",
                "-1" if distance < 0 else f"{distance:.3f}",
            ]
        )  # fmt: skip
    return out.getvalue()


def _heading_deg(points: Sequence[RoutePoint], index: int) -> float:
    """Along the leg that begins here; at the end, along the last one."""
    at = min(index, len(points) - 2)
    if at < 0:
        return 0.0
    here, there = points[at].position, points[at + 1].position
    north = there.lat_deg - here.lat_deg
    east = (there.lon_deg - here.lon_deg) * math.cos(math.radians(here.lat_deg))
    return round(math.degrees(math.atan2(east, north)) % 360.0, 1) % 360.0


def carried(route: Route) -> Route:
    """What comes back: the waypoints; the rest is Litchi's own settings or the pilot's."""
    reduced = bare(route)
    return replace(
        reduced,
        home=None,
        take_off_m=take_off_m(route.points),
        cruise_m_s=route.points[-1].speed_m_s,
    )


def losses(route: Route) -> tuple[str, ...]:
    """What the format, and Litchi, cannot carry of this route."""
    told = [
        "不含电子围栏、禁飞区、备降点和起降点：从架次的起降点起飞，完成动作设为返航 / no fence, "
        "no-fly zones, rally points or launch site: take off at the sortie's, and set the finish "
        "action to RTH",
        "曲线转弯（curvesize > 0）会跳过航点动作，故全部为 0：飞机在每个航点停顿 / actions are "
        "skipped where curvesize > 0, so it is 0: the aircraft stops at each waypoint",
    ]
    if route.capture == "photos":
        told.append(
            f"等距拍照（{route.trigger_m:g} m）仅作为拍照间隔，部分机型不支持 / photos each "
            f"{route.trigger_m:g} m are a photo interval only, which some aircraft do not have"
        )
    count = len(parts(route.points))
    if count > 1:
        told.append(
            f"{route.name} 有 {len(route.points)} 个航点，超过 {MOST_WAYPOINTS} 个：分为 {count} "
            f"个文件依次飞行 / {len(route.points)} waypoints are over {MOST_WAYPOINTS}: {count} "
            "files, to be flown one after the other"
        )
    return tuple(told)


def read(files: Mapping[str, bytes]) -> Route:
    """One file, or all parts of a sortie, joined. Raises PlanFileError."""
    ordered = _in_order(files)
    joined: list[RoutePoint] = []
    pitches: set[float] = set()
    distances: set[float] = set()
    for source, data in ordered:
        points = _read_part(source, data, pitches, distances)
        if joined:
            end = joined.pop()
            if (end.position, end.above_launch_m) != (points[0].position, points[0].above_launch_m):
                source.fail("line 2", "the waypoint where the part before it ends")
        joined += points
        if len(joined) > MOST_POINTS:
            source.fail("file", f"at most {MOST_POINTS} waypoints in all parts")
    source = ordered[0][0]
    if joined[-1].capture:
        source.fail("last line", "recording or photos to be stopped")
    if len(pitches) != 1:
        source.fail("gimbalpitchangle", "one pitch all along", sorted(pitches))
    if len(distances) > 1:
        source.fail("photo_distinterval", "video, or one interval all along", sorted(distances))
    name = stem(source.name)
    match = _PART.fullmatch(name)
    return Route(
        name=match[1] if match and len(ordered) > 1 else name,
        home=None,
        take_off_m=take_off_m(joined),
        cruise_m_s=joined[-1].speed_m_s,
        pitch_deg=pitches.pop(),
        trigger_m=distances.pop() if distances else 0.0,
        points=numbered_lanes(joined),
    )


def _in_order(files: Mapping[str, bytes]) -> list[tuple[Source, bytes]]:
    if not files:
        raise PlanFileError("expected a Litchi CSV file, found none")
    if sum(map(len, files.values())) > LARGEST_BYTES:
        raise PlanFileError(f"{min(files)}: more than {LARGEST_BYTES / 1e6:.0f} MB")
    if len(files) == 1:
        return [(Source(name), data) for name, data in files.items()]
    numbers: dict[int, str] = {}
    for name in files:
        match = _PART.fullmatch(stem(name))
        if match is None:
            raise PlanFileError(f"{name}: expected parts named NAME-1.csv, NAME-2.csv …")
        numbers[int(match[2])] = name
    if sorted(numbers) != list(range(1, len(files) + 1)):
        raise PlanFileError(
            f"{numbers[min(numbers)]}: expected the parts 1 to {len(files)}, found "
            f"{', '.join(map(str, sorted(numbers)))}"
        )
    return [(Source(numbers[i]), files[numbers[i]]) for i in sorted(numbers)]


def _read_part(
    source: Source, data: bytes, pitches: set[float], distances: set[float]
) -> list[RoutePoint]:
    try:
        rows = list(csv.reader(io.StringIO(source.text(data), newline=""), strict=True))
    except csv.Error as error:
        raise PlanFileError(f"{source.name}: not valid CSV ({error})") from None
    if not rows or rows[0] != _COLUMNS:
        source.fail("line 1", f"Litchi's {len(_COLUMNS)} columns, metres", ",".join(rows[0][:3])
                    if rows else "an empty file")  # fmt: skip
    points: list[RoutePoint] = []
    recording = False
    for number, row in enumerate(rows[1:], 2):
        where = f"line {number}"
        if not row:
            continue
        if len(row) != len(_COLUMNS):
            source.fail(where, f"{len(_COLUMNS)} fields", len(row))
        value = dict(zip(_COLUMNS, row, strict=True))
        for column, wanted in (("altitudemode", 0), ("curvesize(m)", 0), ("gimbalmode", 2)):
            if source.number(value[column], f"{where} {column}", -1e6, 1e6) != wanted:
                source.fail(f"{where} {column}", str(wanted), value[column])
        pitches.add(source.angle(value["gimbalpitchangle"], f"{where} gimbalpitchangle"))
        recording = _recording(value, recording, where, source)
        distance = source.metres(value["photo_distinterval"], f"{where} photo_distinterval", -1.0)
        if recording and distance > 0:
            source.fail(where, "video or photos, not both")
        if recording or distance > 0:
            distances.add(max(distance, 0.0))
        points.append(
            RoutePoint(
                source.position(value["longitude"], value["latitude"], where),
                source.metres(value["altitude(m)"], f"{where} altitude(m)"),
                source.speed(value["speed(m/s)"], f"{where} speed(m/s)"),
                None,
                recording or distance > 0,
            )
        )
    if not points:
        source.fail("file", "a waypoint")
    return points


def _recording(value: Mapping[str, str], recording: bool, where: str, source: Source) -> bool:
    for number in range(1, _ACTIONS + 1):
        field = f"{where} actiontype{number}"
        action = source.whole(value[f"actiontype{number}"], field, -1, 99)
        if action == _NONE:
            continue
        if action not in (_START, _STOP) or (action == _START) == recording:
            source.fail(field, "recording started (2), then stopped (3)", action)
        recording = action == _START
    return recording
