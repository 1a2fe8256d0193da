"""Metadata of photos: each place that a value may stand in, and what must be refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_photos import CAMERA, HEIGHT, HERE, WIDTH, attributes, packet, save

from detection.errors import FootageError
from detection.footage.photos import load_image, read_photos
from detection.footage.shots import photo_shots
from detection.telemetry.clock import declared_zone
from detection.telemetry.poses import PoseSettings
from geo.camera import CAMERAS, Pose
from geo.coordinates import LonLat

POSE = Pose(12.0, -30.0, 40.0, 35.0, -89.5, 1.5)
PICTURE = np.random.default_rng(2).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
SHANGHAI = declared_zone("Asia/Shanghai")


def test_a_photo_says_where_and_how_it_was_taken(tmp_path: Path) -> None:
    save(tmp_path / "b.JPG", PICTURE, POSE, "2026:05:20 09:00:07")
    save(tmp_path / "a.jpg", PICTURE, POSE, "2026:05:20 09:00:14", changed="2026:05:21 10:00:00")
    (tmp_path / "notes.txt").write_text("not a photo", encoding="utf-8")
    found = read_photos(tmp_path, SHANGHAI)
    assert found.left_out == ()
    assert [(photo.path.name, photo.edited) for photo in found.photos] == [
        ("b.JPG", False),
        ("a.jpg", True),
    ]
    first = found.photos[0]
    at = HERE.to_east_north(first.pose.position)
    assert (at.east_m, at.north_m) == pytest.approx((12.0, -30.0), abs=0.01)
    assert (
        first.pose.above_launch_m,
        first.pose.yaw_deg,
        first.pose.pitch_deg,
        first.pose.roll_deg,
    ) == (40, 35, -89.5, 1.5)
    assert first.pose.utc == datetime(2026, 5, 20, 1, 0, 7, tzinfo=UTC)
    assert first.camera.focal_px == pytest.approx(CAMERA.focal_px)
    assert first.camera.name == "TEST"
    assert [shot.time_s for shot in photo_shots(found.photos)] == [0.0, 7.0]


def test_elements_and_positions_in_xmp(tmp_path: Path) -> None:
    """As ExifTool and newer models write them, the longitude misspelt."""
    more = 'drone-dji:GPSLatitude="-23.5" drone-dji:GPSLongtitude="113.5" drone-dji:CalibratedFocalLength="512.5" '
    save(tmp_path / "a.jpg", PICTURE, POSE, xmp=attributes(POSE, more))
    elements = "><drone-dji:RelativeAltitude>+55.5</drone-dji:RelativeAltitude><drone-dji:FlightYawDegree>+89.60</drone-dji:FlightYawDegree><x"
    save(tmp_path / "b.jpg", PICTURE, POSE, xmp=elements)
    a, b = read_photos(tmp_path).photos
    assert (a.pose.position.lon_deg, a.pose.position.lat_deg) == (113.5, -23.5)
    assert a.camera.focal_px == 512.5
    assert (b.pose.above_launch_m, b.pose.yaw_deg, b.pose.yaw_from, b.pose.pitch_deg) == (
        55.5,
        89.6,
        "flight",
        -90,
    )
    assert b.pose.error.yaw_deg > a.pose.error.yaw_deg
    assert b.pose.utc is None


def test_rtk_photos_are_believed_more(tmp_path: Path) -> None:
    more = 'drone-dji:RtkFlag="50" drone-dji:RtkStdLon="0.012" drone-dji:RtkStdLat="0.011" drone-dji:RtkStdHgt="0.03"'
    save(tmp_path / "a.jpg", PICTURE, POSE, xmp=attributes(POSE, more))
    save(tmp_path / "b.jpg", PICTURE, POSE, xmp=attributes(POSE, more.replace('"50"', '"16"')))
    a, b = read_photos(tmp_path).photos
    assert a.pose.error.horizontal_m < 0.3
    assert b.pose.error.horizontal_m == 1.5


def test_south_and_west(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", PICTURE, POSE, at=LonLat(-58.8517, -34.2379))
    position = read_photos(tmp_path).photos[0].pose.position
    assert (position.lon_deg, position.lat_deg) == pytest.approx((-58.8517, -34.2379), abs=1e-6)


def test_what_cannot_be_placed_is_left_out_with_a_line(tmp_path: Path) -> None:
    save(tmp_path / "good.jpg", PICTURE, POSE)
    save(tmp_path / "nowhere.jpg", PICTURE, POSE, position=False)
    save(tmp_path / "no_height.jpg", PICTURE, POSE, xmp='drone-dji:GimbalYawDegree="+3"')
    save(tmp_path / "no_focal.jpg", PICTURE, POSE, focal_35mm=None)
    save(
        tmp_path / "no_fix.jpg",
        PICTURE,
        POSE,
        xmp=attributes(POSE, 'drone-dji:GPSLatitude="0" drone-dji:GPSLongitude="0"'),
    )
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("no picture", encoding="utf-8")
    found = read_photos(tmp_path)
    assert [photo.path.name for photo in found.photos] == ["good.jpg"]
    reasons = {line.split(": ")[0].rsplit("/", 1)[1]: line for line in found.left_out}
    for name, said in (
        ("nowhere.jpg", "no position in EXIF or XMP"),
        ("no_height.jpg", "only a height above sea level"),
        ("no_focal.jpg", "no focal length"),
        ("no_fix.jpg", "no satellite fix"),
        ("empty.jpg", "not a photo that can be read"),
        ("text.jpg", "not a photo that can be read"),
    ):
        assert said in reasons[name]
        assert "\n" not in reasons[name]


def test_what_can_be_declared(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", PICTURE, POSE, xmp='drone-dji:FlightYawDegree="+3"', focal_35mm=None)
    photo = read_photos(tmp_path, None, PoseSettings(launch_msl_m=20), CAMERAS["m3e"]).photos[0]
    assert photo.pose.above_launch_m == pytest.approx(40.0)
    assert photo.pose.error.vertical_m == 5.0
    assert photo.camera.focal_px == pytest.approx(CAMERAS["m3e"].focal_px * WIDTH / 5280)
    lower = read_photos(tmp_path, None, PoseSettings(height_m=33), CAMERAS["m3e"]).photos[0]
    assert lower.pose.above_launch_m == 33


def test_folders_without_use(tmp_path: Path) -> None:
    for folder, said in ((tmp_path / "none", "no such folder"), (tmp_path, "holds no photo")):
        with pytest.raises(FootageError, match=said):
            read_photos(folder)
    save(tmp_path / "nowhere.jpg", PICTURE, POSE, position=False)
    with pytest.raises(
        FootageError, match=r"none of 1 photos can be placed; the first: .*no position"
    ):
        read_photos(tmp_path)


def test_a_photo_that_breaks_off_is_refused_when_its_pixels_are_wanted(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", PICTURE, POSE)
    assert load_image(path).shape == (HEIGHT, WIDTH, 3)
    whole = path.read_bytes()
    path.write_bytes(whole + b"what some cameras append")
    assert load_image(path).shape == (HEIGHT, WIDTH, 3)
    for cut in (0, 200, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:cut])
        with pytest.raises(FootageError, match=r"a\.jpg: the picture cannot be decoded"):
            load_image(path)
    path.unlink()
    with pytest.raises(FootageError, match="cannot be read"):
        load_image(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cut=st.integers(0, 4000), junk=st.binary(min_size=1, max_size=30), at=st.integers(0, 1200))
def test_damaged_photos_are_read_or_refused(cut: int, junk: bytes, at: int, tmp_path: Path) -> None:
    whole = tmp_path / "whole.bin"
    if not whole.exists():
        whole.write_bytes(save(tmp_path / "a.jpg", PICTURE[:64, :64], POSE).read_bytes())
    data = whole.read_bytes()
    for damaged in (data[:cut], data[:at] + junk + data[at + len(junk) :]):
        (tmp_path / "a.jpg").write_bytes(damaged)
        try:
            photo = read_photos(tmp_path).photos[0]
        except FootageError as error:
            assert "\n" not in str(error)
        else:
            assert abs(photo.pose.position.lat_deg) <= 90


def test_packets_hold_what_was_put_in() -> None:
    assert b'drone-dji:GimbalPitchDegree="-89.50"' in packet(attributes(POSE))


def test_the_real_photos_are_all_located(real_data: Path) -> None:
    found = read_photos(real_data / "photos_brighton" / "images", UTC)
    assert (len(found.photos), found.left_out) == (18, ())
    assert [photo.path.name for photo in found.photos if photo.edited] == [
        f"DJI_{n:04}.JPG" for n in range(24, 30)
    ]
    first = found.photos[0]
    assert (first.pose.position.lon_deg, first.pose.position.lat_deg) == pytest.approx(
        (-91.9945599, 46.8426071), abs=1e-6
    )
    assert (first.pose.above_launch_m, first.pose.yaw_deg, first.pose.pitch_deg) == (
        39.8,
        45.0,
        -89.9,
    )
    assert first.pose.utc == datetime(2016, 6, 23, 16, 31, 59, tzinfo=UTC)
    with pytest.raises(FootageError, match="only a height above sea level"):
        read_photos(real_data / "photos_caliterra")
