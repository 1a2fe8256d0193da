"""Vehicles in the air that come too near to one another."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from short_patrol import HOME, LANES, PROJECTION, SECOND_LANE, SECOND_LAUNCH, START_S, sortie

from patrol.flight import fleet
from patrol.flight.airspace import Meetings
from patrol.flight.operation import Simulation, fly_patrol
from patrol.flight.proximity import Motion, ProximityWatch, closest_approach
from patrol.flight.sight import Ending, Limits
from patrol.plan import Plan
from patrol.simulation.vehicle import SimulatedVehicle, VehicleSettings

metres = st.floats(-500, 500)
speeds = st.floats(-20, 20)
motions = st.builds(Motion, st.tuples(metres, metres, metres), st.tuples(speeds, speeds, speeds))


@given(motions, motions)
def test_nothing_comes_nearer_than_the_closest_approach(a: Motion, b: Motion) -> None:
    at_s, apart, least_up = closest_approach(a, b, 6.0)
    assert 0.0 <= at_s <= 6.0
    for s in np.linspace(0.0, 6.0, 61):
        p = np.array(a.place_m) + s * np.array(a.velocity_m_s)
        q = np.array(b.place_m) + s * np.array(b.velocity_m_s)
        assert math.hypot(*(p - q)[:2]) >= apart - 1e-6
        if s <= at_s:
            assert abs((p - q)[2]) >= least_up - 1e-6


def report(
    watch: ProximityWatch, vehicle: int, s: float, east: float, north: float, up: float = 30.0
) -> list[int]:
    [[lon, lat]] = PROJECTION.inverse([(east, north)])
    found = watch.seen(vehicle, s, 1000.0 + s, float(lon), float(lat), up + 20.0, up)
    return [conflict.vehicle for conflict in found]


def test_the_later_of_two_that_meet_head_on_gives_way_once_and_in_time() -> None:
    watch, gave_way = ProximityWatch(HOME), []
    for step in range(60):
        s = 0.5 * step
        found = report(watch, 0, s, 8.0 * s, 0.0) + report(watch, 1, s, 300.0 - 8.0 * s, 5.0)
        gave_way += [(s, vehicle) for vehicle in found]
    [(at_s, vehicle)] = gave_way
    assert vehicle == 1
    assert 300.0 - 16.0 * at_s > 60.0, "there is room to stop"


@pytest.mark.parametrize(
    ("beside_m", "above_m"),
    [(35.0, 0.0), (0.0, 10.0)],
    ids=["on a lane beside", "a storey higher"],
)
def test_those_that_pass_as_planned_do_not(beside_m: float, above_m: float) -> None:
    watch = ProximityWatch(HOME)
    for step in range(60):
        s = 0.5 * step
        assert report(watch, 0, s, 8.0 * s, 0.0) == []
        assert report(watch, 1, s, 300.0 - 8.0 * s, beside_m, 30.0 + above_m) == []


def test_what_stands_on_the_ground_or_was_not_heard_of_lately_does_not_count() -> None:
    watch = ProximityWatch(HOME)
    assert report(watch, 0, 0.0, 0.0, 0.0) == []
    assert report(watch, 1, 1.0, 3.0, 0.0, 0.5) == []
    assert report(watch, 1, 9.0, 3.0, 0.0) == []
    watch.gone(1)
    assert report(watch, 0, 9.5, 0.0, 0.0) == []


def test_a_vehicle_in_anothers_way_comes_home(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan's times are made to say that two sorties over the same lanes never meet."""
    monkeypatch.setattr(fleet, "meetings", lambda plan, sorties: Meetings({}))
    twins = (sortie(1, (0.0, 0.0), LANES), sortie(2, (60.0, 0.0), LANES))
    plan = replace(plan, sorties=twins)
    plan.write(tmp_path)
    places = [VehicleSettings(s.launch, START_S, speedup=20.0) for s in twins]
    with SimulatedVehicle(places[0]) as first, SimulatedVehicle(places[1]) as second:
        flown = fly_patrol(
            tmp_path, plan, connect=[first.url, second.url],
            simulation=Simulation(START_S), silence_s=5.0,
            limits=Limits(lost_wall_s=5.0),
        )  # fmt: skip
    by_vehicle = {record.vehicle: record for record in flown.records}
    assert by_vehicle[1].ending is Ending.COMPLETE
    assert by_vehicle[2].ending is Ending.BROKEN_OFF
    assert "within" in by_vehicle[2].outcome
    assert "of vehicle 1" in by_vehicle[2].outcome


def test_sorties_that_keep_apart_are_left_alone(plan: Plan, tmp_path: Path) -> None:
    assert plan.sorties[1] == sortie(2, SECOND_LAUNCH, SECOND_LANE)
    places = [VehicleSettings(s.launch, START_S, speedup=60.0) for s in plan.sorties]
    with SimulatedVehicle(places[0]) as first, SimulatedVehicle(places[1]) as second:
        flown = fly_patrol(
            tmp_path,
            plan,
            connect=[first.url, second.url],
            simulation=Simulation(START_S),
            silence_s=5.0,
        )
    assert flown.ending is Ending.COMPLETE
