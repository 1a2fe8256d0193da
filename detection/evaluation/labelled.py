"""The labelled pictures of a data set that an evaluation looks at."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detection.errors import TrainingError
from detection.training.pictures import PICTURE_SUFFIXES
from detection.training.samples import Sample, Split
from detection.training.sources import YoloFolder

__all__ = ["Labelled", "LabelledFolder"]

_PREFERRED = ("test", "val")  # in this order; a folder without any of them is taken whole
_FEWEST_GROUPS = 10
_COARSEST_GSD_M = 100.0
_NUMBER = re.compile(r"[-_]\d+$")


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A picture with its true boxes; `group` names what it shares with others (a flight, a place,
    the picture that it was cut from), `gsd_m` metres a pixel where they are known."""

    path: Path
    sample: Sample
    group: str
    gsd_m: float | None


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen(YoloFolder):
    """A YOLO folder of which these pictures are taken."""

    chosen: Sequence[Path] = ()

    def pictures(self, split: Split) -> list[Path]:
        return list(self.chosen)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFolder:
    """One split of a folder in YOLO layout: images/SPLIT and labels/SPLIT, or images/ and labels/.

    Where its manifest.json says under "files" for a picture what `group` it is of and how large a
    pixel is (`gsd_m`, metres), that is taken. Otherwise a picture's group is its name without the
    number at the end (frames of one video, crops of one photo), or each is its own where that
    leaves fewer than ten groups; and sizes in metres are not known.
    """

    folder: Path
    split: str
    paths: tuple[Path, ...]
    mapping: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def open(
        cls, folder: Path, split: str | None = None, mapping: Mapping[str, str] | None = None
    ) -> LabelledFolder:
        """`split` is the folder under images/ to take; test, else val, else all where not given.
        Raises TrainingError where there is no picture in it."""
        root = folder / "images"
        if not root.is_dir():
            raise TrainingError(
                f"{folder}: no folder 'images' in it; expected the YOLO layout, images/ and labels/"
            )
        there = sorted(p.name for p in root.iterdir() if p.is_dir())
        chosen = split or next((n for n in _PREFERRED if n in there and _pictures(root / n)), None)
        if chosen is not None and chosen not in there:
            has = f"it has {', '.join(there)}" if there else "it has no splits"
            raise TrainingError(f"{root}: no split {chosen!r}; {has}; name one with --split")
        top = root / chosen if chosen else root
        paths = _pictures(top)
        if not paths:
            raise TrainingError(f"{top}: no pictures in it (.jpg, .png); nothing to evaluate on")
        return cls(folder, chosen or "all", paths, mapping or {})

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def side_px(self) -> int | None:
        """Long side of the crops that the set was cut in, where its manifest says so."""
        side = self._manifest().get("side_px")
        return side if isinstance(side, int) and side > 0 else None

    def __iter__(self) -> Iterator[Labelled]:
        about = self._about()
        source = _Chosen(self.folder, mapping=self.mapping, chosen=self.paths)
        for path, sample in zip(self.paths, source.samples("val"), strict=True):
            group, gsd_m = about[path]
            yield Labelled(path, sample, group, gsd_m)

    def _manifest(self) -> dict[str, Any]:
        path = self.folder / "manifest.json"
        if not path.is_file():
            return {}
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return dict(document)
        except (OSError, ValueError, TypeError) as error:
            raise TrainingError(
                f"{path}: cannot be read ({error}); build the set again, or remove the file"
            ) from None

    def _about(self) -> dict[Path, tuple[str, float | None]]:
        """Group and metres a pixel of each picture."""
        files = self._manifest().get("files", {})
        rows, stems = {}, {}
        for path in self.paths:
            inside = path.relative_to(self.folder).as_posix()
            row = files.get(inside, {}) if isinstance(files, dict) else {}
            row = row if isinstance(row, dict) else {}
            stems[path] = _NUMBER.sub("", path.with_suffix("").as_posix())
            group, gsd_m = row.get("group"), row.get("gsd_m")
            if not (isinstance(gsd_m, int | float) and 0 < gsd_m < _COARSEST_GSD_M):
                gsd_m = None
            rows[path] = (str(group) if group else "", gsd_m)
        # Names that differ in their number alone may be all that there are: frame-0001 and so on.
        tell = len(set(stems.values())) >= _FEWEST_GROUPS
        return {
            path: (group or (stems[path] if tell else path.as_posix()), gsd_m)
            for path, (group, gsd_m) in rows.items()
        }


def _pictures(top: Path) -> tuple[Path, ...]:
    # os.walk, for folders that are linked in
    found = (Path(at) / n for at, _, names in os.walk(top, followlinks=True) for n in names)
    return tuple(sorted(p for p in found if p.suffix.lower() in PICTURE_SUFFIXES))
