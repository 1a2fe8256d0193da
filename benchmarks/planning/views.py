"""What a plan's sorties see, place by place and leg by leg, from its waypoints alone.

Random places of the corridor are put to the nearest place of the centreline, and each is held
against the rectangle that a leg's pictures show for certain. No polygons of the planner's are
used, nor its lanes, nor its certificate. For cameras that look straight down over flat ground.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from patrol.plan import Plan, Sortie
from patrol.planning.settings import PlanSettings
from patrol.rivers import River

__all__ = ["Leg", "Places", "bank_places", "certain_m", "filmed_legs", "in_view"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

ROUNDING_M = 0.05  # files carry millimetres; the corridor's curves are polygons
_AT_A_TIME = 20_000
_NEAR_END_M = 1e-6


@dataclass(frozen=True, slots=True)
class Leg:
    """A straight leg with the camera on, metres."""

    start_m: FloatArray
    end_m: FloatArray
    height_m: float


@dataclass(frozen=True, slots=True)
class Places:
    """Random places of a river's strips: (N, 2) metres, which metre of the centreline each lies
    beside (N,), and whether it is on the left bank (N,)."""

    points_m: FloatArray
    metre: IntArray
    left: BoolArray

    def banks(self, chosen: BoolArray) -> set[tuple[bool, int]]:
        """The metres of bank (left, metre) of these places."""
        return set(zip(self.left[chosen].tolist(), self.metre[chosen].tolist(), strict=True))


def certain_m(settings: PlanSettings, height_m: float) -> tuple[float, float]:
    """Half the width and half the length of the ground that one picture shows for certain: less
    the error of position, and what the gimbal's error makes of it at this height."""
    camera = settings.camera_model
    if height_m / camera.focal_px > settings.gsd_m * 1.002:
        return 0.0, 0.0
    margin = settings.position_error_m + height_m * math.tan(math.radians(settings.tilt_error_deg))
    scale = height_m / camera.focal_px / 2
    return camera.width_px * scale - margin, camera.height_px * scale - margin


def filmed_legs(plan: Plan, sorties: Iterable[Sortie]) -> list[Leg]:
    """Every leg between two waypoints of one lane that follow one another."""
    legs = []
    for sortie in sorties:
        places = [(w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints]
        points = plan.projection.forward(places)
        for i, (a, b) in enumerate(zip(sortie.waypoints, sortie.waypoints[1:], strict=False)):
            if a.lane is not None and a.lane == b.lane:
                height = min(a.above_launch_m, b.above_launch_m)
                legs.append(Leg(points[i], points[i + 1], height))
    return legs


def in_view(points_m: FloatArray, legs: Sequence[Leg], settings: PlanSettings) -> BoolArray:
    """Which (N, 2) places the certain part of the picture passes over on some leg: (N,)."""
    found = np.zeros(len(points_m), dtype=bool)
    for leg in legs:
        half, reach = (side + ROUNDING_M for side in certain_m(settings, leg.height_m))
        step = leg.end_m - leg.start_m
        length = float(np.hypot(*step))
        if length < 1e-6:
            continue
        ahead, away = step / length, points_m - leg.start_m
        along = away @ ahead
        across = np.abs(away[:, 0] * ahead[1] - away[:, 1] * ahead[0])
        found |= (across <= half) & (along >= -reach) & (along <= length + reach)
    return found


def bank_places(
    rng: np.random.Generator, river: River, settings: PlanSettings, per_m2: float = 0.4
) -> Places:
    """Random places of the strips that `settings` asks for, about `per_m2` to a square metre.

    A place belongs to the bank on whose side of the nearest part of the centreline it lies;
    places beyond the ends belong to none.
    """
    line = river.centreline_m
    breadths = river.breadths_m()
    widest = max(max(b.left_m, b.right_m) for b in breadths) + settings.strip_m
    around = line.buffer(widest)
    points = _scattered(rng, around, per_m2)
    shapes = shapely.points(points)
    at = np.asarray(shapely.line_locate_point(line, shapes))
    vertices = shapely.get_coordinates(line)
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(vertices, axis=0).T))]
    away = points - np.column_stack([np.interp(at, along, vertices[:, k]) for k in (0, 1)])
    distance = np.hypot(away[:, 0], away[:, 1])
    left = _on_left(line, at, away)
    starts = np.array([b.from_m for b in breadths])
    index = np.clip(np.searchsorted(starts, at, side="right") - 1, 0, len(breadths) - 1)
    edge = np.where(
        left,
        np.array([b.left_m for b in breadths])[index],
        np.array([b.right_m for b in breadths])[index],
    )
    inner = np.zeros(len(points)) if settings.cover == "water" else edge - settings.inner_m
    wanted = (distance >= inner) & (distance <= edge + settings.strip_m)
    wanted &= (at > _NEAR_END_M) & (at < line.length - _NEAR_END_M)
    if settings.cover in ("left", "right"):
        wanted &= left == (settings.cover == "left")
    return Places(points[wanted], np.floor(at[wanted]).astype(np.int64), left[wanted])


def _scattered(rng: np.random.Generator, around: BaseGeometry, per_m2: float) -> FloatArray:
    west, south, east, north = around.bounds
    left = int(around.area * per_m2)
    shapely.prepare(around)
    found: list[FloatArray] = []
    while left > 0:
        points = rng.uniform((west, south), (east, north), (_AT_A_TIME, 2))
        points = points[shapely.contains_xy(around, points)][:left]
        found.append(points)
        left -= len(points)
    return np.vstack(found) if found else np.empty((0, 2))


def _on_left(line: shapely.LineString, at: FloatArray, away: FloatArray) -> BoolArray:
    """Whether what lies `away` from the line at these distances is on its left; at a vertex by
    the mean of the two directions."""
    vertices = shapely.get_coordinates(line)
    steps = np.diff(vertices, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    steps = steps / lengths[:, None]
    ends = np.cumsum(lengths)
    last = len(steps) - 1
    before = np.clip(np.searchsorted(ends, at - 1e-3), 0, last)
    after = np.clip(np.searchsorted(ends, at + 1e-3), 0, last)
    ahead = steps[before] + steps[after]
    return np.asarray(ahead[:, 0] * away[:, 1] - ahead[:, 1] * away[:, 0] > 0)
