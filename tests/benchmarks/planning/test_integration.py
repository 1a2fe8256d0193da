"""The step-by-step energy sums against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import box

from benchmarks.planning.integration import flown
from benchmarks.planning.ways import way_lengths
from patrol.planning.settings import PlanSettings
from patrol.planning.wind import Wind

CALM = PlanSettings(speed_m_s=10.0)
ENDS_S = 50 / 2.5 + 50 / 1.5 + 15


def out_and_back(far_m: float, settings: PlanSettings, height_m: float = 50.0):
    track = np.array([[0.0, 0.0], [far_m, 0.0], [0.0, 0.0]])
    speeds = np.full(2, settings.speed_m_s)
    return flown(track, np.full(3, height_m), speeds, settings)


def test_straight_out_and_back_takes_the_time_of_two_trapezoids():
    # Each way 1 km: 4 s to 10 m/s over 20 m, 960 m at speed, 4 s and 20 m to stop.
    assert out_and_back(1000, CALM).seconds == pytest.approx(ENDS_S + 2 * (96 + 8), rel=1e-9)


def test_short_legs_never_reach_the_speed():
    # 10 m: up to sqrt(2.5 * 10) = 5 m/s and down again, 2 s each.
    assert out_and_back(10, CALM).seconds == pytest.approx(ENDS_S + 2 * 4, rel=1e-9)


def test_energy_of_a_long_way_is_that_of_cruise():
    near, far = out_and_back(1000, CALM), out_and_back(3000, CALM)
    cruise_wh = float(CALM.energy.power_w([10.0])[0]) * 400 / 3600
    assert far.watt_hours - near.watt_hours == pytest.approx(cruise_wh, rel=1e-9)


def test_wind_along_the_way_is_met_in_one_direction_and_helps_in_the_other():
    windy = PlanSettings(speed_m_s=10.0, wind=Wind(5.0, 90.0))
    near, far = out_and_back(1000, windy), out_and_back(3000, windy)
    power = windy.energy.power_w([15.0, 5.0])
    assert far.watt_hours - near.watt_hours == pytest.approx(float(power.sum()) * 200 / 3600)


def test_climbing_costs_twice_the_potential_energy():
    track = np.array([[0.0, 0.0], [1000.0, 0.0], [2000.0, 0.0]])
    speeds = np.full(2, 10.0)
    level = flown(track, np.full(3, 50.0), speeds, CALM)
    hill = flown(track, np.array([50.0, 80.0, 50.0]), speeds, CALM)
    joules = 30 * CALM.aircraft.mass_kg * 9.81 / 0.5
    assert hill.watt_hours - level.watt_hours == pytest.approx(joules / 3600, rel=1e-9)


def test_steep_legs_are_flown_no_faster_than_the_vehicle_climbs():
    track = np.array([[0.0, 0.0], [100.0, 0.0]])
    climb = flown(track, np.array([20.0, 70.0]), np.array([10.0]), CALM)
    still_s = 20 / 2.5 + 70 / 1.5 + 15
    # 50 m up over 100 m: 5 m/s over ground, 2 s to get there and 2 s to stop, over 10 m.
    assert climb.seconds - still_s == pytest.approx(2 + 2 + 90 / 5, rel=1e-9)


@pytest.mark.parametrize(("degrees", "kept"), [(0, 1.0), (60, 0.5), (90, 0.0), (150, 0.0)])
def test_corners_keep_the_speed_along_the_new_leg(degrees: float, kept: float):
    angle = np.radians(degrees)
    turn = np.array([np.cos(angle), np.sin(angle)]) * 500
    track = np.vstack([[0.0, 0.0], [500.0, 0.0], np.array([500.0, 0.0]) + turn])
    through = flown(track, np.full(3, 50.0), np.full(2, 10.0), CALM)
    straight = flown(
        np.array([[0.0, 0.0], [1000.0, 0.0]]), np.full(2, 50.0), np.array([10.0]), CALM
    )
    lost_s = (10 - 10 * kept) ** 2 / (2.5 * 10)
    assert through.seconds - straight.seconds == pytest.approx(lost_s, abs=1e-6)


def test_ways_round_a_wall_are_a_little_longer_than_the_shortest():
    free = box(-2000, -2000, 2000, 2000).difference(box(-50, -300, 50, 300))
    shortest = 2 * np.hypot(450, 300) + 100
    round_m, straight_m = way_lengths(
        np.array([-500.0, 0.0]), np.array([[500.0, 0.0], [-500.0, 300.0]]), free
    )
    assert shortest <= round_m <= 1.1 * shortest
    assert straight_m == pytest.approx(300, rel=0.05)
