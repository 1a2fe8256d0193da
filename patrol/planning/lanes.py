"""The corridor along a river, and the flight lines that see all of it.

Planar geometry in metres of the area's projection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from geo.errors import GeometryError
from patrol.plan import Side
from patrol.planning.settings import CHORD_ERROR_M, PlanSettings

__all__ = ["LaneLine", "corridor", "cut", "lane_lines", "outside", "stretch"]

_OVERSHOOT_M = 10.0  # lanes begin before and end after their reach by this
_SHORTEST_M = 2.0


@dataclass(frozen=True, slots=True)
class LaneLine:
    """A flight line in metres, in the direction of the centreline."""

    river: str
    side: Side
    line: LineString


def corridor(centreline: LineString, half_width_m: float) -> Polygon:
    """Everything within `half_width_m` of the centreline, with flat ends."""
    return shapely.buffer(centreline, half_width_m, cap_style="flat", quad_segs=8)


def offsets_m(half_width_m: float, settings: PlanSettings) -> list[float]:
    """How far left (+) or right (-) of the centreline the lanes run.

    One on the centreline where the picture, less its margins, is as wide as the corridor; else
    the outermost lanes just see the corridor's edge and the rest are spread evenly between.
    """
    outermost = half_width_m - settings.usable_half_m
    if outermost <= 0:
        return [0.0]
    gaps = max(1, math.ceil(2 * outermost / settings.spacing_m - 1e-9))
    return [outermost * (gaps - 2 * i) / gaps for i in range(gaps + 1)]  # 0 is exactly 0


def lane_lines(
    river: str, centreline: LineString, half_width_m: float, settings: PlanSettings
) -> list[LaneLine]:
    """Lanes that see the corridor: offset curves of the centreline, thinned to waypoints.

    Offset curves are cut back where a bend is tighter than the offset (they do not cross
    themselves), so a lane may come in several parts.
    """
    lanes = []
    for offset in offsets_m(half_width_m, settings):
        side: Side = "left" if offset > 0 else "right" if offset < 0 else "centre"
        curve: BaseGeometry = centreline
        if side != "centre":
            curve = shapely.offset_curve(centreline, offset, quad_segs=8, join_style="round")
        parts = [_along(part, centreline) for part in shapely.get_parts(curve)]
        parts = sorted(
            (part for part in parts if part.length >= _SHORTEST_M),
            key=lambda part: centreline.project(part.interpolate(0.5, normalized=True)),
        )
        for index, part in enumerate(parts):
            thinned = shapely.simplify(part, CHORD_ERROR_M)
            line = thinned if thinned.is_simple else part
            line = _extended(
                line,
                _OVERSHOOT_M if index == 0 else 0.0,
                _OVERSHOOT_M if index == len(parts) - 1 else 0.0,
            )
            lanes.append(LaneLine(river, side, line))
    return lanes


def _along(part: LineString, centreline: LineString) -> LineString:
    """The part in the direction of the centreline."""
    start, end = (centreline.project(shapely.get_point(part, i)) for i in (0, -1))
    return part if start <= end else shapely.reverse(part)


def _extended(line: LineString, before_m: float, after_m: float) -> LineString:
    """The line with its ends drawn out, where it does not meet itself by that."""
    for index, inner, extra_m in ((0, 1, before_m), (-1, -2, after_m)):
        points = shapely.get_coordinates(line)
        outward = points[index] - points[inner]
        points[index] = points[index] + outward / np.hypot(*outward) * extra_m
        longer = LineString(points)
        line = longer if longer.is_simple else line
    return line


def outside(lane: LaneLine, forbidden: BaseGeometry) -> tuple[list[LaneLine], BaseGeometry]:
    """The parts of a lane that keep out of `forbidden`, in order, and what was cut away."""
    if not lane.line.intersects(forbidden):
        return [lane], LineString()
    kept = shapely.get_parts(lane.line.difference(forbidden))
    parts = sorted(
        (part for part in kept if part.length >= _SHORTEST_M),
        key=lambda part: lane.line.project(shapely.get_point(part, 0)),
    )
    return (
        [LaneLine(lane.river, lane.side, part) for part in parts],
        lane.line.intersection(forbidden),
    )


def cut(line: LineString, pieces: int) -> list[LineString]:
    """The line in this many pieces of equal length; neighbours share their ends."""
    at = np.linspace(0.0, line.length, pieces + 1)
    return [stretch(line, a, b) for a, b in pairwise(at)]


def stretch(line: LineString, from_m: float, to_m: float) -> LineString:
    """The part of a line between two distances from its start, from < to."""
    part = substring(line, from_m, to_m)
    if not isinstance(part, LineString):
        raise GeometryError(f"there is no line between {from_m:g} and {to_m:g} m")
    return part
