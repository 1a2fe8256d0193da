"""The comparison on pairs of simulated patrols: what came, went and stayed, and how well pictures
lie on one another.

Three worlds, each patrolled twice: another light, track and direction, a fifth of what is planted
gone by the second day and a fifth come. One run serves the four figures; patrols are kept under
.cache/. What the detector did not find on any day is no matter of the comparison: it is printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmarks.chain import state
from benchmarks.detection.model import ROOT, opened
from geo.camera import CAMERAS
from geo.coordinates import LocalProjection, LonLat
from geo.layers import read_layer

if TYPE_CHECKING:
    from benchmarks.analysis.changed_worlds import Day, Truth
    from detection.comparison.seen import Look, Seen

__all__ = ["gone_precision", "new_recall", "registration_error_px", "still_recall"]

FloatArray = NDArray[np.float64]

_WORLDS, _STEP = 3, 1000
_LENGTH_M = 400.0
_REACH_M = 8.0
_STILL = ("still_there", "grown", "shrunk")
_GRID = 7


@dataclass(slots=True)
class _Tally:
    """Counts over worlds."""

    come: int = 0
    come_found: int = 0
    come_new: int = 0
    stayed: int = 0
    stayed_found: int = 0
    stayed_still: int = 0
    went: int = 0
    went_found: int = 0
    gone: int = 0
    gone_right: int = 0
    new: int = 0
    new_right: int = 0


def new_recall(seed: int) -> float:
    """Of things that came and that the later patrol's analysis found, those called new, %."""
    tally, _ = _measured(seed)
    return 100.0 * tally.come_new / max(tally.come_found, 1)


def gone_precision(seed: int) -> float:
    """Of things called gone, those that are, %."""
    tally, _ = _measured(seed)
    return 100.0 * tally.gone_right / max(tally.gone, 1)


def still_recall(seed: int) -> float:
    """Of things that stayed and that either day's analysis found, those called still there, %."""
    tally, _ = _measured(seed)
    return 100.0 * tally.stayed_still / max(tally.stayed_found, 1)


def registration_error_px(seed: int) -> float:
    """Median over all pairs of pictures of how far the same ground lies apart, px of the pair, on
    the plane (bank or water) that each is laid on; the other plane's is printed."""
    _, errors = _measured(seed)
    return float(np.median([on_plane for on_plane, _ in errors]))


@lru_cache(maxsize=2)
def _measured(seed: int) -> tuple[_Tally, list[tuple[float, float]]]:
    from benchmarks.analysis.changed_worlds import film_days, world_days
    from detection.analysis import analyze
    from detection.comparison.compare import compare
    from detection.telemetry.clock import declared_zone

    tally = _Tally()
    errors: list[tuple[float, float]] = []
    for world in range(seed, seed + _WORLDS * _STEP, _STEP):
        folder = ROOT / ".cache" / f"changed-{state()}-{world}"
        days, truths = world_days(world, _LENGTH_M)
        if not (folder / "comparison" / "manifest.json").exists():
            detector, classes = opened()
            sides = film_days(folder, world, days)
            for side in sides:
                analyze([side], side, detector, classes, zone=declared_zone("Asia/Shanghai"))
            compare(*sides, folder / "comparison")
        features = read_layer(folder / "comparison" / "comparison.geojson", ("Point",))
        rows = [(f.geometry, f.properties) for f in features]
        _count(tally, truths, rows, days[0].world.area.projection)
        mine = list(_errors(folder, days))
        errors += mine
        print(f"world {world}: {len(rows)} things, {len(mine)} pairs registered", file=sys.stderr)
    near, far = np.percentile(np.array(errors), [50, 95], axis=0).T
    print(
        f"came {tally.come}, found {tally.come_found}, called new {tally.come_new}; stayed "
        f"{tally.stayed}, found {tally.stayed_found}, called still there {tally.stayed_still}; "
        f"went {tally.went}, found {tally.went_found}; called gone {tally.gone}, rightly "
        f"{tally.gone_right}; called new {tally.new}, rightly {tally.new_right}; registration "
        f"error p50 {near[0]:.2f} and p95 {near[1]:.2f} px on the plane that is laid, p50 "
        f"{far[0]:.2f} and p95 {far[1]:.2f} px on the other"
    )
    return tally, errors


def _count(
    tally: _Tally, truths: list[Truth], rows: list[tuple[Any, Any]], projection: LocalProjection
) -> None:
    """Findings to planted things of their class within 8 m, one to one, nearest in all."""
    at = projection.forward([[point.x, point.y] for point, _ in rows])
    far = np.full((len(truths), len(rows)), 1e6)
    for i, truth in enumerate(truths):
        for j, (_, said) in enumerate(rows):
            place = shapely.Point(at[j])
            if said["class"] == truth.class_name and truth.outline_m.distance(place) <= _REACH_M:
                far[i, j] = truth.outline_m.centroid.distance(place)
    pairs = zip(*linear_sum_assignment(far), strict=True)
    which = {int(i): rows[j][1]["outcome"] for i, j in pairs if far[i, j] < 1e6}
    for i, truth in enumerate(truths):
        said = which.get(i)
        if truth.earlier and truth.later:
            tally.stayed += 1
            tally.stayed_found += said is not None
            tally.stayed_still += said in _STILL
        elif truth.later:
            tally.come += 1
            tally.come_found += said is not None
            tally.come_new += said == "new"
        else:
            tally.went += 1
            tally.went_found += said is not None
    outcomes = [said["outcome"] for _, said in rows]
    tally.gone += outcomes.count("gone")
    tally.new += outcomes.count("new")
    tally.gone_right += sum(
        said == "gone" and truths[i].earlier and not truths[i].later for i, said in which.items()
    )
    tally.new_right += sum(
        said == "new" and truths[i].later and not truths[i].earlier for i, said in which.items()
    )


def _errors(folder: Path, days: tuple[Day, Day]) -> Iterator[tuple[float, float]]:
    """How far the registration of each pair misses the truth, px: the medians over level bank and
    over water, the smaller first. A homography lays one plane on itself."""
    from detection.comparison.seen import recompute_seen

    document = json.loads((folder / "comparison" / "comparison.geojson").read_text("utf-8"))
    origin = document["projection"]
    projection = LocalProjection(LonLat(origin["lon_deg"], origin["lat_deg"]))
    seen = {
        name: recompute_seen(
            json.loads((folder / name / "manifest.json").read_text("utf-8")), folder / name
        )
        for name in ("earlier", "later")
    }
    for row in document["features"]:
        pair = row["properties"]["pair"]
        if pair is not None and pair["registered"]:
            miss = _miss_px(pair, seen, days, projection)
            if miss is not None:
                yield miss


def _miss_px(
    pair: dict[str, Any], seen: dict[str, Seen], days: tuple[Day, Day], projection: LocalProjection
) -> tuple[float, float] | None:
    from detection.comparison.registration import GroundFrame

    frame = GroundFrame(**pair["frame"])
    order = ("later", "earlier") if pair["reference"] == "later" else ("earlier", "later")
    by_day = {"earlier": days[0], "later": days[1]}
    looks = [_look(seen[name], pair[name]["frame_index"]) for name in order]
    flown = [by_day[name].flown.pose(look.shot) for name, look in zip(order, looks, strict=True)]
    to_picture = [frame.to_picture(look.camera, look.pose.pose(projection)) for look in looks]
    steps = np.linspace(0.15, 0.85, _GRID) * frame.side_px
    points = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    pixels = _moved(to_picture[0], points)
    camera = CAMERAS["m3e"].resized(looks[0].camera.width_px, looks[0].camera.height_px)
    ground = _ground(days[0], camera, flown[0], pixels)
    known = np.isfinite(ground[:, 2])
    if known.sum() < _GRID:
        return None
    there, _ = camera.project(flown[1].to_camera(ground[known]))
    true = _moved(np.linalg.inv(to_picture[1]), there)
    said = _moved(np.array(pair["transform"]), points[known])
    miss = np.linalg.norm(true - said, axis=1)
    by_plane = [miss[ground[known, 2] == up_m] for up_m in np.unique(ground[known, 2])]
    medians = [float(np.median(m)) for m in by_plane if len(m) >= _GRID]
    return (min(medians), max(medians)) if medians else None


def _look(seen: Seen, shot: int) -> Look:
    return next(look for look in seen.looks if look.shot == shot)


def _moved(homography: NDArray[np.floating], points: FloatArray) -> FloatArray:
    there = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return np.asarray(there[:, :2] / there[:, 2:])


def _ground(day: Day, camera: Any, pose: Any, pixels: FloatArray) -> FloatArray:
    """(N, 3) where lines of sight truly meet water or level bank; NaN heights elsewhere."""
    from geo.placing import intersect_ground
    from patrol.simulation.world.banks import WATER_UP_M

    world = day.world
    found = np.full((len(pixels), 3), np.nan)
    for up_m in (0.0, WATER_UP_M):
        at = intersect_ground(camera, pose, pixels, up_m)
        if up_m < 0:
            here = shapely.contains_xy(world.water.buffer(-1.0), at[:, 0], at[:, 1])
        else:
            here = ~shapely.contains_xy(world.opening.buffer(1.0), at[:, 0], at[:, 1])
        found[here] = np.column_stack([at[here], np.full(int(here.sum()), up_m)])
    return found
