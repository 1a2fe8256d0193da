"""YOLO folders in the layouts that are about, and iSOOD, which is one of them.

images/ and labels/ side by side (ultralytics), train/images and train/labels (Roboflow), or labels
beside their pictures (darknet). Lines are boxes (class x y w h), or outlines (class x y x y ...),
which become the box about them; a sixth number after a box is a confidence.
"""

from __future__ import annotations

from pathlib import Path

from detection.errors import TrainingError
from detection.training.importing.foreign import (
    ForeignBox,
    ForeignPicture,
    ForeignSet,
    Pictures,
    bounds,
    number,
    split_of,
)
from detection.training.sources import read_yaml

__all__ = ["ISOOD_LICENCE", "ISOOD_SOURCE", "read_isood", "read_yolo"]

ISOOD_SOURCE = (
    "iSOOD: Tian, Deng, Xu, Wen, A fine-grained dataset for sewage outfalls objective detection in "
    "natural environments, Scientific Data 2024, doi 10.1038/s41597-024-03574-9; Zenodo 10903574"
)
ISOOD_LICENCE = "CC BY 4.0"
_LISTINGS = ("data.yaml", "dataset.yaml", "data.yml", "dataset.yml")


def read_yolo(root: Path) -> ForeignSet:
    """A YOLO folder; every picture is in it, those without a label file show nothing."""
    found = ForeignSet("yolo")
    names = _names(root)
    found.classes += names.values()
    pictures = Pictures(root)
    for path in pictures.files:
        labels = _label_file(path)
        listed = pictures.key(labels) if labels else pictures.key(path)
        boxes: list[ForeignBox] = []
        if labels is not None:
            boxes = _read_labels(labels, listed, names, found)
        found.pictures.append(
            ForeignPicture(
                path, pictures.key(path), tuple(boxes), listed, shares=True,
                split=split_of(path, root),
            )
        )  # fmt: skip
    return found


def read_isood(root: Path) -> ForeignSet:
    """The iSOOD set: YOLO text labels, whatever its folders are called; every box is an outfall.

    The authors' own scripts (github.com/Daniel00ll/iSOOD-code) read a folder of .jpg and a folder
    of .txt with the same names, and divide them into train, valid and test, each with images/ and
    labels/. They divide by chance, so that is not kept: pictures of one outfall would lie on both
    sides. What the numbers of its classes mean was not to be found out; the table of attributes
    beside it (kinds of outfall) is not read.
    """
    found = ForeignSet("isood", classes=["outfall"])
    pictures = Pictures(root)
    labels: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*.txt")):
        labels.setdefault(path.stem.lower(), []).append(path)
    unlabelled = 0
    for path in pictures.files:
        file = _label_file(path)
        if file is None and len(labels.get(path.stem.lower(), [])) == 1:
            file = labels[path.stem.lower()][0]
        if file is None:
            unlabelled += 1  # every picture of the set shows an outfall: this one is not a negative
            continue
        listed = pictures.key(file)
        boxes = _read_labels(file, listed, None, found)
        found.pictures.append(
            ForeignPicture(path, pictures.key(path), tuple(boxes), listed, shares=True)
        )
    if unlabelled:
        found.notes.append(f"{unlabelled} pictures without a label file were left out")
    return found


def _names(root: Path) -> dict[int, str]:
    """Class names by number; {} where the set has none."""
    for top in (root, *(p for p in sorted(root.iterdir()) if p.is_dir())):
        listing = next((top / name for name in _LISTINGS if (top / name).is_file()), None)
        if listing is not None:
            document = read_yaml(listing)
            names = document.get("names") if isinstance(document, dict) else None
            if isinstance(names, list):
                return {index: str(name) for index, name in enumerate(names)}
            if isinstance(names, dict) and all(str(key).isdigit() for key in names):
                return {int(key): str(name) for key, name in names.items()}
            raise TrainingError(
                f"{listing}: 'names' is neither a list nor a table of numbers; add it"
            )
        text = next(
            (p for p in (top / "classes.txt", top / "obj.names") if p.is_file()), None
        ) or next(iter(sorted(top.glob("*.names"))), None)
        if text is not None:
            lines = text.read_text(encoding="utf-8", errors="replace").splitlines()
            return {i: line.strip() for i, line in enumerate(lines) if line.strip()}
    return {}


def _label_file(picture: Path) -> Path | None:
    """The label file of a picture: the last folder called images becomes labels, or beside it."""
    beside = picture.with_suffix(".txt")
    parts = list(picture.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index].lower() == "images":
            for name in ("labels", "Labels", "annotations"):
                other = Path(*parts[:index], name, *parts[index + 1 :]).with_suffix(".txt")
                if other.is_file():
                    return other
            break
    return beside if beside.is_file() else None


def _read_labels(
    path: Path, listed: str, names: dict[int, str] | None, found: ForeignSet
) -> list[ForeignBox]:
    """The boxes of a label file; lines that cannot be are faults. Without `names` every box is an
    outfall, with empty ones classes go by their numbers."""
    boxes = []
    for line_number, line in enumerate(
        path.read_text(encoding="utf-8", errors="replace").splitlines(), 1
    ):
        words = line.split()
        if not words:
            continue
        where = f"{listed}, line {line_number}"
        try:
            index = int(float(words[0]))
            values = [number(word) for word in words[1:]]
            corners = _corners(values)
        except (ValueError, OverflowError):
            found.faults.append(
                f"{where}: found {line.strip()[:50]!r}, expected: class x y width height, or class "
                "and the points of an outline"
            )
            continue
        if names is None:
            label = "outfall"
        elif names and index not in names:
            found.faults.append(f"{where}: class {index} is not in the set's class list")
            continue
        else:
            label = names.get(index, str(index))
        found.name_class(label)
        boxes.append(ForeignBox(label, corners))
    return boxes


def _corners(values: list[float]) -> tuple[float, float, float, float]:
    if len(values) in (4, 5):
        x, y, width, height = values[:4]
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    if len(values) >= 6 and len(values) % 2 == 0:
        return bounds(list(zip(values[::2], values[1::2], strict=True)))
    raise ValueError("neither a box nor an outline")
