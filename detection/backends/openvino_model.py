"""A network exported to OpenVINO, run on the CPU without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.backends.letterbox import Letterbox
from detection.detections import Detections
from detection.errors import ModelError

__all__ = ["OpenVinoDetector"]

_THREADS = 2
_LOWEST_CONFIDENCE = 0.05
_IOU = 0.55  # of boxes of one class that are taken for the same thing in one picture
_STRIDE_PX = 32


class OpenVinoDetector:
    """A YOLO head of shape (N, 4 + classes, anchors): box centre and size in input pixels, then a
    score a class. Non-maximum suppression is OpenCV's, class by class."""

    def __init__(self, folder: Path, classes: Sequence[str]) -> None:
        """`folder` holds model.xml, model.bin and metadata.json. Raises ModelError."""
        import openvino

        self.path = folder
        xml = folder / "model.xml"
        for path in (xml, folder / "model.bin", folder / "metadata.json"):
            if not path.is_file():
                raise ModelError(
                    f"{path}: the weights are missing; give the folder of an exported model, for "
                    "example models/river-patrol-n/openvino, or make one with `patrol train`"
                )
        try:
            said = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
            named = [str(name) for name in said["classes"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{folder / 'metadata.json'}: cannot be read ({error})") from None
        if named != list(classes):
            raise ModelError(
                f"{folder}: the model knows the classes {', '.join(named)}; the class list says "
                f"{', '.join(classes)}"
            )
        self._classes = len(named)
        self._core = openvino.Core()
        try:
            self._network = self._core.read_model(xml)
        except RuntimeError as error:
            raise ModelError(
                f"{xml}: not a network that OpenVINO can read ({str(error).splitlines()[0]:.120})"
            ) from None
        self._requests: dict[tuple[int, int], Any] = {}

    def detect(
        self, images: Sequence[NDArray[np.uint8]], long_side_px: int = 640
    ) -> list[Detections]:
        """Boxes of each (H, W, 3) BGR picture, seen with its long side at `long_side_px`."""
        return [self._detect(image, long_side_px) for image in images]

    def _detect(self, image: NDArray[np.uint8], long_side_px: int) -> Detections:
        height, width = image.shape[:2]
        scale = long_side_px / max(height, width)
        shape = tuple(
            max(_STRIDE_PX, -(-round(side * scale) // _STRIDE_PX) * _STRIDE_PX)
            for side in (height, width)
        )
        box = Letterbox(width, height, (shape[0], shape[1]))
        output = self._request(box.input_px)(box.apply(image)[None])[0][0]
        if output.shape[0] != 4 + self._classes:
            raise ModelError(
                f"{self.path}: the network gives {output.shape[0]} rows, expected "
                f"{4 + self._classes} (4 and a score for each class)"
            )
        return _suppressed(np.asarray(output, np.float64), box)

    def _request(self, input_px: tuple[int, int]) -> Any:
        """The network compiled for one input size; the few sizes of a patrol are kept."""
        if input_px not in self._requests:
            import openvino

            network = self._network.clone()
            try:
                network.reshape([1, 3, *input_px])
            except RuntimeError as error:
                raise ModelError(
                    f"{self.path}: the network does not take pictures of {input_px[1]} x "
                    f"{input_px[0]} px ({str(error).splitlines()[0]:.80})"
                ) from None
            self._requests[input_px] = openvino.compile_model(
                network, "CPU",
                {"INFERENCE_NUM_THREADS": _THREADS, "PERFORMANCE_HINT": "LATENCY"},
            )  # fmt: skip
        return self._requests[input_px]


def _suppressed(output: NDArray[np.float64], box: Letterbox) -> Detections:
    scores = output[4:]
    class_id = np.argmax(scores, axis=0)
    confidence = scores[class_id, np.arange(scores.shape[1])]
    likely = confidence >= _LOWEST_CONFIDENCE
    if not likely.any():
        return Detections.empty()
    centre, size = output[:2, likely].T, output[2:4, likely].T
    confidence, class_id = confidence[likely], class_id[likely]
    low = centre - size / 2
    kept = np.asarray(
        cv2.dnn.NMSBoxesBatched(
            np.hstack([low, size]).tolist(), confidence.tolist(), class_id.tolist(),
            _LOWEST_CONFIDENCE, _IOU,
        ),
        dtype=np.int64,
    ).ravel()  # fmt: skip
    order = kept[np.argsort(-confidence[kept], kind="stable")]
    corners = box.restore(np.hstack([low[order], low[order] + size[order]]))
    return Detections(corners, confidence[order], class_id[order].astype(np.int64))
