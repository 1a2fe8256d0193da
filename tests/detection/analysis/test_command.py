from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openvino
import pytest
import typer
from flights import HERE, fly, line
from openvino import opset13 as ops
from test_analysis import film
from typer.testing import CliRunner, Result

from api.commands import analyze as command
from detection.errors import FootageError, ModelError, SubtitleError
from geo.layers import read_layer

app = typer.Typer()
command.register(app)
app.callback()(lambda: None)  # else Typer takes a single command for the whole program

NAMES = ("outfall", "discharge", "structure", "floating_waste")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that sees one outfall in the middle of every picture."""
    picture = ops.parameter([1, 3, -1, -1], np.float32)
    zero = ops.multiply(
        ops.reduce_mean(picture, np.array([0, 1, 2, 3]), keep_dims=False), np.float32(0)
    )
    head = np.array([[[320], [192], [12], [12], [0.8], [0], [0], [0]]], np.float32)
    network = openvino.Model([ops.add(ops.constant(head), zero)], [picture], "one")
    folder = tmp_path_factory.mktemp("model")
    metadata = {"format": "river-patrol/openvino", "version": 1, "classes": NAMES}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    openvino.save_model(network, folder / "model.xml", compress_to_fp16=False)
    return folder


@pytest.fixture
def patrol(tmp_path: Path) -> Path:
    """A hovering camera's footage in a patrol folder."""
    flight = fly(*line((0, 0), (0, 2), speed_m_s=0.1, fps=1), np.random.default_rng(1))
    film(tmp_path / "patrol" / "footage", "sortie-01_001", flight, (), fps=1)
    return tmp_path / "patrol"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["analyze", *map(str, words)])


def test_a_patrol_folder_gets_its_sightings_and_json_says_so(patrol: Path, model: Path) -> None:
    done = run(patrol, "--model", model, "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["sightings"] == {
        "outfall": 1,
        "discharge": 0,
        "structure": 0,
        "floating_waste": 0,
    }
    assert result["analysed"] < result["pictures"] == 21
    assert Path(result["out"]) == patrol
    [feature] = read_layer(patrol / "sightings.geojson")
    there = HERE.forward([[feature.geometry.x, feature.geometry.y]])[0]
    assert np.hypot(*there) < 6
    # What ran the model is said on the terminal and kept with the result.
    ran = json.loads((patrol / "manifest.json").read_text())["model"]
    assert (ran["backend"], ran["precision"], ran["device"]) == ("openvino", "FP32", "CPU")
    assert f"back end: openvino, FP32, CPU ({ran['reason']})" in " ".join(done.stderr.split())


def test_a_video_is_written_beside_itself_unless_told_otherwise(patrol: Path, model: Path) -> None:
    video = patrol / "footage" / "sortie-01_001.mp4"
    assert run(video, "--model", model).exit_code == 0
    assert (patrol / "footage" / "sortie-01_001-sightings" / "manifest.json").exists()
    assert run(video, "--model", model, "--out", patrol / "elsewhere").exit_code == 0
    names = sorted(p.name for p in (patrol / "elsewhere").iterdir())
    assert names == ["evidence", "manifest.json", "sighting_ellipses.geojson", "sightings.geojson"]


@pytest.mark.parametrize(
    "words",
    [
        ["A", "B"], ["A", "--camera", "pinhole"], ["A", "--backend", "tflite"],
        ["A", "--altitude-above", "sea"], ["A", "--new-ground", "0"], [],
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    assert run(*words).exit_code == 2


@pytest.mark.parametrize(
    ("damage", "error", "says"),
    [
        ("no footage", FootageError, "patrol film"),
        ("empty video", FootageError, "empty"),
        ("half a video", FootageError, "truncated"),
        ("no subtitle", SubtitleError, "SRT"),
        ("short subtitle", SubtitleError, "telemetry ends early"),
        ("no model", ModelError, "weights are missing"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    patrol: Path, model: Path, damage: str, error: type[Exception], says: str
) -> None:
    video = patrol / "footage" / "sortie-01_001.mp4"
    subtitle = video.with_suffix(".SRT")
    if damage == "no footage":
        video.unlink()
        subtitle.unlink()
        (patrol / "plan.json").write_text("{}")
    elif damage == "empty video":
        video.write_bytes(b"")
    elif damage == "half a video":
        video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    elif damage == "no subtitle":
        subtitle.unlink()
    elif damage == "short subtitle":
        subtitle.write_text("\n\n".join(subtitle.read_text().split("\n\n")[:5]) + "\n\n")
    before = sorted(patrol.rglob("*"))
    done = run(patrol, "--model", patrol / "none" if damage == "no model" else model)
    assert isinstance(done.exception, (error, FootageError))
    assert says in str(done.exception)
    assert "\n" not in str(done.exception)
    assert sorted(patrol.rglob("*")) == before


def test_what_there_is_of_short_telemetry_is_analysed_on_request(patrol: Path, model: Path) -> None:
    subtitle = patrol / "footage" / "sortie-01_001.SRT"
    subtitle.write_text("\n\n".join(subtitle.read_text().split("\n\n")[:12]) + "\n\n")
    done = run(patrol, "--model", model, "--allow-partial")
    assert done.exit_code == 0, done.output
    warnings = json.loads((patrol / "manifest.json").read_text())["warnings"]
    assert any("were not analysed" in line for line in warnings)
    assert not any(str(patrol.parent) in line for line in warnings), "a path of this machine"
