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
    assert "Example: patrol train --data" in result.stdout


@needs_training
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--imgsz", "100"], "must be a multiple of 32"),
        (["--data", "x", "--map", "outlet"], "expected THEIR_CLASS=OURS"),
        (["--rendered", "10", "--seeds", "9"], "expected FIRST-LAST"),
    ],
)
def test_wrong_words_are_usage_errors(app: typer.Typer, words: list[str], message: str) -> None:
    result = CliRunner().invoke(app, words, env={"RIVER_PATROL_DATA": "", "COLUMNS": "200"})
    assert result.exit_code == 2
    assert message in result.stderr


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
    assert "no folder 'images'" in refused("--data", str(tmp_path))
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
