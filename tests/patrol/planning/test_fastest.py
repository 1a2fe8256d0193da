"""The ground speed with the least operating time, and what limits it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_terrain import terrain
from random_rivers import area_with
from shapely.geometry import LineString

from patrol.errors import PlanningError
from patrol.planning.aircraft import AIRCRAFT
from patrol.planning.fastest import fastest_m_s, plan_fastest
from patrol.planning.planner import plan_area
from patrol.planning.settings import PlanSettings
from patrol.planning.wind import Wind

RIVER = LineString([(0, 0), (400, 60), (800, 0), (1200, 40)])
AREA = area_with([(RIVER, 20)], [(-200, -200), (900, 300)])


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        (PlanSettings(gsd_m=0.05), 15.0),  # the aircraft's
        (PlanSettings(gsd_m=0.035), 15.0),
        (PlanSettings(gsd_m=0.02), 10.0),  # a pixel in 1/500 s
        (PlanSettings(gsd_m=0.05, wind=Wind(8, 10)), 0.9 * 21 - 8),  # the air speed's
        (PlanSettings(gsd_m=0.05, camera="p4rtk", wind=Wind(5, 0)), 0.9 * 16 - 5),
        (PlanSettings(capture="photos", gsd_m=0.013, speed_m_s=4.0), 13.0),  # a pixel in 1/1000 s
    ],
)
def test_what_limits_the_speed(settings: PlanSettings, limit: float) -> None:
    assert fastest_m_s(settings) == pytest.approx(limit)


@pytest.mark.parametrize("camera", ["m3e", "p4rtk", "m3t"])
def test_photos_are_not_asked_for_faster_than_they_are_taken(camera: str) -> None:
    settings = PlanSettings(
        capture="photos", gsd_m=0.02, speed_m_s=2.0, camera=camera, frontlap=0.8
    )
    speed = fastest_m_s(settings)
    every_s = settings.trigger_m / speed
    assert every_s >= AIRCRAFT[camera].photo_interval_s - 1e-9
    replace(settings, speed_m_s=speed)  # may be flown
    if every_s == pytest.approx(AIRCRAFT[camera].photo_interval_s):
        with pytest.raises(PlanningError):
            replace(settings, speed_m_s=speed * 1.01)


@pytest.mark.parametrize(
    "settings",
    [
        PlanSettings(),
        PlanSettings(battery_wh=11.0),
        PlanSettings(battery_wh=20.0, wind=Wind(9, 80)),
        PlanSettings(gsd_m=0.02, capture="photos", cover="both"),
    ],
)
def test_the_best_of_the_speeds_tried(settings: PlanSettings) -> None:
    best = plan_fastest(AREA, settings)
    highest = fastest_m_s(settings)
    assert best.settings.speed_m_s <= highest + 0.01
    assert replace(best.settings, speed_m_s=settings.speed_m_s) == settings
    for slower in (0.0, 2.0, 4.0):
        speed = round(highest - slower, 2)
        other = plan_area(AREA, replace(settings, speed_m_s=speed))
        better_seen = other.certificate.share > best.certificate.share + 1e-4
        assert not better_seen
        if other.certificate.share == best.certificate.share:
            assert best.operation.operating_s <= other.operation.operating_s + 1e-6


def test_the_speed_given_does_not_matter() -> None:
    quick, slow = (plan_fastest(AREA, PlanSettings(speed_m_s=v)) for v in (15.0, 0.5))
    assert quick == slow


def test_seeing_more_is_worth_more_than_time() -> None:
    """With a battery that is short, slow and whole comes before quick and in parts."""
    area = area_with([(RIVER, 20)], [(-200, -200)])
    best = plan_fastest(area, PlanSettings(battery_wh=16.0, wind=Wind(8, 90)))
    for speed in (fastest_m_s(best.settings), fastest_m_s(best.settings) - 2):
        other = plan_area(area, replace(best.settings, speed_m_s=round(speed, 2)))
        assert other.certificate.share <= best.certificate.share + 1e-4


def test_what_no_speed_can_do_is_refused() -> None:
    with pytest.raises(PlanningError, match="cannot be flown"):
        plan_fastest(AREA, PlanSettings(battery_wh=2.0))


def test_over_terrain() -> None:
    best = plan_fastest(AREA, PlanSettings(), None, terrain("hills", 60))
    assert best.certificate.share > 0.99
    assert all(lane.speed_m_s <= best.settings.speed_m_s for lane in best.lanes)
