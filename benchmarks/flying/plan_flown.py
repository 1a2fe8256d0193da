"""The plan of the study area's R2 flown on the simulated vehicle: how true, and how fast."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geo.coordinates import LocalProjection
from geo.errors import PatrolError
from patrol.plan import Plan
from patrol.telemetry import Telemetry

__all__ = ["AREA", "ROOT", "cross_track", "cross_track_m", "speedup"]

ROOT = Path(__file__).resolve().parents[2]
AREA = ROOT / "sample_footage" / "luogang"
_WIND_M_S = 5.0


def _patrol(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "api", *words],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise PatrolError(f"patrol {words[0]} ended with exit code {done.returncode}")
    return done.stdout


@lru_cache(maxsize=4)
def _flown(seed: int) -> tuple[dict[str, Any], float]:
    """The result of `patrol fly` and the cross-track error."""
    with tempfile.TemporaryDirectory(prefix="flight") as name:
        folder = Path(name) / "patrol"
        _patrol("plan", str(AREA), "--out", str(folder), "--river", "R2")
        words = ("fly", str(folder), "--seed", str(seed), "--wind", str(_WIND_M_S), "--json")
        result: dict[str, Any] = json.loads(_patrol(*words))
        return result, cross_track(folder)


def cross_track(folder: Path) -> float:
    """95th percentile of the distance between the filmed track and its lanes."""
    plan = Plan.read(folder)
    errors = []
    for sortie in plan.sorties:
        rows = Telemetry.read(folder / "flight" / f"sortie-{sortie.id:02d}.parquet")
        projection = LocalProjection(sortie.launch)
        lon_lat = np.column_stack([rows.lon_deg, rows.lat_deg])[rows.recording]
        track = shapely.points(projection.forward(lon_lat))
        flown = {waypoint.lane for waypoint in sortie.waypoints}
        lanes = shapely.union_all(
            [shapely.transform(x.line, projection.forward) for x in plan.lanes if x.id in flown]
        )
        errors.append(shapely.distance(track, lanes))
    return float(np.percentile(np.concatenate(errors), 95))


def cross_track_m(seed: int) -> float:
    """How far the recorded track is from the planned lanes while filming, in metres (95th
    percentile), in a mean wind of 5 m/s with gusts. The position is the vehicle's own estimate.
    """
    return _flown(seed)[1]


def speedup(seed: int) -> float:
    """Seconds of flight in one second of waiting, starts, checks and transfers included."""
    result, _ = _flown(seed)
    return float(result["flight_s"]) / float(result["wall_s"])
