"""Little networks that find the same boxes in every picture, as OpenVINO and ONNX."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops

from detection.backends.metadata import FORMATS, VERSION

NAMES = ("outfall", "discharge", "structure", "floating_waste")


def metadata(folder: Path, kind: str, names: tuple[str, ...] = NAMES, **more: object) -> None:
    said = {"format": FORMATS[kind], "version": VERSION, "classes": names} | more
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metadata.json").write_text(json.dumps(said))


def openvino_network(
    folder: Path, output: NDArray[np.float32], names: tuple[str, ...] | None = NAMES, **more: object
) -> Path:
    """`output` (1, ...) added to 0 times the picture. Without `names`, classes as ultralytics
    says them."""
    picture = ops.parameter([1, 3, -1, -1], np.float32)
    nothing = ops.reduce_mean(picture, np.array([0, 1, 2, 3]), keep_dims=False)
    zero = ops.multiply(nothing, np.float32(0))
    network = openvino.Model([ops.add(ops.constant(output), zero)], [picture], "fixed")
    folder.mkdir(parents=True, exist_ok=True)
    if names is None:
        network.set_rt_info(" ".join(NAMES), ["model_info", "labels"])
    else:
        metadata(folder, "openvino", names, **more)
    openvino.save_model(network, folder / "model.xml", compress_to_fp16=False)
    return folder


def onnx_network(
    folder: Path, output: NDArray[np.float32], names: tuple[str, ...] | None = NAMES, **more: object
) -> Path:
    """The same for ONNX Runtime. Needs the package onnx."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["output", "nothing"], ["output0"]),
    ]
    graph = helper.make_graph(
        nodes, "fixed",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, "h", "w"])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(output.shape))],
        [numpy_helper.from_array(np.float32(0), "zero"), numpy_helper.from_array(output, "output")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    if names is None:
        helper.set_model_props(model, {"names": str(dict(enumerate(NAMES)))})
    else:
        metadata(folder, "onnx", names, **more)
    onnx.save(model, str(folder / "model.onnx"))
    return folder
