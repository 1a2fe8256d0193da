"""`patrol fly`: fly a plan through dronekit, simulated or real, and record the telemetry."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import JsonFlag, emit, note, progress, stop

if TYPE_CHECKING:
    from patrol.export.route import Ring
    from patrol.flight.interrupts import Keys
    from patrol.flight.operation import Flown
    from patrol.flight.record.review import Review
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
    @app.command(
        help="飞行 Fly the plan's sorties, on simulated vehicles or connected ones. On the way "
        "Ctrl-C is 'return' and twice 'land here'; keys p pause, c resume, s skip a lane, "
        "r return, l land; so do `patrol tell` and the console. Exit code 0: all was flown; 1: "
        "nothing was armed; 3: broken off, on the ground; 4: contact lost; 5: the pilot took it "
        "down; 130: stopped by the operator."
    )
    def fly(
        patrol_dir: Annotated[Path, typer.Argument(help="Patrol folder with its plan.json.")],
        connect: Annotated[
            list[str] | None,
            typer.Option(
                help="Vehicle to fly, for example tcp:127.0.0.1:5760 (ArduPilot's SITL); several "
                "fly at once. Without it simulated vehicles of our own are started."
            ),
        ] = None,
        vehicles: Annotated[
            int, typer.Option(help="Simulated vehicles that fly at once.", min=1, max=20)
        ] = 1,
        sortie: Annotated[
            list[int] | None,
            typer.Option(help="Fly only this sortie; may be given several times."),
        ] = None,
        resume: Annotated[
            bool,
            typer.Option(
                "--resume",
                help="Take over a flight whose program ended: a vehicle still in the air is "
                "watched to the ground, the record made whole, and what was not begun is flown.",
            ),
        ] = False,
        fence: Annotated[
            Path | None,
            typer.Option(help="Polygon (GeoJSON) to stay within, in place of the plan's fence."),
        ] = None,
        arducopter: Annotated[
            Path | None,
            typer.Option(
                help="ArduPilot's SITL executable (arducopter): simulate with that, at most ten "
                "times as fast as real time."
            ),
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
                help="Drill: make simulated vehicle 1 fail, in seconds after take-off, as "
                "gps@60+10, battery@60=15 (percent left), link@60+20, loss@0=20 (percent), "
                "pilot@60=LOITER, arming, item@3. May be repeated; see docs/flight.md."
            ),
        ] = None,
        faults: Annotated[
            Path | None, typer.Option(help="Drill: a file of such faults, one a line.")
        ] = None,
        silence: Annotated[
            float, typer.Option(help="Seconds without a message until contact counts as lost.")
        ] = 10.0,
        lost: Annotated[
            float,
            typer.Option(
                help="Seconds that a lost vehicle is waited for.", envvar="RIVER_PATROL_LOST_S"
            ),
        ] = 300.0,
        as_json: JsonFlag = False,
    ) -> None:
        from patrol.flight.interrupts import Keys
        from patrol.flight.operation import Simulation, fly_patrol
        from patrol.flight.record.review import review
        from patrol.flight.sight import Limits
        from patrol.plan import Plan
        from patrol.simulation.vehicle import Fault, read_faults

        plan = Plan.read(patrol_dir)
        drills = (
            *(Fault.parse(text) for text in fault or ()),
            *(read_faults(faults) if faults else ()),
        )
        if (connect or arducopter) and drills:
            stop("--fault is for our own simulated vehicles; leave out --connect and --arducopter")
        chosen = [plan.sortie(i) for i in sortie] if sortie else list(plan.sorties)
        started = time.monotonic()
        seen: list[Review] = []

        def reviewed(flown: Flown) -> float | None:
            if not any(r.path for r in flown.records):
                return None
            seen.append(review(patrol_dir, plan, flown.left))
            return seen[0].seen.share

        with Keys() as keys, progress("飞行 flying", sum(s.length_m for s in chosen), "m") as bar:
            if keys.live:
                note(
                    "按键 keys: p 暂停 pause, c 继续 resume, s 跳过 skip, r 返航 return, "
                    "l 降落 land"
                )
            flown = fly_patrol(
                patrol_dir,
                plan,
                sorties=sortie,
                connect=connect or (),
                vehicles=vehicles,
                simulation=Simulation(
                    _start_s(start), speedup, wind, seed, drills, arducopter=arducopter
                ),
                silence_s=silence,
                limits=Limits(lost_wall_s=lost),
                fence=_ring(fence) if fence else None,
                resume=resume,
                on_distance=bar,
                on_event=_tell,
                before_sortie=_ready(keys, bool(connect)),
                keys=keys,
                reviewer=reviewed,
            )
        result, lines = _told(
            patrol_dir, flown, seen[0] if seen else None, time.monotonic() - started
        )
        emit(result, as_json=as_json, text="\n".join(lines))
        if flown.ending:
            note(f"错误 error: {flown.reason}")
            raise typer.Exit(int(flown.ending))


def _told(
    folder: Path, flown: Flown, found: Review | None, wall_s: float
) -> tuple[dict[str, Any], list[str]]:
    """The result as JSON and as lines: what was flown, what was seen, what is still missing."""
    from api.commands.plan import write_plan
    from api.commands.plan_report import plan_table

    records = flown.records
    flown_m = sum(r.distance_m for r in records)
    flight_s = sum(r.duration_s for r in records)
    complete = sum(not r.ending for r in records)
    result: dict[str, Any] = {
        "patrol": str(folder),
        "ending": flown.ending.name.lower(),
        "reason": flown.reason,
        "sorties": [r.as_dict() for r in records],
        "not_begun": list(flown.left),
        "distance_m": round(flown_m, 1),
        "flight_s": round(flight_s, 1),
        "operating_s": round(flown.operating_s, 1),
        "wall_s": round(wall_s, 1),
    }
    lines = [
        f"已飞 {complete} 架次 flew {complete} sorties whole: {flown_m / 1000:.2f} km in "
        f"{flight_s / 60:.1f} min of flight ({wall_s:.0f} s of waiting); "
        f"record in {folder / 'flight'}"
    ]
    if found is None:
        return result, lines
    share, bank_m = found.seen.share, found.seen.metres
    result["seen_share"] = round(share, 5)
    lines.append(f"航迹检查 seen by the flown track: {100 * share:.1f} % of {bank_m:.0f} m of bank")
    if found.missing is not None:
        again = folder / "missing"
        write_plan(found.missing, again)
        result["missing_plan"] = str(again / "plan.json")
        lines.append(f"遗漏另行规划 what is missing is planned anew: patrol fly {again}")
        lines.append(plan_table(found.missing, again))
    elif found.why_not:
        result["missing_why"] = found.why_not
        lines.append(f"遗漏无法规划 what is missing cannot be planned: {found.why_not}")
    return result, lines


def _ring(path: Path) -> Ring:
    """The first polygon of a GeoJSON file as a ring."""
    from shapely.geometry import Polygon

    from geo.layers import read_layer
    from patrol.export.route import ring_of

    shapes = [f.geometry for f in read_layer(path)]
    if len(shapes) != 1 or not isinstance(shapes[0], Polygon) or shapes[0].interiors:
        stop(f"{path}: a fence is one polygon without holes")
    return ring_of(shapes[0].exterior.coords)


def _tell(level: str, text: str) -> None:
    """Show notices and worse at once; everything is in events.jsonl."""
    if level in ("emergency", "alert", "critical", "error", "warning", "notice"):
        note(f"[{level}] {text}")


def _ready(keys: Keys, connected: bool) -> Callable[[int, Sortie, Callable[[], bool]], None]:
    """Before each sortie of a connected vehicle: give the operator time to place it."""

    def ready(vehicle: int, sortie: Sortie, stopped: Callable[[], bool]) -> None:
        if connected and keys.live:
            where = f"{sortie.launch.lon_deg:.6f}, {sortie.launch.lat_deg:.6f}"
            note(
                f"架次 {sortie.id}: 请将飞机 {vehicle} 置于起飞点 {sortie.launch_site} "
                "并换好电池，回车继续"
            )
            note(
                f"sortie {sortie.id}: vehicle {vehicle} at {sortie.launch_site} ({where}), "
                "fresh battery; Enter"
            )
            keys.wait_for_enter(stopped)

    return ready
