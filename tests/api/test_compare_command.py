"""`patrol compare`: files in, files out, one line where it cannot be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import shapely
import typer
from typer.testing import CliRunner, Result

import detection.comparison.compare as comparing
from api.commands import app as whole
from api.commands import compare as command
from detection.errors import ComparisonError

app = typer.Typer()
command.register(app)
app.callback()(lambda: None)  # else Typer takes a single command for the whole program


@dataclass(slots=True)
class Asked:
    """What the command handed on."""

    where: tuple[Path, ...] = ()
    footage: tuple[Path | None, Path | None] = (None, None)
    bank: Any = None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The comparison itself is tested in tests/detection; here only what is asked of it."""
    seen = Asked()

    def run(earlier: Path, later: Path, out: Path, **more: Any) -> comparing.Compared:
        seen.where, seen.footage, seen.bank = (earlier, later, out), more["footage"], more["bank"]
        counts = {"new": 2, "still_there": 5, "gone": 0}
        return comparing.Compared(out, counts, 7, None, (1.25, -0.5), 5, ("a note",))

    monkeypatch.setattr(comparing, "compare", run)
    return seen


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, words)])


def test_the_result_lies_in_the_later_patrol_s_folder(asked: Asked, tmp_path: Path) -> None:
    done = run(tmp_path / "may", tmp_path / "june")
    assert done.exit_code == 0, done.output
    assert asked.where[2] == tmp_path / "june" / "comparison-may"
    assert "新增 new 2, 仍在 still there 5;" in done.stdout
    assert "gone" not in done.stdout
    assert "+1.2 m east, -0.5 m north in common (5 matches)" in done.stdout
    assert "注意 note: a note" in done.stderr


def test_json_is_one_object_and_options_are_handed_on(
    asked: Asked, tmp_path: Path, luogang: Path
) -> None:
    done = run(
        tmp_path / "may", tmp_path / "june", "--out", tmp_path / "out", "--area", luogang,
        "--earlier-footage", tmp_path / "card", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["outcomes"] == {"new": 2, "still_there": 5, "gone": 0}
    assert result["offset_m"] == [1.25, -0.5]
    assert asked.where[2] == tmp_path / "out"
    assert asked.footage == (tmp_path / "card", None)
    # Strips along both banks of 12 km of river, 10 m wide.
    west, south, east, north = asked.bank.bounds
    assert 113 < west < east < 114
    assert 23 < south < north < 24
    assert isinstance(asked.bank, shapely.MultiPolygon)


def test_a_patrol_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = run(tmp_path / "none", tmp_path)
    assert isinstance(done.exception, ComparisonError)
    assert "no such patrol folder" in str(done.exception)


def test_the_program_knows_the_command() -> None:
    assert "compare" in {one.name for one in typer.main.get_command(whole).commands.values()}  # type: ignore[attr-defined]
