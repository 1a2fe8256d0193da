"""COCO JSON (detection): boxes, or the boxes about segmentations where there are none."""

from __future__ import annotations

import importlib
from collections import defaultdict
from pathlib import Path
from typing import Any

from detection.errors import TrainingError
from detection.training.importing.foreign import (
    ForeignBox,
    ForeignPicture,
    ForeignSet,
    Pictures,
    bounds,
    files_of,
    number,
    read_json,
    split_of,
)

__all__ = ["is_coco", "read_coco"]


def is_coco(document: Any) -> bool:
    """Whether a JSON document is one of COCO's."""
    return isinstance(document, dict) and {"images", "annotations", "categories"} <= set(document)


def read_coco(root: Path) -> ForeignSet:
    """Every COCO file under a folder, or one file with its pictures beside or below it."""
    found = ForeignSet("coco")
    top = root if root.is_dir() else root.parent
    pictures = Pictures(top)
    crowds = listings = 0
    for path in files_of(root, ".json") if root.is_dir() else [root]:
        document = read_json(path)
        if not is_coco(document):
            continue
        listings += 1
        try:
            crowds += _read_file(path, document, pictures, found)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TrainingError(
                f"{path}: not COCO ({type(error).__name__}: {str(error)[:80]}); export it again"
            ) from None
    if not listings:
        raise TrainingError(
            f"{root}: no JSON with images, annotations and categories; expected COCO"
        )
    if crowds:
        found.notes.append(
            f"{crowds} annotations marked iscrowd were left out: they box many at once"
        )
    return found


def _read_file(path: Path, document: dict[str, Any], pictures: Pictures, found: ForeignSet) -> int:
    listed = pictures.key(path)
    names = {int(c["id"]): str(c["name"]) for c in document["categories"]}
    for name in names.values():
        found.name_class(name)
    boxes: defaultdict[Any, list[ForeignBox]] = defaultdict(list)
    known = {image["id"] for image in document["images"]}
    crowds = 0
    for annotation in document["annotations"]:
        where = f"{listed}, annotation {annotation.get('id', '?')}"
        if annotation.get("iscrowd"):
            crowds += 1
            continue
        if annotation["image_id"] not in known:
            found.faults.append(f"{where}: image {annotation['image_id']} is not in the file")
        elif annotation["category_id"] not in names:
            found.faults.append(f"{where}: category {annotation['category_id']} is not in the file")
        else:
            try:
                corners = _corners(annotation)
            except (ValueError, TypeError, KeyError, IndexError) as error:
                found.faults.append(f"{where}: {str(error)[:80]}")
                continue
            boxes[annotation["image_id"]].append(
                ForeignBox(names[annotation["category_id"]], corners)
            )
    split = split_of(path, pictures.root)
    for image in document["images"]:
        name = str(image["file_name"])
        file = pictures.find(name, near=path.parent)
        if file is None:
            found.faults.append(f"{listed}: no picture {name[:80]!r} in the set, or several")
            continue
        size = (int(image.get("width") or 0), int(image.get("height") or 0))
        found.pictures.append(
            ForeignPicture(
                file, pictures.key(file), tuple(boxes[image["id"]]),
                f"{listed}, image {image['id']}", size_px=size if min(size) > 0 else None,
                split=split or split_of(file, pictures.root),
                group=str(image.get("video_id") or ""),
            )
        )  # fmt: skip
    return crowds


def _corners(annotation: dict[str, Any]) -> tuple[float, float, float, float]:
    box = annotation.get("bbox")
    if box:
        x, y, width, height = (number(value) for value in box)
        return x, y, x + width, y + height
    shape = annotation.get("segmentation")
    if isinstance(shape, list) and shape:
        points = []
        for ring in shape if isinstance(shape[0], list) else [shape]:
            values = [number(value) for value in ring]
            points += list(zip(values[::2], values[1::2], strict=True))
        return bounds(points)
    if isinstance(shape, dict):
        return _mask_bounds(shape)
    raise ValueError("neither bbox nor segmentation")


def _mask_bounds(mask: dict[str, Any]) -> tuple[float, float, float, float]:
    """The box about a run-length mask, compressed or not."""
    try:
        tool: Any = importlib.import_module("pycocotools.mask")
    except ImportError:
        raise ValueError("a run-length mask without bbox needs the package pycocotools") from None
    height, width = (int(number(v)) for v in mask["size"])
    if not (0 < height <= 20_000 and 0 < width <= 20_000):
        raise ValueError(f"a mask of {width} x {height} px")
    if isinstance(mask["counts"], list):
        counts = [int(number(v)) for v in mask["counts"]]
        if min(counts, default=-1) < 0 or sum(counts) != height * width:
            raise ValueError("run lengths that do not fill the mask")
        # Column by column; done here, since the library does not check what it is given.
        return _run_bounds(counts, height)
    if not isinstance(mask["counts"], str):
        raise ValueError("run lengths that are neither a list nor text")
    box = tool.toBbox({"size": [height, width], "counts": mask["counts"].encode("ascii")})
    x, y, w, h = (number(float(v)) for v in box)
    return x, y, x + w, y + h


def _run_bounds(counts: list[int], height: int) -> tuple[float, float, float, float]:
    points, at = [], 0
    for index, length in enumerate(counts):
        if index % 2 and length:
            first, last = at, at + length - 1
            x1, x2 = first // height, last // height
            whole = (0, height - 1)  # of a column, where the run passes its end
            rows = (first % height, last % height) if x1 == x2 else whole
            points += [(float(x1), float(rows[0])), (x2 + 1.0, rows[1] + 1.0)]
        at += length
    return bounds(points)
