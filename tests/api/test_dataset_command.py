"""`patrol dataset`: from the shell, as an owner of pictures would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from api import part_makers
from api.commands.dataset import register
from api.part_makers import film_river, river_pieces
from detection.training.recipes.recipe import PartSpec
from geo.errors import PatrolError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    register(app)
    return app


def voc_set(root: Path, count: int = 12) -> Path:
    """Pascal VOC pictures that are unlike, one outlet each."""
    for number in range(count):
        coarse = np.random.default_rng(number).integers(0, 256, (5, 7, 3)).astype(np.uint8)
        root.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / f"p{number:02d}.png"), cv2.resize(coarse, (160, 120)))
        (root / f"p{number:02d}.xml").write_text(
            f"<annotation><filename>p{number:02d}.png</filename><object><name>outlet</name><bndbox>"
            "<xmin>20</xmin><ymin>30</ymin><xmax>60</xmax><ymax>70</ymax></bndbox></object>"
            "</annotation>"
        )
    return root


def test_import_then_check(app: typer.Typer, tmp_path: Path) -> None:
    voc_set(tmp_path / "theirs")
    out = str(tmp_path / "ours")
    words = ["dataset", "import", str(tmp_path / "theirs"), "--out", out]
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, PatrolError)
    assert "outlet (12); map each with --map" in str(refused.exception)
    words += ["--map", "outlet=outfall", "--licence", "CC0", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert sum(json.loads(result.stdout)["pictures"].values()) == 12
    assert CliRunner().invoke(app, ["dataset", "check", out]).exit_code == 0
    label = next((tmp_path / "ours" / "labels" / "train").iterdir())
    label.write_text("0 0.9 0.5 0.4 0.2\n7 0.5 0.5 0.1 0.1\n")
    checked = CliRunner().invoke(app, ["dataset", "check", out])
    assert checked.exit_code == 1
    assert f"  outside: {label}, line 1: the box" in checked.stderr
    assert f"  class: {label}, line 2: class 7 is not in the class list" in checked.stderr
    assert "2 faults (1 class, 1 outside); correct them" in checked.stderr
    result = CliRunner().invoke(app, ["dataset", "check", out, "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["faults"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["import", "x", "--out", "y", "--map", "outlet"], "expected THEIR_CLASS=OURS"),
        (["import", "x", "--out", "y", "--format", "tfrecord"], "tfrecord"),
        (["build", "models/recipes/smoke.yaml", "--out", "y", "--part", "x"], "NAME=FOLDER"),
    ],
)
def test_wrong_words_are_usage_errors(
    app: typer.Typer,
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    if words[0] == "import":
        words = [words[0], str(voc_set(tmp_path / "theirs", 1)), *words[2:]]
    result = CliRunner().invoke(app, ["dataset", *words], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert message in result.stderr


def test_help_begins_in_chinese(app: typer.Typer) -> None:
    for command, word in (
        ("import", "导入"),
        ("from-reviews", "复核"),
        ("check", "检查"),
        ("build", "制作"),
    ):
        result = CliRunner().invoke(app, ["dataset", command, "--help"])
        assert result.exit_code == 0
        assert word in result.stdout


def part(**options: object) -> PartSpec:
    return PartSpec("river", "river", 1, 1, 0, options, "made.yaml, part 1 (river)")


def test_the_river_is_filmed_in_pieces_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def film(command: list[str], **rest: object) -> SimpleNamespace:
        calls.append(command[command.index("--seeds") + 1])
        out = Path(command[command.index("--out") + 1])
        for kind, suffix in (("images", "jpg"), ("labels", "txt")):
            (out / kind).mkdir(parents=True)
            (out / kind / f"{calls[-1]}.{suffix}").write_text("")
        return SimpleNamespace(returncode=int(len(calls) == 2))  # the second call fails

    monkeypatch.setattr(part_makers, "subprocess", SimpleNamespace(run=film))
    wanted = part(seeds="1-9", pictures=18, val_seeds="10-11", val_pictures=2)
    with pytest.raises(PatrolError, match="filming worlds 5-8 failed"):
        film_river(wanted, tmp_path / "out", tmp_path, lambda line: None)
    film_river(wanted, tmp_path / "out", tmp_path, lambda line: None)
    assert calls == ["1-4", "5-8", "5-8", "9-9", "10-11"]
    found = sorted(
        p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.jpg")
    )
    assert found == [
        "images/train/worlds-0001-0004/1-4.jpg", "images/train/worlds-0005-0008/5-8.jpg",
        "images/train/worlds-0009-0009/9-9.jpg", "images/val/worlds-0010-0011/10-11.jpg",
    ]  # fmt: skip
    assert not list((tmp_path / "out").glob("*.part"))


def test_pieces_hold_all_worlds_and_pictures() -> None:
    assert river_pieces(1, 9, 18) == [(1, 4, 8), (5, 8, 8), (9, 9, 2)]
    assert sum(count for *_, count in river_pieces(3, 40, 1201)) == 1201
    assert river_pieces(1, 8, 1) == [(5, 8, 1)]


def test_worlds_of_training_and_validation_are_others(tmp_path: Path) -> None:
    for options, message in (
        ({"seeds": "1-9", "val_seeds": "9-12"}, "share worlds"),
        ({"seeds": "1-9", "val_seeds": "x"}, "expected FIRST-LAST"),
        ({"seeds": "1-9"}, "val_pictures without val_seeds"),
    ):
        with pytest.raises(PatrolError, match=message):
            film_river(
                part(pictures=9, val_pictures=3, **options), tmp_path / "out", tmp_path,
                lambda line: None,
            )  # fmt: skip


def test_the_smoke_recipe_builds_and_passes_its_check(tmp_path: Path) -> None:
    out = tmp_path / "smoke"
    command = [sys.executable, "-m", "api", "dataset", "build", "models/recipes/smoke.yaml"]
    command += ["--out", str(out), "--work", str(tmp_path / "work"), "--seed", "1", "--json"]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert cast("dict[str, object]", json.loads(first.stdout))["pictures"] == {
        "train": 16,
        "val": 6,
    }
    check = [sys.executable, "-m", "api", "dataset", "check", str(out)]
    subprocess.run(check, cwd=ROOT, capture_output=True, check=True)
