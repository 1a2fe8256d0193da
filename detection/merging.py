"""One sighting for each physical thing, though several tracks saw it.

A second lane or sortie sees a thing again, minutes later and with another error of the satellite
position; a track breaks where a thing is hidden for a while. Tracks of a class are joined,
likeliest first, while their positions agree within their covariances: what two views of one pass
share cancels, so there the gate is narrow; between passes it counts in full. Two things that one
picture shows apart are never joined.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from detection.placement import PRIORS, View
from detection.tracking import GATE_CHI2, Estimate, Track, estimate

__all__ = ["Confirmation", "Group", "confirmed", "merge"]

# Views of one recording that lie further apart in time are two passes: the satellite error has
# wandered (its correlation time is about a minute).
_PASS_GAP_S = 60.0
_SAME_PASS_M = 2.0
# Satellite errors of passes some minutes apart are not wholly independent of one another.
_LASTING_SHARE = 0.15
# Things drift this long at most before they are taken for others.
_DRIFT_S = 60.0
# Two boxes of one picture with their middles closer than this share of the larger radius are one
# thing found twice.
_APART_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Confirmation:
    """When tracks are held to be a thing: seen in at least `views` of the frames that showed its
    place (or in all, where fewer did) and in at least `share` of them, and sure enough for its
    class. A single view must be surer: by `lone_share` of what is missing to certainty."""

    views: int = 2
    share: float = 0.34
    lone_share: float = 0.4


@dataclass(slots=True, eq=False)
class Group:
    """Tracks of one thing."""

    class_name: str
    tracks: list[Track]
    _joint: Estimate | None = field(default=None, repr=False)

    @property
    def joint(self) -> Estimate:
        """Position and height from all passes."""
        if self._joint is None:
            self._joint = _joint(self.class_name, self.tracks)
        return self._joint

    @property
    def radius_m(self) -> float:
        return max(self.tracks, key=lambda track: track.hits).radius_m

    @property
    def confidence(self) -> float:
        """Mean of the best three views of one pass, of the best pass: one lucky frame is not
        enough, and a poor second look does not make a good first one worse."""
        return max(track.confidence for track in self.tracks)

    @property
    def whole(self) -> bool:
        """Whether each side of it was seen, if not all in one picture."""
        sides = np.array([v.cut_sides for t in self.tracks for v in t.views])
        return not bool(sides.all(axis=0).any())

    @property
    def hits(self) -> Mapping[int, int]:
        """In how many pictures of each recording it was found."""
        shots: dict[int, set[int]] = {}
        for track in self.tracks:
            shots.setdefault(track.recording, set()).update(v.shot for v in track.views)
        return {recording: len(which) for recording, which in sorted(shots.items())}

    @property
    def views(self) -> list[tuple[int, View]]:
        """All views with the recording that each is of, in order."""
        return sorted(
            ((t.recording, v) for t in self.tracks for v in t.views),
            key=lambda row: (row[0], row[1].time_s, row[1].box_px),
        )


def merge(tracks: Sequence[Track]) -> list[Group]:
    """Join the tracks of each physical thing.

    Sorted from north to south. Agglomerative, likeliest pair first; the order of equally likely
    pairs is that of `tracks`, so that the result is the same each time.
    """
    groups: list[Group] = []
    for name in sorted({track.class_name for track in tracks}):
        groups += _merge_class(name, [t for t in tracks if t.class_name == name])
    return sorted(groups, key=lambda g: (-g.joint.ground_m[1], g.joint.ground_m[0], g.class_name))


def _merge_class(name: str, tracks: Sequence[Track]) -> list[Group]:
    groups: dict[int, Group] = {i: Group(name, [track]) for i, track in enumerate(tracks)}
    near = _neighbours(list(groups.values()))
    heap: list[tuple[float, int, int]] = []

    def weigh(i: int, j: int) -> None:
        a, b = groups[i], groups[j]
        measure = _difference(a, b)
        if measure < math.inf and not _seen_apart(a, b):
            heapq.heappush(heap, (measure, min(i, j), max(i, j)))

    for i in sorted(groups):
        for j in sorted(near[i]):
            if j > i:
                weigh(i, j)
    newest = len(groups)
    while heap:
        _, i, j = heapq.heappop(heap)
        if i not in groups or j not in groups:
            continue
        groups[newest] = Group(name, groups.pop(i).tracks + groups.pop(j).tracks)
        near[newest] = {k for k in near[i] | near[j] if k in groups}
        for k in sorted(near[newest]):
            near[k].add(newest)
            weigh(k, newest)
        newest += 1
    return list(groups.values())


def _neighbours(groups: Sequence[Group]) -> dict[int, set[int]]:
    """Which groups lie so close to one another that they might be joined."""
    points = [shapely.Point(g.joint.ground_m) for g in groups]
    spread = [
        math.sqrt(GATE_CHI2 * float(np.linalg.eigvalsh(g.joint.covariance_m2)[-1])) + g.radius_m
        for g in groups
    ]
    reach_m = 2 * max(spread, default=0.0) + PRIORS[groups[0].class_name].drift_m_s * _DRIFT_S
    near: dict[int, set[int]] = {i: set() for i in range(len(groups))}
    pairs = shapely.STRtree(points).query(points, predicate="dwithin", distance=reach_m)
    for i, j in pairs.T:
        if i != j:
            near[int(i)].add(int(j))
    return near


def _difference(a: Group, b: Group) -> float:
    """How far two groups are from being one thing, in units of the gate: `inf` beyond it."""
    offset = a.joint.ground_m - b.joint.ground_m
    distance_m = float(np.linalg.norm(offset))
    sizes_m = a.radius_m + b.radius_m
    inside = distance_m <= 0.7 * max(a.radius_m, b.radius_m)  # a part of the other
    apart_s = _apart_s(a, b)
    if apart_s <= _PASS_GAP_S:
        gate_m = _SAME_PASS_M + 0.35 * sizes_m
        return distance_m / gate_m if distance_m <= gate_m or inside else math.inf
    drift_m = PRIORS[a.class_name].drift_m_s * min(apart_s, _DRIFT_S) / 2
    spread = (
        a.joint.covariance_m2
        + b.joint.covariance_m2
        + np.eye(2) * ((0.25 * sizes_m) ** 2 + drift_m**2)
    )
    chi2 = float(offset @ np.linalg.solve(spread, offset))
    return chi2 / GATE_CHI2 if chi2 <= GATE_CHI2 or inside else math.inf


def _apart_s(a: Group, b: Group) -> float:
    """The shortest time between views of the two in one recording, else infinite."""
    shortest = math.inf
    for t in a.tracks:
        for u in b.tracks:
            if t.recording == u.recording:
                gap = max(
                    t.views[0].time_s - u.views[-1].time_s, u.views[0].time_s - t.views[-1].time_s
                )
                shortest = min(shortest, max(0.0, gap))
    return shortest


def _seen_apart(a: Group, b: Group) -> bool:
    """Whether some picture shows both, whole and beside one another: then they are two."""
    mine = {(t.recording, v.shot): v for t in a.tracks for v in t.views if not v.cut}
    for t in b.tracks:
        for v in t.views:
            other = mine.get((t.recording, v.shot))
            if other is None or v.cut:
                continue
            reach_m = _APART_SHARE * max(v.radius_m, other.radius_m)
            if float(np.linalg.norm(v.ground_m - other.ground_m)) > reach_m:
                return True
    return False


def _joint(name: str, tracks: Sequence[Track]) -> Estimate:
    """All passes together: each solved by itself, then their inverse-covariance mean.

    The shared errors of passes are taken as independent but for a part that lasts.
    """
    each = [estimate(views) for views in _passes(tracks)]
    if len(each) == 1:
        return each[0]
    if PRIORS[name].drift_m_s > 0:  # what drifts is where it was seen last
        return each[-1]
    information = np.zeros((2, 2))
    weighted = np.zeros(2)
    for one in each:
        inverse = np.linalg.inv(one.covariance_m2)
        information += inverse
        weighted += inverse @ one.ground_m
    covariance = np.linalg.inv(information)
    lasting = _LASTING_SHARE * min((e.shared_m2 for e in each), key=lambda m: float(np.trace(m)))
    ups = float(np.mean([e.up_m for e in each]))
    return Estimate(covariance @ weighted, ups, np.zeros((2, 2)), covariance + lasting)


def _passes(tracks: Sequence[Track]) -> list[list[View]]:
    """The views of each pass: of one recording, without a pause of a minute."""
    passes: list[list[View]] = []
    for recording in sorted({track.recording for track in tracks}):
        views = sorted(
            (v for t in tracks if t.recording == recording for v in t.views),
            key=lambda v: (v.time_s, v.box_px),
        )
        passes.append([views[0]])
        for view in views[1:]:
            if view.time_s - passes[-1][-1].time_s > _PASS_GAP_S:
                passes.append([])
            passes[-1].append(view)
    return passes


def confirmed(
    groups: Sequence[Group],
    shown: NDArray[np.int64],
    rule: Confirmation,
    thresholds: Mapping[str, float],
) -> list[Group]:
    """The groups that are held to be things.

    `shown` (groups, recordings) says how many of the pictures looked at have each one's place
    well inside. One pass that saw it often enough is enough: from the other bank it may be
    hidden.
    """
    return [
        group
        for group, counts in zip(groups, shown, strict=True)
        if group.confidence >= _needed(rule, group, thresholds[group.class_name])
        and (group.whole or not PRIORS[group.class_name].must_be_whole)
        and any(_often(rule, hits, int(counts[r])) for r, hits in group.hits.items())
    ]


def _needed(rule: Confirmation, group: Group, threshold: float) -> float:
    lone = sum(group.hits.values()) == 1
    return threshold + (rule.lone_share * (1.0 - threshold) if lone else 0.0)


def _often(rule: Confirmation, hits: int, shown: int) -> bool:
    return hits >= min(rule.views, max(1, shown)) and hits >= rule.share * shown
