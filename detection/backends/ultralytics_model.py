"""Weights as ultralytics keeps them (.pt), run by torch: the way to a CUDA device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.detections import Detections
from detection.errors import ModelError

__all__ = ["UltralyticsDetector"]

_LOWEST_CONFIDENCE = 0.05
_IOU = 0.55


class UltralyticsDetector:
    """A .pt file; `device` is 'cpu', 'cuda' or None for CUDA where there is one."""

    def __init__(
        self,
        weights: Path,
        classes: Sequence[str],
        device: str | None = None,
    ) -> None:
        if not weights.is_file():
            raise ModelError(f"{weights}: the weights are missing; check the path")
        try:
            import torch

            from detection.training.ultralytics_setup import load_yolo
        except ModuleNotFoundError as error:
            raise ModelError(
                f"the ultralytics back end needs the package {error.name}; run `make train-setup`"
            ) from None
        self.path = weights
        self._model = load_yolo(weights)
        named = [self._model.names[index] for index in sorted(self._model.names)]
        if named != list(classes):
            raise ModelError(
                f"{weights}: the model knows the classes {', '.join(named)}; the class list says "
                f"{', '.join(classes)}"
            )
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")

    def detect(
        self, images: Sequence[NDArray[np.uint8]], long_side_px: int = 640
    ) -> list[Detections]:
        """Boxes of each (H, W, 3) BGR picture, seen with its long side at `long_side_px`."""
        results = self._model.predict(
            list(images), imgsz=long_side_px, conf=_LOWEST_CONFIDENCE, iou=_IOU,
            device=self._device, verbose=False,
        )  # fmt: skip
        return [
            Detections(
                r.boxes.xyxy.cpu().numpy().astype(np.float64).reshape(-1, 4),
                r.boxes.conf.cpu().numpy().astype(np.float64),
                r.boxes.cls.cpu().numpy().astype(np.int64),
            )
            for r in results
        ]
