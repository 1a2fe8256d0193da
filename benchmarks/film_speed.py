"""How fast the virtual river is filmed: frames a second at 1920x1080 on one core, H.264 included.

A pass along the first river of the sample area at 8 m/s and 2 frames a second, the demo's rate,
where every frame shows new ground (at 25 a second it is about twice as fast). The world is built
beforehand; painting the ground is part of what is timed.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import cv2

__all__ = ["measure"]

AREA = Path(__file__).resolve().parent.parent / "sample_footage" / "luogang"
_RUNS, _FRAMES, _FPS = 5, 60, 2.0


def measure(seed: int) -> float:
    """Median frames a second of five passes, each over ground not seen before.

    One core: the process is bound to it while it measures. Wall time, so a busy machine shows.
    """
    from geo.camera import CAMERAS
    from patrol.area import StudyArea
    from patrol.simulation.camera.renderer import Renderer
    from patrol.simulation.clip import fly_past
    from patrol.simulation.film import FRAME_PX, film_recording
    from patrol.simulation.world import World

    world = World.build(StudyArea.read(AREA), seed)
    river = max(world.area.rivers, key=lambda r: r.centreline_m.length)
    renderer = Renderer(world, CAMERAS["m3e"].resized(*FRAME_PX))
    cores, threads = os.sched_getaffinity(0), cv2.getNumThreads()
    length_m = _FRAMES / _FPS * 8.0
    speeds = []
    try:
        os.sched_setaffinity(0, {min(cores)})
        cv2.setNumThreads(1)
        with tempfile.TemporaryDirectory() as folder:
            for run in range(_RUNS + 1):
                flown = fly_past(river, 40.0 + run * length_m, _FRAMES / _FPS, _FPS)
                started = time.perf_counter()
                film_recording(
                    renderer, flown, Path(folder) / f"{run}.mp4", fps=_FPS, seed=(seed, 1, run)
                )
                speeds.append(len(flown) / (time.perf_counter() - started))
    finally:
        cv2.setNumThreads(threads)
        os.sched_setaffinity(0, cores)
    return statistics.median(speeds[1:])  # the first run also fills the caches kept for good
