"""Short extra lanes for ground that the lanes along a river leave unseen.

Where a river bends more tightly than its corridor is wide, offset curves are cut back, and beyond
the end of one there may be ground that no lane sees. Each such part gets a straight lane along
its longer axis, until nothing is left.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon

from patrol.plan import Side
from patrol.planning.coverage import footprint, unseen_parts
from patrol.planning.lanes import LaneLine, corridor
from patrol.planning.settings import PlanSettings

__all__ = ["patched"]

FloatArray = NDArray[np.float64]

_ROUNDS = 4
_SHORTEST_M = 4.0


def patched(
    river: str,
    lanes: list[LaneLine],
    centreline: LineString,
    half_width_m: float,
    settings: PlanSettings,
) -> list[LaneLine]:
    """The lanes of a river, with lanes added over what they do not see of its corridor."""
    wanted = corridor(centreline, half_width_m)
    half, ahead = settings.seen_half_m, settings.usable_ahead_m
    unseen = unseen_parts(
        wanted, shapely.union_all([footprint(lane.line, half, ahead) for lane in lanes])
    )
    lanes = list(lanes)
    for _ in range(_ROUNDS):
        patches = [_patch(river, part, centreline) for part in unseen]
        if not patches:
            break
        lanes += patches
        seen = shapely.union_all([footprint(lane.line, half, ahead) for lane in patches])
        unseen = [rest for part in unseen for rest in unseen_parts(part, seen)]
    return lanes


def _patch(river: str, part: Polygon, centreline: LineString) -> LaneLine:
    """A lane along the longer axis of a part, from one end of it to the other."""
    corners = shapely.get_coordinates(shapely.oriented_envelope(part))
    if len(corners) < 4:  # a part as thin as a line
        corners = corners[[0, 0, -1, -1]]
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    long = first if np.hypot(*first) >= np.hypot(*second) else second
    middle = corners[:4].mean(axis=0)
    length = max(float(np.hypot(*long)), _SHORTEST_M)
    along = long / max(float(np.hypot(*long)), 1e-9)
    line = LineString([middle - along * length / 2, middle + along * length / 2])
    return LaneLine(river, _side(middle, centreline), line)


def _side(point: FloatArray, centreline: LineString) -> Side:
    """Left or right of the centreline, as seen along it."""
    at = centreline.project(shapely.Point(point))
    before, after = (
        shapely.get_coordinates(centreline.interpolate(d))[0] for d in (max(at - 1.0, 0), at + 1.0)
    )
    ahead, away = after - before, point - before
    return "left" if ahead[0] * away[1] - ahead[1] * away[0] > 0 else "right"
