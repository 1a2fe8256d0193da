"""`patrol fly`: fly a plan through dronekit, simulated or real, and record the telemetry."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.common import JsonFlag, emit, note, progress, stop

if TYPE_CHECKING:
    from patrol.plan import Sortie

__all__ = ["register"]

DEFAULT_START = "2026-05-20T01:00:00Z"


def _start_s(text: str) -> float:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        stop(f"--start {text!r} is not a time; write for example {DEFAULT_START}")
    if when.tzinfo is None:
        stop(f"--start {text!r} has no time zone; write for example {DEFAULT_START}")
    return when.astimezone(UTC).timestamp()


def register(app: typer.Typer) -> None:
    @app.command(help="飞行 Fly the plan's sorties, on a simulated vehicle or a connected one.")
    def fly(
        patrol_dir: Annotated[Path, typer.Argument(help="Patrol folder with its plan.json.")],
        connect: Annotated[
            str | None,
            typer.Option(
                help="Vehicle to fly, for example tcp:127.0.0.1:5760 (ArduPilot's SITL). "
                "Without it a simulated vehicle of our own is started."
            ),
        ] = None,
        sortie: Annotated[
            list[int] | None,
            typer.Option(help="Fly only this sortie; may be given several times."),
        ] = None,
        speedup: Annotated[
            float, typer.Option(help="Simulated seconds in one second, at most.", min=0.5, max=1000)
        ] = 100.0,
        wind: Annotated[
            float, typer.Option(help="Mean wind of the simulation in m/s.", min=0, max=15)
        ] = 3.0,
        seed: Annotated[int, typer.Option(help="Seed of wind and position errors.")] = 0,
        start: Annotated[
            str, typer.Option(help="Time at which the simulation begins, with its zone.")
        ] = DEFAULT_START,
        fault: Annotated[
            list[str] | None,
            typer.Option(
                help="Drill: make the simulated vehicle fail, in seconds after take-off: gps@60, "
                "battery@60=15 (percent left), link@60, arming, item@3. May be repeated."
            ),
        ] = None,
        as_json: JsonFlag = False,
    ) -> None:
        from patrol.plan import Plan
        from patrol.simulation.vehicle import Fault

        plan = Plan.read(patrol_dir)
        faults = tuple(Fault.parse(text) for text in fault or ())
        if connect and faults:
            stop("--fault is for the simulated vehicle; leave out --connect")
        from patrol.flight.operation import Simulation, fly_patrol

        chosen = [plan.sortie(i) for i in sortie] if sortie else list(plan.sorties)
        planned_m = sum(s.length_m for s in chosen)
        started = time.monotonic()
        with _keeping(patrol_dir), progress("飞行 flying", planned_m, "m") as advance:
            records = fly_patrol(
                patrol_dir,
                plan,
                sorties=sortie,
                connect=connect,
                simulation=Simulation(_start_s(start), speedup, wind, seed, faults),
                on_distance=advance,
                on_event=_tell,
                before_sortie=_ready if connect else lambda sortie: None,
            )
        wall_s = time.monotonic() - started
        flown_m = sum(r.distance_m for r in records)
        flight_s = sum(r.duration_s for r in records)
        result = {
            "patrol": str(patrol_dir),
            "sorties": [r.as_dict() for r in records],
            "distance_m": round(flown_m, 1),
            "flight_s": round(flight_s, 1),
            "wall_s": round(wall_s, 1),
        }
        text = (
            f"已飞 {len(records)} 架次 flew {len(records)} sorties: {flown_m / 1000:.2f} km in "
            f"{flight_s / 60:.1f} min of flight ({wall_s:.0f} s of waiting); "
            f"record in {patrol_dir / 'flight'}"
        )
        emit(result, as_json=as_json, text=text)


@contextmanager
def _keeping(patrol_dir: Path) -> Iterator[None]:
    """Say where the record is when the operator stops the flight."""
    try:
        yield
    except KeyboardInterrupt:
        note(f"已中止，记录保留 stopped; what was flown is kept in {patrol_dir / 'flight'}")
        raise


def _tell(level: str, text: str) -> None:
    """Show warnings and worse at once; everything is in events.jsonl."""
    if level in ("emergency", "alert", "critical", "error", "warning"):
        note(f"[{level}] {text}")


def _ready(sortie: Sortie) -> None:
    """Before each sortie of a connected vehicle: give the operator time to place it."""
    if sys.stdin.isatty():
        where = f"{sortie.launch.lon_deg:.6f}, {sortie.launch.lat_deg:.6f}"
        note(f"架次 {sortie.id}: 请将飞机置于起飞点 {sortie.launch_site} 并换好电池，回车继续")
        note(f"sortie {sortie.id}: vehicle at {sortie.launch_site} ({where}), fresh battery; Enter")
        sys.stdin.readline()
