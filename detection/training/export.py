"""Writing a trained model in the form that runs without torch: OpenVINO, 8-bit where it holds."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detection.backends.letterbox import Letterbox
from detection.errors import ModelError
from detection.training.samples import CLASSES, Picture
from detection.training.ultralytics_setup import load_yolo
from geo.files import write_text

__all__ = ["INPUT_PX", "export_openvino"]

INPUT_PX = (384, 640)  # height, width: 1920 x 1080 at a third, padded to a multiple of 32


def export_openvino(
    weights: Path, out: Path, *, calibration: Sequence[Picture] = (), seed: int = 0
) -> Path:
    """Write out/model.xml, model.bin and metadata.json; returns the .xml.

    Input (N, 3, H, W) float32 RGB 0..1, any H and W that are multiples of 32 (reshape before
    compiling); output (N, 4 + classes, anchors): centre x, y, width, height in input pixels, then
    a score for each class, before non-maximum suppression. With `calibration` pictures the
    network is quantised to 8 bits (NNCF post-training, the head's decoding left in floating
    point), otherwise weights are stored in 16 bits.
    """
    import openvino

    model = load_yolo(weights)
    if tuple(model.names[index] for index in sorted(model.names)) != CLASSES:
        raise ModelError(f"{weights}: not weights with the classes {', '.join(CLASSES)}")
    with tempfile.TemporaryDirectory() as scratch:
        local = Path(scratch) / "model.pt"  # ultralytics writes beside the weights
        shutil.copyfile(weights, local)
        exported = load_yolo(local).export(
            format="openvino", dynamic=True, half=False, imgsz=INPUT_PX, device="cpu", verbose=False
        )
        network: Any = openvino.Core().read_model(next(Path(exported).glob("*.xml")))
        precision = "FP16 weights"
        if calibration:
            with contextlib.redirect_stdout(sys.stderr):  # NNCF's progress
                network = _quantised(network, calibration)
            precision = "INT8"
        folder = Path(scratch) / "openvino"
        openvino.save_model(network, folder / "model.xml", compress_to_fp16=not calibration)
        metadata = {
            "format": "river-patrol/openvino", "version": 1, "classes": list(CLASSES),
            "input_px": list(INPUT_PX), "stride_px": 32, "output": "raw: xywh + class scores",
            "precision": precision, "calibration_pictures": len(calibration),
            "license": "AGPL-3.0",
        }  # fmt: skip
        write_text(folder / "metadata.json", json.dumps(metadata, indent=1) + "\n")
        del network
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(folder, out)
    return out / "model.xml"


def _quantised(network: Any, calibration: Sequence[Picture]) -> Any:
    import nncf

    nncf.set_log_level(logging.WARNING)
    # Everything after the head's convolutions (softmax over distances, anchors, sigmoid) loses too
    # much in 8 bits; its names start with the name of the last module, before the first slash.
    operations = network.get_ordered_ops()
    sigmoids = [op.get_friendly_name() for op in operations if op.get_type_name() == "Sigmoid"]
    head = sigmoids[-1].split("/", 1)[0]
    spared = [
        op.get_friendly_name()
        for op in operations
        if op.get_type_name() == "Sigmoid"
        or op.get_friendly_name().startswith((f"{head}/", f"{head}.dfl"))
    ]
    data = nncf.Dataset(
        [
            Letterbox(picture.shape[1], picture.shape[0], INPUT_PX).apply(picture)[None]
            for picture in calibration
        ]
    )
    return nncf.quantize(
        network, data, preset=nncf.QuantizationPreset.MIXED, subset_size=len(calibration),
        ignored_scope=nncf.IgnoredScope(names=spared),
    )  # fmt: skip
