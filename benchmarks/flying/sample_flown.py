"""The 12 km sample flown: on the simulated vehicle, on a real ArduCopter, and by two at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Skipped
from benchmarks.flying.plan_flown import AREA, ROOT, cross_track
from geo.errors import PatrolError
from patrol.flight.airspace import least_apart_m
from patrol.plan import Plan
from patrol.telemetry import Telemetry

__all__ = [
    "cross_track_m",
    "distance_error",
    "minutes",
    "real_cross_track_m",
    "real_seen_share",
    "seen_share",
    "time_error",
    "two_drones_apart_m",
    "two_drones_share",
    "vehicle_speedup",
]

_WIND_M_S = "3"
_ARDUCOPTER_SPEEDUP = "8"
_STREET_M_S = "8"  # at which one battery does not last for all


@dataclass(frozen=True, slots=True)
class _Flown:
    result: dict[str, Any]
    cross_track_m: float
    apart_m: float

    @property
    def planned_m(self) -> float:
        return float(sum(s["planned_m"] for s in self.result["sorties"]))


def _patrol(*words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "api", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise PatrolError(f"patrol {' '.join(words[:2])} ended with exit code {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@contextmanager
def _planned(*words: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sample") as name:
        folder = Path(name) / "patrol"
        _patrol("plan", str(AREA), "--out", str(folder), "--json", *words)
        yield folder


def _fly(folder: Path, *words: str) -> _Flown:
    result = _patrol("fly", str(folder), "--json", *words)
    plan = Plan.read(folder)
    tracks = []
    for sortie in plan.sorties:
        rows = Telemetry.read(folder / "flight" / f"sortie-{sortie.id:02d}.parquet")
        place = plan.projection.forward(np.column_stack([rows.lon_deg, rows.lat_deg]))
        tracks.append(np.column_stack([place, rows.above_launch_m, rows.time_s]))
    near = [least_apart_m(a, b) for i, a in enumerate(tracks) for b in tracks[i + 1 :]]
    return _Flown(result, cross_track(folder), min(near, default=float("inf")))


@lru_cache(maxsize=4)
def _simulated(seed: int, wind: str = _WIND_M_S) -> _Flown:
    with _planned() as folder:
        return _fly(folder, "--seed", str(seed), "--wind", wind)


@lru_cache(maxsize=2)
def _real(seed: int) -> _Flown:
    executable = os.environ.get("ARDUCOPTER")
    if not executable:
        raise Skipped("ARDUCOPTER names no ArduCopter SITL executable")
    with _planned() as folder:
        return _fly(
            folder, "--arducopter", executable, "--speedup", _ARDUCOPTER_SPEEDUP, "--wind", "0"
        )


@lru_cache(maxsize=4)
def _street(seed: int, vehicles: int) -> _Flown:
    with _planned("--speed", _STREET_M_S, "--crews", str(vehicles)) as folder:
        return _fly(folder, "--vehicles", str(vehicles), "--seed", str(seed), "--wind", _WIND_M_S)


def seen_share(seed: int) -> float:
    """Share of the banks' metres that the flown-track check sees, in percent."""
    return 100.0 * float(_simulated(seed).result["seen_share"])


def minutes(seed: int) -> float:
    """Minutes from arming to the last landing."""
    return float(_simulated(seed).result["operating_s"]) / 60.0


def distance_error(seed: int) -> float:
    """How far the distance flown is from the planned one, in percent."""
    flown = _simulated(seed)
    print(f"{flown.result['distance_m']:.0f} m flown, {flown.planned_m:.0f} m planned")
    return 100.0 * abs(float(flown.result["distance_m"]) / flown.planned_m - 1.0)


def cross_track_m(seed: int) -> float:
    """95th percentile of the distance from the lanes while filming, in metres."""
    return _simulated(seed).cross_track_m


def real_seen_share(seed: int) -> float:
    """As `seen_share`, on a real ArduCopter."""
    flown = _real(seed)
    print(
        f"{flown.result['operating_s'] / 60:.1f} min, {flown.result['distance_m']:.0f} m flown, "
        f"{flown.planned_m:.0f} m planned"
    )
    return 100.0 * float(flown.result["seen_share"])


def real_cross_track_m(seed: int) -> float:
    """As `cross_track_m`, on a real ArduCopter."""
    return _real(seed).cross_track_m


def time_error(seed: int) -> float:
    """How far our flight time is from ArduCopter's on the same plan without wind, in percent."""
    ours = float(_simulated(seed, "0").result["operating_s"])
    theirs = float(_real(seed).result["operating_s"])
    print(f"ours {ours / 60:.1f} min, ArduCopter's {theirs / 60:.1f} min")
    return 100.0 * abs(ours / theirs - 1.0)


def two_drones_share(seed: int) -> float:
    """The operating time of two drones with the plan for two, as a share in percent of that of
    one drone with the plan for one; flown, at the street's own speed of 8 m/s."""
    one, two = _street(seed, 1), _street(seed, 2)
    ones, twos = (float(x.result["operating_s"]) for x in (one, two))
    print(f"one drone {ones / 60:.1f} min, two {twos / 60:.1f} min")
    return 100.0 * twos / ones


def two_drones_apart_m(seed: int) -> float:
    """How near the two came on the map while less than 10 m apart in height."""
    return _street(seed, 2).apart_m


def vehicle_speedup(seed: int) -> float:
    """Seconds of the simulated vehicle's flight in one second, pinned to one core with the
    ground's side on it too: checks, transfers and record included."""
    core = min(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    with _planned() as folder:
        os.sched_setaffinity(0, {core})
        try:
            flown = _fly(folder, "--seed", str(seed), "--speedup", "1000")
        finally:
            os.sched_setaffinity(0, before)
    return float(flown.result["flight_s"]) / float(flown.result["wall_s"])
