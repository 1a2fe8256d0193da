"""Objects cut from labelled pictures, along their masks where there are any.

A mask stands in masks/ under the picture's name as a PNG of one channel, in which the pixels of
the object of line n of the label file have the value n, counted from 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.errors import TrainingError
from detection.training.pictures import read_picture
from detection.training.samples import CLASSES, Boxes, Picture, Split
from detection.training.sources import YoloFolder

__all__ = ["CutFrom", "Cutout", "cutouts_of"]

_LEAST_PX, _MOST_SHARE = 10.0, 0.6
_MARGIN = 0.15  # shown beyond a box without a mask, for the feather
_BORDER_PX = 2  # what touches the edge of its picture is cut off


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """An object: (h, w, 3) BGR, `alpha` (h, w) from 0 to 1, its class (None for what only looks
    like one), metres a pixel, and its box x1, y1, x2, y2 in the cutout. `exact` tells that
    `alpha` follows the object, not its box."""

    name: str
    picture: Picture
    alpha: NDArray[np.float32]
    class_id: int | None
    gsd_m: float
    box_px: tuple[float, float, float, float]
    exact: bool


@dataclass(frozen=True, slots=True)
class CutFrom:
    """A folder in YOLO layout to cut objects from. `gsd_m` is metres a pixel of its pictures,
    where its manifest does not give one for each (`files.*.gsd_m`). `classes` are those to take;
    `each` how many at most of a picture. With `negatives`, what lies in negatives/ is taken, as
    things that only look like a find."""

    folder: Path
    gsd_m: float
    classes: tuple[str, ...] = CLASSES
    mapping: Mapping[str, str] = field(default_factory=dict)
    each: int = 4
    negatives: bool = True


def cutouts_of(sources: Sequence[CutFrom], split: Split, most: int) -> list[Cutout]:
    """At most `most` objects of each source, spread over its pictures."""
    found: list[Cutout] = []
    for source in sources:
        gsds = _gsds(source)
        folder = YoloFolder(source.folder, name=source.folder.name, mapping=source.mapping)
        paths = folder.pictures(split)
        step = max(1, len(paths) * source.each // max(1, most))
        mine: list[Cutout] = []
        for path in paths[::step]:
            inside = path.relative_to(source.folder / "images")
            gsd_m = gsds.get(f"images/{inside.as_posix()}", source.gsd_m)
            picture = read_picture(path)
            boxes = folder.boxes(path, picture.shape[1], picture.shape[0])
            mask = _mask(source.folder, inside, picture)
            wanted = [CLASSES[i] in source.classes for i in boxes.class_ids]
            mine += list(_cut(path.stem, picture, boxes, wanted, mask, gsd_m))[: source.each]
        found += mine[:most]
        if source.negatives and split == "train":
            found += list(_negatives(source, gsds))[:most]
    return found


def _gsds(source: CutFrom) -> dict[str, float]:
    """Metres a pixel by file, of those that the folder's manifest tells."""
    path = source.folder / "manifest.json"
    if not path.is_file():
        return {}
    try:
        files: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")).get("files") or {}
        return {name: float(about["gsd_m"]) for name, about in files.items() if "gsd_m" in about}
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise TrainingError(f"{path}: not a manifest ({str(error)[:60]}); build it again") from None


def _mask(folder: Path, inside: Path, picture: Picture) -> NDArray[np.integer] | None:
    path = (folder / "masks" / inside).with_suffix(".png")
    if not path.is_file():
        return None
    mask = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if mask is None or mask.ndim != 2 or mask.shape != picture.shape[:2]:
        raise TrainingError(
            f"{path}: expected a PNG of one channel as large as its picture, "
            f"{picture.shape[1]} x {picture.shape[0]} px"
        )
    return np.asarray(mask)


def _cut(
    stem: str,
    picture: Picture,
    boxes: Boxes,
    wanted: Sequence[bool],
    mask: NDArray[np.integer] | None,
    gsd_m: float,
) -> Iterator[Cutout]:
    height, width = picture.shape[:2]
    for number, (class_id, corners) in enumerate(
        zip(boxes.class_ids, boxes.corners_px, strict=True), 1
    ):
        extent = corners[2:] - corners[:2]
        whole = (corners[:2] > _BORDER_PX).all() and (
            corners[2:] < np.array([width, height]) - _BORDER_PX
        ).all()
        if not (wanted[number - 1] and whole and extent.min() >= _LEAST_PX):
            continue
        if extent.max() > _MOST_SHARE * max(width, height):
            continue
        pad = np.maximum(4.0, _MARGIN * extent)
        x1, y1 = np.maximum(0, np.floor(corners[:2] - pad)).astype(int)
        x2, y2 = np.minimum([width, height], np.ceil(corners[2:] + pad)).astype(int)
        box = tuple(float(v) for v in corners - np.tile([x1, y1], 2))
        if mask is not None:
            alpha = (mask[y1:y2, x1:x2] == number).astype(np.float32)
            if alpha.sum() < 0.05 * extent.prod():
                continue  # hidden behind something else
            alpha = cv2.GaussianBlur(alpha, (0, 0), 0.7)
        else:
            alpha = _feather((y2 - y1, x2 - x1), box)
        yield Cutout(
            f"{stem}-{number}", picture[y1:y2, x1:x2].copy(), np.asarray(alpha, np.float32),
            int(class_id), gsd_m, (box[0], box[1], box[2], box[3]), mask is not None,
        )  # fmt: skip


def _feather(shape: tuple[int, int], box: tuple[float, ...]) -> NDArray[np.float32]:
    """1 inside a box, falling to 0 at the cutout's edge."""
    ys, xs = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32) + 0.5
    inside = np.minimum(
        np.minimum(xs / max(box[0], 1.0), (shape[1] - xs) / max(shape[1] - box[2], 1.0)),
        np.minimum(ys / max(box[1], 1.0), (shape[0] - ys) / max(shape[0] - box[3], 1.0)),
    )
    return np.asarray(np.clip(inside - 0.15, 0.0, 0.85) / 0.85, np.float32)


def _negatives(source: CutFrom, gsds: Mapping[str, float]) -> Iterator[Cutout]:
    folder = source.folder / "negatives"
    for path in sorted(folder.glob("*.jpg")) if folder.is_dir() else []:
        picture = read_picture(path)
        height, width = picture.shape[:2]
        box = (width / 6, height / 6, width * 5 / 6, height * 5 / 6)
        gsd_m = gsds.get(f"negatives/{path.name}", source.gsd_m)
        yield Cutout(
            f"negative-{path.stem}", picture, _feather((height, width), box), None, gsd_m, box,
            False,
        )  # fmt: skip
