"""A foreign set laid out as ours: classes mapped, pictures checked, splits drawn, all written."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from detection.errors import TrainingError
from detection.training.importing.foreign import ForeignPicture, ForeignSet
from detection.training.pictures import PictureHead, picture_head, read_picture
from detection.training.samples import CLASSES, Boxes, FloatArray, Sample, Split
from detection.training.sets.layout import DatasetSummary, SetWriter, plain_name, writing_set
from detection.training.sets.likeness import Look, groups_of_alike, look_of
from detection.training.sets.splits import Shares, assign_splits, keep_declared

__all__ = ["ImportSettings", "import_set"]

# Boxes may reach this much beyond the picture, as tools round; they are clipped.
_BEYOND_SHARE, _BEYOND_PX = 0.01, 1.5
_LEAST_PX = 1.0
_MOST_LISTED = 3


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """How to lay a set out.

    `mapping` turns their class names into ours, "" leaves one out. `group_by` says what stays on
    one side of a split besides pictures that are nearly the same: "folder", or a regular
    expression whose first group (or whole match) in a picture's name is the group. `keep_splits`
    keeps those that the set came with. `skip_bad` leaves faulty pictures out instead of refusing
    the set.
    """

    source: str = "given by the user"
    licence: str = "not stated"
    mapping: Mapping[str, str] = field(default_factory=dict)
    group_by: str = ""
    shares: Shares = field(default_factory=Shares)
    keep_splits: bool = True
    skip_bad: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Ready:
    """A picture that can be written."""

    foreign: ForeignPicture
    head: PictureHead
    boxes: Boxes
    upright: bool
    digest: str
    look: Look


def import_set(
    found: ForeignSet,
    out: Path,
    settings: ImportSettings,
    *,
    tell: Callable[[str], None] = lambda line: None,
    advance: Callable[[float, float], None] = lambda done, total: None,
) -> DatasetSummary:
    """Write `found` to `out` in our layout, with where each picture came from in manifest.json.

    Boxes that reach a little beyond the picture are clipped, and counted. `tell` is told every
    fault. Raises `TrainingError` for classes that are not mapped, and for faults unless
    `skip_bad`; nothing is written then.
    """
    table = _class_table(found, settings.mapping)
    faults, notes = list(found.faults), list(found.notes)
    counts: Counter[str] = Counter()
    ready: list[_Ready] = []
    for done, foreign in enumerate(found.pictures, 1):
        one = _prepared(foreign, table, faults, counts)
        if one is not None:
            ready.append(one)
        advance(done, len(found.pictures))
    for fault in faults:
        tell(fault)
    if faults and not settings.skip_bad:
        more = f" … and {len(faults) - _MOST_LISTED} more" if len(faults) > _MOST_LISTED else ""
        raise TrainingError(
            f"{len(faults)} faults in the set: {'; '.join(faults[:_MOST_LISTED])}{more}; correct "
            "them, or leave the pictures out with --skip-bad"
        )
    if faults:
        notes.append(f"{len(faults)} faulty labels or pictures were left out")
    notes += [f"{count} {what}" for what, count in sorted(counts.items())]
    ready = _without_copies(ready, notes)
    if not ready:
        raise TrainingError("no pictures are left to import; see the faults above")
    splits = _splits(ready, settings, notes)
    with writing_set(out) as writer:
        for one, split in zip(ready, splits, strict=True):
            _write(writer, one, split)
        writer.finish(
            {
                "seed": settings.seed,
                "sources": [
                    {"name": "imported", "provenance": settings.source, "read_as": found.format,
                     "licence": settings.licence, "classes": dict(settings.mapping)}
                ],
                "notes": notes,
            }
        )  # fmt: skip
    return writer.summary(out, notes)


def _class_table(found: ForeignSet, mapping: Mapping[str, str]) -> dict[str, int | None]:
    """Our class of each of theirs, None for those left out; raises TrainingError."""
    seen = Counter(box.label for picture in found.pictures for box in picture.boxes)
    known = dict.fromkeys([*found.classes, *seen])
    strange = [name for name in mapping if name not in known]
    wrong = [ours for ours in mapping.values() if ours and ours not in CLASSES]
    if strange or wrong:
        what = f"their class {strange[0]!r}, which the set does not have" if strange else wrong[0]
        raise TrainingError(
            f"--map names {what}; theirs are {', '.join(known) or 'none'}, ours "
            f"{', '.join(CLASSES)}"
        )
    table: dict[str, int | None] = {}
    for name in known:
        ours = mapping.get(name, name)
        if ours in CLASSES or not ours:
            table[name] = CLASSES.index(ours) if ours else None
    missing = [name for name in seen if name not in table]
    if missing:
        listed = ", ".join(f"{name} ({seen[name]})" for name in missing[:12])
        raise TrainingError(
            f"classes that are not ours: {listed}; map each with --map THEIRS=OURS (ours: "
            f"{', '.join(CLASSES)}), or leave it out with --map THEIRS="
        )
    return table


def _prepared(
    foreign: ForeignPicture,
    table: Mapping[str, int | None],
    faults: list[str],
    counts: Counter[str],
) -> _Ready | None:
    try:
        head = picture_head(foreign.path)
        upright = True
        if foreign.size_px is not None and foreign.size_px != head.upright_px:
            if foreign.size_px != head.size_px:
                width, height = head.upright_px
                raise TrainingError(
                    f"{foreign.listed}: labelled at {foreign.size_px[0]} x {foreign.size_px[1]} "
                    f"px, but {foreign.key} has {width} x {height}"
                )
            upright = False
        picture = read_picture(foreign.path, upright=upright)
    except TrainingError as error:
        faults.append(str(error).replace(str(foreign.path), foreign.key))
        return None
    height, width = picture.shape[:2]
    boxes = _boxes(foreign, table, (width, height), faults, counts)
    if boxes is None:
        return None
    digest = hashlib.sha256(foreign.path.read_bytes()).hexdigest()
    return _Ready(foreign, head, boxes, upright, digest, look_of(picture))


def _boxes(
    foreign: ForeignPicture,
    table: Mapping[str, int | None],
    size: tuple[int, int],
    faults: list[str],
    counts: Counter[str],
) -> Boxes | None:
    """Our boxes in pixels; None where one lies outside the picture, which is a fault."""
    limit = np.array([*size, *size], float)
    ids: list[int] = []
    rows: list[FloatArray] = []
    for box in foreign.boxes:
        ours = table[box.label]
        corners = np.array(box.corners) * (limit if foreign.shares else 1.0)
        clipped = np.clip(corners, 0.0, limit)
        beyond = np.abs(corners - clipped) - (_BEYOND_SHARE * limit + _BEYOND_PX)
        x1, y1, x2, y2 = corners
        if (beyond > 0).any():
            faults.append(
                f"{foreign.listed}: box {_said(corners)} lies outside of {foreign.key}, "
                f"{size[0]} x {size[1]} px"
            )
            return None
        if x2 < x1 or y2 < y1:
            faults.append(f"{foreign.listed}: box {_said(corners)} has its corners swapped")
            return None
        if ours is None:
            counts["boxes of classes that are not mapped were left out"] += 1
            continue
        if min(clipped[2:] - clipped[:2]) < _LEAST_PX:
            counts["boxes of less than a pixel were left out"] += 1
            continue
        if any(
            ours == i and np.allclose(clipped, row, atol=0.01)
            for i, row in zip(ids, rows, strict=True)
        ):
            counts["boxes that stood there twice were joined"] += 1
            continue
        if (clipped != corners).any():
            counts["boxes that reached a little beyond their picture were clipped"] += 1
        ids.append(ours)
        rows.append(clipped)
    return Boxes(np.array(ids, np.int64), np.reshape(np.array(rows, float), (-1, 4)))


def _said(corners: FloatArray) -> str:
    return "(" + ", ".join(f"{value:.0f}" for value in corners) + ")"


def _without_copies(ready: list[_Ready], notes: list[str]) -> list[_Ready]:
    """Each picture once: the same file again (by its content) is left out where its boxes agree,
    else both are labelled and their boxes are joined."""
    first: dict[str, int] = {}
    kept: list[_Ready] = []
    copies = 0
    for one in ready:
        if one.digest not in first:
            first[one.digest] = len(kept)
            kept.append(one)
            continue
        copies += 1
        other = kept[first[one.digest]]
        joined = np.unique(
            np.column_stack(
                [
                    np.concatenate([other.boxes.class_ids, one.boxes.class_ids]),
                    np.concatenate([other.boxes.corners_px, one.boxes.corners_px]).round(3),
                ]
            ),
            axis=0,
        )
        boxes = Boxes(joined[:, 0].astype(np.int64), joined[:, 1:])
        kept[first[one.digest]] = _Ready(
            other.foreign, other.head, boxes, other.upright, other.digest, other.look
        )
    if copies:
        notes.append(f"{copies} copies of pictures were joined with the first")
    return kept


def _splits(ready: list[_Ready], settings: ImportSettings, notes: list[str]) -> list[Split]:
    names = [_group(one.foreign, settings.group_by) for one in ready]
    groups = groups_of_alike([one.look for one in ready], names)
    # Named after a picture, so that adding others does not change the draw.
    keys = {g: min(r.foreign.key for r, h in zip(ready, groups, strict=True) if h == g)
            for g in set(groups)}  # fmt: skip
    groups = [keys[group] for group in groups]
    declared = [one.foreign.split for one in ready]
    if settings.keep_splits and all(declared) and len(set(declared)) > 1:
        kept, moved = keep_declared(groups, [split for split in declared if split])
        if moved:
            notes.append(
                f"{moved} pictures were moved to training: others nearly the same, or of the same "
                "group, lay in another split"
            )
        return kept
    splits, apart = assign_splits(groups, settings.shares, settings.seed)
    if not apart:
        notes.append(
            f"only {len(set(groups))} groups of pictures that are unlike: divided by their order, "
            "so that figures on the validation pictures flatter"
        )
    return splits


def _group(foreign: ForeignPicture, group_by: str) -> str:
    if not group_by:
        return foreign.group
    if group_by == "folder":
        return PurePosixPath(foreign.key).parent.as_posix()
    try:
        match = re.search(group_by, foreign.key)
    except re.error as error:
        raise TrainingError(
            f"--group-by {group_by!r}: not a regular expression ({error}); expected one, or folder"
        ) from None
    if match is None:
        return foreign.group
    return (match[1] if match.re.groups else match[0]) or foreign.group


def _write(writer: SetWriter, one: _Ready, split: Split) -> None:
    name = plain_name(str(PurePosixPath(one.foreign.key).with_suffix("")))
    about = {"from": one.foreign.key, "original_sha256": one.digest}
    size = one.head.upright_px if one.upright else one.head.size_px
    if one.head.plain and one.head.orientation == 1:
        data = one.foreign.path.read_bytes()
        suffix = ".png" if data[:4] == b"\x89PNG" else ".jpg"
        writer.add_bytes(data, suffix, name, one.boxes, size, split, about)
    else:
        picture = read_picture(one.foreign.path, upright=one.upright)
        writer.add(Sample(name, picture, one.boxes), split, about)
