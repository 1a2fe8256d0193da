"""Time and energy against hand-made integrations, and the properties that the search relies on."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from patrol.planning.aircraft import AIRCRAFT, Aircraft
from patrol.planning.energy import (
    ACCELERATION_M_S2,
    CLIMB_M_S,
    DESCENT_M_S,
    EnergyModel,
)
from patrol.planning.wind import CALM, Wind

SHEET = AIRCRAFT["m3e"]


def model(
    speed_m_s: float = 8.0, wind: Wind = CALM, aircraft: Aircraft = SHEET, wh: float | None = None
) -> EnergyModel:
    return EnergyModel.of(aircraft, speed_m_s, wh, wind)


def stepped(
    m: EnergyModel, start: tuple[float, float], end: tuple[float, float], step_s: float = 0.01
) -> tuple[float, float]:
    """Seconds and watt-hours from start to end by small steps: the nose is turned into the wind
    so that the drift cancels, the ground speed is what is asked for or what is left of the air
    speed's limit, and each step takes the power of its air speed."""
    way = np.subtract(end, start)
    length = float(np.hypot(*way))
    ahead = way / length
    blow = m.wind.speed_m_s * np.array(
        [-math.sin(math.radians(m.wind.from_deg)), -math.cos(math.radians(m.wind.from_deg))]
    )
    along, across = float(blow @ ahead), float(blow @ np.array([-ahead[1], ahead[0]]))
    most = along + math.sqrt(m.aircraft.max_air_speed_m_s**2 - across**2)
    speed = min(m.speed_m_s, most)
    here, seconds, joules = 0.0, 0.0, 0.0
    while here < length:
        part = min(step_s, (length - here) / speed)
        air = speed * ahead - blow
        joules += float(m.power_w(float(np.hypot(*air)))) * part
        here += speed * part + 1e-12
        seconds += part
    return seconds, joules / 3600


@pytest.mark.parametrize("name", sorted(AIRCRAFT))
def test_the_power_curve_gives_back_the_maker_s_sheet(name: str) -> None:
    sheet = AIRCRAFT[name]
    m = model(aircraft=sheet)
    minutes = sheet.battery_wh / np.asarray(m.power_w([0.0, sheet.best_speed_m_s])) * 60
    assert minutes == pytest.approx([sheet.hover_min, sheet.flight_min])
    km = sheet.battery_wh / float(m.power_w(sheet.range_speed_m_s)) * sheet.range_speed_m_s * 3.6
    assert km == pytest.approx(sheet.range_km, rel=0.1)
    assert km <= sheet.range_km * (1 + 1e-9)  # never more than the sheet
    speeds = np.linspace(0, sheet.max_air_speed_m_s, 400)
    power = m.power_w(speeds)
    assert speeds[power.argmin()] == pytest.approx(sheet.best_speed_m_s, abs=0.06)
    assert np.all(np.diff(power[speeds >= sheet.best_speed_m_s + 0.1]) > 0)
    assert np.all(np.diff(power, 2) > -1e-9)  # convex, as induced and parasitic power together are


def test_another_battery_changes_the_endurance_not_the_power() -> None:
    small = model(wh=20.0)
    assert small.battery_wh == 20.0
    assert small.hover_w == model().hover_w
    assert small.legs([(100, 0)])[1] == pytest.approx(model().legs([(100, 0)])[1])


def test_a_straight_line_takes_its_length_over_the_speed() -> None:
    flown = model().along([(0, 0), (300, 400), (600, 800)])
    assert flown.length_m == pytest.approx(1000)
    assert flown.duration_s == pytest.approx(125)
    assert flown.energy_wh == pytest.approx(125 * float(model().power_w(8.0)) / 3600)


@pytest.mark.parametrize(
    ("speed", "wind", "end"),
    [
        (8.0, Wind(6, 90), (400, 0)),  # head
        (8.0, Wind(6, 270), (400, 0)),  # tail
        (8.0, Wind(6, 0), (400, 0)),  # across
        (12.0, Wind(5, 45), (300, -200)),
        (15.0, Wind(10, 90), (500, 0)),  # the air speed's limit leaves 11 m/s
        (15.0, Wind(12, 10), (-100, 400)),
        (15.0, Wind(17, 0), (400, 0)),  # across: 12.3 m/s are left
        (15.0, Wind(17, 0), (0, -400)),
    ],
)
def test_legs_in_wind_against_a_fine_integration(
    speed: float, wind: Wind, end: tuple[float, float]
) -> None:
    m = model(speed, wind)
    seconds, wh = m.legs([end])
    by_steps = stepped(m, (0.0, 0.0), end)
    assert (float(seconds[0]), float(wh[0])) == pytest.approx(by_steps, rel=1e-6)


def test_a_head_wind_costs_more_and_a_tail_wind_less() -> None:
    calm, head, tail, across = (
        model(12.0, wind).legs([(1000, 0)])
        for wind in (CALM, Wind(6, 90), Wind(6, 270), Wind(6, 0))
    )
    assert head[0][0] == tail[0][0] == across[0][0] == calm[0][0]  # the ground speed is held
    assert head[1][0] > across[1][0] > calm[1][0] > tail[1][0]


def test_the_air_speed_s_limit_slows_the_ground_speed() -> None:
    m = model(15.0, Wind(10, 90))
    head, tail, across = m.ground_speed_m_s([0.0, math.pi, math.pi / 2])
    assert head == pytest.approx(11.0)
    assert m.slowest_m_s() == pytest.approx(11.0)
    assert tail == across == 15.0
    across = model(15.0, Wind(17, 0)).ground_speed_m_s([0.0])[0]
    assert across == pytest.approx(math.sqrt(21**2 - 17**2))


@given(st.sampled_from(sorted(AIRCRAFT)), st.floats(0.5, 15), st.floats(0, 14), st.floats(0, 360))
def test_the_air_speed_stays_within_its_limit_on_every_heading(
    name: str, speed: float, wind: float, came_from: float
) -> None:
    m = model(speed, Wind(wind, came_from), AIRCRAFT[name])
    headings = np.linspace(0, 2 * np.pi, 73)
    ground = m.ground_speed_m_s(headings)
    assert np.all(ground <= speed + 1e-9)
    assert np.all(m.air_speed_m_s(headings, ground) <= m.aircraft.max_air_speed_m_s + 1e-6)
    assert m.slowest_m_s() <= AIRCRAFT[name].max_air_speed_m_s
    # No faster ground speed up to the one asked for would do.
    slowed = ground < speed - 1e-6
    faster = m.air_speed_m_s(headings, ground + 0.01)
    assert np.all(faster[slowed] > m.aircraft.max_air_speed_m_s - 1e-6)


_AROUND = st.tuples(st.floats(-900, 900), st.floats(-900, 900))


@settings(max_examples=200)
@given(st.floats(1, 15), st.floats(0, 19), st.floats(0, 360), _AROUND, _AROUND)
def test_no_way_by_another_place_is_quicker(
    speed: float, wind: float, came_from: float, a: tuple[float, float], b: tuple[float, float]
) -> None:
    """Leg time is a gauge: positive, linear in length, and with the triangle inequality."""
    m = model(speed, Wind(wind, came_from))
    steps = np.array([a, b, np.add(a, b), np.multiply(a, 3.0)])
    assume(np.hypot(*steps.T).min() > 1)
    first, second, direct, long = m.legs(steps)[0]
    assert direct <= (first + second) * (1 + 1e-9)
    assert long == pytest.approx(3 * first)


@settings(max_examples=100)
@given(st.sampled_from(sorted(AIRCRAFT)), st.floats(1, 15), st.floats(0, 15), st.floats(0, 360))
def test_the_cheapest_metre_is_cheaper_than_any(
    name: str, speed: float, wind: float, came_from: float
) -> None:
    m = model(speed, Wind(wind, came_from), AIRCRAFT[name])
    assume(m.slowest_m_s() >= 1)
    angles = np.linspace(0, 2 * np.pi, 3001)
    seconds, wh = m.legs(np.column_stack([np.cos(angles), np.sin(angles)]))
    least_s, least_wh = m.cheapest_metre()
    assert 0.99 * seconds.min() <= least_s <= seconds.min()
    assert 0.99 * wh.min() <= least_wh <= wh.min()


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(AIRCRAFT)),
    st.floats(1, 15),
    st.floats(0, 15),
    st.floats(0, 360),
    st.lists(_AROUND, min_size=3, max_size=7),
)
def test_no_round_is_cheaper_than_the_cheapest_metre_of_a_round(
    name: str, speed: float, wind: float, came_from: float, corners: list[tuple[float, float]]
) -> None:
    m = model(speed, Wind(wind, came_from), AIRCRAFT[name])
    assume(m.slowest_m_s() >= 1)
    steps = np.diff(np.array([*corners, corners[0]]), axis=0)
    lengths = np.hypot(*steps.T)
    assume(lengths.sum() > 10)
    steps = steps[lengths > 1e-3]
    for way in (steps, -steps):
        _, wh = m.legs(way)
        assert wh.sum() >= m.cheapest_round_metre_wh() * np.hypot(*way.T).sum() * (1 - 1e-9)
    assert m.cheapest_round_metre_wh() >= m.cheapest_metre()[1] * (1 - 1e-9)


def test_climbing_costs_the_height_s_energy_twice_and_no_time_where_it_keeps_up() -> None:
    m = model()
    level, climbing, sinking = (m.legs([(400, 0)], climb) for climb in (0.0, 40.0, -40.0))
    assert level[0] == climbing[0] == sinking[0]
    assert float(climbing[1][0] - level[1][0]) == pytest.approx(2 * 0.92 * 9.81 * 40 / 3600)
    assert sinking[1] == level[1]


@pytest.mark.parametrize(("climb", "rate"), [(60.0, CLIMB_M_S), (-60.0, DESCENT_M_S)])
def test_a_steep_leg_takes_as_long_as_the_climb(climb: float, rate: float) -> None:
    m = model()
    [seconds], [wh] = m.legs([(100, 0)], climb)
    assert seconds == pytest.approx(60 / rate)
    assert wh * 3600 >= seconds * float(m.power_w(8.0)) + max(0.0, 2 * 0.92 * 9.81 * climb)
    [on_the_spot], [spot_wh] = m.legs([(0, 0)], climb)
    assert on_the_spot == pytest.approx(60 / rate)
    assert spot_wh > 0


@pytest.mark.parametrize("angle_deg", [0, 30, 60, 90, 150, 180])
def test_a_turn_keeps_the_part_of_the_speed_along_the_new_leg(angle_deg: float) -> None:
    m, turn = model(), math.radians(angle_deg)
    points = [(0, 0), (100, 0), (100 + 100 * math.cos(turn), 100 * math.sin(turn))]
    kept = 8.0 * max(0.0, math.cos(turn))
    step_s, lost_s, now = 1e-4, 0.0, 8.0
    while now > kept:  # slowing down, and the same again speeding up
        now -= ACCELERATION_M_S2 * step_s
        lost_s += 2 * step_s * (1 - now / 8.0)
    assert m.along(points).duration_s - 25.0 == pytest.approx(lost_s, rel=1e-3, abs=1e-6)
    assert m.along(points, turns=False).duration_s == pytest.approx(25.0)
    extra_j = 3600 * (m.along(points).energy_wh - m.along(points, turns=False).energy_wh)
    assert extra_j >= lost_s * m.hover_w * (1 - 1e-3) - 1e-6


def test_points_that_stand_twice_are_no_turn() -> None:
    m = model()
    assert m.along([(0, 0), (50, 0), (50, 0), (100, 0)]) == m.along([(0, 0), (100, 0)])
    assert m.along([(5, 5)]).duration_s == 0.0


@given(
    st.lists(_AROUND, min_size=2, max_size=8), st.floats(0, 8), st.floats(0, 360), st.integers(0, 9)
)
def test_a_line_is_the_sum_of_its_legs_and_turns(
    points: list[tuple[float, float]], wind: float, came_from: float, seed: int
) -> None:
    m = model(10.0, Wind(wind, came_from))
    steps = np.diff(np.array(points), axis=0)
    assume(np.hypot(*steps.T).min() > 1)
    rng = np.random.default_rng(seed)
    heights = np.cumsum(rng.uniform(-20, 20, len(points)))
    speeds = rng.uniform(2, 10, len(steps))
    flown = m.along(points, heights, speeds)
    seconds = wh = 0.0
    for step, climb, speed in zip(steps, np.diff(heights), speeds, strict=True):
        one = replace(m, speed_m_s=float(speed)).legs([step], climb)
        seconds, wh = seconds + float(one[0][0]), wh + float(one[1][0])
    headings = np.arctan2(steps[:, 1], steps[:, 0])
    lost = sum(
        float(m.turn_s(abs(math.remainder(b - a, math.tau))))
        for a, b in itertools.pairwise(headings)
    )
    assert flown.duration_s == pytest.approx(seconds + lost)
    assert flown.energy_wh == pytest.approx(wh + lost * m.turn_w() / 3600)


def test_take_off_and_landing() -> None:
    m = model()
    up = m.vertical(50.0)
    moving_s = 50 / CLIMB_M_S + 50 / DESCENT_M_S
    assert up.length_m == 0
    assert moving_s + 10 < up.duration_s < moving_s + 30
    assert up.energy_wh * 3600 > moving_s * 0.9 * m.hover_w + 0.92 * 9.81 * 50
    low, high = m.vertical(20.0), m.vertical(80.0)
    for mixed in (m.vertical(80.0, 20.0), m.vertical(20.0, 80.0)):
        assert low.energy_wh < mixed.energy_wh < high.energy_wh
    assert model(8.0, Wind(14, 0)).vertical(50.0).energy_wh > up.energy_wh


def test_a_sortie_is_take_off_the_line_and_landing() -> None:
    m = model(10.0, Wind(4, 200))
    track, heights = [(0, 0), (400, 0), (300, 90), (0, 0)], [50.0, 50.0, 70.0, 70.0]
    sortie, line, ends = m.sortie(track, heights), m.along(track, heights), m.vertical(50.0, 70.0)
    assert sortie.length_m == line.length_m
    assert sortie.duration_s == pytest.approx(line.duration_s + ends.duration_s)
    assert sortie.energy_wh == pytest.approx(line.energy_wh + ends.energy_wh)


def test_the_wind_comes_from_where_it_says() -> None:
    assert Wind(5, 0).east_north_m_s == pytest.approx((0, -5), abs=1e-12)
    assert Wind(5, 90).east_north_m_s == pytest.approx((-5, 0), abs=1e-12)
