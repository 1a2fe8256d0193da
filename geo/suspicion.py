"""The model sees a building, the map knows the law.

A detector can tell that something is built, never whether it may stand there. A structure is
*suspected illegal* where it stands in a river management zone, where building needs a permit, and
is none of the permitted structures. Nor does it know where the river is: what it takes for
floating waste on a footpath is none. All questions are asked of a position with its error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.communities import Area, AreaMap
from geo.placing import CHI2_95_2D, GroundPoint

__all__ = ["AT_WATER_FROM", "INSIDE_FROM", "Suspicion", "judge_at_water", "judge_structure"]

INSIDE_FROM = 0.5
"""Probability of standing in a zone from which a structure is held to stand in it."""

AT_WATER_FROM = 0.05
"""Probability of lying at the water below which what belongs there is held to be something else:
low, for a violation missed costs more than a look at a picture."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Whether a thing is suspected, and on what grounds.

    `inside` is the probability that it lies in the zone asked for; `permitted` the permitted
    structure that it is taken for, None where it is none; `reason` one line for the operator.
    """

    suspected: bool
    inside: float
    permitted: Area | None
    reason: str


def judge_structure(
    point: GroundPoint, zones: AreaMap | None, permitted: AreaMap | None
) -> Suspicion:
    """Judge a structure seen at `point`, the middle of its roof or footprint.

    It is taken for a permitted structure where that one's outline reaches into the 95 % ellipse
    of the position (the middle of a building lies in its outline); of several for the likeliest.
    Its size is deliberately no part of this: a shed built against a pump station would pass for
    it. `zones` None, or without a feature, means that nothing needs a permit; `permitted` None
    that nothing has one.
    """
    inside = zones.probability_inside(point) if zones is not None else 0.0
    if inside < INSIDE_FROM:
        return Suspicion(
            False, inside, None, f"probability {inside:.2f} of standing in a management zone"
        )
    known = _taken_for(point, permitted) if permitted is not None else None
    if known is not None:
        return Suspicion(
            False, inside, known, f"is the permitted structure {known.code} {known.name}"
        )
    return Suspicion(
        True, inside, None,
        f"a structure in a management zone (probability {inside:.2f}), none permitted",
    )  # fmt: skip


def judge_at_water(point: GroundPoint, water: AreaMap) -> Suspicion:
    """Judge what can only be at the water: a discharge or floating waste in it, an outfall at its
    edge. `water` are the rivers, as wide as they may be when the map is off a little."""
    inside = water.probability_inside(point)
    suspected = inside >= AT_WATER_FROM
    return Suspicion(suspected, inside, None, f"probability {inside:.2f} of lying at the water")


def _taken_for(point: GroundPoint, permitted: AreaMap) -> Area | None:
    """The permitted structure nearest in units of the position's error, if within the ellipse."""
    lonlat = point.position.projection.to_lonlat(point.position)
    at = permitted.projection.to_east_north(lonlat)
    # Scaled so that the error is a unit circle, distance to an outline is Mahalanobis distance.
    root = np.linalg.cholesky(point.covariance_m2 + np.eye(2) * 1e-12)
    unit = np.linalg.inv(root)
    best, nearest = CHI2_95_2D**0.5, None
    for area, outline in zip(permitted.areas, permitted.outlines_m, strict=True):
        scaled = shapely.transform(
            outline, lambda xy: (xy - np.array([at.east_m, at.north_m])) @ unit.T
        )
        distance = float(scaled.distance(shapely.Point(0.0, 0.0)))
        if distance <= best:
            best, nearest = distance, area
    return nearest
