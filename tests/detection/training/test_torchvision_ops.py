"""NMS through OpenCV does what torchvision's does."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.evaluation.boxes import overlaps
from detection.training.torchvision_ops import nms_indices
from detection.training.ultralytics_setup import training_missing


def greedy(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> list[int]:
    """Textbook non-maximum suppression."""
    kept: list[int] = []
    table = overlaps(boxes.astype(float), boxes.astype(float))
    for index in np.argsort(-scores, kind="stable"):
        if all(table[index, other] <= threshold for other in kept):
            kept.append(int(index))
    return kept


@given(
    rows=st.lists(
        st.tuples(*[st.integers(0, 60)] * 2, *[st.integers(1, 40)] * 2, st.integers(0, 4)),
        max_size=25,
    ),
    threshold=st.sampled_from([0.31, 0.53, 0.71]),
)
@settings(max_examples=150, deadline=None)
def test_equals_the_textbook_also_with_equal_and_zero_scores(
    rows: list[tuple[int, ...]], threshold: float
) -> None:
    table = np.array(rows, np.float32).reshape(-1, 5)
    boxes = np.hstack([table[:, :2], table[:, :2] + table[:, 2:4]])
    scores = table[:, 4] / 4
    assert nms_indices(boxes, scores, threshold).tolist() == greedy(boxes, scores, threshold)


def test_torchvision_imports_and_runs_it() -> None:
    """In a process of its own: what is defined there stays for good."""
    reason = training_missing()
    if reason is not None:
        pytest.skip(reason)
    code = (
        "from detection.training.torchvision_ops import ensure_torchvision_ops as ensure\n"
        "compiled = ensure(); assert ensure() == compiled\n"
        "import torch, torchvision\n"
        "boxes = torch.tensor([[0., 0, 10, 10], [1, 0, 11, 10], [30, 30, 40, 40]])\n"
        "scores = torch.tensor([.5, .9, .1])\n"
        "print(torchvision.ops.nms(boxes, scores, .5).tolist())\n"
        "print(torchvision.ops.batched_nms(boxes, scores, torch.tensor([0, 1, 0]), .5).tolist())\n"
        "print(torchvision.ops.nms(boxes[:0], scores[:0], .5).tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split("\n")[:3] == ["[1, 2]", "[1, 0, 2]", "[]"], done.stderr
