"""What a patrol looked at: absence is only claimed where this proves that a thing would have been
seen.

Every picture that the analysis chose is here with its pose, camera and, where it could not be
used, why. It is recomputed from the recorded footage and telemetry with the settings in the
manifest, or read from `seen.geojson`, which holds the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from detection.errors import ComparisonError, FootageError
from detection.footage.quality import assess
from detection.passes import Pass, open_passes
from detection.results import sha256_of
from detection.sampling import footprint_m
from detection.telemetry.clock import declared_zone
from detection.telemetry.poses import FramePose, PoseSettings
from geo.camera import CAMERAS, Camera
from geo.coordinates import LocalProjection, LonLat
from geo.errors import LayerError, PatrolError
from geo.layers import Feature, read_json, read_layer, write_layer
from geo.placing import PoseError

__all__ = ["SEEN", "Look", "Seen", "read_seen", "recompute_seen", "write_seen"]

FloatArray = NDArray[np.float64]
SEEN = "seen.geojson"
_FORMAT, _VERSION = "river-patrol/seen", 1


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A picture that was looked at: of which recording (its name in the manifest), its number in
    it, media time, camera and pose; `fault` is '' where it could be used, else what was wrong."""

    recording: str
    shot: int
    time_s: float
    camera: Camera
    pose: FramePose
    fault: str

    @property
    def usable(self) -> bool:
        return not self.fault


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The pictures of a patrol in their order; `files` says where each recording lies: a video,
    or a folder with the names of its photos. Empty where the footage is not at hand."""

    looks: tuple[Look, ...]
    files: Mapping[str, tuple[Path, tuple[str, ...]]]


def recompute_seen(
    manifest: Mapping[str, Any],
    footage: Path,
    advance: Callable[[float, float | None], None] | None = None,
) -> Seen:
    """What an analysis looked at, from the footage and telemetry that it was made from.

    Decodes every chosen picture once, to judge its quality as the analysis did. Raises
    ComparisonError where the footage is not that of the manifest, FootageError or TelemetryError
    where it cannot be read.
    """
    settings = _part(manifest, "settings")
    name, zone = settings.get("camera"), settings.get("timezone")
    camera = next((c for c in CAMERAS.values() if c.name == name), None)
    if name is not None and camera is None:
        raise ComparisonError(
            f"{footage}: was analysed with camera {name!r}, which is not known; analyse it again"
        )
    try:
        pose = _part(settings, "pose")
        passes, _ = open_passes(
            [footage], zone=declared_zone(zone) if zone else None, camera=camera,
            pose=PoseSettings(**{**pose, "base_error": PoseError(**_part(pose, "base_error"))}),
            new_ground_share=float(settings["new_ground_share"]),
            allow_partial=bool(settings["allow_partial"]), note=lambda line: None,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise ComparisonError(
            f"{footage}: the settings in manifest.json cannot be read ({error}); analyse it again"
        ) from None
    _same_footage(manifest, footage, passes)
    total, done = float(sum(one.wanted for one in passes)), 0
    looks = []
    for one in passes:
        for shot in one.shots():
            try:
                fault = assess(shot.image()).fault
            except FootageError:
                if not one.photos:
                    raise
                fault = "not decodable"
            looks.append(
                Look(one.name, shot.index, shot.time_s, shot.camera, shot.pose, fault)
            )  # fmt: skip
            done += 1
            if advance is not None:
                advance(done, total)
    files = {one.name: (one.source, tuple(photo.name for photo in one.photos)) for one in passes}
    return Seen(tuple(looks), files)


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    if not isinstance(found, dict):
        raise ComparisonError(f"manifest.json: {name!r} is missing; analyse the patrol again")
    return found


def _same_footage(manifest: Mapping[str, Any], footage: Path, passes: Sequence[Pass]) -> None:
    rows = manifest.get("footage")
    said = {
        str(row.get("name")): str(row.get("sha256"))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict)
    }
    found = {one.name: sha256_of(one.source) for one in passes}
    wrong = sorted(
        name for name in said.keys() | found.keys() if said.get(name) != found.get(name)
    )  # fmt: skip
    if wrong:
        raise ComparisonError(
            f"{footage}: {wrong[0]} is not what the patrol was analysed from (another, missing or "
            "changed file); put the recorded footage back, or analyse the patrol again"
        )


def write_seen(path: Path, seen: Seen, patrol: str) -> None:
    """Write the pictures as the ground in them, with all that `read_seen` needs."""
    if not seen.looks:
        raise ComparisonError(f"{path}: the patrol looked at no picture")
    projection = _projection(seen.looks)
    features = []
    for look in seen.looks:
        ground = footprint_m(look.camera, look.pose, projection)
        at = shapely.Point(look.pose.position.lon_deg, look.pose.position.lat_deg)
        shown = at if ground is None else shapely.transform(ground, projection.inverse)
        features.append(Feature(shown, _row(look)))
    write_layer(path, features, members={"format": _FORMAT, "version": _VERSION, "patrol": patrol})


def _projection(looks: Sequence[Look]) -> LocalProjection:
    return LocalProjection.around(
        [look.pose.position.lon_deg for look in looks],
        [look.pose.position.lat_deg for look in looks],
    )


def _row(look: Look) -> dict[str, Any]:
    pose, camera = look.pose, look.camera
    return {
        "recording": look.recording,
        "shot": look.shot,
        "time_s": round(look.time_s, 4),
        "fault": look.fault,
        "lon": round(pose.position.lon_deg, 9),
        "lat": round(pose.position.lat_deg, 9),
        "height_m": round(pose.above_launch_m, 4),
        "yaw_deg": round(pose.yaw_deg, 5),
        "pitch_deg": round(pose.pitch_deg, 5),
        "roll_deg": round(pose.roll_deg, 5),
        "utc": pose.utc.isoformat() if pose.utc else None,
        "error": {f.name: round(getattr(pose.error, f.name), 5) for f in fields(PoseError)},
        "camera": {f.name: getattr(camera, f.name) for f in fields(Camera)},
    }


def read_seen(path: Path, patrol: str) -> Seen:
    """Read what `write_seen` wrote for this patrol; where its footage lies is not in it.

    Raises ComparisonError.
    """
    try:
        document = read_json(path)
        features = read_layer(path, ("Point", "Polygon"))
        if document.get("format") != _FORMAT or document.get("version") != _VERSION:
            raise LayerError(f"{path}: expected {_FORMAT} version {_VERSION}")
        if document.get("patrol") != patrol:
            raise LayerError(f"{path}: is of patrol {document.get('patrol')!r}, not {patrol!r}")
        return Seen(tuple(_look(feature) for feature in features), {})
    except LayerError as error:
        raise ComparisonError(f"{error}; remove the file, and it is made again") from None


def _look(feature: Feature) -> Look:
    number, row = feature.number, feature.properties
    try:
        utc = datetime.fromisoformat(row["utc"]) if row.get("utc") else None
        errors = PoseError(**{f.name: _finite(row["error"][f.name]) for f in fields(PoseError)})
        of = row["camera"]
        camera = Camera(
            str(of["name"]), int(of["width_px"]), int(of["height_px"]), _finite(of["focal_px"]),
            _finite(of["k1"]), _finite(of["k2"]),
        )  # fmt: skip
        position = LonLat(number("lon"), number("lat"))
        shot = int(number("shot"))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, PatrolError) as error:
        raise LayerError(f"{feature.source}: not a picture that was looked at ({error})") from None
    pose = FramePose(
        position, number("height_m"), number("yaw_deg"), number("pitch_deg"), number("roll_deg"),
        utc, errors,
    )  # fmt: skip
    return Look(
        feature.text("recording"), shot, number("time_s"), camera, pose, feature.text("fault", "")
    )


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number
