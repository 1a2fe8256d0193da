"""A plan for people and for programs: the table on the terminal, and the JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patrol.plan import Certificate, Plan

__all__ = ["certificate_lines", "certificate_summary", "plan_summary", "plan_table"]

_MOST_LINES = 12


def plan_summary(plan: Plan, out: Path) -> dict[str, Any]:
    """What `patrol plan --json` prints."""
    operation, settings = plan.operation, plan.settings
    return {
        "plan": str(out / "plan.json"),
        "rivers_km": round(sum(r.to_m - r.from_m for r in plan.reaches) / 1000, 3),
        "height_agl_m": round(settings.height_m, 1),
        "speed_m_s": round(settings.speed_m_s, 2),
        "lanes": len(plan.lanes),
        **certificate_summary(plan.certificate),
        "operating_min": round(operation.operating_s / 60, 2),
        "lower_bound_min": round(operation.lower_bound_s / 60, 2),
        "gap_share": round(operation.gap_share, 4),
        "sorties": [
            {
                "id": s.id,
                "launch_site": s.launch_site,
                "length_m": round(s.length_m, 1),
                "minutes": round(s.duration_s / 60, 2),
                "battery_share": round(s.energy_wh / settings.own_battery_wh, 4),
            }
            for s in plan.sorties
        ],
        "notes": list(plan.notes),
    }


def certificate_summary(certificate: Certificate) -> dict[str, Any]:
    """The certificate's figures and what is not covered."""
    return {
        "coverage_share": round(certificate.share, 6),
        "area_share": round(certificate.area_share, 6),
        "bank_m": round(certificate.metres, 1),
        "uncovered": [
            {
                "river": u.river,
                "bank": u.bank,
                "from_m": round(u.from_m, 1),
                "to_m": round(u.to_m, 1),
                "reason": u.reason,
            }
            for u in certificate.uncovered
        ],
    }


def certificate_lines(certificate: Certificate, plan: Plan) -> list[str]:
    """What is covered and what is not, in words."""
    names = {river.code: f"{river.name} {river.name_en}" for river in plan.rivers}
    banks = {"left": "左岸 left bank", "right": "右岸 right bank"}
    lines = [
        f"覆盖 covered: {100 * certificate.share:.2f} % of {certificate.metres:.0f} m of bank, "
        f"{100 * certificate.area_share:.2f} % of the corridor's area"
    ]
    for part in certificate.uncovered[:_MOST_LINES]:
        lines.append(
            f"  未覆盖 not seen: {part.river} {names[part.river]}, {banks[part.bank]}, "
            f"{part.from_m:.0f}-{part.to_m:.0f} m: {part.reason}"
        )
    if len(certificate.uncovered) > _MOST_LINES:
        more = len(certificate.uncovered) - _MOST_LINES
        lines.append(f"  … 另有 and {more} more (plan.json lists all)")
    return lines


def plan_table(plan: Plan, out: Path) -> str:
    """The sorties as a table, what is covered, how long it takes and how good that is."""
    from rich.console import Console
    from rich.table import Table

    names = {site.code: site.name for site in plan.launch_sites}
    settings, operation = plan.settings, plan.operation
    table = Table(title=f"{len(plan.sorties)} 个架次 sorties")
    for heading in ("架次 sortie", "起降点 launch site", "航线 lanes"):
        table.add_column(heading)
    for heading in ("公里 km", "分钟 min", "落地电量 battery left"):
        table.add_column(heading, justify="right")
    for sortie in plan.sorties:
        lanes = dict.fromkeys(w.lane for w in sortie.waypoints if w.lane)
        table.add_row(
            str(sortie.id),
            f"{sortie.launch_site} {names[sortie.launch_site]}",
            " ".join(lanes),
            f"{sortie.length_m / 1000:.2f}",
            f"{sortie.duration_s / 60:.1f}",
            f"{100 * (1 - sortie.energy_wh / settings.own_battery_wh):.0f} %",
        )
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    length_km = sum(r.to_m - r.from_m for r in plan.reaches) / 1000
    lines = [
        capture.get().rstrip(),
        f"{length_km:.2f} km of river, {settings.height_m:.1f} m above ground at "
        f"{settings.speed_m_s:.1f} m/s, GSD {settings.gsd_m * 100:g} cm",
        *certificate_lines(plan.certificate, plan),
        f"作业时间 operating time: {operation.operating_s / 60:.1f} min (flight "
        f"{operation.flight_s / 60:.1f}, of which ferry {operation.ferry_s / 60:.1f}; on the "
        f"ground {operation.ground_s / 60:.1f}); 下界 no plan of these lanes takes less than "
        f"{operation.lower_bound_s / 60:.1f} min, gap {100 * operation.gap_share:.1f} %",
        f"written 已写入: {out / 'plan.json'}",
    ]
    return "\n".join(lines)
