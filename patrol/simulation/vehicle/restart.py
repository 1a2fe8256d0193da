"""What is left of a vehicle after its autopilot restarted, on the ground or in flight."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from patrol.simulation.vehicle.autopilot import Autopilot
from patrol.simulation.vehicle.guards.fence import FenceGuard

__all__ = ["restarted"]

_G = 9.81


def restarted(old: Autopilot, send: Callable[[Any], None]) -> Autopilot:
    """The autopilot after its motors stopped: its clock at 0, its body where it fell, its lists,
    parameters, battery and card as they were."""
    now_s = old.settings.start_s + old.time_s
    fresh = Autopilot(replace(old.settings, start_s=now_s), send)
    fresh.lists.keep(old.lists)
    old.drill.restarted(old.time_s)
    fresh.drill = old.drill
    fresh.parameters = old.parameters
    fresh.fence = FenceGuard(old.parameters)
    fresh.battery = old.battery
    fresh.camera.card_mb = old.camera.free_mb(old.time_s)
    body, fallen = old.airframe, fresh.airframe
    fall_s = math.sqrt(2.0 * max(body.up, 0.0) / _G)
    fallen.east = body.east + body.v_east * fall_s
    fallen.north = body.north + body.v_north * fall_s
    fallen.yaw = body.yaw
    fresh.home = (fallen.east, fallen.north)
    return fresh
