"""A short clip of the virtual river, as kept in sample_footage/clip.

    python -m patrol.simulation.clip --area sample_footage/luogang --out sample_footage/clip

picks the stretch of river with the most kinds of violations in reach of one pass, flies along it
at a steady speed and writes clip.mp4, clip.SRT and truth.geojson (what lies within its view).
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import shapely
import typer
from numpy.typing import NDArray

from geo.camera import CAMERAS
from geo.errors import PatrolError
from geo.files import replacing
from geo.layers import write_layer
from patrol.area import River, StudyArea
from patrol.errors import SimulationError
from patrol.simulation.camera.renderer import Renderer
from patrol.simulation.film import FRAME_PX, film_recording
from patrol.simulation.recording import Moments
from patrol.simulation.world import World

__all__ = ["best_stretch", "fly_past", "make_clip"]

_VIEW_M = 22.0  # what lies this near to the flown line is well inside the picture
_HEIGHT_M = 47.7
_SEA_M = 20.0


def best_stretch(world: World, length_m: float) -> tuple[River, float]:
    """The river, and the station to start from, whose next `length_m` show the most: first by
    kinds of violations, then by their number."""
    planted = world.planted
    things = [(0, o.footprint_m.centroid) for o in planted.outfalls]
    things += [(1, p.footprint_m.centroid) for p in planted.plumes]
    things += [(2, b.footprint_m.centroid) for b in planted.structures]
    things += [(3, w.footprint_m.centroid) for w in planted.wastes]
    best: tuple[int, int] | None = None
    chosen: tuple[River, float] | None = None
    for river in world.area.rivers:
        line = river.centreline_m
        near = [(k, line.project(p)) for k, p in things if line.distance(p) < _VIEW_M]
        for start in np.arange(20.0, line.length - length_m - 20.0, 10.0):
            inside = [k for k, at in near if start + 8 < at < start + length_m - 8]
            score = (len(set(inside)), len(inside))
            if best is None or score > best:
                best, chosen = score, (river, float(start))
    if chosen is None:
        raise SimulationError(
            f"no river of {world.area.folder} is long enough for {length_m:.0f} m of film"
        )
    return chosen


def fly_past(
    river: River, start_m: float, seconds: float, fps: float, speed_m_s: float = 8.0
) -> Moments:
    """A steady pass along the middle of a river, looking straight down, heading smoothed as a
    vehicle turns."""
    count = round(seconds * fps)
    at = start_m + np.arange(count) * speed_m_s / fps
    line = river.centreline_m

    def points(stations: NDArray[np.float64]) -> NDArray[np.float64]:
        return shapely.get_coordinates(shapely.line_interpolate_point(line, stations))

    # The mean of the line over 24 m is smooth, as a flown track is.
    track = np.mean([points(at + d) for d in np.linspace(-12, 12, 25)], axis=0)
    ahead = np.mean([points(at + 1 + d) for d in np.linspace(-12, 12, 25)], axis=0) - track
    yaw = np.unwrap(np.arctan2(ahead[:, 0], ahead[:, 1]))
    begin = datetime(2026, 5, 20, 1, 0, tzinfo=UTC).timestamp()
    up = np.full(count, _HEIGHT_M)
    velocity = np.gradient(track, 1 / fps, axis=0)
    return Moments(
        begin + np.arange(count) / fps, track[:, 0], track[:, 1], up, up + _SEA_M,
        np.degrees(yaw), np.full(count, -90.0), np.zeros(count), velocity,
    )  # fmt: skip


def make_clip(
    area: Path, out: Path, *, seed: int, seconds: float, fps: float, density_per_km: float
) -> Path:
    """Write clip.mp4, clip.SRT and truth.geojson into `out`; returns the video's path."""
    world = World.build(StudyArea.read(area), seed, density_per_km)
    river, start = best_stretch(world, 8.0 * seconds)
    flown = fly_past(river, start, seconds, fps)
    track = shapely.LineString(np.column_stack([flown.east_m, flown.north_m]))
    seen = track.buffer(_HEIGHT_M, cap_style="flat")
    features = [
        f
        for f in world.truth()
        if seen.intersects(shapely.transform(f.geometry, world.area.projection.forward))
    ]
    cv2.setNumThreads(1)
    renderer = Renderer(world, CAMERAS["m3e"].resized(*FRAME_PX))
    with replacing(out / "truth.geojson") as beside:
        write_layer(beside, features, members={"seed": seed})
        film_recording(renderer, flown, out / "clip.mp4", fps=fps, seed=(seed, 1, 1))
    return out / "clip.mp4"


def _main(
    area: Annotated[Path, typer.Option(help="Study area folder.")],
    out: Annotated[Path, typer.Option(help="Folder to write into.")],
    seed: Annotated[int, typer.Option(help="Seed; training uses 1-60.")] = 88,
    seconds: Annotated[float, typer.Option(help="Length of the clip.")] = 22.0,
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 25.0,
    density: Annotated[float, typer.Option(help="Planted violations a river-kilometre.")] = 30.0,
) -> None:
    """Film a short clip where the virtual river has most to show."""
    try:
        print(make_clip(area, out, seed=seed, seconds=seconds, fps=fps, density_per_km=density))
    except PatrolError as error:
        print(f"错误 error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(_main)
