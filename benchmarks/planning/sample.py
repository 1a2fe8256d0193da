"""The sample area as an operator plans it: what is seen, how long it takes, how near the least.

Both banks of the four rivers (12 km), GSD 2 cm, Mavic 3 Enterprise, photos, wind 5 m/s, a quarter
of the battery kept, 5 minutes for each battery swap, one drone and one crew; the planner picks
the speed. The wind comes from the north-east, and from anywhere with a seed other than 101.
"""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.planning.integration import integrate
from patrol.area import StudyArea
from patrol.plan import Plan
from patrol.planning.check import Findings, check_plan
from patrol.planning.fastest import plan_fastest
from patrol.planning.settings import PlanSettings
from patrol.planning.wind import Wind

__all__ = ["bound_gap", "coverage_share", "operating_min", "sample_plan", "sample_settings"]

AREA = Path(__file__).resolve().parents[2] / "sample_footage" / "luogang"
_WIND_M_S = 5.0
_NORTH_EAST_SEED = 101


def sample_settings(seed: int) -> PlanSettings:
    """What the sample is planned with."""
    rng = np.random.default_rng(seed)
    from_deg = 45.0 if seed == _NORTH_EAST_SEED else float(rng.uniform(0, 360))
    return PlanSettings(
        camera="m3e", capture="photos", gsd_m=0.02, cover="both", wind=Wind(_WIND_M_S, from_deg),
        reserve_share=0.25, swap_s=300.0, crews=1, drones=1,
    )  # fmt: skip


def sample_plan(seed: int) -> Plan:
    """The sample's plan, as its file holds it."""
    return _planned(seed)[0]


@lru_cache(maxsize=2)
def _planned(seed: int) -> tuple[Plan, Findings]:
    """The plan read back from its file, and what checking that finds."""
    with tempfile.TemporaryDirectory(prefix="sample") as name:
        plan_fastest(StudyArea.read(AREA), sample_settings(seed)).write(Path(name))
        plan = Plan.read(Path(name))
    settings = plan.settings
    print(
        f"wind {settings.wind.speed_m_s:g} m/s from {settings.wind.from_deg:.0f}°, "
        f"speed {settings.speed_m_s:.1f} m/s, height {settings.height_m:.0f} m, "
        f"picture {settings.swath_m:.0f} m wide"
    )
    for sortie in plan.sorties:
        again = integrate(plan, sortie)
        print(
            f"sortie {sortie.id} from {sortie.launch_site}: {sortie.length_m / 1000:.2f} km, "
            f"{sortie.duration_s / 60:.1f} min, {sortie.energy_wh:.1f} Wh of "
            f"{settings.usable_wh:.1f} (step by step {again.seconds / 60:.1f} min, "
            f"{again.watt_hours:.1f} Wh)"
        )
    findings = check_plan(plan)
    for bank in findings.certificate.banks:
        print(f"{bank.river} {bank.bank}: {bank.seen_m:.0f} of {bank.metres:.0f} m of bank seen")
    for gap in findings.certificate.uncovered:
        print(f"not seen: {gap.river} {gap.bank} {gap.from_m:.0f}-{gap.to_m:.0f} m, {gap.reason}")
    for problem in findings.problems:
        print(f"problem: {problem}")
    done = plan.operation
    print(
        f"operation {done.operating_s / 60:.1f} min: flight {done.flight_s / 60:.1f} (between "
        f"lanes {done.ferry_s / 60:.1f}), ground {done.ground_s / 60:.1f}; at least "
        f"{done.lower_bound_s / 60:.1f} ({done.bound_method})"
    )
    return plan, findings


def coverage_share(seed: int) -> float:
    """Share of the metres of bank that the sorties see over their whole strip, recomputed from
    the plan's file, %; 0 where checking the file finds anything wrong."""
    _, findings = _planned(seed)
    return 0.0 if findings.problems else 100.0 * findings.certificate.share


def operating_min(seed: int) -> float:
    """From the first take-off to the last landing, battery swaps and moves of the crew included."""
    return _planned(seed)[0].operation.operating_s / 60


def bound_gap(seed: int) -> float:
    """How much of the operating time is above the proven least, %."""
    return 100.0 * _planned(seed)[0].operation.gap_share
