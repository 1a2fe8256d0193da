"""The camera and its gimbal: film, photos by distance, and the room on the card."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Camera"]

_PHOTO_MB = 8.0
_FILM_MB_S = 16.0
_PITCH_DEG = (-90.0, 30.0)


@dataclass(slots=True)
class Camera:
    """What it is doing. `shot` is called for each photo taken; `changed` is set where something
    happened that a pose must be told for at once. Lengths are metres, times the vehicle's."""

    card_mb: float
    shot: Callable[[], None]
    recording: bool = False
    recording_since_s: float = 0.0
    photos: int = 0
    trigger_m: float = 0.0  # from photo to photo; 0: none
    pitch_deg: float = 0.0  # what the gimbal was told
    changed: bool = False
    _used_mb: float = 0.0
    _photo_at: tuple[float, float] = (0.0, 0.0)

    def record(self, on: bool, time_s: float) -> bool:
        """Begin or end filming; False where the card is full."""
        if on == self.recording:
            return True
        if on and self.free_mb(time_s) <= 0.0:
            return False
        if not on:
            self._used_mb += _FILM_MB_S * (time_s - self.recording_since_s)
        self.recording = on
        self.recording_since_s = time_s
        self.changed = True
        return True

    def filmed_s(self, time_s: float) -> float:
        """How long the film under way is."""
        return time_s - self.recording_since_s if self.recording else 0.0

    def free_mb(self, time_s: float) -> float:
        return max(self.card_mb - self._used_mb - _FILM_MB_S * self.filmed_s(time_s), 0.0)

    def point(self, pitch_deg: float) -> bool:
        low, high = _PITCH_DEG
        if not low <= pitch_deg <= high:
            return False
        self.pitch_deg = pitch_deg
        return True

    def trigger(self, distance_m: float, time_s: float, at: tuple[float, float]) -> bool:
        """A photo here and each so many metres, 0 for none."""
        if not math.isfinite(distance_m):
            return False
        self.trigger_m = max(0.0, distance_m)
        self.changed = True
        if self.trigger_m > 0:
            self.shoot(time_s, at)
        return True

    def shoot(self, time_s: float, at: tuple[float, float]) -> bool:
        """One photo; False where the card is full."""
        self._photo_at = at
        if self.free_mb(time_s) < _PHOTO_MB:
            return False
        self.photos += 1
        self._used_mb += _PHOTO_MB
        self.shot()
        return True

    def moved(self, time_s: float, at: tuple[float, float]) -> None:
        """Once a step in the air: a photo where it is due, an end of filming where the card is
        full."""
        if self.trigger_m > 0:
            east, north = self._photo_at
            if math.hypot(at[0] - east, at[1] - north) >= self.trigger_m:
                self.shoot(time_s, at)
        if self.recording and self.free_mb(time_s) <= 0.0:
            self.record(False, time_s)
