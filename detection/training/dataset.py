"""Building a training set of crops, the same for the same sources and seed.

OUT/images/{train,val}/*.jpg, OUT/labels/{train,val}/*.txt   YOLO format
OUT/data.yaml                                                what ultralytics reads
OUT/manifest.json                                            sources, counts, seed
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detection.errors import TrainingError
from detection.training.samples import FloatArray, Sample, Source, Split, cut, object_crops, turned
from detection.training.sets.layout import DatasetSummary, SetWriter, writing_set, yolo_lines

__all__ = ["DatasetSummary", "Part", "build_dataset", "yolo_lines"]


@dataclass(frozen=True, slots=True)
class Part:
    """A source and how much is taken from it: crops for each of its pictures, in training and in
    validation. A share of a crop is a chance: 0.5 takes a crop of every second picture.

    `train_count`, `val_count`, `test_count` ask for so many crops in all instead, spread evenly
    over the source's pictures. `scales` overrides the range by which the source's crops are
    resized; `side_px` the crops' side; `licence` goes into the manifest.
    """

    source: Source
    train_crops: float = 1.0
    val_crops: float = 1.0
    background_share: float = 0.15
    train_count: int | None = None
    val_count: int | None = None
    test_count: int = 0
    scales: tuple[float, float] | None = None
    side_px: int | None = None
    licence: str | None = None

    def count(self, split: Split) -> int | None:
        """Crops wanted in all, where that is said."""
        if split == "train":
            return self.train_count
        return self.val_count if split == "val" else self.test_count


def _wanted(
    part: Part, split: Split, rng_of: Callable[[Sample], np.random.Generator]
) -> Iterator[tuple[Sample, int, np.random.Generator]]:
    """Each picture with how many crops are to be cut of it, and its random stream."""
    total = part.count(split)
    if total == 0:
        return
    if total is None:
        share = part.train_crops if split == "train" else part.val_crops
        for sample in part.source.samples(split):
            rng = rng_of(sample)
            yield sample, int(share) + int(rng.random() < share - int(share)), rng
        return
    pictures = _pictures(part.source, split)
    for index, sample in enumerate(part.source.samples(split)):
        count = total * (index + 1) // pictures - total * index // pictures
        yield sample, count, rng_of(sample)


def _pictures(source: Source, split: Split) -> int:
    """How many pictures a source has; those that can tell without reading them do."""
    counted = getattr(source, "pictures", None)
    return len(counted(split)) if counted else sum(1 for _ in source.samples(split))


def _cut_part(
    writer: SetWriter,
    part: Part,
    split: Split,
    seed: int,
    side_px: int,
    weights: FloatArray,
    advance: Callable[[float], None],
) -> int:
    def rng_of(sample: Sample) -> np.random.Generator:
        return np.random.default_rng([seed, zlib.crc32(sample.name.encode())])

    written = 0
    for sample, count, rng in _wanted(part, split, rng_of):
        if part.scales is not None:
            sample = Sample(sample.name, sample.picture, sample.boxes, part.scales)
        crops = object_crops(
            sample, count, part.side_px or side_px, rng,
            class_weights=weights, background_share=part.background_share,
        )  # fmt: skip
        for index, crop in enumerate(crops):
            piece = turned(cut(sample, crop), int(rng.integers(4)))
            name = f"{sample.name}-{index}"
            writer.add(Sample(name, piece.picture, piece.boxes), split)
        written += count
        advance(sum(writer.pictures.values()))
    return written


def build_dataset(
    parts: Sequence[Part],
    out: Path,
    *,
    seed: int,
    side_px: int = 416,
    class_weights: Sequence[float] = (2.0, 2.5, 0.5, 3.0),
    advance: Callable[[float], None] = lambda done: None,
    about: dict[str, Any] | None = None,
) -> DatasetSummary:
    """Cut crops from every part and write them to `out`, which is replaced.

    Each picture has its own random stream from `seed` and its name, so that adding a source
    changes nothing in the others. `class_weights` says how much more often a crop is put about an
    object of a rare class; `about` is added to the manifest. Raises `TrainingError` where nothing
    is left to train on.
    """
    weights = np.asarray(class_weights, float)
    by_source: list[Counter[str]] = [Counter() for _ in parts]
    splits: tuple[Split, ...] = ("train", "val", "test")
    with writing_set(out) as writer:
        for split in splits:
            for part, counts in zip(parts, by_source, strict=True):
                written = _cut_part(writer, part, split, seed, side_px, weights, advance)
                if split != "test" or written:
                    counts[split] = written
        if not writer.pictures["train"]:
            raise TrainingError("no training pictures in the sources given; add some")
        if not writer.pictures["val"]:
            raise TrainingError("no validation pictures in the sources given; add --validate DIR")
        writer.finish(
            {
                "seed": seed, "side_px": side_px, **(about or {}),
                "sources": [_about(p, counts) for p, counts in zip(parts, by_source, strict=True)],
            }
        )  # fmt: skip
    return writer.summary(out)


def _about(part: Part, counts: Counter[str]) -> dict[str, Any]:
    about: dict[str, Any] = {"name": part.source.name, "provenance": part.source.provenance}
    if part.licence:
        about["licence"] = part.licence
    return about | {"crops": dict(counts)}
