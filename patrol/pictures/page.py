"""A page with a plan's map and figures: one file that needs nothing else, for screen and paper.

Everything that comes from files is escaped, and the page's own policy lets no script run but its
own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

from geo.files import write_text
from patrol.pictures.chart import Chart, chart_of
from patrol.pictures.figures import Facts, facts
from patrol.pictures.script import SCRIPT
from patrol.pictures.style import STYLE
from patrol.pictures.vector import clean, colour_class, vector_map
from patrol.pictures.words import (
    Said,
    cells,
    clock,
    columns,
    counted,
    headline,
    settings_lines,
    share_text,
    total_cells,
    uncovered_text,
)
from patrol.plan import Plan
from patrol.planning.wind import Wind

__all__ = ["page_html", "write_html"]

_MANY = 12  # longer lists of rivers are folded


def write_html(plan: Plan, path: Path) -> None:
    """Write `page_html`, whole or not at all."""
    write_text(path, page_html(plan))


def page_html(plan: Plan) -> str:
    """One HTML document without any reference to another: map, tables, notes, settings."""
    told, chart = facts(plan), chart_of(plan)
    title = f"{told.area} 河道巡查飞行计划 River patrol plan"
    drawn = vector_map(chart, title)
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    rivers = Said(f"{len(told.rivers)} 条河", counted(len(told.rivers), "river"))
    body = [
        "<header>",
        f"<h1>河道巡查飞行计划<small>River patrol plan</small></h1>"
        f"<p>{clean(told.area)} · {rivers} · {told.river_km:.2f} km</p>",
        _tiles(told),
        "</header>",
        f'<div id="mapbox"><div id="frame">{drawn.svg}',
        '<div id="zoom" hidden><button id="in" title="放大 zoom in">+</button>'
        '<button id="out" title="缩小 zoom out">−</button>'
        '<button id="all" title="全图 whole map">⤢</button></div>',
        '<div id="bar" class="box" hidden><i></i><b></b></div>',
        f"{_rose(plan.settings.wind)}</div>",
        f"{_legend(chart)}</div>",
        _table(told),
        _timetable(plan, told),
        _unseen(told),
        _rivers(told),
        _list(Said("说明", "notes"), (clean(note) for note in told.notes)),
        _settings(told),
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="zh-CN"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{clean(title)}</title>",
            f"<style>{STYLE}</style></head><body><main>",
            *(part for part in body if part),
            f"</main><script>{SCRIPT}</script></body></html>",
            "",
        ]
    )


def _said(said: Said) -> str:
    small = f"<small>{clean(said.en)}</small>" if said.en and said.en != said.zh else ""
    return f"{clean(said.zh)}{small}"


def _heading(said: Said) -> str:
    return f"<h2>{_said(said)}</h2>"


def _tiles(told: Facts) -> str:
    tiles = []
    for index, (name, value) in enumerate(headline(told)):
        bad = " bad" if index == 0 and told.uncovered else ""
        tiles.append(
            f'<div class="tile{bad}"><span>{clean(str(name))}</span><b>{clean(value.zh)}</b></div>'
        )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _rose(wind: Wind) -> str:
    north = (
        '<div><svg viewBox="-15 -17 30 34"><path d="M0-15L-8 14L0 8Z" fill="#1f2933"/>'
        '<path d="M0-15L8 14L0 8Z" fill="#fff" stroke="#1f2933"/></svg>北 N</div>'
    )
    blows = ""
    if wind.speed_m_s > 0:
        turn = (wind.from_deg + 180) % 360
        blows = (
            f'<div><svg viewBox="-17 -17 34 34"><g transform="rotate({turn:.0f})">'
            '<path d="M0 14V-6" stroke="#1f2933" stroke-width="2.4"/>'
            '<path d="M0-15L-6-3L0-6L6-3Z" fill="#1f2933"/></g></svg>'
            f"风 wind {wind.speed_m_s:g} m/s</div>"
        )
    return f'<div id="rose" class="box">{north}{blows}</div>'


def _legend(chart: Chart) -> str:
    line = '<path d="M1 6H25" {}/>'
    signs = [
        (Said("航线", "lane"), line.format('style="stroke:var(--c);stroke-width:2.4"')
         + '<path d="M18 6L10 2L12 6L10 10Z" style="fill:var(--c)"/>'),
        (Said("转场", "ferry"),
         line.format('style="stroke:var(--c);stroke-width:1.2;stroke-dasharray:5 4"')),
        (Said("起降点", "launch site"), '<path d="M13 1L19 11H7Z" fill="#1f2933"/>'),
        (Said("水面", "water"), '<path class="w" d="M1 1H25V11H1Z"/>'),
    ]  # fmt: skip
    if chart.zones:
        mark = (
            '<path d="M1 1H25V11H1ZM1 11L11 1M9 11L19 1M17 11L25 3" fill="none" stroke="#c62828"/>'
        )
        signs.append((Said("禁飞区", "no-fly zone"), mark))
    if chart.unseen:
        signs.append((Said("未覆盖", "not seen"), '<path class="u" d="M1 2H25V10H1Z"/>'))
    spans = "".join(
        f'<span><svg viewBox="0 0 26 12">{drawn}</svg>{name}</span>' for name, drawn in signs
    )
    return f'<div class="legend c0">{spans}</div>'


def _table(told: Facts) -> str:
    head = columns(told)
    classes = [("num" if c.number else "") for c in head]
    classes[2] += " start"
    classes[-1] += " lanes"

    def row(texts: Iterable[str]) -> str:
        return "".join(
            f'<td class="{c.strip()}">{t}</td>' for c, t in zip(classes, texts, strict=True)
        )

    rows = []
    for index, sortie in enumerate(told.sorties):
        texts = [clean(text) for text in cells(sortie, told)]
        texts[0] = f'<span class="dot">{sortie.id}</span>'
        texts[1] = f"{texts[1]} {clean(sortie.site_name or sortie.site_name_en)}"
        rows.append(f'<tr class="{colour_class(index)}" data-s="{sortie.id}">{row(texts)}</tr>')
    total = [clean(text) for text in total_cells(told)]
    total[1] = "合计 total"
    heads = "".join(
        f'<th class="{c.strip()}">{clean(h.name.zh)}<small>{clean(h.name.en)}</small></th>'
        for c, h in zip(classes, head, strict=True)
    )
    return (
        f"{_heading(Said('架次', 'sorties'))}<div class='wide'><table><thead><tr>{heads}</tr>"
        f"</thead><tbody>{''.join(rows)}</tbody><tfoot><tr>{row(total)}</tr></tfoot></table></div>"
    )


def _timetable(plan: Plan, told: Facts) -> str:
    """Who flies when: a line for each drone."""
    flights = plan.operation.flights
    if len(flights) < 2 or told.operating_s <= 0:
        return ""
    colour = {sortie.id: colour_class(index) for index, sortie in enumerate(told.sorties)}
    lines: dict[tuple[int, int], list[str]] = {}
    for flight in sorted(flights, key=lambda f: (f.crew, f.drone, f.start_s)):
        left = 100 * flight.start_s / told.operating_s
        width = 100 * (flight.end_s - flight.start_s) / told.operating_s
        when = f"+{clock(flight.start_s)} – +{clock(flight.end_s)}"
        lines.setdefault((flight.crew, flight.drone), []).append(
            f'<div class="bar {colour.get(flight.sortie, "c0")}" data-s="{flight.sortie}" '
            f'style="left:{left:.2f}%;width:{width:.2f}%" '
            f'title="{flight.sortie}: {clean(flight.site)} {when}">{flight.sortie}</div>'
        )
    drones = max(drone for _, drone in lines)
    team = Said("机库", "dock") if plan.settings.docks else Said("组", "crew")
    rows = []
    for (crew, drone), bars in lines.items():
        name = f"{team} {crew}" + (f" · 机 drone {drone}" if drones > 1 else "")
        rows.append(f'<span>{name}</span><div class="row">{"".join(bars)}</div>')
    ends = f"+0:00 … +{clock(told.operating_s)}"
    return (
        f'{_heading(Said("时间表", f"timetable {ends}"))}<div class="times">{"".join(rows)}</div>'
    )


def _unseen(told: Facts) -> str:
    """What is not seen, and why."""
    items = (
        f"<b>{clean(part.river)} {clean(part.name or part.name_en)}</b> "
        f"{clean(uncovered_text(part))} · {clean(part.reason)}"
        for part in told.uncovered
    )
    count = len(told.uncovered)
    name = Said(f"未覆盖的河岸 ({count})", "banks not seen")
    return _list(name, items, bad=True)


def _list(name: Said, items: Iterable[str], *, bad: bool = False) -> str:
    """A list under its heading; nothing where it is empty."""
    rows = "".join(f"<li>{item}</li>" for item in items if item)
    if not rows:
        return ""
    mark = ' class="bad"' if bad else ""
    return f"<h2{mark}>{_said(name)}</h2><ul>{rows}</ul>"


def _rivers(told: Facts) -> str:
    """What is seen of each river."""
    rows = []
    for river in told.rivers:
        missing = ' class="num bad"' if river.seen_m < river.bank_m else ' class="num"'
        both = river.name if river.name_en in ("", river.name) else f"{river.name} {river.name_en}"
        rows.append(
            f"<tr><td>{clean(river.code)}</td><td>{clean(both)}</td>"
            f'<td class="num">{river.km:.2f}</td><td class="num">{river.bank_m / 1e3:.2f}</td>'
            f"<td{missing}>{share_text(river.share)}</td></tr>"
        )
    opened = "" if len(rows) > _MANY else " open"
    heads = (
        "<th>编号<small>code</small></th><th>河流<small>river</small></th>"
        '<th class="num">公里<small>km</small></th><th class="num">河岸公里<small>bank km</small>'
        '</th><th class="num">已覆盖<small>seen</small></th>'
    )
    name = Said(f"河流 ({len(rows)})", "rivers")
    area = Said(f"走廊面积 {share_text(told.area_share)}", "of the corridor's area")
    return (
        f"<details{opened}><summary>{_said(name)}</summary><div class='wide'><table><thead><tr>"
        f"{heads}</tr></thead><tbody>{''.join(rows)}</tbody><tfoot><tr><td></td>"
        f'<td>{area}</td><td class="num">{told.river_km:.2f}</td>'
        f'<td class="num">{told.bank_m / 1e3:.2f}</td>'
        f'<td class="num">{share_text(told.seen_share)}</td></tr></tfoot></table></div></details>'
    )


def _settings(told: Facts) -> str:
    rows = "".join(
        f"<div><dt>{_said(name)}</dt><dd>{_said(value)}</dd></div>"
        for name, value in settings_lines(told)
    )
    return f"{_heading(Said('设置', 'settings'))}<dl>{rows}</dl>"
