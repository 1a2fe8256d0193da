"""Average precision against values worked out by hand and against COCOeval's own sums."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra 'train')")

from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detection.evaluation.boxes import Scored, overlaps
from detection.evaluation.matching import SizeRange, average_precision, curve, match
from detection.training.samples import Boxes


def boxes(*rows: tuple[int, float, float, float, float]) -> Boxes:
    if not rows:
        return Boxes.empty()
    return Boxes(np.array([r[0] for r in rows]), np.array([r[1:] for r in rows], float))


def test_overlap_of_shifted_square_is_one_third() -> None:
    table = overlaps(np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 15, 10], [20, 20, 30, 30]]))
    assert table == pytest.approx(np.array([[1 / 3, 0.0]]))
    assert overlaps(np.empty((0, 4)), np.ones((2, 4))).shape == (0, 2)


@pytest.mark.parametrize(
    ("found", "scores", "expected"),
    [
        (boxes((0, 0, 0, 10, 10), (0, 20, 20, 30, 30)), [0.9, 0.8], 1.0),
        (boxes((0, 0, 0, 10, 10)), [0.9], 51 / 101),  # precision 1 at recalls 0 to 0.5
        (boxes((0, 50, 50, 60, 60), (0, 0, 0, 10, 10)), [0.9, 0.8], 51 / 101 / 2),
        (boxes((0, 0, 0, 10, 10), (0, 0, 0, 10, 10)), [0.9, 0.8], 51 / 101),  # a repeat
        (boxes((1, 0, 0, 10, 10)), [0.9], 0.0),  # another class
        (boxes(), [], 0.0),
    ],
)
def test_average_precision(found: Boxes, scores: list[float], expected: float) -> None:
    truth = boxes((0, 0, 0, 10, 10), (0, 20, 20, 30, 30))
    [[mine], [other]] = match([(truth, Scored(found, np.array(scores, float)))], 2)
    assert average_precision(mine)[0] == pytest.approx(expected)
    assert np.isnan(average_precision(other)).all()  # nothing of it is there


def test_scores_are_ranked_over_all_pictures() -> None:
    truth, nothing = boxes((0, 0, 0, 10, 10)), boxes()
    right = Scored(truth, np.array([0.5]))
    wrong = Scored(truth, np.array([0.9]))
    [[matches]] = match([(truth, right), (nothing, wrong)], 1)
    assert average_precision(matches)[0] == pytest.approx(0.5)
    assert matches.picture.tolist() == [1, 0]
    line = curve(matches)
    assert line.at(0.95) == (1.0, 0.0)
    assert line.at(0.5) == (0.5, 1.0)
    assert line.best_score() == 0.5
    # A picture that counts twice is as if it were there twice, one that counts zero times is not.
    assert average_precision(matches, np.array([2.0, 1.0]))[0] == pytest.approx(2 / 3)
    assert average_precision(matches, np.array([1.0, 0.0]))[0] == pytest.approx(1.0)


def test_an_object_between_two_ranges_counts_in_one() -> None:
    truth = boxes((0, 0, 0, 10, 10), (0, 50, 50, 52, 52))
    found = Scored(truth, np.array([0.5, 0.4]))
    ranges = [SizeRange("small", 0.0, 10.0), SizeRange("large", 10.0, 99.0)]
    [[every, small, large]] = match([(truth, found)], 1, ranges=ranges)
    assert [int(m.objects.sum()) for m in (every, small, large)] == [2, 1, 1]
    [[_, small, large]] = match([(truth, found)], 1, ranges=ranges, factors=[0.5])
    assert [int(m.objects.sum()) for m in (small, large)] == [2, 0]


box = st.tuples(
    st.integers(0, 1), st.integers(0, 30), st.integers(0, 30), st.integers(1, 20),
    st.integers(1, 20), st.integers(1, 9),
)  # fmt: skip


def _boxes(rows: list[tuple[int, ...]]) -> Boxes:
    return boxes(*((c, x, y, x + w, y + h) for c, x, y, w, h, _ in rows))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(box, max_size=4), st.lists(box, max_size=6)), min_size=1, max_size=4
    )
)
def test_average_precision_is_cocoevals(
    sets: list[tuple[list[tuple[int, ...]], list[tuple[int, ...]]]],
) -> None:
    pictures = [
        (_boxes(truth), Scored(_boxes(found), np.array([row[5] / 10 for row in found])))
        for truth, found in sets
    ]
    ranges = [SizeRange("small", 0.0, 8.0), SizeRange("large", 8.0, 1e9)]
    ours = match(pictures, 2, ranges=ranges)

    def coco(rows: list[list[tuple[int, ...]]]) -> COCO:
        made, number = COCO(), 0
        made.dataset = {
            "images": [{"id": p} for p in range(len(rows))],
            "annotations": [],
            "categories": [{"id": 0}, {"id": 1}],
        }
        for p, listed in enumerate(rows):
            for c, x, y, w, h, score in listed:
                number += 1
                made.dataset["annotations"].append(
                    {
                        "id": number,
                        "image_id": p,
                        "category_id": c,
                        "bbox": [x, y, w, h],
                        "area": w * h,
                        "iscrowd": 0,
                        "score": score / 10,
                    }
                )
        made.createIndex()
        return made

    with contextlib.redirect_stdout(io.StringIO()):
        judge = COCOeval(coco([t for t, _ in sets]), coco([f for _, f in sets]), "bbox")
        judge.params.areaRng = [[0, 1e10], [0, 64 - 1e-9], [64, 1e18]]
        judge.params.areaRngLbl = ["all", "small", "large"]
        judge.evaluate()
        judge.accumulate()
    theirs = judge.eval["precision"][..., -1].mean(axis=1)  # thresholds, classes, ranges
    theirs = np.where(theirs < 0, np.nan, theirs)
    mine = np.array([[average_precision(m) for m in row] for row in ours])
    np.testing.assert_allclose(mine.transpose(2, 0, 1), theirs, atol=1e-12)
