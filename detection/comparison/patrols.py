"""An analysed patrol as a comparison reads it: its sightings, and what they were made from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from detection.errors import ComparisonError
from detection.placement import PRIORS
from geo.coordinates import LocalProjection
from geo.errors import LayerError
from geo.layers import Feature, read_layer

__all__ = ["AnalysedPatrol", "BestView", "Thing", "read_patrol", "things_m"]

FloatArray = NDArray[np.float64]
_LARGEST_SIGMA_M = 1000.0


@dataclass(frozen=True, slots=True)
class BestView:
    """The picture that shows a thing best: its file, number and media time, and the box there."""

    file: str
    shot: int
    time_s: float
    box_px: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """A sighting: WGS-84 position, (2, 2) covariance in east, north order in m^2, height above
    the launch site, half its diagonal, and in how many pictures it was found.

    `ground_m` (2,) is set by `things_m`, in the comparison's projection.
    """

    id: str
    class_name: str
    lon_deg: float
    lat_deg: float
    ground_m: FloatArray
    covariance_m2: FloatArray
    up_m: float
    radius_m: float
    confidence: float
    views: int
    best: BestView


@dataclass(frozen=True, slots=True, eq=False)
class AnalysedPatrol:
    """What `patrol analyze` left in a folder. `begins` is when the first sighting was made, None
    where the footage has no clock."""

    folder: Path
    name: str
    things: tuple[Thing, ...]
    manifest: Mapping[str, Any]
    generated: datetime | None


def read_patrol(folder: Path) -> AnalysedPatrol:
    """Read an analysed patrol. Raises ComparisonError, one line, where it is none."""
    if not folder.is_dir():
        raise ComparisonError(f"{folder}: no such patrol folder; check the path")
    manifest = _manifest(folder)
    path = folder / "sightings.geojson"
    try:
        features = read_layer(path, ("Point",), allow_empty=True)
        things = tuple(_thing(feature) for feature in features)
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except LayerError as error:
        raise ComparisonError(f"{error}; analyse the patrol again (patrol analyze)") from None
    doubled = len(things) - len({thing.id for thing in things})
    if doubled:
        raise ComparisonError(f"{path}: {doubled} sightings bear the id of another; analyse again")
    name = document.get("patrol")
    if not isinstance(name, str) or name != manifest.get("patrol"):
        raise ComparisonError(
            f"{path}: is of patrol {name!r}, but manifest.json of {manifest.get('patrol')!r}; they "
            "must come from one analysis: analyse the patrol again"
        )
    return AnalysedPatrol(folder, name, things, manifest, _time(document.get("generated")))


def things_m(patrol: AnalysedPatrol, projection: LocalProjection) -> list[Thing]:
    """The sightings with their places in a projection, in an order that depends on them alone."""
    lonlat = np.array([[t.lon_deg, t.lat_deg] for t in patrol.things]).reshape(-1, 2)
    placed = [
        replace(thing, ground_m=at)
        for thing, at in zip(patrol.things, projection.forward(lonlat), strict=True)
    ]
    return sorted(placed, key=lambda t: (-t.ground_m[1], t.ground_m[0], t.class_name, t.id))


def _manifest(folder: Path) -> Mapping[str, Any]:
    path = folder / "manifest.json"
    if not path.is_file():
        raise ComparisonError(
            f"{folder}: is not analysed (no manifest.json); run `patrol analyze {folder}` first"
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise ComparisonError(f"{path}: cannot be read ({error}); analyse again") from None
    if not isinstance(manifest, dict) or manifest.get("format") != "river-patrol/manifest":
        raise ComparisonError(f"{path}: is not the manifest of an analysis; analyse again")
    return manifest


def _thing(feature: Feature) -> Thing:
    """A sighting's feature; raises LayerError where a part is missing or no number."""
    kind = feature.text("class")
    if kind not in PRIORS:
        raise LayerError(
            f"{feature.source}: class {kind!r} is not known; expected {', '.join(PRIORS)}"
        )
    radius_m, views = feature.number("radius_m"), feature.number("views")
    if not (0 < radius_m < _LARGEST_SIGMA_M and views >= 1):
        raise LayerError(
            f"{feature.source}: radius_m {radius_m:g} and views {views:g}: expected both positive"
        )
    point = shapely.get_coordinates(feature.geometry)[0]
    return Thing(
        feature.text("id"), kind, float(point[0]), float(point[1]), np.full(2, math.nan),
        _covariance(feature), feature.number("height_m"), radius_m, feature.number("confidence"),
        int(min(views, 1e6)), _best(feature),
    )  # fmt: skip


def _best(feature: Feature) -> BestView:
    row = feature.properties.get("best_frame")
    try:
        box = tuple(float(v) for v in row["box_px"])  # type: ignore[index]
        found = BestView(
            str(row["video"]), int(row["frame_index"]), float(row["time_s"]),  # type: ignore[index]
            box,  # type: ignore[arg-type]
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, OverflowError):
        box = ()
    if len(box) != 4 or not all(math.isfinite(v) for v in (*box, found.time_s)):
        raise LayerError(f"{feature.source}: 'best_frame' must name video, frame and box_px")
    return found


def _covariance(feature: Feature) -> FloatArray:
    try:
        found = np.array(feature.properties.get("covariance_m2"), dtype=float)
    except (TypeError, ValueError, OverflowError):
        found = np.full((2, 2), math.nan)
    if found.shape == (2, 2) and np.all(np.isfinite(found)):
        found = (found + found.T) / 2
        values = np.linalg.eigvalsh(found)
        if values[0] > 0 and values[1] < _LARGEST_SIGMA_M**2:
            return np.asarray(found)
    raise LayerError(
        f"{feature.source}: 'covariance_m2' must be a positive 2 x 2 covariance in m^2, found "
        f"{feature.properties.get('covariance_m2')!r}"
    )


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else None
