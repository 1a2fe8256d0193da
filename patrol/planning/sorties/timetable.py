"""Who flies which sortie when."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from patrol.plan import Flight, Sortie
from patrol.planning.settings import PlanSettings

__all__ = ["last_landing_s", "timetable"]

FloatArray = NDArray[np.float64]


def timetable(
    sorties: Sequence[Sortie],
    sites: Sequence[str],
    move_s: FloatArray,
    settings: PlanSettings,
    crews: Sequence[int] | None = None,
) -> tuple[Flight, ...]:
    """The flights of all crews, as early as drones, crews and cars allow.

    `sorties` stand in flying order for one crew; more crews take sites (where crews may not move)
    or sorties as they come free, or those that `crews` gives them (from 1, one for each sortie).
    `move_s` (S, S) is what a move takes.
    """
    order = {code: i for i, code in enumerate(sites)}

    def flown(queues: Sequence[Sequence[Sortie]]) -> tuple[Flight, ...]:
        flights = [
            flight
            for number, queue in enumerate(queues, 1)
            for flight in _flown(queue, number, order, move_s, settings)
        ]
        return tuple(sorted(flights, key=lambda f: (f.start_s, f.crew)))

    if settings.docks:
        return flown([[s for s in sorties if s.launch_site == code] for code in sites])
    if settings.crews == 1:
        return flown([sorties])
    if crews is not None:
        numbers = range(1, settings.crews + 1)
        return flown([[s for s, n in zip(sorties, crews, strict=True) if n == k] for k in numbers])
    # Far apart, sites may take longer to reach than one crew takes for all.
    return min(flown(_shared(sorties, settings)), flown([sorties]), key=last_landing_s)


def last_landing_s(flights: Sequence[Flight]) -> float:
    """When the last has landed."""
    return max((flight.end_s for flight in flights), default=0.0)


def _flown(
    queue: Sequence[Sortie],
    crew: int,
    order: dict[str, int],
    move_s: FloatArray,
    settings: PlanSettings,
) -> list[Flight]:
    """One crew's flights one after another, its drones in turn."""
    flights: list[Flight] = []
    ready = [0.0] * settings.drones  # when each drone has a fresh battery
    here, free = None, 0.0
    for number, sortie in enumerate(queue):
        drone = number % settings.drones
        there = order[sortie.launch_site]
        if here is not None and here != there:
            # Batteries are swapped on the ground, not in the car.
            free = max(free, min(ready)) + float(move_s[here, there])
        start = max(free, ready[drone])
        end = start + sortie.duration_s
        flights.append(Flight(crew, drone + 1, sortie.id, sortie.launch_site, start, end))
        ready[drone] = end + settings.swap_s
        here, free = there, end
    return flights


def _shared(sorties: Sequence[Sortie], settings: PlanSettings) -> list[list[Sortie]]:
    """Sorties for each crew: those of one site stay together where crews are fewer than sites;
    longest first to the crew with the least work (R. Graham, 1969)."""
    bundles: list[list[Sortie]] = []
    for sortie in sorties:
        if bundles and bundles[-1][0].launch_site == sortie.launch_site:
            bundles[-1].append(sortie)
        else:
            bundles.append([sortie])
    if settings.car_m_s is None:  # a crew that stays flies what starts where it is
        sites = dict.fromkeys(s.launch_site for s in sorties)
        bundles = [[s for s in sorties if s.launch_site == site] for site in sites]
    while len(bundles) < settings.crews and any(len(b) > 1 for b in bundles):
        longest = max(bundles, key=_work_s)
        if len(longest) == 1:
            longest = max((b for b in bundles if len(b) > 1), key=_work_s)
        bundles.remove(longest)
        half = len(longest) // 2
        bundles += [longest[:half], longest[half:]]
    crews = settings.crews if settings.car_m_s is not None else max(settings.crews, len(bundles))
    heap = [(0.0, number) for number in range(crews)]
    queues: list[list[Sortie]] = [[] for _ in range(crews)]
    for bundle in sorted(bundles, key=_work_s, reverse=True):
        work, number = heapq.heappop(heap)
        queues[number] += bundle
        heapq.heappush(heap, (work + _work_s(bundle), number))
    place = {sortie.id: i for i, sortie in enumerate(sorties)}
    return [sorted(queue, key=lambda sortie: place[sortie.id]) for queue in queues]


def _work_s(bundle: Sequence[Sortie]) -> float:
    return sum(s.duration_s for s in bundle)
