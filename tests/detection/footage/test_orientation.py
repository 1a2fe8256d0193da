"""Photos turned by 180° after they were taken, recognised from what they show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_photos import make_ground, save, survey, take

from benchmarks.photos_brighton import disagreements_m, turn_match
from detection.footage.matching import Match, match_photos
from detection.footage.orientation import correct_orientation, find_turned, turned
from detection.footage.photos import Photo, read_photos
from detection.footage.shots import open_photos

GPS_NOISE_M = 1.2


@pytest.fixture(scope="module")
def ground() -> np.ndarray:
    return make_ground()


def fly(
    folder: Path,
    ground: np.ndarray,
    flip: set[int],
    *,
    pitch_deg: float = -90.0,
    edited: set[int] | None = None,
    count: int = 8,
) -> list[Photo]:
    """A survey of eight photos; those in `flip` are saved upside down with their metadata kept."""
    folder.mkdir()
    rng = np.random.default_rng(11)
    for i, pose in enumerate(survey(pitch_deg=pitch_deg)[:count]):
        image = take(ground, pose)
        if i in flip:
            image = cv2.rotate(image, cv2.ROTATE_180)
        east, north = rng.normal(0, GPS_NOISE_M, 2)
        measured = replace(pose, east_m=pose.east_m + east, north_m=pose.north_m + north)
        taken = f"2026:05:20 09:00:{i:02}"
        changed = "2026:05:20 19:00:00" if i in (edited or set()) else taken
        save(folder / f"DJI_{i:04}.JPG", image, measured, taken, changed=changed)
    return list(read_photos(folder).photos)


@pytest.fixture(scope="module")
def straight(
    ground: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Photo], list[Match]]:
    """The survey as it was taken, and its matches."""
    photos = fly(tmp_path_factory.mktemp("straight") / "photos", ground, set())
    return photos, match_photos(photos)


def test_a_row_saved_upside_down_is_recognised(ground: np.ndarray, tmp_path: Path) -> None:
    photos = fly(tmp_path / "photos", ground, {4, 5, 6, 7})
    matches = match_photos(photos)
    upright = correct_orientation(photos, matches)
    assert upright.turned == {4, 5, 6, 7}
    assert np.median(disagreements_m(upright.photos, matches)) < 4 * GPS_NOISE_M
    assert np.median(disagreements_m(photos, matches)) > 10
    assert len(upright.warnings) == 1
    assert all(photos[i].path.name in upright.warnings[0] for i in upright.turned)


@pytest.mark.parametrize(
    "flip", [set(), {3}, {0, 2, 4, 6}, set(range(6)), set(range(8))],
    ids=["none", "one", "every other", "most", "all"],
)  # fmt: skip
def test_whichever_photos_were_turned(
    flip: set[int], straight: tuple[list[Photo], list[Match]]
) -> None:
    """Matches are turned as the pixels would have been: the features themselves do not care."""
    photos, matches = straight
    assert len(matches) >= 12
    mask = np.array([i in flip for i in range(len(photos))])
    upright = correct_orientation(photos, [turn_match(match, photos, mask) for match in matches])
    assert upright.turned == flip
    assert len(upright.warnings) == (1 if flip else 0)


def test_oblique_photos_too(ground: np.ndarray, tmp_path: Path) -> None:
    photos = fly(tmp_path / "photos", ground, {1, 6}, pitch_deg=-70.0)
    assert correct_orientation(photos).turned == {1, 6}


def test_a_turned_pose_is_exact_at_any_pitch(ground: np.ndarray, tmp_path: Path) -> None:
    from geo.camera import Pose
    from geo.coordinates import LocalProjection
    from geo.placing import intersect_ground

    photo = fly(tmp_path / "photos", ground, set(), pitch_deg=-65.0, count=1)[0]
    here = LocalProjection(photo.pose.position)
    pixel = np.array([120.0, 60.0])
    opposite = np.array([photo.camera.width_px - 1, photo.camera.height_px - 1]) - pixel
    straight: Pose = photo.pose.pose(here)
    a = intersect_ground(photo.camera, straight, [pixel])
    b = intersect_ground(photo.camera, turned(photo).pose.pose(here), [opposite])
    assert a == pytest.approx(b, abs=1e-9)
    assert turned(turned(photo)).pose == photo.pose


def test_photos_without_overlap_stay_as_they_are(ground: np.ndarray, tmp_path: Path) -> None:
    photos = fly(tmp_path / "photos", ground, {0}, edited={0}, count=1)
    upright = correct_orientation([photos[0]])
    assert upright.turned == frozenset()
    assert "no other photo overlaps it" in upright.warnings[0]
    assert correct_orientation([]).photos == ()


def test_edit_marks_decide_where_positions_cannot(ground: np.ndarray, tmp_path: Path) -> None:
    """Two photos of one place, one upside down: only who was saved later tells which."""
    folder = tmp_path / "photos"
    folder.mkdir()
    pose = survey()[2]
    image = take(ground, pose)
    save(folder / "a.jpg", image, pose, "2026:05:20 09:00:00")
    save(
        folder / "b.jpg",
        cv2.rotate(image, cv2.ROTATE_180),
        pose,
        "2026:05:20 09:00:02",
        changed="2026:05:20 20:00:00",
    )
    upright = correct_orientation(read_photos(folder).photos)
    assert upright.turned == {1}
    assert any("uncertain" in line for line in upright.warnings)


def test_a_photo_with_a_wrong_position_is_told(
    straight: tuple[list[Photo], list[Match]],
) -> None:
    photos, matches = list(straight[0]), straight[1]
    at = photos[2].pose.position
    moved = replace(at, lat_deg=at.lat_deg + 30 / 111_320)
    photos[2] = replace(photos[2], pose=replace(photos[2].pose, position=moved))
    upright = correct_orientation(photos, matches)
    assert upright.turned == frozenset()
    told = [line for line in upright.warnings if "m beside what overlapping photos show" in line]
    assert told[0].startswith(str(photos[2].path))


def test_a_folder_opened_whole(ground: np.ndarray, tmp_path: Path) -> None:
    fly(tmp_path / "photos", ground, {2}, count=4)
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8 cut")
    told: list[tuple[int, int]] = []
    opened = open_photos(
        tmp_path / "photos", advance=lambda done, total: told.append((done, total))
    )
    assert [path.name for path in opened.turned] == ["DJI_0002.JPG"]
    assert len(opened.left_out) == 1
    shots = list(opened.shots())
    assert [shot.index for shot in shots] == list(range(4))
    assert shots[0].image().shape == (450, 800, 3)
    assert told[-1][0] == told[-1][1] > 0


def test_real_photos_turned_in_a_viewer(real_data: Path) -> None:
    """Six of the eighteen photos, so that the turned ones are most of them."""
    photos = read_photos(real_data / "photos_brighton" / "images").photos[5:11]
    plain = [replace(photo, edited=False) for photo in photos]
    matches = match_photos(plain, neighbours=4)
    labels, margins, _ = find_turned(plain, matches)
    assert [p.path.name for p, is_turned in zip(plain, labels, strict=True) if is_turned] == [
        f"DJI_{n:04}.JPG" for n in range(24, 29)
    ]
    assert margins.min() > 2
    upright = correct_orientation(plain, matches)
    assert (
        np.median(disagreements_m(upright.photos, matches))
        < 8
        < np.median(disagreements_m(plain, matches))
    )
