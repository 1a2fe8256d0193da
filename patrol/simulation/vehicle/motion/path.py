"""A flyable path through waypoints: straight legs, rounded corners, and a speed at every point."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

__all__ = ["FlightPath", "Setpoint", "Stop", "leg_speed_m_s"]

_BRAKE_JERK_M_S3 = 8.0
_SNAP_S = 0.3


@dataclass(slots=True)
class Setpoint:
    """Where the vehicle should be now and how it should move: metres, m/s, m/s^2; up from home."""

    east: float
    north: float
    up: float
    v_east: float = 0.0
    v_north: float = 0.0
    v_up: float = 0.0
    a_east: float = 0.0
    a_north: float = 0.0


@dataclass(frozen=True, slots=True)
class Stop:
    """A point to pass, and the speed at which to fly towards it."""

    east: float
    north: float
    up: float
    speed_m_s: float


@dataclass(slots=True)
class _Piece:
    """A straight piece (curvature 0) or a piece of a circle, from arc length `start`."""

    start: float
    length: float
    east: float
    north: float
    heading: float  # radians clockwise from north, at its start
    curvature: float  # 1/m, positive to the right
    limit_m_s: float
    exit_m_s: float = 0.0


class FlightPath:
    """A target that runs along waypoints, braking for corners as ArduCopter's does.

    Each corner is rounded by an arc that passes within `corner_m` of the waypoint, no wider than
    the cruise speed needs; the speed on it keeps the sideways acceleration at `accel_m_s2`. No leg
    is flown faster than from rest to rest (`leg_speed_m_s`), which is how ArduCopter plans each.
    Speed follows the lower envelope of all limits ahead at a little less than `accel_m_s2`, and
    the target's own acceleration is limited in jerk. `passed` counts the points already passed.
    """

    CREEP_M_S = 0.3
    LAG_S = 0.25

    def __init__(
        self,
        start: tuple[float, float, float],
        stops: list[Stop],
        *,
        corner_m: float,
        climb_m_s: float,
        descent_m_s: float,
        accel_m_s2: float,
        jerk_m_s3: float,
        speed_m_s: float = 0.0,
    ) -> None:
        """`speed_m_s` is the speed along the first leg with which the target sets out."""
        self.accel_m_s2, self.jerk_m_s3 = accel_m_s2, jerk_m_s3
        self._brake_m_s2 = 0.8 * accel_m_s2
        self._marks: list[tuple[float, float]] = []  # (arc length, height) of start and stops
        self._pieces: list[_Piece] = []
        self._build(start, stops, corner_m)
        self._limit_climb(climb_m_s, descent_m_s)
        self._plan_speeds()
        self.length = self._pieces[-1].start + self._pieces[-1].length if self._pieces else 0.0
        self.s = 0.0
        self.speed = min(max(speed_m_s, 0.0), self._pieces[0].limit_m_s) if self._pieces else 0.0
        self._accel = 0.0
        self._piece = 0
        self._mark = 0
        self.passed = 0
        self._count_passed()

    # -- building ------------------------------------------------------------------------------

    def _build(
        self,
        start: tuple[float, float, float],
        stops: list[Stop],
        corner_m: float,
    ) -> None:
        points = [(start[0], start[1])] + [(stop.east, stop.north) for stop in stops]
        heights = [start[2]] + [stop.up for stop in stops]
        legs = [
            (math.hypot(b[0] - a[0], b[1] - a[1]), math.atan2(b[0] - a[0], b[1] - a[1]))
            for a, b in itertools.pairwise(points)
        ]
        limits = [stop.speed_m_s for stop in stops]
        s = 0.0
        trimmed = 0.0  # taken off the start of the next leg by the corner before it
        self._marks.append((0.0, heights[0]))
        for i, (length, heading) in enumerate(legs):
            limit = limits[i] = min(
                limits[i], leg_speed_m_s(length, self.accel_m_s2, self.jerk_m_s3)
            )
            following = legs[i + 1] if i + 1 < len(legs) else None
            turn = _turn(heading, following[1]) if following and length and following[0] else 0.0
            radius = cut = 0.0
            if following and abs(turn) > 1e-4:
                radius, cut = self._corner(
                    turn, limit, corner_m, length - trimmed, following[0] / 2
                )
            straight = max(length - trimmed - cut, 0.0)
            if straight > 0:
                sin, cos = math.sin(heading), math.cos(heading)
                east = points[i][0] + sin * trimmed
                north = points[i][1] + cos * trimmed
                self._pieces.append(_Piece(s, straight, east, north, heading, 0.0, limit))
                s += straight
            trimmed = cut
            if cut > 0:
                arc = radius * abs(turn)
                sin, cos = math.sin(heading), math.cos(heading)
                east = points[i + 1][0] - sin * cut
                north = points[i + 1][1] - cos * cut
                corner_limit = min(limit, limits[i + 1], math.sqrt(self.accel_m_s2 * radius))
                self._pieces.append(
                    _Piece(s, arc, east, north, heading, math.copysign(1 / radius, turn),
                           corner_limit)
                )  # fmt: skip
                self._marks.append((s + arc / 2, heights[i + 1]))
                s += arc
            else:
                if following and abs(turn) > 1e-4 and self._pieces:
                    self._pieces[-1].exit_m_s = -1.0  # a corner that cannot be rounded: stop
                self._marks.append((s, heights[i + 1]))

    def _corner(
        self, turn: float, speed: float, corner_m: float, before: float, after: float
    ) -> tuple[float, float]:  # fmt: skip
        """Radius of the rounding arc and how much it cuts off either leg; 0, 0 for none."""
        half = abs(turn) / 2
        if half > math.radians(88):
            return 0.0, 0.0
        tangent = math.tan(half)
        wide = corner_m / (1 / math.cos(half) - 1)
        room = min(before, after)
        radius = min(speed * speed / self.accel_m_s2, wide, room / tangent)
        return (radius, radius * tangent) if radius > 0.02 else (0.0, 0.0)

    def _limit_climb(self, climb_m_s: float, descent_m_s: float) -> None:
        """Slow down where the path is steeper than the vehicle climbs or sinks at full speed."""
        first = 0
        for (s0, h0), (s1, h1) in itertools.pairwise(self._marks):
            rate = climb_m_s if h1 > h0 else descent_m_s
            limit = max(rate * (s1 - s0) / abs(h1 - h0), 0.01) if h1 != h0 else math.inf
            while first < len(self._pieces) - 1 and self._pieces[first + 1].start <= s0:
                first += 1
            for piece in self._pieces[first:]:
                if piece.start >= s1:
                    break
                piece.limit_m_s = min(piece.limit_m_s, limit)

    def _plan_speeds(self) -> None:
        """The speed at the end of each piece from which all that follows can still be braked."""
        allowed = 0.0
        for piece in reversed(self._pieces):
            stops_here = piece.exit_m_s < 0
            piece.exit_m_s = 0.0 if stops_here else min(allowed, piece.limit_m_s)
            reach = math.sqrt(piece.exit_m_s**2 + 2 * self._brake_m_s2 * piece.length)
            allowed = min(piece.limit_m_s, reach)

    # -- flying --------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        return self.s >= self.length

    def advance(self, dt_s: float) -> Setpoint:
        """Let the target run on for `dt_s` and return it."""
        if self._pieces and not self.finished:
            piece = self._pieces[self._piece]
            # The speed follows what is wanted with a lag of about LAG_S: look so far ahead.
            left = piece.start + piece.length - self.s - self.LAG_S * self.speed
            reach = math.sqrt(piece.exit_m_s**2 + 2 * self._brake_m_s2 * max(left, 0.0))
            creep = min(self.CREEP_M_S, piece.limit_m_s)
            wanted = min(piece.limit_m_s, max(reach, creep))
            most = self.accel_m_s2
            accel = max(-most, min(most, (wanted - self.speed) / self.LAG_S))
            less, more = _BRAKE_JERK_M_S3 * dt_s, min(self.jerk_m_s3, _BRAKE_JERK_M_S3) * dt_s
            # From braking to coasting is no setting out.
            more = less if self._accel < 0 else more
            self._accel += max(-less, min(more, accel - self._accel))
            self.speed = max(self.speed + self._accel * dt_s, creep)
            self.s = min(self.s + self.speed * dt_s, self.length)
            last = len(self._pieces) - 1
            while self._piece < last and self.s >= self._pieces[self._piece + 1].start:
                self._piece += 1
            if self.s >= self.length:
                self.speed = self._accel = 0.0
        self._count_passed()
        return self.at_target()

    def _count_passed(self) -> None:
        while self.passed < len(self._marks) - 1 and self.s >= self._marks[self.passed + 1][0]:
            self.passed += 1

    def at_target(self) -> Setpoint:
        """The target as it is now."""
        up, slope = self._height()
        if not self._pieces:
            raise ValueError("a flight path needs at least one point away from its start")
        piece = self._pieces[self._piece]
        along = self.s - piece.start
        v = self.speed
        if piece.curvature == 0.0:
            sin, cos = math.sin(piece.heading), math.cos(piece.heading)
            east, north = piece.east + sin * along, piece.north + cos * along
            sideways = 0.0
        else:
            k = piece.curvature
            heading = piece.heading + k * along
            sin, cos = math.sin(heading), math.cos(heading)
            east = piece.east + (math.cos(piece.heading) - cos) / k
            north = piece.north + (sin - math.sin(piece.heading)) / k
            sideways = v * v * k
        return Setpoint(
            east, north, up, v * sin, v * cos, v * slope,
            self._accel * sin + sideways * cos, self._accel * cos - sideways * sin,
        )  # fmt: skip

    def _height(self) -> tuple[float, float]:
        """Height of the target and its slope, straight between waypoints."""
        marks = self._marks
        while self._mark < len(marks) - 2 and self.s >= marks[self._mark + 1][0]:
            self._mark += 1
        if len(marks) < 2:
            return marks[-1][1], 0.0
        (s0, h0), (s1, h1) = marks[self._mark], marks[self._mark + 1]
        if s1 <= s0 or self.s >= s1:
            return h1, 0.0
        return h0 + (h1 - h0) * (self.s - s0) / (s1 - s0), (h1 - h0) / (s1 - s0)


def leg_speed_m_s(length_m: float, accel_m_s2: float, jerk_m_s3: float) -> float:
    """The greatest speed on a leg that is flown from rest to rest with these limits.

    The S-curve of ArduPilot's SCurve library: where the acceleration limit is reached, speeding up
    to v takes v^2 / 2a + v a / 2j; where it is not, v sqrt(v / j); its limit on snap costs another
    v T / 2, with T measured on Copter 4.6.
    """
    a, j = accel_m_s2, jerk_m_s3
    b = a * (a / j + _SNAP_S) / 2.0
    fast = -b + math.sqrt(b * b + a * length_m)
    if fast >= a * a / j:
        return fast
    v = float((length_m / 2.0) ** (2.0 / 3.0) * j ** (1.0 / 3.0))
    for _ in range(4):  # Newton on 2 v^1.5 / sqrt(j) + T v = length
        root = math.sqrt(v / j)
        v -= (2.0 * v * root + _SNAP_S * v - length_m) / (3.0 * root + _SNAP_S)
    return v


def _turn(before: float, after: float) -> float:
    """Change of heading in radians, -pi..pi, positive to the right."""
    return math.remainder(after - before, math.tau)
