"""Building a training set of crops, the same for the same sources and seed.

OUT/images/{train,val}/*.jpg, OUT/labels/{train,val}/*.txt   YOLO format
OUT/data.yaml                                                what ultralytics reads
OUT/manifest.json                                            sources, counts, seed
"""

from __future__ import annotations

import json
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from detection.errors import TrainingError
from detection.training.samples import CLASSES, Boxes, Sample, cut, object_crops, turned
from detection.training.sources import Source, Split
from geo.files import write_text

__all__ = ["DatasetSummary", "Part", "build_dataset", "yolo_lines"]

_JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Part:
    """A source and how much is taken from it: crops for each of its pictures, in training and in
    validation. A share of a crop is a chance: 0.5 takes a crop of every second picture."""

    source: Source
    train_crops: float = 1.0
    val_crops: float = 1.0
    background_share: float = 0.15


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """What was written."""

    folder: Path
    pictures: dict[str, int]  # by split
    objects: dict[str, dict[str, int]]  # by split and class


def yolo_lines(boxes: Boxes, width_px: int, height_px: int) -> str:
    """The text of a YOLO label file: class, centre and size as shares of the picture."""
    size = np.array([width_px, height_px], float)
    lines = []
    for class_id, corners in zip(boxes.class_ids, boxes.corners_px, strict=True):
        centre, extent = (corners[:2] + corners[2:]) / 2 / size, (corners[2:] - corners[:2]) / size
        numbers = " ".join(f"{value:.6f}" for value in (*centre, *extent))
        lines.append(f"{class_id} {numbers}\n")
    return "".join(lines)


def _write(sample: Sample, name: str, out: Path, split: Split) -> None:
    picture_file = out / "images" / split / f"{name}.jpg"
    encoded = cv2.imencode(".jpg", sample.picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    picture_file.write_bytes(encoded.tobytes())
    height, width = sample.picture.shape[:2]
    text = yolo_lines(sample.boxes, width, height)
    (out / "labels" / split / f"{name}.txt").write_text(text, encoding="utf-8")


def build_dataset(
    parts: Sequence[Part],
    out: Path,
    *,
    seed: int,
    side_px: int = 416,
    class_weights: Sequence[float] = (2.0, 2.5, 0.5, 3.0),
    advance: Callable[[float], None] = lambda done: None,
) -> DatasetSummary:
    """Cut crops from every part and write them to `out`, which is replaced.

    Each picture has its own random stream from `seed` and its name, so that adding a source
    changes nothing in the others. `class_weights` says how much more often a crop is put about an
    object of a rare class. Raises `TrainingError` where nothing is left to train on.
    """
    if out.exists() and not (out / "manifest.json").exists() and any(out.iterdir()):
        raise TrainingError(f"{out}: holds something else; name an empty or a new folder")
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    weights = np.asarray(class_weights, float)
    pictures: Counter[str] = Counter()
    objects: dict[str, Counter[str]] = {"train": Counter(), "val": Counter()}
    by_source: dict[str, Counter[str]] = {}
    splits: tuple[Split, ...] = ("train", "val")
    try:
        for split in splits:
            (beside / "images" / split).mkdir(parents=True)
            (beside / "labels" / split).mkdir(parents=True)
            for part in parts:
                counts = by_source.setdefault(part.source.name, Counter())
                wanted = part.train_crops if split == "train" else part.val_crops
                for sample in part.source.samples(split):
                    rng = np.random.default_rng([seed, zlib.crc32(sample.name.encode())])
                    count = int(wanted) + int(rng.random() < wanted - int(wanted))
                    crops = object_crops(
                        sample, count, side_px, rng,
                        class_weights=weights, background_share=part.background_share,
                    )  # fmt: skip
                    for index, crop in enumerate(crops):
                        piece = turned(cut(sample, crop), int(rng.integers(4)))
                        _write(piece, f"{sample.name}-{index}", beside, split)
                        objects[split].update(CLASSES[i] for i in piece.boxes.class_ids)
                    counts[split] += count
                    pictures[split] += count
                    advance(sum(pictures.values()))
        if not pictures["train"]:
            raise TrainingError("no training pictures in the sources given; add some")
        if not pictures["val"]:
            raise TrainingError("no validation pictures in the sources given; add --validate DIR")
        manifest = {
            "format": "river-patrol/dataset", "version": 1, "seed": seed, "side_px": side_px,
            "sources": [
                {"name": p.source.name, "provenance": p.source.provenance,
                 "crops": dict(by_source[p.source.name])} for p in parts
            ],
            "pictures": dict(pictures), "objects": {k: dict(v) for k, v in objects.items()},
        }  # fmt: skip
        names = "".join(f"  {index}: {name}\n" for index, name in enumerate(CLASSES))
        # No `path`: ultralytics then takes the folder of this file, so the set can be moved.
        write_text(beside / "data.yaml", f"train: images/train\nval: images/val\nnames:\n{names}")
        write_text(
            beside / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
        )
        shutil.rmtree(out, ignore_errors=True)
        beside.replace(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return DatasetSummary(out, dict(pictures), {k: dict(v) for k, v in objects.items()})
