"""Detectors: what turns pictures into boxes, one class a back end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from detection.backends.classes import ClassList
from detection.detections import Detections
from detection.errors import ModelError

__all__ = ["Backend", "ClassList", "Detector", "open_detector"]

Backend = Literal["openvino", "ultralytics"]


class Detector(Protocol):
    """Anything that finds boxes in pictures. `path` is what its weights were read from."""

    path: Path

    def detect(
        self, images: Sequence[NDArray[np.uint8]], long_side_px: int = 640
    ) -> list[Detections]:
        """Boxes of each (H, W, 3) uint8 BGR picture, best first, seen with its long side scaled
        to `long_side_px`."""
        ...


def open_detector(
    model: Path, classes: ClassList, backend: str = "openvino", device: str | None = None
) -> Detector:
    """Open a model's folder (as `patrol train` makes it) or its weights.

    OpenVINO takes a folder with model.xml, or one with such a folder 'openvino' in it;
    ultralytics a .pt file, or a folder with best.pt. Raises ModelError.
    """
    if backend == "openvino":
        from detection.backends.openvino_model import OpenVinoDetector

        inner = model / "openvino"
        return OpenVinoDetector(inner if inner.is_dir() else model, classes.names)
    if backend == "ultralytics":
        from detection.backends.ultralytics_model import UltralyticsDetector

        weights = model / "best.pt" if model.is_dir() else model
        return UltralyticsDetector(weights, classes.names, device=device)
    raise ModelError(f"no back end {backend!r}; there are openvino and ultralytics")
