"""CVAT XML 1.1, "CVAT for images" (boxes, polygons, ellipses, masks) and "CVAT for video" (tracks).

A track refers to frames by number; their pictures are found by the last number in a file's name
(CVAT exports frame_000123.PNG). All frames of a video are one group: they stay together.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from detection.errors import TrainingError
from detection.training.importing.foreign import (
    SPLIT_WORDS,
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

__all__ = ["is_cvat", "read_cvat"]


def is_cvat(root: Any) -> bool:
    """Whether an XML root is that of a CVAT dump."""
    return root.tag == "annotations" and (
        root.find("image") is not None or root.find("track") is not None
    )


def read_cvat(root: Path) -> ForeignSet:
    """Every CVAT file under a folder, or one file with its pictures beside or below it."""
    found = ForeignSet("cvat")
    pictures = Pictures(root if root.is_dir() else root.parent)
    read = 0
    left_out: defaultdict[str, int] = defaultdict(int)
    for path in files_of(root, ".xml") if root.is_dir() else [root]:
        document = read_xml(path)
        if not is_cvat(document):
            continue
        read += 1
        for label in document.iterfind("meta//labels/label/name"):
            found.name_class((label.text or "").strip())
        for image in document.iterfind("image"):
            _read_image(image, path, pictures, found, left_out)
        if document.find("track") is not None:
            _read_tracks(document, path, pictures, found, left_out)
    if not read:
        raise TrainingError(f"{root}: no XML file with <annotations>; expected CVAT 1.1")
    for what, count in sorted(left_out.items()):
        found.notes.append(f"{count} {what} were left out")
    return found


def _read_image(
    image: Any, path: Path, pictures: Pictures, found: ForeignSet, left_out: dict[str, int]
) -> None:
    name = image.get("name") or ""
    listed = f"{pictures.key(path)}, image {name[:80]!r}"
    file = pictures.find(name, near=path.parent) if name else None
    if file is None:
        found.faults.append(f"{listed}: not in the set, or several of that name")
        return
    boxes = []
    for shape in image:
        box = _shape(shape, listed, found, left_out)
        if box is not None:
            boxes.append(box)
    split = SPLIT_WORDS.get((image.get("subset") or "").lower())
    found.pictures.append(
        ForeignPicture(
            file, pictures.key(file), tuple(boxes), listed,
            size_px=_size(image.get("width"), image.get("height")),
            split=split or split_of(file, pictures.root),
        )
    )  # fmt: skip


def _read_tracks(
    document: Any, path: Path, pictures: Pictures, found: ForeignSet, left_out: dict[str, int]
) -> None:
    """Boxes of tracks, frame by frame; frames in which no track is seen show nothing."""
    listed = pictures.key(path)
    of_frame: defaultdict[int, list[ForeignBox]] = defaultdict(list)
    for track in document.iterfind("track"):
        label = (track.get("label") or "").strip()
        where = f"{listed}, track {track.get('id', '?')}"
        for shape in track:
            try:
                frame = int(shape.get("frame") or "")
            except ValueError:
                found.faults.append(f"{where}: a shape without the number of its frame")
                continue
            if shape.get("outside") == "1":
                continue
            box = _shape(shape, f"{where}, frame {frame}", found, left_out, label)
            if box is not None:
                of_frame[frame].append(box)
    numbered: dict[int, Path] = {}
    for file in pictures.files:
        digits = re.findall(r"\d+", file.stem)
        if path.parent in file.parents and digits and len(digits[-1]) < 10:
            numbered.setdefault(int(digits[-1]), file)
    size = _size(
        document.findtext("meta//original_size/width"),
        document.findtext("meta//original_size/height"),
    )
    for frame, file in sorted(numbered.items()):
        boxes = tuple(of_frame.get(frame, []))
        found.pictures.append(
            ForeignPicture(
                file, pictures.key(file), boxes, f"{listed}, frame {frame}",
                size_px=size, split=split_of(file, pictures.root), group=listed,
            )
        )  # fmt: skip
    missing = len(set(of_frame) - set(numbered))
    if missing:
        left_out[f"labelled frames of {listed} that have no picture"] += missing


def _shape(
    shape: Any,
    where: str,
    found: ForeignSet,
    left_out: dict[str, int],
    label: str = "",
) -> ForeignBox | None:
    """The box of a shape; None for what has none, which is counted."""
    label = label or (shape.get("label") or "").strip()
    kind = shape.tag
    try:
        if kind == "box":
            corners = _box(shape)
        elif kind in ("polygon", "polyline"):
            corners = bounds(_points(shape.get("points") or ""))
        elif kind == "ellipse":
            cx, cy, rx, ry = (number(shape.get(key) or "") for key in ("cx", "cy", "rx", "ry"))
            corners = cx - rx, cy - ry, cx + rx, cy + ry
        elif kind == "mask":
            left, top, width, height = (
                number(shape.get(key) or "") for key in ("left", "top", "width", "height")
            )
            corners = left, top, left + width, top + height
        else:
            if kind in ("points", "tag", "skeleton", "cuboid"):
                left_out[f"{kind} annotations, which are no boxes,"] += 1
            return None
        if not label:
            raise ValueError("a shape without a label")
    except ValueError as error:
        found.faults.append(f"{where}: {kind}: {str(error)[:80]}")
        return None
    found.name_class(label)
    return ForeignBox(label, corners)


def _box(shape: Any) -> tuple[float, float, float, float]:
    """A box, turned about its middle by `rotation` degrees where it has that."""
    x1, y1, x2, y2 = (number(shape.get(key) or "") for key in ("xtl", "ytl", "xbr", "ybr"))
    turn = math.radians(number(shape.get("rotation") or "0"))
    if not turn:
        return x1, y1, x2, y2
    cx, cy, cos, sin = (x1 + x2) / 2, (y1 + y2) / 2, math.cos(turn), math.sin(turn)
    corners = [(x - cx, y - cy) for x in (x1, x2) for y in (y1, y2)]
    return bounds([(cx + x * cos - y * sin, cy + x * sin + y * cos) for x, y in corners])


def _points(text: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in text.split(";") if pair.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"points {text[:40]!r}, expected x,y;x,y")
    return [(number(x.strip()), number(y.strip())) for x, y in pairs]


def _size(width: str | None, height: str | None) -> tuple[int, int] | None:
    try:
        size = int(number(width or "")), int(number(height or ""))
    except ValueError:
        return None
    return size if min(size) > 0 else None
