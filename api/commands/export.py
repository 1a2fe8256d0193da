"""`patrol export`: mission files for ground stations."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import JsonFlag, emit

__all__ = ["register"]


class Format(StrEnum):
    PLAN = "plan"
    WAYPOINTS = "waypoints"


def register(app: typer.Typer) -> None:
    @app.command(
        help="导出 Write the sorties as mission files: QGroundControl .plan (with fence and rally "
        "point) and .waypoints (Mission Planner, MAVProxy), one file a sortie."
    )
    def export(
        patrol: Annotated[Path, typer.Argument(help="Patrol folder with plan.json.")],
        format_: Annotated[
            list[Format] | None,
            typer.Option("--format", help="plan or waypoints; may be repeated. Default: both."),
        ] = None,
        as_json: JsonFlag = False,
    ) -> None:
        from patrol.export import FORMATS, export_sorties
        from patrol.plan import Plan

        formats = list(dict.fromkeys(str(name) for name in format_ or FORMATS))
        paths = export_sorties(Plan.read(patrol), patrol / "export", formats)
        names = [str(path) for path in paths]
        emit({"files": names}, as_json=as_json, text="\n".join(names))
