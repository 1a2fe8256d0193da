"""What every reader of foreign labels gives back, and how it finds pictures and reads files."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import ParseError, parse  # type: ignore[import-untyped]

from detection.errors import TrainingError
from detection.training.pictures import PICTURE_SUFFIXES
from detection.training.samples import Split

__all__ = [
    "SPLIT_WORDS",
    "ForeignBox",
    "ForeignPicture",
    "ForeignSet",
    "Pictures",
    "bounds",
    "files_of",
    "number",
    "read_json",
    "read_xml",
    "split_of",
]

SPLIT_WORDS: dict[str, Split] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "dev": "val", "test": "test", "testing": "test",
}  # fmt: skip
_MOST_PX = 1e6


@dataclass(frozen=True, slots=True)
class ForeignBox:
    """A box under their class name: x1, y1, x2, y2 in pixels, or as shares of the picture."""

    label: str
    corners: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ForeignPicture:
    """A picture file and its boxes.

    `key` is its name within the set and `listed` the file (and line, or record) that labels it,
    for messages. `shares` tells that boxes are shares of the picture, not pixels; `size_px` is the
    (width, height) that the labels claim, None where they do not. `group` names what must stay
    together, "" for nothing known.
    """

    path: Path
    key: str
    boxes: tuple[ForeignBox, ...]
    listed: str
    shares: bool = False
    size_px: tuple[int, int] | None = None
    split: Split | None = None
    group: str = ""


@dataclass(slots=True)
class ForeignSet:
    """A set as read: its pictures, its class names in their order, what is wrong with it (one line
    each, in `faults`), and what was left out on purpose (in `notes`)."""

    format: str
    pictures: list[ForeignPicture] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def name_class(self, label: str) -> None:
        if label not in self.classes:
            self.classes.append(label)


class Pictures:
    """The picture files under a folder, found again by the names that labels use."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = sorted(
            p for p in root.rglob("*")
            if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file() and "__MACOSX" not in p.parts
        )  # fmt: skip
        self._named: defaultdict[str, list[Path]] = defaultdict(list)
        self._stems: defaultdict[str, list[Path]] = defaultdict(list)
        for path in self.files:
            self._named[path.name.lower()].append(path)
            self._stems[path.stem.lower()].append(path)

    def key(self, path: Path) -> str:
        """Its name within the set."""
        return path.relative_to(self.root).as_posix()

    def find(self, name: str, near: Path | None = None) -> Path | None:
        """The file that a label calls `name`, a path of any depth; where several have its last
        part, the one that agrees in most of the path, or that lies under `near`."""
        wanted = PurePosixPath(name.replace("\\", "/"))
        return self._best(self._named.get(wanted.name.lower(), []), wanted, near)

    def find_stem(self, stem: str, near: Path | None = None) -> Path | None:
        """The same by a name without suffix."""
        wanted = PurePosixPath(stem.replace("\\", "/"))
        return self._best(self._stems.get(wanted.name.lower(), []), wanted, near)

    def _best(self, found: list[Path], wanted: PurePosixPath, near: Path | None) -> Path | None:
        if len(found) < 2:
            return found[0] if found else None

        def worth(path: Path) -> tuple[int, int]:
            same = 0
            parents = zip(reversed(path.parts[:-1]), reversed(wanted.parts[:-1]), strict=False)
            for ours, theirs in parents:
                if ours.lower() != theirs.lower():
                    break
                same += 1
            return same, int(near is not None and near in path.parents)

        ranked = sorted(found, key=worth, reverse=True)
        # Two that fit equally well: a guess would put boxes on the wrong picture.
        return ranked[0] if worth(ranked[0]) > worth(ranked[1]) else None


def split_of(path: Path, root: Path) -> Split | None:
    """The split that a folder in the path, or the start of the file's name, stands for."""
    inside = path.relative_to(root)
    for part in reversed(inside.parts[:-1]):
        if part.lower() in SPLIT_WORDS:
            return SPLIT_WORDS[part.lower()]
    words = inside.stem.lower().replace("-", "_").strip("_").split("_")
    for word in words:
        plain = word.rstrip("0123456789")
        if plain in SPLIT_WORDS and inside.suffix.lower() == ".json":
            return SPLIT_WORDS[plain]
    return None


def number(value: object) -> float:
    """A finite number in a sensible range; raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"expected a number, found {value!r:.40}")
    found = float(value)
    if not abs(found) <= _MOST_PX:  # false for NaN too
        raise ValueError(f"expected a number of pixels, found {value!r:.40}")
    return found


def bounds(points: list[tuple[float, float]]) -> tuple[float, float, float, float]:
    """The box about some points; raises ValueError where there are none."""
    if not points:
        raise ValueError("a shape without points")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def read_json(path: Path) -> Any:
    """What a JSON file holds; raises TrainingError naming the file."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror}; check the path") from None
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{path}: not JSON ({str(error)[:80]}); export it again") from None


def read_xml(path: Path) -> Any:
    """The root of an XML file, which may declare no DTD and no entities; raises TrainingError."""
    try:
        return parse(path, forbid_dtd=True).getroot()
    except DefusedXmlException:
        raise TrainingError(
            f"{path}: XML with a DTD or entities is not read; remove the DOCTYPE"
        ) from None
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise TrainingError(f"{path}: not XML ({str(error)[:80]}); export it again") from None
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror}; check the path") from None


def files_of(root: Path, suffix: str) -> Iterator[Path]:
    """Files of one kind under a folder, in order, without what macOS adds to archives."""
    for path in sorted(root.rglob(f"*{suffix}")):
        if path.is_file() and "__MACOSX" not in path.parts and not path.name.startswith("._"):
            yield path
