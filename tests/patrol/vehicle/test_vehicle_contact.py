"""The GCS failsafe, and by whose clock the ground station's silence is counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vehicle_bench import Bench, ready

from patrol.simulation.vehicle.guards.contact import Contact

LIMIT_S = 10.0


def test_nobody_was_ever_there() -> None:
    contact = Contact()
    assert not contact.is_lost(1e4, 1e4, LIMIT_S)
    assert contact.keeps_up


@given(speedup=st.floats(1, 1000), seconds=st.floats(0.5, 3))
def test_a_heartbeat_a_wall_second_is_enough_at_any_speed(speedup: float, seconds: float) -> None:
    contact = Contact()
    for beat in range(30):
        contact.heartbeat(beat * seconds * speedup, beat * seconds)
        for part in (0.3, 0.99):
            wall_s = (beat + part) * seconds
            assert not contact.is_lost(wall_s * speedup, wall_s, LIMIT_S)
    silent_s = 29 * seconds + LIMIT_S
    assert not contact.is_lost((silent_s - 0.1) * speedup, silent_s - 0.1, LIMIT_S)
    assert contact.is_lost((silent_s + 0.1) * speedup, silent_s + 0.1, LIMIT_S)


@given(speedup=st.floats(1, 1000))
def test_one_that_answers_pings_lives_by_the_vehicles_clock(speedup: float) -> None:
    contact = Contact()
    contact.heartbeat(0.0, 0.0)
    vehicle_s = 0.0
    for _ in range(20):
        vehicle_s += 1.0
        contact.answered(contact.ping(), vehicle_s)
    wall_s = vehicle_s / speedup
    assert not contact.is_lost(vehicle_s + 9.9, wall_s + 9.9 / speedup, LIMIT_S)
    assert contact.is_lost(vehicle_s + 10.1, wall_s + 10.1 / speedup, LIMIT_S)
    contact.heartbeat(vehicle_s + 10.1, wall_s + 10.1 / speedup)
    assert not contact.is_lost(vehicle_s + 20.0, wall_s + 20 / speedup, LIMIT_S)


def test_the_clock_waits_for_answers() -> None:
    contact = Contact()
    numbers = [contact.ping() for _ in range(5)]
    assert contact.keeps_up, "it may be one that knows no pings"
    contact.answered(numbers[0], 1.0)
    assert not contact.keeps_up
    contact.answered(99, 1.0)  # not one of ours
    assert not contact.keeps_up
    contact.answered(numbers[2], 1.0)
    assert contact.keeps_up
    contact.ping()
    assert not contact.keeps_up
    contact.pardon()
    assert contact.keeps_up


def test_another_connection_inherits_the_silence() -> None:
    contact = Contact()
    contact.answered(contact.ping(), 5.0)
    contact.renew()
    assert contact.is_lost(16.0, 0.1, LIMIT_S)
    contact.heartbeat(16.0, 0.1)
    assert not contact.is_lost(900.0, 9.0, LIMIT_S), "until it answers a ping, by the wall"


def flying(**parameters: float) -> Bench:
    bench = ready()
    for name, value in parameters.items():
        assert bench.ap.parameters.set(name, value)
    bench.start()
    bench.run(20)
    return bench


@pytest.mark.parametrize(
    ("enable", "mode"),
    [(0, "AUTO"), (1, "RTL"), (2, "RTL"), (3, "SMART_RTL"), (4, "SMART_RTL"), (5, "LAND"),
     (6, "RTL"), (7, "BRAKE"), (99, "RTL")],
)  # fmt: skip
def test_what_the_failsafe_does(enable: int, mode: str) -> None:
    bench = flying(FS_GCS_ENABLE=float(enable))
    bench.ap.failsafes.watch_ground_station(lost=True)
    bench.ap.failsafes.watch_ground_station(lost=True)
    assert bench.ap.mode_name == mode
    assert bench.texts().count("GCS Failsafe") == (1 if enable else 0)
    bench.ap.failsafes.watch_ground_station(lost=False)
    assert (bench.texts()[-1] == "GCS Failsafe Cleared") == bool(enable)
    assert bench.ap.mode_name == mode, "it stays as it is"


@pytest.mark.parametrize(
    ("options", "mode", "says"),
    [
        (2, "AUTO", "GCS Failsafe - Continuing Auto Mode"),
        (16, "LOITER", "GCS Failsafe - Continuing Pilot Control"),
        (16, "STABILIZE", "GCS Failsafe - Continuing Pilot Control"),
        (8, "LAND", "GCS Failsafe - Continuing Landing"),
    ],
)
def test_options_let_it_go_on(options: int, mode: str, says: str) -> None:
    bench = flying(FS_OPTIONS=float(options))
    bench.ap.change_mode(mode)
    bench.ap.failsafes.watch_ground_station(lost=True)
    assert bench.ap.mode_name == mode
    assert bench.texts()[-1] == says


def test_on_the_ground_it_disarms() -> None:
    bench = ready()
    bench.ap.change_mode("GUIDED")
    assert bench.ap.arm()
    bench.ap.failsafes.watch_ground_station(lost=True)
    assert not bench.ap.armed
    assert bench.texts()[-1] == "GCS Failsafe - Disarming"


def test_a_landing_with_an_empty_battery_is_not_broken_off() -> None:
    bench = ready("battery@15=5")
    bench.start()
    bench.run(20)
    assert bench.ap.mode_name == "LAND"
    bench.ap.failsafes.watch_ground_station(lost=True)
    assert bench.ap.mode_name == "LAND"
    assert bench.texts()[-1] == "GCS + Battery Failsafe - Continuing Landing"
