"""Detectors: what turns pictures into boxes, one class a back end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from detection.backends.classes import ClassList
from detection.backends.network import Running
from detection.detections import Detections
from detection.errors import ModelError

__all__ = ["Backend", "ClassList", "Detector", "Running", "open_detector"]

Backend = Literal["auto", "openvino", "onnx", "ultralytics"]


class Detector(Protocol):
    """Anything that finds boxes in pictures. `path` is what its weights were read from, `running`
    what runs them."""

    path: Path
    running: Running

    def detect(
        self, images: Sequence[NDArray[np.uint8]], long_side_px: int = 640
    ) -> list[Detections]:
        """Boxes of each (H, W, 3) uint8 BGR picture, best first, seen with its long side scaled
        to `long_side_px`. Raises FootageError for what is no such picture."""
        ...


def open_detector(
    model: Path, classes: ClassList, backend: str = "auto", device: str | None = None
) -> Detector:
    """Open a model's folder (as `patrol train` makes it) or its weights.

    OpenVINO takes a folder with model.xml, or one with such a folder 'openvino' in it; ONNX
    Runtime an .onnx file, a folder with one or with a folder 'onnx' in it; ultralytics a .pt file,
    or a folder with best.pt. 'auto' takes what is fastest of what lies there on this machine
    (detection/backends/machine.py). `device` is 'cpu' or 'cuda', None for what there is. Raises
    ModelError.
    """
    path, reason = model, ""
    if backend == "auto":
        from detection.backends.machine import Machine, choose

        choice = choose(model, Machine.here())
        backend, path, reason = choice.backend, choice.path, choice.reason
    if backend == "openvino":
        from detection.backends.openvino_model import OpenVinoDetector

        inner = path / "openvino"
        return OpenVinoDetector(inner if inner.is_dir() else path, classes.names, reason)
    if backend == "onnx":
        from detection.backends.machine import Machine
        from detection.backends.onnx_model import OnnxDetector

        inner = path / "onnx"
        on_card = device == "cuda" or (device is None and Machine.here().card)
        return OnnxDetector(
            inner if inner.is_dir() else path, classes.names, reason, on_card=on_card
        )
    if backend == "ultralytics":
        from detection.backends.ultralytics_model import UltralyticsDetector

        weights = path / "best.pt" if path.is_dir() else path
        return UltralyticsDetector(weights, classes.names, device, reason)
    raise ModelError(f"no back end {backend!r}; there are {', '.join(get_args(Backend))}")
