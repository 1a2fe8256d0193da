"""A network exported to OpenVINO, run on the CPU without torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.backends.metadata import FILE, Metadata
from detection.backends.network import NetworkDetector, Running, check_classes, one_line
from detection.calibration import Calibration
from detection.errors import ModelError

__all__ = ["OpenVinoDetector"]

_THREADS = 2
_SETTINGS: dict[str, Any] = {
    "INFERENCE_NUM_THREADS": _THREADS,
    "PERFORMANCE_HINT": "LATENCY",
    # Else some processors compute in bfloat16, and find other boxes than others do.
    "INFERENCE_PRECISION_HINT": "f32",
}


class OpenVinoDetector(NetworkDetector):
    """A YOLO network as `patrol train` or ultralytics exports it, in 32 or 8 bits."""

    def __init__(self, folder: Path, classes: Sequence[str], reason: str = "") -> None:
        """`folder` holds one network (.xml, .bin) that says its classes: in metadata.json or, from
        ultralytics, in the network itself. Raises ModelError."""
        import openvino

        xml = _network_file(folder)
        self._core = openvino.Core()
        try:
            self._network = self._core.read_model(xml)
        except RuntimeError as error:
            raise ModelError(
                f"{xml}: not a network that OpenVINO can read ({one_line(error)}); copy it and "
                f"{xml.with_suffix('.bin').name} again, or export the model anew"
            ) from None
        metadata = Metadata.read(folder, "openvino") or _said_by(xml, self._network)
        check_classes(folder, metadata.classes, classes)
        if len(self._network.inputs) != 1 or self._network.input().get_partial_shape().rank != 4:
            raise ModelError(f"{xml}: expected a network with one input (1, 3, height, width)")
        eight_bit = any(op.get_type_name() == "FakeQuantize" for op in self._network.get_ops())
        running = Running("openvino", "INT8" if eight_bit else "FP32", "CPU", reason)
        super().__init__(folder, classes, Calibration.read(_kept(folder), classes), running)
        self._requests: dict[tuple[int, int], Any] = {}

    def _outputs(self, placed: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        for picture in placed:
            request = self._request((picture.shape[0], picture.shape[1]))
            try:
                request.infer([picture[None]], share_inputs=True)
            except RuntimeError as error:
                raise self._not_taken(picture.shape[:2], error) from None
            yield request.get_output_tensor(0).data[0]

    def _request(self, input_px: tuple[int, int]) -> Any:
        """The network compiled for one input size; the few sizes of a patrol are kept.

        It takes the letterboxed picture as it is: turning it into planes of RGB in 0..1 is part of
        the network then, to the same numbers and faster than NumPy does it. Shapes are fixed:
        8-bit networks of open shape crash on processors with AMX (openvinotoolkit/openvino, issue
        37577).
        """
        if input_px not in self._requests:
            import openvino
            from openvino.preprocess import ColorFormat, PrePostProcessor

            try:
                network = self._network.clone()
                network.reshape([1, 3, *input_px])
                steps = PrePostProcessor(network)
                taken = steps.input()
                taken.tensor().set_element_type(openvino.Type.u8).set_layout(
                    openvino.Layout("NHWC")
                ).set_color_format(ColorFormat.BGR)
                taken.model().set_layout(openvino.Layout("NCHW"))
                taken.preprocess().convert_element_type(openvino.Type.f32).convert_color(
                    ColorFormat.RGB
                ).scale(255.0)
                compiled = self._core.compile_model(steps.build(), "CPU", _SETTINGS)
            except RuntimeError as error:
                raise self._not_taken(input_px, error) from None
            self._requests[input_px] = compiled.create_infer_request()
        return self._requests[input_px]

    def _not_taken(self, input_px: Sequence[int], error: RuntimeError) -> ModelError:
        return ModelError(
            f"{self.path}: the network does not take pictures of {input_px[1]} x "
            f"{input_px[0]} px ({one_line(error)})"
        )


def _kept(folder: Path) -> Path:
    """Where the calibration is: with the export, else with the model that it is an export of."""
    return folder if (folder / FILE).is_file() else folder.parent


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


def _said_by(xml: Path, network: Any) -> Metadata:
    said = ["model_info", "labels"]  # where ultralytics puts them
    if not network.has_rt_info(said):
        raise ModelError(
            f"{xml.parent / FILE}: no such file, and the network does not say its classes either"
        )
    return Metadata(tuple(str(network.get_rt_info(said).astype(str)).split()))
