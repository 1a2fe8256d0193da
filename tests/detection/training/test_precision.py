"""Average precision against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from detection.training.precision import Scored, average_precision, overlaps
from detection.training.samples import Boxes


def boxes(*rows: tuple[int, float, float, float, float]) -> Boxes:
    if not rows:
        return Boxes.empty()
    return Boxes(np.array([r[0] for r in rows]), np.array([r[1:] for r in rows], float))


def test_overlap_of_shifted_square_is_one_third() -> None:
    table = overlaps(np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 15, 10], [20, 20, 30, 30]]))
    assert table == pytest.approx(np.array([[1 / 3, 0.0]]))


@pytest.mark.parametrize(
    ("found", "scores", "expected"),
    [
        (boxes((0, 0, 0, 10, 10), (0, 20, 20, 30, 30)), [0.9, 0.8], 1.0),
        (boxes((0, 0, 0, 10, 10)), [0.9], 0.5),
        (
            boxes((0, 50, 50, 60, 60), (0, 0, 0, 10, 10)),
            [0.9, 0.8],
            0.25,
        ),  # precision 1/2 at recall 1/2
        (boxes((0, 0, 0, 10, 10), (0, 0, 0, 10, 10)), [0.9, 0.8], 0.5),  # the second is a repeat
        (boxes((1, 0, 0, 10, 10)), [0.9], 0.0),  # another class
        (boxes(), [], 0.0),
    ],
)
def test_average_precision(found: Boxes, scores: list[float], expected: float) -> None:
    truth = boxes((0, 0, 0, 10, 10), (0, 20, 20, 30, 30))
    result = average_precision([(truth, Scored(found, np.array(scores, float)))], classes=2)
    assert set(result) == {0}
    assert result[0].ap == pytest.approx(expected)


def test_scores_are_ranked_over_all_pictures() -> None:
    truth, nothing = boxes((0, 0, 0, 10, 10)), boxes()
    right = Scored(truth, np.array([0.5]))
    wrong = Scored(truth, np.array([0.9]))
    result = average_precision([(truth, right), (nothing, wrong)], classes=1)[0]
    assert result.ap == pytest.approx(0.5)
    assert result.at(0.95) == (1.0, 0.0)
    assert result.at(0.5) == (0.5, 1.0)
    assert result.best_score() == 0.5
