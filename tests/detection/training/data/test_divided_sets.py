"""Likeness, splits, and the check that finds what they should have prevented."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_sets import labelled_folder, scene, write_scene
from PIL import Image

from detection.errors import TrainingError
from detection.training.sets.checks import check_dataset
from detection.training.sets.likeness import alike, groups_of_alike, likeness, look_of
from detection.training.sets.splits import Shares, assign_splits, keep_declared


def test_copies_are_alike_and_others_are_not() -> None:
    picture = scene(1)
    saved = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1)
    smaller = cv2.resize(picture, (80, 60), interpolation=cv2.INTER_AREA)
    darker = (picture * 0.95).astype(np.uint8)
    for same in (saved, smaller, darker, np.roll(picture, 1, axis=0)):
        assert alike(look_of(picture), look_of(same))
    assert not any(alike(look_of(picture), look_of(scene(k))) for k in range(2, 60))
    assert not alike(look_of(picture), look_of(picture[:, ::-1].copy()))
    water, mud = np.full((60, 80, 3), (90, 80, 70), np.uint8), np.full((60, 80, 3), 150, np.uint8)
    assert alike(look_of(water), look_of(water.copy()))
    assert not alike(look_of(water), look_of(mud))


def test_groups_join_what_is_alike_or_named_alike() -> None:
    looks = [look_of(scene(k)) for k in (1, 2, 3, 1, 4)]
    assert [(p.first, p.second) for p in likeness(looks)] == [(0, 3)]
    groups = groups_of_alike(looks, ["", "a", "", "", "a"])
    assert groups[0] == groups[3]
    assert groups[1] == groups[4]
    assert len(set(groups)) == 3
    assert groups_of_alike([], []) == []


@given(
    st.lists(st.integers(0, 30), min_size=3, max_size=200),
    st.floats(0, 0.4), st.floats(0, 0.4), st.integers(0, 99),
)  # fmt: skip
def test_groups_are_never_torn(groups: list[int], val: float, test: float, seed: int) -> None:
    names = [f"g{g}" for g in groups]
    splits, apart = assign_splits(names, Shares(val, test), seed)
    assert len(splits) == len(groups)
    if apart:
        assert all(
            len({s for n, s in zip(names, splits, strict=True) if n == g}) == 1 for g in names
        )
        assert "train" in splits
    assert assign_splits(names, Shares(val, test), seed) == (splits, apart)


def test_one_group_is_divided_by_its_order_and_said() -> None:
    splits, apart = assign_splits(["video"] * 10, Shares(0.2, 0.1), 0)
    assert not apart
    assert splits == ["train"] * 7 + ["val"] * 2 + ["test"]
    with pytest.raises(TrainingError, match="together less than 1"):
        Shares(0.6, 0.5)


def test_a_group_in_two_splits_goes_to_training() -> None:
    kept, moved = keep_declared(["a", "a", "b", "c"], ["train", "test", "val", "test"])
    assert (kept, moved) == (["train", "train", "val", "test"], 1)


def test_a_sound_set_has_no_faults(tmp_path: Path) -> None:
    checked = check_dataset(labelled_folder(tmp_path, {"train": 6, "val": 2, "test": 2}))
    assert checked.faults == ()
    assert checked.pictures == {"train": 6, "val": 2, "test": 2}
    assert checked.objects == {"outfall": 10}


def test_every_fault_is_found_and_named(tmp_path: Path) -> None:
    root = labelled_folder(tmp_path, {"train": 9, "val": 2, "test": 2})
    images, labels = root / "images", root / "labels"
    (labels / "train" / "train000.txt").write_text(
        "0 0.95 0.5 0.2 0.2\n9 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.001 0.2\n0 0.5 0.5 nan 0.2\n"
        "0 0.5 0.5\n2 0.4 0.4 0.2 0.2\n2 0.4 0.4 0.2 0.2\n"
    )
    (labels / "train" / "orphan.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (images / "train" / "train001.png").write_bytes(b"")
    (images / "train" / "train002.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    Image.new("RGB", (1, 1)).save(images / "train" / "train003.png")
    Image.new("L", (20_000, 20)).save(images / "train" / "train004.png")
    shutil.copy(images / "train" / "train005.png", images / "test" / "test000.png")
    again = np.clip(scene(6).astype(int) + 3, 0, 255).astype(np.uint8)
    again[40:70, 60:100] = (250, 250, 250)
    write_scene(images / "val" / "val001.png", again)
    faults = [str(fault) for fault in check_dataset(root).faults]
    expected = [
        "outside: ", "class: ", "degenerate: ", "label: ", "label: ", "twice: ", "picture: ",
        "picture: ", "picture: ", "picture: ", "label: ", "leak: ", "leak: ",
    ]  # fmt: skip
    assert sorted(f.split(" ")[0] for f in faults) == sorted(e.strip() for e in expected)
    text = "\n".join(faults)
    for words in (
        "train000.txt, line 1: the box 0.950 0.500 0.200 0.200 lies outside",
        "line 2: class 9 is not in the class list",
        "line 3: a box 0.16 x 24.00 px large",
        "train001.png: not a picture that can be read (0 bytes)",
        "train003.png: 1 x 1 px",
        "train004.png: 20000 x 20 px",
        "orphan.txt: no picture of that name",
        "train005.png: the same file as test/test000.png",
        "val/val001.png: nearly the same picture as train/train006.png",
    ):
        assert words in text


def test_classes_that_are_not_ours(tmp_path: Path) -> None:
    root = labelled_folder(tmp_path, {"train": 1})
    (root / "classes.txt").write_text("outfall\nboat\n")
    (fault,) = check_dataset(root).faults
    assert "class 1 'boat' is not one of outfall" in str(fault)
    with pytest.raises(TrainingError, match="no folder 'images'"):
        check_dataset(tmp_path / "nowhere")
