"""Evaluating a detector: scores, tiles and scaled pictures."""

from __future__ import annotations

import numpy as np
import pytest

from detection.detections import Detections
from detection.evaluation.scoring import evaluate, resized, scored_by, tiles
from detection.training.samples import Boxes, Picture, Sample


def square(x: int, y: int, size: int, width: int = 200, height: int = 100) -> Sample:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[y : y + size, x : x + size] = 255
    corners = np.array([[x, y, x + size, y + size]], float)
    return Sample("square", picture, Boxes(np.array([0]), corners))


class WhiteFinder:
    """A detector that finds the bounds of what is white."""

    def detect(self, images: list[Picture], long_side_px: int = 640) -> list[Detections]:
        found = []
        for image in images:
            rows, columns = np.nonzero(image[..., 0] > 200)
            if len(rows) == 0:
                found.append(Detections.empty())
                continue
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            found.append(Detections(np.array([box], float), np.array([0.8]), np.array([0])))
        return found


def test_a_right_detector_scores_one() -> None:
    samples = [square(10, 20, 30), square(120, 50, 20)]
    scores, curves = evaluate(scored_by(WhiteFinder()), samples, (0.5, 0.5, 0.5, 0.5))
    assert [(s.name, s.objects, s.ap50, s.precision, s.recall) for s in scores] == [
        ("outfall", 2, 1.0, 1.0, 1.0)
    ]
    assert curves[0].best_score() == pytest.approx(0.8)
    scores, _ = evaluate(scored_by(WhiteFinder()), samples, (0.9, 0.5, 0.5, 0.5))
    assert scores[0].recall == 0.0


def test_resized_moves_the_boxes_along() -> None:
    half = resized(square(40, 20, 30), 0.5)
    assert half.picture.shape == (50, 100, 3)
    assert half.boxes.corners_px.tolist() == [[20, 10, 35, 25]]


def test_tiles_cover_the_picture_and_share_no_object() -> None:
    pieces = list(tiles(square(90, 40, 30), 100))  # a third of it lies in the first tile
    assert [len(p.boxes) for p in pieces] == [0, 1]
    assert pieces[1].boxes.corners_px.tolist() == [[0, 40, 20, 70]]
    assert (pieces[1].picture[40:70, :20] == 255).all()
