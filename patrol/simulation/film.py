"""Filming a flight: what the camera of the virtual river recorded, as video with subtitles."""

from __future__ import annotations

import multiprocessing
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from geo.camera import CAMERAS, Camera
from geo.files import replacing
from patrol.area import StudyArea
from patrol.errors import SimulationError, TelemetryError
from patrol.simulation.camera.encoder import VideoWriter
from patrol.simulation.camera.renderer import Renderer
from patrol.simulation.camera.sensor import Exposure, motion_px
from patrol.simulation.recording import Moments, moments, recordings, subtitles
from patrol.simulation.world import World
from patrol.telemetry import Telemetry

__all__ = ["Filmed", "film_patrol", "film_recording"]

FRAME_PX = (1920, 1080)
_PLAIN_SHUTTER_S = 1e-3
_POLL_S = 0.5
_MADE_HERE = re.compile(r"sortie-\d+_\d{3}\.(mp4|SRT)")


@dataclass(frozen=True, slots=True)
class Filmed:
    """What was filmed: the videos, how many frames, how many violations are planted."""

    videos: tuple[Path, ...]
    frames: int
    planted: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Shot:
    """One recording to film."""

    telemetry: Path
    run: tuple[int, int]
    video: Path
    frames: int
    key: tuple[int, int]


def film_patrol(
    patrol: Path,
    area: Path,
    *,
    seed: int,
    fps: float = 2.0,
    jobs: int = 1,
    density_per_km: float = 6.0,
    advance: Callable[[float, float | None], None] | None = None,
) -> Filmed:
    """Film every recording of `patrol`/flight and write `truth.geojson`.

    Each recording becomes footage/sortie-NN_KKK.mp4 with its .SRT, whole or not at all; footage
    of an earlier run that this one does not have is removed. `advance` is told frames done and
    the total. Raises SimulationError, TelemetryError, AreaError or LayerError.
    """
    started = time.monotonic()
    study = StudyArea.read(area)
    if not 0.1 <= fps <= 60 or jobs < 1:
        raise SimulationError(f"fps {fps:g} and jobs {jobs}: expected 0.1 to 60, and 1 or more")
    shots = _shots(patrol, study, fps)
    total = sum(shot.frames for shot in shots)
    world = World.build(study, seed, density_per_km)
    planted = world.write_truth(patrol / "truth.geojson")
    report = advance or (lambda done, total: None)
    report(0, total)
    if jobs == 1 or len(shots) == 1:
        _film_here(world, shots, fps, total, report)
    else:
        _film_apart(area, seed, density_per_km, shots, fps, jobs, report, total)
    made = {shot.video.name for shot in shots} | {
        shot.video.with_suffix(".SRT").name for shot in shots
    }
    for old in (patrol / "footage").iterdir():
        if _MADE_HERE.fullmatch(old.name) and old.name not in made:
            old.unlink()
    return Filmed(tuple(s.video for s in shots), total, planted, time.monotonic() - started)


def _shots(patrol: Path, study: StudyArea, fps: float) -> list[_Shot]:
    files = sorted((patrol / "flight").glob("sortie-*.parquet"))
    if not files:
        raise SimulationError(
            f"{patrol / 'flight'}: no recorded flight (sortie-NN.parquet); run `patrol fly` first"
        )
    shots = []
    for path in files:
        found = re.fullmatch(r"sortie-(\d+)", path.stem)
        if not found:
            raise SimulationError(f"{path}: expected a name like sortie-01.parquet")
        sortie, telemetry = int(found[1]), Telemetry.read(path)
        for number, run in enumerate(recordings(telemetry), 1):
            count = len(_moments(path, telemetry, run, study, fps))
            video = patrol / "footage" / f"{path.stem}_{number:03d}.mp4"
            shots.append(_Shot(path, run, video, count, (sortie, number)))
    if not shots:
        raise SimulationError(
            f"{patrol / 'flight'}: the camera was never recording in these flights; the mission "
            "must start video capture on its lanes"
        )
    return shots


def _moments(
    path: Path, telemetry: Telemetry, run: tuple[int, int], study: StudyArea, fps: float
) -> Moments:
    try:
        filmed = moments(telemetry, run, study.projection, fps)
    except SimulationError as error:
        raise TelemetryError(f"{path}: {error}") from None
    height, pitch = filmed.up_m, filmed.pitch_deg
    if height.min() < 5 or height.max() > 400 or pitch.max() > -30:
        raise TelemetryError(
            f"{path}: the camera films from {height.min():.0f}-{height.max():.0f} m with pitch up "
            f"to {pitch.max():.0f}°; the virtual river can be filmed from 5-400 m, 30° down or more"
        )
    return filmed


def exposures(camera: Camera, filmed: Moments, seed: tuple[int, ...]) -> list[Exposure]:
    """How each frame is taken: exposure that drifts over half a minute, blur from the speed."""
    rng = np.random.default_rng([*seed, 91])
    knots = np.arange(filmed.time_s[0] - 30, filmed.time_s[-1] + 60, 15.0)
    drift = np.interp(filmed.time_s, knots, rng.normal(0, 0.07, len(knots)))
    softness = float(rng.uniform(0.45, 0.75))
    found = []
    for k in range(len(filmed)):
        gain = float(np.exp(drift[k]))
        shutter = _PLAIN_SHUTTER_S * gain
        velocity = (float(filmed.velocity_m_s[k, 0]), float(filmed.velocity_m_s[k, 1]))
        found.append(
            Exposure(
                gain=gain,
                shutter_s=shutter,
                blur_px=motion_px(camera, filmed.pose(k), velocity, shutter),
                softness_px=softness,
                noise=1.3,
                noise_key=k * 97 + seed[-1],
            )
        )
    return found


def film_recording(
    renderer: Renderer,
    filmed: Moments,
    video: Path,
    *,
    fps: float,
    seed: tuple[int, ...],
    frame_done: Callable[[], None] = lambda: None,
) -> None:
    """Film one recording into `video` and the .SRT beside it, both or neither."""
    taken = exposures(renderer.camera, filmed, seed)
    text = subtitles(
        filmed, renderer.world.area.projection, fps, [t.shutter_s for t in taken], seed
    )
    size = (renderer.camera.width_px, renderer.camera.height_px)
    with replacing(video.with_suffix(".SRT")) as beside:
        beside.write_text(text, encoding="utf-8")
        with replacing(video) as file, VideoWriter(file, size, fps) as writer:
            for k, exposure in enumerate(taken):
                writer.write(renderer.frame(filmed.pose(k), exposure))
                frame_done()


def _film_shot(renderer: Renderer, shot: _Shot, fps: float, frame_done: Callable[[], None]) -> None:
    world = renderer.world
    filmed = _moments(shot.telemetry, Telemetry.read(shot.telemetry), shot.run, world.area, fps)
    seed = (world.seed, *shot.key)
    film_recording(renderer, filmed, shot.video, fps=fps, seed=seed, frame_done=frame_done)


def _film_here(
    world: World,
    shots: list[_Shot],
    fps: float,
    total: int,
    report: Callable[[float, float | None], None],
) -> None:
    with _one_thread():
        renderer, done = Renderer(world, CAMERAS["m3e"].resized(*FRAME_PX)), 0

        def tick() -> None:
            nonlocal done
            done += 1
            report(done, total)

        for shot in shots:
            _film_shot(renderer, shot, fps, tick)


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV on one thread: frames are small, and processes share the machine."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


class _Stopped(Exception):  # noqa: N818 - not an error: the parent asked for it
    """The parent wants the worker to end."""


_worker: dict[str, Any] = {}


def _start_worker(
    area: Path, seed: int, density: float, done: Synchronized[int], stop: Synchronized[int]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which says stop
    cv2.setNumThreads(1)
    world = World.build(StudyArea.read(area), seed, density)
    _worker["renderer"] = Renderer(world, CAMERAS["m3e"].resized(*FRAME_PX))
    _worker["done"], _worker["stop"] = done, stop


def _film_there(shot: _Shot, fps: float) -> None:
    done, stop = _worker["done"], _worker["stop"]

    def tick() -> None:
        if stop.value:
            raise _Stopped
        with done.get_lock():
            done.value += 1

    try:
        _film_shot(_worker["renderer"], shot, fps, tick)
    except _Stopped:
        return


def _film_apart(
    area: Path, seed: int, density: float, shots: list[_Shot], fps: float, jobs: int,
    report: Callable[[float, float | None], None], total: int,
) -> None:  # fmt: skip
    """Film in processes of their own, the longest recordings first."""
    context = multiprocessing.get_context("spawn")
    done, stop = context.Value("q", 0), context.Value("b", 0)
    pool = ProcessPoolExecutor(
        min(jobs, len(shots)), context, _start_worker, (area, seed, density, done, stop)
    )
    pending: set[Future[None]] = set()
    try:
        for shot in sorted(shots, key=lambda s: -s.frames):
            pending.add(pool.submit(_film_there, shot, fps))
        while pending:
            ready, pending = wait(pending, timeout=_POLL_S, return_when=FIRST_EXCEPTION)
            for future in ready:
                future.result()
            report(done.value, total)
    except BaseException:
        stop.value = 1
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
