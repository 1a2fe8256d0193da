"""Weights as ultralytics keeps them (.pt), run by torch: the way to a CUDA device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.backends.letterbox import planes_of
from detection.backends.network import NetworkDetector, Running, check_classes, one_line
from detection.calibration import Calibration
from detection.errors import ModelError

__all__ = ["UltralyticsDetector"]

_BATCH = 16  # pictures that a card is given at once, where they are of one size


class UltralyticsDetector(NetworkDetector):
    """A .pt file; `device` is 'cpu', 'cuda' or None for CUDA where there is one.

    The network is ultralytics', what comes before and after is ours, so that its boxes are those
    of the exported ones. ultralytics' own letterbox takes every third pixel of a 1920 px wide
    picture, which costs 2 points of AP50 on rendered frames.
    """

    def __init__(
        self,
        weights: Path,
        classes: Sequence[str],
        device: str | None = None,
        reason: str = "",
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
        model = load_yolo(weights)
        check_classes(weights, [model.names[index] for index in sorted(model.names)], classes)
        if getattr(model.model.model[-1], "one2one_cv2", None) is not None:
            model.model.end2end = True  # as it is exported: without suppression after it
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            network: Any = model.model.float().eval().fuse(verbose=False).to(self._device)
        except (RuntimeError, AssertionError) as error:  # torch asserts that it was built with CUDA
            raise ModelError(
                f"{weights}: torch cannot use the device {self._device!r} ({one_line(error)})"
            ) from None
        self._network = network
        running = Running("ultralytics", "FP32", self._device.upper(), reason)
        super().__init__(weights, classes, Calibration.read(weights.parent, classes), running)

    def _outputs(self, placed: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        # On a processor a batch takes as long as its pictures one by one.
        most = 1 if self._device == "cpu" else _BATCH
        left = iter(placed)
        while group := list(islice(left, most)):
            start = 0
            for end in range(1, len(group) + 1):
                if end == len(group) or group[end].shape != group[start].shape:
                    yield from self._run(group[start:end])
                    start = end

    def _run(self, pictures: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        import torch

        planes = np.stack([planes_of(picture) for picture in pictures])
        try:
            with torch.inference_mode():
                said = self._network(torch.from_numpy(planes).to(self._device))
        except RuntimeError as error:
            size = f"{pictures[0].shape[1]} x {pictures[0].shape[0]} px"
            raise ModelError(
                f"{self.path}: the network does not take pictures of {size} ({one_line(error)})"
            ) from None
        output = said[0] if isinstance(said, tuple | list) else said
        return np.asarray(output.float().cpu().numpy(), np.float32)
