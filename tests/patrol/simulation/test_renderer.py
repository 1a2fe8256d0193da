"""The camera of the virtual river sees what geo.camera says a camera sees."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from geo.camera import CAMERAS, Camera, Pose
from geo.placing import intersect_ground
from patrol.errors import SimulationError
from patrol.simulation.camera.glint import add_glint
from patrol.simulation.camera.renderer import Box, Renderer
from patrol.simulation.camera.sensor import Exposure, Sensor, motion_px
from patrol.simulation.camera.view import View
from patrol.simulation.world import World
from patrol.simulation.world.banks import WATER_UP_M

CAMERA = CAMERAS["m3e"].resized(1920, 1080)
SMALL = CAMERAS["m3e"].resized(960, 540)


@pytest.fixture(scope="module")
def renderer(world: World) -> Renderer:
    return Renderer(world, SMALL)


def _over(world: World, kind: str, k: int = 0, **pose: float) -> tuple[str, Pose]:
    thing = getattr(world.planted, kind)[k]
    centre = thing.footprint_m.centroid
    values = {"up_m": 48.0, "yaw_deg": 30.0, "pitch_deg": -90.0} | pose
    return thing.ident, Pose(centre.x + 5, centre.y - 3, **values)


def _box(boxes: list[Box], ident: str) -> Box:
    return next(b for b in boxes if b.ident == ident)


def test_frames_do_not_depend_on_their_order(world: World) -> None:
    _, first = _over(world, "outfalls")
    _, second = _over(world, "structures", pitch_deg=-65.0)
    one, other = Renderer(world, SMALL), Renderer(world, SMALL)
    expected = one.frame(first)
    other.frame(second)
    np.testing.assert_array_equal(other.frame(first), expected)
    np.testing.assert_array_equal(one.frame(first), expected)


@pytest.mark.parametrize("pitch_deg", [-90.0, -68.0])
def test_a_building_is_boxed_where_its_corners_project(
    world: World, renderer: Renderer, pitch_deg: float
) -> None:
    compared = 0
    for k, building in enumerate(world.planted.structures):
        ident, pose = _over(world, "structures", k, pitch_deg=pitch_deg)
        if pitch_deg > -80:  # step back, to look at it
            back = 48 / np.tan(np.radians(-pitch_deg))
            heading = np.radians(pose.yaw_deg)
            pose = dataclasses.replace(
                pose,
                east_m=pose.east_m - back * np.sin(heading),
                north_m=pose.north_m - back * np.cos(heading),
            )
        box = _box(renderer.labelled(pose)[1], ident)
        assert box.class_index == 2
        assert 0 < box.visible <= 1
        if box.visible < 0.97:
            continue
        corners = [[*c, z] for c in building.corners_m for z in (0.0, building.height_m)]
        px, _ = SMALL.project(pose.to_camera(np.array(corners)))
        # A gable's ridge may rise out of the corners' hull; nothing may be missing.
        np.testing.assert_allclose(box.box_px[:2], px.min(axis=0), atol=6)
        np.testing.assert_allclose(box.box_px[2:], px.max(axis=0), atol=6)
        compared += 1
    assert compared >= 2


@pytest.mark.parametrize("yaw_deg", [0.0, 133.0])
def test_waste_is_boxed_where_the_ground_point_is(
    world: World, renderer: Renderer, yaw_deg: float
) -> None:
    compared = 0
    for k, waste in enumerate(world.planted.wastes):
        ident, pose = _over(world, "wastes", k, yaw_deg=yaw_deg)
        image, boxes = renderer.labelled(pose)
        box = _box(boxes, ident)
        if box.visible < 0.9:
            continue
        x1, y1, x2, y2 = box.box_px
        ground = intersect_ground(SMALL, pose, [((x1 + x2 - 1) / 2, (y1 + y2 - 1) / 2)], WATER_UP_M)
        centre = waste.footprint_m.minimum_rotated_rectangle.centroid
        assert np.hypot(ground[0, 0] - centre.x, ground[0, 1] - centre.y) < 0.9
        assert box.class_index == 3
        inside, around = image[y1:y2, x1:x2], image[max(y1 - 40, 0) : y2 + 40, x1 - 5 : x2 + 5]
        assert inside.astype(float).std() > 0.9 * around.astype(float).std()
        compared += 1
    assert compared >= 2


def test_lens_distortion_moves_things_as_the_camera_model_says(world: World) -> None:
    bent = Camera("bent", 960, 540, SMALL.focal_px, k1=-0.06, k2=0.01)
    ident, pose = _over(world, "wastes", 0)
    pose = dataclasses.replace(pose, east_m=pose.east_m + 14)
    _, straight = Renderer(world, SMALL).labelled(pose)
    _, curved = Renderer(world, bent).labelled(pose)
    grounds = []
    for camera, boxes in ((SMALL, straight), (bent, curved)):
        x1, y1, x2, y2 = _box(boxes, ident).box_px
        middle = ((x1 + x2 - 1) / 2, (y1 + y2 - 1) / 2)
        grounds.append(intersect_ground(camera, pose, [middle], WATER_UP_M)[0])
    np.testing.assert_allclose(grounds[0], grounds[1], atol=0.3)
    assert _box(straight, ident).box_px != _box(curved, ident).box_px


def test_a_lens_that_bends_too_much_is_refused(world: World) -> None:
    with pytest.raises(SimulationError, match="bends too much"):
        Renderer(world, Camera("fisheye", 960, 540, 300.0, k1=-0.28))


def test_what_is_hidden_is_not_counted_as_visible(world: World, renderer: Renderer) -> None:
    """Under a bridge's deck a ground point's object cannot be seen: visible shares are honest."""
    shares = []
    for k in range(len(world.planted.outfalls)):
        ident, pose = _over(world, "outfalls", k)
        _, boxes = renderer.labelled(pose)
        shares += [b.visible for b in boxes if b.ident == ident]
    assert shares
    assert all(0 < share <= 1 for share in shares)
    assert max(shares) > 0.85


@pytest.mark.parametrize(("up_m", "pitch_deg"), [(48.0, -20.0), (2.0, -90.0), (900.0, -90.0)])
def test_poses_beyond_the_simulation_are_refused(
    renderer: Renderer, up_m: float, pitch_deg: float
) -> None:
    with pytest.raises(SimulationError, match="can be filmed from 5 to 400 m"):
        renderer.frame(Pose(0, 0, up_m, 0, pitch_deg))


def test_sensor_darkens_corners_blurs_along_the_motion_and_adds_noise() -> None:
    sensor = Sensor(SMALL)
    grey = np.full((540, 960, 3), 128, np.uint8)
    plain = sensor.expose(grey.copy(), Exposure(noise=0, softness_px=0))
    assert plain[:20, :20].mean() < 0.9 * plain[260:280, 470:490].mean()
    noisy = sensor.expose(grey.copy(), Exposure(noise=4, softness_px=0))
    difference = noisy.astype(float) - plain
    assert 2 < difference.std() < 8
    assert abs(difference.mean()) < 1
    other = sensor.expose(grey.copy(), Exposure(noise=4, softness_px=0, noise_key=1))
    assert np.any(other != noisy)

    stripes = grey.copy()
    stripes[::8], stripes[:, ::8] = 255, 255
    blurred = sensor.expose(stripes.copy(), Exposure(noise=0, softness_px=0, blur_px=(0.0, 6.0)))
    sharp = sensor.expose(stripes.copy(), Exposure(noise=0, softness_px=0))
    assert blurred[100:400, 4].astype(float).std() < 0.5 * sharp[100:400, 4].astype(float).std()
    assert blurred[204, 100:400].astype(float).std() > 0.7 * sharp[204, 100:400].astype(float).std()


def test_motion_blur_is_speed_times_shutter_over_gsd() -> None:
    pose = Pose(0, 0, 48.0, 90.0, -90.0)  # the picture's top is east
    dx, dy = motion_px(CAMERA, pose, (8.0, 0.0), 1 / 100)
    assert dx == pytest.approx(0.0, abs=1e-6)
    assert dy == pytest.approx(0.08 / CAMERA.gsd_m(48.0), rel=1e-6)


def test_the_glint_is_where_the_water_mirrors_the_sun() -> None:
    sun = np.array([0.35, 0.2, 0.0])
    sun[2] = np.sqrt(1 - sun @ sun)
    pose = Pose(0, 0, 48.0, 0.0, -90.0)
    water = np.zeros((540, 960, 3), np.uint8)
    add_glint(water, np.full((540, 960), 255, np.uint8), View.of(SMALL, pose), sun)
    light = water[..., 0].astype(float)
    rows, columns = np.mgrid[:540, :960]
    peak = (
        (light**2 * columns).sum() / (light**2).sum(),
        (light**2 * rows).sum() / (light**2).sum(),
    )
    # The line of sight whose mirror image is the sun goes down along (-x, -y, z) of the sun ...
    mirrored = pose.position() + np.array([[sun[0], sun[1], -sun[2]]]) * 10
    px, _ = SMALL.project(pose.to_camera(mirrored))
    assert np.hypot(*(np.array(peak) - px[0])) < 90


def test_ordinary_ground_is_seen_at_the_right_place(world: World, renderer: Renderer) -> None:
    """Turning the camera by 180° turns the picture: the same ground, point for point."""
    _, pose = _over(world, "outfalls")
    plain = Exposure(noise=0.0)
    one = renderer.frame(pose, plain).astype(float)
    turned = renderer.frame(dataclasses.replace(pose, yaw_deg=pose.yaw_deg + 180), plain)
    other = turned[::-1, ::-1].astype(float)
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.93
