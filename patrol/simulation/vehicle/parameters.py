"""The vehicle's parameters: named floats, with the names that ArduCopter uses.

Defaults are Copter 4.6's, but for the failsafes, which are on: the percentages of BATT_..._PCT,
which stand for its milliampere-hours, and FS_GCS_ENABLE.
"""

from __future__ import annotations

import math

__all__ = ["Parameters"]

_DEFAULTS: dict[str, float] = {
    "SYSID_THISMAV": 1,
    "SYSID_MYGCS": 255,
    "FRAME_CLASS": 1,
    "ARMING_CHECK": 1,
    "ARMING_MIS_ITEMS": 8,  # bit 3: a take-off item must be in the mission
    "DISARM_DELAY": 10,
    "AUTO_OPTIONS": 0,  # bit 0: may be armed in AUTO
    "BATT_CAPACITY": 5000,
    "BATT_ARM_PCT": 30,
    "BATT_LOW_PCT": 20,
    "BATT_CRT_PCT": 8,
    "BATT_LOW_VOLT": 13.8,
    "BATT_CRT_VOLT": 13.2,
    "BATT_LOW_TIMER": 10,
    "BATT_FS_LOW_ACT": 2,  # RTL
    "BATT_FS_CRT_ACT": 1,  # LAND
    "FS_EKF_ACTION": 1,  # LAND
    "FS_GCS_ENABLE": 1,  # RTL
    "FS_GCS_TIMEOUT": 10,
    "FS_OPTIONS": 16,  # bit 4: a ground station's silence does not take it from the pilot
    "FENCE_ENABLE": 0,
    "FENCE_TYPE": 7,
    "FENCE_ACTION": 1,  # RTL or land
    "FENCE_ALT_MAX": 100,
    "FENCE_RADIUS": 300,
    "FENCE_MARGIN": 2,
    "RALLY_INCL_HOME": 1,
    "RALLY_LIMIT_KM": 0.3,
    "WPNAV_SPEED": 1000,
    "WPNAV_SPEED_UP": 250,
    "WPNAV_SPEED_DN": 150,
    "WPNAV_RADIUS": 200,
    "WPNAV_ACCEL": 250,
    "WPNAV_JERK": 1,
    "WP_YAW_BEHAVIOR": 1,
    "RTL_ALT": 1500,
    "RTL_LOIT_TIME": 5000,
    "RTL_CLIMB_MIN": 0,
    "RTL_CONE_SLOPE": 3,
    "MIS_RESTART": 0,
    "LAND_SPEED": 50,
    "LAND_ALT_LOW": 1000,
    "PILOT_TKOFF_ALT": 0,
    "SIM_SPEEDUP": 30,
    "SIM_WIND_SPD": 0,
    "SIM_WIND_DIR": 0,
}

# What may be set: outside it the vehicle could not fly.
_RANGES: dict[str, tuple[float, float]] = {
    "WPNAV_SPEED": (20, 2000),
    "WPNAV_SPEED_UP": (10, 1000),
    "WPNAV_SPEED_DN": (10, 500),
    "WPNAV_RADIUS": (5, 1000),
    "WPNAV_ACCEL": (50, 500),
    "WPNAV_JERK": (1, 20),
    "FENCE_ALT_MAX": (10, 1000),
    "FENCE_RADIUS": (30, 10_000),
    "FENCE_MARGIN": (1, 10),
    "FS_GCS_TIMEOUT": (2, 120),
    "LAND_SPEED": (30, 200),
    "LAND_ALT_LOW": (100, 10_000),
    "RTL_ALT": (30, 300_000),
    "RTL_LOIT_TIME": (0, 60_000),
    "RTL_CLIMB_MIN": (0, 3000),
    "RTL_CONE_SLOPE": (0, 10),
    "SIM_SPEEDUP": (0.1, 1000),
}


class Parameters:
    """Values by name, in a fixed order; a MAVLink parameter index is the place in it."""

    def __init__(self, **values: float) -> None:
        self._values = dict(_DEFAULTS)
        for name, value in values.items():
            self.set(name, value)

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def set(self, name: str, value: float) -> bool:
        """Set a known parameter to a value that it may have; False where it is neither."""
        low, high = _RANGES.get(name, (-math.inf, math.inf))
        if name not in self._values or not math.isfinite(value) or not low <= value <= high:
            return False
        self._values[name] = value
        return True

    def names(self) -> list[str]:
        return list(self._values)

    def index(self, name: str) -> int:
        return list(self._values).index(name)
