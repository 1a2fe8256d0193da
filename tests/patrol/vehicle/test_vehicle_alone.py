"""The vehicle without its link: physics, arming, modes, failsafes, and that a seed repeats."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from vehicle_bench import HOME, Bench, ready

from geo.coordinates import LonLat
from patrol.errors import SimulationError
from patrol.simulation.vehicle.faults import Fault
from patrol.simulation.vehicle.motion.battery import Battery, flight_power_w
from patrol.simulation.vehicle.motion.wind import SlowNoise, Wind
from patrol.simulation.vehicle.settings import VehicleSettings

# -- arming and modes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "wait_s", "mission", "says"),
    [
        ({}, 1.0, True, "PreArm: GPS 1: Bad fix"),
        ({}, 4.0, True, "PreArm: Need Position Estimate"),
        ({"battery_pct": 20.0}, 7.0, True, "PreArm: Battery 1 below minimum arming capacity"),
        ({}, 7.0, False, "PreArm: Missing mission item: takeoff"),
    ],
)
def test_arming_is_refused_with_its_reason(
    changes: dict[str, Any], wait_s: float, mission: bool, says: str
) -> None:
    bench = Bench(**changes)
    if mission:
        bench.load((60.0, 0.0, 20.0))
    bench.run(wait_s)
    assert not bench.ap.arm()
    assert bench.texts()[-1] == says
    assert not bench.ap.armed


def test_auto_cannot_be_armed_and_an_idle_vehicle_disarms() -> None:
    bench = ready()
    assert bench.ap.change_mode("AUTO")
    assert not bench.ap.arm()
    assert bench.texts()[-1] == "Arm: AUTO mode not armable"
    assert bench.ap.change_mode("GUIDED")
    assert bench.ap.arm()
    bench.run(9.5)
    assert bench.ap.armed
    bench.run(1.0)
    assert not bench.ap.armed


def test_auto_needs_a_mission_and_a_position() -> None:
    bench = Bench()
    assert not bench.ap.change_mode("AUTO")
    assert bench.texts()[-1] == "Mode change to AUTO failed: requires position"
    bench.run(7)
    assert not bench.ap.change_mode("AUTO")
    assert bench.texts()[-1] == "Mode change to AUTO failed: init failed"
    assert not bench.ap.set_mode(99)


def test_a_mission_is_flown_and_landed_at_home() -> None:
    bench = ready(wind_m_s=5.0, seed=4)
    bench.start()
    bench.run(200)
    assert bench.reached() == [1, 2, 3, 4]
    assert not bench.ap.armed
    assert math.hypot(bench.ap.airframe.known_east, bench.ap.airframe.known_north) < 1.0
    assert bench.ap.flown_m == pytest.approx(60 + 80 + 100, rel=0.05)
    assert bench.texts()[-1] == "Disarming motors"


def test_a_waypoint_with_a_hold_time_is_held() -> None:
    durations = []
    for hold_s in (0.0, 20.0):
        bench = Bench(wind_m_s=3.0)
        bench.load((60.0, 0.0, 20.0), (60.0, 80.0, 25.0), hold_s=hold_s)
        bench.run(7)
        bench.start()
        while bench.ap.armed:
            bench.run(1)
        durations.append(bench.ap.time_s)
    assert 38 < durations[1] - durations[0] < 60


@pytest.mark.parametrize("mode", ["LOITER", "BRAKE", "STABILIZE"])
def test_the_other_modes_stop_and_hold(mode: str) -> None:
    bench = ready(wind_m_s=8.0, seed=2)
    bench.start()
    bench.run(25)
    assert bench.ap.airframe.ground_speed > 3
    assert bench.ap.change_mode(mode)
    bench.run(8)
    place = (bench.ap.airframe.known_east, bench.ap.airframe.known_north)
    bench.run(30)
    air = bench.ap.airframe
    assert math.hypot(air.known_east - place[0], air.known_north - place[1]) < 1.5
    assert bench.ap.change_mode("AUTO")
    bench.run(200)
    assert bench.reached()[-1] == 4
    assert not bench.ap.armed


def test_land_comes_down_on_the_spot() -> None:
    bench = ready()
    bench.start()
    bench.run(25)
    spot = bench.ap.airframe.known_east
    bench.ap.change_mode("LAND")
    bench.run(60)
    assert not bench.ap.armed
    assert abs(bench.ap.airframe.known_east - spot) < 15


def test_guided_take_off_and_target() -> None:
    bench = ready()
    bench.ap.change_mode("GUIDED")
    assert not bench.ap.take_off(10.0), "not armed"
    assert bench.ap.arm()
    assert bench.ap.take_off(12.0)
    bench.run(15)
    assert bench.ap.airframe.known_up == pytest.approx(12.0, abs=0.4)
    assert bench.ap.go_to(LonLat(HOME.lon_deg + 0.0005, HOME.lat_deg), 15.0)
    bench.run(30)
    assert bench.ap.airframe.known_east == pytest.approx(51.2, abs=1.0)
    assert bench.ap.airframe.known_up == pytest.approx(15.0, abs=0.5)


def test_speed_can_be_changed_on_the_way() -> None:
    bench = Bench()
    bench.load((600.0, 0.0, 20.0))
    bench.run(7)
    bench.start()
    bench.run(40)
    assert bench.ap.airframe.ground_speed == pytest.approx(10.0, abs=0.3)
    assert bench.ap.change_speed(4.0)
    bench.run(6)
    assert bench.ap.airframe.ground_speed == pytest.approx(4.0, abs=0.3)
    assert not bench.ap.change_speed(math.nan)


# -- the same again --------------------------------------------------------------------------------


def track(seed: int, wait_s: float) -> np.ndarray:
    bench = ready(wind_m_s=7.0, seed=seed)
    bench.run(wait_s)
    bench.start()
    rows = []
    while bench.ap.armed:
        bench.run(0.5)
        air = bench.ap.airframe
        rows.append((air.east, air.north, air.up, air.roll, air.yaw, air.bias_east))
    return np.array(rows)


def test_a_seed_flies_the_same_flight_however_long_the_ground_took() -> None:
    assert np.array_equal(track(5, 0.0), track(5, 13.35))
    first, other = track(5, 0.0), track(6, 0.0)
    rows = min(len(first), len(other))
    assert not np.allclose(first[:rows], other[:rows])


# -- its parts -------------------------------------------------------------------------------------


def test_wind_is_as_strong_as_asked_and_gusts_as_dryden_says() -> None:
    wind = Wind(8.0, 270.0, random.Random(1))
    rows = []
    for _ in range(40_000):
        wind.step(0.5, 50.0, 8.0)
        rows.append((wind.east_m_s, wind.north_m_s, wind.up_m_s))
    east, north, up = np.array(rows).T
    assert east.mean() == pytest.approx(8.0, abs=0.4), "from the west is towards the east"
    assert north.mean() == pytest.approx(0.0, abs=0.4)
    feet = 50.0 / 0.3048
    level = 0.8 / (0.177 + 0.000823 * feet) ** 0.4
    assert east.std() == pytest.approx(level, rel=0.15)
    assert north.std() == pytest.approx(level, rel=0.15)
    assert up.std() == pytest.approx(0.8, rel=0.15)


def test_slow_noise_has_its_spread_and_memory() -> None:
    noise = SlowNoise(random.Random(3), 0.5)
    values = np.array([noise.step(1.0, 50.0) for _ in range(60_000)])
    assert values.std() == pytest.approx(0.5, rel=0.1)
    correlation = np.corrcoef(values[:-50], values[50:])[0, 1]
    assert correlation == pytest.approx(math.exp(-1), abs=0.1)


def test_power_and_endurance_are_a_small_quadrotors() -> None:
    hover, cruise, fast = (flight_power_w(v, 0.0) for v in (0.0, 8.0, 18.0))
    assert cruise < hover < fast
    assert 77 / hover * 60 == pytest.approx(38, rel=0.1), "minutes of hover on 77 Wh"
    assert flight_power_w(0.0, 2.0) > hover + 20
    assert flight_power_w(0.0, -2.0) < hover
    battery = Battery(77.0, 100.0)
    volts = [battery.voltage_v]
    while battery.left_wh > 0:
        battery.drain(hover, 60.0)
        volts.append(battery.voltage_v)
    assert volts == sorted(volts, reverse=True)
    assert battery.used_mah == pytest.approx(battery.capacity_mah)


@pytest.mark.parametrize(
    "change", [{"speedup": 0.0}, {"wind_m_s": -1.0}, {"port": 70000}, {"start_s": math.nan}]
)
def test_settings_out_of_range_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SimulationError, match=next(iter(change))):
        VehicleSettings(HOME, **{"start_s": 1.0, **change})


def test_settings_travel_as_json() -> None:
    settings = VehicleSettings(HOME, 5.0, faults=(Fault("battery", 3.0, 20.0),), wind_m_s=4.5)
    assert VehicleSettings.from_json(settings.to_json()) == settings
