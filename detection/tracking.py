"""One thing over the frames of a pass, followed on the ground.

Boxes of one thing may not overlap from one chosen frame to the next, so pictures cannot be
compared; ground positions can. Each frame's views are matched with the tracks of their class by
Mahalanobis distance, all at once (Hungarian method: H. Kuhn 1955; scipy), as in SORT (A. Bewley
et al. 2016) but in metres. A track's position and height come from all its views together by
weighted least squares over their lines of sight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from detection.placement import PRIORS, View

__all__ = ["Estimate", "Track", "Tracker", "estimate"]

FloatArray = NDArray[np.float64]

# 99.5 % of chi-square with two degrees of freedom.
GATE_CHI2 = -2.0 * math.log(0.005)
_FAR = 1e6
# Sizes of one thing in two views differ by less than this factor, cut boxes apart.
_SIZE_FACTOR = 2.8
_KEEP_S = 30.0
# No gate is wider than this and the things' sizes, so that most pairs need no closer look.
_REACH_M = 15.0
_HUBER, _REWEIGHTED = 2.0, 3


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Position (2,) east, north and height above the launch site, with covariances (2, 2): `own`
    what more views of the pass would lessen, `shared` what they would not."""

    ground_m: FloatArray
    up_m: float
    own_m2: FloatArray
    shared_m2: FloatArray

    @property
    def covariance_m2(self) -> FloatArray:
        total: FloatArray = self.own_m2 + self.shared_m2
        return total


def estimate(views: Sequence[View]) -> Estimate:
    """Position and height from views of one thing that stands still.

    Solves for x (2) and height h: ground_i + slope_i (h - h0) = x with covariance own_i, and
    h = h0 with the prior's variance (Gauss-Markov). Views that the picture's edge cuts count only
    where there are no others: their middle is not the thing's. Views that do not fit the others
    are weighed down (P. Huber 1964).
    """
    prior = PRIORS[views[0].class_name]
    views = [view for view in views if not view.cut] or views
    ground = np.array([view.ground_m for view in views])
    slope = np.array([view.slope for view in views])
    inverse = np.linalg.inv(np.array([view.own_m2 for view in views]))
    rows = np.concatenate(
        [np.broadcast_to(np.eye(2), (len(views), 2, 2)), -slope[:, :, None]], axis=2
    )
    factors = np.ones(len(views))
    for _ in range(_REWEIGHTED if len(views) > 2 else 1):
        weight = factors[:, None, None] * inverse
        normal = np.einsum("nai,nab,nbj->ij", rows, weight, rows)
        normal[2, 2] += 1.0 / prior.up_sigma_m**2
        covariance: FloatArray = np.asarray(np.linalg.inv(normal), dtype=float)
        solution = covariance @ np.einsum("nai,nab,nb->i", rows, weight, ground)
        offset = ground - rows @ solution
        misfit = np.sqrt(np.einsum("na,nab,nb->n", offset, inverse, offset))
        factors = np.minimum(1.0, _HUBER / np.maximum(misfit, 1e-9))
    best = min(views, key=lambda view: view.off_axis)
    return Estimate(
        solution[:2], prior.up_m + float(solution[2]), covariance[:2, :2], best.shared_m2
    )


@dataclass(slots=True, eq=False)
class Track:
    """Views of one thing in one pass, in order of time."""

    class_name: str
    recording: int
    views: list[View] = field(default_factory=list)
    _now: Estimate | None = None
    _radius_m: float | None = None

    def add(self, view: View) -> None:
        self.views.append(view)
        self._now = self._radius_m = None

    @property
    def now(self) -> Estimate:
        if self._now is None:
            # The newest say enough to find the next; all of them are used in the end.
            self._now = estimate(self.views[-8:])
        return self._now

    @property
    def radius_m(self) -> float:
        """Of its middle view in size; of the largest where the picture's edge cuts all."""
        if self._radius_m is None:
            whole = [view.radius_m for view in self.views if not view.cut]
            self._radius_m = float(np.median(whole or [max(v.radius_m for v in self.views)]))
        return self._radius_m

    @property
    def confidence(self) -> float:
        """Mean of the best three: one lucky frame is not enough, many weak ones do not harm."""
        best = sorted((view.confidence for view in self.views), reverse=True)[:3]
        return float(np.mean(best))

    @property
    def hits(self) -> int:
        return len({view.shot for view in self.views})


class Tracker:
    """Tracks of one recording."""

    def __init__(self, recording: int) -> None:
        self.recording = recording
        self.tracks: list[Track] = []
        self._open: list[Track] = []

    def update(self, views: Sequence[View], time_s: float) -> list[tuple[View, Track]]:
        """Match one frame's views with the tracks; what matches none begins one.

        Returns each view with its track.
        """
        self._open = [t for t in self._open if time_s - t.views[-1].time_s <= _KEEP_S]
        matched: list[tuple[View, Track]] = []
        for name in sorted({view.class_name for view in views}):
            mine = [view for view in views if view.class_name == name]
            tracks = [track for track in self._open if track.class_name == name]
            taken = _assign(mine, tracks)
            for index, view in enumerate(mine):
                track = taken.get(index)
                if track is None:
                    track = Track(name, self.recording)
                    self.tracks.append(track)
                    self._open.append(track)
                track.add(view)
                matched.append((view, track))
        return matched


def _assign(views: Sequence[View], tracks: Sequence[Track]) -> dict[int, Track]:
    """Which view, by its index, continues which track."""
    if not views or not tracks:
        return {}
    cost = np.full((len(views), len(tracks)), _FAR)
    at = np.array([track.now.ground_m for track in tracks])
    reach_m = _REACH_M + 2 * np.array([track.radius_m for track in tracks])
    for i, view in enumerate(views):
        away_m = np.hypot(*(at - view.ground_m).T)
        for j in np.flatnonzero(away_m <= reach_m + 2 * view.radius_m):
            distance = _distance(view, tracks[int(j)])
            if distance <= GATE_CHI2:
                cost[i, j] = distance
    rows, columns = linear_sum_assignment(cost)
    return {int(i): tracks[int(j)] for i, j in zip(rows, columns, strict=True) if cost[i, j] < _FAR}


def _distance(view: View, track: Track) -> float:
    """Squared Mahalanobis distance of a view from a track; infinite where sizes do not fit."""
    now = track.now
    prior = PRIORS[view.class_name]
    if not view.cut:
        ratio = view.radius_m / max(track.radius_m, 0.3)
        if not 1 / _SIZE_FACTOR <= ratio <= _SIZE_FACTOR and any(not v.cut for v in track.views):
            return math.inf
    offset = view.ground_m + view.slope * (now.up_m - prior.up_m) - now.ground_m
    reach_m = prior.drift_m_s * max(0.0, view.time_s - track.views[-1].time_s)
    # The height is not settled by few views: what it leaves along the slope counts as error.
    height_m = min(prior.up_sigma_m, 1.5) if track.hits < 3 else 0.7
    spread = (
        view.own_m2
        + now.own_m2
        + np.outer(view.slope, view.slope) * height_m**2
        + np.eye(2) * (reach_m**2 + 0.3**2)
    )
    return float(offset @ np.linalg.solve(spread, offset))
