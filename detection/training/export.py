"""Writing a trained model in the forms that run without torch: OpenVINO, 8-bit where it holds, and
ONNX."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from detection.backends.letterbox import STRIDE_PX, Letterbox
from detection.backends.metadata import FILE, FORMATS, VERSION
from detection.calibration import Calibration
from detection.errors import ModelError
from detection.training.samples import CLASSES, Picture
from detection.training.ultralytics_setup import load_yolo
from geo.files import write_text

__all__ = ["INPUT_PX", "export_onnx", "export_openvino"]

INPUT_PX = (384, 640)  # height, width: 1920 x 1080 at a third, padded to a multiple of 32
_OPSET = 17


def export_openvino(
    weights: Path, out: Path, *, calibration: Sequence[Picture] = (), seed: int = 0
) -> Path:
    """Write out/model.xml, model.bin and metadata.json; returns the .xml.

    Input (N, 3, H, W) float32 RGB 0..1, any H and W that are multiples of 32 (reshape before
    compiling). Output of networks with a second, one-to-one head (YOLO26, YOLOv10): (N, 300, 6),
    corners in input pixels, confidence, class. Of others: (N, 4 + classes, anchors), centre x, y,
    width, height in input pixels, then a score for each class, before non-maximum suppression.
    With `calibration` pictures the network is quantised to 8 bits (NNCF post-training, the head's
    last layers and decoding left in floating point), otherwise weights are kept in 32 bits.
    """
    import openvino

    with _exported(weights, "openvino") as (exported, about, folder):
        network: Any = openvino.Core().read_model(next(exported.glob("*.xml")))
        about["precision"] = "FP32"
        if calibration:
            with contextlib.redirect_stdout(sys.stderr):  # NNCF's progress
                network = _quantised(network, calibration)
            about |= {"precision": "INT8", "calibration_pictures": len(calibration)}
        openvino.save_model(network, folder / "model.xml", compress_to_fp16=False)
        del network
        _put(folder, about, out, weights.parent)
    return out / "model.xml"


def export_onnx(weights: Path, out: Path) -> Path:
    """Write out/model.onnx and metadata.json; returns the .onnx. Input and output as those of
    `export_openvino`, in 32 bits; height and width are left open."""
    if find_spec("onnx") is None:
        raise ModelError("exporting to ONNX needs the package onnx; run pip install onnx")
    with _exported(weights, "onnx", opset=_OPSET, simplify=False) as (exported, about, folder):
        shutil.copyfile(exported, folder / "model.onnx")
        _put(folder, about | {"precision": "FP32"}, out, weights.parent)
    return out / "model.onnx"


@contextlib.contextmanager
def _exported(
    weights: Path, kind: str, **settings: Any
) -> Iterator[tuple[Path, dict[str, Any], Path]]:
    """What ultralytics makes of the weights, the metadata, and an empty folder to write into."""
    model = load_yolo(weights)
    if tuple(model.names[index] for index in sorted(model.names)) != CLASSES:
        raise ModelError(f"{weights}: not weights with the classes {', '.join(CLASSES)}")
    end_to_end = getattr(model.model.model[-1], "one2one_cv2", None) is not None
    with tempfile.TemporaryDirectory() as scratch:
        local = Path(scratch) / "model.pt"  # ultralytics writes beside the weights
        shutil.copyfile(weights, local)
        made = load_yolo(local).export(
            format=kind, dynamic=True, imgsz=INPUT_PX, device="cpu", verbose=False,
            nms=False if end_to_end else None, **settings,
        )  # fmt: skip
        about = {
            "format": FORMATS[kind], "version": VERSION, "classes": list(CLASSES),
            "input_px": list(INPUT_PX), "stride_px": STRIDE_PX,
            "output": "end to end: corners, confidence, class" if end_to_end
            else "raw: xywh + class scores",
            "calibration_pictures": 0, "license": "AGPL-3.0",
        }  # fmt: skip
        folder = Path(scratch) / "out"
        folder.mkdir()
        yield Path(made), about, folder


def _put(folder: Path, about: dict[str, Any], out: Path, model: Path) -> None:
    """Put the export in place, with the calibration of the model that it was made of."""
    fitted = Calibration.read(model, CLASSES)
    if fitted.about or any(curve.method != "identity" for curve in fitted.curves):
        about = about | {"calibration": fitted.as_json()}
    write_text(folder / FILE, json.dumps(about, ensure_ascii=False, indent=1) + "\n")
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(folder, out)


def _quantised(network: Any, calibration: Sequence[Picture]) -> Any:
    import nncf

    nncf.set_log_level(logging.WARNING)
    data = nncf.Dataset(
        [
            Letterbox(picture.shape[1], picture.shape[0], INPUT_PX).apply(picture)[None]
            for picture in calibration
        ]
    )
    # Symmetric activations need no correction for their zero point: a fifth faster than NNCF's
    # mixed preset, and as accurate where the head's last layers are spared.
    return nncf.quantize(
        network, data, preset=nncf.QuantizationPreset.PERFORMANCE, subset_size=len(calibration),
        ignored_scope=nncf.IgnoredScope(names=_spared(network)),
    )  # fmt: skip


def _spared(network: Any) -> list[str]:
    """Operations that lose too much in 8 bits: the last convolutions of the head, and the decoding
    after them (softmax over distances, anchors, sigmoid)."""
    named = [(op.get_friendly_name(), op.get_type_name()) for op in network.get_ordered_ops()]
    # Names start with the name of the module, before the first slash; bare convolutions are the
    # last of their row, those before them are called .conv in a module with their activation.
    head = next(name for name, kind in reversed(named) if kind == "Sigmoid").split("/", 1)[0]
    last = re.compile(rf"{re.escape(head)}\.\w+\.\d+\.\d+/")
    return [
        name
        for name, kind in named
        if kind == "Sigmoid" or name.startswith((f"{head}/", f"{head}.dfl")) or last.match(name)
    ]
