"""What all back ends share: one letterbox before the network, one way to read it after."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.backends.heads import Head
from detection.backends.letterbox import Letterbox
from detection.calibration import Calibration
from detection.detections import Detections
from detection.errors import ModelError

__all__ = ["NetworkDetector", "Running", "check_classes", "one_line"]


@dataclass(frozen=True, slots=True)
class Running:
    """What runs a network: back end, precision as INT8 or FP32, device, and why this one ('' where
    it was asked for)."""

    backend: str
    precision: str
    device: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.backend}, {self.precision}, {self.device}" + (
            f" ({self.reason})" if self.reason else ""
        )

    def as_json(self) -> dict[str, str]:
        return asdict(self)


class NetworkDetector(ABC):
    """A detector that says by `_outputs` what its network makes of letterboxed pictures."""

    def __init__(
        self, path: Path, classes: Sequence[str], calibration: Calibration, running: Running
    ) -> None:
        self.path = path
        self.running = running
        self._head = Head(path, len(classes), calibration)

    def detect(
        self, images: Sequence[NDArray[np.uint8]], long_side_px: int = 640
    ) -> list[Detections]:
        """Boxes of each (H, W, 3) uint8 BGR picture, best first, seen with its long side at
        `long_side_px`. A picture's boxes do not depend on what others it comes with. Raises
        FootageError for an array that is no such picture, ModelError where the network does not
        take it."""
        boxes = [Letterbox.around(image, long_side_px) for image in images]
        placed = (box.place(image) for box, image in zip(boxes, images, strict=True))
        return [
            self._head.read(output, box)
            for output, box in zip(self._outputs(placed), boxes, strict=True)
        ]

    @abstractmethod
    def _outputs(self, placed: Iterable[NDArray[np.uint8]]) -> Iterable[NDArray[np.float32]]:
        """For each (H, W, 3) uint8 BGR input, sides whole strides, the network's output without
        the batch's axis, in order."""


def check_classes(path: Path, named: Sequence[str], expected: Sequence[str]) -> None:
    """Raises ModelError unless the network knows the classes of the list, in its order."""
    if list(named) != list(expected):
        raise ModelError(
            f"{path}: the model knows the classes {', '.join(named)}; the class list says "
            f"{', '.join(expected)}; give the class list that the model was trained with"
        )


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120]
