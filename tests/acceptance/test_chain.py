"""The whole chain from the shell on a short stretch, compared with the truth; and bad input."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.truth import compare_patrol

ROOT = Path(__file__).resolve().parents[2]
SEED = "733"  # not among the worlds that the detector was trained on


def patrol(
    *words: str | Path, code: int = 0, timeout: float = 280
) -> subprocess.CompletedProcess[str]:
    """Run `patrol WORDS` as a person would; assert its exit code and that it shows no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "api", *map(str, words)],
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    assert done.returncode == code, (
        f"patrol {' '.join(map(str, words))}: {done.stdout}{done.stderr}"
    )
    assert "Traceback" not in done.stderr + done.stdout
    return done


def refused(*words: str | Path, names: str) -> str:
    """Run a command that must fail with one clear line that names `names`."""
    done = patrol(*words, code=1)
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    assert len(errors) == 1, done.stderr
    assert names in errors[0]
    return errors[0]


@pytest.fixture(scope="session")
def stretch(tmp_path_factory: pytest.TempPathFactory, luogang: Path) -> Path:
    """A patrol of 900 m of one river, from plan to cases."""
    out = tmp_path_factory.mktemp("chain") / "patrol"
    patrol("plan", luogang, "--out", out, "--river", "R2", "--from-m", "200", "--to-m", "1100")
    patrol("export", out)
    patrol("fly", out)
    patrol("film", out, "--area", luogang, "--seed", SEED)
    patrol("analyze", out)
    patrol("open-cases", out, "--area", luogang, "--now", "2026-05-20T03:00:00Z")
    return out


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_stage_left_its_files(stretch: Path) -> None:
    for name in (
        "plan.json", "lanes.geojson", "export/sortie-01.plan", "export/sortie-01.waypoints",
        "flight/sortie-01.parquet", "flight/events.jsonl", "footage/sortie-01_001.mp4",
        "truth.geojson", "sightings.geojson", "manifest.json", "cases.json",
    ):  # fmt: skip
        assert (stretch / name).stat().st_size > 0, name
    assert not [p for p in stretch.rglob("*") if ".part" in p.name], "half-written files"


def test_the_chain_agrees_with_the_truth(stretch: Path, luogang: Path) -> None:
    result = compare_patrol(stretch, luogang)
    assert result["planted"] >= 3, "the stretch holds too little to say anything"
    assert result["found"] / result["planted"] >= 0.7
    assert result["false_alerts"] <= 2
    assert result["position_error_m"] <= 5


def test_every_case_has_an_order_with_its_deadline_and_evidence(stretch: Path) -> None:
    cases = read(stretch / "cases.json")["cases"]
    assert cases
    sightings = {f["properties"]["id"]: f for f in read(stretch / "sightings.geojson")["features"]}
    for case in cases:
        assert case["order"]["accept_by"] == "2026-05-21T03:00:00Z"
        assert case["order"]["department"]
        assert sum(share["probability"] for share in case["communities"]) <= 1.01
        evidence = stretch / sightings[case["sighting"]]["properties"]["evidence"]
        assert evidence.read_bytes()[:2] == b"\xff\xd8"


def test_analysis_is_reproducible_byte_for_byte(stretch: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(stretch / "footage", again / "footage")
    shutil.copy(stretch / "plan.json", again / "plan.json")
    patrol("analyze", again)
    for name in ("sightings.geojson", "manifest.json"):
        assert (again / name).read_bytes() == (stretch / name).read_bytes(), name


def test_cases_are_not_opened_twice(stretch: Path, luogang: Path) -> None:
    before = read(stretch / "cases.json")
    patrol("open-cases", stretch, "--area", luogang, "--now", "2026-05-20T04:00:00Z")
    assert read(stretch / "cases.json") == before


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_console_serves_the_cases_and_a_used_port_is_one_line(
    stretch: Path, luogang: Path
) -> None:
    port = free_port()
    words = ["serve", "--area", str(luogang), "--patrols", str(stretch), "--port", str(port)]
    server = subprocess.Popen(
        [sys.executable, "-m", "api", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                if httpx.get(f"{url}/api/health").status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        assert httpx.get(url).status_code == 200
        refused(*words, names=str(port))
    finally:
        server.terminate()
        _, errors = server.communicate(timeout=20)
    assert b"Traceback" not in errors


# -- bad input ---------------------------------------------------------------------------------


@pytest.fixture
def footage(stretch: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of one video and its subtitles."""
    video = shutil.copy(stretch / "footage" / "sortie-01_001.mp4", tmp_path / "a.mp4")
    subtitles = shutil.copy(stretch / "footage" / "sortie-01_001.SRT", tmp_path / "a.SRT")
    return Path(video), Path(subtitles)


@pytest.mark.parametrize("damage", ["empty", "truncated", "no telemetry", "short telemetry"])
def test_broken_footage_is_one_line_and_leaves_nothing(
    footage: tuple[Path, Path], damage: str, tmp_path: Path
) -> None:
    video, subtitles = footage
    if damage == "empty":
        video.write_bytes(b"")
    elif damage == "truncated":
        video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    elif damage == "no telemetry":
        subtitles.unlink()
    else:
        blocks = subtitles.read_text().split("\n\n")
        subtitles.write_text("\n\n".join(blocks[: len(blocks) // 3]) + "\n\n")
    out = tmp_path / "out"
    refused("analyze", video, "--out", out, names="a.")
    assert not out.exists() or not list(out.iterdir())


def test_missing_weights(footage: tuple[Path, Path], tmp_path: Path) -> None:
    missing = tmp_path / "no-such-model"
    refused(
        "analyze", footage[0], "--out", tmp_path / "out", "--model", missing, names="no-such-model"
    )


def edit(area: Path, layer: str, change: Any) -> Path:
    path = area / layer
    document = read(path)
    change(document["features"])
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return area


@pytest.fixture
def area(luogang: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(luogang, tmp_path / "area"))


def test_a_centreline_with_one_point(area: Path, tmp_path: Path) -> None:
    def one_point(rows: list[dict[str, Any]]) -> None:
        rows[0]["geometry"]["coordinates"] = rows[0]["geometry"]["coordinates"][:1]

    refused(
        "plan", edit(area, "rivers.geojson", one_point), "--out", tmp_path / "p", names="rivers"
    )
    assert not (tmp_path / "p").exists()


def test_a_centreline_with_coordinates_swapped(area: Path, tmp_path: Path) -> None:
    def swap(rows: list[dict[str, Any]]) -> None:
        rows[0]["geometry"]["coordinates"] = [c[::-1] for c in rows[0]["geometry"]["coordinates"]]

    line = refused(
        "plan", edit(area, "rivers.geojson", swap), "--out", tmp_path / "p", names="rivers"
    )
    assert "swapped" in line


def test_a_self_crossing_community(area: Path, stretch: Path, tmp_path: Path) -> None:
    def cross(rows: list[dict[str, Any]]) -> None:
        ring = rows[0]["geometry"]["coordinates"][0]
        ring[1], ring[len(ring) // 2] = ring[len(ring) // 2], ring[1]

    copy = shutil.copytree(
        stretch, tmp_path / "copy", ignore=shutil.ignore_patterns("*.mp4", "*.db*", "cases.json")
    )
    refused(
        "open-cases", copy, "--area", edit(area, "communities.geojson", cross), names="communities"
    )
    assert not (Path(copy) / "cases.json").exists()


def test_usage_errors_exit_with_2(tmp_path: Path) -> None:
    patrol("plan", code=2)
    patrol("no-such-command", code=2)
    patrol("plan", tmp_path, "--gsd-cm", "fine", "--out", tmp_path, code=2)


@pytest.mark.parametrize(
    "command",
    [
        "plan",
        "check",
        "resume",
        "export",
        "fly",
        "film",
        "analyze",
        "open-cases",
        "serve",
        "demo",
        "train",
    ],
)
def test_help_says_what_a_command_does(command: str) -> None:
    done = patrol(command, "--help")
    assert "Usage: " in done.stdout
    assert len(done.stdout.splitlines()) > 8


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "api", "--help"],
        capture_output=True, text=True, check=True, env={**os.environ},
    )  # fmt: skip
    for heavy in ("openvino", "cv2", "torch", "sqlalchemy", "dronekit", "pyarrow"):
        assert f" {heavy}\n" not in done.stderr, f"{heavy} is imported for --help"
