from __future__ import annotations

import numpy as np
import pytest
import shapely
from flights import CAMERA, HERE, Flight, fly, line

from detection.sampling import choose_by_new_ground, footprint_m
from geo.camera import Pose

GSD_M = CAMERA.gsd_m(47.7)
LENGTH_M = GSD_M * CAMERA.height_px  # of the picture, along the flight


def flight(fps: float = 2.0, speed: float = 8.0, pitch: float = -90.0) -> Flight:
    rng = np.random.default_rng(3)
    return fly(*line((0, 0), (0, 300), fps=fps, speed_m_s=speed, pitch_deg=pitch), rng)


def chosen(flown: Flight, share: float = 0.25) -> list[int]:
    return choose_by_new_ground(
        flown.times_s.tolist(), flown.said, [CAMERA] * len(flown.said), HERE, share
    )


def looks_at(flown: Flight, which: list[int]) -> np.ndarray:
    """How many of the frames show each metre of the line of flight."""
    north = np.arange(300.0)
    seen = np.zeros(300, int)
    for k in which:
        ground = footprint_m(CAMERA, flown.said[k], HERE)
        assert ground is not None
        seen += shapely.contains_xy(ground, np.zeros(300), north)
    return seen


@pytest.mark.parametrize("share", [0.15, 0.25, 0.5])
@pytest.mark.parametrize(
    ("fps", "speed"), [(15.0, 8.0), (2.0, 8.0), (2.0, 5.0), (1.0, 8.0), (0.5, 15.0)]
)
def test_every_place_is_looked_at_as_often_as_asked_where_the_footage_allows(
    fps: float, speed: float, share: float
) -> None:
    flown = flight(fps, speed)
    looked, shown = (
        looks_at(flown, chosen(flown, share)),
        looks_at(flown, [*range(len(flown.said))]),
    )
    inside = slice(20, 270)  # ends of a lane are in fewer frames
    assert np.all(looked[inside] >= np.minimum(int(1 / share), shown[inside]))


@pytest.mark.parametrize(("fps", "speed"), [(25.0, 8.0), (10.0, 2.0)])
def test_the_cost_follows_the_river_and_not_the_clock(fps: float, speed: float) -> None:
    picked = chosen(flight(fps, speed))
    assert len(picked) == pytest.approx(300 / (0.25 * LENGTH_M), rel=0.15)


def test_a_hovering_camera_is_looked_at_now_and_then() -> None:
    times = np.arange(0, 65, 0.5)
    still = fly(times, [Pose(0, 0, 47.7, 30, -90)] * len(times), np.random.default_rng(1))
    picked = times[chosen(still)]
    assert picked[0] == 0
    assert np.all(np.diff(picked) >= 10)
    assert len(picked) == 4


def test_a_camera_that_turns_on_the_spot_shows_new_ground() -> None:
    times = np.arange(0, 10, 0.5)
    turning = fly(times, [Pose(0, 0, 47.7, 9 * t, -90) for t in times], np.random.default_rng(1))
    assert 2 <= len(chosen(turning)) < len(times)


def test_frames_without_pose_and_of_the_sky_are_left_out() -> None:
    flown = flight()
    poses = list(flown.said)
    without = choose_by_new_ground(
        flown.times_s.tolist(), [None if k % 2 else p for k, p in enumerate(poses)],
        [CAMERA] * len(poses), HERE,
    )  # fmt: skip
    assert without
    assert all(k % 2 == 0 for k in without)
    assert chosen(flight(pitch=5.0)) == []


def test_an_oblique_picture_ends_at_four_heights() -> None:
    pose = fly(*line((0, 0), (0, 8), pitch_deg=-20.0), np.random.default_rng(1)).said[0]
    ground = footprint_m(CAMERA, pose, HERE)
    assert ground is not None
    assert ground.hausdorff_distance(shapely.Point(0, 0)) < 4.1 * 50
