"""Matching of overlapping photos by their content, whatever their poses say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.footage.photos import Photo
from geo.coordinates import LocalProjection
from geo.placing import intersect_ground

__all__ = ["Match", "match_photos", "photo_projection"]

FloatArray = NDArray[np.float64]

_WORK_WIDTH_PX = 800
_FEATURES = 1500
_RATIO = 0.75  # D. Lowe, IJCV 60 (2004), section 7.1
_LEAST_INLIERS = 15
_LEAST_INLIER_SHARE = 0.3
# Inliers may miss the similarity by this share of the picture's width: trees, tilt, lens.
_MISS_SHARE = 0.01
# Centres further apart than this share of the picture's width on the ground overlap too little.
_REACH_SHARE = 0.75
_SCALES = (0.6, 1.7)


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Two photos, by their index, that show the same ground.

    `transform` is the (2, 3) similarity from pixels of the first to pixels of the second;
    `first_px`, `second_px` are (K, 2) corresponding pixels that agree with it.
    """

    first: int
    second: int
    transform: FloatArray
    first_px: FloatArray
    second_px: FloatArray

    @property
    def inliers(self) -> int:
        return len(self.first_px)


def photo_projection(photos: Sequence[Photo]) -> LocalProjection:
    """A local projection around the photos' positions."""
    return LocalProjection.around(
        [p.pose.position.lon_deg for p in photos], [p.pose.position.lat_deg for p in photos]
    )


def match_photos(
    photos: Sequence[Photo],
    neighbours: int = 8,
    advance: Callable[[int, int], None] | None = None,
) -> list[Match]:
    """Match each photo with at most `neighbours` that should overlap it, nearest first.

    SIFT features and Lowe's ratio test, then a similarity by RANSAC; deterministic.
    `advance(done, total)` is called as pairs are tried. A photo that cannot be decoded has no
    matches here; the analysis of its picture reports it.
    """
    pairs = _candidates(photos, neighbours)
    wanted = {i for pair in pairs for i in pair}
    features = {i: _features(photos[i]) for i in sorted(wanted)}
    matches = []
    for done, (i, j) in enumerate(pairs, start=1):
        found = _match(i, j, features[i], features[j], photos[i].camera.width_px)
        if found is not None:
            matches.append(found)
        if advance is not None:
            advance(done, len(pairs))
    return matches


def _candidates(photos: Sequence[Photo], neighbours: int) -> list[tuple[int, int]]:
    if len(photos) < 2:
        return []
    projection = photo_projection(photos)
    centres, widths = np.full((len(photos), 2), np.nan), np.zeros(len(photos))
    for i, photo in enumerate(photos):
        pose = photo.pose.pose(projection)
        centre = intersect_ground(photo.camera, pose, [photo.camera.centre_px])[0]
        centres[i] = centre if np.all(np.isfinite(centre)) else pose.position()[:2]
        widths[i] = photo.camera.gsd_m(max(pose.up_m, 0.0)) * photo.camera.width_px
    pairs: set[tuple[int, int]] = set()
    for i in range(len(photos)):
        away = np.hypot(*(centres - centres[i]).T)
        near = np.flatnonzero(away < _REACH_SHARE * np.maximum(widths, widths[i]))
        nearest = near[np.lexsort((near, away[near]))]
        for j in [int(k) for k in nearest if k != i][:neighbours]:
            pairs.add((min(i, j), max(i, j)))
    return sorted(pairs)


def _features(photo: Photo) -> tuple[FloatArray, NDArray[np.uint8]] | None:
    """(N, 2) pixels of the full picture and (N, 128) descriptors."""
    width = photo.camera.width_px
    flag = cv2.IMREAD_GRAYSCALE
    if width >= 4 * _WORK_WIDTH_PX:
        flag = cv2.IMREAD_REDUCED_GRAYSCALE_4
    elif width >= 2 * _WORK_WIDTH_PX:
        flag = cv2.IMREAD_REDUCED_GRAYSCALE_2
    grey = cv2.imread(str(photo.path), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    if grey is None:
        return None
    scale = min(1.0, _WORK_WIDTH_PX / grey.shape[1])
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    points, descriptors = cv2.SIFT.create(_FEATURES).detectAndCompute(small, None)
    if descriptors is None or len(points) < _LEAST_INLIERS:
        return None
    pixels = np.array([point.pt for point in points], dtype=float)
    return (pixels + 0.5) * (width / small.shape[1]) - 0.5, descriptors.astype(np.uint8)


def _match(
    first: int,
    second: int,
    a: tuple[FloatArray, NDArray[np.uint8]] | None,
    b: tuple[FloatArray, NDArray[np.uint8]] | None,
    width_px: int,
) -> Match | None:
    if a is None or b is None:
        return None
    from_first, to_second = _correspond(a[1], b[1])
    if len(from_first) < _LEAST_INLIERS:
        return None
    pa, pb = a[0][from_first], b[0][to_second]
    transform, mask = cv2.estimateAffinePartial2D(
        pa, pb, method=cv2.RANSAC, ransacReprojThreshold=_MISS_SHARE * width_px,
        maxIters=4000, confidence=0.999,
    )  # fmt: skip
    if transform is None:
        return None
    inside = mask.ravel().astype(bool)
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    enough = inside.sum() >= max(_LEAST_INLIERS, _LEAST_INLIER_SHARE * len(pa))
    if not enough or not _SCALES[0] < scale < _SCALES[1]:
        return None
    return Match(first, second, np.asarray(transform, dtype=float), pa[inside], pb[inside])


def _correspond(
    a: NDArray[np.uint8], b: NDArray[np.uint8]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of (N, 128) `a` with a clearly nearest row of (M, 128) `b`, and that row.

    Squared distances by one matrix product: SIFT descriptors are whole numbers whose squares sum
    to less than 2^24, so that float32 is exact and the result the same on every machine.
    """
    left, right = a.astype(np.float32), b.astype(np.float32)
    if len(right) < 2:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    squared = np.sum(right * right, axis=1)[None, :] - 2 * (left @ right.T)
    rows = np.arange(len(left))
    best = squared.argmin(axis=1)
    own = np.sum(left * left, axis=1)
    nearest = own + squared[rows, best]
    squared[rows, best] = np.inf
    second = own + squared.min(axis=1)
    clear = nearest < _RATIO**2 * second
    return rows[clear], best[clear]
