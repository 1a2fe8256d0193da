"""`patrol evaluate`: figures and a page from a set, a calibration kept, bad input in one line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra 'train')")

from api.commands.evaluate import register
from detection.calibration import Calibration
from geo.errors import PatrolError

MODEL = Path(__file__).resolve().parents[2] / "models" / "river-patrol-n"
NAMES = ("outfall", "discharge", "structure", "floating_waste")


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    register(app)
    return app


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The shipped export alone, as it was before any calibration."""
    folder = tmp_path / "model"
    shutil.copytree(MODEL / "openvino", folder / "openvino")
    metadata = json.loads((folder / "openvino/metadata.json").read_text())
    metadata.pop("calibration", None)
    (folder / "openvino/metadata.json").write_text(json.dumps(metadata))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Noise, and one box that is labelled in each picture."""
    folder, rng = tmp_path / "set", np.random.default_rng(5)
    for kind in ("images", "labels"):
        (folder / kind / "test").mkdir(parents=True)
    for number in range(4):
        picture = rng.integers(0, 255, (90, 160, 3)).astype(np.uint8)
        assert cv2.imwrite(str(folder / f"images/test/p{number}.png"), picture)
        (folder / f"labels/test/p{number}.txt").write_text(f"{number % 2} 0.5 0.5 0.3 0.4\n")
    (folder / "classes.txt").write_text("\n".join(NAMES))
    return folder


def run(app: typer.Typer, *words: str | Path) -> dict[str, object]:
    result = CliRunner().invoke(app, [*map(str, words), "--imgsz", "160", "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout.strip().splitlines()[-1])


def refused(app: typer.Typer, *words: str | Path) -> str:
    result = CliRunner().invoke(app, [*map(str, words)])
    assert isinstance(result.exception, PatrolError), (result.output, result.exception)
    said = str(result.exception)
    assert "\n" not in said
    return said


def test_figures_and_page(app: typer.Typer, model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    figures = run(app, model, data, "--out", out, "--bootstrap", "20")
    assert figures["pictures"] == 4
    assert figures["split"] == "test"
    by_class = figures["classes"]
    assert isinstance(by_class, dict)
    assert [by_class[n]["objects"] for n in NAMES] == [2, 2, 0, 0]
    assert by_class["structure"]["ap50"]["value"] is None
    written = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert written["format"] == "river-patrol/evaluation"
    assert written["classes"] == by_class
    assert str(tmp_path) not in (out / "evaluation.json").read_text(encoding="utf-8")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "最严重的漏检" in page
    assert str(tmp_path) not in page


def test_a_calibration_is_kept_with_the_model(
    app: typer.Typer, model: Path, data: Path, tmp_path: Path
) -> None:
    fit = run(app, model, data, "--out", tmp_path / "out", "--fit-calibration")["calibration_fit"]
    assert isinstance(fit, dict)
    assert set(fit["methods"].values()) == {"identity"}  # four pictures say nothing
    kept = Calibration.read(model / "openvino", NAMES)
    assert kept.about["dataset"] == "set"
    assert kept.about["pictures"] == 4
    assert "calibration" in json.loads((model / "openvino/metadata.json").read_text())
    run(app, model, data, "--out", tmp_path / "out")  # it still opens


def test_bad_models_and_sets_are_one_line(
    app: typer.Typer, model: Path, data: Path, tmp_path: Path
) -> None:
    assert "the weights are missing" in refused(app, tmp_path / "no", data, "--backend", "openvino")
    assert "no folder 'images'" in refused(app, model, tmp_path)
    assert "no split 'val'; it has test" in refused(app, model, data, "--split", "val")
    other = tmp_path / "classes.json"
    other.write_text(json.dumps({"classes": [{"id": 0, "name": "boat"}]}))
    assert "the class list says boat" in refused(app, model, data, "--classes", other)
    (data / "labels/test/p1.txt").write_text("9 0.5 0.5 0.3 0.4\n0 0.9 0.5 0.3 0.4\n")
    assert "2 faults, see above" in refused(app, model, data)
    assert "class 9 is not in the class list" in refused(app, model, data, "--no-check")
    (data / "labels/test/p1.txt").write_text("")
    (data / "images/train").mkdir()
    shutil.copy(data / "images/test/p0.png", data / "images/train/q.png")
    assert "1 fault, see above" in refused(app, model, data)  # the same picture in train and test
    shutil.rmtree(data / "images/train")
    (model / "openvino/metadata.json").write_text('{"classes": 3')
    assert "metadata.json" in refused(app, model, data, "--backend", "openvino")


def test_a_truncated_export_is_one_line(app: typer.Typer, model: Path, data: Path) -> None:
    weights = model / "openvino/model.bin"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "model" in refused(app, model, data, "--backend", "openvino")
    network = model / "openvino/model.xml"
    network.write_text(network.read_text()[:1000])
    assert "not a network that OpenVINO can read" in refused(
        app, model, data, "--backend", "openvino"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["m"], "name a DATASET, or --patrols N"),
        (["m", "--patrols", "1", "--fit-calibration"], "needs a DATASET"),
        (["m", "d", "--patrols", "1", "--fit-calibration"], "fit first, set them"),
        (["m", "d", "--map", "outlet"], "expected THEIR_CLASS=OURS"),
    ],
)
def test_wrong_words_are_usage_errors(app: typer.Typer, words: list[str], message: str) -> None:
    result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_exported_model_is_evaluated_without_torch(
    model: Path, data: Path, tmp_path: Path
) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['ultralytics'] = None\n"
        "from api.commands import main; main()"
    )
    words = ["evaluate", model, data, "--out", tmp_path / "out", "--imgsz", "160"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words), "--backend", "openvino"],
        capture_output=True, text=True, check=False, cwd=MODEL.parents[1],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/report.html").is_file()
