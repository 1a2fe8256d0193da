"""Composites as a source of labelled pictures, each from the seed and its number alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.errors import TrainingError
from detection.training.composites.cutouts import Cutout
from detection.training.composites.pasting import Light, fitted, paste, roughness
from detection.training.samples import (
    CLASSES,
    Boxes,
    Crop,
    FloatArray,
    Picture,
    Sample,
    Source,
    Split,
    cut,
    turned,
)

__all__ = ["Background", "Composites"]

_ON_WATER = frozenset({CLASSES.index("discharge"), CLASSES.index("floating_waste")})
_FLAT = frozenset({CLASSES.index("discharge")})  # casts no shadow
_TRIES = 24
_CLEARANCE_PX = 6
_SMOOTH = 22.0  # roughness up to which a place may be water
_LEAST_PX, _MOST_SHARE = 6, 0.5
_SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Background:
    """Photos to paste on, all of their finds labelled, at `gsd_m` metres a pixel; `water` tells
    that they show open water, on which alone something may float."""

    source: Source
    gsd_m: float
    water: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Composites:
    """`train_count` and `val_count` pictures, at most `side_px` a side, `gsd_m` metres a pixel.

    On each a window of a background, some of `objects` and `negatives` (pasted, but not labelled)
    are put at their true size (times a factor in `sizes`), never on what is labelled or on one
    another: what floats on places as smooth as water, of photos that show some, everything else
    anywhere. Validation uses
    `val_objects` on the backgrounds' validation pictures.
    """

    backgrounds: Sequence[Background]
    objects: Sequence[Cutout]
    train_count: int
    val_objects: Sequence[Cutout] = ()
    val_count: int = 0
    negatives: Sequence[Cutout] = ()
    side_px: int = 1280
    gsd_m: float = 0.06
    most: int = 5
    sizes: tuple[float, float] = (0.75, 1.3)
    seed: int = 0
    name: str = "composite"

    @property
    def provenance(self) -> str:
        photos = "; ".join(b.source.provenance for b in self.backgrounds)
        return f"objects pasted on photos: {photos}"

    def count(self, split: Split) -> int:
        """How many pictures there are."""
        return {"train": self.train_count, "val": self.val_count, "test": 0}[split]

    def samples(self, split: Split) -> Iterator[Sample]:
        return self.some(split, range(self.count(split)))

    def some(self, split: Split, numbers: Sequence[int]) -> Iterator[Sample]:
        """The pictures of these numbers: each is the same whichever others are made."""
        objects = self.objects if split == "train" else self.val_objects
        if not numbers:
            return
        grounds = [
            (_shrunk(sample, b.gsd_m, self.gsd_m), max(b.gsd_m, self.gsd_m), b.water)
            for b in self.backgrounds
            for sample in b.source.samples(split)
        ]
        if not objects or not grounds:
            raise TrainingError(
                f"{self.name}: no {'objects' if not objects else 'photos'} for {split}; composites "
                "need labelled pictures to cut from, and photos to paste on"
            )
        by_class: dict[int, list[Cutout]] = {}
        for one in objects:
            if one.class_id is not None:
                by_class.setdefault(one.class_id, []).append(one)
        for number in numbers:
            rng = np.random.default_rng([self.seed, _SPLITS.index(split), number])
            ground, gsd_m, water = grounds[int(rng.integers(len(grounds)))]
            window = self._window(ground, rng)
            fitting = {c: pool for c, pool in by_class.items() if water or c not in _ON_WATER}
            picture, boxes = self._filled(window, gsd_m, fitting, rng)
            name = f"{self.name}-{split}-{number:05d}"
            yield Sample(name, picture, boxes, (gsd_m / 0.13, gsd_m / 0.075))

    def _window(self, ground: Sample, rng: np.random.Generator) -> Sample:
        rows, columns = ground.picture.shape[:2]
        height, width = min(self.side_px, rows), min(self.side_px, columns)
        left = float(np.floor(rng.uniform(0, columns - width + 1)))
        top = float(np.floor(rng.uniform(0, rows - height + 1)))
        square = cut(ground, Crop(left, top, self.side_px, 1.0))
        # what the square shows beyond the photo is grey, and holds no box
        picture, corners = square.picture[:height, :width], square.boxes.corners_px
        if rng.random() < 0.5:
            picture, corners = picture[:, ::-1], corners.copy()
            corners[:, [0, 2]] = width - corners[:, [2, 0]]
        boxes = Boxes(square.boxes.class_ids, corners)
        piece = Sample(ground.name, np.ascontiguousarray(picture), boxes)
        return turned(piece, int(rng.integers(4)))

    def _filled(
        self,
        window: Sample,
        gsd_m: float,
        by_class: dict[int, list[Cutout]],
        rng: np.random.Generator,
    ) -> tuple[Picture, Boxes]:
        picture = window.picture.copy()
        rough = roughness(picture)
        light = Light(
            float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.05, 0.45)),
            float(rng.uniform(0.25, 0.6)),
        )  # fmt: skip
        taken = list(window.boxes.corners_px)
        ids, rows = list(window.boxes.class_ids), list(window.boxes.corners_px)
        classes = sorted(by_class)
        for _ in range(int(rng.integers(1, self.most + 1))):
            pool = by_class[classes[int(rng.integers(len(classes)))]] if classes else []
            if self.negatives and rng.random() < 0.35:
                pool = list(self.negatives)
            if not pool:
                continue
            thing = fitted(
                pool[int(rng.integers(len(pool)))], gsd_m, float(rng.uniform(*self.sizes)),
                int(rng.integers(4)), bool(rng.random() < 0.5),
            )  # fmt: skip
            at = _free_place(thing, rough, taken, rng)
            chance = rng.random(4)
            if at is None:
                continue
            flat = thing.class_id in _FLAT
            box = paste(
                picture, thing, *at,
                light=None if flat or not thing.exact else light,
                poisson=bool(chance[0] < (0.2 if thing.exact else 0.7)),
                match=0.3 + 0.6 * float(chance[1]), softness_px=0.9 * float(chance[2]),
            )  # fmt: skip
            height, width = thing.alpha.shape
            taken.append(np.array([at[0], at[1], at[0] + width, at[1] + height], float))
            if thing.class_id is not None:
                ids.append(np.int64(thing.class_id))
                rows.append(box)
        return picture, Boxes(np.array(ids, np.int64), np.reshape(rows, (-1, 4)).astype(float))


def _shrunk(sample: Sample, gsd_m: float, wanted_m: float) -> Sample:
    """The photo at the scale to compose in; one that is coarser stays as it is."""
    if gsd_m >= wanted_m:
        return sample
    height, width = sample.picture.shape[:2]
    size = (max(1, round(width * gsd_m / wanted_m)), max(1, round(height * gsd_m / wanted_m)))
    small = np.asarray(cv2.resize(sample.picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    factors = np.array([size[0] / width, size[1] / height] * 2)
    boxes = Boxes(sample.boxes.class_ids, sample.boxes.corners_px * factors)
    return Sample(sample.name, small, boxes)


def _free_place(
    thing: Cutout, rough: NDArray[np.float32], taken: Sequence[FloatArray], rng: np.random.Generator
) -> tuple[int, int] | None:
    """The left and top of a place that overlaps nothing in `taken`; None where none was found."""
    height, width = thing.alpha.shape
    rows, columns = rough.shape
    draws = rng.random((_TRIES, 2))  # always as many, so that what follows does not depend on it
    if min(height, width) < _LEAST_PX or max(height, width) > _MOST_SHARE * min(rows, columns):
        return None
    held = np.reshape(np.array(taken, float), (-1, 4))
    free: list[tuple[float, int, int]] = []
    for x, y in draws:
        left, top = int(x * (columns - width)), int(y * (rows - height))
        gap = _CLEARANCE_PX
        apart = (
            (held[:, 0] > left + width + gap) | (held[:, 2] < left - gap)
            | (held[:, 1] > top + height + gap) | (held[:, 3] < top - gap)
        )  # fmt: skip
        if apart.all():
            free.append((float(rough[top : top + height, left : left + width].mean()), left, top))
    if not free:
        return None
    if thing.class_id in _ON_WATER:
        smoothest = min(free)
        return (smoothest[1], smoothest[2]) if smoothest[0] <= _SMOOTH else None
    return free[0][1], free[0][2]
