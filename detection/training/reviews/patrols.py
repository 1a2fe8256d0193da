"""Analysed patrols as reviews need them: their sightings, and the whole pictures they are in."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from detection.errors import FootageError, TrainingError
from detection.training.pictures import read_picture
from detection.training.samples import CLASSES, Picture

__all__ = ["Patrol", "Seen", "find_patrols"]

_PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A sighting: what it was taken for, where it is, and its best view: `box_px` in picture
    number `frame` of `video` (a path relative to the footage), at `time_s`."""

    id: str
    class_name: str
    lon_deg: float
    lat_deg: float
    video: str
    frame: int
    time_s: float
    box_px: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Patrol:
    """An analysed patrol: its folder, its name, and its sightings by id."""

    folder: Path
    name: str
    sightings: dict[str, Seen]

    def picture(self, seen: Seen, footage: Sequence[Path]) -> Picture | None:
        """The whole picture of a sighting's best view, (H, W, 3) BGR as the sensor read it: from
        evidence/, or from the footage; None where neither has it."""
        kept = self.folder / "evidence" / f"{seen.id}_frame.jpg"
        if kept.is_file():
            return read_picture(kept)
        for root in footage:
            source = root / seen.video
            if not source.is_file():
                continue
            if source.suffix.lower() in _PHOTO_SUFFIXES:
                return read_picture(source, upright=False)
            from detection.footage.seek import frames_at

            try:
                return next(iter(frames_at(source, [seen.time_s]))).image
            except (FootageError, StopIteration) as error:
                raise TrainingError(
                    f"{source}: no picture at {seen.time_s:.2f} s for sighting {seen.id} ({error})"
                ) from None
        return None


def find_patrols(folder: Path) -> list[Patrol]:
    """The analysed patrol that is `folder`, or those in it. Raises `TrainingError`."""
    listings = (
        [folder / "sightings.geojson"]
        if (folder / "sightings.geojson").is_file()
        else sorted(folder.glob("*/sightings.geojson"))
    )
    if not listings:
        raise TrainingError(
            f"{folder}: no sightings.geojson in it; expected the folder of an analysed patrol, or "
            "one that holds such folders"
        )
    return [_read(path) for path in listings]


def _read(path: Path) -> Patrol:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = [_seen(feature) for feature in document["features"]]
        name = str(document.get("patrol") or path.parent.name)
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror}; check the path") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TrainingError(
            f"{path}: not the sightings of a patrol ({type(error).__name__}: {str(error)[:80]}); "
            "run patrol analyze again"
        ) from None
    return Patrol(path.parent, name, {one.id: one for one in found})


def _seen(feature: Any) -> Seen:
    properties = feature["properties"]
    lon, lat = (float(v) for v in feature["geometry"]["coordinates"][:2])
    best = properties["best_frame"]
    x1, y1, x2, y2 = (float(v) for v in best["box_px"])
    numbers = (lon, lat, x1, y1, x2, y2, float(best["time_s"]))
    if not all(map(math.isfinite, numbers)) or x2 <= x1 or y2 <= y1:
        raise ValueError(f"sighting {properties['id']}: a box or position that cannot be")
    if properties["class"] not in CLASSES:
        raise ValueError(f"sighting {properties['id']}: class {properties['class']!r:.40}")
    video = PurePosixPath(str(best["video"]))
    name = str(properties["id"])
    if video.is_absolute() or ".." in video.parts or "/" in name or "\\" in name:
        raise ValueError(f"sighting {name!r:.40}: names a file outside of the patrol")
    return Seen(
        name, str(properties["class"]), lon, lat, str(video), int(best["frame_index"]),
        float(best["time_s"]), (x1, y1, x2, y2),
    )  # fmt: skip
