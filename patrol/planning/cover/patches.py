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
from patrol.planning.cover.corridor import Corridor
from patrol.planning.cover.coverage import seen_either_way, united, unseen_parts
from patrol.planning.cover.lanes import LaneLine
from patrol.planning.settings import Sight

__all__ = ["patch", "patched"]

FloatArray = NDArray[np.float64]

_ROUNDS = 4
_SHORTEST_M = 4.0


def patched(lanes: list[LaneLine], corridor: Corridor, sight: Sight) -> list[LaneLine]:
    """The lanes of a river, with lanes added over what they do not see of its corridor."""
    unseen = unseen_parts(
        corridor.ground, united(seen_either_way(lane.line, sight) for lane in lanes)
    )
    lanes = list(lanes)
    for _ in range(_ROUNDS):
        patches = [patch(corridor.river, p, corridor.centreline, sight) for p in unseen]
        if not patches:
            break
        lanes += patches
        seen = united(seen_either_way(lane.line, sight) for lane in patches)
        unseen = [rest for part in unseen for rest in unseen_parts(part, seen)]
    return lanes


def patch(river: str, part: Polygon, centreline: LineString, sight: Sight) -> LaneLine:
    """A lane along the longer axis of a part, from one end of it to the other; drawn out where
    the camera looks ahead, so that it sees the part from either direction."""
    corners = shapely.get_coordinates(shapely.oriented_envelope(part))
    if len(corners) < 4:  # a part as thin as a line
        corners = corners[[0, 0, -1, -1]]
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    long = first if np.hypot(*first) >= np.hypot(*second) else second
    middle = corners[:4].mean(axis=0)
    length = max(float(np.hypot(*long)), _SHORTEST_M)
    along = long / max(float(np.hypot(*long)), 1e-9) if np.hypot(*long) > 1e-9 else [1.0, 0.0]
    half = length / 2 + 2 * max(0.0, sight.nearest_m)
    line = LineString([middle - np.multiply(along, half), middle + np.multiply(along, half)])
    return LaneLine(river, _side(middle, centreline), line)


def _side(point: FloatArray, centreline: LineString) -> Side:
    """Left or right of the centreline, as seen along it."""
    at = centreline.project(shapely.Point(point))
    before, after = (
        shapely.get_coordinates(centreline.interpolate(d))[0] for d in (max(at - 1.0, 0), at + 1.0)
    )
    ahead, away = after - before, point - before
    return "left" if ahead[0] * away[1] - ahead[1] * away[0] > 0 else "right"
