"""The path through waypoints: it is smooth, keeps to its limits and passes every point."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patrol.simulation.vehicle.motion.path import FlightPath, Setpoint, Stop

DT = 0.05
CORNER_M = 2.0
ACCEL, JERK = 2.5, 8.0


def run(
    points: list[tuple[float, float, float]], speed: float = 8.0
) -> tuple[FlightPath, list[Setpoint]]:
    path = FlightPath(
        points[0], [Stop(*p, speed) for p in points[1:]],
        corner_m=CORNER_M, climb_m_s=2.5, descent_m_s=1.5, accel_m_s2=ACCEL, jerk_m_s3=JERK,
    )  # fmt: skip
    track = [path.at_target()]
    while not path.finished:
        track.append(path.advance(DT))
        assert len(track) < 200_000, "it never arrives"
    return path, track


def table(track: list[Setpoint]) -> np.ndarray:
    return np.array(
        [(p.east, p.north, p.up, p.v_east, p.v_north, p.v_up, p.a_east, p.a_north) for p in track]
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    legs=st.lists(
        st.tuples(st.floats(3, 300), st.floats(-178, 178), st.floats(20, 50)),
        min_size=1,
        max_size=8,
    ),
    speed=st.floats(2, 14),
)
def test_any_path_is_smooth_and_close_to_its_waypoints(
    legs: list[tuple[float, float, float]], speed: float
) -> None:
    points = [(0.0, 0.0, 30.0)]
    heading = 0.0
    for length, turn, up in legs:
        heading += math.radians(turn)
        east, north, _ = points[-1]
        points.append((east + length * math.sin(heading), north + length * math.cos(heading), up))
    path, track = run(points, speed)
    rows = table(track)
    assert path.passed == len(legs)
    assert np.allclose(rows[-1, :3], points[-1], atol=1e-6)
    for point in points:
        assert np.min(np.hypot(rows[:, 0] - point[0], rows[:, 1] - point[1])) < CORNER_M + 0.4
    velocity = np.hypot(rows[:, 3], rows[:, 4])
    assert velocity.max() <= speed + 0.3
    # What the target does is what it says that it does.
    moved = np.hypot(*np.diff(rows[:, :2], axis=0).T) / DT
    assert np.all(moved <= np.maximum(velocity[1:], velocity[:-1]) + 0.05)
    # Sideways acceleration and climb stay within what the vehicle can follow.
    heading_rate = np.diff(np.unwrap(np.arctan2(rows[:, 3], rows[:, 4])))
    fast = velocity[1:] > 1.0
    sideways = np.abs(heading_rate / DT * velocity[1:])[fast]
    assert (sideways > 4.0).sum() * DT < 0.5
    too_steep = (rows[:, 5] > 2.5 * 1.2) | (rows[:, 5] < -1.5 * 1.2)
    assert too_steep.sum() * DT < 1.0, "only while braking for a steep leg"


def test_it_slows_for_a_sharp_corner_and_not_for_a_faint_one() -> None:
    def slowest(turn_deg: float) -> float:
        heading = math.radians(turn_deg)
        corner = (0.0, 200.0, 30.0)
        end = (200 * math.sin(heading), 200 + 200 * math.cos(heading), 30.0)
        rows = table(run([(0.0, 0.0, 30.0), corner, end])[1])
        near = np.hypot(rows[:, 0], rows[:, 1] - 200) < 20
        return float(np.hypot(rows[near, 3], rows[near, 4]).min())

    assert slowest(3) > 7.9
    assert 3.0 < slowest(90) < 4.0
    assert slowest(170) < 1.0
    assert slowest(180) < 0.5


def test_waypoints_are_passed_in_the_middle_of_their_corners() -> None:
    path = FlightPath(
        (0.0, 0.0, 30.0), [Stop(0.0, 100.0, 30.0, 8.0), Stop(100.0, 100.0, 30.0, 8.0)],
        corner_m=CORNER_M, climb_m_s=2.5, descent_m_s=1.5, accel_m_s2=ACCEL, jerk_m_s3=JERK,
    )  # fmt: skip
    while path.passed == 0:
        point = path.advance(DT)
    assert math.hypot(point.east, point.north - 100.0) == pytest.approx(CORNER_M, abs=0.3)
    assert math.degrees(math.atan2(point.v_east, point.v_north)) == pytest.approx(45, abs=6)
