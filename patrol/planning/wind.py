"""A steady wind."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["CALM", "Wind"]


@dataclass(frozen=True, slots=True)
class Wind:
    """Speed, and the direction it comes from: degrees clockwise from north."""

    speed_m_s: float = 0.0
    from_deg: float = 0.0

    @property
    def east_north_m_s(self) -> tuple[float, float]:
        """Where the air moves to."""
        angle = math.radians(self.from_deg)
        return -self.speed_m_s * math.sin(angle), -self.speed_m_s * math.cos(angle)


CALM = Wind()
