"""Composites: things at their size, where nothing else is, the same for the same seed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_sets import labelled_folder, scene, write_scene

from detection.errors import TrainingError
from detection.training.composites import Background, Composites, CutFrom, Cutout, cutouts_of
from detection.training.composites.pasting import Light, fitted, paste
from detection.training.samples import Boxes, Sample, Split

RED = (20, 20, 230)


def disc(class_id: int | None = 0, gsd_m: float = 0.06, side: int = 40) -> Cutout:
    """A red disc, cut out exactly."""
    alpha = np.zeros((side, side), np.float32)
    cv2.circle(alpha, (side // 2, side // 2), side // 2 - 4, 1.0, -1)
    picture = np.full((side, side, 3), RED, np.uint8)
    box = (4.0, 4.0, side - 4.0, side - 4.0)
    return Cutout("disc", picture, alpha, class_id, gsd_m, box, True)


@dataclass(frozen=True)
class Grounds:
    """One grey-green photo, rough or smooth, with a labelled square in its middle."""

    labelled: bool = True
    smooth: bool = False
    name: str = "ground"
    provenance: str = "made up"

    def samples(self, split: Split) -> Iterator[Sample]:
        rng = np.random.default_rng(5)
        noise = 0 if self.smooth else 60
        tone = np.array([0.0, 20.0, -20.0])
        picture = np.clip(rng.normal(110, noise, (480, 640, 1)) + tone, 0, 255)
        boxes = Boxes.empty()
        if self.labelled:
            boxes = Boxes(np.array([2]), np.array([[200.0, 120.0, 440.0, 360.0]]))
        yield Sample(f"{self.name}-{split}", picture.astype(np.uint8), boxes)


def test_things_are_cut_along_their_masks_or_feathered(tmp_path: Path) -> None:
    root = labelled_folder(tmp_path, {"train": 2, "val": 1})
    mask = np.zeros((120, 160), np.uint8)
    cv2.circle(mask, (80, 55), 13, 1, -1)
    write_scene(root / "masks" / "train" / "train000.png", mask)
    write_scene(root / "negatives" / "boat.jpg", scene(50, 60, 40))
    (root / "manifest.json").write_text(
        json.dumps({"files": {"images/train/train001.png": {"gsd_m": 0.11}}})
    )
    exact, feathered, negative = cutouts_of([CutFrom(root, 0.05)], "train", 10)
    assert (exact.exact, feathered.exact, negative.class_id) == (True, False, None)
    assert (exact.gsd_m, feathered.gsd_m) == (0.05, 0.11)
    assert exact.alpha.sum() == pytest.approx(np.pi * 13.5**2, rel=0.08)
    x1, y1, x2, y2 = (round(v) for v in feathered.box_px)
    assert feathered.alpha[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].min() > 0.9
    assert feathered.alpha[0].max() == 0
    assert (feathered.picture[y1:y2, x1:x2] == 250).all()
    assert len(cutouts_of([CutFrom(root, 0.05)], "val", 10)) == 1
    assert (
        cutouts_of([CutFrom(root, 0.05, classes=("structure",), negatives=False)], "train", 9) == []
    )
    write_scene(root / "masks" / "train" / "train000.png", mask[:50])
    with pytest.raises(TrainingError, match="as large as its picture, 160 x 120 px"):
        cutouts_of([CutFrom(root, 0.05)], "train", 10)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_fitted_thing_keeps_its_size_and_box(turns: int, mirrored: bool) -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[5:15, 10:40] = 255
    thing = Cutout("x", picture, np.ones((40, 80), np.float32), 0, 0.06, (10, 5, 40, 15), True)
    found = fitted(thing, 0.03, 1.0, turns, mirrored)  # twice as many pixels a metre
    assert sorted(found.alpha.shape) == [80, 160]
    rows, columns = np.nonzero(found.picture[..., 0] > 128)
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert seen == pytest.approx(list(found.box_px), abs=1.01)


@pytest.mark.parametrize("poisson", [False, True])
def test_pasting_changes_the_place_and_its_shadow_only(poisson: bool) -> None:
    before = np.full((120, 160, 3), (90, 120, 100), np.uint8)
    after = before.copy()
    light = Light(angle=0.0, length=0.5, depth=0.5)
    box = paste(after, disc(), 60, 40, light=light, poisson=poisson, match=0.3, softness_px=0.5)
    assert box.tolist() == [64, 44, 96, 76]
    centre = after[60, 80].astype(int)
    assert centre[2] > centre[0] + 25  # still red
    assert after[60, 99].sum() < before[60, 99].sum() - 30  # the shadow falls to the right
    assert (after[60, 57] == before[60, 57]).all()
    outside = np.ones((120, 160), bool)
    outside[30:95, 50:130] = False
    assert (after[outside] == before[outside]).all()


def test_composites_label_what_they_paste_and_leave_the_rest(tmp_path: Path) -> None:
    source = Composites(
        [Background(Grounds(), 0.06)], [disc()], 12, negatives=[disc(None)], side_px=480, seed=2,
    )  # fmt: skip
    pasted = 0
    for sample in source.samples("train"):
        assert sample.picture.shape == (480, 480, 3)
        held = sample.boxes.corners_px[sample.boxes.class_ids == 2]
        new = sample.boxes.corners_px[sample.boxes.class_ids == 0]
        pasted += len(new)
        for x1, y1, x2, y2 in new:
            assert 0.7 * 32 <= x2 - x1 <= 1.35 * 32 + 1
            centre = sample.picture[int(y1 + y2) // 2, int(x1 + x2) // 2].astype(int)
            assert centre[2] > centre[0]
            for a1, b1, a2, b2 in held:
                assert x1 > a2 or x2 < a1 or y1 > b2 or y2 < b1
    assert pasted >= 8
    assert source.count("test") == 0


def test_each_picture_depends_on_seed_and_number_alone() -> None:
    def made(seed: int, numbers: range) -> dict[str, bytes]:
        source = Composites([Background(Grounds(), 0.06)], [disc()], 6, side_px=400, seed=seed)
        return {s.name: s.picture.tobytes() for s in source.some("train", numbers)}

    everything = made(1, range(6))
    assert made(1, range(6)) == everything
    assert made(1, range(4, 6)).items() <= everything.items()
    assert made(2, range(6)).keys() == everything.keys()
    assert made(2, range(6)) != everything


def test_what_floats_is_put_on_smooth_water_only() -> None:
    def count(ground: Grounds, *, water: bool) -> int:
        source = Composites(
            [Background(ground, 0.06, water)], [disc(3)], 6, side_px=400, seed=1
        )  # fmt: skip
        return sum(len(s.boxes) for s in source.samples("train"))

    assert count(Grounds(labelled=False, smooth=True), water=True) >= 6
    assert count(Grounds(labelled=False, smooth=False), water=True) == 0
    assert count(Grounds(labelled=False, smooth=True), water=False) == 0


def test_nothing_to_paste_is_said() -> None:
    with pytest.raises(TrainingError, match="no objects for train"):
        list(Composites([Background(Grounds(), 0.06)], [], 3).samples("train"))
