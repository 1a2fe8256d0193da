"""The data sets of a training run, as ultralytics reads them: one data.yaml over all."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from detection.errors import TrainingError
from detection.training.pictures import PICTURE_SUFFIXES
from detection.training.samples import CLASSES
from detection.training.sources import read_yaml
from geo.files import write_text

__all__ = ["ListedSet", "listed", "pictures_of", "write_listing"]


@dataclass(frozen=True, slots=True)
class ListedSet:
    """A data set in our layout: FOLDER/images/{train,val}, FOLDER/labels/{train,val}.

    `is_of_crops`: its pictures were cut at the scale of training (`patrol dataset build`).
    """

    folder: Path
    is_of_crops: bool


def listed(folder: Path) -> ListedSet:
    """The set in `folder`; raises TrainingError where it is not laid out as ours are or has other
    classes."""
    path = folder / "data.yaml"
    if not path.is_file() or not (folder / "images" / "train").is_dir():
        raise TrainingError(
            f"{folder}: not a data set with data.yaml and images/train; lay it out first with "
            "`patrol dataset import`"
        )
    names = (read_yaml(path) or {}).get("names")
    if isinstance(names, dict):
        names = [names.get(key, "") for key in sorted(names)]
    if list(names or []) != list(CLASSES):
        raise TrainingError(
            f"{path}: classes {names}; expected {', '.join(CLASSES)}: bring it into our classes "
            "with `patrol dataset import --map THEIRS=OURS`"
        )
    one = ListedSet(folder, _is_of_crops(folder))
    if not pictures_of(one, "train"):
        raise TrainingError(f"{folder}: no training pictures in images/train; add some")
    return one


def _is_of_crops(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and "side_px" in manifest


def pictures_of(one: ListedSet, split: str) -> list[Path]:
    """The picture files of a split, sorted."""
    root = one.folder / "images" / split
    found = (Path(top) / n for top, _, names in os.walk(root, followlinks=True) for n in names)
    return sorted(p for p in found if p.suffix.lower() in PICTURE_SUFFIXES)


def write_listing(sets: Sequence[ListedSet], folder: Path) -> Path:
    """Write folder/data.yaml, which names the pictures of all the sets; returns its path.

    Raises TrainingError where none of them has validation pictures.
    """
    lines = []
    for split in ("train", "val"):
        roots = [
            str((one.folder / "images" / split).resolve())
            for one in sets
            if pictures_of(one, split)
        ]
        if not roots:
            raise TrainingError(
                f"{sets[0].folder}: no validation pictures in images/val; build the set with some"
            )
        lines.append(f"{split}: {json.dumps(roots, ensure_ascii=False)}\n")
    names = "".join(f"  {index}: {name}\n" for index, name in enumerate(CLASSES))
    path = folder / "data.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join([*lines, "names:\n", names]))
    return path
