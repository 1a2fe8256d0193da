"""Random meandering rivers planned, and how many of the plans are wrong.

A plan is wrong where a lane crosses itself; where less than 99.5 % of the metres of bank that can
be seen at all are, by the certificate or by random places held against the waypoints; where what
is not seen is not listed; where a leg enters a no-fly zone, a point is higher than 120 m above
ground, or a sortie, integrated step by step, eats into its reserve. So is a refusal, unless a
zone swallows the site or the river, or the battery does not last for the way. See `judge`.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np

from benchmarks.planning.integration import integrate
from benchmarks.planning.judge import owed_metres, refusal_is_right, wrongs
from benchmarks.planning.worlds import area_of, meander, random_breadths, random_zone, site_near
from patrol.area import StudyArea
from patrol.errors import PlanningError
from patrol.planning.planner import plan_area
from patrol.planning.settings import PlanSettings
from patrol.planning.wind import Wind
from patrol.rivers import Breadth

__all__ = ["random_area", "random_settings", "wrong_plans"]

PLANS = 500
_PROCESSES = 2
_CAMERAS = ("m3e", "m3e", "m4e", "m3t", "m30t", "mini4pro")
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One random river: what is wrong with its plan, and numbers for the summary."""

    number: int
    problems: tuple[str, ...]
    refused: bool
    metres: int
    sorties: int
    energy_share: float  # integrated over planned, the largest
    seconds: float


def random_settings(rng: np.random.Generator) -> PlanSettings:
    """Camera, GSD, cover, speed, battery and wind that can be flown together."""
    while True:
        camera = str(rng.choice(_CAMERAS))
        try:
            settings = PlanSettings(
                camera=camera,
                capture="photos" if rng.random() < 0.5 else "video",
                gsd_m=float(rng.uniform(0.015, 0.035)),
                speed_m_s=float(rng.uniform(4, 12)),
                cover=("both", "left", "right", "water")[int(rng.integers(4))],
                wind=Wind(float(rng.uniform(0, 8)), float(rng.uniform(0, 360))),
            )
            share = float(np.exp(rng.uniform(np.log(0.2), 0.0)))
            return replace(settings, battery_wh=share * settings.own_battery_wh)
        except PlanningError:
            continue


def random_area(rng: np.random.Generator) -> StudyArea:
    """One meandering river with a site or two and up to three zones."""
    radius = float(np.exp(rng.uniform(np.log(15), np.log(150))))
    line = meander(rng, float(rng.uniform(400, 2000)), radius)
    widest = float(rng.uniform(4, 80))
    breadths: tuple[Breadth, ...] = (Breadth(0.0, line.length, widest / 2, widest / 2),)
    if rng.random() < 0.4:
        breadths = random_breadths(rng, line.length, widest)
    zones = [random_zone(rng, line, 250.0) for _ in range(int(rng.integers(0, 4)))]
    sites = [site_near(rng, line, 200.0, 1500.0) for _ in range(int(rng.integers(1, 3)))]
    return area_of([line], [breadths], sites, zones)


def _case(seed: int, number: int) -> _Outcome:
    rng = np.random.default_rng([seed, number])
    area, settings = random_area(rng), random_settings(rng)
    started = time.monotonic()
    owed = owed_metres(area, settings, rng)
    metres = sum(len(row.metres) for row in owed)
    try:
        plan = plan_area(area, settings)
    except PlanningError as error:
        right = refusal_is_right(area, settings, owed)
        problems = () if right else (f"refused: {error}",)
        return _Outcome(number, problems, True, metres, 0, 0.0, time.monotonic() - started)
    shares = [integrate(plan, s).watt_hours / s.energy_wh for s in plan.sorties]
    return _Outcome(
        number, tuple(wrongs(area, plan, owed)), False, metres, len(plan.sorties), max(shares),
        time.monotonic() - started,
    )  # fmt: skip


def wrong_plans(seed: int) -> float:
    """How many of 500 plans of random rivers are wrong in any way."""
    context = get_context("spawn")
    with ProcessPoolExecutor(_PROCESSES, mp_context=context) as pool:
        outcomes = list(pool.map(_case, [seed] * PLANS, range(PLANS), chunksize=5))
    wrong = [o for o in outcomes if o.problems]
    for outcome in wrong[:_SHOWN]:
        print(f"river {outcome.number}: {'; '.join(outcome.problems[:3])}")
    kinds = Counter(kind for o in wrong for kind in {p.split(":")[0] for p in o.problems})
    for kind, count in sorted(kinds.items()):
        print(f"{kind}: {count} plans")
    planned = [o for o in outcomes if not o.refused]
    print(
        f"{len(planned)} planned ({sum(o.sorties for o in planned)} sorties, "
        f"{sum(o.metres for o in planned) / 1000:.0f} km of bank owed), "
        f"{sum(o.refused and not o.problems for o in outcomes)} rightly refused; energy step by "
        f"step at most {100 * max((o.energy_share for o in planned), default=0.0):.1f} % of the "
        f"planned; median {np.median([o.seconds for o in outcomes]):.1f} s each"
    )
    return float(len(wrong))
