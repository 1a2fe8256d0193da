"""Training samples: a YOLO data set whose labels are where the things are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from patrol.errors import SimulationError
from patrol.simulation.camera.renderer import Box
from patrol.simulation.clip import best_stretch, fly_past
from patrol.simulation.samples import label_lines, parse_seeds, sample_poses, write_samples
from patrol.simulation.world import World


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", [3]), ("1-4", [1, 2, 3, 4]), ("1-2,9,5-6", [1, 2, 9, 5, 6])]
)
def test_seeds_are_numbers_and_ranges(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "4-1", "1,1", "1-3,2", "1--3"])
def test_bad_seeds_are_refused(text: str) -> None:
    with pytest.raises(SimulationError, match="expected numbers and ranges"):
        parse_seeds(text)


def _box(size: int, visible: float = 1.0, kind: int = 1) -> Box:
    return Box("x", kind, (100, 200, 100 + size, 200 + size), visible, round(size * size * visible))


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        (_box(60), True),
        (_box(14), False),  # under 5 px at 640 px across
        (_box(60, 0.3), False),
        (_box(60, 0.4), True),
        (_box(600, 0.3), True),  # most of it hidden, yet it fills the picture
    ],
)
def test_only_what_can_be_seen_is_labelled(box: Box, kept: bool) -> None:
    lines = label_lines([box], 1920, 1080)
    assert bool(lines) == kept
    if kept:
        kind, x, y, w, h = lines[0].split()
        x1, y1, x2, y2 = box.box_px
        assert kind == "1"
        assert float(x) * 1920 == pytest.approx((x1 + x2) / 2, abs=0.01)
        assert float(y) * 1080 == pytest.approx((y1 + y2) / 2, abs=0.01)
        assert float(w) * 1920 == pytest.approx(x2 - x1, abs=0.01)
        assert float(h) * 1080 == pytest.approx(y2 - y1, abs=0.01)


def test_poses_are_a_patrols(world: World) -> None:
    poses = [pose for pose, _ in sample_poses(world, 60, 1)]
    assert len(poses) == 60
    assert all(35 <= p.up_m <= 60 for p in poses)
    down = np.mean([p.pitch_deg < -80 for p in poses])
    assert 0.5 < down < 0.9
    assert all(-90 <= p.pitch_deg <= -60 for p in poses)
    assert [pose for pose, _ in sample_poses(world, 60, 1)] == poses


def test_a_data_set_is_written_and_is_the_same_again(hamlet: Path, tmp_path: Path) -> None:
    totals = write_samples(hamlet, [1, 2], 5, tmp_path / "a", size=(640, 360))
    again = write_samples(hamlet, [1, 2], 5, tmp_path / "b", size=(640, 360))
    assert totals == again
    pictures = sorted((tmp_path / "a" / "images").glob("*.jpg"))
    assert len(pictures) == 5
    lines = 0
    for path in pictures:
        labels = tmp_path / "a" / "labels" / f"{path.stem}.txt"
        image = cv2.imread(str(path))
        assert image is not None
        assert image.shape == (360, 640, 3)
        for line in labels.read_text().splitlines():
            kind, *numbers = line.split()
            x, y, w, h = (float(v) for v in numbers)
            assert kind in "0123"
            assert x - w / 2 + 1e-6 >= 0
            assert x + w / 2 <= 1 + 1e-6
            assert y - h / 2 + 1e-6 >= 0
            assert y + h / 2 <= 1 + 1e-6
            lines += 1
        twin = tmp_path / "b" / "images" / path.name
        assert twin.read_bytes() == path.read_bytes()
    assert lines == sum(totals) > 0


@pytest.mark.parametrize(
    ("count", "size", "message"),
    [(0, (640, 360), "expected at least 1"), (1, (640, 640), "16:9")],
)
def test_bad_settings_are_refused(
    hamlet: Path, tmp_path: Path, count: int, size: tuple[int, int], message: str
) -> None:
    with pytest.raises(SimulationError, match=message):
        write_samples(hamlet, [1], count, tmp_path, size=size)
    assert not list(tmp_path.iterdir())


def test_a_clip_is_flown_where_there_is_most_to_see(world: World) -> None:
    river, start = best_stretch(world, 120.0)
    flown = fly_past(river, start, 15.0, 25.0)
    assert len(flown) == 375
    steps = np.hypot(np.diff(flown.east_m), np.diff(flown.north_m)) * 25
    assert steps == pytest.approx(8.0, rel=0.05)
    turns = np.abs(np.diff(flown.yaw_deg)) * 25
    assert turns.max() < 30  # degrees a second: a pass that can be watched
    with pytest.raises(SimulationError, match="long enough"):
        best_stretch(world, 5000.0)
