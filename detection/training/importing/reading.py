"""One door to all formats, and telling which a set is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from detection.errors import TrainingError
from detection.training.importing.coco import is_coco, read_coco
from detection.training.importing.cvat import is_cvat, read_cvat
from detection.training.importing.foreign import ForeignSet, files_of, read_json, read_xml
from detection.training.importing.label_studio import is_label_studio, read_label_studio
from detection.training.importing.voc import is_voc, read_voc
from detection.training.importing.yolo import read_isood, read_yolo

__all__ = ["FORMATS", "Format", "format_of", "read_foreign"]

Format = Literal["yolo", "coco", "voc", "cvat", "labelstudio", "isood"]
FORMATS: Mapping[Format, Callable[[Path], ForeignSet]] = {
    "yolo": read_yolo, "coco": read_coco, "voc": read_voc, "cvat": read_cvat,
    "labelstudio": read_label_studio, "isood": read_isood,
}  # fmt: skip
_LOOKED_AT = 5


def format_of(root: Path) -> Format:
    """The format that a set is in, by what its label files hold; raises TrainingError."""
    for path in [root] if root.is_file() else list(files_of(root, ".json"))[:_LOOKED_AT]:
        if path.suffix.lower() == ".json":
            document = read_json(path)
            if is_coco(document):
                return "coco"
            if is_label_studio(document):
                return "labelstudio"
    for path in [root] if root.is_file() else list(files_of(root, ".xml"))[:_LOOKED_AT]:
        if path.suffix.lower() == ".xml":
            tree = read_xml(path)
            if is_cvat(tree):
                return "cvat"
            if is_voc(tree):
                return "voc"
    if root.is_dir() and "isood" in " ".join(p.name for p in [root, *root.iterdir()]).lower():
        return "isood"
    if root.is_dir() and any(root.rglob("*.txt")):
        return "yolo"
    raise TrainingError(
        f"{root}: no labels in a format that is known (yolo, coco, voc, cvat, labelstudio, isood); "
        "name a folder, a ZIP archive or a label file"
    )


def read_foreign(root: Path, format_: Format | None = None) -> ForeignSet:
    """Read a set in its format, or in the one that it is found to be in."""
    chosen = format_ or format_of(root)
    if root.is_file() and chosen in ("yolo", "voc", "isood"):
        raise TrainingError(f"{root}: a file; expected the folder or ZIP archive of the set")
    found = FORMATS[chosen](root)
    if not found.pictures and not found.faults:
        raise TrainingError(f"{root}: no labelled pictures in it (read as {chosen})")
    return found
