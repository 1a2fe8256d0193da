"""A lithium-polymer battery and the power that a small quadrotor draws from it."""

from __future__ import annotations

import math

__all__ = ["Battery", "flight_power_w"]

# A 1 kg quadrotor such as the DJI Mavic 3 Enterprise: 77 Wh last about 38 minutes of hover and
# 45 minutes at the best speed (maker's sheet), which these constants reproduce within 10 %.
_PROFILE_W = 50.0  # blade drag in hover
_INDUCED_W = 71.0  # lift in hover
_TIP_M_S = 100.0
_INDUCED_M_S = 4.6  # mean induced velocity in hover
_BODY_W_S3_M3 = 0.012  # half air density times drag area
_MASS_KG = 0.95
_CLIMB_EFFICIENCY = 0.6
_MOST_W = 1500.0  # what four such motors take
_LEAST_CELL_V = 2.5  # under load

# State of charge against open-circuit voltage of a cell.
_CHARGE = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
_CELL_V = (3.20, 3.50, 3.62, 3.70, 3.78, 3.88, 4.02, 4.20)


def flight_power_w(air_speed_m_s: float, climb_m_s: float) -> float:
    """Electric power of level flight at this airspeed, and of climbing.

    Y. Zeng, J. Xu, R. Zhang, 'Energy minimization for wireless communication with rotary-wing
    UAV', IEEE Trans. Wireless Commun. 18(4), 2019, eq. 12; climb as weight times rate.
    """
    v2 = air_speed_m_s * air_speed_m_s
    ratio = v2 / (2.0 * _INDUCED_M_S**2)
    profile = _PROFILE_W * (1.0 + 3.0 * v2 / _TIP_M_S**2)
    induced = _INDUCED_W * math.sqrt(max(math.sqrt(1.0 + ratio * ratio) - ratio, 0.0))
    level = profile + induced + _BODY_W_S3_M3 * v2 * air_speed_m_s
    lift = _MASS_KG * 9.81 * climb_m_s
    return max(level + (lift / _CLIMB_EFFICIENCY if climb_m_s > 0 else 0.4 * lift), 0.6 * level)


class Battery:
    """What is left in it; `drop_to` is a fault."""

    CELLS = 4
    _RESISTANCE_OHM = 0.04

    def __init__(self, capacity_wh: float, charge_pct: float) -> None:
        self.capacity_wh = capacity_wh
        self.nominal_v = 3.85 * self.CELLS
        self.left_wh = capacity_wh * charge_pct / 100.0
        self.used_wh = 0.0
        self.current_a = 0.0
        self.sag_v = 0.0  # a fault: so much less than it should be
        self.voltage_v = self._open_v()

    @property
    def percent(self) -> float:
        return 100.0 * self.left_wh / self.capacity_wh

    @property
    def used_mah(self) -> float:
        return self.used_wh / self.nominal_v * 1000.0

    @property
    def capacity_mah(self) -> float:
        return self.capacity_wh / self.nominal_v * 1000.0

    def drain(self, power_w: float, dt_s: float) -> None:
        power_w = min(power_w, _MOST_W)
        spent = min(power_w * dt_s / 3600.0, self.left_wh)
        self.left_wh -= spent
        self.used_wh += spent
        self.current_a = power_w / max(self.voltage_v, _LEAST_CELL_V * self.CELLS)
        self.voltage_v = max(
            self._open_v() - self.sag_v - self.current_a * self._RESISTANCE_OHM, 0.0
        )

    def drop_to(self, percent: float) -> None:
        self.left_wh = min(self.left_wh, self.capacity_wh * percent / 100.0)

    def _open_v(self) -> float:
        charge = self.left_wh / self.capacity_wh
        for low, high, v_low, v_high in zip(
            _CHARGE, _CHARGE[1:], _CELL_V, _CELL_V[1:], strict=False
        ):
            if charge <= high:
                return self.CELLS * (v_low + (v_high - v_low) * (charge - low) / (high - low))
        return self.CELLS * _CELL_V[-1]
