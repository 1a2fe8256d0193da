"""Recall at a rate of false alerts, over all thresholds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra 'train')")

from detection.evaluation.street import Patrolled, Sweep, sweep, together

NO = np.inf


def one(distance: list[list[float]], confidence: list[float]) -> Patrolled:
    return Patrolled(np.array(distance, float).reshape(-1, len(confidence)), np.array(confidence))


def test_by_hand() -> None:
    # Two planted; alerts: of the first, false, of the first again (false), of the second.
    patrol = one([[1, NO, 2, NO], [NO, NO, NO, 3]], [0.9, 0.8, 0.7, 0.3])
    line = sweep([patrol], 2.0)
    assert line.thresholds.tolist() == [0.9, 0.8, 0.7, 0.3]
    assert line.found.tolist() == [1, 1, 1, 2]
    assert line.false.tolist() == [0, 1, 2, 2]
    assert line.at_rate(0.5).recall == 0.5
    assert line.at_rate(0.5).threshold == 0.8
    best = line.at_rate(1.0)
    assert (best.threshold, best.recall, best.false_per_km) == (0.3, 1.0, 1.0)
    assert line.at(0.95).recall == 0.0
    assert line.as_json()["at_1_per_km"] == {"recall": 1.0, "threshold": 0.3, "false_per_km": 1.0}


def test_one_alert_finds_the_near_one_but_two_alerts_find_two() -> None:
    assert one([[1.0], [2.0]], [0.5]).found(0.5) == 1
    assert one([[1.0, 2.0], [0.5, NO]], [0.5, 0.5]).found(0.5) == 2


def test_nothing_planted_and_nothing_said() -> None:
    empty = sweep([Patrolled(np.empty((0, 0)), np.empty(0))], 12.0)
    assert math.isnan(empty.at_rate(1.0).recall)
    assert empty.as_json()["at_1_per_km"]["recall"] is None
    silent = sweep([Patrolled(np.empty((3, 0)), np.empty(0))], 12.0)
    assert silent.at_rate(1.0).recall == 0.0
    false = sweep([one([[NO, NO]], [0.9, 0.9])], 1.0)
    assert false.at_rate(1.0).threshold == math.inf  # both come at once: too many


def test_together_counts_each_class_at_the_same_threshold() -> None:
    a = sweep([one([[1.0, NO]], [0.9, 0.5])], 1.0)
    b = sweep([one([[1.0], [NO]], [0.7])], 1.0)
    both = together({"a": a, "b": b})
    assert both.planted == 3
    assert both.thresholds.tolist() == [0.9, 0.7, 0.5]
    assert both.found.tolist() == [1, 2, 2]
    assert both.false.tolist() == [0, 0, 1]


patrols = st.lists(
    st.tuples(st.integers(0, 4), st.lists(st.integers(1, 9), max_size=6), st.integers(0, 999)),
    max_size=3,
)


@settings(max_examples=80, deadline=None)
@given(patrols)
def test_finds_and_false_alerts_only_grow_as_the_threshold_falls(
    made: list[tuple[int, list[int], int]],
) -> None:
    def patrolled(planted: int, sure: list[int], seed: int) -> Patrolled:
        rng = np.random.default_rng(seed)
        near = rng.random((planted, len(sure))) < 0.4
        return Patrolled(
            np.where(near, rng.uniform(0, 8, near.shape), np.inf), np.array(sure, float) / 10
        )

    line: Sweep = sweep([patrolled(*row) for row in made], 3.0)
    assert np.all(np.diff(line.found) >= 0)
    assert np.all(np.diff(line.false) >= 0)
    assert np.all(line.found <= line.planted)
    for rate in (0.0, 0.5, 1.0):
        at = line.at_rate(rate)
        assert at.false_per_km <= rate
        lower = line.thresholds[line.thresholds < at.threshold]
        if len(lower):
            assert line.at(float(lower[0])).false_per_km > rate
