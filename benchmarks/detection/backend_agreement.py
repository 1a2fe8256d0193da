"""The back ends beside one another: the same boxes from the exact formats, nearly the same AP50.

The shipped best.pt is exported anew to OpenVINO in 32 bits and to ONNX; 8 bits are the shipped
openvino/. Pictures: frames of the world of the seed, the Kampala place and the Jakarta site that
training holds out.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.detection.model import (
    CLASSES_FILE,
    MODEL,
    floating_waste_pictures,
    roof_pictures,
    world_frames,
)
from benchmarks.figures import Skipped

if TYPE_CHECKING:
    from detection.backends import Detector
    from detection.detections import Detections
    from detection.training.samples import Sample

__all__ = ["ap50_gap", "box_agreement", "int8_ap50_gap"]

_FRAMES, _TILES = 60, 120
_SURE = 0.25
_IOU = 0.95
_EXACT = ("OpenVINO FP32", "ONNX Runtime")
_INT8 = "OpenVINO INT8"


def box_agreement(seed: int) -> float:
    """Boxes of the .pt from a confidence of 0.25 for which OpenVINO FP32 and ONNX Runtime each
    have one of the class at an IoU of 0.95 or more, the worse of the two, %."""
    return min(_compared(seed)[1].values())


def ap50_gap(seed: int) -> float:
    """Largest difference of AP50 to that of the .pt, of either exact format on any set, points."""
    return _largest_gap(seed, _EXACT)


def int8_ap50_gap(seed: int) -> float:
    """The same of the shipped network in 8 bits."""
    return _largest_gap(seed, (_INT8,))


def _largest_gap(seed: int, names: tuple[str, ...]) -> float:
    ap50, _ = _compared(seed)
    sets = ap50[".pt"]
    return max(abs(ap50[name][kind] - sets[kind]) for name in names for kind in sets)


@lru_cache(maxsize=2)
def _compared(seed: int) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Mean AP50 over classes by back end and set, %, and the share of boxes that agree, %."""
    from detection.backends import ClassList, open_detector
    from detection.evaluation.scoring import evaluate, scored_by
    from detection.training.export import export_onnx, export_openvino
    from detection.training.ultralytics_setup import training_missing

    if (missing := training_missing()) is not None:
        raise Skipped(f"nothing to compare with: {missing}")
    classes = ClassList.read(CLASSES_FILE)
    with tempfile.TemporaryDirectory() as scratch:
        with contextlib.redirect_stdout(sys.stderr):
            export_openvino(MODEL / "best.pt", Path(scratch) / "openvino")
            export_onnx(MODEL / "best.pt", Path(scratch) / "onnx")
        detectors: dict[str, Detector] = {
            ".pt": open_detector(MODEL, classes, "ultralytics", "cpu"),
            _EXACT[0]: open_detector(Path(scratch), classes, "openvino"),
            _EXACT[1]: open_detector(Path(scratch), classes, "onnx", "cpu"),
            _INT8: open_detector(MODEL, classes, "openvino"),
        }
        sets = _sets(seed)
        ap50: dict[str, dict[str, float]] = {}
        for name, detector in detectors.items():
            ap50[name] = {}
            for kind, samples in sets.items():
                scores, _ = evaluate(scored_by(detector), samples)
                ap50[name][kind] = 100 * float(np.mean([score.ap50 for score in scores]))
        pictures = [sample.picture for samples in sets.values() for sample in samples]
        found = {
            name: [detector.detect([picture])[0] for picture in pictures]
            for name, detector in detectors.items()
        }
    agreement = {}
    for name in (*_EXACT, _INT8):
        agreed = np.concatenate(
            [_agreed(a, b) for a, b in zip(found[".pt"], found[name], strict=True)]
        )
        agreement[name] = 100 * float(agreed.mean())
        print(f"{name:14} {agreement[name]:6.2f} % of {len(agreed)} boxes of the .pt at an IoU of "
              f"{_IOU} or more")  # fmt: skip
    for name, row in ap50.items():
        print(f"{name:14} AP50 " + ", ".join(f"{kind} {value:.2f}" for kind, value in row.items()))
    del agreement[_INT8]
    return ap50, agreement


def _agreed(one: Detections, other: Detections) -> np.ndarray:
    """For each sure box of `one`, whether `other` has it."""
    from detection.evaluation.boxes import overlaps

    sure = one.confidence >= _SURE
    table = overlaps(one.box_px[sure], other.box_px) >= _IOU
    table &= one.class_id[sure][:, None] == other.class_id[None]
    return np.asarray(table.any(axis=1))


def _sets(seed: int) -> dict[str, list[Sample]]:
    return {
        "rendered": list(islice(world_frames(seed), _FRAMES)),
        "Kampala": list(roof_pictures()),
        "Jakarta": list(islice(floating_waste_pictures(), _TILES)),
    }
