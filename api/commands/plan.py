"""`patrol plan`: from a study area to flight lines and sorties."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import JsonFlag, emit, note

if TYPE_CHECKING:
    from patrol.area import StudyArea
    from patrol.plan import Plan

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    @app.command(
        help="规划 Plan flight lines that see both banks of the rivers, and sorties that the "
        "battery can fly. Writes plan.json and lanes.geojson into the patrol folder."
    )
    def plan(
        area: Annotated[Path, typer.Argument(help="Study area's folder (GeoJSON layers).")],
        out: Annotated[Path, typer.Option(help="Patrol folder to write into.")],
        camera: Annotated[
            str, typer.Option(help="m3e, m3t, m30t, m4e, p4rtk or mini4pro (video 1920x1080).")
        ] = "m3e",
        gsd_cm: Annotated[
            float, typer.Option(help="Ground sample distance, cm a pixel; sets the height.")
        ] = 3.5,
        speed: Annotated[float, typer.Option(help="Ground speed, m/s.")] = 8.0,
        strip: Annotated[
            float, typer.Option(help="Metres beyond the water's edge to see on either bank.")
        ] = 15.0,
        sidelap: Annotated[
            float, typer.Option(help="Share of a picture that neighbouring lanes share.")
        ] = 0.2,
        river: Annotated[
            list[str] | None, typer.Option(help="Only this river, by code; may be repeated.")
        ] = None,
        from_m: Annotated[
            float | None, typer.Option(help="Stretch of one --river: begin here, metres along it.")
        ] = None,
        to_m: Annotated[
            float | None, typer.Option(help="Stretch of one --river: end here, metres along it.")
        ] = None,
        battery_wh: Annotated[
            float | None, typer.Option(help="Battery energy; default: the aircraft's own.")
        ] = None,
        reserve: Annotated[
            float, typer.Option(help="Share of the battery kept in reserve at landing.")
        ] = 0.25,
        as_json: JsonFlag = False,
    ) -> None:
        from geo.layers import write_layer
        from patrol.area import StudyArea
        from patrol.planning.layers import lane_features
        from patrol.planning.planner import chosen_reaches, plan_area
        from patrol.planning.settings import PlanSettings

        settings = PlanSettings(
            camera=camera,
            gsd_m=gsd_cm / 100,
            speed_m_s=speed,
            strip_m=strip,
            sidelap=sidelap,
            battery_wh=battery_wh,
            reserve_share=reserve,
        )
        study_area = StudyArea.read(area)
        if not (area / "no_fly_zones.geojson").exists():
            note(f"注意 note: {area} has no no_fly_zones.geojson; planned as if there were none")
        reaches = chosen_reaches(study_area, river or (), from_m, to_m)
        made = plan_area(study_area, settings, reaches)
        stale = [name for name in ("flight", "footage") if (out / name).exists()]
        if stale:
            note(
                f"注意 note: {out} holds {' and '.join(stale)} of an earlier plan; "
                "fly and film again"
            )
        made.write(out)
        write_layer(out / "lanes.geojson", lane_features(made))
        emit(_summary(made, out), as_json=as_json, text=_table(made, study_area, out))


def _summary(plan: Plan, out: Path) -> dict[str, Any]:
    return {
        "plan": str(out / "plan.json"),
        "rivers_km": round(sum(r.to_m - r.from_m for r in plan.reaches) / 1000, 3),
        "height_agl_m": round(plan.height_agl_m, 1),
        "lanes": len(plan.lanes),
        "coverage_share": round(plan.coverage_share, 6),
        "uncovered": [
            {"river": u.river, "from_m": u.from_m, "to_m": u.to_m, "reason": u.reason}
            for u in plan.uncovered
        ],
        "sorties": [
            {
                "id": s.id,
                "launch_site": s.launch_site,
                "length_m": round(s.length_m, 1),
                "minutes": round(s.duration_s / 60, 2),
                "battery_share": round(s.energy_wh / plan.battery_wh, 4),
            }
            for s in plan.sorties
        ],
    }


def _table(plan: Plan, area: StudyArea, out: Path) -> str:
    """The sorties as a table, what is covered, and what is not."""
    from rich.console import Console
    from rich.table import Table

    names = {site.code: site.name for site in area.launch_sites}
    rivers = {river.code: f"{river.name} {river.name_en}" for river in area.rivers}
    table = Table(title=f"{len(plan.sorties)} 个架次 sorties")
    for heading in ("架次 sortie", "起降点 launch site", "航线 lanes"):
        table.add_column(heading)
    for heading in ("公里 km", "分钟 min", "电量 battery"):
        table.add_column(heading, justify="right")
    for sortie in plan.sorties:
        lanes = dict.fromkeys(w.lane for w in sortie.waypoints if w.lane)
        table.add_row(
            str(sortie.id),
            f"{sortie.launch_site} {names[sortie.launch_site]}",
            " ".join(lanes),
            f"{sortie.length_m / 1000:.2f}",
            f"{sortie.duration_s / 60:.1f}",
            f"{100 * sortie.energy_wh / plan.battery_wh:.0f} %",
        )
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    length_km = sum(r.to_m - r.from_m for r in plan.reaches) / 1000
    lines = [
        capture.get().rstrip(),
        f"{length_km:.2f} km of river, {plan.height_agl_m:.1f} m above ground, GSD "
        f"{plan.gsd_m * 100:g} cm; covered 覆盖 {100 * plan.coverage_share:.2f} % of the corridor",
    ]
    for part in plan.uncovered:
        lines.append(
            f"  not seen 未覆盖: {part.river} {rivers[part.river]} "
            f"{part.from_m:.0f}-{part.to_m:.0f} m: {part.reason}"
        )
    return "\n".join([*lines, f"written 已写入: {out / 'plan.json'}"])
