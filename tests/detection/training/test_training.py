"""One small run, from pictures to exported weights. Needs torch and ultralytics."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from detection.backends.letterbox import Letterbox
from detection.errors import ModelError, TrainingError
from detection.training.dataset import Part, build_dataset
from detection.training.samples import CLASSES
from detection.training.sources import YoloFolder
from detection.training.ultralytics_setup import load_yolo, training_missing

needs_training = pytest.mark.skipif(
    training_missing() is not None, reason=training_missing() or "installed"
)
# What torch and ultralytics warn about is not ours to mend.
quiet = pytest.mark.filterwarnings("ignore")


def little_set(root: Path) -> Path:
    for index in range(5):
        picture = np.full((64, 96, 3), 40 * index, np.uint8)
        cv2.rectangle(picture, (20, 20), (50, 45), (0, 0, 255), -1)
        (root / "in/images").mkdir(parents=True, exist_ok=True)
        (root / "in/labels").mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(root / f"in/images/p{index}.png"), picture)
        (root / f"in/labels/p{index}.txt").write_text("0 0.365 0.508 0.3125 0.39\n")
    source = YoloFolder(root / "in", val_share=0.2, width_px=96)
    return build_dataset([Part(source)], root / "set", seed=0, side_px=64).folder


@needs_training
@quiet
@pytest.mark.slow
def test_one_step_of_training_resume_refused_and_exported(tmp_path: Path) -> None:
    from detection.training.export import export_openvino
    from detection.training.run import keep_weights, train
    from detection.training.settings import TrainingSettings

    data = little_set(tmp_path)
    settings = TrainingSettings(epochs=1, side_px=64, batch=4, seed=1, threads=1)
    told: list[tuple[float, float, str]] = []
    result = train(
        data / "data.yaml", tmp_path / "run", settings, advance=lambda *step: told.append(step)
    )
    assert result.epochs == 1
    assert (told[0][0], told[0][1]) == (1, 1)
    assert "epoch 1 / 1" in told[-1][2]
    with pytest.raises(TrainingError, match="this run is finished"):
        train(data / "data.yaml", tmp_path / "run", settings, resume=True)

    best = tmp_path / "model/best.pt"
    keep_weights(result.best, best)
    assert best.stat().st_size < 6.5e6
    model = load_yolo(best)
    assert tuple(model.names.values()) == CLASSES
    assert str(tmp_path).encode() not in best.read_bytes()

    xml = export_openvino(best, tmp_path / "model/openvino")
    metadata = json.loads((xml.parent / "metadata.json").read_text())
    assert metadata["classes"] == list(CLASSES)

    import openvino
    import torch

    network = openvino.Core().read_model(xml)
    network.reshape([1, 3, 384, 640])
    picture = np.random.default_rng(0).integers(0, 255, (360, 640, 3)).astype(np.uint8)
    planes = Letterbox(640, 360, (384, 640)).apply(picture)[None]
    exported = openvino.Core().compile_model(network, "CPU")(planes)[0]
    assert exported.shape == (1, 4 + len(CLASSES), 5040)
    with torch.no_grad():
        original = model.model.float().eval()(torch.from_numpy(planes))[0].numpy()
    assert np.abs(exported[:, :4] - original[:, :4]).max() < 1.5  # px; 16-bit weights
    assert np.abs(exported[:, 4:] - original[:, 4:]).max() < 0.01


@needs_training
@quiet
def test_bad_weights_and_folders_are_one_line(tmp_path: Path) -> None:
    from detection.training.run import train
    from detection.training.settings import TrainingSettings

    with pytest.raises(TrainingError, match="build the training set first"):
        train(tmp_path / "data.yaml", tmp_path / "run", TrainingSettings())
    (tmp_path / "data.yaml").write_text("train: x\nval: x\nnames: {0: a}\n")
    with pytest.raises(TrainingError, match="no checkpoint to resume from"):
        train(tmp_path / "data.yaml", tmp_path / "run", TrainingSettings(), resume=True)
    with pytest.raises(ModelError, match="no such weights file"):
        train(
            tmp_path / "data.yaml",
            tmp_path / "run",
            TrainingSettings(),
            weights=tmp_path / "none.pt",
        )
    for content in (b"", b"not weights", b"PK\x03\x04 truncated", bytes(5000)):
        bad = tmp_path / "bad.pt"
        bad.write_bytes(content)
        with pytest.raises(ModelError) as caught:
            load_yolo(bad)
        assert str(bad) in str(caught.value)
        assert "\n" not in str(caught.value)
