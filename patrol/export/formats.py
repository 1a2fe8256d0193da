"""The formats by name, and writing a plan's sorties in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geo.files import write_bytes
from patrol.errors import PlanFileError
from patrol.export import geojson, kml, litchi, qgroundcontrol, waypoints, wpml
from patrol.export.reading import LARGEST_BYTES
from patrol.export.route import Route, route_of
from patrol.plan import Plan

__all__ = [
    "DEFAULT_FORMATS",
    "FORMATS",
    "Format",
    "export_losses",
    "export_sorties",
    "read_route",
]


@dataclass(frozen=True, slots=True)
class Format:
    """One format. `read(write(route)) == carried(route)`, and writing that gives the same bytes.

    `write` gives the files by name, `read` takes them so; `losses` says in one line each, Chinese
    and English, what is not carried.
    """

    name: str
    suffix: str
    what: str
    write: Callable[[Route], dict[str, bytes]]
    read: Callable[[Mapping[str, bytes]], Route]
    carried: Callable[[Route], Route]
    losses: Callable[[Route], tuple[str, ...]]


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format(
            "plan", qgroundcontrol.SUFFIX, "QGroundControl: mission, fence, rally point, corridors",
            qgroundcontrol.write, qgroundcontrol.read, qgroundcontrol.carried,
            qgroundcontrol.losses,
        ),
        Format(
            "waypoints", waypoints.SUFFIX, "Mission Planner, MAVProxy (QGC WPL 110)",
            waypoints.write, waypoints.read, waypoints.carried, waypoints.losses,
        ),
        Format(
            "wpml", wpml.SUFFIX, "DJI Pilot 2, FlightHub 2 (KMZ)",
            wpml.write, wpml.read, wpml.carried, wpml.losses,
        ),
        Format(
            "litchi", litchi.SUFFIX, "Litchi (CSV, parts of 99 waypoints)",
            litchi.write, litchi.read, litchi.carried, litchi.losses,
        ),
        Format(
            "kml", kml.SUFFIX, "Google Earth, to look at",
            kml.write, kml.read, kml.carried, kml.losses,
        ),
        Format(
            "geojson", geojson.SUFFIX, "GIS, to look at",
            geojson.write, geojson.read, geojson.carried, geojson.losses,
        ),
    )
}  # fmt: skip
DEFAULT_FORMATS = ("plan", "waypoints")

_FIRST_PART = re.compile(r"(.+)-1")


def export_sorties(plan: Plan, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write `sortie-NN` with each format's suffix for each sortie; returns the paths.

    Files of these formats from an earlier plan with more sorties are removed, so that nobody
    flies them. Nothing is written where one sortie cannot be.
    """
    files: dict[Path, bytes] = {}
    for sortie in plan.sorties:
        route = route_of(plan, sortie)
        for name in formats:
            files |= {folder / file: data for file, data in FORMATS[name].write(route).items()}
    for path, data in files.items():
        write_bytes(path, data)
    for name in formats:
        for path in folder.glob(f"sortie-*{FORMATS[name].suffix}"):
            if path not in files:
                path.unlink()
    return list(files)


def export_losses(plan: Plan, formats: Sequence[str]) -> dict[str, list[str]]:
    """What each format cannot carry of any sortie, one line each; formats without are left out."""
    routes = [route_of(plan, sortie) for sortie in plan.sorties]
    told = {
        name: list(dict.fromkeys(line for route in routes for line in FORMATS[name].losses(route)))
        for name in formats
    }
    return {name: lines for name, lines in told.items() if lines}


def read_route(path: Path) -> Route:
    """Read a mission file back, by its suffix or else by how it begins.

    `NAME-1.csv` is read together with `NAME-2.csv` and so on. Raises PlanFileError.
    """
    files = {path.name: _bytes(path)}
    chosen = _format_of(path, files[path.name])
    match = _FIRST_PART.fullmatch(path.stem)
    if chosen.name == "litchi" and match:
        number = 2
        while (part := path.with_name(f"{match[1]}-{number}{path.suffix}")).is_file():
            files[part.name] = _bytes(part)
            number += 1
    return chosen.read(files)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise PlanFileError(f"{path}: more than a mission has ({LARGEST_BYTES / 1e6:.0f} MB)")
        return path.read_bytes()
    except OSError as error:
        raise PlanFileError(f"{path}: cannot be read ({error.strerror or error})") from None


def _format_of(path: Path, data: bytes) -> Format:
    for chosen in FORMATS.values():
        if path.suffix.lower() == chosen.suffix:
            return chosen
    start = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    for begins, name in (
        (b"QGC WPL", "waypoints"), (b"PK\x03\x04", "wpml"), (b"latitude,", "litchi"), (b"<", "kml"),
    ):  # fmt: skip
        if start.startswith(begins):
            return FORMATS[name]
    if start.startswith(b"{"):
        return FORMATS["geojson" if b'"FeatureCollection"' in start else "plan"]
    raise PlanFileError(
        f"{path}: no mission file that is known; expected one of "
        f"{', '.join(each.suffix for each in FORMATS.values())}"
    )
