"""Patrol folders as the API shows them: which there are, what was planned, flown and seen."""

from __future__ import annotations

import json
import math
import re
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import shapely
from pydantic import BaseModel, ValidationError

from api.schemas import (
    FlightEnd,
    FlightEvent,
    FlightHead,
    FlightPublic,
    FlightState,
    Position,
    Trail,
    VehiclePublic,
)
from dispatch.values import parse_time_or_none
from geo.errors import LayerError, PatrolError
from geo.layers import Feature, read_layer
from patrol.flight.desk import flight_running, read_live
from patrol.telemetry import Telemetry

__all__ = [
    "PatrolFolder",
    "find_patrols",
    "flight_now",
    "live_changed",
    "live_cursor",
    "live_offset",
    "live_row",
    "track",
]

_MARKS = ("plan.json", "sightings.geojson")
_PICTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(?:jpe?g|png)", re.IGNORECASE)
_THINNED_TO_DEG = 5e-6  # about half a metre: what a console's map can show
_MOST_EVENTS = 50
_MOST_VEHICLES = 100
_MOST_FIRST_LINE = 1 << 20

_Row = TypeVar("_Row", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a sightings file holds, in short."""

    patrol: str | None
    sightings: int
    first_seen: datetime | None
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class PatrolFolder:
    """A patrol's folder under the name that its cases know it by."""

    id: str
    path: Path
    seen: Seen | None

    @property
    def planned(self) -> bool:
        return (self.path / "plan.json").is_file()

    @property
    def flights(self) -> list[Path]:
        return sorted((self.path / "flight").glob("*.parquet"))

    def file(self, name: str) -> Path | None:
        """A file of the folder by a name that the program chose, None where it is not there."""
        path = self.path / name
        return path if path.is_file() else None

    def picture(self, name: str) -> Path | None:
        """An evidence picture by a name that a client gave: a plain file name inside evidence/,
        nothing else, and no link that leads out of it."""
        if not _PICTURE.fullmatch(name):
            return None
        evidence = (self.path / "evidence").resolve()
        path = (evidence / name).resolve()
        return path if path.parent == evidence and path.is_file() else None


def find_patrols(folders: Sequence[Path]) -> dict[str, PatrolFolder]:
    """The patrols in these folders by id: each a patrol's folder or a folder of patrols.

    The id is the `patrol` member of its sightings, else the folder's name; a second folder of
    the same id is left out.
    """
    found: dict[str, PatrolFolder] = {}
    for path in _candidates(folders):
        seen = _seen(path / "sightings.geojson")
        patrol = PatrolFolder((seen.patrol if seen else None) or path.name, path, seen)
        found.setdefault(patrol.id, patrol)
    return found


def _candidates(folders: Sequence[Path]) -> Iterator[Path]:
    for given in folders:
        folder = given.resolve()
        if any((folder / mark).is_file() for mark in _MARKS):
            yield folder
        elif folder.is_dir():
            for child in sorted(folder.iterdir()):
                if any((child / mark).is_file() for mark in _MARKS):
                    yield child


def _seen(path: Path) -> Seen | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return _read_seen(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=256)
def _read_seen(path: Path, _changed_ns: int, _size: int) -> Seen | None:
    """None where the file cannot be read: the patrol is listed as not analysed."""
    try:
        features = read_layer(path, ("Point",), allow_empty=True)
        patrol = json.loads(path.read_text(encoding="utf-8-sig")).get("patrol")
        times = [
            time
            for feature in features
            for name in ("first_seen", "last_seen")
            if (time := parse_time_or_none(feature.properties.get(name), feature.source))
        ]
    except (PatrolError, OSError, ValueError):
        return None
    return Seen(
        patrol if isinstance(patrol, str) else None,
        len(features),
        min(times, default=None),
        max(times, default=None),
    )


def track(patrol: PatrolFolder) -> dict[str, Any]:
    """The flown track as GeoJSON: one LineString a sortie, thinned to about half a metre.

    Raises TelemetryError where a recording cannot be read.
    """
    rows = []
    for path in patrol.flights:
        flight = Telemetry.read(path)
        if len(flight) < 2:
            continue
        line = shapely.LineString(np.column_stack([flight.lon_deg, flight.lat_deg]))
        thinned = shapely.get_coordinates(line.simplify(_THINNED_TO_DEG))
        rows.append(
            {
                "type": "Feature",
                "properties": {
                    "sortie": path.stem,
                    "duration_s": round(float(flight.time_s[-1] - flight.time_s[0]), 1),
                    "highest_m": round(float(flight.above_launch_m.max()), 1),
                    "battery_pct": round(float(flight.battery_pct[-1]), 1),
                },
                "geometry": {
                    "type": "LineString",
                    "coordinates": [[round(x, 7), round(y, 7)] for x, y in thinned.tolist()],
                },
            }
        )
    return {"type": "FeatureCollection", "features": rows}


def collection(features: Sequence[Feature]) -> dict[str, Any]:
    """Features as a GeoJSON object in memory."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": dict(feature.properties),
                "geometry": shapely.geometry.mapping(feature.geometry),
            }
            for feature in features
        ],
    }


def layer(path: Path) -> dict[str, Any]:
    """A layer of the study area, checked; an empty collection where it is not there."""
    try:
        return collection(read_layer(path, allow_empty=True) if path.exists() else [])
    except RecursionError:
        raise LayerError(f"{path}: nested too deeply") from None


# -- the flight, live ----------------------------------------------------------------------------


def live_changed(folder: Path) -> tuple[int, int] | None:
    """Something that differs once live.jsonl was written to; None where there is none."""
    try:
        state = (folder / "flight" / "live.jsonl").stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


def live_row(line: bytes) -> dict[str, Any] | None:
    """A line of live.jsonl; None for what is none, as a line that a crash cut off."""
    try:
        row = json.loads(line, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and isinstance(row.get("kind"), str) else None


def live_cursor(folder: Path, offset: int) -> str:
    """A place in live.jsonl, `BYTES-MARK`: the mark tells one flight's file from the next's."""
    return f"{offset}-{_mark(folder)}"


def live_offset(folder: Path, cursor: str | None) -> int:
    """The byte offset of a cursor, or of a bare number; 0 where it is of another flight or not
    the beginning of a line."""
    number, _, mark = (cursor or "").partition("-")
    if not (number.isascii() and number.isdecimal() and len(number) < 16):
        return 0
    offset = int(number)
    if offset == 0 or (mark and mark != _mark(folder)):
        return 0
    try:
        with (folder / "flight" / "live.jsonl").open("rb") as file:
            file.seek(offset - 1)
            return offset if file.read(1) == b"\n" else 0
    except OSError:
        return 0


def _mark(folder: Path) -> str:
    try:
        with (folder / "flight" / "live.jsonl").open("rb") as file:
            return f"{zlib.crc32(file.readline(_MOST_FIRST_LINE)):08x}"
    except OSError:
        return f"{0:08x}"


def flight_now(folder: Path) -> FlightPublic:
    """The flight of a patrol as live.jsonl tells it: running, ended, cut off, or none yet."""
    running = flight_running(folder) is not None  # first: what it told before is then all there
    changed = live_changed(folder)
    if changed is None:
        return FlightPublic(
            running=running, flight=None, vehicles=[], events=[], trails=[], end=None,
            quiet_s=None, cursor=live_cursor(folder, 0),
        )  # fmt: skip
    told = _told(folder, *changed)
    quiet_s = max(time.time() - changed[0] / 1e9, 0.0)
    return told.model_copy(update={"running": running, "quiet_s": round(quiet_s, 1)})


@lru_cache(maxsize=32)
def _told(folder: Path, _changed_ns: int, _size: int) -> FlightPublic:
    lines, offset = read_live(folder)
    head: FlightHead | None = None
    end: FlightEnd | None = None
    states: dict[int, FlightState] = {}
    last: dict[int, dict[str, Any]] = {}
    events: list[dict[str, Any]] = []
    trails: dict[tuple[int, Any], list[tuple[float, float]]] = {}
    for _, line in lines:
        row = live_row(line)
        match row and row["kind"]:
            case "flight":
                head, end = _read(FlightHead, row) or head, None
            case "state" if state := _read(FlightState, row):
                states[state.vehicle] = state
            case "position" if row is not None and (place := _place(row)):
                last[row["vehicle"]] = row
                trails.setdefault((row["vehicle"], row.get("sortie")), []).append(place)
            case "event" if row is not None:
                events.append(row)
            case "end":
                end = _read(FlightEnd, row) or end
    positions = {vehicle: _read(Position, row) for vehicle, row in last.items()}
    fleet = range(1, min(head.vehicles, _MOST_VEHICLES) + 1) if head else ()
    return FlightPublic(
        running=False,
        flight=head,
        vehicles=[
            VehiclePublic(vehicle=i, state=states.get(i), position=positions.get(i))
            for i in sorted({*fleet, *states, *positions})
        ],
        events=[e for row in events[-_MOST_EVENTS:] if (e := _read(FlightEvent, row))],
        trails=[
            Trail(vehicle=vehicle, sortie=sortie, line=_thinned(line))
            for (vehicle, sortie), line in trails.items()
        ],
        end=end,
        quiet_s=None,
        cursor=live_cursor(folder, offset),
    )


def _read(model: type[_Row], row: dict[str, Any] | None) -> _Row | None:
    """None where the line does not hold what such a line must: it is passed over."""
    try:
        return model.model_validate(row)
    except ValidationError:
        return None


def _place(row: dict[str, Any]) -> tuple[float, float] | None:
    lon, lat, vehicle, sortie = (row.get(k) for k in ("lon", "lat", "vehicle", "sortie"))
    if type(vehicle) is not int or not (sortie is None or type(sortie) is int):
        return None
    if not (isinstance(lon, int | float) and isinstance(lat, int | float)):
        return None
    return (lon, lat) if math.fabs(lon) <= 180 and math.fabs(lat) <= 90 else None


def _thinned(line: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(line) < 3:
        return line
    thinned = shapely.get_coordinates(shapely.LineString(line).simplify(_THINNED_TO_DEG))
    return [(round(x, 7), round(y, 7)) for x, y in thinned.tolist()]
