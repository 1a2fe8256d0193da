"""Pascal VOC: one XML file a picture (LabelImg, and rotated boxes of roLabelImg)."""

from __future__ import annotations

import math
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
    read_xml,
    split_of,
)
from detection.training.samples import Split

__all__ = ["is_voc", "read_voc"]

_IMAGE_SETS: tuple[tuple[str, Split], ...] = (("test", "test"), ("val", "val"), ("train", "train"))


def is_voc(root: Any) -> bool:
    """Whether an XML root is that of a VOC file."""
    return bool(root.tag == "annotation" and root.find("object") is not None) or bool(
        root.tag == "annotation" and root.find("filename") is not None
    )


def read_voc(root: Path) -> ForeignSet:
    """Every VOC file under a folder. Pictures that no file names are left out, and counted."""
    found = ForeignSet("voc")
    pictures = Pictures(root)
    splits = _image_sets(root)
    named: set[Path] = set()
    read = 0
    for path in files_of(root, ".xml"):
        document = read_xml(path)
        if not is_voc(document):
            continue
        read += 1
        listed = pictures.key(path)
        name = (document.findtext("filename") or "").strip()
        # The file's own name first: tools that copy or rename leave <filename> as it was.
        file = pictures.find_stem(path.stem, near=path.parent) or (
            pictures.find(name, near=path.parent) if name else None
        )
        if file is None:
            found.faults.append(f"{listed}: no picture {name or path.stem!r:.80} in the set")
            continue
        named.add(file)
        boxes = _boxes(document, listed, found)
        found.pictures.append(
            ForeignPicture(
                file, pictures.key(file), tuple(boxes), listed, size_px=_size(document),
                split=splits.get(path.stem) or split_of(path, root),
            )
        )  # fmt: skip
    if not read:
        raise TrainingError(f"{root}: no XML file with <annotation>; expected Pascal VOC")
    rest = len(pictures.files) - len(named)
    if rest:
        found.notes.append(f"{rest} pictures that no XML file is about were left out")
    return found


def _image_sets(root: Path) -> dict[str, Split]:
    """Splits of ImageSets/Main/{train,val,test}.txt, by stem."""
    splits: dict[str, Split] = {}
    for name, split in _IMAGE_SETS:
        for path in sorted(root.rglob(f"ImageSets/Main/{name}.txt")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                if line.split():
                    splits[line.split()[0]] = split
    return splits


def _size(document: Any) -> tuple[int, int] | None:
    try:
        size = (
            int(number(document.findtext("size/width") or "")),
            int(number(document.findtext("size/height") or "")),
        )
    except ValueError:
        return None
    return size if min(size) > 0 else None


def _boxes(document: Any, listed: str, found: ForeignSet) -> list[ForeignBox]:
    # The VOC data itself counts pixels from 1, inclusive; the tools that write its format do not.
    from_one = (document.findtext("source/database") or "").startswith("The VOC")
    boxes = []
    for index, thing in enumerate(document.findall("object"), 1):
        label = (thing.findtext("name") or "").strip()
        where = f"{listed}, object {index}"
        try:
            if not label:
                raise ValueError("an object without a name")
            if thing.find("robndbox") is not None:
                corners = _turned(thing.find("robndbox"))
            else:
                x1, y1, x2, y2 = (
                    number((thing.findtext(f"bndbox/{key}") or "").strip())
                    for key in ("xmin", "ymin", "xmax", "ymax")
                )
                corners = (x1 - from_one, y1 - from_one, x2, y2)
        except ValueError as error:
            found.faults.append(f"{where}: {str(error)[:80]}; expected name and bndbox")
            continue
        found.name_class(label)
        boxes.append(ForeignBox(label, corners))
    return boxes


def _turned(box: Any) -> tuple[float, float, float, float]:
    """The box about one given by centre, size and angle in radians."""
    x, y, w, h, angle = (
        number((box.findtext(key) or "").strip()) for key in ("cx", "cy", "w", "h", "angle")
    )
    cos, sin = math.cos(angle), math.sin(angle)
    return bounds(
        [
            (x + dx * cos - dy * sin, y + dx * sin + dy * cos)
            for dx in (-w / 2, w / 2)
            for dy in (-h / 2, h / 2)
        ]
    )
