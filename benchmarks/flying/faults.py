"""Every fault at random moments of a flight: the vehicle ends on the ground or on its way there,
the process ends with the right code, the record is whole, and what is missing can be planned."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.flying.patrols import short_river_plan
from patrol.flight.record.replay import recorded
from patrol.mission import mission_items
from patrol.plan import Plan
from patrol.planning.check import certificate_with
from patrol.planning.flown import flown_ground
from patrol.telemetry import Telemetry

__all__ = ["failures", "runs"]

ROOT = Path(__file__).resolve().parents[2]
_MOMENTS = 20
_AT_ONCE = 2
_SPEEDUP = 250.0
_LIMIT_S = 180.0  # wall time for one flight
_SILENCE_S = 1.0
_ARMED_BEFORE_S = 10.0  # at most, before take-off
_COMPLETE, _REFUSED, _BROKEN_OFF, _LOST, _PILOT = 0, 1, 3, 4, 5


@dataclass(frozen=True, slots=True)
class _Drill:
    """A fault, with {at} for its moment, and the exit codes that are right for it."""

    fault: str
    codes: tuple[int, ...]
    ends_lost: bool = False  # contact never comes back: its own failsafe has it
    ends_flight: bool = False  # complete only where it came after the landing


_DRILLS = (
    _Drill("link@{at}+20", (_COMPLETE, _BROKEN_OFF)),  # as its failsafe has it, or just landed
    _Drill("link@{at}+5", (_COMPLETE,)),
    _Drill("link@{at}", (_LOST, _COMPLETE), ends_lost=True, ends_flight=True),
    _Drill("battery@{at}=15", (_BROKEN_OFF, _COMPLETE)),
    _Drill("sag@{at}=3.5", (_BROKEN_OFF, _COMPLETE)),
    _Drill("gust@{at}+25=45", (_BROKEN_OFF, _COMPLETE)),
    _Drill("gps@{at}", (_BROKEN_OFF, _COMPLETE)),
    _Drill("gps@{at}+3", (_COMPLETE,)),
    _Drill("glitch@{at}=60", (_BROKEN_OFF, _COMPLETE)),
    _Drill("ekf@{at}", (_BROKEN_OFF, _COMPLETE)),
    _Drill("pilot@{at}=LOITER", (_PILOT, _COMPLETE)),
    _Drill("pilot@{at}+15=LOITER", (_COMPLETE,)),
    _Drill("pilot@{at}=RTL", (_PILOT, _COMPLETE)),
    _Drill("reboot@{at}", (_BROKEN_OFF, _COMPLETE), ends_flight=True),
    _Drill("loss@{at}=20", (_COMPLETE,)),
    _Drill("duplicate@{at}=20", (_COMPLETE,)),
    _Drill("reorder@{at}=20", (_COMPLETE,)),
    _Drill("latency@{at}=0.02", (_COMPLETE,)),
    _Drill("arming", (_REFUSED,)),
    _Drill("item@{item}", (_REFUSED,)),
)


@dataclass(slots=True)
class _Tally:
    runs: int = 0
    wrong: list[str] = field(default_factory=list)


def failures(seed: int) -> float:
    """How many of the flights do not end as they should."""
    tally = _campaign(seed)
    return float(len(tally.wrong))


def runs(seed: int) -> float:
    """How many flights were flown."""
    return float(_campaign(seed).runs)


@lru_cache(maxsize=2)
def _campaign(seed: int) -> _Tally:
    rng = random.Random(seed)
    tally = _Tally()
    plan = short_river_plan(rng.randrange(2**31))
    flight_s = plan.sorties[0].duration_s * 1.15
    items = len(mission_items(plan, plan.sorties[0]))
    jobs = []
    for drill in _DRILLS:
        for _ in range(_MOMENTS):
            at = round(rng.uniform(1.0, flight_s), 1)
            fault = drill.fault.format(at=at, item=rng.randrange(1, items))
            jobs.append((drill, fault, rng.randrange(10**6)))

    def fly(job: tuple[_Drill, str, int]) -> str | None:
        drill, fault, number = job
        try:
            wrong = _flown(plan, drill, fault, number)
        except subprocess.TimeoutExpired:
            wrong = f"did not end within {_LIMIT_S:.0f} s"
        return None if wrong is None else f"{fault} (seed {number}): {wrong}"

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done, wrong in enumerate(pool.map(fly, jobs), 1):
            tally.runs += 1
            if wrong is not None:
                tally.wrong.append(wrong)
                print(wrong, flush=True)
            if done % _MOMENTS == 0:
                print(
                    f"{jobs[done - 1][0].fault}: {done} flights, {len(tally.wrong)} wrong",
                    flush=True,
                )
    return tally


def _flown(plan: Plan, drill: _Drill, fault: str, seed: int) -> str | None:
    """What is wrong with a flight that had this fault; None where nothing is."""
    with tempfile.TemporaryDirectory(prefix="drill") as name:
        folder = Path(name)
        plan.write(folder)
        # A lost vehicle is not waited for as long as an operator would.
        environment = {**os.environ, "RIVER_PATROL_LOST_S": "3" if drill.ends_lost else "60"}
        done = subprocess.run(
            [
                sys.executable, "-m", "api", "fly", str(folder), "--json",
                "--speedup", str(_SPEEDUP), "--silence", str(_SILENCE_S), "--seed", str(seed),
                "--wind", "3", "--fault", fault,
            ],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=_LIMIT_S,
            check=False,
        )  # fmt: skip
        if "Traceback" in done.stderr:
            return f"a traceback: {done.stderr.strip().splitlines()[-1]}"
        try:
            result: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            return f"no result, exit code {done.returncode}: {done.stderr.strip()[-200:]}"
        if done.returncode not in drill.codes:
            return f"exit code {done.returncode}: {result['reason']}"
        if drill.ends_flight and done.returncode == _COMPLETE:
            rows = Telemetry.read(folder / "flight" / "sortie-01.parquet")
            lasted_s = rows.time_s[-1] - rows.time_s[0]  # from arming, some seconds before take-off
            if lasted_s > float(fault.partition("@")[2]) + _ARMED_BEFORE_S:
                return f"complete after {lasted_s:.0f} s"
        return _record_wrong(plan, folder, done.returncode) or _rest_wrong(
            plan, folder, result, done.returncode
        )


def _record_wrong(plan: Plan, folder: Path, code: int) -> str | None:
    """Is all in the Parquet file that the log has, up to the ground?"""
    path = folder / "flight" / "sortie-01.parquet"
    if code == _REFUSED:
        return "refused, but something was recorded" if path.exists() else None
    rows = Telemetry.read(path)
    items = mission_items(plan, plan.sorties[0])
    log, _ = recorded(folder / "flight" / "sortie-01.tlog", items, 1)
    if len(log) > len(rows) + 3:  # the record begins a moment after arming is heard of
        return f"{len(rows)} rows of {len(log)} in the log"
    lines = (folder / "flight" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    if not any("armed" in text for text in texts) or "sortie 1" not in texts[-1]:
        return "the events do not tell the flight from arming to its end"
    reboot = any("restarted" in text for text in texts)
    if code != _LOST and not reboot and rows.above_launch_m[-1] > 4.0:
        return f"ended {rows.above_launch_m[-1]:.0f} m up"
    return None


def _rest_wrong(plan: Plan, folder: Path, result: dict[str, Any], code: int) -> str | None:
    """Does what was seen and what is planned anew cover what was planned?"""
    if code == _REFUSED:
        return None
    seen = flown_ground(plan, Telemetry.read(folder / "flight" / "sortie-01.parquet"))
    covered = certificate_with(plan, seen)
    if covered.share >= plan.certificate.share - 1e-6:
        return None
    if "missing_plan" not in result:
        return f"{100 * covered.share:.1f} % seen and no plan for the rest"
    rest = Plan.read(Path(result["missing_plan"]))
    for gap in covered.uncovered:
        planned = [r for r in rest.reaches if r.river == gap.river]
        inside = any(r.from_m <= gap.from_m + 0.5 and gap.to_m - 0.5 <= r.to_m for r in planned)
        if not inside:
            return f"{gap.river} {gap.from_m:.0f}-{gap.to_m:.0f} m is not in the plan for the rest"
    if rest.certificate.share < 1.0 - 1e-6:
        left = np.sum([u.to_m - u.from_m for u in rest.certificate.uncovered])
        return f"the plan for the rest leaves {left:.0f} m out"
    return None
