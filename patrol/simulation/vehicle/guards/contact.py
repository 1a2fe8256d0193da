"""Whether the ground station is still there, and whether the vehicle's clock may run on."""

from __future__ import annotations

__all__ = ["Contact"]

_LEAD_PINGS = 2  # how many pings, one a second of the vehicle's, may be unanswered


class Contact:
    """What was heard of one ground station.

    One that answers pings lives by the vehicle's clock: its silence is counted in vehicle seconds,
    and the clock waits for it. One that only sends heartbeats lives by its own, so its silence is
    counted in wall seconds: one heartbeat a second is enough however fast the simulation runs.
    """

    def __init__(self) -> None:
        self._pings = 0
        self._answered = -1
        self._paces = False  # it answers pings
        self._heard_vehicle_s: float | None = None
        self._heard_wall_s: float | None = None

    def renew(self) -> None:
        """Another connection: nothing is known of who is there, but the old silence goes on."""
        self._answered = -1
        self._paces = False

    def ping(self) -> int:
        """The number of the ping that is sent now."""
        self._pings += 1
        return self._pings - 1

    def answered(self, number: int, vehicle_s: float) -> None:
        if 0 <= number < self._pings and number > self._answered:
            self._answered = number
            self._paces = True
            self._heard_vehicle_s = vehicle_s

    def heartbeat(self, vehicle_s: float, wall_s: float) -> None:
        self._heard_vehicle_s, self._heard_wall_s = vehicle_s, wall_s

    def pardon(self) -> None:
        """Answers were lost on the way: do not wait for them."""
        self._answered = max(self._answered, self._pings - 1) if self._paces else self._answered

    @property
    def keeps_up(self) -> bool:
        """The newest pings but two are answered, or it knows no pings."""
        return not self._paces or self._pings - 1 - self._answered <= _LEAD_PINGS

    def is_lost(self, vehicle_s: float, wall_s: float, limit_s: float) -> bool:
        """Silent for longer than `limit_s`; never where nobody was ever heard."""
        if self._paces or self._heard_wall_s is None:
            heard, now = self._heard_vehicle_s, vehicle_s
        else:
            heard, now = self._heard_wall_s, wall_s
        return heard is not None and now - heard > limit_s
