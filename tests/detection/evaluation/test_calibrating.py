"""Fitting a calibration to boxes whose chance of being right is known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra 'train')")

from detection.evaluation.calibrating import Outcomes, fit, reliability

NAMES = ("outfall", "discharge", "structure")


def boxes(chance: dict[int, object], count: int = 3000, seed: int = 0) -> Outcomes:
    """Boxes of raw confidence 0.05 to 0.95 that are right as often as `chance` of class says."""
    rng = np.random.default_rng(seed)
    parts = []
    for class_id, often in chance.items():
        raw = rng.uniform(0.05, 0.95, count)
        right = rng.random(count) < often(raw)  # type: ignore[operator]
        parts.append((raw, right, np.full(count, class_id), rng.integers(200, size=count)))
    return Outcomes(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def too_sure(raw: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(np.log(raw / (1 - raw)) / 2.0 - 1.0)))


def stepped(raw: np.ndarray) -> np.ndarray:
    return np.select([raw < 0.3, raw < 0.6], [0.02, 0.55], 0.9)


def test_each_class_gets_the_curve_that_is_true_of_it() -> None:
    known = boxes({0: too_sure, 1: stepped, 2: lambda raw: raw})
    fitted = fit(known, NAMES, seed=1)
    assert [f.method for f in fitted.classes] == ["temperature", "isotonic", "identity"]
    first = fitted.calibration.curves[0]
    assert (first.temperature, first.bias) == (
        pytest.approx(2.0, abs=0.25),
        pytest.approx(-1.0, abs=0.15),
    )
    grid = np.linspace(0.1, 0.9, 9)
    ids = np.zeros(9, np.int64)
    assert fitted.calibration.apply(grid, ids) == pytest.approx(too_sure(grid), abs=0.04)
    assert fitted.calibration.apply(grid, ids + 1)[[0, 4, 8]] == pytest.approx(
        [0.02, 0.55, 0.9], abs=0.08
    )


def test_eight_in_ten_on_boxes_that_were_not_fitted_to() -> None:
    chance = {0: lambda raw: raw**2, 1: stepped}
    known, fresh = boxes(chance), boxes(chance, seed=7)
    fitted = fit(known, NAMES[:2])
    before = reliability(fresh.confidence, fresh.right)
    sure = fitted.calibration.apply(fresh.confidence, fresh.class_id)
    assert before.ece > 0.07
    assert reliability(sure, fresh.right).ece < 0.03
    assert reliability(fitted.held_out, known.right).ece < 0.03
    about_8 = (sure > 0.75) & (sure < 0.85) & (fresh.class_id == 0)
    assert about_8.sum() > 100
    assert fresh.right[about_8].mean() == pytest.approx(0.8, abs=0.06)


def test_few_boxes_or_one_group_leave_a_class_as_it_is() -> None:
    few = boxes({0: too_sure}, count=12)
    assert fit(few, NAMES).calibration.curves[0].method == "identity"
    one = boxes({0: too_sure})
    one = Outcomes(one.confidence, one.right, one.class_id, np.zeros(len(one.right), np.int64))
    fitted = fit(one, NAMES)
    assert fitted.calibration.curves[0].method == "identity"
    assert fitted.held_out == pytest.approx(one.confidence)


def test_the_same_boxes_give_the_same_curves() -> None:
    known = boxes({0: too_sure, 1: stepped})
    assert (
        fit(known, NAMES, seed=3).calibration.as_json()
        == fit(known, NAMES, seed=3).calibration.as_json()
    )


def test_reliability_by_hand() -> None:
    one = reliability(np.array([0.1, 0.15, 0.95, 1.0]), np.array([False, True, True, True]))
    assert one.count.tolist() == [0, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert one.ece == pytest.approx((2 * abs(0.125 - 0.5) + 2 * abs(0.975 - 1.0)) / 4)
    assert np.isnan(reliability(np.empty(0), np.empty(0, bool)).ece)
