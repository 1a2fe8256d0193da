"""A data set on disk, written whole or not at all.

OUT/images/{train,val,test}/*.jpg, OUT/labels/{train,val,test}/*.txt   YOLO format
OUT/data.yaml                                                          what ultralytics reads
OUT/manifest.json                                  where each picture came from, counts, seed
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from detection.errors import TrainingError
from detection.training.samples import CLASSES, Boxes, Picture, Sample, Split
from geo.files import write_text

__all__ = ["DatasetSummary", "SetWriter", "plain_name", "writing_set", "yolo_lines"]

_JPEG_QUALITY = 92
_SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """What was written."""

    folder: Path
    pictures: dict[str, int]  # by split
    objects: dict[str, dict[str, int]]  # by split and class
    notes: tuple[str, ...] = ()


def yolo_lines(boxes: Boxes, width_px: int, height_px: int) -> str:
    """The text of a YOLO label file: class, centre and size as shares of the picture."""
    size = np.array([width_px, height_px], float)
    lines = []
    for class_id, corners in zip(boxes.class_ids, boxes.corners_px, strict=True):
        centre, extent = (corners[:2] + corners[2:]) / 2 / size, (corners[2:] - corners[:2]) / size
        numbers = " ".join(f"{value:.6f}" for value in (*centre, *extent))
        lines.append(f"{class_id} {numbers}\n")
    return "".join(lines)


def plain_name(text: str) -> str:
    """A file name without suffix that every system takes: letters of any script, digits, . _ -."""
    name = re.sub(r"[^\w.-]+", "_", text.replace("/", "-").replace("\\", "-")).strip("._-")
    return name[:120] or "picture"


@dataclass(slots=True)
class SetWriter:
    """Takes pictures into a folder that is not in its place yet."""

    folder: Path
    pictures: Counter[str] = field(default_factory=Counter)
    objects: dict[str, Counter[str]] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def add(self, sample: Sample, split: Split, about: Mapping[str, Any] | None = None) -> Path:
        """Write a picture as JPEG with its labels; `about` goes into the manifest."""
        encoded = cv2.imencode(".jpg", sample.picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
        height, width = sample.picture.shape[:2]
        return self.add_bytes(
            encoded.tobytes(), ".jpg", sample.name, sample.boxes, (width, height), split, about
        )

    def add_bytes(
        self,
        data: bytes,
        suffix: str,
        name: str,
        boxes: Boxes,
        size_px: tuple[int, int],
        split: Split,
        about: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write an encoded picture, `size_px` (width, height) large, as it is."""
        wanted, number = name, 2
        while wanted.lower() in self._names:  # file systems may not tell cases apart
            wanted, number = f"{name}-{number}", number + 1
        self._names.add(wanted.lower())
        for kind in ("images", "labels"):
            (self.folder / kind / split).mkdir(parents=True, exist_ok=True)
        path = self.folder / "images" / split / f"{wanted}{suffix}"
        path.write_bytes(data)
        labels = self.folder / "labels" / split / f"{wanted}.txt"
        labels.write_text(yolo_lines(boxes, *size_px), encoding="utf-8")
        self.pictures[split] += 1
        self.objects.setdefault(split, Counter()).update(CLASSES[i] for i in boxes.class_ids)
        if about is not None:
            digest = hashlib.sha256(data).hexdigest()
            self.files[path.relative_to(self.folder).as_posix()] = {"sha256": digest, **about}
        return path

    def keep_crop(self, picture: Picture, name: str, about: Mapping[str, Any]) -> None:
        """Write a picture of something that only looks like a find, into negatives/."""
        (self.folder / "negatives").mkdir(exist_ok=True)
        encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
        path = self.folder / "negatives" / f"{name}.jpg"
        path.write_bytes(encoded.tobytes())
        digest = hashlib.sha256(encoded.tobytes()).hexdigest()
        self.files[f"negatives/{name}.jpg"] = {"sha256": digest, **about}

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write data.yaml and manifest.json; `manifest` is added to what is counted here."""
        splits = [split for split in _SPLITS if self.pictures[split]]
        for split in {"train", "val", *splits}:  # ultralytics wants both
            for kind in ("images", "labels"):
                (self.folder / kind / split).mkdir(parents=True, exist_ok=True)
        names = "".join(f"  {index}: {name}\n" for index, name in enumerate(CLASSES))
        listed = "test: images/test\n" if "test" in splits else ""
        # No `path`: ultralytics then takes the folder of this file, so the set can be moved.
        write_text(
            self.folder / "data.yaml",
            f"train: images/train\nval: images/val\n{listed}names:\n{names}",
        )
        document: dict[str, Any] = {
            "format": "river-patrol/dataset", "version": 1, **manifest,
            "pictures": dict(self.pictures),
            "objects": {k: dict(v) for k, v in self.objects.items()},
        }  # fmt: skip
        if self.files:
            document["files"] = dict(sorted(self.files.items()))
        text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
        write_text(self.folder / "manifest.json", text + "\n")

    def summary(self, out: Path, notes: Sequence[str] = ()) -> DatasetSummary:
        return DatasetSummary(
            out, dict(self.pictures), {k: dict(v) for k, v in self.objects.items()}, tuple(notes)
        )


@contextmanager
def writing_set(out: Path) -> Iterator[SetWriter]:
    """Yield a writer; on leaving, the set takes the place of `out`, an earlier set or nothing.

    If the block raises, `out` stays as it was. Raises `TrainingError` where `out` holds something
    else.
    """
    if out.is_file() or (
        out.exists() and not (out / "manifest.json").exists() and any(out.iterdir())
    ):
        raise TrainingError(f"{out}: holds something else; name an empty or a new folder")
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        writer = SetWriter(beside)
        yield writer
        shutil.rmtree(out, ignore_errors=True)
        beside.replace(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
