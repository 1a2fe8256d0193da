"""A network exported to ONNX, run by ONNX Runtime without torch: on any processor, or on an NVIDIA
card where the package onnxruntime-gpu is installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.backends.letterbox import planes_of
from detection.backends.metadata import Metadata
from detection.backends.network import NetworkDetector, Running, check_classes, one_line
from detection.calibration import Calibration
from detection.errors import ModelError

__all__ = ["OnnxDetector"]

_THREADS = 2
_ON_CPU = "CPUExecutionProvider"
# The card's, fastest first: each runs what the next ones would where its libraries are there.
_ON_CARD = {
    "TensorrtExecutionProvider": "TensorRT",
    "CUDAExecutionProvider": "CUDA",
}
_ERRORS_ONLY = 3


class OnnxDetector(NetworkDetector):
    """A YOLO network as `patrol train` or ultralytics exports it.

    With `on_card` TensorRT is taken where its package is installed, else CUDA. Nothing but the CPU
    has been tried by the project's own tests.
    """

    def __init__(
        self, file: Path, classes: Sequence[str], reason: str = "", *, on_card: bool = False
    ) -> None:
        """`file` is an .onnx, or a folder with one. Raises ModelError."""
        path = _network_file(file)
        try:
            import onnxruntime
        except ModuleNotFoundError:
            raise ModelError(
                "the onnx back end needs the package onnxruntime; run pip install "
                "'river-patrol[onnx]'"
            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _THREADS
        options.log_severity_level = _ERRORS_ONLY
        providers = _providers(onnxruntime.get_available_providers()) if on_card else [_ON_CPU]
        try:
            self._session: Any = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=providers
            )
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
        except _errors() as error:
            raise ModelError(
                f"{path}: not a network that ONNX Runtime can read ({one_line(error)}); copy it "
                "again, or export the model anew"
            ) from None
        metadata = Metadata.read(path.parent, "onnx") or Metadata.of_ultralytics_onnx(
            path, self._session.get_modelmeta().custom_metadata_map
        )
        check_classes(path, metadata.classes, classes)
        taken = self._session.get_inputs()
        if len(taken) != 1 or len(taken[0].shape) != 4 or taken[0].type != "tensor(float)":
            raise ModelError(f"{path}: expected a network with one input (1, 3, height, width)")
        self._input = taken[0].name
        device = _ON_CARD.get(self._session.get_providers()[0], "CPU")
        running = Running("onnx", metadata.precision or "FP32", device, reason)
        kept = path.parent.parent if path.parent.name == "onnx" else path.parent
        calibration = Calibration.read(kept, classes)
        super().__init__(file, classes, calibration, running)

    def _outputs(self, placed: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        for picture in placed:
            try:
                yield self._session.run(None, {self._input: planes_of(picture)[None]})[0][0]
            except _errors() as error:
                raise ModelError(
                    f"{self.path}: the network does not take pictures of {picture.shape[1]} x "
                    f"{picture.shape[0]} px ({one_line(error)})"
                ) from None


def _errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises: its own errors have no common root."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [v for v in vars(state).values() if isinstance(v, type) and issubclass(v, Exception)]
    return (RuntimeError, ValueError, *own)


def _providers(available: Sequence[str]) -> list[str]:
    found = [name for name in _ON_CARD if name in available]
    if find_spec("tensorrt") is None:  # named as available by every build for a card
        found = [name for name in found if name != "TensorrtExecutionProvider"]
    with contextlib.suppress(AttributeError):
        import onnxruntime

        onnxruntime.preload_dlls()  # CUDA's libraries out of their packages
    return [*found, _ON_CPU]


def _network_file(path: Path) -> Path:
    found = [path] if path.is_file() else sorted(path.glob("*.onnx")) if path.is_dir() else []
    if len(found) != 1:
        raise ModelError(
            f"{path}: the weights are missing: found {len(found)} networks (.onnx); give an .onnx "
            "file or a folder with one, or export the model with `patrol train`"
        )
    return found[0]
