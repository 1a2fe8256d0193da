"""Wind: a steady mean with turbulence on top."""

from __future__ import annotations

import math
import random

__all__ = ["SlowNoise", "Wind"]

_FEET = 0.3048


class SlowNoise:
    """A first-order Gauss-Markov process: standard deviation `sigma`, time constant `tau_s`."""

    __slots__ = ("_for", "_fresh", "_gauss", "_keep", "sigma", "value")

    def __init__(self, rng: random.Random, sigma: float) -> None:
        self._gauss = rng.gauss
        self._for = (0.0, 0.0)  # step and time constant that the factors below are for
        self._keep = self._fresh = 0.0
        self.sigma = sigma
        self.value = rng.gauss(0.0, sigma)

    def step(self, dt_s: float, tau_s: float) -> float:
        if (dt_s, tau_s) != self._for:
            self._for = (dt_s, tau_s)
            self._keep = math.exp(-dt_s / tau_s)
            self._fresh = math.sqrt(1.0 - self._keep * self._keep)
        self.value = self._keep * self.value + self.sigma * self._fresh * self._gauss(0.0, 1.0)
        return self.value


class Wind:
    """Mean wind and Dryden turbulence for low altitude (MIL-F-8785C, section 3.7.3.4).

    The longitudinal component has Dryden's spectrum exactly (it is first order); the lateral and
    vertical ones are approximated by first-order processes of the same strength and length scale.
    """

    def __init__(self, mean_m_s: float, from_deg: float, rng: random.Random) -> None:
        towards = math.radians(from_deg + 180.0)
        self._along = (math.sin(towards), math.cos(towards))
        self.mean_m_s = mean_m_s
        self.gust_m_s = 0.0  # a fault: on top of the mean
        self._gusts = [SlowNoise(rng, 0.0) for _ in range(3)]
        self.east_m_s = self.north_m_s = self.up_m_s = 0.0

    def step(self, dt_s: float, height_m: float, air_speed_m_s: float) -> None:
        """Advance by `dt_s` for a vehicle at this height above ground and speed through the air."""
        feet = min(max(height_m / _FEET, 10.0), 1000.0)
        shape = 0.177 + 0.000823 * feet
        sigma_up = 0.1 * self.mean_m_s
        sigma_level = sigma_up / shape**0.4
        speed = max(air_speed_m_s, self.mean_m_s, 1.0)
        level_tau_s = feet / shape**1.2 * _FEET / speed
        along, across, up = self._gusts
        along.sigma = across.sigma = sigma_level
        up.sigma = sigma_up
        along.step(dt_s, level_tau_s)
        across.step(dt_s, level_tau_s)
        up.step(dt_s, feet * _FEET / speed)
        # The ground slows the wind; without this a landed vehicle would sit in the full gust.
        near_ground = min(1.0, 0.3 + max(height_m, 0.0) / 15.0)
        sin, cos = self._along
        blow = (self.mean_m_s + self.gust_m_s + along.value) * near_ground
        side = across.value * near_ground
        self.east_m_s = blow * sin + side * cos
        self.north_m_s = blow * cos - side * sin
        self.up_m_s = up.value * near_ground
