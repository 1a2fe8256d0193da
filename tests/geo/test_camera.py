from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.camera import CAMERAS, Camera, Pose, camera_from_35mm
from geo.errors import GeometryError
from geo.placing import intersect_ground

M3E = CAMERAS["m3e"].resized(1920, 1080)


def test_nadir_picture_top_is_the_heading() -> None:
    """Flying east, what is further east stands higher in the picture, south is right."""
    pose = Pose(0, 0, 50, yaw_deg=90, pitch_deg=-90)
    pixels, depth = M3E.project(pose.to_camera([[10, 0, 0], [0, -10, 0]]))
    cx, cy = M3E.centre_px
    assert pixels[0] == pytest.approx([cx, cy - 10 * M3E.focal_px / 50])
    assert pixels[1] == pytest.approx([cx + 10 * M3E.focal_px / 50, cy])
    assert depth == pytest.approx([50, 50])


def test_roll_to_the_right_looks_left() -> None:
    """Right side down: the optical axis of a nadir camera swings to the vehicle's left."""
    level = intersect_ground(M3E, Pose(0, 0, 50, 0, -90, 0), [M3E.centre_px])[0]
    ahead = Pose(0, 0, 50, 0, -60, 10).rotation()
    assert level == pytest.approx([0, 0], abs=1e-9)
    assert ahead[0, 2] == pytest.approx(-math.sin(math.radians(10)) * math.cos(math.radians(60)))


@given(
    st.floats(-180, 360), st.floats(-90, -25), st.floats(-20, 20),
    st.floats(0, 1919), st.floats(0, 1079), st.floats(-0.1, 0.1), st.floats(10, 120),
)  # fmt: skip
def test_projecting_undoes_the_line_of_sight(
    yaw: float, pitch: float, roll: float, u: float, v: float, k1: float, up: float
) -> None:
    camera = Camera("test", 1920, 1080, 1400.0, k1=k1)
    pose = Pose(5, -7, up, yaw, pitch, roll)
    ground = intersect_ground(camera, pose, [(u, v)], -2.0)[0]
    if not np.all(np.isfinite(ground)) or np.hypot(*ground) > 5000:
        return
    pixel, depth = camera.project(pose.to_camera([[*ground, -2.0]]))
    assert depth[0] > 0
    assert pixel[0] == pytest.approx([u, v], abs=0.05)


def test_behind_the_camera_has_no_pixel() -> None:
    pose = Pose(0, 0, 50, 0, -90)
    pixels, depth = M3E.project(pose.to_camera([[0, 0, 60]]))
    assert depth[0] < 0
    assert np.all(np.isnan(pixels))


def test_published_fields_of_view() -> None:
    """DJI gives 84° for the Mavic 3 Enterprise's and the Phantom 4 RTK's diagonal."""
    for name in ("m3e", "p4rtk"):
        camera = CAMERAS[name]
        half = math.hypot(camera.width_px, camera.height_px) / 2 / camera.focal_px
        assert math.degrees(2 * math.atan(half)) == pytest.approx(84, abs=1.5)


def test_35mm_equivalent_agrees_with_the_sensor() -> None:
    assert camera_from_35mm(24, 1920, 1080).focal_px == pytest.approx(M3E.focal_px, rel=0.03)
    assert camera_from_35mm(24, 5280, 3956).focal_px == pytest.approx(
        CAMERAS["m3e"].focal_px, rel=0.03
    )


def test_height_and_gsd_undo_each_other() -> None:
    assert M3E.gsd_m(M3E.height_for_gsd_m(0.035)) == pytest.approx(0.035)


@pytest.mark.parametrize(("width", "focal"), [(0, 100.0), (100, 0.0), (100, float("nan"))])
def test_impossible_cameras_are_refused(width: int, focal: float) -> None:
    with pytest.raises(GeometryError):
        Camera("broken", width, 100, focal)
