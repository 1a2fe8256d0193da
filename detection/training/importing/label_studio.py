"""Label Studio exports, JSON and JSON-MIN: rectangles (in percent, turned or not), polygons and
ellipses. Of several annotations of a task the last that was not cancelled counts."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

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

__all__ = ["is_label_studio", "read_label_studio"]

_LABELS = ("rectanglelabels", "polygonlabels", "ellipselabels")
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # put before the name of an uploaded file


def is_label_studio(document: Any) -> bool:
    """Whether a JSON document is a list of tasks."""
    return (
        isinstance(document, list)
        and bool(document)
        and all(isinstance(task, dict) for task in document)
        and any("annotations" in t or "label" in t or "completions" in t for t in document)
    )


def read_label_studio(root: Path) -> ForeignSet:
    """Every export under a folder, or one file with its pictures beside or below it."""
    found = ForeignSet("labelstudio")
    pictures = Pictures(root if root.is_dir() else root.parent)
    left_out: defaultdict[str, int] = defaultdict(int)
    read = 0
    for path in files_of(root, ".json") if root.is_dir() else [root]:
        document = read_json(path)
        if not is_label_studio(document):
            continue
        read += 1
        for index, task in enumerate(document):
            listed = f"{pictures.key(path)}, task {task.get('id', index)}"
            try:
                _read_task(task, listed, path, pictures, found, left_out)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                found.faults.append(f"{listed}: {type(error).__name__}: {str(error)[:80]}")
    if not read:
        raise TrainingError(f"{root}: no JSON list of tasks; expected a Label Studio export")
    for what, count in sorted(left_out.items()):
        found.notes.append(f"{count} {what} were left out")
    return found


def _read_task(
    task: dict[str, Any],
    listed: str,
    path: Path,
    pictures: Pictures,
    found: ForeignSet,
    left_out: dict[str, int],
) -> None:
    if "data" in task:
        given = task.get("annotations", task.get("completions")) or []
        valid = [a for a in given if not a.get("was_cancelled")]
        if not valid:
            left_out["tasks that nobody has labelled"] += 1
            return
        results = max(valid, key=lambda a: str(a.get("updated_at") or a.get("created_at") or ""))
        shapes = results.get("result") or []
        reference = _reference(task["data"])
    else:  # JSON-MIN: the labels' names are free
        shapes = [
            one for value in task.values() if isinstance(value, list) for one in value
            if isinstance(one, dict) and any(key in one for key in _LABELS)
        ]  # fmt: skip
        reference = _reference(task)
    file = _find(reference, pictures, path)
    if file is None:
        found.faults.append(f"{listed}: no picture {reference[:80]!r} in the set, or several")
        return
    boxes, size = [], None
    for shape in shapes:
        box, size = _box(shape, size, left_out)
        if box is not None:
            found.name_class(box.label)
            boxes.append(box)
    found.pictures.append(
        ForeignPicture(
            file, pictures.key(file), tuple(boxes), listed, size_px=size,
            split=split_of(file, pictures.root),
        )
    )  # fmt: skip


def _reference(data: dict[str, Any]) -> str:
    """The picture's address in a task: the value that looks like one."""
    for key in ("image", "img", "picture", "photo"):
        if isinstance(data.get(key), str):
            return str(data[key])
    texts = [v for v in data.values() if isinstance(v, str)]
    named = [t for t in texts if re.search(r"\.(jpe?g|png|bmp|webp|tiff?)($|[?&#])", t, re.I)]
    if not named:
        raise ValueError("no picture in its data")
    return named[0]


def _find(reference: str, pictures: Pictures, path: Path) -> Path | None:
    """The file: uploads carry a prefix, local files stand in a parameter `d`."""
    parts = urlsplit(reference)
    local = parse_qs(parts.query).get("d")
    name = unquote(local[0] if local else parts.path)
    file = pictures.find(name, near=path.parent)
    if file is None:
        folder, _, last = name.rpartition("/")
        if _UPLOADED.match(last):
            file = pictures.find(f"{folder}/{_UPLOADED.sub('', last)}", near=path.parent)
    return file


def _box(
    shape: dict[str, Any], size: tuple[int, int] | None, left_out: dict[str, int]
) -> tuple[ForeignBox | None, tuple[int, int] | None]:
    """The box of a result in pixels, and the picture's size."""
    value = shape.get("value", shape)
    labels = next((value[key] for key in _LABELS if value.get(key)), None)
    if labels is None:
        kind = str(shape.get("type") or "other")
        if kind in ("rectangle", "polygon", "ellipse"):
            return None, size  # the geometry of a result whose labels stand in another one
        left_out[f"results of type {kind[:30]}"] += 1
        return None, size
    if number(shape.get("image_rotation") or 0) % 360:
        raise ValueError("labelled on a picture turned in the tool; turn the picture itself")
    width = number(shape.get("original_width", 0))
    height = number(shape.get("original_height", 0))
    if not (width >= 1 and height >= 1):
        raise ValueError("no original_width and original_height")
    fx, fy = width / 100, height / 100
    if value.get("points") is not None:
        corners = bounds([(number(x) * fx, number(y) * fy) for x, y in value["points"]])
    elif "radiusX" in value:
        x, y = number(value["x"]) * fx, number(value["y"]) * fy
        rx, ry = number(value["radiusX"]) * fx, number(value["radiusY"]) * fy
        corners = _rotated((-rx, -ry, rx, ry), (x, y), number(value.get("rotation") or 0))
    else:
        x, y = number(value["x"]) * fx, number(value["y"]) * fy
        w, h = number(value["width"]) * fx, number(value["height"]) * fy
        corners = _rotated((0.0, 0.0, w, h), (x, y), number(value.get("rotation") or 0))
    return ForeignBox(str(labels[0]), corners), (round(width), round(height))


def _rotated(
    box: tuple[float, float, float, float], at: tuple[float, float], degrees: float
) -> tuple[float, float, float, float]:
    """The box about one turned clockwise by `degrees` about `at`, its own origin."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x1, y1, x2, y2 = box
    return bounds(
        [(at[0] + x * cos - y * sin, at[1] + x * sin + y * cos) for x in (x1, x2) for y in (y1, y2)]
    )
