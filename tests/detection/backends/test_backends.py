from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray
from openvino import opset13 as ops

from detection.backends import ClassList, open_detector
from detection.backends.letterbox import Letterbox
from detection.backends.openvino_model import OpenVinoDetector
from detection.errors import ModelError

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "models" / "river-patrol-n"
NAMES = ("outfall", "discharge", "structure", "floating_waste")
CLASSES = ClassList(NAMES, NAMES, np.full(4, 0.35))


def save(folder: Path, output: NDArray[np.float32], names: tuple[str, ...] | None = NAMES) -> Path:
    """A network that finds the same boxes in every picture, added to 0 times the picture."""
    picture = ops.parameter([1, 3, -1, -1], np.float32)
    nothing = ops.reduce_mean(picture, np.array([0, 1, 2, 3]), keep_dims=False)
    zero = ops.multiply(nothing, np.float32(0))
    network = openvino.Model([ops.add(ops.constant(output), zero)], [picture], "fixed")
    folder.mkdir(parents=True)
    if names is None:
        network.set_rt_info(" ".join(NAMES), ["model_info", "labels"])
    else:
        metadata = {"format": "river-patrol/openvino", "version": 1, "classes": names}
        (folder / "metadata.json").write_text(json.dumps(metadata))
    openvino.save_model(network, folder / "model.xml", compress_to_fp16=False)
    return folder


def raw(*rows: tuple[float, ...]) -> NDArray[np.float32]:
    """(1, 8, anchors) from rows of centre, size, four scores."""
    return np.array(rows, np.float32).T[None]


# Input of a 1920 x 1080 picture at 640: 640 x 384, the picture 640 x 360 in it, 12 px lower.
PICTURE = np.zeros((1080, 1920, 3), np.uint8)


@pytest.mark.parametrize("names", [NAMES, None], ids=["patrol train", "ultralytics"])
def test_a_raw_head_is_suppressed_by_class(tmp_path: Path, names: tuple[str, ...] | None) -> None:
    head = raw(
        (100, 112, 20, 10, 0.1, 0.9, 0, 0),
        (101, 112, 20, 10, 0.0, 0.8, 0, 0),  # the same thing
        (100, 112, 20, 10, 0.0, 0.0, 0.7, 0),  # the class whose score is largest
        (300, 212, 40, 40, 0.3, 0.0, 0.0, 0.0),
        (500, 212, 40, 40, 0.01, 0.01, 0.0, 0.0),  # nothing
        (10, 20, 40, 40, 0.0, 0.0, 0.0, 0.6),  # reaches over the edge
    )
    detector = OpenVinoDetector(save(tmp_path / "m", head, names), NAMES)
    [found] = detector.detect([PICTURE])
    assert found.confidence == pytest.approx([0.9, 0.7, 0.6, 0.3])
    assert found.class_id.tolist() == [1, 2, 3, 0]
    assert found.box_px[0] == pytest.approx([270, 285, 330, 315])
    assert found.box_px[2] == pytest.approx([0, 0, 90, 84])


def test_an_end_to_end_network_is_taken_as_it_is(tmp_path: Path) -> None:
    rows = np.array(
        [[[280, 192, 320, 232, 0.3, 0], [90, 107, 110, 117, 0.9, 1], [0, 0, 0, 0, 0, 0]]],
        np.float32,
    )
    detector = OpenVinoDetector(save(tmp_path / "m", rows), NAMES)
    [found] = detector.detect([PICTURE])
    assert found.confidence == pytest.approx([0.9, 0.3])
    assert found.class_id.tolist() == [1, 0]
    assert found.box_px[0] == pytest.approx([270, 285, 330, 315])


@pytest.mark.parametrize(("height", "width"), [(1080, 1920), (1920, 1080), (500, 500), (77, 640)])
@pytest.mark.parametrize("long_side_px", [640, 800, 1280])
def test_pictures_of_any_shape_come_back_in_their_own_pixels(
    tmp_path: Path, height: int, width: int, long_side_px: int
) -> None:
    """Where the box of a quarter of the picture is, is worked out for each input size."""
    scale = long_side_px / max(height, width)
    shape = [-(-round(side * scale) // 32) * 32 for side in (height, width)]
    left, top = ((shape[1] - round(width * scale)) // 2, (shape[0] - round(height * scale)) // 2)
    quarter = (width * scale / 4, height * scale / 4)
    head = raw((left + quarter[0], top + quarter[1], *quarter, 0.9, 0, 0, 0))
    [found] = OpenVinoDetector(save(tmp_path / "m", head), NAMES).detect(
        [np.zeros((height, width, 3), np.uint8)], long_side_px
    )
    wanted = [width / 8, height / 8, 3 * width / 8, 3 * height / 8]
    assert found.box_px[0] == pytest.approx(wanted, abs=2 / scale)


def test_the_network_sees_the_picture_scaled_in_rgb_on_grey() -> None:
    image = np.zeros((100, 400, 3), np.uint8)
    image[:, :, 0] = 255  # blue
    planes = Letterbox(400, 100, (64, 64)).apply(image)
    assert planes.shape == (3, 64, 64)
    assert planes[:, 32, 32] == pytest.approx([0, 0, 1])
    assert planes[:, 2, 32] == pytest.approx([114 / 255] * 3)
    assert np.count_nonzero(planes[2] == 1) == 64 * 16


def test_what_is_not_a_model_is_refused_in_one_line(tmp_path: Path) -> None:
    good = raw((100, 112, 20, 10, 0.1, 0.9, 0, 0))
    no_bin = save(tmp_path / "no-bin", good)
    (no_bin / "model.bin").unlink()
    broken = save(tmp_path / "broken", good)
    (broken / "model.xml").write_text("<net")
    metadata = save(tmp_path / "metadata", good)
    (metadata / "metadata.json").write_text("{}")
    later = save(tmp_path / "later", good)
    said = json.loads((later / "metadata.json").read_text())
    (later / "metadata.json").write_text(json.dumps(said | {"version": 2}))
    halved = save(tmp_path / "halved", np.zeros((1, 8, 2000), np.float32))
    for name in ("model.bin", "model.xml"):
        short = tmp_path / f"half {name}"
        shutil.copytree(halved, short)
        content = (short / name).read_bytes()
        (short / name).write_bytes(content[: len(content) // 2])
    other = save(tmp_path / "other", good, ("cat", "dog", "cow", "hen"))
    (tmp_path / "empty").mkdir()
    for folder in (
        "missing", "empty", "no-bin", "broken", "metadata", "other", "later", "half model.bin",
        "half model.xml",
    ):  # fmt: skip
        for backend in ("auto", "openvino"):
            with pytest.raises(ModelError) as caught:
                open_detector(tmp_path / folder, CLASSES, backend).detect([PICTURE])
            assert folder in str(caught.value)
            assert "\n" not in str(caught.value)
    with pytest.raises(
        ModelError, match=r"version 2; expected .* version 1: export the model anew"
    ):
        open_detector(later, CLASSES)
    with pytest.raises(ModelError, match=r"\(1, 5, 3\)"):
        OpenVinoDetector(save(tmp_path / "shape", np.zeros((1, 5, 3), np.float32)), NAMES).detect(
            [PICTURE]
        )
    with pytest.raises(ModelError, match="no back end"):
        open_detector(other, CLASSES, "tflite")
    with pytest.raises(ModelError, match=r"none\.pt"):
        open_detector(tmp_path / "none.pt", CLASSES, "ultralytics")


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", '{"classes": []}', '{"classes": [{"id": 1, "name": "a"}]}',
        '{"classes": [{"id": 0, "name": "a", "confidence": 2}]}', '{"classes": [{"id": "x"}]}',
        '{"classes": 3}', '{"classes": [3]}',
        '{"classes": [{"id": 0, "name": "a", "confidence": 0.5, "sighting_confidence": 0.4}]}',
        '{"classes": [{"id": 0, "name": "a", "confidence": 0.5, "sighting_confidence": 1}]}',
        '{"classes": [{"id": 0, "name": "a", "confidence": NaN}]}',
        '{"classes": [{"id": 0, "name": "a", "sighting_confidence": "sure"}]}',
    ],
)  # fmt: skip
def test_class_lists_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "classes.json"
    path.write_text(text)
    with pytest.raises(ModelError, match=r"classes\.json"):
        ClassList.read(path)
    with pytest.raises(ModelError, match="no such class list"):
        ClassList.read(tmp_path / "none.json")


def test_a_sighting_needs_what_a_box_needs_unless_more_is_said(tmp_path: Path) -> None:
    path = tmp_path / "classes.json"
    rows = [
        {"id": 0, "name": "a", "confidence": 0.3, "sighting_confidence": 0.6},
        {"id": 1, "name": "b", "confidence": 0.4},
    ]
    path.write_text(json.dumps({"classes": rows}))
    classes = ClassList.read(path)
    assert classes.confidence.tolist() == [0.3, 0.4]
    assert classes.sighting_confidence.tolist() == [0.6, 0.4]
    assert CLASSES.sighting_confidence.tolist() == CLASSES.confidence.tolist()


def test_the_shipped_class_list_is_what_the_shipped_model_knows() -> None:
    if not MODEL.is_dir():
        pytest.skip("no shipped model yet")
    classes = ClassList.read(ROOT / "models" / "classes.json")
    open_detector(MODEL, classes)


def test_the_cpu_back_end_needs_no_torch() -> None:
    """Torch is over a gigabyte that an operator's machine need not have."""
    script = (
        "import sys, numpy; from pathlib import Path\n"
        "from detection.backends import ClassList, open_detector\n"
        "import detection.analysis\n"
        f"classes = ClassList.read(Path({str(ROOT / 'models' / 'classes.json')!r}))\n"
        "try:\n"
        f"    open_detector(Path({str(MODEL)!r}), classes)\n"
        "except detection.errors.ModelError: pass\n"
        "assert not {'torch', 'ultralytics', 'torchvision'} & set(sys.modules)\n"
    )
    subprocess.run(
        [sys.executable, "-c", "import detection.errors\n" + script], check=True, cwd=ROOT
    )
