"""The ground speed with the least operating time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from geo.terrain import Terrain
from patrol.area import StudyArea
from patrol.errors import PlanningError
from patrol.plan import Plan, Reach
from patrol.planning.planner import Report, plan_area
from patrol.planning.settings import PlanSettings

__all__ = ["fastest_m_s", "plan_fastest"]

_SHUTTER_S = {"photos": 1 / 1000, "video": 1 / 500}
_CALM_SHARE = 0.9
_STEP_M_S = 2.0
_SLOWEST_M_S = 4.0
_TRIED = 3


def fastest_m_s(settings: PlanSettings) -> float:
    """The highest speed over ground that the mission allows: the aircraft's limit, also straight
    against the wind, with a tenth left for gusts; photos no faster than the camera takes them; and
    no picture blurred by more than a pixel at a usual shutter speed (1/1000 s for photos, 1/500 s
    for video)."""
    limits = [
        settings.aircraft.max_speed_m_s,
        _CALM_SHARE * settings.aircraft.max_air_speed_m_s - settings.wind.speed_m_s,
        settings.gsd_m / _SHUTTER_S[settings.capture],
    ]
    if settings.capture == "photos":
        limits.append(settings.trigger_m / settings.aircraft.photo_interval_s)
    return max(0.5, min(limits))


def plan_fastest(
    area: StudyArea,
    settings: PlanSettings,
    reaches: Sequence[Reach] | None = None,
    terrain: Terrain | None = None,
    report: Report = lambda stage, share: None,
) -> Plan:
    """The plan with the least operating time over a few speeds: the highest that is allowed, and
    slower ones, which may take less from the battery. `settings.speed_m_s` is not used.

    Raises PlanningError as `plan_area` does.
    """
    settings = replace(settings, speed_m_s=min(settings.speed_m_s, 1.0))
    highest = fastest_m_s(settings)
    speeds = [max(highest - k * _STEP_M_S, min(highest, _SLOWEST_M_S)) for k in range(_TRIED)]
    best: Plan | None = None
    refused: PlanningError | None = None
    for speed in dict.fromkeys(round(s, 2) for s in speeds):
        try:
            plan = plan_area(area, replace(settings, speed_m_s=speed), reaches, terrain, report)
        except PlanningError as error:
            refused = error
            continue
        if best is None or _worth(plan) > _worth(best):
            best = plan
    if best is None:
        raise refused or PlanningError("no speed can be flown")
    return best


def _worth(plan: Plan) -> tuple[float, float]:
    """More seen is better, then less time."""
    return round(plan.certificate.share, 4), -plan.operation.operating_s
