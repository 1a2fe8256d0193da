"""The lanes of all reaches: laid out over the corridor, kept out of zones, lifted over terrain."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from patrol.plan import Reach
from patrol.planning.cover.certificate import Track, seen_ground
from patrol.planning.cover.corridor import Corridor, corridor_of
from patrol.planning.cover.coverage import seen_either_way, united, unseen_parts
from patrol.planning.cover.lanes import LaneLine, lane_lines, outside
from patrol.planning.cover.patches import patch, patched
from patrol.planning.ground import Ground
from patrol.planning.settings import PlanSettings, Sight
from patrol.planning.sorties.drafts import lanes_with_heights
from patrol.planning.sorties.routes import Router
from patrol.planning.workers import each
from patrol.rivers import River

__all__ = ["laid_out"]

_PATCH_ROUNDS = 2
_ZONE_ROUNDS = 4
_REACH_S = 0.1  # about, for one reach
_SPECK_M2 = 2.0
_RELIEF_EVERY_M = 20.0
_RELIEF_PERCENT = 97.0


def laid_out(
    rivers: Sequence[River],
    reaches: Sequence[Reach],
    settings: PlanSettings,
    router: Router,
    ground: Ground,
    report: Callable[[str, float], None],
) -> tuple[list[LaneLine], list[LaneLine]]:
    """The lanes of all reaches with their heights, and those that the terrain is too steep for.

    `report` is told the stage and how much of it is done.
    """
    by_code = {river.code: river for river in rivers}
    jobs = [(by_code[reach.river], reach) for reach in reaches]
    lanes: list[LaneLine] = []
    steep: list[LaneLine] = []
    found = each(_along_reach, (settings, router, ground), jobs, _REACH_S)
    for number, (flyable, too_steep) in enumerate(found, 1):
        lanes += flyable
        steep += too_steep
        report("航线 lanes", number / len(jobs))
    return lanes, steep


def _along_reach(
    shared: tuple[PlanSettings, Router, Ground], job: tuple[River, Reach]
) -> tuple[list[LaneLine], list[LaneLine]]:
    settings, router, ground = shared
    corridor = corridor_of(*job, settings.cover, settings.strip_m, settings.inner_m)
    sight = settings.sight(_lower_m(corridor, settings, ground))
    along = lane_lines(corridor, settings, sight)
    kept = _outside(patched(along, corridor, sight), corridor, sight, router)
    flyable, steep = lanes_with_heights(kept, settings, sight, ground)
    patches = _patches_over_terrain(corridor, flyable, settings, sight, router, ground)
    return flyable + patches, steep


def _outside(
    lanes: Sequence[LaneLine], corridor: Corridor, sight: Sight, router: Router
) -> list[LaneLine]:
    """The parts of the lanes that keep out of the zones; and where that leaves ground unseen that
    may be flown over, short lanes over it."""
    if not any(lane.line.intersects(router.keep_out) for lane in lanes):
        return list(lanes)
    kept = [part for lane in lanes for part in outside(lane, router.keep_out)[0]]
    seen = united(seen_either_way(lane.line, sight) for lane in kept)
    unseen = unseen_parts(shapely.difference(corridor.ground, router.keep_out), seen)
    for _ in range(_ZONE_ROUNDS):
        drawn = [patch(corridor.river, p, corridor.centreline, sight) for p in unseen]
        more = [part for lane in drawn for part in outside(lane, router.keep_out)[0]]
        if not more:
            break
        kept += more
        seen = united(seen_either_way(lane.line, sight) for lane in more)
        unseen = [rest for part in unseen for rest in unseen_parts(part, seen)]
        unseen = [part for part in unseen if part.area >= _SPECK_M2]
    return kept


def _patches_over_terrain(
    corridor: Corridor,
    lanes: Sequence[LaneLine],
    settings: PlanSettings,
    sight: Sight,
    router: Router,
    ground: Ground,
) -> list[LaneLine]:
    """Short lanes over what the lanes, with the heights that the terrain lets them have, do not
    see; none over flat ground, where that is known before."""
    if ground.flat:
        return []
    patches: list[LaneLine] = []
    unseen = _unseen([strip.ground for strip in corridor.strips], lanes, settings, ground)
    for _ in range(_PATCH_ROUNDS):
        drawn = [patch(corridor.river, p, corridor.centreline, sight) for p in unseen]
        allowed = [part for lane in drawn for part in outside(lane, router.keep_out)[0]]
        made, _ = lanes_with_heights(allowed, settings, sight, ground)
        if not made:
            break
        patches += made
        unseen = _unseen(unseen, made, settings, ground)
    return patches


def _unseen(
    wanted: Sequence[BaseGeometry],
    lanes: Sequence[LaneLine],
    settings: PlanSettings,
    ground: Ground,
) -> list[Polygon]:
    """What lanes with heights do not see of the ground, but for specks."""
    tracks = [
        Track(shapely.get_coordinates(lane.line), lane.heights_m)
        for lane in lanes
        if lane.heights_m is not None
    ]
    seen = [polygon for track in tracks for polygon in seen_ground(track, settings, ground)]
    together = united(seen)
    parts = [part for area in wanted for part in unseen_parts(area, together)]
    return [part for part in parts if part.area >= _SPECK_M2]


def _lower_m(corridor: Corridor, settings: PlanSettings, ground: Ground) -> float:
    """How much lower than the height that the GSD asks for a picture along this river may be:
    the lanes' tolerance, and the relief from bank to bank."""
    if ground.flat:
        return 0.0
    line = shapely.segmentize(corridor.centreline, _RELIEF_EVERY_M)
    points = shapely.get_coordinates(line)
    steps = np.gradient(points, axis=0)
    half = max(max(b.left_m, b.right_m) for b in corridor.breadths) + settings.strip_m
    lowest, highest = ground.lowest_highest_m(points, np.arctan2(steps[:, 1], steps[:, 0]), half)
    relief = (highest - lowest)[np.isfinite(lowest) & np.isfinite(highest)]
    usual = float(np.percentile(relief, _RELIEF_PERCENT)) if len(relief) else 0.0
    return settings.tolerance_m + usual
