"""`patrol compare`: what changed since an earlier patrol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.common import JsonFlag, emit, note, progress

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["register"]

_STRIP_M = 12.0
_WATER_MARGIN_M = 2.0
_WORDS = {
    "new": "新增", "still_there": "仍在", "grown": "扩大", "shrunk": "缩小", "gone": "消失",
    "not_found": "未再发现 (待核)", "not_looked_at": "本次未看到该处", "first_seen": "首次看到该处",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    @app.command(
        help="对照 Compare two analysed patrols of one reach: what is new, still there, grown, "
        "gone, or was not looked at this time, with before and after pictures laid over one "
        "another. Writes comparison.geojson, pairs/ and manifest.json."
    )
    def compare(
        earlier: Annotated[Path, typer.Argument(help="Folder of the earlier analysed patrol.")],
        later: Annotated[Path, typer.Argument(help="Folder of the later analysed patrol.")],
        out: Annotated[
            Path | None,
            typer.Option(help="Where to write [default: LATER/comparison-EARLIER's name]."),
        ] = None,
        area: Annotated[
            Path | None,
            typer.Option(
                help="Study area: change on its banks is looked for, also where nothing was found."
            ),
        ] = None,
        earlier_footage: Annotated[
            Path | None, typer.Option(help="Where EARLIER's recordings lie, if not in its folder.")
        ] = None,
        later_footage: Annotated[
            Path | None, typer.Option(help="Where LATER's recordings lie, if not in its folder.")
        ] = None,
        as_json: JsonFlag = False,
    ) -> None:
        from detection.comparison.compare import compare as run

        bank = _bank(area) if area is not None else None
        name = earlier.absolute().name
        with progress("对照 compare", unit="") as advance:
            done = run(
                earlier, later, out or later / f"comparison-{name}",
                footage=(earlier_footage, later_footage), bank=bank, advance=advance, note=note,
            )  # fmt: skip
        for line in done.warnings:
            note(f"注意 note: {line}")
        result = {
            "out": str(done.out), "outcomes": dict(done.counts), "pairs": done.pairs,
            "bank_changes": done.bank_changes,
            "offset_m": [round(v, 3) for v in done.offset_m], "matches": done.matches,
            "warnings": list(done.warnings),
        }  # fmt: skip
        found = ", ".join(
            f"{_WORDS[kind]} {kind.replace('_', ' ')} {count}"
            for kind, count in done.counts.items()
            if count
        )
        if done.bank_changes:
            found += f", 河岸变化 changed on the bank {done.bank_changes}"
        east, north = done.offset_m
        emit(
            result,
            as_json=as_json,
            text=f"{found or '无 nothing'}; positions differ by {east:+.1f} m east, {north:+.1f} m "
            f"north in common ({done.matches} matches); written to "
            f"{done.out / 'comparison.geojson'}",
        )


def _bank(area: Path) -> BaseGeometry:
    """The banks of a study area without the water, WGS-84."""
    import shapely

    from patrol.area import StudyArea

    study = StudyArea.read(area)
    water = shapely.union_all([study.water_m(river) for river in study.rivers])
    strip = water.buffer(_STRIP_M).difference(water.buffer(_WATER_MARGIN_M))
    return shapely.transform(strip, study.projection.inverse)
