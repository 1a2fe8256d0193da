"""How good the position estimate is, after ArduCopter's ekf_check and gpsglitch_check."""

from __future__ import annotations

import math
from collections.abc import Callable

from pymavlink.dialects.v20 import ardupilotmega as mavlink

__all__ = ["PositionEstimate"]

_CRITICAL = mavlink.MAV_SEVERITY_CRITICAL
_GATE_M = 5.0  # a jump by more is rejected at first
_RETRY_S = 10.0  # after rejecting the fix for so long the filter starts again at it
_TRUSTED_M = 100.0  # but not when it is so far off
_COAST_S = 4.0  # without a fix, until there is no position any more
_FAILSAFE_S = 1.0  # of bad estimate: ten looks at 10 Hz
_DRIFT_M_S = 0.3  # by which the estimate goes astray without a fix


class PositionEstimate:
    """Takes the state of the GPS each step, tells what the estimate is worth.

    A jump of the GPS within the filter's gate is believed. A greater one is rejected for ten
    seconds ('GPS Glitch or Compass error'); then the estimate follows it, or is given up where
    the jump is too far. Without a fix it coasts for some seconds. `off_east_m`, `off_north_m` are
    what the estimate should be off by in consequence.
    """

    def __init__(self, say: Callable[[int, str], None], drift_rad: float) -> None:
        self._say = say
        self._drift = (math.sin(drift_rad), math.cos(drift_rad))
        self._no_fix_s = 0.0
        self._rejected_s = 0.0
        self._bad_s = 0.0
        self._jumped_m = 0.0  # what of the GPS's jump the filter has believed
        self._astray_m = 0.0
        self.glitching = False
        self.variances_bad = False
        self.failed = False  # an EKF failsafe is on

    @property
    def lost(self) -> bool:
        """There is no position that a mode could fly by."""
        return self.variances_bad or self._no_fix_s >= _COAST_S or self._rejected_s > _RETRY_S

    @property
    def off_east_m(self) -> float:
        return self._jumped_m + self._astray_m * self._drift[0]

    @property
    def off_north_m(self) -> float:
        return self._astray_m * self._drift[1]

    def step(self, dt_s: float, *, fix: bool, jump_m: float, spoilt: bool) -> bool:
        """Advance by `dt_s`: whether there is a GPS fix, how far east of the truth it is, and
        whether the filter itself is spoilt. True at the moment when the failsafe begins."""
        if fix and not spoilt and not jump_m and not self._bad_s and not self._untidy:
            return False
        self.variances_bad = spoilt
        self._no_fix_s = 0.0 if fix else self._no_fix_s + dt_s
        innovation_m = abs(jump_m - self._jumped_m) if fix else 0.0
        if innovation_m <= _GATE_M:
            self._rejected_s = 0.0
            self._jumped_m = jump_m if fix else self._jumped_m
        else:
            self._rejected_s += dt_s
            if self._rejected_s > _RETRY_S and innovation_m <= _TRUSTED_M:
                self._rejected_s = 0.0
                self._jumped_m = jump_m
        unaided = spoilt or not fix or self._rejected_s > 0.0
        self._astray_m = self._astray_m + _DRIFT_M_S * dt_s if unaided else 0.0
        glitching = not fix or self._rejected_s > 0.0
        if glitching != self.glitching:
            self.glitching = glitching
            self._say(_CRITICAL, "GPS Glitch or Compass error" if glitching else "Glitch cleared")
        return self._check(dt_s)

    @property
    def _untidy(self) -> bool:
        return self.glitching or self.variances_bad or self.failed or self._jumped_m != 0.0

    def _check(self, dt_s: float) -> bool:
        began = False
        if self.lost:
            self._bad_s = min(self._bad_s + dt_s, _FAILSAFE_S)
            if self._bad_s >= _FAILSAFE_S - 1e-9 and not self.failed:
                self.failed = began = True
                self._say(_CRITICAL, "EKF variance")
        elif self._bad_s > 0.0:
            self._bad_s = max(self._bad_s - dt_s, 0.0)
            if not self._bad_s and self.failed:
                self.failed = False
                self._say(_CRITICAL, "EKF Failsafe Cleared")
        return began
