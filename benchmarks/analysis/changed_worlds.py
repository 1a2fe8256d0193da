"""Two simulated patrols of one reach on different days: the same world, another light and another
track, some of what was planted gone and some of it come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import shapely

from benchmarks.detection.model import AREA
from geo.camera import CAMERAS
from geo.layers import write_layer
from patrol.area import River, StudyArea
from patrol.simulation.camera.renderer import Renderer
from patrol.simulation.clip import fly_past
from patrol.simulation.film import FRAME_PX, film_recording
from patrol.simulation.recording import Moments
from patrol.simulation.world import World
from patrol.simulation.world.planting import Planted
from patrol.simulation.world.textures import make_materials

__all__ = ["Day", "Truth", "film_days", "world_days"]

_SHARE_COME = 0.2  # of what is planted, only on the later day; as much only on the earlier
_DENSITY_PER_KM = 45.0
_SPEED_M_S = 8.0
FPS = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """A world as it is on one day, and how it was flown over."""

    world: World
    flown: Moments


@dataclass(frozen=True, slots=True)
class Truth:
    """A planted thing: its class, its outline in the area's metres, on which days it is there."""

    ident: str
    class_name: str
    outline_m: shapely.Polygon
    earlier: bool
    later: bool


def world_days(seed: int, length_m: float) -> tuple[tuple[Day, Day], list[Truth]]:
    """The two days of a world, with what is planted along the flown reach."""
    rng = np.random.default_rng([seed, 640])
    area = StudyArea.read(AREA)
    world = World.build(area, seed, _DENSITY_PER_KM)
    river, start = _reach(world, length_m, rng)
    where = {o.ident: _lot(rng) for o in world.planted.outfalls}
    for plume in world.planted.plumes:  # water runs from pipes that are there
        there, lot = where[plume.outfall], _lot(rng)
        where[plume.ident] = (there[0] and lot[0], there[1] and lot[1])
    others = [b.ident for b in world.planted.structures] + [w.ident for w in world.planted.wastes]
    where |= {ident: _lot(rng) for ident in others}
    flown = [_flight(river, start, length_m, rng, day) for day in range(2)]
    days = []
    for day in range(2):
        planted = _only(world.planted, {i for i, lot in where.items() if lot[day]})
        days.append(Day(_lit(replace(world, planted=planted), rng), flown[day]))
    track = shapely.LineString(np.column_stack([flown[0].east_m, flown[0].north_m]))
    reach = track.buffer(32.0, cap_style="flat")
    outlines = [
        *((o.ident, "outfall", o.footprint_m) for o in world.planted.outfalls),
        *((p.ident, "discharge", p.footprint_m) for p in world.planted.plumes),
        *((b.ident, "structure", b.footprint_m) for b in world.planted.structures),
        *((w.ident, "floating_waste", w.footprint_m) for w in world.planted.wastes),
    ]
    truths = [
        Truth(ident, kind, outline, *where[ident])
        for ident, kind, outline in outlines
        if reach.contains(outline.centroid) and any(where[ident])
    ]
    return (days[0], days[1]), truths


def film_days(folder: Path, seed: int, days: tuple[Day, Day]) -> tuple[Path, Path]:
    """Film both days as patrol folders, `earlier` and `later`."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for number, (name, day) in enumerate(zip(("earlier", "later"), days, strict=True)):
            video = folder / name / "footage" / "sortie-01_001.mp4"
            video.parent.mkdir(parents=True, exist_ok=True)
            renderer = Renderer(day.world, CAMERAS["m3e"].resized(*FRAME_PX))
            film_recording(renderer, day.flown, video, fps=FPS, seed=(seed, 1 + number, 1))
            write_layer(folder / name / "truth.geojson", day.world.truth())
    finally:
        cv2.setNumThreads(threads)
    return folder / "earlier", folder / "later"


def _lot(rng: np.random.Generator) -> tuple[bool, bool]:
    draw = rng.random()
    return draw >= _SHARE_COME, not _SHARE_COME <= draw < 2 * _SHARE_COME


def _only(planted: Planted, idents: set[str]) -> Planted:
    return Planted(
        [o for o in planted.outfalls if o.ident in idents],
        [p for p in planted.plumes if p.ident in idents],
        [b for b in planted.structures if b.ident in idents],
        [w for w in planted.wastes if w.ident in idents],
    )


def _lit(world: World, rng: np.random.Generator) -> World:
    """The world at another time of day: other sun, deeper or lighter shadows; what it is made of
    stays (its materials come from the world's own seed)."""
    azimuth, elevation = np.radians(rng.uniform(85, 275)), np.radians(rng.uniform(36, 68))
    sun = np.array([
        np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation), np.sin(elevation),
    ])  # fmt: skip
    materials = make_materials(np.random.default_rng([world.seed, 7]), sun)
    return replace(world, sun=sun, materials=materials, shadow_depth=float(rng.uniform(0.2, 0.6)))


def _reach(world: World, length_m: float, rng: np.random.Generator) -> tuple[River, float]:
    long_enough = [r for r in world.area.rivers if r.centreline_m.length > length_m + 60]
    river = long_enough[int(rng.integers(len(long_enough)))]
    return river, float(rng.uniform(30, river.centreline_m.length - length_m - 30))


def _flight(
    river: River, start_m: float, length_m: float, rng: np.random.Generator, day: int
) -> Moments:
    """A pass that keeps a few metres to one side, a little higher or lower; on the later day,
    weeks after, by lot in the other direction."""
    flown = fly_past(river, start_m, length_m / _SPEED_M_S, FPS, _SPEED_M_S)
    yaw = np.radians(flown.yaw_deg)
    aside, higher = rng.uniform(-6, 6), rng.uniform(-4, 4)
    turned = bool(rng.random() < 0.5) and day == 1
    order = slice(None, None, -1 if turned else 1)
    return replace(
        flown,
        time_s=flown.time_s + day * timedelta(days=17).total_seconds(),
        east_m=(flown.east_m + aside * np.cos(yaw))[order],
        north_m=(flown.north_m - aside * np.sin(yaw))[order],
        up_m=(flown.up_m + higher)[order],
        msl_m=(flown.msl_m + higher)[order],
        yaw_deg=(flown.yaw_deg + (180.0 if turned else 0.0))[order],
        velocity_m_s=flown.velocity_m_s[order] * (-1.0 if turned else 1.0),
    )
