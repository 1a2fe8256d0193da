"""`patrol check` and `patrol resume`: prove a plan again; fly what is left or was not seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.common import JsonFlag, emit, note
from api.commands.plan import write_plan
from api.commands.plan_report import (
    certificate_lines,
    certificate_summary,
    plan_summary,
    plan_table,
)

if TYPE_CHECKING:
    from patrol.plan import Certificate, Plan

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    @app.command(
        help="检查 Prove a plan again from its file alone: what it covers, and that every leg "
        "keeps out of the zones, above the ground, below the ceiling and within the battery. With "
        "--flown, say what a recorded flight has really seen. Exit code 1 where something is wrong."
    )
    def check(
        plan: Annotated[Path, typer.Argument(help="plan.json, or the patrol folder with it.")],
        flown: Annotated[
            list[Path] | None,
            typer.Option(help="Recorded telemetry (.parquet), or a folder of it; may be repeated."),
        ] = None,
        missing: Annotated[
            Path | None,
            typer.Option(help="Plan what is not seen anew, into this patrol folder."),
        ] = None,
        as_json: JsonFlag = False,
    ) -> None:
        from patrol.plan import Plan
        from patrol.planning.check import check_plan
        from patrol.planning.resume import plan_missing

        made = Plan.read(plan)
        findings = check_plan(made)
        certificate = _flown(made, flown) if flown else findings.certificate
        lines = [f"有误 wrong: {problem}" for problem in findings.problems]
        lines += certificate_lines(certificate, made)
        lines += [] if findings.problems else ["计划成立 the plan holds"]
        result = {
            "problems": list(findings.problems),
            "flown": bool(flown),
            **certificate_summary(certificate),
        }
        if missing is not None:
            again = plan_missing(made, certificate)
            if again is None:
                note("没有遗漏 nothing is missing; no new plan was written")
            else:
                write_plan(again, missing)
                result["missing_plan"] = plan_summary(again, missing)
                lines.append(plan_table(again, missing))
        emit(result, as_json=as_json, text="\n".join(lines))
        if findings.problems:
            raise typer.Exit(1)

    @app.command(
        help="接续 Plan what is left of a sortie that was broken off: from the last waypoint "
        "passed, with camera, gimbal and speed set again."
    )
    def resume(
        plan: Annotated[Path, typer.Argument(help="plan.json, or the patrol folder with it.")],
        out: Annotated[Path, typer.Option(help="Patrol folder to write the new plan into.")],
        sortie: Annotated[int, typer.Option(help="The sortie that was broken off.")],
        seq: Annotated[
            int, typer.Option(help="The mission item that was being flown to (MISSION_CURRENT).")
        ],
        png: Annotated[bool, typer.Option("--png", help="Draw plan.png too.")] = False,
        html: Annotated[bool, typer.Option("--html", help="Write plan.html too.")] = False,
        as_json: JsonFlag = False,
    ) -> None:
        from patrol.errors import PlanFileError
        from patrol.plan import Plan
        from patrol.planning.resume import resume as resumed

        if (out / "plan.json").exists() and plan.resolve() in (
            out.resolve(),
            (out / "plan.json").resolve(),
        ):
            raise PlanFileError(f"{out}: holds the plan itself; give another folder with --out")
        made = resumed(Plan.read(plan), sortie, seq)
        write_plan(made, out, png=png, html=html)
        emit(plan_summary(made, out), as_json=as_json, text=plan_table(made, out))


def _flown(plan: Plan, paths: list[Path]) -> Certificate:
    from patrol.errors import TelemetryError
    from patrol.planning.flown import flown_certificate
    from patrol.telemetry import Telemetry

    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        if not found:
            raise TelemetryError(f"{path}: no .parquet in this folder; run `patrol fly` first")
        files += found
    return flown_certificate(plan, [Telemetry.read(file) for file in files])
