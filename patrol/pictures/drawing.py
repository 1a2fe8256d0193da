"""The picture of a plan: one sheet of A4 with the map and the sorties' table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Ellipse

from geo.files import replacing
from patrol.pictures import colours
from patrol.pictures.chart import Chart, chart_of
from patrol.pictures.figures import Facts, SortieFacts, facts
from patrol.pictures.fonts import Fonts, installed_fonts
from patrol.pictures.mapping import draw_map
from patrol.pictures.paper import HEIGHT, WIDTH, Paper
from patrol.pictures.words import (
    Said,
    cells,
    columns,
    counted,
    headline,
    settings_lines,
    total_cells,
    uncovered_text,
)
from patrol.plan import Plan

__all__ = ["draw_png"]

_MARGIN = 26.0
_INSIDE = WIDTH - 2 * _MARGIN
_LEAST_MAP = 330.0
_ROW, _SMALL_ROW = 12.6, 10.4
_MOST_UNSEEN, _MOST_NOTES = 6, 4
_SETTING_COLUMNS = 3


def draw_png(
    plan: Plan, target: Path | IO[bytes], dpi: float = 200.0, fonts: Fonts | None = None
) -> None:
    """Draw a plan on A4 as PNG: map, table of sorties, what is not covered, settings.

    `target` is a file, written whole or not at all, or something open for bytes. The picture is
    210 x 297 mm at `dpi`. `fonts` None takes what is installed; without Chinese
    characters among them everything is in English.
    """
    canvas = FigureCanvasAgg(_drawn(plan, fonts or installed_fonts()))
    if isinstance(target, Path):
        with replacing(target) as beside:
            canvas.print_figure(beside, format="png", dpi=dpi)
    else:
        canvas.print_figure(target, format="png", dpi=dpi)


def _drawn(plan: Plan, fonts: Fonts) -> Any:
    told, chart, paper = facts(plan), chart_of(plan), Paper(fonts)
    top = _head(paper, told)
    unseen = _unseen_lines(told, fonts)
    notes = _note_lines(told, fonts)
    settings = settings_lines(told)
    setting_rows = -(-len(settings) // _SETTING_COLUMNS)
    beneath = 48.0  # legend, the table's head, its last row
    beneath += sum(14 + _SMALL_ROW * len(lines) for lines in (unseen, notes) if lines)
    beneath += 10 + _SMALL_ROW * setting_rows + 4
    room = HEIGHT - _MARGIN - top - 16 - beneath
    fit = int((room - _LEAST_MAP) / _ROW)
    shown = told.sorties if len(told.sorties) <= fit else told.sorties[: fit - 1]
    more = len(told.sorties) - len(shown)
    height = room - _ROW * (len(shown) + (more > 0))
    axes = paper.axes_at(_MARGIN, top, _INSIDE, height)
    draw_map(axes, chart, fonts, plan.settings.wind, _INSIDE, height)
    y = _legend(paper, chart, top + height + 11)
    y = _table(paper, told, shown, more, y + 5)
    for title, lines, colour in (
        (Said("未覆盖的河岸", "banks not seen"), unseen, colours.UNSEEN_EDGE),
        (Said("说明", "notes"), notes, colours.INK),
    ):
        if lines:
            y += 12
            paper.text(_MARGIN, y, fonts.said(title), 7.6, bold=True, colour=colour)
            for line in lines:
                y += _SMALL_ROW
                paper.text(_MARGIN, y, line, 7.0, room=_INSIDE)
            y += 2
    _settings(paper, settings, HEIGHT - _MARGIN - _SMALL_ROW * (setting_rows - 1) - 2)
    return paper.figure


def _head(paper: Paper, told: Facts) -> float:
    """Title and large figures; returns where the map begins."""
    fonts = paper.fonts
    title = fonts.said(Said("河道巡查飞行计划", "River patrol plan"))
    x = paper.text(_MARGIN, 43, title, 15, bold=True)
    area = fonts.text(told.area)
    rivers = f"{told.river_km:.2f} km"
    river = Said(f"{len(told.rivers)} 条河", counted(len(told.rivers), "river"))
    line = " · ".join(part for part in (area, fonts.said(river), rivers) if part)
    room = WIDTH - _MARGIN - x - 14
    paper.text(WIDTH - _MARGIN, 43, line, 8.5, colour=colours.MUTED, align="right", room=room)
    rows = headline(told)
    step = _INSIDE / len(rows)
    for index, (name, value) in enumerate(rows):
        left = _MARGIN + index * step
        good = index > 0 or not told.uncovered
        paper.block(left, 53, step - 6, 38, fc="#f1f4f7" if good else "#fff3d6", ec="none")
        paper.text(left + 7, 65, fonts.said(name), 6.8, colour=colours.MUTED, room=step - 16)
        ink = colours.INK if good else colours.UNSEEN_EDGE
        text = fonts.first(value)
        size = min(13.0, 13.0 * (step - 18) / max(paper.width_of(text, 13.0, bold=True), 1.0))
        paper.text(left + 7, 83.5, text, size, bold=True, colour=ink)
    return 100.0


def _legend(paper: Paper, chart: Chart, y: float) -> float:
    """One line of signs; returns its base."""
    fonts, x, axes = paper.fonts, _MARGIN, paper.axes
    middle = y - 2.4
    signs = [
        ("lane", Said("航线", "lane")),
        ("ferry", Said("转场", "ferry")),
        ("site", Said("起降点", "launch site")),
        ("water", Said("水面", "water")),
    ]
    signs += [("zone", Said("禁飞区", "no-fly zone"))] if chart.zones else []
    signs += [("unseen", Said("未覆盖", "not seen"))] if chart.unseen else []
    for sign, name in signs:
        first = colours.SORTIES[0]
        match sign:
            case "lane":
                axes.plot([x, x + 16], [middle, middle], color=first, lw=1.5)
                axes.plot([x + 8.5], [middle], ">", color=first, ms=4.5, mew=0)
            case "ferry":
                axes.plot([x, x + 16], [middle, middle], color=first, lw=0.8, ls=(0, (4, 2.5)))
            case "site":
                axes.plot([x + 8], [middle], "^", color=colours.INK, ms=6.5, mew=0)
            case "water":
                style = {"fc": colours.WATER, "ec": colours.WATER_EDGE, "lw": 0.5}
                paper.block(x, middle - 3.5, 16, 7, **style)
            case "zone":
                style = {"fc": "none", "ec": colours.ZONE, "lw": 0.8, "hatch": "//////"}
                paper.block(x, middle - 3.5, 16, 7, hatch_linewidth=0.5, **style)
            case "unseen":
                style = {"fc": colours.UNSEEN, "ec": colours.UNSEEN_EDGE, "lw": 0.9}
                paper.block(x, middle - 3.5, 16, 7, **style)
        x = paper.text(x + 20, y, fonts.said(name), 7.0, colour=colours.MUTED) + 12
    return y


def _table(paper: Paper, told: Facts, shown: Sequence[SortieFacts], more: int, top: float) -> float:
    """The sorties, how many there are besides, and the sums; returns where the table ends."""
    fonts, right = paper.fonts, WIDTH - _MARGIN
    head = columns(told)
    unit = _INSIDE / sum(column.share for column in head)
    lefts = [_MARGIN]
    for column in head:
        lefts.append(lefts[-1] + unit * column.share)

    def row(y: float, texts: Sequence[str], size: float, **style: Any) -> None:
        for column, text, left, end in zip(head, texts, lefts, lefts[1:], strict=False):
            x, align = (end - 7, "right") if column.number else (left, "left")
            paper.text(x, y, text, size, align=align, room=end - left - 4, **style)

    y = top + 9
    if fonts.chinese:
        row(y, [column.name.zh for column in head], 7.2, bold=True)
        row(y + 8.5, [column.name.en for column in head], 6.2, colour=colours.MUTED)
    else:
        row(y + 6, [column.name.en for column in head], 6.8, bold=True)
    y = top + 22
    paper.rule(y, _MARGIN, right, colours.INK, 0.9)
    indices = {sortie.id: index for index, sortie in enumerate(told.sorties)}
    for number, sortie in enumerate(shown):
        if number % 2:
            paper.block(_MARGIN, y, _INSIDE, _ROW, fc="#f6f8fa", ec="none", zorder=0)
        base = y + 9.2
        texts = list(cells(sortie, told))
        name = fonts.named(sortie.site_name, sortie.site_name_en)
        texts[0], texts[1] = "", f"{fonts.text(sortie.site)} {name}"
        row(base, texts, 7.4)
        colour = colours.sortie_colour(indices[sortie.id])
        wide = max(10.5, 4.6 * len(str(sortie.id)) + 4)
        middle = y + _ROW / 2
        paper.axes.add_patch(Ellipse((_MARGIN + 10, middle), wide, 10.5, fc=colour, ec="none"))
        paper.text(
            _MARGIN + 10, base - 0.3, str(sortie.id), 6.8, bold=True, colour=colours.HALO,
            align="center",
        )  # fmt: skip
        y += _ROW
    if more:
        rest = fonts.first(Said(f"… 另有 {more} 个架次", f"… {more} more sorties"))
        paper.text(_MARGIN, y + 9.2, rest, 7.4, colour=colours.MUTED)
        y += _ROW
    paper.rule(y, _MARGIN, right, colours.INK, 0.6)
    texts = list(total_cells(told))
    texts[1] = fonts.said(Said("合计", "total"))
    row(y + 10.5, texts, 7.4, bold=True)
    return y + 16


def _unseen_lines(told: Facts, fonts: Fonts) -> list[str]:
    lines = []
    for part in told.uncovered[:_MOST_UNSEEN]:
        river = f"{part.river} {fonts.named(part.name, part.name_en)}".strip()
        lines.append(f"{river}  {uncovered_text(part)}  {part.reason}")
    more = len(told.uncovered) - len(lines)
    if more:
        lines.append(fonts.first(Said(f"… 另有 {more} 处", f"… {more} more")))
    return [fonts.text(line) for line in lines]


def _note_lines(told: Facts, fonts: Fonts) -> list[str]:
    lines = [line for note in told.notes if (line := fonts.text(note))]
    more = len(lines) - _MOST_NOTES
    if more > 0:
        rest = fonts.first(Said(f"… 另有 {more} 条", f"… {more} more"))
        return [*lines[:_MOST_NOTES], rest]
    return lines


def _settings(paper: Paper, settings: Sequence[tuple[Said, Said]], top: float) -> None:
    """How the plan was made, in columns."""
    fonts = paper.fonts
    rows = -(-len(settings) // _SETTING_COLUMNS)
    indent = 78 if fonts.chinese else 62
    paper.rule(top - 10, _MARGIN, WIDTH - _MARGIN, colours.RULE)
    step = _INSIDE / _SETTING_COLUMNS
    for index, (name, value) in enumerate(settings):
        column, line = divmod(index, rows)
        x, y = _MARGIN + column * step, top + line * _SMALL_ROW
        paper.text(x, y, fonts.said(name), 6.8, colour=colours.MUTED, room=indent - 3)
        paper.text(x + indent, y, fonts.first(value), 6.8, room=step - indent - 6)
