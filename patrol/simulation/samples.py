"""Pictures with boxes for training a detector: frames of seeded worlds as a YOLO data set.

    python -m patrol.simulation.samples --area AREA --seeds 1-40 --count 1500 --out DIR

writes images/*.jpg and labels/*.txt (class, centre x, centre y, width, height, 0-1). Classes: 0
outfall, 1 discharge, 2 structure (every building: whether it may stand there the map knows), 3
floating_waste. The world is seeded apart from how densely it is planted: training worlds are
planted more densely than a patrol finds them.
"""

from __future__ import annotations

import math
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import shapely
import typer

from geo.camera import CAMERAS, Pose
from geo.errors import PatrolError
from geo.files import write_bytes, write_text
from patrol.area import StudyArea
from patrol.errors import SimulationError
from patrol.simulation.camera.renderer import Box, Renderer
from patrol.simulation.camera.sensor import Exposure, motion_px
from patrol.simulation.world import World

__all__ = ["label_lines", "parse_seeds", "sample_poses", "write_samples"]

_SMALLEST_PX = 5.0  # at 640 px across
_SEEN = 0.35
_LARGE = 0.03  # a part of a thing counts where it fills this share of the picture
_FRAME = (1920, 1080)


@dataclass(frozen=True, slots=True)
class _Job:
    area: Path
    seed: int
    count: int
    out: Path
    size: tuple[int, int]
    density_per_km: float


def parse_seeds(text: str) -> list[int]:
    """'1-4,9' to [1, 2, 3, 4, 9]; raises SimulationError."""
    seeds: list[int] = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            seeds += range(int(first), int(last or first) + 1)
    except ValueError:
        seeds = []
    if not seeds or len(set(seeds)) != len(seeds):
        raise SimulationError(
            f"seeds {text!r}: expected numbers and ranges that differ, as 1-40,52"
        )
    return seeds


def sample_poses(world: World, count: int, seed: int) -> Iterator[tuple[Pose, Exposure]]:
    """Poses as a patrol has them: along the rivers, mostly near something planted.

    Seven in ten look at a planted object, somewhere in the picture; the rest anywhere on a lane.
    In order along the rivers, so that ground once painted is used again.
    """
    rng = np.random.default_rng([seed, 501])
    camera = CAMERAS["m3e"].resized(*_FRAME)
    planted = world.planted
    footprints = [o.footprint_m for o in planted.outfalls] * 2
    footprints += [p.footprint_m for p in planted.plumes]
    footprints += [b.footprint_m for b in planted.structures]
    footprints += [w.footprint_m for w in planted.wastes]
    targets = [footprint.centroid for footprint in footprints]
    rivers = world.area.rivers
    lengths = np.array([r.centreline_m.length for r in rivers])
    rows = []
    for _ in range(count):
        river, station = rivers[int(rng.choice(len(rivers), p=lengths / lengths.sum()))], None
        if targets and rng.random() < 0.7:
            target = targets[int(rng.integers(len(targets)))]
            river = min(rivers, key=lambda r: r.centreline_m.distance(target))
            station = river.centreline_m.project(target) + rng.uniform(-16, 16)
        if station is None:
            station = rng.uniform(0, river.centreline_m.length)
        rows.append(
            (rivers.index(river), float(np.clip(station, 1, river.centreline_m.length - 1)))
        )
    for index, station in sorted(rows):
        river = rivers[index]
        line = river.centreline_m
        a, b = (shapely.get_coordinates(line.interpolate(station + d))[0] for d in (-1, 1))
        along = (b - a) / max(float(np.hypot(*(b - a))), 1e-9)
        side = np.array([along[1], -along[0]])
        across = rng.choice([-1, 0, 1]) * river.width_m / 2 + rng.normal(0, 4)
        height = float(rng.uniform(35, 60))
        yaw = math.degrees(math.atan2(along[0], along[1])) + rng.choice([0, 180]) + rng.normal(0, 7)
        pitch = -90 + abs(rng.normal(0, 1.2)) if rng.random() < 0.72 else rng.uniform(-75, -60)
        east, north = (a + b) / 2 + side * across
        if pitch > -80:  # step back, so that the river ahead is in the picture
            forward = np.array([math.sin(math.radians(yaw)), math.cos(math.radians(yaw))])
            east, north = (east, north) - forward * height / math.tan(math.radians(-pitch))
        pose = Pose(
            float(east),
            float(north),
            height,
            float(yaw % 360),
            float(pitch),
            float(rng.normal(0, 0.8)),
        )
        shutter = float(rng.choice([1 / 1600, 1 / 1000, 1 / 500, 1 / 240]))
        speed = along * rng.uniform(0, 10)
        yield pose, Exposure(
            gain=float(np.clip(rng.normal(1.0, 0.16), 0.6, 1.5)), shutter_s=shutter,
            blur_px=motion_px(camera, pose, (float(speed[0]), float(speed[1])), shutter),
            softness_px=float(rng.uniform(0.4, 1.1)), noise=float(rng.uniform(0.8, 5.0)),
            noise_key=int(rng.integers(2**30)),
        )  # fmt: skip


def label_lines(boxes: Sequence[Box], width_px: int, height_px: int) -> list[str]:
    """The boxes worth learning from, as lines of a YOLO label file."""
    lines = []
    for box in boxes:
        x1, y1, x2, y2 = box.box_px
        scale = 640 / width_px
        small, large = sorted(((x2 - x1) * scale, (y2 - y1) * scale))
        shown = box.visible >= _SEEN or box.area_px >= _LARGE * width_px * height_px
        if not shown or large < _SMALLEST_PX or small < 0.6 * _SMALLEST_PX:
            continue
        lines.append(
            f"{box.class_index} {(x1 + x2) / 2 / width_px:.6f} {(y1 + y2) / 2 / height_px:.6f} "
            f"{(x2 - x1) / width_px:.6f} {(y2 - y1) / height_px:.6f}"
        )
    return lines


def _render(job: _Job) -> list[int]:
    cv2.setNumThreads(1)
    world = World.build(StudyArea.read(job.area), job.seed, job.density_per_km)
    renderer = Renderer(world, CAMERAS["m3e"].resized(*_FRAME))
    counts = [0, 0, 0, 0]
    for number, (pose, exposure) in enumerate(sample_poses(world, job.count, job.seed)):
        image, boxes = renderer.labelled(pose, exposure)
        lines = label_lines(boxes, *_FRAME)
        for line in lines:
            counts[int(line[0])] += 1
        if job.size != _FRAME:
            image = np.asarray(cv2.resize(image, job.size, interpolation=cv2.INTER_AREA))
        quality = int(np.random.default_rng([job.seed, number, 502]).integers(72, 94))
        ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if not ok:
            raise SimulationError("OpenCV could not write a JPEG picture")
        stem = f"world{job.seed:04d}_{number:04d}"
        write_text(job.out / "labels" / f"{stem}.txt", "".join(f"{line}\n" for line in lines))
        write_bytes(job.out / "images" / f"{stem}.jpg", data.tobytes())
    return counts


def write_samples(
    area: Path,
    seeds: Sequence[int],
    count: int,
    out: Path,
    *,
    size: tuple[int, int] = (1280, 720),
    density_per_km: float = 18.0,
    jobs: int = 1,
) -> list[int]:
    """Write `count` pictures spread over the worlds of `seeds`; returns boxes a class."""
    StudyArea.read(area)  # say what is wrong with it before starting processes
    if count < 1 or min(size) < 64:
        raise SimulationError(
            f"count {count} and size {size[0]}x{size[1]}: expected at least 1 and 64x64"
        )
    if abs(size[0] / size[1] - _FRAME[0] / _FRAME[1]) > 0.02:
        raise SimulationError(f"size {size[0]}x{size[1]}: expected a 16:9 picture, as 1280x720")
    work = [
        _Job(
            area,
            seed,
            count * (k + 1) // len(seeds) - count * k // len(seeds),
            out,
            size,
            density_per_km,
        )
        for k, seed in enumerate(seeds)
    ]
    totals = np.zeros(4, dtype=int)
    if jobs == 1:
        results: Iterator[list[int]] = map(_render, work)
        for k, counts in enumerate(results):
            totals += counts
            print(f"world {seeds[k]}: {work[k].count} pictures", file=sys.stderr, flush=True)
        return [int(n) for n in totals]
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for counts in pool.map(_render, work):
            totals += counts
    return [int(n) for n in totals]


def _main(
    area: Annotated[Path, typer.Option(help="Study area folder.")],
    out: Annotated[Path, typer.Option(help="Folder to write images/ and labels/ into.")],
    seeds: Annotated[str, typer.Option(help="Seeds of the worlds, as 1-40.")] = "1-40",
    count: Annotated[int, typer.Option(help="How many pictures, spread over the worlds.")] = 1500,
    size: Annotated[str, typer.Option(help="Size of the pictures, 16:9.")] = "1280x720",
    density: Annotated[float, typer.Option(help="Planted violations a river-kilometre.")] = 18.0,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 1,
) -> None:
    """Render pictures with boxes for training a detector (YOLO layout)."""
    try:
        width, _, height = size.partition("x")
        if not (width.isdigit() and height.isdigit()):
            raise SimulationError(f"size {size!r}: expected WIDTHxHEIGHT, as 1280x720")
        totals = write_samples(
            area, parse_seeds(seeds), count, out,
            size=(int(width), int(height)), density_per_km=density, jobs=jobs,
        )  # fmt: skip
    except PatrolError as error:
        print(f"错误 error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print("outfall {} discharge {} structure {} floating_waste {}".format(*totals))


if __name__ == "__main__":
    typer.run(_main)
