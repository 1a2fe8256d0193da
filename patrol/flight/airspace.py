"""Keeping several vehicles apart: which sorties may be in the air at one time.

Two sorties share airspace where their ways, launch columns included, come nearer than `APART_M`
on the map and `APART_UP_M` in height. Such sorties wait for one another. Ways home after a failure
are not planned, so each vehicle returns at a height of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from patrol.plan import Plan, Sortie
from patrol.planning.check import track_of

__all__ = ["APART_M", "APART_UP_M", "Airspace", "assign", "conflicts", "return_heights_m"]

FloatArray = NDArray[np.float64]

APART_M = 30.0
APART_UP_M = 10.0
_STEP_M = 5.0
_ROOM_S = 15.0  # between the landing of one and the take-off of another through the same air


def conflicts(plan: Plan, sorties: Sequence[Sortie]) -> frozenset[frozenset[int]]:
    """The pairs of sorties, by number, that share airspace."""
    ways = {s.id: _way(plan, s) for s in sorties}
    found = set()
    for i, a in enumerate(sorties):
        for b in sorties[i + 1 :]:
            if _meet(ways[a.id], ways[b.id]):
                found.add(frozenset((a.id, b.id)))
    return frozenset(found)


def _way(plan: Plan, sortie: Sortie) -> FloatArray:
    """(N, 3) points of a sortie's way in metres, heights above sea level or one datum for all."""
    points, heights, _ = track_of(plan, sortie)
    knots = np.column_stack([points, heights])
    columns = [[*points[0], 0.0], *knots, [*points[-1], 0.0]]
    dense = []
    for a, b in zip(np.array(columns), np.array(columns)[1:], strict=False):
        steps = max(int(np.ceil(np.linalg.norm(b - a) / _STEP_M)), 1)
        dense.append(a + (b - a) * np.linspace(0.0, 1.0, steps, endpoint=False)[:, None])
    way: FloatArray = np.vstack([*dense, np.array(columns)[-1:]])
    way[:, 2] += sortie.ground_msl_m
    return way


def _meet(a: FloatArray, b: FloatArray) -> bool:
    # Half a step either way is what the points may miss.
    reach_m, reach_up_m = APART_M + _STEP_M, APART_UP_M
    scale = np.array([1.0, 1.0, reach_m / reach_up_m])
    nearest, _ = cKDTree(a * scale).query(b * scale, distance_upper_bound=reach_m * np.sqrt(2.0))
    close = np.flatnonzero(np.isfinite(nearest))
    if not len(close):
        return False
    # A cylinder, not a ball: look again at the few that are left.
    tree = cKDTree(a[:, :2])
    for point in b[close]:
        rows = tree.query_ball_point(point[:2], reach_m)
        if len(rows) and float(np.min(np.abs(a[rows, 2] - point[2]))) < reach_up_m:
            return True
    return False


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


@dataclass(slots=True)
class _Flying:
    vehicle: int
    sortie: int


class Airspace:
    """Lets vehicles take their sorties so that those in the air at one time share no airspace.

    Times are on the vehicles' clocks, which for simulated vehicles run at different paces: a
    sortie starts when its vehicle is free and every sortie that it conflicts with has landed.
    """

    def __init__(
        self,
        queues: Sequence[Sequence[Sortie]],
        shared: frozenset[frozenset[int]],
        start_s: float,
    ) -> None:
        self._queues = [list(queue) for queue in queues]
        self._shared = shared
        self._changed = threading.Condition()
        self._flying: list[_Flying] = []
        self._ended_s: dict[int, float] = {}
        self._free_s = [start_s] * len(queues)
        self._out: set[int] = set()
        self.closed = False  # no further sortie starts

    def take(self, vehicle: int) -> tuple[Sortie, float] | None:
        """The vehicle's next sortie, as soon as the air is free, and the time at which it may
        start; None where there is none left. Blocks meanwhile."""
        with self._changed:
            while True:
                if self.closed or vehicle in self._out:
                    return None
                queue = self._queues[vehicle] or self._orphans()
                for sortie in queue:
                    if not any(self._share(sortie.id, f.sortie) for f in self._flying):
                        queue.remove(sortie)
                        self._flying.append(_Flying(vehicle, sortie.id))
                        return sortie, self._earliest_s(vehicle, sortie.id)
                if not queue and not self._may_orphan(vehicle):
                    return None
                self._changed.wait(0.2)

    def landed(self, vehicle: int, sortie: int, end_s: float, free_s: float, *, out: bool) -> None:
        """A sortie is over at `end_s` and its vehicle ready again at `free_s`; `out`: it flies no
        more, and its other sorties fall to the others."""
        with self._changed:
            self._flying = [f for f in self._flying if f.sortie != sortie]
            self._ended_s[sortie] = end_s
            self._free_s[vehicle] = free_s
            if out:
                self._out.add(vehicle)
            self._changed.notify_all()

    def give_back(self, vehicle: int, sortie: Sortie) -> None:
        """A sortie was taken but not begun."""
        with self._changed:
            self._queues[vehicle].insert(0, sortie)

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
        return any(self._queues[f.vehicle] for f in self._flying if f.vehicle != vehicle)

    def _earliest_s(self, vehicle: int, sortie: int) -> float:
        ends = [
            end_s + _ROOM_S for other, end_s in self._ended_s.items() if self._share(sortie, other)
        ]
        return max([self._free_s[vehicle], *ends])

    def _share(self, a: int, b: int) -> bool:
        return frozenset((a, b)) in self._shared
