"""Faults on demand: how they are written, and what the vehicle does when they come."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from vehicle_bench import Bench, Station, fly_to, ready, ring

from patrol.errors import SimulationError
from patrol.simulation.vehicle.faults import PILOT_MODES, Fault, FaultKind, read_faults
from patrol.simulation.vehicle.guards.drill import Drill
from patrol.simulation.vehicle.guards.position import PositionEstimate
from patrol.simulation.vehicle.restart import restarted
from patrol.simulation.vehicle.settings import VehicleSettings
from patrol.simulation.vehicle.vehicle import MODES
from patrol.simulation.vehicle.wire.weather import RadioWeather

MOST = {
    "glitch": 1e4, "battery": 100, "sag": 10, "loss": 90, "duplicate": 90, "reorder": 90,
    "latency": 5, "gust": 60,
}  # fmt: skip
ONCE = ("battery", "reboot", "arming", "item")

# -- how they are written --------------------------------------------------------------------------


@st.composite
def any_fault(draw: st.DrawFn) -> Fault:
    kind = draw(st.sampled_from(get_args(FaultKind)))
    at = draw(st.floats(0, 1e6))
    at = 0.0 if kind == "arming" else float(int(at)) if kind == "item" else at
    value = draw(st.floats(0, MOST[kind])) if kind in MOST else 0.0
    seconds = st.none() | st.floats(0, 1e6, exclude_min=True)
    lasts = None if kind in ONCE else draw(seconds)
    mode = draw(st.sampled_from(PILOT_MODES)) if kind == "pilot" else ""
    return Fault(kind, at, value, lasts, mode)


@given(any_fault())
def test_a_fault_reads_back_as_it_is_written(fault: Fault) -> None:
    assert Fault.parse(str(fault)) == fault
    assert Fault.parse(f"  {fault} ") == fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("gps@60", Fault("gps", 60.0)),
        ("gps@60+10", Fault("gps", 60.0, lasts=10.0)),
        ("battery@60=15", Fault("battery", 60.0, 15.0)),
        ("link@60+20", Fault("link", 60.0, lasts=20.0)),
        ("loss=20", Fault("loss", 0.0, 20.0)),
        ("loss@30+5=20", Fault("loss", 30.0, 20.0, 5.0)),
        ("latency=0.5", Fault("latency", 0.0, 0.5)),
        ("pilot@60=loiter", Fault("pilot", 60.0, mode="LOITER")),
        ("pilot@60+10=STABILIZE", Fault("pilot", 60.0, lasts=10.0, mode="STABILIZE")),
        ("arming", Fault("arming")),
        ("item@3", Fault("item", 3.0)),
    ],
)
def test_the_forms_that_operators_write(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "", "gps", "gps@", "gps@soon", "wings@5", "battery@5", "battery@5=120", "battery@5+3=20",
        "link@-1", "gps@nan", "gps@5=3", "gps@5=", "glitch@5", "glitch@5=-3", "loss=95", "loss",
        "latency=9", "item", "item@2.5", "item@3+1", "arming@5", "reboot", "reboot@5+1",
        "pilot@5", "pilot@5=AUTO", "pilot@5=3", "pilot=LOITER", "gps@5+0", "gps@5+-1", "gps@5+",
        "gps@5+inf", "gps@1e9", "@5", "=", "+", "gps@5@6", "gps@5=3=4",
    ],
)  # fmt: skip
def test_a_fault_that_is_not_one_is_one_line(text: str) -> None:
    with pytest.raises(SimulationError, match=r"write KIND\[@SECONDS\]") as error:
        Fault.parse(text)
    assert "\n" not in str(error.value)
    assert repr(text) in str(error.value)


@given(st.text(max_size=30))
def test_any_other_text_is_one_error_too(text: str) -> None:
    try:
        fault = Fault.parse(text)
    except SimulationError:
        return
    assert Fault.parse(str(fault)) == fault


def test_a_file_of_faults(tmp_path: Path) -> None:
    script = tmp_path / "faults.txt"
    script.write_text("# a bad day\n\ngps@60+10  # for a while\n  loss=20\n", encoding="utf-8")
    assert read_faults(script) == (Fault("gps", 60.0, lasts=10.0), Fault("loss", 0.0, 20.0))
    script.write_text("gps@60\nwings@5\n", encoding="utf-8")
    with pytest.raises(SimulationError, match=r"faults.txt, line 2: fault 'wings@5'"):
        read_faults(script)
    with pytest.raises(SimulationError, match=r"nowhere.txt: cannot be read"):
        read_faults(tmp_path / "nowhere.txt")


def test_faults_travel_as_json() -> None:
    faults = tuple(Fault.parse(t) for t in ("battery@3=20", "pilot@5+6=BRAKE", "loss=10"))
    settings = VehicleSettings(
        ready().ap.settings.home, 5.0, faults=faults, vehicle_type="plane", firmware=(4, 3, 8)
    )
    assert VehicleSettings.from_json(settings.to_json()) == settings


def test_the_clock_of_faults_starts_with_the_first_take_off() -> None:
    drill = Drill([Fault.parse(t) for t in ("gps@10+5", "loss=20", "duplicate@10=30", "reboot@12")])
    begun: list[str] = []
    note = lambda fault: begun.append(str(fault))  # noqa: E731
    assert drill.held("gps", 500.0) is None
    assert drill.value("loss", 0.0) == 20.0, "from power-on"
    assert drill.value("duplicate", 500.0) == 0.0
    drill.took_off(100.0)
    drill.took_off(110.0)  # a second flight
    assert [drill.held("gps", t) is not None for t in (109.9, 110.0, 114.9, 115.0)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert drill.value("duplicate", 110.0) == 30.0
    for time_s in (111.9, 112.0, 113.0):
        drill.events(time_s, note, note)
    assert begun == ["reboot@12"]
    drill.restarted(112.0)  # the vehicle's clock starts again, theirs goes on
    assert [drill.held("gps", t) is not None for t in (0.0, 2.9, 3.0)] == [True, True, False]
    drill.events(0.05, note, note)
    assert begun == ["reboot@12"]


# -- what the vehicle does -------------------------------------------------------------------------


def flying(*faults: str, **changes: Any) -> Bench:
    bench = ready(*faults, **{"wind_m_s": 4.0, **changes})
    bench.start()
    return bench


def landed(bench: Bench, limit_s: float = 600.0) -> Bench:
    bench.until(lambda: not bench.ap.armed, limit_s)
    return bench


def test_arming_is_refused() -> None:
    bench = ready("arming")
    assert not bench.ap.arm()
    assert bench.texts()[-1] == "PreArm: Compass not calibrated"


def test_without_gps_it_lands_where_the_wind_takes_it() -> None:
    bench = flying("gps@20", wind_m_s=8.0, wind_from_deg=0.0)
    landed(bench)
    assert bench.ap.mode == MODES["LAND"]
    told = bench.texts()
    assert told[1:4] == [
        "GPS Glitch or Compass error", "EKF variance", "EKF Failsafe: changed to LAND Mode",
    ]  # fmt: skip
    assert bench.ap.airframe.north < -30, "it cannot hold its place"
    assert not bench.ap.arm()
    assert bench.texts()[-1] == "PreArm: GPS 1: Bad fix", "nor is it there on the ground"


def test_a_short_gap_of_the_gps_changes_nothing() -> None:
    bench = flying("gps@20+3")
    landed(bench)
    assert bench.reached() == [1, 2, 3, 4]
    assert bench.texts()[1:3] == ["GPS Glitch or Compass error", "Glitch cleared"]


def test_a_fix_that_comes_back_clears_the_failsafe_but_it_lands() -> None:
    bench = flying("gps@20+8")
    landed(bench)
    assert bench.ap.mode == MODES["LAND"]
    assert "EKF Failsafe Cleared" in bench.texts()


def test_a_small_glitch_is_believed() -> None:
    bench = flying("glitch@20=4")
    landed(bench)
    assert bench.reached() == [1, 2, 3, 4]
    assert not any("Glitch" in text for text in bench.texts())
    assert bench.ap.airframe.east == pytest.approx(-4, abs=1.5), "where it thinks that home is"


def test_a_glitch_is_rejected_for_ten_seconds_and_then_followed() -> None:
    bench = flying("glitch@20=50")
    took_off_s = bench.ap.time_s
    bench.until(lambda: "GPS Glitch or Compass error" in bench.texts())
    bench.run(8)
    air = bench.ap.airframe
    assert abs(air.known_east - air.east) < 5, "it keeps its position"
    assert bench.ap.gps_position().lon_deg - bench.ap.known_position().lon_deg > 3e-4
    bench.until(lambda: "Glitch cleared" in bench.texts())
    assert bench.ap.time_s - took_off_s == pytest.approx(30, abs=1)
    landed(bench)
    assert bench.reached() == [1, 2, 3, 4]
    assert bench.away_m() < 1.5
    assert air.east == pytest.approx(-50, abs=3), "so far from home it really is"


def test_a_glitch_that_ends_soon_leaves_no_trace() -> None:
    bench = flying("glitch@20+6=50")
    landed(bench)
    assert bench.texts()[1:3] == ["GPS Glitch or Compass error", "Glitch cleared"]
    assert abs(bench.ap.airframe.east) < 3


def test_a_glitch_that_is_too_far_off_is_an_ekf_failsafe() -> None:
    bench = flying("glitch@20=500")
    landed(bench)
    assert "EKF Failsafe: changed to LAND Mode" in bench.texts()
    assert bench.ap.mode == MODES["LAND"]


@pytest.mark.parametrize(("action", "mode"), [(0, "AUTO"), (1, "LAND"), (2, "ALT_HOLD")])
def test_a_spoilt_estimate_is_an_ekf_failsafe(action: int, mode: str) -> None:
    bench = ready("ekf@20")
    bench.ap.parameters.set("FS_EKF_ACTION", float(action))
    bench.start()
    began_s = bench.ap.time_s
    bench.until(lambda: bench.ap.estimate.failed)
    assert bench.ap.time_s - began_s == pytest.approx(21, abs=0.2), "after one second of it"
    assert bench.ap.mode_name == mode
    assert not bench.ap.change_mode("RTL")
    assert bench.texts()[-1] == "Mode change to RTL failed: requires position"


@pytest.mark.parametrize(("left", "word", "mode"), [(15, "low", "RTL"), (5, "critical", "LAND")])
def test_a_battery_that_drops_brings_it_down(left: int, word: str, mode: str) -> None:
    bench = flying(f"battery@20={left}")
    bench.until(lambda: bench.ap.mode_name == mode, 30)
    assert bench.texts()[-1] == "Battery Failsafe"
    assert bench.texts()[-2].startswith(f"Battery 1 is {word} ")
    landed(bench)
    assert (bench.away_m() < 1.5) == (mode == "RTL")


def test_volts_count_when_they_stay_low_for_ten_seconds() -> None:
    short = landed(flying("sag@20+8=2.9"))
    assert not any("Battery" in text for text in short.texts())
    assert short.reached() == [1, 2, 3, 4]
    bench = flying("sag@20=2.9")
    took_off_s = bench.ap.time_s
    bench.until(lambda: bench.ap.mode_name == "RTL")
    assert bench.ap.time_s - took_off_s == pytest.approx(30, abs=0.5)
    assert bench.texts()[-2].startswith("Battery 1 is low 13.")
    bench = flying("sag@20=3.5")
    bench.until(lambda: bench.ap.mode_name == "LAND")
    assert bench.texts()[-2].startswith("Battery 1 is critical 12.")


def test_a_low_battery_can_become_critical_on_the_way_home() -> None:
    bench = flying("battery@20=15", "battery@24=5")
    landed(bench)
    words = [text.split()[3] for text in bench.texts() if text.startswith("Battery 1 is")]
    assert words == ["low", "critical"]
    assert bench.ap.mode == MODES["LAND"]


@pytest.mark.parametrize("mode", ["LOITER", "STABILIZE", "ALT_HOLD", "BRAKE"])
def test_a_pilot_who_takes_over_lands_it(mode: str) -> None:
    bench = flying(f"pilot@20={mode}")
    took_off_s = bench.ap.time_s
    bench.until(lambda: bench.ap.mode_name == mode, 21)
    bench.until(lambda: bench.ap.landing)
    assert bench.ap.time_s - took_off_s == pytest.approx(40, abs=0.2), "some time later"
    landed(bench)
    assert bench.ap.mode_name == mode
    assert bench.reached() == [1]


def test_a_pilot_gives_it_back() -> None:
    bench = flying("pilot@20+10=LOITER")
    bench.until(lambda: bench.ap.mode_name == "LOITER", 21)
    seq = bench.ap.current_seq
    bench.until(lambda: bench.ap.mode_name == "AUTO", 11)
    assert bench.ap.current_seq == seq, "it goes on where it was"
    landed(bench)
    assert bench.reached() == [1, 2, 3, 4]


def test_a_pilot_who_is_told_otherwise_does_not_land_it() -> None:
    bench = flying("pilot@20=LOITER")
    bench.until(lambda: bench.ap.mode_name == "LOITER", 21)
    bench.ap.change_mode("RTL")
    landed(bench)
    assert bench.away_m() < 1.5


def test_a_restart_in_flight() -> None:
    station = Station("reboot@40", "gps@42+4")
    fly_to(station, 39)
    assert station.ap.flying
    station.ap.parameters.set("RTL_ALT", 4000.0)
    station.ap.battery.drop_to(70.0)
    unix_s = station.ap.settings.start_s + station.ap.time_s
    while not station.ap.wants_reboot:
        station.run(0.05)
    old = station.ap
    new = restarted(old, station.sent.append)
    assert (new.time_s, new.armed, new.flying, new.mode_name) == (0.0, False, False, "STABILIZE")
    assert new.settings.start_s == pytest.approx(unix_s + 1, abs=0.2), "the date goes on"
    assert [i.command for i in new.mission.items] == [i.command for i in old.mission.items]
    assert new.parameters["RTL_ALT"] == 4000.0
    assert new.battery.percent < 70.1
    air = new.airframe
    assert air.up == 0.0
    fallen_m = math.hypot(air.east - old.airframe.east, air.north - old.airframe.north)
    assert 10 < fallen_m < 35, "it fell on as it flew"
    assert not new.arm()
    assert new.time_s < 3
    for _ in range(160):
        new.step()
    assert not new.wants_reboot, "once is enough"
    assert new.gps_ok


# -- the radio -------------------------------------------------------------------------------------


def through(fault: str, count: int = 4000) -> list[tuple[float, int]]:
    """When which of the messages, one a millisecond, came out."""
    weather: RadioWeather[int] = RadioWeather(Drill([Fault.parse(fault)]), "seed")
    assert weather.is_ordered
    came = []
    for number in range(count):
        now_s = number / 1000
        came += [(now_s, m) for m in weather.send(number, 0.0, now_s)]
        came += [(now_s, m) for m in weather.due(now_s)]
    return came


def test_a_share_of_messages_is_lost_and_doubled() -> None:
    assert len(through("loss=20")) == pytest.approx(3200, rel=0.05)
    assert len(through("duplicate=20")) == pytest.approx(4800, rel=0.05)
    numbers = [m for _, m in through("loss=20")]
    assert numbers == sorted(numbers)


def test_messages_overtake_and_are_late() -> None:
    numbers = [m for _, m in through("reorder=20")]
    overtaken = sum(a > b for a, b in itertools.pairwise(numbers))
    assert 300 < overtaken < 1000
    late = through("latency=0.3")
    assert [m for _, m in late] == sorted(m for _, m in late)
    assert all(now_s - m / 1000 == pytest.approx(0.3, abs=0.002) for now_s, m in late)


def test_the_same_seed_is_the_same_weather() -> None:
    assert through("loss=30") == through("loss=30")


def test_a_clear_sky_is_left_alone() -> None:
    assert not RadioWeather(Drill([Fault.parse("gps@3")]), "seed").is_ordered


# -- the estimate ----------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 3.0, 40.0, 400.0]), st.booleans(),
                       st.integers(1, 300)), max_size=8)
)  # fmt: skip
def test_the_estimate_fails_and_clears_in_turn(
    stretches: list[tuple[bool, float, bool, int]],
) -> None:
    said: list[str] = []
    estimate = PositionEstimate(lambda level, text: said.append(text), 0.0)
    failures = 0
    for fix, jump_m, spoilt, steps in [*stretches, (True, 0.0, False, 400)]:
        for _ in range(steps):
            failures += estimate.step(0.05, fix=fix, jump_m=jump_m, spoilt=spoilt)
    assert said.count("EKF variance") == said.count("EKF Failsafe Cleared") == failures
    assert said.count("GPS Glitch or Compass error") == said.count("Glitch cleared")
    assert not estimate.lost
    assert not estimate.failed
    assert estimate.off_east_m == 0.0


@settings(max_examples=25, deadline=None)
@given(
    faults=st.lists(any_fault().filter(lambda f: f.kind not in ("arming", "item")), max_size=3),
    moments=st.lists(st.floats(0, 120), min_size=3, max_size=3),
    seed=st.integers(0, 99),
    fenced=st.booleans(),
)
def test_whatever_happens_it_comes_down(
    faults: list[Fault], moments: list[float], seed: int, fenced: bool
) -> None:
    """Any faults at any moments: every message can be packed, and in the end it is disarmed."""
    orders = [replace(fault, at=at) for fault, at in zip(faults, moments, strict=False)]
    station = Station(*map(str, orders), seed=seed, wind_m_s=6.0)
    coder = mavlink.MAVLink(None, 1, 1)

    def send(message: Any) -> None:
        message.pack(coder)
        station.sent.append(message)

    station.ap.send = send
    fly_to(station, 0)
    if fenced:
        station.fence(*ring((-90, -90), (90, -90), (90, 90), (-90, 90)), FENCE_TYPE=5.0)
    while station.ap.armed and not station.ap.wants_reboot:
        station.run(1)
        assert station.ap.time_s < 4000, station.ap.mode_name
    if station.ap.wants_reboot:
        assert not restarted(station.ap, station.ap.send).armed


def test_text_of_faults_fits_a_statustext() -> None:
    for bench in (flying("glitch@5=500"), flying("battery@5=5"), flying("gps@5")):
        landed(bench)
        assert all(0 < len(text) < 51 for text in bench.texts())
        assert all(m.severity <= mavlink.MAV_SEVERITY_INFO for m in bench.of("STATUSTEXT"))
