"""Reading DJI WPML (`.kmz`): the flight from `wpmz/waylines.wpml`, the launch from the template."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal
from xml.etree.ElementTree import Element

from geo.coordinates import LonLat
from patrol.errors import PlanFileError
from patrol.export.reading import LARGEST_BYTES, MOST_POINTS, Source, one_file, stem
from patrol.export.route import Route, RoutePoint, lane_runs, numbered_lanes, with_lanes

__all__ = [
    "AIRCRAFT",
    "FALLBACK",
    "HEIGHT_RANGE_M",
    "SUFFIX",
    "TEMPLATE",
    "WAYLINES",
    "is_suffix",
    "read_kmz",
]

SUFFIX = ".kmz"
TEMPLATE, WAYLINES = "wpmz/template.kml", "wpmz/waylines.wpml"

# droneEnumValue, droneSubEnumValue, payloadEnumValue: DJI's tables of common elements; the
# Mini 4 Pro is what DJI Fly writes, without a payload of its own.
AIRCRAFT: dict[str, tuple[int, int, int | None]] = {
    "m3e": (77, 0, 66),
    "m3t": (77, 1, 67),
    "m30t": (67, 1, 53),
    "m4e": (99, 0, 88),
    "mini4pro": (68, 0, None),
}
FALLBACK = "m3e"
HEIGHT_RANGE_M = (2.0, 1500.0)  # of takeOffSecurityHeight

_KML = "{http://www.opengis.net/kml/2.2}"
_NAMESPACE = re.compile(r"\{http://www\.(?:dji|uav)\.com/wpmz/1\.0\.\d+\}")
_MOST_ENTRIES = 1000
_SUFFIX = re.compile(r"[A-Za-z0-9_-]{1,40}")

_Use = Literal["start", "stop", "photos"]


def is_suffix(text: str) -> bool:
    """Whether a lane's name can be what DJI adds to the names of media files."""
    return _SUFFIX.fullmatch(text) is not None


def read_kmz(files: Mapping[str, bytes]) -> Route:
    """The route of a KMZ; raises PlanFileError naming archive, file and element."""
    source, data = one_file(files)
    parts = _unpack(data, source)
    template, waylines = (_Part(Source(f"{source.name}: {name}"), parts[name]) for name in parts)
    home, ground_msl_m = _launch(template)
    config = waylines.child(waylines.document, "missionConfig")
    folder = waylines.child(waylines.document, "Folder")
    mode = waylines.text(folder, "executeHeightMode")
    if mode != "relativeToStartPoint":
        waylines.source.fail("executeHeightMode", "relativeToStartPoint", mode)
    pitch_deg, trigger_m, points = _flight(waylines, folder)
    take_off = waylines.text(config, "takeOffSecurityHeight")
    return Route(
        name=stem(source.name),
        home=home,
        take_off_m=waylines.source.metres(take_off, "takeOffSecurityHeight", 0.0),
        cruise_m_s=waylines.source.speed(
            waylines.text(folder, "autoFlightSpeed"), "autoFlightSpeed"
        ),
        pitch_deg=pitch_deg,
        trigger_m=trigger_m,
        points=points,
        ground_msl_m=ground_msl_m,
        aircraft=_aircraft(waylines, config),
    )


def _unpack(data: bytes, source: Source) -> dict[str, bytes]:
    """Both files, read only if neither they nor the archive are larger than a mission can be."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > _MOST_ENTRIES:
                source.fail("archive", f"at most {_MOST_ENTRIES} entries", len(entries))
            read = {}
            for name in (TEMPLATE, WAYLINES):
                entry = next((e for e in entries if e.filename == name), None)
                if entry is None:
                    source.fail("archive", f"a file {name}")
                if entry.file_size > LARGEST_BYTES:
                    source.fail(name, f"at most {LARGEST_BYTES} bytes", entry.file_size)
                with archive.open(entry) as packed:
                    text = packed.read(LARGEST_BYTES + 1)
                if len(text) > LARGEST_BYTES:  # it unpacks to more than it says
                    source.fail(name, f"at most {LARGEST_BYTES} bytes")
                read[name] = text
            return read
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise PlanFileError(f"{source.name}: not a KMZ that can be unpacked ({reason})") from None
    except (NotImplementedError, RuntimeError) as error:  # encrypted, or packed some other way
        raise PlanFileError(f"{source.name}: cannot be unpacked ({error})") from None


class _Part:
    """One of the two files, with its elements found by their plain names."""

    def __init__(self, source: Source, data: bytes) -> None:
        self.source = source
        root = source.xml(data)
        if root.tag != f"{_KML}kml":
            source.fail("root", "kml", root.tag)
        self.document = self.child(root, "Document")

    @staticmethod
    def _named(element: Element, name: str) -> bool:
        tag = str(element.tag)
        return tag == _KML + name or _NAMESPACE.sub("", tag) == name

    def children(self, parent: Element, name: str) -> list[Element]:
        return [element for element in parent if self._named(element, name)]

    def child(self, parent: Element, name: str) -> Element:
        """The only child of this name."""
        found = self.children(parent, name)
        if len(found) != 1:
            self.source.fail(name, "it once", len(found))
        return found[0]

    def text(self, parent: Element, name: str) -> str:
        return (self.child(parent, name).text or "").strip()


def _launch(template: _Part) -> tuple[LonLat, float]:
    """takeOffRefPoint: latitude, longitude, height (unlike every other coordinate)."""
    config = template.child(template.document, "missionConfig")
    folder = template.child(template.document, "Folder")
    kind = template.text(folder, "templateType")
    if kind != "waypoint":
        template.source.fail("templateType", "waypoint", kind)
    fields = template.text(config, "takeOffRefPoint").split(",")
    if len(fields) != 3:
        template.source.fail("takeOffRefPoint", "lat,lon,height", ",".join(fields))
    lat, lon, height = fields
    return (
        template.source.position(lon, lat, "takeOffRefPoint"),
        template.source.metres(height, "takeOffRefPoint height"),
    )


def _aircraft(part: _Part, config: Element) -> str | None:
    info = part.child(config, "droneInfo")
    number = part.source.whole(part.text(info, "droneEnumValue"), "droneEnumValue", 0, 65_535)
    sub = part.source.whole(part.text(info, "droneSubEnumValue"), "droneSubEnumValue", 0, 65_535)
    return next((code for code, (d, s, _) in AIRCRAFT.items() if (d, s) == (number, sub)), None)


def _flight(part: _Part, folder: Element) -> tuple[float, float, tuple[RoutePoint, ...]]:
    """Pitch, distance from photo to photo, points."""
    source = part.source
    placemarks = part.children(folder, "Placemark")
    if not 0 < len(placemarks) <= MOST_POINTS + 1:
        source.fail("Placemark", f"1 to {MOST_POINTS + 1} of them", len(placemarks))
    points: list[RoutePoint] = []
    uses: list[tuple[int, int, _Use, float, str]] = []
    pitches: list[float] = []
    for number, placemark in enumerate(placemarks):
        where = f"Placemark {number}"
        if source.whole(part.text(placemark, "index"), f"{where} index", 0, MOST_POINTS) != number:
            source.fail(f"{where} index", str(number), part.text(placemark, "index"))
        place = part.text(part.child(placemark, "Point"), "coordinates").split(",")
        if len(place) not in (2, 3):
            source.fail(f"{where} coordinates", "lon,lat", ",".join(place))
        points.append(
            RoutePoint(
                source.position(place[0], place[1], where),
                source.metres(part.text(placemark, "executeHeight"), f"{where} executeHeight"),
                source.speed(part.text(placemark, "waypointSpeed"), f"{where} waypointSpeed"),
                None,
                False,
            )
        )
        for group in part.children(placemark, "actionGroup"):
            _read_group(part, group, number, len(placemarks), where, uses, pitches)
    if len(pitches) != 1:
        source.fail("gimbalRotate", "it once", len(pitches))
    return pitches[0], *_captured(points, uses, source)


def _read_group(
    part: _Part, group: Element, number: int, count: int, where: str,
    uses: list[tuple[int, int, _Use, float, str]], pitches: list[float],
) -> None:  # fmt: skip
    source = part.source
    first, last = (
        source.whole(
            part.text(group, f"actionGroup{end}Index"), f"{where} {end}Index", 0, count - 1
        )
        for end in ("Start", "End")
    )
    if first != number or last < first:
        source.fail(f"{where} actionGroup", f"indices from {number} on", f"{first} to {last}")
    trigger = part.child(group, "actionTrigger")
    kind = part.text(trigger, "actionTriggerType")
    action = part.child(group, "action")
    name = part.text(action, "actionActuatorFunc")
    param = part.child(action, "actionActuatorFuncParam")
    if (kind, name) == ("reachPoint", "gimbalRotate") and number == 0:
        angle = part.text(param, "gimbalPitchRotateAngle")
        pitches.append(source.angle(angle, f"{where} gimbalPitchRotateAngle"))
    elif (kind, name) == ("multipleDistance", "takePhoto"):
        every = source.number(
            part.text(trigger, "actionTriggerParam"), f"{where} actionTriggerParam", 0.001, 10_000
        )
        uses.append((first, last, "photos", round(every, 3), part.text(param, "fileSuffix")))
    elif (kind, name) == ("reachPoint", "startRecord") and first == last:
        uses.append((first, last, "start", 0.0, part.text(param, "fileSuffix")))
    elif (kind, name) == ("reachPoint", "stopRecord") and first == last:
        uses.append((first, last, "stop", 0.0, ""))
    else:
        source.fail(
            f"{where} actionGroup",
            "gimbalRotate at the first waypoint, startRecord, stopRecord, or takePhoto by distance",
            f"{name} at {kind}",
        )


def _captured(
    points: list[RoutePoint], uses: list[tuple[int, int, _Use, float, str]], source: Source
) -> tuple[float, tuple[RoutePoint, ...]]:
    """The points with capture and lanes set, and the distance from photo to photo."""
    spans: list[tuple[int, int, str]] = []
    open_at: tuple[int, str] | None = None
    distances: set[float] = set()
    for first, last, use, every_m, suffix in uses:
        if (use == "stop") != (open_at is not None):
            source.fail(f"Placemark {first} action", "recording started, then stopped", use)
        if use == "start":
            open_at = (first, suffix)
        elif open_at is not None:
            spans.append((open_at[0], last, open_at[1]))
            open_at = None
        else:
            spans.append((first, last, suffix))
        if use != "stop":
            distances.add(every_m)
    if open_at is not None:
        source.fail("startRecord", "a stopRecord after it")
    if len(distances) > 1:
        source.fail("actions", "video, or one distance from photo to photo", sorted(distances))
    captured = list(points)
    before = -1
    for first, last, _ in spans:
        if not before < first < last:
            source.fail(f"Placemark {first} action", "lanes of two points or more, one by one")
        before = last
        for index in range(first, last):
            captured[index] = replace(captured[index], capture=True)
    numbered = numbered_lanes(captured)
    names = [
        suffix if is_suffix(suffix) else numbered[first].lane or "" for first, _, suffix in spans
    ]
    assert len(names) == len(lane_runs(captured))
    return (distances.pop() if distances else 0.0), with_lanes(captured, names)
