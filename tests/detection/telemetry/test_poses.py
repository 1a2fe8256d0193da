"""Reading a track between its blocks, and the pose and error that it gives a frame."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.errors import SubtitleError
from detection.telemetry.poses import PoseSettings, VideoPoses, frame_pose, pose_errors
from detection.telemetry.srt import read_srt
from detection.telemetry.track import PoseTrack
from geo.camera import Pose
from geo.coordinates import LocalProjection, LonLat

METRES_PER_DEG_LAT = 111_320.0


def track(n: int = 20, step_s: float = 0.5, **columns: np.ndarray | float | str) -> PoseTrack:
    """A made-up track: hovering at one place with nothing else known, changed by `columns`."""
    nan = np.full(n, np.nan)
    plain = PoseTrack(
        source="made-up.SRT", format="mavic_3", axis_order="named",
        start_s=np.arange(n) * step_s, end_s=(np.arange(n) + 1) * step_s, utc_s=nan,
        lon_deg=np.full(n, 113.459), lat_deg=np.full(n, 23.106), rel_alt_m=np.full(n, 48.0),
        abs_alt_m=nan, plain_alt_m=nan, gimbal_yaw_deg=nan, gimbal_pitch_deg=nan, gimbal_roll_deg=nan,
        flight_yaw_deg=nan, flight_pitch_deg=nan, flight_roll_deg=nan, focal_35mm=nan,
        line=np.arange(n) * 6 + 2, position_step_deg=1e-6,
    )  # fmt: skip
    return replace(plain, **columns)


def test_between_blocks_values_are_linear_and_angles_go_the_short_way() -> None:
    made = track(
        3,
        1.0,
        rel_alt_m=np.array([10.0, 20.0, 40.0]),
        gimbal_yaw_deg=np.array([170.0, -170.0, -150.0]),
        lat_deg=np.array([23.0, 23.0002, 23.0004]),
        utc_s=np.array([1000.0, 1001.0, 1002.0]),
    )
    found = made.at([0.0, 0.5, 1.0, 1.75])
    assert found.rel_alt_m == pytest.approx([10, 15, 20, 35])
    assert np.cos(np.radians(found.gimbal_yaw_deg - [170, 180, -170, -155])) == pytest.approx(
        [1] * 4
    )
    assert found.lat_deg == pytest.approx([23.0, 23.0001, 23.0002, 23.00035])
    assert found.utc_s == pytest.approx([1000, 1000.5, 1001, 1001.75])
    assert found.ok.all()


@given(st.lists(st.floats(-179.9, 179.9), min_size=2, max_size=12), st.floats(0, 1))
def test_interpolated_angles_lie_between_their_neighbours(angles: list[float], part: float) -> None:
    made = track(len(angles), 1.0, gimbal_yaw_deg=np.array(angles))
    times = np.arange(len(angles) - 1) + part
    found = made.at(times).gimbal_yaw_deg
    for value, a, b in zip(found, angles, angles[1:], strict=False):
        turn = (b - a + 180) % 360 - 180
        off_a, off_b = (abs((value - x + 180) % 360 - 180) for x in (a, b))
        assert off_a + off_b == pytest.approx(abs(turn), abs=1e-6)
        assert -180 <= value <= 180


def test_nothing_beyond_a_second_from_the_ends_or_in_a_hole() -> None:
    lon = np.full(20, 113.459)
    lon[4:14] = np.nan  # no fix from 2.0 to 6.5 s; blocks with one at 1.5 and 7.0 s
    made = track(
        20, 0.5, lon_deg=lon, start_s=np.arange(20) * 0.5 + 3, end_s=np.arange(20) * 0.5 + 3.5
    )
    assert made.covers_s == (3.0, 13.0)
    found = made.at([1.9, 2.1, 4.5, 6.0, 10.0, 13.9, 14.1, math.nan])
    assert found.reason.tolist() == [
        "telemetry starts late", "", "", "no position fix", "", "", "telemetry ends early", "no position fix",
    ]  # fmt: skip
    assert np.isnan(found.lon_deg).tolist() == (~found.ok).tolist()
    poses = VideoPoses(made)
    assert [pose is None for pose in poses.many([1.9, 2.1, 6.0])] == [True, False, True]
    with pytest.raises(
        SubtitleError, match=r"made-up\.SRT: telemetry ends early: no pose at 20\.0 s"
    ):
        poses.at(20.0)


def flown(course_deg: float, speed_m_s: float, step_deg: float = 1e-6) -> PoseTrack:
    """A straight flight, positions rounded to a step."""
    t = np.arange(60) * 0.5
    north = METRES_PER_DEG_LAT
    east = METRES_PER_DEG_LAT * math.cos(math.radians(23.106))
    lon = 113.459 + t * speed_m_s * math.sin(math.radians(course_deg)) / east
    lat = 23.106 + t * speed_m_s * math.cos(math.radians(course_deg)) / north
    return track(
        60, 0.5, lon_deg=np.round(lon / step_deg) * step_deg, lat_deg=np.round(lat / step_deg) * step_deg,
        position_step_deg=step_deg,
    )  # fmt: skip


@pytest.mark.parametrize("course", [0.0, 37.0, 91.0, 180.0, -120.0])
@pytest.mark.parametrize(
    ("speed", "step", "within"), [(8, 1e-6, 1.0), (8, 1e-4, 25.0), (2, 1e-5, 15.0)]
)
def test_heading_from_the_course_over_ground(
    course: float, speed: float, step: float, within: float
) -> None:
    found = frame_pose(flown(course, speed, step), 15.0)
    assert abs((found.yaw_deg - course + 180) % 360 - 180) < within
    assert found.yaw_from == "course"
    assert 10 <= found.error.yaw_deg < 60
    assert found.pitch_deg == -90
    assert found.error.tilt_deg > 0.5


def test_a_hovering_drone_without_a_heading_admits_it() -> None:
    found = frame_pose(track(), 5.0)
    assert found.yaw_from == "unknown"
    assert found.error.yaw_deg > 90


def test_the_best_heading_that_is_given_is_used() -> None:
    moving = flown(90, 8)
    n = len(moving)
    flight = replace(moving, flight_yaw_deg=np.full(n, 80.0))
    gimbal = replace(flight, gimbal_yaw_deg=np.full(n, 70.0), gimbal_pitch_deg=np.full(n, -60.0))
    assert (frame_pose(flight, 5).yaw_from, frame_pose(flight, 5).yaw_deg) == ("flight", 80)
    found = frame_pose(gimbal, 5)
    assert (found.yaw_from, found.yaw_deg, found.pitch_deg, found.roll_deg) == (
        "gimbal",
        70,
        -60,
        0,
    )
    assert frame_pose(gimbal, 5).error.yaw_deg < frame_pose(flight, 5).error.yaw_deg


def test_errors_grow_with_rounding_and_shrink_with_rtk() -> None:
    fine, coarse = pose_errors(track()), pose_errors(track(position_step_deg=1e-4))
    rtk = pose_errors(track(format="p4_rtk"))
    assert rtk.horizontal_m < 0.6 < fine.horizontal_m < 1.6 < 3.5 < coarse.horizontal_m < 3.6
    assert rtk.vertical_m < fine.vertical_m


@pytest.mark.parametrize(
    ("columns", "settings", "height"),
    [
        ({}, PoseSettings(), 48.0),
        ({}, PoseSettings(height_m=40.0), 40.0),
        ({"plain_alt_m": np.full(20, 50.0)}, PoseSettings(altitude_above="launch"), 48.0),
    ],
)
def test_heights(columns: dict[str, np.ndarray], settings: PoseSettings, height: float) -> None:
    assert frame_pose(track(**columns), 1, settings).above_launch_m == height


def test_a_height_of_unnamed_datum_must_be_declared() -> None:
    nan = np.full(20, np.nan)
    plain = track(rel_alt_m=nan, plain_alt_m=np.full(20, 250.0))
    sea = track(rel_alt_m=nan, abs_alt_m=np.full(20, 250.0))
    assert frame_pose(plain, 1, PoseSettings(altitude_above="launch")).above_launch_m == 250
    assert (
        frame_pose(plain, 1, PoseSettings(altitude_above="msl", launch_msl_m=210)).above_launch_m
        == 40
    )
    assert frame_pose(sea, 1, PoseSettings(launch_msl_m=210)).above_launch_m == 40
    for made, settings, said in (
        (plain, PoseSettings(), "does not say what it is above"),
        (plain, PoseSettings(altitude_above="msl"), "launch site's height above sea level"),
        (sea, PoseSettings(), "launch site's height above sea level"),
        (track(rel_alt_m=nan), PoseSettings(), "gives no height"),
    ):
        with pytest.raises(SubtitleError, match=rf"made-up\.SRT: line 2: .*{said}"):
            VideoPoses(made, settings)


def test_the_camera_comes_from_the_focal_length() -> None:
    poses = VideoPoses(track(focal_35mm=np.full(20, 24.57)))
    assert poses.camera_at(3, 1920, 1080).focal_px == pytest.approx(1364, rel=0.01)
    with pytest.raises(SubtitleError, match="names no focal length"):
        VideoPoses(track()).camera_at(3, 1920, 1080)


def test_a_pose_in_a_projection() -> None:
    here = LocalProjection(LonLat(113.459, 23.106))
    found = frame_pose(track(gimbal_yaw_deg=np.full(20, 30.0)), 1.0)
    assert found.pose(here) == Pose(
        pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6), 48, 30, -90, 0
    )
    assert found.turned(160).yaw_deg == pytest.approx(-170)


def test_real_tracks_give_poses(real_data: Path) -> None:
    rtk = read_srt(real_data / "telemetry/dji_srt/p4_rtk.SRT")
    found = VideoPoses(rtk).at(10.0)
    assert (found.yaw_from, found.pitch_deg, found.utc) == ("gimbal", -24.4, None)
    zoom = read_srt(real_data / "telemetry/dji_srt/m2zoom.SRT", UTC)
    poses = VideoPoses(zoom, PoseSettings(altitude_above="msl", launch_msl_m=213.98))
    assert poses.at(0.0).above_launch_m == pytest.approx(0, abs=0.01)
    assert poses.at(0.0).utc == datetime(2020, 4, 2, 15, 19, 58, 721000, tzinfo=UTC)
    # The zoom lens doubled its focal length during the recording.
    wide, tele = (poses.camera_at(t, 1920, 1080).focal_px for t in (0.0, 118.0))
    assert tele == pytest.approx(2 * wide)
