"""Two pictures of one place lie on one another as the true poses say, or are refused."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from made_films import CAMERA, bare_ground, ground, photo
from numpy.typing import NDArray

from detection.comparison.registration import GroundFrame, Registration, register, warp_to_ground
from geo.camera import Camera, Pose
from geo.placing import intersect_ground

FRAME = GroundFrame(1.0, 42.0, 0.0, 440, 0.07)
FIRST = Pose(-2.0, 40.0, 47.0, 3.0, -89.0, 0.6)
SECOND = Pose(3.0, 44.0, 51.0, 184.0, -88.5, -0.8)


def told(pose: Pose, east_m: float, north_m: float, yaw_deg: float, up_m: float = 0.0) -> Pose:
    return replace(
        pose, east_m=pose.east_m + east_m, north_m=pose.north_m + north_m,
        yaw_deg=pose.yaw_deg + yaw_deg, up_m=pose.up_m + up_m,
    )  # fmt: skip


def registered(
    first: NDArray[np.uint8], second: NDArray[np.uint8], pose: Pose, pose_2: Pose
) -> Registration:
    seen, shown = warp_to_ground(first, CAMERA, pose, FRAME)
    seen_2, shown_2 = warp_to_ground(second, CAMERA, pose_2, FRAME)
    return register(seen, seen_2, shown, shown_2, FRAME.gsd_m)


def test_the_frame_s_homography_is_the_camera_s() -> None:
    pixels = np.array([[0.0, 0.0], [439.0, 0.0], [200.0, 300.0]])
    points = np.column_stack([FRAME.ground(pixels), np.full(3, FRAME.up_m)])
    direct, _ = CAMERA.project(SECOND.to_camera(points))
    by_frame = cv2.perspectiveTransform(pixels[None], FRAME.to_picture(CAMERA, SECOND))[0]
    np.testing.assert_allclose(by_frame, direct, atol=1e-6)
    np.testing.assert_allclose(FRAME.pixels(FRAME.ground(pixels)), pixels, atol=1e-9)
    back = intersect_ground(CAMERA, SECOND, direct)
    np.testing.assert_allclose(back, points[:, :2], atol=1e-6)


@pytest.mark.parametrize("light", [1.0, 0.6])
@pytest.mark.parametrize("error", [(0, 0, 0, 0), (3, -2, 2, 1.5), (-4, 4, -3, -2)])
def test_registration_finds_what_the_poses_are_wrong_by(
    error: tuple[float, float, float, float], light: float
) -> None:
    first, second = photo(ground(()), FIRST), photo(ground((), light=light), SECOND)
    east, north, yaw, up = error
    pose_2 = told(SECOND, east, north, yaw, up)
    found = registered(first, second, FIRST, pose_2)
    assert found.good, found.reason
    assert found.residual_px < 0.7
    # From the first frame to the true ground to the second picture to the second frame.
    grid = np.stack(np.meshgrid(*[np.linspace(60, 380, 6)] * 2), -1).reshape(1, -1, 2)
    true = cv2.perspectiveTransform(
        grid,
        np.linalg.inv(FRAME.to_picture(CAMERA, pose_2)) @ FRAME.to_picture(CAMERA, SECOND),
    )
    miss = np.linalg.norm(true - cv2.perspectiveTransform(grid, found.transform), axis=2)
    assert np.median(miss) < 0.5
    assert miss.max() < 2.0
    # About the middle, a camera said to be further east puts its ground further east.
    assert abs(found.shift_m[0] - east) < 2.5
    assert abs(found.shift_m[1] - north) < 2.5


def test_other_ground_is_refused() -> None:
    found = registered(photo(ground(()), FIRST), photo(ground((), seed=1), SECOND), FIRST, SECOND)
    assert not found.good
    assert found.reason


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [((0, 0, 25, 0), "turned"), ((0, 0, 0, 16), "sizes"), ((17, 0, 0, 0), "")],
)
def test_what_the_poses_exclude_is_refused(
    wrong: tuple[float, float, float, float], reason: str
) -> None:
    first, second = photo(ground(()), FIRST), photo(ground(()), SECOND)
    found = registered(first, second, FIRST, told(SECOND, *wrong))
    assert not found.good
    assert reason in found.reason


def test_a_picture_without_features_is_refused() -> None:
    water = np.full_like(photo(bare_ground(), FIRST), 90)
    assert registered(water, photo(ground(()), SECOND), FIRST, SECOND).reason == "too few features"


def test_twice_is_the_same() -> None:
    first, second = photo(ground(()), FIRST), photo(ground((), light=0.7), SECOND)
    once, again = (registered(first, second, FIRST, told(SECOND, 2, 1, 1)) for _ in range(2))
    assert once.transform.tobytes() == again.transform.tobytes()
    assert once.inliers == again.inliers


def test_a_lens_is_straightened_before_it_is_laid_down() -> None:
    bent = Camera("bent", CAMERA.width_px, CAMERA.height_px, CAMERA.focal_px, k1=-0.08)
    image = np.zeros((CAMERA.height_px, CAMERA.width_px, 3), np.uint8)
    point = np.array([[FRAME.east_m + 9.0, FRAME.north_m + 6.0, 0.0]])
    [pixel], _ = bent.project(FIRST.to_camera(point))
    cv2.circle(image, (round(float(pixel[0])), round(float(pixel[1]))), 3, (255, 255, 255), -1)
    seen, _ = warp_to_ground(image, bent, FIRST, FRAME)
    rows, columns = np.nonzero(seen[..., 0] > 128)
    middle = np.array([columns.mean(), rows.mean()])
    assert np.linalg.norm(middle - FRAME.pixels(point[:, :2])[0]) < 1.5
