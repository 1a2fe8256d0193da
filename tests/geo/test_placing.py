from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.camera import CAMERAS, Pose
from geo.coordinates import EastNorth, LocalProjection, LonLat
from geo.errors import GeometryError, SightLineError
from geo.placing import Ellipse, GroundPoint, PoseError, fuse, place

M3E = CAMERAS["m3e"].resized(1920, 1080)
HERE = LocalProjection(LonLat(113.459, 23.106))
ERROR = PoseError(1.5, 1.5, 1.5, 0.5, 3.0)


@pytest.mark.parametrize(
    ("pose", "pixel"),
    [
        (Pose(0, 0, 48, 30, -90), (960.0, 540.0)),
        (Pose(0, 0, 48, 30, -90), (100.0, 80.0)),
        (Pose(0, 0, 60, 200, -55), (1500.0, 300.0)),
    ],
)
def test_the_ellipse_holds_the_truth_95_times_in_100(
    pose: Pose, pixel: tuple[float, float]
) -> None:
    """Monte Carlo: place with a noisy pose, ask whether the truth lies in the ellipse."""
    rng = np.random.default_rng(5)
    truth = place(M3E, pose, pixel, HERE, ground_up_m=0, error=ERROR).position
    runs, inside = 1500, 0
    for _ in range(runs):
        n = rng.normal(size=9)
        measured = replace(
            pose,
            east_m=pose.east_m + 1.5 * n[0], north_m=pose.north_m + 1.5 * n[1],
            up_m=pose.up_m + 1.5 * n[2], yaw_deg=pose.yaw_deg + 1.5 * n[3],
            pitch_deg=pose.pitch_deg + 0.5 * n[4], roll_deg=pose.roll_deg + 0.5 * n[5],
        )  # fmt: skip
        found = place(
            M3E, measured, (pixel[0] + 3 * n[6], pixel[1] + 3 * n[7]), HERE,
            ground_up_m=n[8], ground_sigma_m=1.0, error=ERROR,
        )  # fmt: skip
        offset = np.array(
            [found.position.east_m - truth.east_m, found.position.north_m - truth.north_m]
        )
        inside += offset @ np.linalg.solve(found.covariance_m2, offset) <= -2 * math.log(0.05)
    assert 0.93 <= inside / runs <= 0.97


def test_the_horizon_has_no_ground_position() -> None:
    with pytest.raises(SightLineError, match="horizon"):
        place(M3E, Pose(0, 0, 50, 0, -10), (960, 0), HERE)


@given(st.floats(0.2, 30), st.floats(0.1, 1), st.floats(0, 179.9))
def test_ellipse_of_a_known_covariance(major: float, ratio: float, bearing: float) -> None:
    angle = math.radians(bearing)
    axis, across = (
        np.array([math.sin(angle), math.cos(angle)]),
        np.array([math.cos(angle), -math.sin(angle)]),
    )
    minor = major * ratio
    covariance = major**2 * np.outer(axis, axis) + minor**2 * np.outer(across, across)
    ellipse = Ellipse.from_covariance(covariance)
    scale = math.sqrt(-2 * math.log(0.05))
    assert ellipse.semi_major_m == pytest.approx(major * scale, rel=1e-6)
    assert ellipse.semi_minor_m == pytest.approx(minor * scale, rel=1e-6)
    if ratio < 0.95:
        turn = abs(ellipse.bearing_deg - bearing) % 180
        assert min(turn, 180 - turn) < 1e-3
    outline = ellipse.outline_m()
    assert np.hypot(*outline.T).max() <= ellipse.semi_major_m * (1 + 1e-9)


def test_fusing_gains_but_never_below_the_shared_error() -> None:
    one = GroundPoint(EastNorth(0, 0, HERE), np.diag([9.0, 1.0]))
    two = GroundPoint(EastNorth(4, 4, HERE), np.diag([1.0, 9.0]))
    both = fuse([one, two], shared_sigma_m=1.5)
    assert (both.position.east_m, both.position.north_m) == pytest.approx((3.6, 0.4))
    assert np.all(np.linalg.eigvalsh(both.covariance_m2) >= 1.5**2)
    assert fuse([one]).covariance_m2 == pytest.approx(one.covariance_m2)


def test_nothing_to_fuse_and_bad_covariances_are_refused() -> None:
    with pytest.raises(GeometryError):
        fuse([])
    with pytest.raises(GeometryError):
        Ellipse.from_covariance([[1, 2], [2, 1]])
    with pytest.raises(GeometryError):
        Ellipse.from_covariance([[1, float("nan")], [0, 1]])
