"""Crops: the boxes stay on what they were drawn about."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.training.samples import Boxes, Crop, Sample, cut, object_crops, turned


def painted(x1: int, y1: int, x2: int, y2: int, width: int = 200, height: int = 120) -> Sample:
    """A black picture with one white rectangle and its box."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[y1:y2, x1:x2] = 255
    return Sample("painted", picture, Boxes(np.array([2]), np.array([[x1, y1, x2, y2]], float)))


def white_bounds(sample: Sample) -> np.ndarray:
    rows, columns = np.nonzero(sample.picture[..., 0] > 200)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], float)


@given(
    left=st.floats(-60, 160), top=st.floats(-60, 100), scale=st.floats(0.4, 2.0),
    x=st.integers(0, 160), y=st.integers(0, 90), w=st.integers(12, 40), h=st.integers(12, 30),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_box_of_a_crop_bounds_what_is_seen(
    left: float, top: float, scale: float, x: int, y: int, w: int, h: int
) -> None:
    sample = painted(x, y, min(200, x + w), min(120, y + h))
    piece = cut(sample, Crop(left, top, 64, scale))
    assert piece.picture.shape == (64, 64, 3)
    corners = piece.boxes.corners_px
    assert ((corners >= 0) & (corners <= 64)).all()
    assert (corners[:, 2:] - corners[:, :2] >= 3).all()
    if len(piece.boxes):
        # grey edges of a resized rectangle are not counted as white: two pixels of slack
        assert corners[0] == pytest.approx(white_bounds(piece), abs=2.0)
        assert piece.boxes.class_ids.tolist() == [2]


def test_box_is_scaled_and_moved() -> None:
    piece = cut(painted(40, 20, 60, 40), Crop(30.0, 10.0, 64, 0.5))
    assert piece.boxes.corners_px.tolist() == [[5.0, 5.0, 15.0, 15.0]]


def test_mostly_hidden_and_tiny_boxes_are_left_out() -> None:
    sample = painted(40, 20, 60, 40)
    assert len(cut(sample, Crop(55.0, 0.0, 64, 1.0)).boxes) == 0  # a quarter is seen
    assert len(cut(sample, Crop(53.0, 0.0, 64, 1.0)).boxes) == 1  # 35 %
    assert len(cut(sample, Crop(0.0, 0.0, 64, 0.1)).boxes) == 0  # 2 px wide


def test_outside_the_picture_is_grey() -> None:
    piece = cut(painted(40, 20, 60, 40), Crop(-100.0, -100.0, 32, 1.0))
    assert (piece.picture == 114).all()


@given(quarters=st.integers(-4, 7), x=st.integers(0, 150), y=st.integers(0, 90))
@settings(max_examples=30, deadline=None)
def test_turning_turns_the_box_along(quarters: int, x: int, y: int) -> None:
    piece = turned(painted(x, y, x + 30, y + 12), quarters)
    assert white_bounds(piece) == pytest.approx(piece.boxes.corners_px[0])


def test_object_crops_show_the_object_and_are_seeded() -> None:
    sample = painted(150, 90, 170, 110, width=640, height=360)

    def crops(seed: int) -> list[Crop]:
        rng = np.random.default_rng(seed)
        return object_crops(sample, 40, 96, rng, background_share=0.0)

    assert crops(1) == crops(1)
    assert crops(1) != crops(2)
    assert all(len(cut(sample, crop).boxes) == 1 for crop in crops(1))


def test_rare_classes_are_cut_more_often() -> None:
    corners = np.array([[20, 20, 40, 40], [580, 300, 600, 320]], float)
    sample = Sample("two", np.zeros((360, 640, 3), np.uint8), Boxes(np.array([0, 2]), corners))
    weights = np.array([9.0, 1.0, 1.0, 1.0])
    crops = object_crops(
        sample, 200, 96, np.random.default_rng(0), class_weights=weights, background_share=0.0
    )
    shown = [cut(sample, crop).boxes.class_ids.tolist() for crop in crops]
    assert shown.count([0]) > 5 * shown.count([2]) > 0
