"""A whole city planned in a fresh process: minutes, memory, and how both grow.

A network of Changzhou's size (see `city_world`): 2,354 rivers, 5,750 km, 61 docks with a drone
each, 40 no-fly zones, 60 x 60 km; both banks at 2.5 cm, Matrice 4E, photos at 12 m/s, wind 4 m/s,
a quarter of the battery kept. Timed from the start of the process to its end: starting Python,
reading the layers, planning, writing the plan's file. Memory is that of the process and all its
children together, looked at ten times a second; pages that they share count once for each.
Measured at an eighth, a quarter, a half and the whole of the city, once for all three figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import numpy as np

from benchmarks.planning.city_world import made_city
from geo.errors import PatrolError
from patrol.area import StudyArea
from patrol.planning.planner import plan_area
from patrol.planning.settings import PlanSettings
from patrol.planning.wind import Wind

__all__ = ["exponent", "gigabytes", "minutes"]

ROOT = Path(__file__).resolve().parents[2]
SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
SETTINGS = PlanSettings(
    camera="m4e", capture="photos", gsd_m=0.025, cover="both", speed_m_s=12.0,
    wind=Wind(4.0, 45.0), docks=True,
)  # fmt: skip
_LOOK_S = 0.1
_KIB_A_GB = 1e6 / 1.024


@dataclass(frozen=True, slots=True)
class _Measured:
    km: float
    seconds: float
    gigabytes: float


@lru_cache(maxsize=8)
def _measured(seed: int, share: float) -> _Measured:
    city = made_city(seed, share)
    with tempfile.TemporaryDirectory(prefix="city") as name:
        folder = Path(name)
        city.write(folder)
        words = [sys.executable, "-m", "benchmarks.planning.city", name]
        started = time.monotonic()
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            most_kib = 0
            while process.poll() is None:
                most_kib = max(most_kib, _tree_kib(process.pid))
                time.sleep(_LOOK_S)
            seconds = time.monotonic() - started
            said = process.stdout.read() if process.stdout else ""
        if process.returncode != 0:
            raise PatrolError(f"planning {share:g} of the city ended with {process.returncode}")
        result = json.loads(said)
        size_mb = (folder / "plan.json").stat().st_size / 1e6
    gigabytes = max(most_kib, result["own_kib"]) / _KIB_A_GB
    print(
        f"{len(city.rivers)} rivers, {city.km:.0f} km, {len(city.docks_m)} docks, "
        f"{len(city.zones)} zones: {seconds:.0f} s ({result['cpu_s']:.0f} s of "
        f"processor), {gigabytes:.2f} GB; {result['lanes']} lanes in "
        f"{result['sorties']} sorties, {result['flight_h']:.0f} h of flight in "
        f"{result['operating_h']:.1f} h, {100 * result['seen']:.1f} % of the banks seen, file "
        f"{size_mb:.0f} MB",
        flush=True,
    )
    return _Measured(city.km, seconds, gigabytes)


def _tree_kib(root: int) -> int:
    """Resident memory of a process and everything that it has started."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            parent = _status(int(folder.name)).get("PPid")
            if parent is not None:
                children.setdefault(int(parent), []).append(int(folder.name))
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        total += int(_status(pid).get("VmRSS", "0 kB").split()[0])
        waiting += children.get(pid, [])
    return total


def _status(pid: int) -> dict[str, str]:
    """/proc/PID/status by field; nothing where the process has ended meanwhile."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def minutes(seed: int) -> float:
    """Wall time of planning the whole city, in a fresh process, from files to file."""
    return _measured(seed, 1.0).seconds / 60


def gigabytes(seed: int) -> float:
    """The most memory that it has at a time, children included, 10^9 bytes."""
    return _measured(seed, 1.0).gigabytes


def exponent(seed: int) -> float:
    """How the time grows with the kilometres: the slope of its logarithm over theirs, over an
    eighth, a quarter, a half and the whole of the city."""
    rows = [_measured(seed, share) for share in SHARES]
    km, seconds = np.log([row.km for row in rows]), np.log([row.seconds for row in rows])
    slope = float(np.polyfit(km, seconds, 1)[0])
    print(f"time grows with the kilometres to the power of {slope:.2f}")
    return slope


def _plan(folder: Path) -> None:
    """Plan the city in this folder, write the plan there, and say what it is."""
    plan = plan_area(StudyArea.read(folder), SETTINGS)
    plan.write(folder)
    print(
        json.dumps(
            {
                "lanes": len(plan.lanes),
                "sorties": len(plan.sorties),
                "seen": plan.certificate.share,
                "flight_h": plan.operation.flight_s / 3600,
                "operating_h": plan.operation.operating_s / 3600,
                "cpu_s": sum(
                    used.ru_utime + used.ru_stime
                    for used in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN))
                ),
                "own_kib": int(_status(os.getpid())["VmHWM"].split()[0]),
            }
        )
    )


if __name__ == "__main__":
    _plan(Path(sys.argv[1]))
