"""What the makers' sheets say of the aircraft that carry the cameras.

Battery, hover and flight endurance, speeds, take-off mass, photo interval: sheets, rounded. The
range speed is the one at which the sheet's longest distance was flown. Sizes of pictures and
videos are those of typical recordings.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AIRCRAFT", "Aircraft"]


@dataclass(frozen=True, slots=True)
class Aircraft:
    """Endurance: `hover_min` hovering, `flight_min` at `best_speed_m_s`, `range_km` at
    `range_speed_m_s`, all without wind and until the battery is empty. `max_air_speed_m_s` is what
    the airframe can do, `max_speed_m_s` the most over ground that a mission may ask for."""

    battery_wh: float
    hover_min: float
    flight_min: float
    best_speed_m_s: float
    range_km: float
    range_speed_m_s: float
    mass_kg: float
    max_air_speed_m_s: float
    max_speed_m_s: float
    photo_interval_s: float
    photo_mb: float
    video_mbps: float


AIRCRAFT: dict[str, Aircraft] = {
    "m3e": Aircraft(77.0, 38, 45, 9.0, 32.0, 14.0, 0.92, 21.0, 15.0, 0.7, 9.0, 130.0),
    "m3t": Aircraft(77.0, 38, 45, 9.0, 32.0, 14.0, 0.92, 21.0, 15.0, 2.0, 12.0, 85.0),
    "m30t": Aircraft(263.2, 36, 41, 10.0, 28.0, 14.0, 3.77, 23.0, 15.0, 2.0, 12.0, 85.0),
    "m4e": Aircraft(99.5, 42, 49, 8.0, 35.0, 14.0, 1.22, 21.0, 15.0, 0.5, 9.0, 90.0),
    "p4rtk": Aircraft(89.2, 27, 30, 8.0, 18.0, 13.0, 1.39, 16.0, 14.0, 2.5, 8.0, 100.0),
    "mini4pro": Aircraft(18.96, 30, 34, 6.0, 18.0, 11.5, 0.25, 16.0, 12.0, 2.0, 12.0, 100.0),
}
