"""What a flight has really seen, from made-up telemetry along the lanes."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from made_flights import flight, flights
from made_terrain import terrain
from numpy.typing import NDArray
from random_rivers import area_with, meander
from shapely.geometry import LineString

from patrol.plan import Plan
from patrol.planning.flown import flown_certificate, flown_ground
from patrol.planning.planner import plan_area
from patrol.planning.settings import PlanSettings

RIVER = LineString([(0, 0), (1000, 0)])
SETTINGS = PlanSettings(cover="both")
# A frame reaches so far ahead and behind, less the two metres that GPS may be off by.
AHEAD_M = SETTINGS.gsd_m * 1080 / 2 - 2.0


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_area(area_with([(RIVER, 20)], [(-60, 80)]), SETTINGS)


def test_flown_as_planned_all_is_seen(plan: Plan) -> None:
    made = flown_certificate(plan, flights(plan))
    assert made.uncovered == ()
    assert made.share == made.area_share == 1.0
    assert [(b.bank, b.metres) for b in made.banks] == [("left", 1000), ("right", 1000)]


@pytest.mark.parametrize("settings", [
    PlanSettings(),
    PlanSettings(gsd_m=0.02, capture="photos", cover="both", speed_m_s=10.0),
    PlanSettings(gsd_m=0.03, pitch_deg=-60.0),
])  # fmt: skip
@pytest.mark.parametrize("seed", [3, 8])
def test_a_winding_river_flown_as_planned(settings: PlanSettings, seed: int) -> None:
    made = plan_area(area_with([(meander(seed, 900, 60, 15), 40)], [(-100, -100)]), settings)
    assert made.certificate.share == 1.0
    assert flown_certificate(made, flights(made)).share == 1.0


def test_over_terrain_flown_as_planned() -> None:
    area = area_with([(RIVER, 20)], [(-60, 80)])
    made = plan_area(area, PlanSettings(cover="both"), None, terrain("ramp", 120))
    assert flown_certificate(made, flights(made)).share > 0.98


@pytest.mark.parametrize(
    ("start", "end"),
    [(60.0, 120.0), (333.3, 400.0), (500.0, 900.0), (-100.0, 200.0), (905.0, 2000.0)],
)
def test_a_gap_in_the_recording_is_listed_as_just_that_gap(
    plan: Plan, start: float, end: float
) -> None:
    def off(points: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray((points[:, 0] > start) & (points[:, 0] < end))

    found = flown_certificate(plan, flights(plan, off=off))
    assert [u.bank for u in found.uncovered] == ["left", "right"]
    for gap in found.uncovered:
        # The last frame before the gap is at most two steps of the record before it.
        first, last = max(0.0, start + AHEAD_M), min(1000.0, end - AHEAD_M)
        assert first - 5.0 <= gap.from_m <= first + 0.5
        assert last - 0.5 <= gap.to_m <= last + 5.0
        assert gap.reason
    lost = found.uncovered[0].to_m - found.uncovered[0].from_m
    assert found.share == pytest.approx(1 - lost / 1000, abs=1e-6)


def test_never_recording_is_nothing_seen(plan: Plan) -> None:
    made = flown_certificate(plan, flights(plan, off=lambda points: np.ones(len(points), bool)))
    assert made.share == made.area_share == 0.0
    assert [(u.from_m, u.to_m) for u in made.uncovered] == [(0, 1000)] * 2
    assert flown_certificate(plan, []).share == 0.0


@pytest.mark.parametrize(
    ("column", "by", "seen"),
    [
        ("above_launch_m", 5.0, False),  # coarser than asked
        ("above_launch_m", -1.0, True),
        ("above_launch_m", -30.0, False),  # the picture is too narrow
        ("gimbal_pitch_deg", 50.0, False),  # it looked ahead
        ("gimbal_pitch_deg", 95.0, False),  # it looked at the sky
        ("gimbal_yaw_deg", 90.0, False),  # the picture lay along the river
        ("gimbal_yaw_deg", 180.0, True),
        ("gimbal_roll_deg", 1.0, True),
        ("lat_deg", 0.0002, False),  # 22 m beside the lane
        ("lat_deg", 0.00002, True),
    ],
)
def test_where_and_how_the_camera_looked_counts(
    plan: Plan, column: str, by: float, seen: bool
) -> None:
    made = flown_certificate(plan, flights(plan, **{column: by}))
    assert (made.share == 1.0) == seen
    if not seen:
        assert made.share < 0.6


def test_what_two_flights_saw_adds_up(plan: Plan) -> None:
    [sortie] = plan.sorties
    first = flight(plan, sortie, off=lambda p: p[:, 0] > 520)
    second = flight(plan, sortie, off=lambda p: p[:, 0] < 480)
    assert flown_certificate(plan, [first]).share < 0.6
    assert flown_certificate(plan, [second]).share < 0.6
    assert flown_certificate(plan, [first, second]).share == 1.0


def test_the_ground_of_one_frame_is_what_the_camera_shows(plan: Plan) -> None:
    [sortie] = plan.sorties
    recorded = flight(plan, sortie)
    rows = np.flatnonzero(recorded.recording)[[40]]
    one = flown_ground(plan, _row(recorded, int(rows[0])))
    [frame] = one
    west, south, east, north = frame.bounds
    gsd, camera = plan.settings.gsd_m, plan.camera_model
    assert (east - west, north - south) == pytest.approx(
        (camera.height_px * gsd - 4, camera.width_px * gsd - 4), abs=0.2
    )
    centre = plan.projection.forward([(recorded.lon_deg[rows[0]], recorded.lat_deg[rows[0]])])
    assert frame.centroid.distance(shapely.Point(centre[0])) < 0.1


def _row(recorded: object, row: int) -> object:
    columns = {name: getattr(recorded, name)[row : row + 1] for name in recorded.__slots__}  # type: ignore[attr-defined]
    return type(recorded)(**columns)
