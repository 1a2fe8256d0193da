"""Which frames to look at: those that show enough ground that the last one looked at did not.

A drone at 8 m/s films every metre a hundred times; a hovering one shows nothing new. Frames are
chosen by the ground that their footprints share, so that the cost follows the river, not the
clock, and every place is still seen from several positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from detection.telemetry.poses import FramePose
from geo.camera import Camera
from geo.coordinates import LocalProjection
from geo.placing import intersect_ground

__all__ = ["NEW_GROUND_SHARE", "choose_by_new_ground", "footprint_m"]

# Each place is seen in 1 / share of the chosen frames, or more, along the line of flight.
NEW_GROUND_SHARE = 0.3
_WORTH_A_LOOK = 0.02
_FARTHEST_HEIGHTS = 4.0  # ground farther off than this many flying heights tells too little
_LONGEST_GAP_S = 20.0  # even a hovering camera is looked at now and then: water moves


def footprint_m(
    camera: Camera, pose: FramePose, projection: LocalProjection
) -> shapely.Polygon | None:
    """The ground in the picture, in the projection's metres; None where it shows only sky.

    Towards the horizon it is cut at four times the flying height.
    """
    at = pose.pose(projection)
    width, height = camera.width_px - 1, camera.height_px - 1
    rows = np.linspace(0, height, 7)
    edge = np.vstack(
        [np.column_stack([np.zeros(7), rows[::-1]]), np.column_stack([np.full(7, width), rows])]
    )
    ground = intersect_ground(camera, at, edge)
    near = np.hypot(ground[:, 0] - at.east_m, ground[:, 1] - at.north_m) <= (
        _FARTHEST_HEIGHTS * max(at.up_m, 1.0)
    )
    if near.sum() < 3:
        return None
    hull = shapely.Polygon(ground[near]).convex_hull
    return hull if isinstance(hull, shapely.Polygon) else None


def choose_by_new_ground(
    times_s: Sequence[float],
    poses: Sequence[FramePose | None],
    cameras: Sequence[Camera],
    projection: LocalProjection,
    share: float = NEW_GROUND_SHARE,
) -> list[int]:
    """Indices of the frames to look at, ascending.

    Of the frames that show at most `share` of ground that is not in the last one taken, the
    latest is taken next: so along a line of flight every place is in at least 1 / share of the
    frames taken, unless the footage itself takes larger steps, when every frame is taken. A
    camera that hovers is looked at every 20 s. Frames without a pose, or of the sky alone, are
    not taken.
    """
    chosen: list[int] = []
    last: _Look | None = None
    held: _Look | None = None
    for index, (time_s, pose, camera) in enumerate(zip(times_s, poses, cameras, strict=True)):
        if pose is None:
            continue
        ground = footprint_m(camera, pose, projection)
        if ground is None or ground.area <= 0:
            continue
        look = _Look(index, time_s, ground)
        if last is not None and held is not None and look.new_since(last) > share:
            chosen.append(held.index)
            last, held = held, None
        if last is None or look.new_since(last) > share or time_s - last.time_s >= _LONGEST_GAP_S:
            chosen.append(index)
            last, held = look, None
        else:
            held = look
    if last is not None and held is not None and held.new_since(last) > _WORTH_A_LOOK:
        chosen.append(held.index)  # what came into view at the very end
    return chosen


@dataclass(frozen=True, slots=True)
class _Look:
    """A frame that might be taken, and the ground in it."""

    index: int
    time_s: float
    ground: shapely.Polygon

    def new_since(self, other: _Look) -> float:
        """The share of its ground that the other does not show."""
        return 1.0 - float(self.ground.intersection(other.ground).area) / float(self.ground.area)
