"""Filming recorded flights: videos, subtitles, truth; nothing half-written."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from geo.camera import CAMERAS, camera_from_35mm
from patrol.area import StudyArea
from patrol.errors import AreaError, SimulationError, TelemetryError
from patrol.simulation.film import film_patrol
from patrol.simulation.recording import (
    FOCAL_35MM,
    SensorErrors,
    moments,
    recordings,
    subtitles,
)
from patrol.telemetry import Telemetry

MakeFlight = Callable[..., Telemetry]
_FIELD = re.compile(r"\[?(\w+) ?: (-?[\d.]+)")


def _blocks(path: Path) -> list[dict[str, float]]:
    texts = path.read_text(encoding="utf-8").strip().split("\n\n")
    return [{k: float(v) for k, v in _FIELD.findall(text.split("[iso")[1])} for text in texts]


def test_recordings_are_the_runs_in_which_the_camera_films(make_flight: MakeFlight) -> None:
    flight = make_flight(6.0, pauses=1)
    assert recordings(flight) == [(1, 13), (18, 30)]


def test_poses_are_interpolated_the_short_way_round(
    make_flight: MakeFlight, area: StudyArea
) -> None:
    flight = make_flight(2.0, pauses=0)
    yaw = np.linspace(358.0, 362.0, len(flight)) % 360
    turning = Telemetry(**{
        name: yaw if name == "gimbal_yaw_deg" else getattr(flight, name)
        for name in Telemetry.__dataclass_fields__
    })  # fmt: skip
    filmed = moments(turning, recordings(turning)[0], area.projection, 25.0)
    headings = np.array([filmed.pose(k).yaw_deg for k in range(len(filmed))])
    assert np.all((headings > 357) | (headings < 3))
    assert np.hypot(*filmed.velocity_m_s.T) == pytest.approx(8.0, rel=0.02)
    assert np.diff(filmed.time_s) == pytest.approx(1 / 25, abs=1e-6)


def test_a_gap_in_the_telemetry_is_told(make_flight: MakeFlight, area: StudyArea) -> None:
    flight = make_flight(4.0, pauses=0)
    late = flight.time_s + np.where(np.arange(len(flight)) > 9, 7.0, 0.0)
    broken = Telemetry(**{
        name: late if name == "time_s" else getattr(flight, name)
        for name in Telemetry.__dataclass_fields__
    })  # fmt: skip
    with pytest.raises(SimulationError, match=r"gap of 7\.2 s while the camera films"):
        moments(broken, recordings(broken)[0], area.projection, 2.0)


def test_subtitles_carry_the_errors_of_gnss_and_compass(
    make_flight: MakeFlight, area: StudyArea, tmp_path: Path
) -> None:
    flight = make_flight(40.0, pauses=0)
    filmed = moments(flight, recordings(flight)[0], area.projection, 10.0)
    shutters = [1e-3] * len(filmed)
    offsets = []
    for seed in range(30):
        path = tmp_path / f"{seed}.SRT"
        path.write_text(subtitles(filmed, area.projection, 10.0, shutters, (seed, 1, 1)))
        rows = _blocks(path)
        lonlat = np.array([(r["longitude"], r["latitude"]) for r in rows])
        moved = area.projection.forward(lonlat) - np.column_stack([filmed.east_m, filmed.north_m])
        offsets.append(moved)
        assert len(rows) == len(filmed)
    spread = np.array(offsets)
    assert 0.9 < spread.std() < 1.7
    jitter = np.diff(spread, axis=1).std() / np.sqrt(2)
    assert 0.25 < jitter < 0.45
    quiet = SensorErrors(0, 0, 0, 0, 0)
    path.write_text(subtitles(filmed, area.projection, 10.0, shutters, (1, 1, 1), quiet))
    exact = _blocks(path)[0]
    assert exact["rel_alt"] == pytest.approx(47.7)
    assert exact["abs_alt"] == pytest.approx(67.7)
    assert exact["gb_pitch"] == pytest.approx(-90.0)
    assert exact["gb_yaw"] == pytest.approx(71.0, abs=0.3)


def test_subtitles_look_like_a_mavic_3s(make_flight: MakeFlight, area: StudyArea) -> None:
    flight = make_flight(3.0, pauses=0)
    filmed = moments(flight, recordings(flight)[0], area.projection, 2.0)
    text = subtitles(filmed, area.projection, 2.0, [1e-3] * len(filmed), (1, 1, 1))
    second = text.split("\n\n")[1].splitlines()
    assert second[:4] == [
        "2", "00:00:00,500 --> 00:00:01,000", '<font size="28">FrameCnt: 2, DiffTime: 500ms',
        "2026-05-20 09:00:00.700",
    ]  # fmt: skip
    assert re.fullmatch(
        r"\[iso: 100\] \[shutter: 1/1000\.0\] \[fnum: 2\.8\] \[ev: 0\] \[ct: 5500\] "
        r"\[color_md : default\] \[focal_len: 24\.57\] \[latitude: 23\.\d{6}\] "
        r"\[longitude: 113\.\d{6}\] \[rel_alt: \d+\.\d{3} abs_alt: \d+\.\d{3}\] "
        r"\[gb_yaw: -?\d+\.\d gb_pitch: -\d+\.\d gb_roll: -?\d+\.\d\] </font>",
        second[4],
    )


def test_the_focal_length_in_the_subtitles_is_the_cameras() -> None:
    told = camera_from_35mm(FOCAL_35MM, 1920, 1080).focal_px
    assert told == pytest.approx(CAMERAS["m3e"].resized(1920, 1080).focal_px, rel=0.01)


@pytest.fixture(scope="module")
def filmed_patrol(
    make_flight: MakeFlight, hamlet: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    patrol = tmp_path_factory.mktemp("patrol")
    make_flight(6.0, pauses=1).write(patrol / "flight" / "sortie-01.parquet")
    (patrol / "footage").mkdir()
    (patrol / "footage" / "sortie-01_009.mp4").write_bytes(b"of an earlier run")
    (patrol / "footage" / "mine.mp4").write_bytes(b"not of this program")
    told: list[tuple[float, float | None]] = []
    result = film_patrol(
        patrol, hamlet, seed=3, fps=2.0, advance=lambda done, total: told.append((done, total))
    )
    assert result.frames == told[-1][0] == told[-1][1]
    assert [v.name for v in result.videos] == ["sortie-01_001.mp4", "sortie-01_002.mp4"]
    return patrol


def test_each_recording_becomes_a_video_with_subtitles(filmed_patrol: Path) -> None:
    assert sorted(p.name for p in (filmed_patrol / "footage").iterdir()) == [
        "mine.mp4", "sortie-01_001.SRT", "sortie-01_001.mp4", "sortie-01_002.SRT",
        "sortie-01_002.mp4",
    ]  # fmt: skip
    for number in (1, 2):
        stem = filmed_patrol / "footage" / f"sortie-01_{number:03d}"
        with av.open(str(stem.with_suffix(".mp4"))) as video:
            frames = list(video.decode(video=0))
            stream = video.streams.video[0]
            assert stream.codec_context.name == "h264"
            assert float(stream.average_rate or 0) == pytest.approx(2.0)
        assert len(frames) == len(_blocks(stem.with_suffix(".SRT"))) == 5
        picture = frames[0].to_ndarray(format="bgr24")
        assert picture.shape == (1080, 1920, 3)
        assert 50 < picture.mean() < 180
        assert picture.std() > 20
    assert (filmed_patrol / "truth.geojson").exists()


def test_filming_in_processes_gives_the_same_bytes(
    filmed_patrol: Path, hamlet: Path, tmp_path: Path
) -> None:
    flight = Telemetry.read(filmed_patrol / "flight" / "sortie-01.parquet")
    flight.write(tmp_path / "flight" / "sortie-01.parquet")
    film_patrol(tmp_path, hamlet, seed=3, fps=2.0, jobs=2)
    for name in ("sortie-01_001.mp4", "sortie-01_002.mp4", "sortie-01_002.SRT"):
        again = (tmp_path / "footage" / name).read_bytes()
        assert again == (filmed_patrol / "footage" / name).read_bytes()


def test_a_run_that_is_stopped_leaves_nothing_half_written(
    make_flight: MakeFlight, hamlet: Path, tmp_path: Path
) -> None:
    make_flight(6.0, pauses=1).write(tmp_path / "flight" / "sortie-01.parquet")

    def stop(done: float, total: float | None) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        film_patrol(tmp_path, hamlet, seed=3, fps=2.0, advance=stop)
    left = sorted(p.name for p in (tmp_path / "footage").iterdir())
    assert left == ["sortie-01_001.SRT", "sortie-01_001.mp4"]


def _broken(patrol: Path, make_flight: MakeFlight, how: str) -> None:
    path = patrol / "flight" / "sortie-01.parquet"
    if how == "broken":
        make_flight(2.0).write(path)
        path.write_bytes(path.read_bytes()[:300])
    elif how == "not filming":
        flight = make_flight(2.0)
        flight.recording[:] = False
        flight.write(path)
    elif how == "too low":
        make_flight(4.0, height_m=3.0, pauses=0).write(path)
    elif how == "strange name":
        make_flight(2.0).write(patrol / "flight" / "sortie-one.parquet")


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("no flight", SimulationError, "run `patrol fly` first"),
        ("broken", TelemetryError, "not a readable Parquet file"),
        ("not filming", SimulationError, "the camera was never recording"),
        ("too low", TelemetryError, "can be filmed from 5-400 m"),
        ("strange name", SimulationError, "expected a name like sortie-01.parquet"),
    ],
)
def test_bad_flights_are_one_line(
    make_flight: MakeFlight, hamlet: Path, tmp_path: Path, how: str, error: type[Exception],
    message: str,
) -> None:  # fmt: skip
    _broken(tmp_path, make_flight, how)
    with pytest.raises(error, match=message) as caught:
        film_patrol(tmp_path, hamlet, seed=1)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "footage").exists()
    assert not (tmp_path / "truth.geojson").exists()


def test_an_area_that_is_not_there(make_flight: MakeFlight, tmp_path: Path) -> None:
    make_flight(2.0).write(tmp_path / "flight" / "sortie-01.parquet")
    with pytest.raises(AreaError, match="no such folder"):
        film_patrol(tmp_path, tmp_path / "nowhere", seed=1)


def test_the_command_says_what_to_do_in_one_line(hamlet: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api", "film", str(tmp_path), "--area", str(hamlet)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "run `patrol fly` first" in done.stderr
