"""Sorties broken off anywhere and taken up again: what is lost, if anything.

Random meandering rivers are planned; of a random sortie a random mission item is the one that the
vehicle was on the way to when it was called back. Everything up to the waypoint before has been
flown. The ground that the whole sortie shows must lie in what the flown legs and the resumed
plan's legs show together; rectangles leg by leg, from the waypoints alone. The resumed sorties
must keep their reserve, integrated step by step, and out of no-fly zones and below 120 m.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from benchmarks.planning.judge import broken_sorties
from benchmarks.planning.meanders import random_area, random_settings
from benchmarks.planning.views import Leg, certain_m, filmed_legs
from patrol.errors import PlanningError
from patrol.mission import item_waypoints
from patrol.plan import Plan, Sortie
from patrol.planning.planner import plan_area
from patrol.planning.resume import resume
from patrol.planning.settings import PlanSettings

__all__ = ["uncovered_m2", "wrong_resumes"]

CASES = 200
_A_PLAN = 5  # cases of each plan
_PROCESSES = 2
_SLIVER_M = 0.05  # files carry millimetres
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One resumed sortie: the ground that it loses, and what is wrong with it."""

    what: str
    lost_m2: float
    whole_m2: float
    problems: tuple[str, ...]
    sorties: int


def _cases(seed: int, number: int) -> list[_Outcome]:
    """The cases of one random plan; plans that cannot be made are made anew."""
    rng = np.random.default_rng([seed, number])
    while True:
        area, settings = random_area(rng), random_settings(rng)
        try:
            plan = plan_area(area, settings)
        except PlanningError:
            continue
        break
    outcomes = []
    for _ in range(_A_PLAN):
        sortie = plan.sorties[int(rng.integers(len(plan.sorties)))]
        flies_to = item_waypoints(plan, sortie)
        seq = int(rng.integers(len(flies_to)))
        what = f"plan {number} sortie {sortie.id} item {seq} of {len(flies_to)}"
        flown = _flown_part(plan, sortie, flies_to[seq])
        whole = filmed_legs(plan, [sortie])
        whole_m2 = _shown(whole, settings).area
        try:
            again = resume(plan, sortie.id, seq)
        except PlanningError as error:
            lost = _lost_m2(whole, flown, settings)
            said = (f"refused: {error}",) if lost > 0 else ()
            outcomes.append(_Outcome(what, lost, whole_m2, said, 0))
            continue
        problems = tuple(broken_sorties(area, again, again.sorties))
        legs = [*flown, *filmed_legs(again, again.sorties)]
        lost = whole_m2 if problems else _lost_m2(whole, legs, settings)
        outcomes.append(_Outcome(what, lost, whole_m2, problems, len(again.sorties)))
    return outcomes


def _flown_part(plan: Plan, sortie: Sortie, waypoint: int) -> list[Leg]:
    """The legs with the camera on that end before this waypoint (index)."""
    rows = sortie.waypoints[:waypoint]
    places = [(w.position.lon_deg, w.position.lat_deg) for w in rows]
    points = plan.projection.forward(places) if places else np.empty((0, 2))
    return [
        Leg(points[i], points[i + 1], min(a.above_launch_m, b.above_launch_m))
        for i, (a, b) in enumerate(pairwise(rows))
        if a.lane is not None and a.lane == b.lane
    ]


def _shown(legs: Sequence[Leg], settings: PlanSettings) -> BaseGeometry:
    """The ground in the certain rectangles of these legs."""
    shapes = []
    for leg in legs:
        half, reach = certain_m(settings, leg.height_m)
        step = leg.end_m - leg.start_m
        length = float(np.hypot(*step))
        if length < 1e-6:
            continue
        ahead = step / length
        across = np.array([-ahead[1], ahead[0]]) * half
        start, end = leg.start_m - ahead * reach, leg.end_m + ahead * reach
        shapes.append(Polygon([start - across, end - across, end + across, start + across]))
    return shapely.union_all(shapes)


def _lost_m2(whole: Sequence[Leg], seen: Sequence[Leg], settings: PlanSettings) -> float:
    """The ground of `whole` that `seen` does not show, without slivers of rounding."""
    missing = shapely.difference(_shown(whole, settings), _shown(seen, settings))
    parts = shapely.get_parts(missing)
    kept = [p.area for p in parts if not p.buffer(-_SLIVER_M / 2).is_empty]
    return float(sum(kept))


def _outcomes(seed: int) -> list[_Outcome]:
    count = CASES // _A_PLAN
    with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn")) as pool:
        rows = [row for rows in pool.map(_cases, [seed] * count, range(count)) for row in rows]
    bad = [row for row in rows if row.lost_m2 > 0 or row.problems]
    for row in bad[:_SHOWN]:
        print(f"{row.what}: {row.lost_m2:.1f} of {row.whole_m2:.0f} m2 lost; {row.problems}")
    print(
        f"{len(rows)} sorties broken off, {sum(row.sorties for row in rows)} resumed, "
        f"{sum(row.sorties == 0 for row in rows)} with nothing left or refused; {len(bad)} wrong, "
        f"{sum(row.lost_m2 for row in rows):.1f} of {sum(row.whole_m2 for row in rows):.0f} m2 lost"
    )
    return rows


def uncovered_m2(seed: int) -> float:
    """Square metres lost over 200 sorties broken off and resumed, beyond rounding. A resumed
    sortie that eats into its reserve or enters a zone counts as if it showed nothing."""
    return sum(row.lost_m2 for row in _outcomes(seed))


def wrong_resumes(seed: int) -> float:
    """How many of 200 sorties broken off and resumed lose ground, reserve or clearance."""
    return float(sum(row.lost_m2 > 0 or bool(row.problems) for row in _outcomes(seed)))
