"""The fence is kept, and a return leads to where it should."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from vehicle_bench import Bench, Station, item, item_int, ready, ring, upload

from patrol.simulation.vehicle.guards.fence import fence_names
from patrol.simulation.vehicle.vehicle import MODES

SQUARE = ring((-200, -200), (200, -200), (200, 200), (-200, 200))
GEOFENCE = mavlink.MAV_SYS_STATUS_GEOFENCE


def on_the_way_out(*faults: str, up: float = 20.0, **changes: float) -> Bench:
    """A vehicle whose mission leads 600 m east, further than any fence here."""
    bench = Bench(*faults, wind_m_s=changes.pop("wind_m_s", 3.0))
    bench.load((600.0, 0.0, up))
    bench.run(7)
    return bench


def status_bits(station: Station) -> tuple[bool, bool, bool]:
    """Geofence present, enabled, healthy."""
    status = station.streams.one(mavlink.MAVLINK_MSG_ID_SYS_STATUS)
    return (
        bool(status.onboard_control_sensors_present & GEOFENCE),
        bool(status.onboard_control_sensors_enabled & GEOFENCE),
        bool(status.onboard_control_sensors_health & GEOFENCE),
    )


def test_names_of_fences_are_ardupilots() -> None:
    assert [fence_names(kinds) for kinds in (1, 2, 4, 6, 7)] == [
        "Max Alt fence", "Circle fence", "Polygon fence", "Circle and Polygon fences",
        "Max Alt, Circle and Polygon fences",
    ]  # fmt: skip


# -- arming ----------------------------------------------------------------------------------------


def test_a_polygon_fence_without_polygons_cannot_be_armed() -> None:
    bench = ready()
    bench.fence(FENCE_TYPE=4.0)
    assert not bench.ap.arm()
    assert bench.texts()[-1] == "PreArm: Fences enabled, but none selected"
    bench.fence(*SQUARE, FENCE_TYPE=4.0)
    assert bench.ap.arm()


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        (ring((100, 100), (200, 100), (150, 200)), "PreArm: Vehicle breaching Polygon fence"),
        (ring((-9, -9), (9, -9), (0, 9), keep_in=False), "PreArm: Vehicle breaching Polygon fence"),
        ([item(5003, (30, 0, 0, 0), 100, 0)], "PreArm: Vehicle breaching Polygon fence"),
        ([item(5004, (30, 0, 0, 0), 10, 0)], "PreArm: Vehicle breaching Polygon fence"),
    ],
)
def test_outside_its_fence_it_cannot_be_armed(shape: list, says: str) -> None:
    bench = ready()
    bench.fence(*shape)
    assert not bench.ap.arm()
    assert bench.texts()[-1] == says
    bench.ap.parameters.set("FENCE_ENABLE", 0.0)
    assert bench.ap.arm(), "while it is off it does not matter"


def test_status_tells_of_the_fence() -> None:
    station = Station()
    station.ap.parameters.set("FENCE_TYPE", 4.0)
    assert status_bits(station) == (False, False, True)
    corners = [
        item_int(i, 5001, x=each.lat_e7, y=each.lon_e7, param1=4.0, frame=0, mission_type=1)
        for i, each in enumerate(SQUARE)
    ]
    assert upload(station, corners, 1).type == mavlink.MAV_MISSION_ACCEPTED
    station.run(1)
    assert status_bits(station) == (True, False, True)
    assert not station.of("FENCE_STATUS"), "only while it is on"
    assert station.command(mavlink.MAV_CMD_DO_FENCE_ENABLE, 1) == mavlink.MAV_RESULT_ACCEPTED
    assert station.ap.parameters["FENCE_ENABLE"] == 0, "for the time being, not for ever"
    station.run(1.1)
    assert status_bits(station) == (True, True, True)
    assert station.of("FENCE_STATUS")[-1].breach_status == 0
    station.ap.airframe.east = 300.0
    station.run(1.1)
    assert status_bits(station) == (True, True, False)
    told = station.of("FENCE_STATUS")[-1]
    assert (told.breach_status, told.breach_count) == (1, 1)
    assert told.breach_type == mavlink.FENCE_BREACH_BOUNDARY
    assert station.command(mavlink.MAV_CMD_DO_FENCE_ENABLE, 0) == mavlink.MAV_RESULT_ACCEPTED
    assert status_bits(station) == (True, False, True)
    assert station.command(mavlink.MAV_CMD_DO_FENCE_ENABLE, 7) == mavlink.MAV_RESULT_FAILED


def test_a_fence_that_is_not_there_cannot_be_switched_on() -> None:
    station = Station()
    station.ap.parameters.set("FENCE_TYPE", 4.0)
    assert station.command(mavlink.MAV_CMD_DO_FENCE_ENABLE, 1) == mavlink.MAV_RESULT_FAILED


# -- in the air ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "shape", "up", "says"),
    [
        ({"FENCE_TYPE": 4.0}, SQUARE, 20.0, "Polygon fence breached"),
        ({"FENCE_TYPE": 2.0, "FENCE_RADIUS": 150.0}, [], 20.0, "Circle fence breached"),
        ({"FENCE_TYPE": 1.0, "FENCE_ALT_MAX": 40.0}, [], 60.0, "Max Alt fence breached"),
        (
            {"FENCE_TYPE": 4.0}, ring((100, -50), (200, -50), (200, 50), (100, 50), keep_in=False),
            20.0, "Polygon fence breached",
        ),
    ],
)  # fmt: skip
def test_a_breach_brings_it_home(
    parameters: dict[str, float], shape: list, up: float, says: str
) -> None:
    bench = on_the_way_out(up=up)
    bench.fence(*shape, **parameters)
    bench.start()
    bench.until(lambda: bench.ap.mode == MODES["RTL"])
    assert bench.texts()[-1] == says
    assert bench.away_m() < (240 if up < 40 else 330)
    bench.until(lambda: not bench.ap.armed)
    assert "Fence breach cleared" in bench.texts()
    assert bench.away_m() < 1.5


@pytest.mark.parametrize(
    ("action", "mode"), [(0, "AUTO"), (1, "RTL"), (2, "LAND"), (3, "SMART_RTL"), (4, "BRAKE")]
)
def test_the_action_is_the_parameters(action: int, mode: str) -> None:
    bench = on_the_way_out()
    bench.fence(*SQUARE, FENCE_TYPE=4.0, FENCE_ACTION=float(action))
    bench.start()
    bench.until(lambda: bench.ap.fence.breached)
    assert bench.ap.mode_name == mode


def test_a_breach_without_a_position_lands() -> None:
    bench = on_the_way_out("ekf@22", wind_m_s=9.0)
    bench.fence(*ring((-60, -60), (60, -60), (60, 60), (-60, 60)), FENCE_TYPE=4.0)
    bench.start()
    bench.until(lambda: not bench.ap.armed)
    assert bench.ap.mode == MODES["LAND"]


def test_far_outside_it_only_lands() -> None:
    bench = on_the_way_out()
    bench.fence(FENCE_TYPE=2.0, FENCE_RADIUS=100.0, FENCE_ENABLE=0.0)
    bench.start()
    bench.until(lambda: bench.away_m() > 210)
    assert bench.ap.fence.switch(True)
    bench.until(lambda: bench.ap.fence.breached)
    assert bench.ap.mode == MODES["LAND"], "more than 100 m outside"


def test_the_fence_stands_again_twenty_metres_further_out() -> None:
    bench = on_the_way_out()
    bench.fence(FENCE_TYPE=2.0, FENCE_RADIUS=100.0, FENCE_ACTION=0.0)
    bench.start()
    bench.until(lambda: bench.away_m() > 160)
    assert bench.texts().count("Circle fence breached") == 3
    assert bench.ap.fence.breach_count == 3


def test_a_gust_that_pushes_it_out_brings_it_home() -> None:
    bench = Bench("gust@30+8=45", wind_m_s=4.0, wind_from_deg=270.0)
    bench.load((0.0, 0.0, 30.0), hold_s=60.0)
    bench.run(7)
    bench.fence(*ring((-15, -15), (15, -15), (15, 15), (-15, 15)), FENCE_TYPE=4.0)
    bench.start()
    bench.until(lambda: bench.ap.mode == MODES["RTL"], 60)
    assert bench.ap.airframe.east > 10, "with the wind"
    bench.until(lambda: not bench.ap.armed)
    assert bench.away_m() < 2.0


@settings(max_examples=60, deadline=None)
@given(
    east=st.floats(-400, 400), north=st.floats(-400, 400), up=st.floats(0, 150),
    kinds=st.integers(0, 7),
)  # fmt: skip
def test_what_is_outside_is_breached_and_nothing_else(
    east: float, north: float, up: float, kinds: int
) -> None:
    bench = ready()
    bench.fence(*SQUARE, FENCE_TYPE=float(kinds), FENCE_RADIUS=250.0, FENCE_ALT_MAX=100.0)
    air = bench.ap.airframe
    air.east, air.north, air.up = east - air.bias_east, north - air.bias_north, up - air.bias_up
    bench.run(0.5)
    place = (air.known_east, air.known_north, air.known_up)
    wanted = (
        (place[2] >= 100) * 1
        | (math.hypot(*place[:2]) >= 250) * 2
        | (max(abs(place[0]), abs(place[1])) > 200.5) * 4
    )
    edge = abs(max(abs(place[0]), abs(place[1])) - 200) < 1
    found = bench.ap.fence.breached
    assert found & ~4 == wanted & kinds & ~4
    assert edge or found & 4 == wanted & kinds & 4


# -- the way back ----------------------------------------------------------------------------------


def flown_home(bench: Bench) -> None:
    bench.start()
    bench.until(lambda: bench.away_m() > 150)
    assert bench.ap.change_mode("RTL")
    bench.until(lambda: not bench.ap.armed)


@pytest.mark.parametrize(
    ("rally", "parameters", "lands_at"),
    [
        ([(180.0, 40.0, 10.0)], {}, (180.0, 40.0)),
        ([(180.0, 40.0, 10.0), (150.0, -60.0, 10.0)], {}, (180.0, 40.0)),
        ([(180.0, 400.0, 10.0)], {}, (0.0, 0.0)),  # home is nearer
        ([(180.0, 400.0, 10.0)], {"RALLY_INCL_HOME": 0.0}, (0.0, 0.0)),  # beyond the limit
        ([(180.0, 280.0, 10.0)], {"RALLY_INCL_HOME": 0.0}, (180.0, 280.0)),
        ([(180.0, 280.0, 10.0)], {"RALLY_INCL_HOME": 0.0, "RALLY_LIMIT_KM": 0.1}, (0.0, 0.0)),
    ],
)
def test_it_returns_to_the_nearest_of_home_and_rally_points(
    rally: list[tuple[float, float, float]],
    parameters: dict[str, float],
    lands_at: tuple[float, float],
) -> None:
    bench = on_the_way_out()
    bench.rally(*rally)
    for name, value in parameters.items():
        assert bench.ap.parameters.set(name, value)
    flown_home(bench)
    assert bench.away_m(*lands_at) < 1.5


def test_a_rally_point_outside_the_fence_does_not_count() -> None:
    bench = on_the_way_out()
    bench.rally((240.0, 0.0, 10.0), (100.0, 0.0, 10.0))
    bench.fence(*SQUARE, FENCE_TYPE=4.0)
    flown_home(bench)
    assert bench.away_m(100.0) < 1.5


@pytest.mark.parametrize(
    ("rally_up", "rtl_alt_cm", "ceiling_m", "wanted_m"),
    [(45, 1500, 100, 45), (10, 3000, 100, 30), (10, 1500, 100, 20), (39, 1500, 40, 38)],
)
def test_the_return_height_is_the_greatest_of_three_below_the_fence(
    rally_up: float, rtl_alt_cm: float, ceiling_m: float, wanted_m: float
) -> None:
    """The rally point's, RTL_ALT and where it is; 2 m below the fence."""
    bench = on_the_way_out()
    bench.rally((300.0, 0.0, rally_up))
    bench.ap.parameters.set("RTL_ALT", rtl_alt_cm)
    bench.fence(FENCE_TYPE=1.0, FENCE_ALT_MAX=ceiling_m)
    bench.start()
    bench.until(lambda: bench.away_m() > 180)
    bench.ap.change_mode("RTL")
    bench.until(lambda: bench.away_m(300.0) < 15)
    assert bench.ap.airframe.known_up == pytest.approx(wanted_m, abs=0.7)


def test_near_home_it_climbs_no_more_than_its_cone() -> None:
    bench = Bench()
    bench.load((8.0, 0.0, 10.0), hold_s=60.0)
    bench.ap.parameters.set("RTL_ALT", 6000.0)
    bench.run(7)
    bench.start()
    bench.until(lambda: 2 in bench.reached() or bench.away_m() > 7.8)
    bench.run(10)
    bench.ap.change_mode("RTL")
    highest = 0.0
    while bench.ap.armed:
        bench.run(0.5)
        highest = max(highest, bench.ap.airframe.known_up)
    assert highest == pytest.approx(24, abs=2.5), "three times the eight metres"
