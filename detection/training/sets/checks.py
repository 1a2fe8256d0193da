"""What is wrong with a data set in YOLO layout, as a list: one line each, naming the file."""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from detection.errors import TrainingError
from detection.training.pictures import PICTURE_SUFFIXES, read_picture
from detection.training.samples import CLASSES
from detection.training.sets.likeness import Look, likeness, look_of
from detection.training.sources import class_names

__all__ = ["CheckedSet", "Fault", "check_dataset"]

_SPLITS = ("train", "val", "test")
_TOLERANCE = 0.001  # of the picture; labels are written with six decimals
_LEAST_PX = 1.0
_SAME_BOX = 1e-5


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: `kind` is a word to count by, `message` names the file."""

    kind: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


@dataclass(frozen=True, slots=True)
class CheckedSet:
    """What was looked at: pictures by split, boxes by class, and all faults, in order."""

    folder: Path
    pictures: dict[str, int]
    objects: dict[str, int]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    inside: str
    split: str
    digest: str
    look: Look


def check_dataset(
    folder: Path, *, advance: Callable[[float, float], None] = lambda done, total: None
) -> CheckedSet:
    """Look at every picture and label of a folder in YOLO layout.

    Faults are: labels that cannot be read, classes that are not listed or not ours, boxes outside
    the picture, of no size, or given twice; pictures that are empty, damaged, tiny or too large;
    labels without a picture; the same or nearly the same picture in two splits. Raises
    `TrainingError` where the folder is no data set at all.
    """
    root = folder / "images"
    if not root.is_dir():
        raise TrainingError(
            f"{folder}: no folder 'images' in it; expected the YOLO layout, images/ and labels/"
        )
    names = class_names(folder)
    faults: list[Fault] = []
    for index, name in sorted(names.items()):
        if name not in CLASSES:
            faults.append(
                Fault(
                    "class", f"{folder}: class {index} {name!r} is not one of {', '.join(CLASSES)}"
                )
            )
    pictures = _files(root, PICTURE_SUFFIXES)
    if not pictures:
        raise TrainingError(f"{root}: no pictures in it (.jpg, .png); add some")
    by_split: Counter[str] = Counter()
    objects: Counter[str] = Counter()
    seen: list[_Seen] = []
    for done, path in enumerate(pictures, 1):
        inside = path.relative_to(root)
        split = inside.parts[0] if inside.parts[0] in _SPLITS else "all"
        by_split[split] += 1
        try:
            picture = read_picture(path)
        except TrainingError as error:
            faults.append(Fault("picture", str(error)))
        else:
            height, width = picture.shape[:2]
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            seen.append(_Seen(inside.as_posix(), split, digest, look_of(picture)))
            labels = (folder / "labels" / inside).with_suffix(".txt")
            _check_labels(labels, names, (width, height), objects, faults)
        advance(done, len(pictures))
    stems = {p.relative_to(root).with_suffix("") for p in pictures}
    for path in _files(folder / "labels", frozenset({".txt"})):
        if path.relative_to(folder / "labels").with_suffix("") not in stems:
            faults.append(Fault("label", f"{path}: no picture of that name in {root}"))
    faults += _twice(seen)
    return CheckedSet(folder, dict(by_split), dict(objects), tuple(faults))


def _files(root: Path, suffixes: frozenset[str]) -> list[Path]:
    # os.walk, for folders that are linked in: data sets are large
    found = (Path(top) / n for top, _, names in os.walk(root, followlinks=True) for n in names)
    return sorted(p for p in found if p.suffix.lower() in suffixes)


def _check_labels(
    path: Path,
    names: dict[int, str],
    size: tuple[int, int],
    objects: Counter[str],
    faults: list[Fault],
) -> None:
    if not path.is_file():
        return  # nothing to be found in the picture
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        faults.append(Fault("label", f"{path}: not text that can be read"))
        return
    before: list[tuple[int, tuple[float, ...]]] = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        where = f"{path}, line {number}"
        try:
            index, box = int(words[0]), tuple(float(word) for word in words[1:])
            if len(box) != 4 or not all(math.isfinite(v) for v in box):
                raise ValueError
        except ValueError:
            faults.append(
                Fault(
                    "label",
                    f"{where}: found {line.strip()[:60]!r}, expected: class x y width height",
                )
            )
            continue
        if index not in names:
            faults.append(Fault("class", f"{where}: class {index} is not in the class list"))
            continue
        x, y, w, h = box
        least = min(w * size[0], h * size[1])
        if max(abs(x - 0.5) + w / 2, abs(y - 0.5) + h / 2) > 0.5 + _TOLERANCE:
            faults.append(
                Fault("outside", f"{where}: the box {_said(box)} lies outside the picture")
            )
        elif least < _LEAST_PX:
            faults.append(
                Fault(
                    "degenerate",
                    f"{where}: a box {w * size[0]:.2f} x {h * size[1]:.2f} px large; expected at "
                    "least 1",
                )
            )
        elif any(
            index == other and all(abs(a - b) < _SAME_BOX for a, b in zip(box, held, strict=True))
            for other, held in before
        ):
            faults.append(Fault("twice", f"{where}: the same box stands in the file already"))
        else:
            objects[names[index]] += 1
        before.append((index, box))


def _said(box: tuple[float, ...]) -> str:
    return " ".join(f"{value:.3f}" for value in box)


def _twice(seen: list[_Seen]) -> list[Fault]:
    """The same picture in two splits, by its bytes or by its looks."""
    faults = []
    by_digest: defaultdict[str, list[_Seen]] = defaultdict(list)
    for one in seen:
        by_digest[one.digest].append(one)
    same: set[frozenset[str]] = set()
    for group in by_digest.values():
        for other in group[1:]:
            if other.split != group[0].split:
                same.add(frozenset((group[0].inside, other.inside)))
                faults.append(Fault("leak", f"{other.inside}: the same file as {group[0].inside}"))
    for pair in likeness([one.look for one in seen]):
        a, b = seen[pair.first], seen[pair.second]
        if a.split != b.split and frozenset((a.inside, b.inside)) not in same:
            faults.append(Fault("leak", f"{b.inside}: nearly the same picture as {a.inside}"))
    return faults
