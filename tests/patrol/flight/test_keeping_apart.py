"""Which sorties may be in the air together, and who flies what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from short_patrol import LANES, SECOND_LANE, SECOND_LAUNCH, sortie

from patrol.flight.airspace import (
    Airspace,
    Meetings,
    assign,
    least_apart_m,
    meetings,
    return_heights_m,
)
from patrol.plan import Plan

AWAY = (2000.0, 2000.0)
FAR_LANE = {"R2-centre-1": [(2030.0, 2050.0), (2030.0, 2220.0)]}


def test_sorties_far_apart_never_meet(plan: Plan) -> None:
    far = (sortie(1, (0.0, 0.0), LANES), sortie(2, AWAY, FAR_LANE))
    assert meetings(plan, far).windows == {}


def test_the_same_way_meets_at_the_same_time_and_not_much_later(plan: Plan) -> None:
    twins = (sortie(1, (0.0, 0.0), LANES), sortie(2, (0.0, 0.0), LANES))
    windows = meetings(plan, twins).forbidden(1, 2)
    assert any(low < 0.0 < high for low, high in windows)
    longest = twins[0].duration_s * 2
    assert not any(low < longest < high for low, high in windows)
    turned = meetings(plan, twins).forbidden(2, 1)
    assert turned == sorted((-high, -low) for low, high in windows)


@given(st.lists(st.tuples(st.floats(-500, 500), st.floats(1, 200)), max_size=6))
def test_a_start_is_found_outside_all_windows(spans: list[tuple[float, float]]) -> None:
    windows = sorted((low, low + wide) for low, wide in spans)
    a, b = sortie(1, (0.0, 0.0), LANES), sortie(2, SECOND_LAUNCH, SECOND_LANE)
    airspace = Airspace([[a], [b]], Meetings({(1, 2): windows}), 1000.0)
    assert airspace.take(0) == (a, 1000.0)
    taken = airspace.take(1)
    assert taken is not None
    difference = taken[1] - 1000.0
    assert difference >= 0
    assert not any(low < difference < high for low, high in windows)


def test_with_a_real_clock_it_waits(plan: Plan) -> None:
    now = [100.0]
    a, b = sortie(1, (0.0, 0.0), LANES), sortie(2, SECOND_LAUNCH, SECOND_LANE)

    def clock() -> float:
        now[0] += 5.0
        return now[0]

    airspace = Airspace([[a], [b]], Meetings({(1, 2): [(-60.0, 60.0)]}), 100.0, clock)
    first, second = airspace.take(0), airspace.take(1)
    assert first is not None
    assert second is not None
    assert second[1] - first[1] >= 60.0


def test_the_sorties_of_a_failed_vehicle_fall_to_another() -> None:
    a, b = sortie(1, (0.0, 0.0), LANES), sortie(2, SECOND_LAUNCH, SECOND_LANE)
    c = replace(b, id=3)
    airspace = Airspace([[a, c], [b]], Meetings({}), 0.0)
    assert airspace.take(0) == (a, 0.0)
    assert airspace.take(1) == (b, 0.0)
    airspace.landed(0, 1, 50.0, 400.0, out=True)
    assert airspace.take(0) is None
    airspace.landed(1, 2, 100.0, 400.0, out=False)
    assert airspace.take(1) == (c, 400.0)
    airspace.landed(1, 3, 500.0, 800.0, out=False)
    assert airspace.take(1) is None
    assert airspace.left == []


def test_closed_air_starts_nothing() -> None:
    airspace = Airspace([[sortie(1, (0.0, 0.0), LANES)]], Meetings({}), 0.0)
    airspace.close()
    assert airspace.take(0) is None
    assert [s.id for s in airspace.left] == [1]


@pytest.mark.parametrize("vehicles", [1, 2, 3])
def test_every_sortie_is_assigned_once(plan: Plan, vehicles: int) -> None:
    many = [replace(plan.sorties[i % 2], id=i + 1) for i in range(7)]
    queues = assign(plan, many, vehicles)
    assert len(queues) == vehicles
    assert sorted(s.id for q in queues for s in q) == list(range(1, 8))


def test_each_vehicle_comes_home_on_a_storey_of_its_own(plan: Plan) -> None:
    assert return_heights_m(plan.sorties, 1, 120.0) == [30.0]
    assert return_heights_m(plan.sorties, 3, 120.0) == [40.0, 50.0, 60.0]


def test_how_near_two_flights_came() -> None:
    times = np.arange(0.0, 100.0)
    a = np.column_stack([times * 8, 0 * times, 0 * times + 30, times])
    b = np.column_stack([400 - times * 8, 0 * times + 12, 0 * times + 30, times])
    assert least_apart_m(a, b) == pytest.approx(12.0, abs=0.1)
    assert least_apart_m(a, b + np.array([0, 0, 15, 0])) == float("inf")
    assert least_apart_m(a, b + np.array([0, 0, 0, 500])) == float("inf")
