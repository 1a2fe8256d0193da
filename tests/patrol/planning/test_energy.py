from __future__ import annotations

import numpy as np
import pytest

from patrol.planning.energy import AIRCRAFT, EnergyModel

MODEL = EnergyModel(speed_m_s=8.0, battery_wh=77.0, hover_w=120.0, cruise_w=100.0, climb_w=170.0)


def test_a_straight_line_takes_its_length_over_the_speed() -> None:
    flown = MODEL.along([(0, 0), (300, 400), (600, 800)])
    assert flown.length_m == pytest.approx(1000)
    assert flown.duration_s == pytest.approx(125)
    assert flown.energy_wh == pytest.approx(125 * 100 / 3600)


@pytest.mark.parametrize(
    ("angle_deg", "stops"), [(0, 0.0), (60, 0.25), (90, 1.0), (150, 1.0), (180, 1.0)]
)
def test_a_turn_costs_a_stop_at_most(angle_deg: float, stops: float) -> None:
    turn = np.radians(angle_deg)
    points = [(0, 0), (100, 0), (100 + 100 * np.cos(turn), 100 * np.sin(turn))]
    lost_s = MODEL.along(points).duration_s - 200 / 8
    assert lost_s == pytest.approx(stops * MODEL.stop_s, abs=1e-9)


def test_points_that_stand_twice_are_no_turn() -> None:
    assert MODEL.along([(0, 0), (50, 0), (50, 0), (100, 0)]) == MODEL.along([(0, 0), (100, 0)])


def test_slowing_down_for_a_corner_against_a_fine_integration() -> None:
    speed, kept, acceleration = 8.0, 8.0 * np.cos(np.radians(50)), 2.5
    step_s, lost_s, now = 1e-4, 0.0, speed
    while now > kept:  # slowing down, and the same again speeding up
        now -= acceleration * step_s
        lost_s += 2 * step_s * (1 - now / speed)
    assert MODEL.turn_s([np.radians(50)])[0] == pytest.approx(lost_s, rel=1e-3)


@pytest.mark.parametrize("name", sorted(AIRCRAFT))
def test_the_model_gives_back_the_makers_endurance(name: str) -> None:
    sheet = AIRCRAFT[name]
    model = sheet.model(sheet.best_speed_m_s)
    assert 3600 * sheet.battery_wh / model.hover_w == pytest.approx(60 * sheet.hover_min)
    assert 3600 * sheet.battery_wh / model.cruise_w == pytest.approx(60 * sheet.flight_min)
    assert sheet.model(0.001).cruise_w == pytest.approx(model.hover_w, rel=0.01)
    assert model.climb_w > model.hover_w


def test_a_sortie_is_level_flight_climb_and_landing() -> None:
    track = [(0, 0), (400, 0), (0, 0)]
    sortie, level, vertical = MODEL.sortie(track, 50), MODEL.along(track), MODEL.vertical(50)
    assert sortie.length_m == 800
    assert sortie.duration_s == pytest.approx(level.duration_s + vertical.duration_s + MODEL.stop_s)
    assert sortie.energy_wh > level.energy_wh + vertical.energy_wh
