"""What a flight has really seen, and the plan for what it has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from patrol.errors import PlanningError, TelemetryError
from patrol.plan import Certificate, Plan
from patrol.planning.check import certificate_with, lane_tracks
from patrol.planning.cover.certificate import seen_ground
from patrol.planning.flown import flown_ground
from patrol.planning.ground import Ground
from patrol.planning.resume import plan_missing
from patrol.telemetry import Telemetry

__all__ = ["Review", "review"]


@dataclass(frozen=True, slots=True)
class Review:
    """`seen` is what the recorded flights saw of the plan's banks. `missing` is a plan for what
    neither they saw nor a sortie still to be flown will see; None where nothing is missing, or
    where it cannot be planned: `why_not` then says why."""

    seen: Certificate
    missing: Plan | None
    why_not: str | None = None


def review(folder: Path, plan: Plan, still_to_fly: Sequence[int] = ()) -> Review:
    """Check the tracks flown in `folder`/flight against the plan, by the camera's own poses."""
    shown = []
    for sortie in plan.sorties:
        path = folder / "flight" / f"sortie-{sortie.id:02d}.parquet"
        if path.exists():
            shown.append(flown_ground(plan, Telemetry.read(path)))
    seen = certificate_with(plan, _joined(shown))
    ground = Ground(plan.terrain, plan.projection)
    will = [
        seen_ground(track, plan.settings, ground)
        for number in still_to_fly
        for track in lane_tracks(plan, plan.sortie(number))
    ]
    at_last = certificate_with(plan, _joined([*shown, *will])) if will else seen
    try:
        return Review(seen, plan_missing(plan, at_last))
    except (PlanningError, TelemetryError) as error:
        return Review(seen, None, str(error))


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0, dtype=object)
