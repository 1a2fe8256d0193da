"""Photos whose pixels were turned by 180° while the recorded attitude stayed.

Some viewers save a photo upside down ("rotate") and copy its metadata as it was. On the ground
the picture then lies mirrored about its centre: things are off by twice their distance from it,
up to a picture's width. Overlapping photos show it: only with the right choice of turned photos
do corresponding pixels fall on the same ground. The choice is a labelling of all photos at once,
so that it needs no reference photo, and positions settle which half of a disagreement is right
even where most photos were turned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detection.footage.matching import Match, match_photos, photo_projection
from detection.footage.photos import Photo
from geo.placing import intersect_ground

__all__ = ["Upright", "correct_orientation", "find_turned", "turned"]

FloatArray = NDArray[np.float64]

# Corresponding pixels of two photos with plain GNSS fall this far apart on the ground (about
# 2.5 m at 40 m height, measured), whatever the labels; beyond a few times that, the misfit says
# that labels are wrong, and how wrong no longer matters.
_MISFIT_M = 4.0
_COST_CAP = 10.0
_FULL_WEIGHT_INLIERS = 30
# What it costs to call a photo turned without evidence: few photos are, and those that were
# saved by another program sooner. This decides between two labellings that fit equally well.
_TURNED_COST, _TURNED_EDITED_COST = 1.0, 0.2
_SURE_MARGIN = 2.0
_MISPLACED_M = 15.0
_POINTS_PER_PAIR = 60


@dataclass(frozen=True, slots=True, eq=False)
class Upright:
    """Photos with corrected poses, the indices of those that were turned, and lines for the
    operator."""

    photos: tuple[Photo, ...]
    turned: frozenset[int]
    warnings: tuple[str, ...]


def turned(photo: Photo) -> Photo:
    """The photo with its pose turned by 180° about the optical axis, as its pixels were.

    As roll, not yaw: it is exact for any pitch.
    """
    roll = photo.pose.roll_deg + (180.0 if photo.pose.roll_deg <= 0 else -180.0)
    return replace(photo, pose=replace(photo.pose, roll_deg=roll))


def correct_orientation(
    photos: Sequence[Photo],
    matches: Sequence[Match] | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> Upright:
    """Recognise turned photos by their content and correct their poses.

    `matches` may be handed in where they are known; else photos are matched with their
    neighbours (about half a second a photo), `advance(done, total)` telling how far that is.
    """
    if matches is None:
        matches = match_photos(photos, advance=advance)
    labels, margins, misfits = find_turned(photos, matches)
    flipped = [i for i in range(len(photos)) if labels[i]]
    warnings = []
    if flipped:
        names = ", ".join(photos[i].path.name for i in flipped)
        warnings.append(
            f"{photos[0].path.parent}: {len(flipped)} of {len(photos)} photos were turned by 180° "
            f"after they were taken; their poses were corrected: {names}"
        )
    for i, photo in enumerate(photos):
        if not np.isfinite(margins[i]):
            if photo.edited:
                warnings.append(
                    f"{photo.path}: saved by another program, and no other photo overlaps it: "
                    "whether it was turned cannot be told"
                )
        elif margins[i] < _SURE_MARGIN:
            warnings.append(f"{photo.path}: whether it was turned by 180° is uncertain")
        if misfits[i] > _MISPLACED_M:
            warnings.append(
                f"{photo.path}: lies {misfits[i]:.0f} m beside what overlapping photos show; its "
                "position or attitude is wrong"
            )
    corrected = tuple(turned(p) if labels[i] else p for i, p in enumerate(photos))
    return Upright(corrected, frozenset(flipped), tuple(warnings))


def find_turned(
    photos: Sequence[Photo], matches: Sequence[Match]
) -> tuple[NDArray[np.bool_], FloatArray, FloatArray]:
    """(N,) which photos were turned; (N,) by how much the other answer would fit worse (NaN for
    a photo without matches, 2 and more is sure); (N,) the median misfit in metres left.

    Minimises the sum over matched pairs of a capped squared misfit on the ground, plus a small
    cost for each turned photo: a spanning tree of the best pairs gives a first labelling up to
    turning all of it, then single photos are changed while that helps.
    """
    n = len(photos)
    labels = np.zeros(n, dtype=bool)
    margins, misfits = np.full(n, np.nan), np.full(n, np.nan)
    if not matches:
        return labels, margins, misfits
    misfit = _pair_misfits_m(photos, matches)
    weight = np.array([min(1.0, m.inliers / _FULL_WEIGHT_INLIERS) for m in matches])
    cost = np.minimum((misfit / _MISFIT_M) ** 2 / 2, _COST_CAP) * weight[:, None, None]
    prior = np.array([_TURNED_EDITED_COST if p.edited else _TURNED_COST for p in photos])
    pairs = np.array([(m.first, m.second) for m in matches])

    def change(i: int) -> float:
        """What turning photo i alone would add to the cost."""
        total = float(-prior[i] if labels[i] else prior[i])
        for e in of_photo[i]:
            a, b = pairs[e]
            now = cost[e, int(labels[a]), int(labels[b])]
            then_a, then_b = labels[a] ^ (a == i), labels[b] ^ (b == i)
            total += float(cost[e, int(then_a), int(then_b)] - now)
        return total

    of_photo: list[list[int]] = [[] for _ in range(n)]
    for e, (a, b) in enumerate(pairs):
        of_photo[a].append(e)
        of_photo[b].append(e)
    component_margin = np.zeros(n)
    for group, edges in _label_by_tree(n, pairs, cost, labels):
        for _ in range(2 * len(group)):
            gains = [change(i) for i in group]
            best = int(np.argmin(gains))
            if gains[best] >= 0:
                break
            labels[group[best]] ^= True
        kept = _total(cost, pairs, labels, prior, group, edges)
        labels[group] ^= True
        flipped = _total(cost, pairs, labels, prior, group, edges)
        if flipped >= kept:
            labels[group] ^= True
        component_margin[group] = abs(flipped - kept)
    for i in range(n):
        if of_photo[i]:
            margins[i] = min(change(i), component_margin[i])
            left = [
                misfit[e, int(labels[pairs[e][0]]), int(labels[pairs[e][1]])] for e in of_photo[i]
            ]
            misfits[i] = float(np.median(left))
    return labels, margins, misfits


def _pair_misfits_m(photos: Sequence[Photo], matches: Sequence[Match]) -> FloatArray:
    """(M, 2, 2) median distance on the ground between corresponding pixels, for either answer to
    'was the first turned?' and 'was the second?'."""
    projection = photo_projection(photos)
    both = [[p.pose.pose(projection), turned(p).pose.pose(projection)] for p in photos]
    misfit = np.full((len(matches), 2, 2), np.inf)
    for e, match in enumerate(matches):
        some = np.linspace(0, match.inliers - 1, min(match.inliers, _POINTS_PER_PAIR)).astype(int)
        ground = [
            [intersect_ground(photos[i].camera, both[i][t], pixels[some]) for t in (0, 1)]
            for i, pixels in ((match.first, match.first_px), (match.second, match.second_px))
        ]
        for a in (0, 1):
            for b in (0, 1):
                apart = np.hypot(*(ground[0][a] - ground[1][b]).T)
                if np.any(np.isfinite(apart)):
                    misfit[e, a, b] = float(np.nanmedian(apart))
    return misfit


def _label_by_tree(
    n: int, pairs: NDArray[np.int64], cost: FloatArray, labels: NDArray[np.bool_]
) -> list[tuple[list[int], list[int]]]:
    """Label connected photos along a spanning tree of the pairs that say most clearly whether
    the two are turned alike; returns each component's photos and pairs."""
    alike = np.minimum(cost[:, 0, 0], cost[:, 1, 1])
    unlike = np.minimum(cost[:, 0, 1], cost[:, 1, 0])
    clear = np.abs(alike - unlike)
    parent = list(range(n))
    tree: list[list[tuple[int, bool]]] = [[] for _ in range(n)]

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for e in np.argsort(-clear, kind="stable"):
        a, b = (int(i) for i in pairs[e])
        if root(a) != root(b):
            parent[root(a)] = root(b)
            differ = bool(unlike[e] < alike[e])
            tree[a].append((b, differ))
            tree[b].append((a, differ))
    groups: list[tuple[list[int], list[int]]] = []
    seen: set[int] = set()
    for start in range(n):
        if start in seen or not tree[start]:
            continue
        group, waiting = [], [start]
        seen.add(start)
        while waiting:
            i = waiting.pop()
            group.append(i)
            for j, differ in tree[i]:
                if j not in seen:
                    seen.add(j)
                    labels[j] = labels[i] ^ differ
                    waiting.append(j)
        inside = set(group)
        groups.append((sorted(group), [e for e in range(len(pairs)) if int(pairs[e][0]) in inside]))
    return groups


def _total(
    cost: FloatArray,
    pairs: NDArray[np.int64],
    labels: NDArray[np.bool_],
    prior: FloatArray,
    group: list[int],
    edges: list[int],
) -> float:
    of_pairs = sum(
        float(cost[e, int(labels[pairs[e][0]]), int(labels[pairs[e][1]])]) for e in edges
    )
    return of_pairs + float(prior[group][labels[group]].sum())
