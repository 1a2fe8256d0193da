"""Verdicts as a data set: a window about each judged sighting, and hard negatives.

What is in a picture is known only as far as somebody judged it. So a window shows the
surroundings of what was judged, and whatever else may be a find there, and was not judged, is
painted grey: it must not teach that it is nothing.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from detection.errors import TrainingError
from detection.training.reviews.patrols import Patrol, Seen
from detection.training.reviews.verdicts import Verdict
from detection.training.samples import (
    CLASSES,
    PAD_VALUE,
    Boxes,
    Crop,
    FloatArray,
    Picture,
    Sample,
    cut,
)
from detection.training.sets.layout import DatasetSummary, SetWriter, plain_name, writing_set
from detection.training.sets.splits import Shares, assign_splits

__all__ = ["build_review_set", "window_about"]

_LEAST_WINDOW_PX = 640
_WINDOW_BOXES = 4.0  # a window is at least this many times as wide as what was judged
_NEGATIVE_BOXES = 1.5
_SAME_THING = 0.4  # overlap (IoU) from which two boxes are about one thing
_SAME_PLACE_M = 30.0
_EARTH_RADIUS_M = 6_371_000.0

OtherBoxes = Callable[[Picture], FloatArray]


@dataclass(frozen=True, slots=True)
class _Judged:
    verdict: Verdict
    patrol: Patrol
    seen: Seen

    @property
    def box(self) -> FloatArray:
        return np.array(self.verdict.box_px or self.seen.box_px, float)

    @property
    def class_id(self) -> int:
        return CLASSES.index(self.verdict.class_name or self.seen.class_name)

    @property
    def frame(self) -> tuple[str, str, int]:
        return self.patrol.name, self.seen.video, self.seen.frame


def build_review_set(
    verdicts: Sequence[Verdict],
    patrols: Sequence[Patrol],
    out: Path,
    *,
    footage: Sequence[Path] = (),
    other_boxes: OtherBoxes | None = None,
    shares: Shares | None = None,
    seed: int = 0,
    advance: Callable[[float, float], None] = lambda done, total: None,
) -> DatasetSummary:
    """Write a data set of what was judged to `out`, its rejected finds also to out/negatives/.

    `other_boxes` (a detector) gives boxes (N, 4) of everything that may be a find in a picture,
    to paint over what nobody judged. The same place lies on one side of the split, whatever
    patrol saw it. Raises `TrainingError` for a verdict on a sighting that no patrol has.
    """
    judged = [_matched(verdict, patrols) for verdict in verdicts]
    of_frame: defaultdict[tuple[str, str, int], list[_Judged]] = defaultdict(list)
    for one in judged:
        of_frame[one.frame].append(one)
    places = _places([one.seen for one in judged])
    splits, apart = assign_splits(places, shares or Shares(0.15, 0.0), seed)
    counts: Counter[str] = Counter()
    with writing_set(out) as writer:
        for done, (one, split) in enumerate(zip(judged, splits, strict=True), 1):
            counts[one.verdict.judgement] += 1
            if one.verdict.judgement != "unclear":
                picture = one.patrol.picture(one.seen, footage)
                if picture is None:
                    counts["without"] += 1
                else:
                    others = _unjudged(one, of_frame[one.frame], picture, other_boxes)
                    _write(writer, one, of_frame[one.frame], picture, others, split)
            advance(done, len(judged))
        if not writer.pictures["train"]:
            raise TrainingError(
                "no training pictures come of these verdicts; those on structures need --footage, "
                "unclear ones give none"
            )
        notes = _notes(counts, apart)
        writer.finish(
            {
                "seed": seed, "notes": notes, "verdicts": dict(counts),
                "sources": [
                    {"name": patrol.name, "licence": "the operator's own footage",
                     "provenance": f"reviewers' verdicts on patrol {patrol.name}"}
                    for patrol in patrols
                    if any(one.patrol is patrol for one in judged)
                ],
            }
        )  # fmt: skip
    return writer.summary(out, notes)


def _notes(counts: Counter[str], apart: bool) -> list[str]:
    notes = []
    if counts["without"]:
        notes.append(
            f"{counts['without']} verdicts were left out: no whole picture is kept of their "
            "sightings; name the footage with --footage"
        )
    if counts["unclear"]:
        notes.append(f"{counts['unclear']} unclear verdicts give no picture")
    if not apart:
        notes.append("too few places to keep apart: divided by order, validation flatters")
    return notes


def _matched(verdict: Verdict, patrols: Sequence[Patrol]) -> _Judged:
    fitting = [
        patrol for patrol in patrols
        if verdict.sighting in patrol.sightings
        and verdict.patrol in (None, patrol.name, patrol.folder.name)
    ]  # fmt: skip
    if len(fitting) != 1:
        what = "none" if not fitting else "several: say in field 'patrol' which"
        raise TrainingError(
            f"{verdict.listed}: sighting {verdict.sighting!r} of patrol {verdict.patrol!r}: found "
            f"{what} among {', '.join(patrol.name for patrol in patrols)[:120]}"
        )
    return _Judged(verdict, fitting[0], fitting[0].sightings[verdict.sighting])


def _places(seen: Sequence[Seen]) -> list[str]:
    """A name of the place of each sighting; what is within 30 m of one another shares it."""
    lat0 = math.radians(seen[0].lat_deg)
    east_north = np.radians([[s.lon_deg, s.lat_deg] for s in seen]) * _EARTH_RADIUS_M
    east_north[:, 0] *= math.cos(lat0)
    parent = list(range(len(seen)))
    for i, j in sorted(cKDTree(east_north).query_pairs(_SAME_PLACE_M)):
        a, b = _root(parent, i), _root(parent, j)
        parent[max(a, b)] = min(a, b)
    roots = [seen[_root(parent, i)] for i in range(len(seen))]
    return [f"{root.lon_deg:.6f},{root.lat_deg:.6f}" for root in roots]


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        i = parent[i]
    return i


def _overlap(box: FloatArray, boxes: FloatArray) -> FloatArray:
    """IoU of a box (4,) with boxes (N, 4)."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return np.asarray(shared / np.maximum(np.prod(box[2:] - box[:2]) + areas - shared, 1e-9))


def _unjudged(
    one: _Judged, same_frame: Sequence[_Judged], picture: Picture, other_boxes: OtherBoxes | None
) -> FloatArray:
    """Boxes (N, 4) in the picture that may be finds and that nobody judged."""
    if one.verdict.complete:
        return np.empty((0, 4))
    candidates = [
        seen.box_px for seen in one.patrol.sightings.values()
        if (seen.video, seen.frame) == (one.seen.video, one.seen.frame)
    ]  # fmt: skip
    boxes = np.array(candidates, float).reshape(-1, 4)
    if other_boxes is not None:
        boxes = np.concatenate([boxes, np.reshape(other_boxes(picture), (-1, 4))])
    clear = [j for j in same_frame if j.verdict.judgement != "unclear"]
    known = [j.box for j in clear] + [np.array(j.seen.box_px, float) for j in clear]
    known += [np.array(drawn.box_px) for j in same_frame for drawn in j.verdict.others]
    table = np.array(known, float).reshape(-1, 4)
    keep = [i for i, box in enumerate(boxes) if _overlap(box, table).max(initial=0) < _SAME_THING]
    return np.asarray(boxes[keep].reshape(-1, 4))


def window_about(box_px: FloatArray, width_px: int, height_px: int) -> Crop:
    """The square window that is shown of a picture about a box, inside it where it fits."""
    extent = box_px[2:] - box_px[:2]
    side = max(float(_LEAST_WINDOW_PX), _WINDOW_BOXES * float(extent.max()))
    side = min(side, float(max(width_px, height_px)))
    corner = (box_px[:2] + box_px[2:]) / 2 - side / 2
    room = np.array([width_px, height_px], float) - side
    corner = np.where(room > 0, np.clip(corner, 0.0, np.maximum(room, 0.0)), room / 2)
    return Crop(float(round(corner[0])), float(round(corner[1])), round(side), 1.0)


def _write(
    writer: SetWriter,
    one: _Judged,
    same_frame: Sequence[_Judged],
    picture: Picture,
    others: FloatArray,
    split: str,
) -> None:
    height, width = picture.shape[:2]
    box = np.clip(one.box, 0.0, [width, height, width, height])
    if (box[2:] - box[:2] < 1.0).any():
        raise TrainingError(
            f"{one.verdict.listed}: box_px {[round(v) for v in one.box]} lies outside of the "
            f"picture of {one.seen.id}, {width} x {height} px"
        )
    ids, rows = [], []
    for other in same_frame:
        if other.verdict.judgement == "thing":
            ids.append(other.class_id)
            rows.append(other.box)
        for drawn in other.verdict.others:
            ids.append(CLASSES.index(drawn.class_name))
            rows.append(np.array(drawn.box_px))
    boxes = Boxes(np.array(ids, np.int64), np.array(rows, float).reshape(-1, 4))
    painted = _painted(picture, others, boxes, box)
    name = plain_name(f"{one.patrol.name}-{one.seen.id}")
    piece = cut(Sample(name, painted, boxes), window_about(box, width, height))
    about = {
        "patrol": one.patrol.name, "sighting": one.seen.id, "judged": one.verdict.judgement,
        "taken_for": one.seen.class_name, "frame_width_px": width,
    }  # fmt: skip
    if one.verdict.reason:
        about["reason"] = one.verdict.reason
    writer.add(piece, "train" if split == "train" else "val", about)
    if one.verdict.judgement == "not_there" and split == "train":
        half = (box[2:] - box[:2]) / 2 * _NEGATIVE_BOXES
        middle = (box[:2] + box[2:]) / 2
        x1, y1 = np.maximum(0, np.floor(middle - half)).astype(int)
        x2, y2 = np.minimum([width, height], np.ceil(middle + half)).astype(int)
        writer.keep_crop(picture[y1:y2, x1:x2], name, about)


def _painted(picture: Picture, others: FloatArray, known: Boxes, judged: FloatArray) -> Picture:
    """The picture with what was not judged in grey; what was judged is left as it is."""
    height, width = picture.shape[:2]
    grey = np.zeros((height, width), bool)
    for x1, y1, x2, y2 in np.round(others).astype(int):
        pad = 2 + max(x2 - x1, y2 - y1) // 10
        grey[max(0, y1 - pad) : max(0, y2 + pad), max(0, x1 - pad) : max(0, x2 + pad)] = True
    for x1, y1, x2, y2 in np.round([*known.corners_px, judged]).astype(int):
        grey[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)] = False
    painted = picture.copy()
    painted[grey] = PAD_VALUE
    return painted
