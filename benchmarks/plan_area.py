"""The sample area's rivers, and how much of their corridors the plan's lanes see."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from patrol.area import StudyArea
from patrol.plan import Plan, Reach
from patrol.planning.cover.corridor import corridor_of
from patrol.planning.planner import plan_area
from patrol.planning.settings import PlanSettings

__all__ = ["coverage_share", "rivers_km"]

AREA = Path(__file__).resolve().parent.parent / "sample_footage" / "luogang"
_POINTS_A_RIVER = 50_000


@lru_cache(maxsize=1)
def _planned() -> tuple[StudyArea, PlanSettings, Plan]:
    area, settings = StudyArea.read(AREA), PlanSettings()
    plan = plan_area(area, settings)
    for sortie in plan.sorties:
        print(
            f"sortie {sortie.id} from {sortie.launch_site}: {sortie.length_m / 1000:.2f} km, "
            f"{sortie.duration_s / 60:.1f} min, "
            f"{100 * sortie.energy_wh / settings.own_battery_wh:.0f} % of the battery"
        )
    return area, settings, plan


def rivers_km(_seed: int) -> float:
    """Length of the four river centrelines, km."""
    return StudyArea.read(AREA).length_m / 1000


def coverage_share(seed: int) -> float:
    """Share of random places in the corridors that a lane of the plan sees, %.

    Tested place by place and leg by leg, not with the polygons that the planner's own certificate
    comes from.
    """
    area, settings, plan = _planned()
    rng = np.random.default_rng(seed)
    seen = total = 0
    for river in area.rivers:
        reach = Reach(river.code, 0.0, river.centreline_m.length)
        made = corridor_of(river, reach, settings.cover, settings.strip_m, settings.inner_m)
        wanted = made.ground
        west, south, east, north = wanted.bounds
        points = rng.uniform((west, south), (east, north), (40 * _POINTS_A_RIVER, 2))
        points = points[shapely.contains_xy(wanted, points)][:_POINTS_A_RIVER]
        found = np.zeros(len(points), dtype=bool)
        for lane in plan.lanes:
            line = area.projection.forward(shapely.get_coordinates(lane.line))
            found |= _in_view(points, line, settings)
        seen += int(found.sum())
        total += len(points)
        print(f"{river.code}: {found.sum()} of {len(points)} places seen")
    return 100.0 * seen / total


def _in_view(
    points: NDArray[np.float64], line: NDArray[np.float64], settings: PlanSettings
) -> NDArray[np.bool_]:
    """Which (N, 2) points the certain part of the picture passes over on some leg: (N,)."""
    found = np.zeros(len(points), dtype=bool)
    for start, end in pairwise(line):
        length = float(np.hypot(*(end - start)))
        ahead, away = (end - start) / length, points - start
        along = away @ ahead
        across = np.abs(away[:, 0] * ahead[1] - away[:, 1] * ahead[0])
        near, far = settings.usable_behind_m, settings.usable_ahead_m
        found |= (across <= settings.seen_half_m) & (along >= near) & (along <= length + far)
    return found
