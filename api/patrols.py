"""Patrol folders as the API shows them: which there are, what was planned, flown and seen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from dispatch.values import parse_time_or_none
from geo.errors import LayerError, PatrolError
from geo.layers import Feature, read_layer
from patrol.telemetry import Telemetry

__all__ = ["PatrolFolder", "find_patrols", "track"]

_MARKS = ("plan.json", "sightings.geojson")
_PICTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(?:jpe?g|png)", re.IGNORECASE)
_THINNED_TO_DEG = 5e-6  # about half a metre: what a console's map can show


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
