"""Keeping several vehicles apart: when which sorties may be in the air together.

Two sorties meet where their ways, launch columns included, come nearer than `APART_M` on the map
and `APART_UP_M` in height. The second to start waits until, by the times at which either is
expected there, no such place is flown through by both within a margin (strategic deconfliction
by time windows, as in ASTM F3548's operational intents). Ways home after a failure are not
planned, so each vehicle returns at a height of its own.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patrol.plan import Plan, Sortie
from patrol.planning.check import track_of
from patrol.planning.sorties.apart import APART_M, APART_UP_M, STEP_M, Windows
from patrol.planning.sorties.apart import windows as windows_of
from patrol.simulation.vehicle.motion.path import leg_speed_m_s

__all__ = [
    "APART_M",
    "APART_UP_M",
    "Airspace",
    "Meetings",
    "assign",
    "least_apart_m",
    "meetings",
    "return_heights_m",
]

FloatArray = NDArray[np.float64]

_CLIMB_M_S, _DESCENT_M_S = 2.5, 0.8
_ACCEL_M_S2, _JERK_M_S3 = 5.0, 20.0  # as vehicles are asked to fly
_ROOM_S = 15.0  # between the landing of one and the take-off of another through the same air


@dataclass(frozen=True, slots=True)
class Meetings:
    """For each pair of sorties (a, b) the differences of their starts, b's less a's, in seconds,
    at which they would meet: intervals in order."""

    windows: dict[tuple[int, int], Windows]

    def forbidden(self, first: int, second: int) -> Windows:
        """Differences, the start of `second` less that of `first`, that are not to be."""
        found = self.windows.get((first, second))
        if found is not None:
            return found
        return sorted((-end, -begin) for begin, end in self.windows.get((second, first), []))


def meetings(plan: Plan, sorties: Sequence[Sortie]) -> Meetings:
    """Where and when each two of these sorties would meet."""
    ways = {s.id: _way(plan, s) for s in sorties}
    windows = {}
    for i, a in enumerate(sorties):
        for b in sorties[i + 1 :]:
            found = windows_of(ways[a.id], ways[b.id])
            if found:
                windows[a.id, b.id] = found
    return Meetings(windows)


def _way(plan: Plan, sortie: Sortie) -> FloatArray:
    """(N, 4) points of a sortie's way: metres, height above sea level or one datum for all, and
    the seconds after its start at which it is expected there."""
    points, heights, speeds = track_of(plan, sortie)
    knots = np.column_stack([points, heights])
    columns = np.vstack([[*points[0], 0.0], knots, [*points[-1], 0.0]])
    rows: list[FloatArray] = []
    at_s = 0.0
    for number, (a, b) in enumerate(itertools.pairwise(columns)):
        length = float(np.linalg.norm(b - a))
        if number == 0:
            leg_s = length / _CLIMB_M_S
        elif number == len(columns) - 2:
            leg_s = length / _DESCENT_M_S
        else:
            speed = min(float(speeds[number - 1]), leg_speed_m_s(length, _ACCEL_M_S2, _JERK_M_S3))
            leg_s = length / max(speed, 0.5)
        steps = max(int(np.ceil(length / STEP_M)), 1)
        share = np.linspace(0.0, 1.0, steps, endpoint=False)[:, None]
        rows.append(np.hstack([a + (b - a) * share, at_s + leg_s * share]))
        at_s += leg_s
    way: FloatArray = np.vstack([*rows, [[*columns[-1], at_s]]])
    way[:, 2] += sortie.ground_msl_m
    return way


def least_apart_m(a: FloatArray, b: FloatArray, *, apart_up_m: float = APART_UP_M) -> float:
    """How near two recorded flights came on the map while less than `apart_up_m` apart in height:
    (N, 4) arrays of metres, height and time; infinite where they were never up together."""
    start, end = max(a[0, 3], b[0, 3]), min(a[-1, 3], b[-1, 3])
    if start >= end:
        return float("inf")
    times = np.arange(start, end, 0.5)
    place = [
        np.column_stack([np.interp(times, x[:, 3], x[:, i]) for i in range(3)]) for x in (a, b)
    ]
    level = np.abs(place[0][:, 2] - place[1][:, 2]) < apart_up_m
    apart = np.hypot(*(place[0][:, :2] - place[1][:, :2]).T)
    return float(apart[level].min()) if level.any() else float("inf")


def assign(plan: Plan, sorties: Sequence[Sortie], vehicles: int) -> list[list[Sortie]]:
    """Each vehicle's sorties in order: as the plan's crews have them where it has enough crews,
    else longest first to the vehicle with the least to do (R. Graham, 1969)."""
    crew_of = {flight.sortie: flight.crew for flight in plan.operation.flights}
    starts = {flight.sortie: flight.start_s for flight in plan.operation.flights}
    queues: list[list[Sortie]] = [[] for _ in range(vehicles)]
    crews = sorted({crew_of[s.id] for s in sorties if s.id in crew_of})
    if len(crews) >= vehicles and all(s.id in crew_of for s in sorties):
        for s in sorties:
            queues[crews.index(crew_of[s.id]) % vehicles].append(s)
    else:
        for s in sorted(sorties, key=lambda s: (-s.duration_s, s.id)):
            min(queues, key=lambda q: sum(x.duration_s for x in q)).append(s)
    order = {s.id: i for i, s in enumerate(sorties)}
    for queue in queues:
        queue.sort(key=lambda s: (starts.get(s.id, 0.0), order[s.id]))
    return queues


def return_heights_m(sorties: Sequence[Sortie], vehicles: int, ceiling_m: float) -> list[float]:
    """The height above launch at which each vehicle comes home when something is wrong: that of
    the highest waypoint, and with several vehicles one storey for each above all of them."""
    highest = max((w.above_launch_m for s in sorties for w in s.waypoints), default=15.0)
    base = max(highest, 15.0)
    if vehicles == 1:
        return [base]
    return [min(base + APART_UP_M * (k + 1), max(ceiling_m, base)) for k in range(vehicles)]


class Airspace:
    """Hands sorties to vehicles so that those in the air together do not meet.

    `queues` are each vehicle's sorties. Times are on the vehicles' clock, from `start_s` on. With
    `clock` None it is a simulated one: `take` returns at once, with the time at which the sortie
    is to begin. Otherwise `clock` tells the time, and `take` waits for it.
    """

    def __init__(
        self,
        queues: Sequence[Sequence[Sortie]],
        meet: Meetings,
        start_s: float,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._queues = [list(queue) for queue in queues]
        self._meet = meet
        self._clock = clock
        self._changed = threading.Condition()
        self._flying: dict[int, int] = {}  # sortie to vehicle
        self._began_s: dict[int, float] = {}
        self._ended_s: dict[int, float] = {}
        self._free_s = [start_s] * len(queues)
        self._out: set[int] = set()
        self.closed = False  # no further sortie starts

    def take(self, vehicle: int) -> tuple[Sortie, float] | None:
        """The vehicle's next sortie and the time at which it begins; None where none is left."""
        with self._changed:
            while True:
                if self.closed or vehicle in self._out:
                    return None
                queue = self._queues[vehicle] or self._orphans()
                if queue:
                    sortie = queue[0]
                    begin_s = self._earliest_s(vehicle, sortie.id)
                    if self._clock is None or self._clock() >= begin_s:
                        queue.remove(sortie)
                        self._flying[sortie.id] = vehicle
                        self._began_s[sortie.id] = begin_s
                        return sortie, begin_s
                elif not self._may_orphan(vehicle):
                    return None
                self._changed.wait(0.2)

    def landed(self, vehicle: int, sortie: int, end_s: float, free_s: float, *, out: bool) -> None:
        """A sortie is over at `end_s` and its vehicle ready again at `free_s`; `out`: it flies no
        more, and its other sorties fall to the others."""
        with self._changed:
            self._flying.pop(sortie, None)
            self._ended_s[sortie] = end_s
            self._free_s[vehicle] = free_s
            if out:
                self._out.add(vehicle)
            self._changed.notify_all()

    def give_back(self, vehicle: int, sortie: Sortie) -> None:
        """A sortie was taken but not begun."""
        with self._changed:
            self._queues[vehicle].insert(0, sortie)
            self._flying.pop(sortie.id, None)

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    @property
    def left(self) -> list[Sortie]:
        """The sorties that nobody has begun."""
        with self._changed:
            return [s for queue in self._queues for s in queue]

    def _orphans(self) -> list[Sortie]:
        """The queue of a vehicle that is out."""
        return next((self._queues[v] for v in sorted(self._out) if self._queues[v]), [])

    def _may_orphan(self, vehicle: int) -> bool:
        """Whether another vehicle's queue might yet fall to this one."""
        return any(self._queues[v] for v in self._flying.values() if v != vehicle)

    def _earliest_s(self, vehicle: int, sortie: int) -> float:
        """The first moment from which this sortie meets none of those that fly or have flown."""
        begin_s = self._free_s[vehicle]
        if self._clock is not None:
            begin_s = max(begin_s, self._clock())
        again = True
        while again:
            again = False
            for other, other_s in self._began_s.items():
                ended_s = self._ended_s.get(other)
                if ended_s is not None and begin_s >= ended_s + _ROOM_S:
                    continue
                for low, high in self._meet.forbidden(other, sortie):
                    if low < begin_s - other_s < high:
                        begin_s = other_s + high + 0.01  # past it for certain
                        again = True
        return begin_s
