"""Where a return leads: home or a rally point, after ArduPilot 4.6's AP_Rally."""

from __future__ import annotations

import math
from collections.abc import Iterable

from patrol.simulation.vehicle.guards.fence import FenceGuard
from patrol.simulation.vehicle.motion.path import Setpoint
from patrol.simulation.vehicle.parameters import Parameters

__all__ = ["best_return"]


def best_return(
    rally: Iterable[Setpoint],
    home: Setpoint,
    here: Setpoint,
    fence: FenceGuard,
    parameters: Parameters,
) -> Setpoint:
    """The rally point nearest to `here`, or home where that is nearer or they are too far away.

    Rally points outside the fence do not count. Metres; `up` above home.
    """

    def away_m(place: Setpoint) -> float:
        return math.hypot(place.east - here.east, place.north - here.north)

    allowed = [place for place in rally if fence.allows(place, home)]
    if not allowed:
        return home
    nearest = min(allowed, key=away_m)
    limit_m = 1000.0 * parameters["RALLY_LIMIT_KM"]
    if 0 < limit_m < away_m(nearest):
        return home
    if parameters["RALLY_INCL_HOME"] and away_m(home) <= away_m(nearest):
        return home
    return nearest
