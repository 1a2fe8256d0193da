"""`patrol train`: what it refuses, and how."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from api.commands.train import register
from detection.training.ultralytics_setup import training_missing
from geo.errors import PatrolError

needs_training = pytest.mark.skipif(
    training_missing() is not None, reason=training_missing() or "installed"
)


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    register(app)
    return app


def test_help_shows_an_example(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "Example: patrol dataset import" in result.stdout


@needs_training
def test_nothing_or_a_wrong_folder_is_one_line(app: typer.Typer, tmp_path: Path) -> None:
    def refused(*words: str) -> str:
        out = ["--out", str(tmp_path / "model"), "--work", str(tmp_path / "work")]
        result = CliRunner().invoke(app, [*words, *out], env={"RIVER_PATROL_DATA": ""})
        assert isinstance(result.exception, PatrolError)
        assert "\n" not in str(result.exception)
        assert not (tmp_path / "model").exists()
        return str(result.exception)

    assert "nothing to train on" in refused()
    assert "lay it out first with `patrol dataset import`" in refused("--data", str(tmp_path))
    (tmp_path / "images/train").mkdir(parents=True)
    (tmp_path / "data.yaml").write_text("names: [plastic]\n")
    assert "expected outfall, discharge" in refused("--data", str(tmp_path))
    (tmp_path / "data.yaml").write_text(
        "names: {0: outfall, 1: discharge, 2: structure, 3: floating_waste}\n"
    )
    assert "no training pictures" in refused("--data", str(tmp_path))
    assert "found 100, expected a multiple of 32" in refused("--data", "x", "--imgsz", "100")
    config = tmp_path / "train.yaml"
    config.write_text("epochs: many\n")
    assert "epochs: found 'many', expected a whole number" in refused(str(config))
    config.write_text("epochs: 1\ndata: $DATA/x\n")
    assert "RIVER_PATROL_DATA" in refused(str(config))
    assert "no checkpoint to resume from" in refused("--resume")


def test_without_the_extra_it_says_what_to_install(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine with the run-time packages only."""
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "torch" else find(name, *rest),
    )
    result = CliRunner().invoke(app, ["--data", "x"])
    assert isinstance(result.exception, PatrolError)
    said = str(result.exception)
    assert "torch" in said
    assert "not installed; run `make train-setup`" in said
