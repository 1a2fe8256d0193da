"""`patrol open-cases`: sightings to reports, cases and dispatch orders."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import JsonFlag, emit

if TYPE_CHECKING:
    from api.intake import Intake

__all__ = ["register"]

_MOST_ROWS = 60


def register(app: typer.Typer) -> None:
    @app.command(
        "open-cases",
        help="派单 Open a case for every sighting of an analysed patrol and dispatch it to the "
        "department that answers for it. Writes PATROL_DIR/cases.json. Running it again opens "
        "nothing twice.",
    )
    def open_cases(
        patrol_dir: Annotated[Path, typer.Argument(help="An analysed patrol's folder.")],
        area: Annotated[
            Path,
            typer.Option(help="Study area's folder: communities, zones, departments."),
        ],
        database: Annotated[
            str | None,
            typer.Option(
                envvar="RIVER_PATROL_DATABASE",
                help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME "
                "[default: river-patrol.db in PATROL_DIR]",
            ),
        ] = None,
        now: Annotated[
            str | None,
            typer.Option(help="Time of dispatch, ISO 8601 with a zone [default: the clock]."),
        ] = None,
        register_from: Annotated[
            float,
            typer.Option(
                min=0.0, max=1.0,
                help="Sightings less sure than this are reported but wait for a reviewer.",
            ),
        ] = 0.5,
        as_json: JsonFlag = False,
    ) -> None:  # fmt: skip
        from api.intake import District, Sightings, cases_document
        from api.intake import open_cases as take_in
        from dispatch.store import Store
        from dispatch.values import parse_time
        from geo.files import write_text

        at = parse_time(now, "--now") if now else datetime.now(UTC).replace(microsecond=0)
        district = District.read(area)
        sightings = Sightings.read(patrol_dir)
        with Store.open(database or default_database(patrol_dir)) as store:
            intake = take_in(sightings, district, store, now=at, register_from=register_from)
            document = cases_document(store, intake)
        path = patrol_dir / "cases.json"
        write_text(path, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
        result = document | {"opened": list(intake.opened), "known": list(intake.known)}
        emit(result, as_json=as_json, text="" if as_json else _text(document, intake, path))


def default_database(patrol_dir: Path) -> str:
    """Where the cases of a patrol folder are kept unless one says otherwise."""
    return f"sqlite:///{patrol_dir / 'river-patrol.db'}"


def _text(document: dict[str, Any], intake: Intake, path: Path) -> str:
    from rich.console import Console
    from rich.table import Table

    table = Table("案件 Case", "类别 Class", "把握 Conf.", "社区 Community", "部门 Department",
                  "接单期限 Accept by", "状态 State")  # fmt: skip
    rows = document["cases"] + document["to_review"]
    for row in rows[:_MOST_ROWS]:
        order = row["order"]
        communities = ", ".join(
            f"{share['name']} {share['probability']:.0%}" for share in row["communities"][:2]
        )
        table.add_row(
            row["number"],
            f"{row['class_name']} {row['class']}",
            f"{row['confidence']:.2f}",
            communities,
            order["department_name"] if order else "-",
            order["accept_by"] if order else "待复核 to review",
            f"{row['state_name']} {row['state']}",
        )
    out = io.StringIO()
    width = None if Console().is_terminal else 160
    console = Console(file=out, width=width, force_terminal=Console().is_terminal)
    if table.row_count:
        console.print(table)
    if len(rows) > _MOST_ROWS:
        console.print(f"… 另有 {len(rows) - _MOST_ROWS} 件 more in {path}", soft_wrap=True)
    console.print(
        f"新开 opened {len(intake.opened)}, 已有 known {len(intake.known)}, "
        f"待复核 to review {len(document['to_review'])}, "
        f"不涉嫌 dismissed {len(intake.dismissed)} -> {path}",
        soft_wrap=True, highlight=False, markup=False,
    )  # fmt: skip
    return out.getvalue().rstrip()
