"""Whether the shipped detector's confidence is how often it is right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.detection.model import (
    floating_waste_pictures,
    opened,
    real_data,
    roof_pictures,
    world_frames,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detection.training.samples import Sample

__all__ = ["calibration_error"]


def calibration_error(seed: int) -> float:
    """Mean of the expected calibration errors on frames of the world with this seed, on the
    held-out Kampala place and on the held-out Jakarta site; boxes of all classes together."""
    real_data()
    return float(
        np.mean(
            [
                _error("frames of the world", world_frames(seed)),
                _error("Kampala", roof_pictures()),
                _error("Jakarta", floating_waste_pictures()),
            ]
        )
    )


def _error(name: str, samples: Iterable[Sample]) -> float:
    from detection.calibration import Calibration
    from detection.evaluation.calibrating import outcomes, reliability
    from detection.evaluation.judging import judge
    from detection.evaluation.labelled import Labelled

    detector, classes = opened()
    known = Calibration.read(Path(detector.path), classes.names)
    labelled = (Labelled(Path(s.name), s, s.name, None) for s in samples)
    boxes = outcomes(judge(detector, labelled, known))
    # Roofs alone are labelled in Kampala and waste alone in Jakarta: other classes say nothing.
    labelled_classes = np.unique(boxes.class_id[boxes.right])
    mine = np.isin(boxes.class_id, labelled_classes)
    one = reliability(boxes.confidence[mine], boxes.right[mine])
    rows = (
        f"{sure:.2f} said, {often:.2f} right ({count})"
        for sure, often, count in zip(one.confidence, one.right, one.count, strict=True)
        if count
    )
    print(f"{name}: ECE {one.ece:.3f} of {int(mine.sum())} boxes; {'; '.join(rows)}")
    return one.ece
