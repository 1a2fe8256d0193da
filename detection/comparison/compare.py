"""Two analysed patrols to what changed between them, with pictures.

The result depends on the patrols' results and footage alone: the same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.comparison.association import Association, associate
from detection.comparison.bank import bank_changes
from detection.comparison.coverage import NEEDED_LOOKS, Coverage, Place
from detection.comparison.judging import UNCLEAR, Judgement, judge
from detection.comparison.outcomes import OUTCOMES, Case, cases, outcome
from detection.comparison.patrols import AnalysedPatrol, Thing, read_patrol, things_m
from detection.comparison.pictures import Album, Laid, frame_about, lay, nearest_view
from detection.comparison.report import Finding, Pictured, write_comparison
from detection.comparison.seen import SEEN, Look, Seen, read_seen, recompute_seen
from detection.errors import ComparisonError
from detection.sampling import footprint_m
from geo.coordinates import LocalProjection

__all__ = ["Compared", "compare"]

Advance = Callable[[float, float | None], None]
_TALL = frozenset({"structure"})


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of a comparison: counts of each outcome, pairs of pictures written, bank changes
    (None where no bank was named), common offset later minus earlier and its matches."""

    out: Path
    counts: Mapping[str, int]
    pairs: int
    bank_changes: int | None
    offset_m: tuple[float, float]
    matches: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One of the two patrols."""

    patrol: AnalysedPatrol
    things: list[Thing]
    coverage: Coverage
    album: Album


def compare(
    earlier: Path,
    later: Path,
    out: Path,
    *,
    footage: tuple[Path | None, Path | None] = (None, None),
    bank: BaseGeometry | None = None,
    advance: Advance | None = None,
    note: Callable[[str], None] | None = None,
) -> Compared:
    """Compare two analysed patrols of one reach and write comparison.geojson, pairs/ and
    manifest.json into the folder `out`.

    `footage` says where the recordings of each lie, if not in its folder; `bank` (WGS-84) is where
    change is looked for without the detector. An earlier result is replaced at the very end.
    Raises ComparisonError, FootageError or TelemetryError.
    """
    say = note or (lambda line: None)
    patrols = read_patrol(earlier), read_patrol(later)
    _check_order(*patrols)
    warnings: list[str] = []
    seen = [
        _seen(patrol, where, advance, say, warnings)
        for patrol, where in zip(patrols, footage, strict=True)
    ]
    looks = [*seen[0].looks, *seen[1].looks]
    projection = LocalProjection.around(
        [look.pose.position.lon_deg for look in looks],
        [look.pose.position.lat_deg for look in looks],
    )
    a, b = (
        _Side(
            patrol, things_m(patrol, projection), Coverage(one.looks, projection),
            Album(one, projection),
        )
        for patrol, one in zip(patrols, seen, strict=True)
    )  # fmt: skip
    _check_overlap(a, b)
    found = associate(a.things, b.things)
    rows = cases(a.things, b.things, found, a.coverage, b.coverage)
    findings: list[Finding] = []
    pictures = a.album.at_hand and b.album.at_hand
    for number, case in enumerate(rows, 1):
        laid, judgement, swapped = _pictured(case, a, b, found) if pictures else _NOTHING
        said = outcome(case, judgement.verdict if laid is not None else None, NEEDED_LOOKS)
        shown = None if laid is None else Pictured.of(laid, swapped=swapped)
        findings.append(Finding(f"C{number:04d}", said, case, judgement, shown))
        if advance is not None:
            advance(number, float(len(rows)))
    changes = None
    if bank is not None and pictures:
        say("河岸 bank: looking for change where the detector is silent")
        strip = shapely.transform(bank, projection.forward)
        places = [case.place_later for case in rows]
        offset = found.offset.ground_m
        blobs = bank_changes(
            (a.album, a.coverage), (b.album, b.coverage), strip, places, offset, advance
        )
        changes = []
        for blob in blobs:
            place = Place(blob.ground_m, np.eye(2), 0.0, blob.radius_m)
            pair = a.coverage.looks[blob.rows[0]], b.coverage.looks[blob.rows[1]]
            laid = _laid(place, (b.album, pair[1]), (a.album, pair[0]), -offset)
            changes.append((blob, Pictured.of(laid, swapped=True)))
    elif bank is None:
        warnings.append("no bank was named (--area): change without a sighting was not looked for")
    write_comparison(out, (a.patrol, b.patrol), projection, found, findings, changes, warnings)
    return Compared(
        out,
        {name: sum(f.outcome == name for f in findings) for name in OUTCOMES},
        sum(f.pictured is not None for f in findings) + len(changes or ()),
        None if changes is None else len(changes),
        (float(found.offset.ground_m[0]), float(found.offset.ground_m[1])),
        found.offset.matches,
        tuple(warnings),
    )


def _check_order(earlier: AnalysedPatrol, later: AnalysedPatrol) -> None:
    if (
        earlier.generated is not None
        and later.generated is not None
        and later.generated < earlier.generated
    ):
        raise ComparisonError(
            f"{later.folder}: was flown on {later.generated:%Y-%m-%d %H:%M} UTC, before "
            f"{earlier.folder} ({earlier.generated:%Y-%m-%d %H:%M}); name the earlier patrol first"
        )


def _seen(
    patrol: AnalysedPatrol, footage: Path | None, advance: Advance | None,
    say: Callable[[str], None], warnings: list[str],
) -> Seen:  # fmt: skip
    """What a patrol looked at, from its footage; without footage from its seen.geojson."""
    folder = footage or patrol.folder
    kept = patrol.folder / SEEN
    if footage is not None or (patrol.folder / "footage").is_dir():
        say(f"{folder}: what it looked at")
        return recompute_seen(patrol.manifest, folder, advance)
    if kept.is_file():
        warnings.append(f"{patrol.name}: its footage is not at hand: no pictures were compared")
        return read_seen(kept, patrol.name)
    raise ComparisonError(
        f"{patrol.folder}: neither footage with telemetry nor {SEEN} is there, so what it looked "
        "at is not known; put the footage back, or name it (--earlier-footage, --later-footage)"
    )


def _check_overlap(a: _Side, b: _Side) -> None:
    grounds = []
    for side in (a, b):
        shapes = [
            ground
            for look in side.coverage.looks
            if look.usable
            and (ground := footprint_m(look.camera, look.pose, side.coverage.projection))
        ]
        if not shapes:
            raise ComparisonError(
                f"{side.patrol.folder}: no usable picture shows the ground; nothing can be compared"
            )
        grounds.append(shapely.union_all(shapes))
    apart_m = float(grounds[0].distance(grounds[1]))
    if apart_m > 0 or grounds[0].intersection(grounds[1]).area == 0:
        raise ComparisonError(
            f"{b.patrol.folder}: shows no ground that {a.patrol.folder} shows ({apart_m:.0f} m "
            "apart); compare patrols of one reach"
        )


_NOTHING: tuple[Laid | None, Judgement, bool] = (None, UNCLEAR, False)


def _pictured(
    case: Case, a: _Side, b: _Side, found: Association
) -> tuple[Laid | None, Judgement, bool]:
    """The pictures of a case laid over one another and judged, and whether the later one is the
    reference: the patrol that shows the thing best is."""
    swapped = case.earlier is None
    mine, others = (b, a) if swapped else (a, b)
    thing = case.later if swapped else case.earlier
    assert thing is not None
    place, there = (
        (case.place_later, case.place_earlier)
        if swapped
        else (case.place_earlier, case.place_later)
    )
    looks = mine.coverage.looks
    row = _best_row(thing, mine.album.seen)
    if row is None:
        row = nearest_view(looks, mine.coverage.containing(place), place, mine.album.projection)
    if row is None:
        return _NOTHING
    offset = found.offset.ground_m * (-1 if swapped else 1)
    eye = mine.album.pose(looks[row]).position() + np.array([*offset, 0.0])
    other = nearest_view(
        others.coverage.looks,
        others.coverage.containing(there),
        there,
        others.album.projection,
        eye,
    )
    if other is None:
        return _NOTHING
    laid = _laid(
        place, (mine.album, looks[row]), (others.album, others.coverage.looks[other]), offset
    )
    if not laid.registration.good:
        return laid, UNCLEAR, swapped
    box = laid.box_px(mine.album.pose(looks[row]), thing.best.box_px)
    judgement = judge(
        laid.reference, laid.other, laid.shown, box, laid.frame.gsd_m,
        tall=thing.class_name in _TALL,
    )  # fmt: skip
    return laid, judgement, swapped


def _best_row(thing: Thing, seen: Seen) -> int | None:
    """The picture that the sighting names as its best."""
    for row, look in enumerate(seen.looks):
        if look.shot != thing.best.shot or not look.usable:
            continue
        _, photos = seen.files[look.recording]
        name = f"{look.recording}/{photos[look.shot]}" if photos else look.recording
        if name == thing.best.file:
            return row
    return None


def _laid(
    place: Place,
    reference: tuple[Album, Look],
    other: tuple[Album, Look],
    expected_m: NDArray[np.float64],
) -> Laid:
    posed = [(look, album.pose(look)) for album, look in (reference, other)]
    return lay(frame_about(place, posed), reference, other, expected_m)
