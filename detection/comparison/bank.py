"""Structural change on the bank where the detector is silent: a weaker class of report.

Along the reach the pictures of both patrols are laid over one another. What differs there in
colour, however it is shifted by up to half a metre, in a blob of some metres, inside the strip
that was named, in two pairs of pictures of different moments, and nowhere near a sighting, is told
as a change to look at. Lightness is not used: shadows and exposure move it most. Pairs whose
registration is refused say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.comparison.coverage import Coverage, Place
from detection.comparison.judging import in_lab
from detection.comparison.pictures import Album, Laid, lay, nearest_view
from detection.comparison.registration import GroundFrame
from geo.placing import intersect_ground

__all__ = ["Change", "bank_changes"]

FloatArray = NDArray[np.float64]

_GSD_M, _SIDE_M = 0.06, 36.0
_STEP_M = 9.0
_SHIFT_M = 0.5
_LEAST_CHROMA = 14.0
# Beyond what most of the picture differs by: a cast of light, a season.
_STANDS_OUT = 3.0
_LEAST_AREA_M2, _LEAST_WIDTH_M = 4.0, 1.2
_FILLED = 0.35
_SAME_PLACE_M = 2.5
_NEAR_SIGHTING_M = 3.0
_WORST_RESIDUAL_PX = 1.5
_NEEDED_PAIRS = 2
_MOST_ASKEW_M = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A blob that differs: its middle in the later patrol's coordinates, (2,) east, north; area,
    mean difference in chroma units of CIE Lab, in how many pairs of pictures it was found; the
    pair that shows it best, its rows of earlier and later pictures."""

    ground_m: FloatArray
    area_m2: float
    difference: float
    pairs: int
    rows: tuple[int, int]

    @property
    def radius_m(self) -> float:
        """Of a disc of its area."""
        return float(np.sqrt(self.area_m2 / np.pi))


def bank_changes(
    earlier: tuple[Album, Coverage],
    later: tuple[Album, Coverage],
    strip_m: BaseGeometry,
    sightings: Sequence[Place],
    offset_m: FloatArray,
    advance: Callable[[float, float | None], None] | None = None,
) -> list[Change]:
    """What changed on the bank. `strip_m` is where to look (the banks without the water), and
    `sightings` are places that the detector speaks of, both in the later patrol's coordinates;
    `offset_m` (2,) later minus earlier.

    Raises FootageError.
    """
    if sightings:
        spared = shapely.union_all(
            [shapely.Point(p.ground_m).buffer(p.radius_m + _NEAR_SIGHTING_M) for p in sightings]
        )
        strip_m = strip_m.difference(spared)
    shapely.prepare(strip_m)
    blobs: list[Change] = []
    rows = _stops(later[1])
    for done, row in enumerate(rows, 1):
        blobs += _differences(earlier, later, row, strip_m, offset_m)
        if advance is not None:
            advance(done, float(len(rows)))
    return _confirmed(blobs)


def _stops(coverage: Coverage) -> list[int]:
    """Usable pictures some metres apart along the flight."""
    taken: list[int] = []
    last: FloatArray | None = None
    for row, look in enumerate(coverage.looks):
        at = look.pose.pose(coverage.projection).position()[:2]
        if look.usable and (last is None or float(np.hypot(*(at - last))) >= _STEP_M):
            taken.append(row)
            last = at
    return taken


def _differences(
    earlier: tuple[Album, Coverage],
    later: tuple[Album, Coverage],
    row: int,
    strip_m: BaseGeometry,
    offset_m: FloatArray,
) -> list[Change]:
    (album, coverage), (album_2, coverage_2) = later, earlier
    look = coverage.looks[row]
    pose = album.pose(look)
    middle = intersect_ground(look.camera, pose, [look.camera.centre_px])[0]
    if not np.all(np.isfinite(middle)) or not strip_m.intersects(
        shapely.Point(middle).buffer(_SIDE_M / 2)
    ):
        return []
    place = Place(middle - offset_m, np.eye(2), 0.0, 5.0)
    eye = pose.position() - [*offset_m, 0.0]
    other = nearest_view(
        coverage_2.looks, coverage_2.containing(place), place, coverage_2.projection, eye
    )
    if other is None:
        return []
    look_2 = coverage_2.looks[other]
    if float(np.hypot(*(album_2.pose(look_2).position() - eye)[:2])) > _MOST_ASKEW_M:
        return []
    gsd_m = max(_GSD_M, pose.up_m / look.camera.focal_px)
    frame = GroundFrame(float(middle[0]), float(middle[1]), 0.0, round(_SIDE_M / gsd_m), gsd_m)
    laid = lay(frame, (album, look), (album_2, look_2), -offset_m)
    if not laid.registration.good or laid.registration.residual_px > _WORST_RESIDUAL_PX:
        return []
    return _blobs(laid, strip_m, (other, row))


def _blobs(laid: Laid, strip_m: BaseGeometry, rows: tuple[int, int]) -> list[Change]:
    frame = laid.frame
    first, second = in_lab(laid.reference, laid.other, laid.shown, frame.gsd_m)
    shown = cv2.erode(laid.shown.astype(np.uint8), np.ones((15, 15), np.uint8)).astype(bool)
    if shown.mean() < 0.2:
        return []
    bias = np.median((second - first)[shown], axis=0)
    differs = np.minimum(
        _least_difference(first, second - bias, frame.gsd_m),
        _least_difference(second - bias, first, frame.gsd_m),
    )
    limit = max(_LEAST_CHROMA, _STANDS_OUT * float(np.median(differs[shown])))
    mask = ((differs > limit) & shown).astype(np.uint8)
    width = max(3, round(_LEAST_WIDTH_M / frame.gsd_m) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    count, labels, stats, middles = cv2.connectedComponentsWithStats(mask)
    found = []
    for k in range(1, count):
        area_m2 = float(stats[k, cv2.CC_STAT_AREA]) * frame.gsd_m**2
        box = float(stats[k, cv2.CC_STAT_WIDTH] * stats[k, cv2.CC_STAT_HEIGHT])
        if area_m2 < _LEAST_AREA_M2 or stats[k, cv2.CC_STAT_AREA] < _FILLED * box:
            continue
        inside = labels == k
        at = frame.ground(middles[k][None])[0]
        if _share_inside(frame, inside, strip_m) < 0.5:
            continue
        found.append(Change(at, area_m2, float(differs[inside].mean()), 1, rows))
    return found


def _least_difference(
    first: NDArray[np.float32], second: NDArray[np.float32], gsd_m: float
) -> FloatArray:
    """Distance of each pixel's chroma to the range of chroma within half a metre of it there: what
    is only shifted does not differ."""
    size = 2 * round(_SHIFT_M / gsd_m) + 1
    kernel = np.ones((size, size), np.uint8)
    total = np.zeros(first.shape[:2])
    for channel in (1, 2):
        there = np.ascontiguousarray(second[..., channel], np.float32)
        below = cv2.erode(there, kernel) - first[..., channel]
        above = first[..., channel] - cv2.dilate(there, kernel)
        total += np.maximum(0, np.maximum(below, above)) ** 2
    return np.asarray(np.sqrt(total))


def _share_inside(frame: GroundFrame, inside: NDArray[np.bool_], strip_m: BaseGeometry) -> float:
    rows, columns = np.nonzero(inside)
    step = max(1, len(rows) // 200)
    ground = frame.ground(np.column_stack([columns[::step], rows[::step]]).astype(float))
    return float(shapely.contains_xy(strip_m, ground[:, 0], ground[:, 1]).mean())


def _confirmed(blobs: Sequence[Change]) -> list[Change]:
    """Blobs of one place together, those that two pairs of pictures show."""
    left = sorted(
        blobs, key=lambda b: (-round(b.area_m2, 6), -float(b.ground_m[1]), float(b.ground_m[0]))
    )
    found: list[Change] = []
    while left:
        best = left[0]
        reach = best.radius_m + _SAME_PLACE_M
        same = [b for b in left if float(np.hypot(*(b.ground_m - best.ground_m))) <= reach]
        left = [b for b in left if not any(b is s for s in same)]
        pairs = len({b.rows for b in same})
        moments = min(len({b.rows[0] for b in same}), len({b.rows[1] for b in same}))
        if moments >= _NEEDED_PAIRS:
            middle = np.mean([b.ground_m for b in same], axis=0)
            area = float(np.median([b.area_m2 for b in same]))
            strength = float(np.mean([b.difference for b in same]))
            found.append(Change(middle, area, strength, pairs, best.rows))
    return sorted(found, key=lambda c: (-float(c.ground_m[1]), float(c.ground_m[0])))
