from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_networks import metadata

from detection.backends.machine import Machine, choose
from detection.errors import ModelError

EVERYTHING = frozenset({"openvino", "onnxruntime", "torch", "ultralytics"})
PLAIN = Machine(False, False, (), "AVX2", EVERYTHING)
CARD = replace(PLAIN, card=True, torch_card=True)
ON_CARD = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for name, precision in (("openvino", "INT8"), ("openvino-fp32", "FP32")):
        metadata(tmp_path / name, "openvino", precision=precision)
        (tmp_path / name / "model.xml").touch()
    metadata(tmp_path / "onnx", "onnx")
    (tmp_path / "onnx" / "model.onnx").touch()
    (tmp_path / "best.pt").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("machine", "without", "backend", "path", "says"),
    [
        (PLAIN, (), "openvino", "openvino", "no NVIDIA card; the processor has AVX2"),
        (replace(PLAIN, eight_bit=""), (), "openvino", "openvino-fp32", "neither AVX2 nor VNNI"),
        (replace(PLAIN, eight_bit=""), ("openvino-fp32",), "openvino", "openvino", "neither"),
        (PLAIN, ("openvino",), "openvino", "openvino-fp32", "AVX2"),
        (PLAIN, ("openvino", "openvino-fp32"), "onnx", "onnx", "no OpenVINO network"),
        (PLAIN, ("openvino", "openvino-fp32", "onnx"), "ultralytics", "best.pt", "no exported"),
        (replace(PLAIN, packages=EVERYTHING - {"openvino"}), (), "onnx", "onnx", "or package"),
        (CARD, (), "ultralytics", "best.pt", "torch"),
        (replace(CARD, onnx_providers=ON_CARD), (), "onnx", "onnx", "ONNX Runtime for it"),
        (replace(CARD, onnx_providers=ON_CARD), ("onnx",), "ultralytics", "best.pt", "torch"),
        (replace(CARD, torch_card=False), (), "openvino", "openvino", "nothing that uses it"),
        (replace(CARD, packages=frozenset({"openvino"})), (), "openvino", "openvino", "nothing"),
    ],
)
def test_the_back_end_is_chosen_by_what_the_machine_has(
    model: Path, machine: Machine, without: tuple[str, ...], backend: str, path: str, says: str
) -> None:
    for name in without:
        (model / name).rename(model / f"no-{name}")
    choice = choose(model, machine)
    assert (choice.backend, choice.path) == (backend, model / path)
    assert says in choice.reason


def test_one_file_is_its_own_choice(model: Path) -> None:
    assert choose(model / "best.pt", PLAIN).backend == "ultralytics"
    assert choose(model / "onnx" / "model.onnx", PLAIN).backend == "onnx"
    assert choose(model / "openvino-fp32", PLAIN).path == model / "openvino-fp32"


def test_nothing_to_run_is_one_line_with_what_was_found(model: Path, tmp_path: Path) -> None:
    bare = replace(PLAIN, packages=frozenset())
    with pytest.raises(ModelError, match=r"found .*best\.pt to run with the packages \(none"):
        choose(model, bare)
    with pytest.raises(ModelError, match="the weights are missing: found nothing"):
        choose(tmp_path / "none", PLAIN)


def test_this_machine_can_be_asked() -> None:
    here = Machine.here()
    assert "openvino" in here.packages
    assert here.card or not (here.torch_card or here.onnx_providers)
