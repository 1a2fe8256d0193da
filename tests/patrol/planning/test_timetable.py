"""Who flies what when: nobody in two places at once, batteries swapped, crews moved."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo.coordinates import LonLat
from patrol.plan import Flight, Sortie, Waypoint
from patrol.planning.settings import PlanSettings
from patrol.planning.sorties.timetable import timetable

CODES = ["L1", "L2", "L3"]
MOVE_S = np.array([[0.0, 400.0, 900.0], [400.0, 0.0, 600.0], [900.0, 600.0, 0.0]])


def sortie(number: int, site: str, duration_s: float) -> Sortie:
    place = LonLat(113.4, 23.1)
    waypoint = Waypoint(place, 50.0, "transit")
    return Sortie(number, site, place, 1000.0, duration_s, 20.0, (waypoint,))


def flown(
    rows: list[tuple[str, float]], move_s: NDArray[np.float64] = MOVE_S, **chosen: object
) -> tuple[Flight, ...]:
    sorties = [sortie(n, site, seconds) for n, (site, seconds) in enumerate(rows, 1)]
    return timetable(sorties, CODES, move_s, PlanSettings(**chosen))  # type: ignore[arg-type]


def operating_s(flights: tuple[Flight, ...]) -> float:
    return max(f.end_s for f in flights)


def test_one_crew_with_one_drone_swaps_between_sorties() -> None:
    flights = flown([("L1", 600), ("L1", 500), ("L1", 400)], swap_s=300)
    assert [(f.start_s, f.end_s) for f in flights] == [(0, 600), (900, 1400), (1700, 2100)]
    assert {(f.crew, f.drone) for f in flights} == {(1, 1)}


def test_a_second_drone_flies_while_the_first_is_on_the_ground() -> None:
    flights = flown([("L1", 600), ("L1", 500), ("L1", 400)], swap_s=300, drones=2)
    assert [(f.drone, f.start_s) for f in flights] == [(1, 0), (2, 600), (1, 1100)]
    short = flown([("L1", 100)] * 3, swap_s=300, drones=2)
    assert [f.start_s for f in short] == [0, 100, 400]  # the first drone's battery is ready then


def test_a_crew_packs_and_moves_after_the_swap() -> None:
    flights = flown([("L1", 600), ("L2", 500), ("L1", 100)], swap_s=300)
    assert [f.start_s for f in flights] == [0, 600 + 300 + 400, 1800 + 300 + 400]


def test_docks_fly_at_the_same_time() -> None:
    flights = flown([("L1", 600), ("L2", 500), ("L1", 100), ("L3", 50)], docks=True, swap_s=300)
    starts = {f.sortie: f.start_s for f in flights}
    assert starts == {1: 0, 2: 0, 3: 900, 4: 0}
    assert len({(f.crew, f.site) for f in flights}) == 3


def test_two_crews_share_sites_and_sorties() -> None:
    apart = flown([("L1", 600), ("L2", 500)], crews=2)
    assert operating_s(apart) == 600
    together = flown([("L1", 600), ("L1", 500), ("L1", 400), ("L1", 500)], crews=2, swap_s=300)
    assert operating_s(together) == 1400
    assert len(flown([("L1", 600)], crews=5)) == 1


def test_nothing_to_fly() -> None:
    assert flown([]) == ()


_ROWS = st.lists(st.tuples(st.sampled_from(CODES), st.floats(60, 1500)), min_size=1, max_size=9)


@settings(max_examples=150)
@given(_ROWS, st.integers(1, 4), st.integers(1, 3), st.booleans(), st.sampled_from([0.0, 300.0]))
def test_crews_and_drones_do_one_thing_at_a_time(
    rows: list[tuple[str, float]], crews: int, drones: int, docks: bool, swap_s: float
) -> None:
    flights = flown(rows, crews=crews, drones=drones, docks=docks, swap_s=swap_s)
    assert sorted(f.sortie for f in flights) == list(range(1, len(rows) + 1))
    assert [f.start_s for f in flights] == sorted(f.start_s for f in flights)
    for flight in flights:
        site, seconds = rows[flight.sortie - 1]
        assert flight.site == site
        assert flight.end_s - flight.start_s == pytest.approx(seconds)
        assert 1 <= flight.drone <= drones
    if not docks:
        assert len({f.crew for f in flights}) <= crews
    for crew in {f.crew for f in flights}:
        own = [f for f in flights if f.crew == crew]
        if docks:
            assert len({f.site for f in own}) == 1
        for before, after in pairwise(own):
            assert after.start_s >= before.end_s - 1e-9  # one of a crew's drones is in the air
            move = 0.0 if docks else MOVE_S[CODES.index(before.site), CODES.index(after.site)]
            assert after.start_s >= before.end_s + move - 1e-9
        for drone in {f.drone for f in own}:
            for before, after in pairwise([f for f in own if f.drone == drone]):
                assert after.start_s >= before.end_s + swap_s - 1e-9
    least = sum(seconds for _, seconds in rows) / len({f.crew for f in flights})
    assert operating_s(flights) >= least - 1e-6


@given(_ROWS, st.integers(2, 3))
def test_crews_that_cannot_move_stay(rows: list[tuple[str, float]], crews: int) -> None:
    stay = np.where(np.eye(3) > 0, 0.0, np.inf)
    sites = {site for site, _ in rows}
    if len(sites) > crews:
        return
    flights = flown(rows, stay, crews=crews, car_m_s=None)
    assert np.isfinite(operating_s(flights))
    for crew in {f.crew for f in flights}:
        assert len({f.site for f in flights if f.crew == crew}) == 1
