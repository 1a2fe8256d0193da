"""One way in and one way out of every back end, and bad input for each."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_networks import NAMES, metadata, onnx_network, openvino_network
from numpy.typing import NDArray

from detection.backends import ClassList, Detector, open_detector
from detection.backends.heads import Head
from detection.backends.letterbox import Letterbox
from detection.calibration import Calibration, Curve
from detection.errors import FootageError, ModelError
from detection.training.ultralytics_setup import training_missing

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "models" / "river-patrol-n"
CLASSES = ClassList(NAMES, NAMES, np.full(4, 0.35))
CLIP = ROOT / "sample_footage" / "clip" / "clip.mp4"
PICTURE = np.zeros((1080, 1920, 3), np.uint8)

RAW = np.array([[100, 112, 20, 10, 0.1, 0.9, 0, 0], [300, 212, 40, 40, 0.3, 0, 0, 0]], np.float32)
FINAL = np.array(
    [[280, 192, 320, 232, 0.3, 0], [90, 107, 110, 117, 0.9, 1], [0, 0, 0, 0, 0, 0],
     [1, 1, 9, 9, 0.8, 7], [1, 1, 9, 9, np.nan, 0]],
    np.float32,
)  # fmt: skip
needs_training = pytest.mark.skipif(
    training_missing() is not None, reason=training_missing() or "installed"
)


@pytest.fixture(params=["openvino", "onnx"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnx")
    return str(request.param)


def made(kind: str, folder: Path, *args: object, **more: object) -> Path:
    make = openvino_network if kind == "openvino" else onnx_network
    return make(folder, *args, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("output", [RAW.T[None], FINAL[None]], ids=["raw", "end to end"])
@pytest.mark.parametrize("names", [NAMES, None], ids=["ours", "ultralytics"])
def test_both_kinds_of_output_are_read_alike_by_each(
    kind: str, tmp_path: Path, output: NDArray[np.float32], names: tuple[str, ...] | None
) -> None:
    detector = open_detector(made(kind, tmp_path / "m", output, names), CLASSES, kind)
    [found] = detector.detect([PICTURE])
    assert found.confidence == pytest.approx([0.9, 0.3])
    assert found.class_id.tolist() == [1, 0]
    assert found.box_px == pytest.approx(
        np.array([[270, 285, 330, 315], [840, 540, 960, 660]], float)
    )
    assert str(detector.running) == f"{kind}, FP32, CPU"


def test_confidence_is_calibrated_and_boxes_sorted_anew(kind: str, tmp_path: Path) -> None:
    halved = Calibration(NAMES, (Curve(), Curve("temperature", 1.0, -4.0), Curve(), Curve()))
    folder = made(kind, tmp_path / "m", RAW.T[None])
    if kind == "openvino":
        halved.write(folder)
    else:
        metadata(folder, "onnx", calibration=halved.as_json())
    [found] = open_detector(folder, CLASSES, kind).detect([PICTURE])
    assert found.class_id.tolist() == [0, 1]
    assert found.confidence == pytest.approx([0.3, 1 / (1 + np.exp(4) / 9)])


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 20_000, 3), (20_000, 3, 3), (2, 700, 3)], ids=str)
def test_pictures_of_any_size_are_seen(
    kind: str, tmp_path: Path, shape: tuple[int, int, int]
) -> None:
    detector = open_detector(made(kind, tmp_path / "m", RAW.T[None]), CLASSES, kind)
    [found] = detector.detect([np.full(shape, 90, np.uint8)])
    assert (found.box_px >= 0).all()
    assert (found.box_px <= [shape[1], shape[0]] * 2).all()


@pytest.mark.parametrize(
    ("picture", "found"),
    [
        (np.zeros((20, 30), np.uint8), r"\(20, 30\) uint8"),  # grey
        (np.zeros((20, 30, 4), np.uint8), r"\(20, 30, 4\) uint8"),  # CMYK, or with alpha
        (np.zeros((20, 30, 3), np.uint16), r"\(20, 30, 3\) uint16"),
        (np.zeros((20, 30, 3), np.float32), r"\(20, 30, 3\) float32"),
        (np.zeros((0, 30, 3), np.uint8), r"\(0, 30, 3\) uint8"),
        (np.zeros((1, 20, 30, 3), np.uint8), r"\(1, 20, 30, 3\) uint8"),
        (None, "NoneType"),
        ([[0]], "list"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(
    kind: str, tmp_path: Path, picture: NDArray[np.uint8], found: str
) -> None:
    detector = open_detector(made(kind, tmp_path / "m", RAW.T[None]), CLASSES, kind)
    with pytest.raises(FootageError, match=found) as caught:
        detector.detect([PICTURE, picture])
    assert "\n" not in str(caught.value)
    assert "(height, width, 3) uint8" in str(caught.value)


def test_no_pictures_are_no_detections(kind: str, tmp_path: Path) -> None:
    assert open_detector(made(kind, tmp_path / "m", RAW.T[None]), CLASSES, kind).detect([]) == []


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("missing", "the weights are missing"), ("empty file", r"model\.onnx: not a network"),
        ("half", r"model\.onnx: not a network"), ("text", r"model\.onnx: not a network"),
        ("other classes", "knows the classes cat, dog, cow, hen"),
        ("later version", "version 2; expected"), ("other format", "river-patrol/openvino"),
        ("metadata", r"metadata\.json: cannot be read"), ("silent", "does not say its classes"),
        ("shape", r"the network's output is \(1, 5, 3\)"),
    ],
)  # fmt: skip
def test_bad_onnx_files_are_one_line(tmp_path: Path, damage: str, says: str) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    folder = onnx_network(tmp_path / "m", np.zeros((1, 8, 3000), np.float32))
    file = folder / "model.onnx"
    if damage == "missing":
        file.unlink()
    elif damage == "empty file":
        file.write_bytes(b"")
    elif damage == "half":
        file.write_bytes(file.read_bytes()[:40_000])
    elif damage == "text":
        file.write_text("not a network")
    elif damage == "other classes":
        metadata(folder, "onnx", ("cat", "dog", "cow", "hen"))
    elif damage == "later version":
        metadata(folder, "onnx", version=2)
    elif damage == "other format":
        metadata(folder, "openvino")
    elif damage == "metadata":
        (folder / "metadata.json").write_text("{")
    elif damage == "silent":
        (folder / "metadata.json").unlink()
    else:
        onnx_network(folder, np.zeros((1, 5, 3), np.float32))
    with pytest.raises(ModelError, match=says) as caught:
        open_detector(folder, CLASSES, "onnx").detect([PICTURE])
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


# What a truncated or foreign file holds, at any length.
@given(st.binary(max_size=200), st.sampled_from(["model.xml", "model.bin", "metadata.json"]))
def test_any_bytes_in_an_export_are_one_line_or_a_detector(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    folder = tmp_path_factory.mktemp("fuzz") / "m"
    openvino_network(folder, RAW.T[None])
    (folder / name).write_bytes(content)
    try:
        open_detector(folder, CLASSES, "openvino")
    except ModelError as error:
        assert str(folder) in str(error)
        assert "\n" not in str(error)


@given(
    st.lists(
        st.tuples(*[st.floats(0, 640, width=32)] * 4, *[st.floats(0, 1, width=32)] * 2),
        max_size=12,
    ),
    st.sampled_from([(1080, 1920), (700, 300), (1, 1)]),
)
def test_suppression_keeps_the_surest_and_no_two_alike(
    rows: list[tuple[float, ...]], size: tuple[int, int]
) -> None:
    output = np.array(rows, np.float32).reshape(-1, 6).T
    box = Letterbox.around(np.zeros((*size, 3), np.uint8), 640)
    head = Head(Path("made"), 2, Calibration.identity(("a", "b")))
    if output.shape[1] == 6:  # which would be read as (boxes, 6) too
        assert output.shape[0] == 4 + 2
    found = head.read(output, box)
    assert (np.diff(found.confidence) <= 0).all()
    assert (found.confidence >= np.float32(0.05)).all()
    surest = output[4:].max() if output.size else 0
    if surest >= np.float32(0.05):
        assert found.confidence[0] == pytest.approx(surest)
    else:
        assert len(found) == 0


@needs_training
@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
@pytest.mark.parametrize("network", ["shipped", "yolo26n.yaml", "yolov10n.yaml"])
def test_exports_find_what_the_weights_find(tmp_path: Path, network: str) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from detection.evaluation.boxes import overlaps
    from detection.footage.seek import frames_at
    from detection.training.export import export_onnx, export_openvino

    images = [frame.image for frame in frames_at(CLIP, [2.0, 9.0, 16.0])]
    weights = tmp_path / "best.pt"
    if network == "shipped":
        shutil.copyfile(MODEL / "best.pt", weights)
    else:
        save_lively(weights, network, images)
    export_openvino(weights, tmp_path / "openvino")
    export_onnx(weights, tmp_path / "onnx")
    of: dict[str, Detector] = {
        kind: open_detector(tmp_path, CLASSES, kind, "cpu")
        for kind in ("ultralytics", "openvino", "onnx")
    }
    found = {kind: detector.detect(images) for kind, detector in of.items()}
    for kind in ("openvino", "onnx"):
        agreed: list[bool] = []
        for one, other in zip(found["ultralytics"], found[kind], strict=True):
            sides = (one.box_px[:, 2:] - one.box_px[:, :2]).min(axis=1)
            # Of end-to-end networks the least sure of 300 may be one or another.
            sure = (one.confidence >= 0.25) & (sides > 8) & (np.arange(len(one)) < 250)
            same = overlaps(one.box_px[sure], other.box_px) >= 0.95
            same &= one.class_id[sure][:, None] == other.class_id[None]
            agreed += same.any(axis=1).tolist()
        assert len(agreed) >= 3
        assert np.mean(agreed) >= 0.97


def save_lively(path: Path, network: str, images: list[NDArray[np.uint8]]) -> None:
    """Random weights that find something: normalised on the pictures, scores spread out."""
    import torch
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    model = DetectionModel(network, nc=4, verbose=False)
    model.names, model.args = dict(enumerate(NAMES)), {"imgsz": 640, "task": "detect"}
    planes = torch.from_numpy(
        np.stack([Letterbox.around(image, 640).apply(image) for image in images])
    )
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model.train()(planes)
        model.eval()
        last = [row[-1] for row in model.model[-1].one2one_cv3]
        said: dict[int, torch.Tensor] = {}
        for index, layer in enumerate(last):
            layer.register_forward_hook(lambda m, i, o, index=index: said.update({index: o}))
        model(planes)
        for index, layer in enumerate(last):
            factor = 2 / said[index].std()
            layer.weight *= factor
            layer.bias.mul_(factor).sub_((said[index] * factor).flatten().quantile(0.99))
            layer._forward_hooks.clear()
    checkpoint = {"epoch": -1, "model": model, "ema": None, "optimizer": None,
                  "train_args": {"task": "detect", "imgsz": 640}}  # fmt: skip
    torch.save(checkpoint, path)


@needs_training
@pytest.mark.filterwarnings("ignore")
def test_truncated_weights_and_those_of_other_classes_are_one_line(tmp_path: Path) -> None:
    content = (MODEL / "best.pt").read_bytes()
    for length in (0, 10, 5000, len(content) // 2):
        (tmp_path / "best.pt").write_bytes(content[:length])
        for backend in ("ultralytics", "auto"):
            with pytest.raises(ModelError, match=r"best\.pt") as caught:
                open_detector(tmp_path / "best.pt", CLASSES, backend, "cpu")
            assert "\n" not in str(caught.value)
    others = ClassList(("cat", "dog"), ("猫", "狗"), np.full(2, 0.3))
    with pytest.raises(ModelError, match=r"best\.pt: .* the class list says cat, dog"):
        open_detector(MODEL, others, "ultralytics", "cpu")
    with pytest.raises(ModelError, match="cannot use the device 'moon'"):
        open_detector(MODEL, CLASSES, "ultralytics", "moon")


def test_grey_and_deep_pictures_are_seen_once_made_what_is_asked_for(tmp_path: Path) -> None:
    detector = open_detector(openvino_network(tmp_path / "m", RAW.T[None]), CLASSES, "openvino")
    grey = cv2.cvtColor(np.zeros((20, 30), np.uint8), cv2.COLOR_GRAY2BGR)
    assert len(detector.detect([np.asarray(grey, np.uint8)])) == 1
