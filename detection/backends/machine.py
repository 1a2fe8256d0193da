"""What the machine has to run a network with, and which back end that speaks for."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2

from detection.backends.metadata import Metadata
from detection.errors import ModelError

__all__ = ["Choice", "Machine", "choose"]

# OpenCV's numbers of processor features (opencv2/core/cvdef.h), which Python has no names for.
_FEATURES = {"AVX-512 VNNI": 21, "AVX2": 11}
_PACKAGES = ("openvino", "onnxruntime", "torch", "ultralytics")


@dataclass(frozen=True, slots=True)
class Machine:
    """`card`: an NVIDIA card that its driver counts. `torch_card`: torch can use it.
    `onnx_providers` of ONNX Runtime. `eight_bit`: the processor's instruction set that makes 8-bit
    networks fast, '' for none. `packages` installed."""

    card: bool
    torch_card: bool
    onnx_providers: tuple[str, ...]
    eight_bit: str
    packages: frozenset[str]

    @classmethod
    def here(cls) -> Machine:
        """This one. torch and ONNX Runtime are imported only where there is a card to use."""
        packages = frozenset(name for name in _PACKAGES if find_spec(name) is not None)
        card = _cards() > 0
        torch_card, providers = False, ()
        if card and "torch" in packages:
            import torch

            torch_card = bool(torch.cuda.is_available())
        if card and "onnxruntime" in packages:
            import onnxruntime

            providers = tuple(onnxruntime.get_available_providers())
        eight_bit = next((n for n, i in _FEATURES.items() if cv2.checkHardwareSupport(i)), "")
        return cls(card, torch_card, providers, eight_bit, packages)


@dataclass(frozen=True, slots=True)
class Choice:
    """A back end, what it opens, and why."""

    backend: str
    path: Path
    reason: str


def _cards() -> int:
    """NVIDIA cards, by the driver itself (CUDA Driver API, cuInit and cuDeviceGetCount)."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
            return count.value
    except (OSError, AttributeError):
        pass
    return 0


def choose(model: Path, machine: Machine) -> Choice:
    """The back end for what lies in the folder `model`, or for the one file that it is.

    On an NVIDIA card ONNX Runtime (TensorRT or CUDA) or torch; else OpenVINO, in 8 bits where the
    processor has instructions for them and in 32 otherwise; else ONNX Runtime; else torch. Raises
    ModelError where nothing there can be run.
    """
    found = _found(model)
    packages = machine.packages
    torch = {"torch", "ultralytics"} <= packages
    if machine.card and "onnx" in found and "CUDAExecutionProvider" in machine.onnx_providers:
        return Choice("onnx", found["onnx"], "an NVIDIA card and ONNX Runtime for it")
    if machine.torch_card and torch and "pt" in found:
        return Choice("ultralytics", found["pt"], "an NVIDIA card and torch for it")
    why = "an NVIDIA card, but nothing that uses it" if machine.card else "no NVIDIA card"
    if "openvino" in packages:
        fast = f"the processor has {machine.eight_bit}" if machine.eight_bit else ""
        slow = "the processor has neither AVX2 nor VNNI"
        ways = ["INT8", "FP32"] if fast else ["FP32", "INT8"]
        for way in ways:
            if way in found:
                return Choice("openvino", found[way], f"{why}; {fast or slow}")
    if "onnxruntime" in packages and "onnx" in found:
        return Choice("onnx", found["onnx"], f"{why}; no OpenVINO network or package")
    if torch and "pt" in found:
        return Choice("ultralytics", found["pt"], f"{why}; no exported network that can be run")
    there = ", ".join(str(path) for path in found.values()) or "nothing"
    raise ModelError(
        f"{model}: the weights are missing: found {there} to run with the packages "
        f"{', '.join(sorted(packages)) or '(none of those needed)'}; give the "
        "folder of a trained model, as models/river-patrol-n, or make one with `patrol train`"
    )


def _found(model: Path) -> dict[str, Path]:
    """What `patrol train` leaves in a model's folder, by precision or format; one of them alone
    likewise."""
    if model.suffix == ".pt":
        return {"pt": model}
    if model.suffix == ".onnx":
        return {"onnx": model}
    found = {}
    for folder in (model / "openvino-fp32", model / "openvino", model):
        if folder.is_dir() and any(folder.glob("*.xml")):
            said = Metadata.read(folder, "openvino")
            found["INT8" if said and said.precision == "INT8" else "FP32"] = folder
    for folder in (model / "onnx", model):
        if folder.is_dir() and any(folder.glob("*.onnx")):
            found.setdefault("onnx", folder)
    if (model / "best.pt").is_file():
        found["pt"] = model / "best.pt"
    return found
