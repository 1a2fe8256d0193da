"""`patrol export`: mission files for ground stations."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import JsonFlag, emit, note

__all__ = ["register"]


class Format(StrEnum):
    PLAN = "plan"
    WAYPOINTS = "waypoints"
    WPML = "wpml"
    LITCHI = "litchi"
    KML = "kml"
    GEOJSON = "geojson"


def register(app: typer.Typer) -> None:
    @app.command(
        help="导出 Write the sorties as mission files, one a sortie: QGroundControl .plan (lanes "
        "as editable corridors, fence, rally point), .waypoints (Mission Planner, MAVProxy), DJI "
        "WPML .kmz, Litchi .csv, and .kml and .geojson to look at. What a format cannot carry is "
        "said."
    )
    def export(
        patrol: Annotated[Path, typer.Argument(help="Patrol folder with plan.json.")],
        format_: Annotated[
            list[Format] | None,
            typer.Option(
                "--format",
                help="plan, waypoints, wpml, litchi, kml or geojson; may be repeated. Default: "
                "plan and waypoints.",
            ),
        ] = None,
        as_json: JsonFlag = False,
    ) -> None:
        from patrol.export import DEFAULT_FORMATS, export_losses, export_sorties
        from patrol.plan import Plan

        formats = list(dict.fromkeys(str(name) for name in format_ or DEFAULT_FORMATS))
        plan = Plan.read(patrol)
        names = [str(path) for path in export_sorties(plan, patrol / "export", formats)]
        losses = export_losses(plan, formats)
        for name, lines in losses.items():
            for line in lines:
                note(f"{name}: {line}")
        emit({"files": names, "losses": losses}, as_json=as_json, text="\n".join(names))
