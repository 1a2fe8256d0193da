"""Where labelled pictures come from: YOLO folders and the public sets named in the model card.

A source yields its samples for training and for validation separately; the two never share a
place, a site or a rendered world.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from detection.errors import TrainingError
from detection.training.pictures import PICTURE_SUFFIXES, read_picture
from detection.training.samples import CLASSES, Boxes, Sample, Split

__all__ = ["YoloFolder", "class_names", "read_yaml"]


def read_yaml(path: Path) -> Any:
    """What a YAML file holds, plain values only; raises TrainingError naming the file."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror}; check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:120]
        raise TrainingError(f"{path}: not YAML ({said}); correct it") from None


def class_names(folder: Path) -> dict[int, str]:
    """Class names of a YOLO folder, from data.yaml or classes.txt; ours where neither is there."""
    listing = next(
        (p for p in (folder / "data.yaml", folder / "dataset.yaml") if p.is_file()), None
    )
    if listing is not None:
        document = read_yaml(listing)
        names = document.get("names") if isinstance(document, dict) else None
        if isinstance(names, list):
            return {index: str(name) for index, name in enumerate(names)}
        if isinstance(names, dict) and all(str(key).isdigit() for key in names):
            return {int(key): str(name) for key, name in names.items()}
        raise TrainingError(f"{listing}: 'names' is neither a list nor a table of numbers; add it")
    text = folder / "classes.txt"
    if text.is_file():
        lines = text.read_text(encoding="utf-8").splitlines()
        return {index: line.strip() for index, line in enumerate(lines) if line.strip()}
    return dict(enumerate(CLASSES))


@dataclass(frozen=True, slots=True)
class YoloFolder:
    """A folder in YOLO layout: `images/` and `labels/` with the same names, and data.yaml or
    classes.txt. A picture without a label file shows no object.

    `mapping` turns the folder's class names into ours; a name mapped to "" is left out. Pictures
    under images/train and images/val keep that split; otherwise the last `val_share` of the
    sorted names (neighbouring video frames stay together) is for validation. `width_px` is the
    width at which the detector will see such a picture, or the larger one that it is a window of
    (`files.*.frame_width_px` in manifest.json).
    """

    folder: Path
    name: str = "folder"
    provenance: str = "given by the user"
    mapping: Mapping[str, str] = field(default_factory=dict)
    val_share: float = 0.1
    width_px: int = 640
    jitter: tuple[float, float] = (0.9, 1.35)

    def pictures(self, split: Split) -> list[Path]:
        """The picture files of this split, sorted."""
        root = self.folder / "images"
        if not root.is_dir():
            raise TrainingError(
                f"{self.folder}: no folder 'images' in it; expected the YOLO layout, images/ and "
                "labels/"
            )
        # os.walk, for folders that are linked in: data sets are large
        found = (Path(top) / n for top, _, names in os.walk(root, followlinks=True) for n in names)
        everything = sorted(p for p in found if p.suffix.lower() in PICTURE_SUFFIXES)
        if not everything:
            raise TrainingError(f"{root}: no pictures in it (.jpg, .png); add some")
        parts = {p.relative_to(root).parts[0] for p in everything}
        if {"train", "val", "test"} & parts and not any(p.parent == root for p in everything):
            return [p for p in everything if p.relative_to(root).parts[0] == split]
        if split == "test":
            return []
        border = len(everything) - round(len(everything) * self.val_share)
        return everything[:border] if split == "train" else everything[border:]

    def samples(self, split: Split) -> Iterator[Sample]:
        to_ours, widths = self._class_table(), self._frame_widths()
        for path in self.pictures(split):
            picture = read_picture(path)
            inside = path.relative_to(self.folder / "images")
            height, width = picture.shape[:2]
            boxes = _read_labels(self._label_file(path), to_ours, width, height)
            scale = self.width_px / widths.get(f"images/{inside.as_posix()}", float(width))
            scales = (scale * self.jitter[0], scale * self.jitter[1])
            yield Sample(
                f"{self.name}-{'-'.join(inside.with_suffix('').parts)}", picture, boxes, scales
            )

    def boxes(self, picture: Path, width_px: int, height_px: int) -> Boxes:
        """The labels of one of its pictures."""
        return _read_labels(self._label_file(picture), self._class_table(), width_px, height_px)

    def _label_file(self, picture: Path) -> Path:
        inside = picture.relative_to(self.folder / "images")
        return (self.folder / "labels" / inside).with_suffix(".txt")

    def _frame_widths(self) -> dict[str, float]:
        """Of pictures that are windows of larger ones: how wide those are, by file."""
        path = self.folder / "manifest.json"
        if not path.is_file():
            return {}
        try:
            files = json.loads(path.read_text(encoding="utf-8")).get("files") or {}
            return {
                name: float(about["frame_width_px"])
                for name, about in files.items()
                if float(about.get("frame_width_px", 0)) >= 1
            }
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise TrainingError(
                f"{path}: not the manifest of a data set ({str(error)[:60]}); build it again"
            ) from None

    def _class_table(self) -> dict[int, int | None]:
        names = class_names(self.folder)
        unknown = set(self.mapping) - set(names.values())
        if unknown:
            raise TrainingError(
                f"{self.folder}: the class mapping names {', '.join(sorted(unknown))}, which it "
                f"does not have; it has {', '.join(names.values())}"
            )
        table: dict[int, int | None] = {}
        for index, name in names.items():
            ours = self.mapping.get(name, name)
            if ours and ours not in CLASSES:
                raise TrainingError(
                    f"{self.folder}: class {name!r} is not one of {', '.join(CLASSES)}; map it "
                    f"with --map {name}=outfall (or another), or leave it out with --map {name}="
                )
            table[index] = CLASSES.index(ours) if ours else None
        return table


def _read_labels(path: Path, to_ours: Mapping[int, int | None], width: int, height: int) -> Boxes:
    if not path.is_file():
        return Boxes.empty()
    ids, corners = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        words = line.split()
        try:
            index, (x, y, w, h) = int(words[0]), (float(word) for word in words[1:5])
            if len(words) != 5:
                raise ValueError
        except (ValueError, IndexError):
            raise TrainingError(
                f"{path}, line {number}: found {line.strip()[:60]!r}, expected: "
                "class x y width height"
            ) from None
        if index not in to_ours:
            raise TrainingError(f"{path}, line {number}: class {index} is not in the class list")
        inside = x - w / 2 >= -0.001 and x + w / 2 <= 1.001 and y - h / 2 >= -0.001
        if not (inside and y + h / 2 <= 1.001 and w > 0 and h > 0):
            raise TrainingError(
                f"{path}, line {number}: the box lies outside the picture; expected shares 0 to 1"
            )
        ours = to_ours[index]
        if ours is not None:
            ids.append(ours)
            corners.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    size = np.array([width, height, width, height], float)
    return Boxes(np.array(ids, np.int64), np.clip(np.reshape(corners, (-1, 4)), 0, 1) * size)
