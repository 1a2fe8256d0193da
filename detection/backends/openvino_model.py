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
_END_TO_END_COLUMNS = 6


class OpenVinoDetector:
    """A YOLO network as `patrol train` or ultralytics exports it.

    Its output is either the raw head, (N, 4 + classes, anchors): box centre and size in input
    pixels, then a score a class, for which non-maximum suppression is OpenCV's, class by class;
    or end to end, (N, boxes, 6): corners in input pixels, confidence, class.
    """

    def __init__(self, folder: Path, classes: Sequence[str]) -> None:
        """`folder` holds one network (.xml, .bin) that says its classes: in metadata.json or, from
        ultralytics, in the network itself. Raises ModelError."""
        import openvino

        self.path = folder
        xml = _network_file(folder)
        self._core = openvino.Core()
        try:
            self._network = self._core.read_model(xml)
        except RuntimeError as error:
            raise ModelError(
                f"{xml}: not a network that OpenVINO can read ({_first_line(error)})"
            ) from None
        named = _class_names(folder, self._network)
        if named != list(classes):
            raise ModelError(
                f"{folder}: the model knows the classes {', '.join(named)}; the class list says "
                f"{', '.join(classes)}"
            )
        self._classes = len(named)
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
        output = np.asarray(self._request(box.input_px)(box.apply(image)[None])[0])
        if output.ndim == 3 and output.shape[1] == 4 + self._classes:
            return _suppressed(output[0].astype(np.float64), box)
        if output.ndim == 3 and output.shape[2] == _END_TO_END_COLUMNS:
            return _final(output[0].astype(np.float64), box, self._classes)
        raise ModelError(
            f"{self.path}: the network's output is {output.shape}, expected (1, "
            f"{4 + self._classes}, anchors), boxes and a score for each class, or (1, boxes, 6)"
        )

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
                    f"{input_px[0]} px ({_first_line(error)})"
                ) from None
            self._requests[input_px] = openvino.compile_model(
                network, "CPU",
                {
                    "INFERENCE_NUM_THREADS": _THREADS, "PERFORMANCE_HINT": "LATENCY",
                    # Else some processors compute in bfloat16, and find other boxes than others do.
                    "INFERENCE_PRECISION_HINT": "f32",
                },
            )  # fmt: skip
        return self._requests[input_px]


def _network_file(folder: Path) -> Path:
    found = sorted(folder.glob("*.xml")) if folder.is_dir() else []
    if len(found) != 1 or not found[0].with_suffix(".bin").is_file():
        what = f"{len(found)} networks (.xml)" if len(found) != 1 else "a network without its .bin"
        raise ModelError(
            f"{folder}: the weights are missing: found {what if folder.is_dir() else 'no folder'}; "
            "give the folder of an exported model, for example models/river-patrol-n, or make one "
            "with `patrol train`"
        )
    return found[0]


def _class_names(folder: Path, network: Any) -> list[str]:
    path = folder / "metadata.json"
    if not path.exists():
        said = ["model_info", "labels"]  # where ultralytics puts them
        if network.has_rt_info(said):
            return str(network.get_rt_info(said).astype(str)).split()
        raise ModelError(f"{path}: no such file, and the network does not say its classes either")
    try:
        return [str(name) for name in json.loads(path.read_text(encoding="utf-8"))["classes"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: cannot be read ({error})") from None


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]


def _final(output: NDArray[np.float64], box: Letterbox, classes: int) -> Detections:
    """What a network that suppresses by itself says: rows padded with confidence 0."""
    class_id = np.round(output[:, 5]).astype(np.int64)
    likely = (output[:, 4] >= _LOWEST_CONFIDENCE) & (class_id >= 0) & (class_id < classes)
    rows = output[likely]
    order = np.argsort(-rows[:, 4], kind="stable")
    return Detections(box.restore(rows[order, :4]), rows[order, 4], class_id[likely][order])


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
