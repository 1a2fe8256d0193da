"""The map as SVG for a page: one unit is a decimetre, y grows southwards.

Lines keep their width on the screen at any zoom; names and arrows do so by the page's `--k`, the
units of a pixel, which the page's script keeps up to date. Everything is in groups of classes
that the page's style sheet knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from patrol.pictures.chart import Chart, arrows, length_m
from patrol.pictures.colours import SORTIES
from patrol.pictures.labels import text_width_em
from patrol.pictures.naming import LANES_A_NUMBER, Kind, Name, Sheet, longest_m, names_on
from patrol.pictures.words import scale_length_m

__all__ = ["VectorMap", "clean", "colour_class", "vector_map"]

FloatArray = NDArray[np.float64]

_WIDTH, _HEIGHT, _MARGIN = 900.0, 640.0, 34.0
_LABEL = 12.0
_ARROW_APART, _MOST_ARROWS = 24.0, 5000
_SMALL = 14.0
_LATER = 0.4  # names without room wait until the map is enlarged so far


@dataclass(frozen=True, slots=True)
class VectorMap:
    """The SVG element, its view box (x, y, width, height), and the units of a pixel of a map
    900 pixels wide."""

    svg: str
    view: tuple[int, int, int, int]
    units: float


def clean(text: str) -> str:
    """A text from a file for HTML: on one line, escaped."""
    return escape(" ".join("".join(c if c.isprintable() else " " for c in text).split()))


def colour_class(index: int) -> str:
    return f"c{index % len(SORTIES)}"


def vector_map(chart: Chart, label: str) -> VectorMap:
    """Draw the chart; `label` says what it is to those who cannot see it."""
    sheet = Sheet.holding(chart.bounds, _WIDTH, _HEIGHT, _MARGIN)
    pen = _Pen(sheet)
    k = round(10 * sheet.metres, 2)
    view = (0, 0, round(_WIDTH * k), round(_HEIGHT * k))
    parts = [
        f'<svg id="map" viewBox="{" ".join(map(str, view))}" data-z="0" '
        f'style="--k:{k:g};--m:{chart.sign_size:.2f}" data-fit="{pen.box(chart.bounds)}" '
        f'role="img" aria-label="{clean(label)}">',
        f'<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
        f'patternTransform="scale({k:g}) rotate(45)"><path d="M0 0V7"/></pattern>'
        '<path id="a" class="k" d="M6.5 0L-5-5L-2 0L-5 5Z"/>'
        '<path id="t" class="k" d="M0-7L7 5H-7Z"/></defs>',
    ]
    parts += [
        f'<path class="w" d="{pen.areas(s.water)}"><title>{clean(f"{s.code} {s.name}")}</title>'
        "</path>"
        for s in chart.streams
    ]
    parts.append(f'<path class="m" d="{pen.lines(s.centreline_m for s in chart.streams)}"/>')
    parts += [
        f'<path class="z" d="{pen.areas(zone)}"><title>{clean(name)}</title></path>'
        for name, zone in chart.zones
    ]
    parts += [f'<path class="u" d="{pen.areas(part)}"/>' for part in chart.unseen]
    parts += _rings(chart, pen, sheet.metres)
    parts += _tracks(chart, pen, sheet.metres)
    for place in chart.places:
        kind = "p" if place.used else "p o"
        parts.append(f'<use href="#t" class="{kind}" transform="{pen.at(place.x, place.y)}"/>')
    parts += _names(chart, sheet, pen)
    parts.append(_bar(sheet, view, k))
    parts.append("</svg>")
    return VectorMap("\n".join(parts), view, k)


class _Pen:
    """Metres to the SVG's whole units."""

    def __init__(self, sheet: Sheet) -> None:
        west, _, _, north = sheet.bounds
        self._west, self._north = west, north
        self._tolerance_m = min(max(sheet.metres / 20, 0.1), 1.0)

    def _units(self, points_m: FloatArray) -> NDArray[np.intp]:
        x = (points_m[:, 0] - self._west) * 10
        y = (self._north - points_m[:, 1]) * 10
        return np.rint(np.column_stack([x, y])).astype(np.intp)

    def at(self, x: float, y: float, angle: float | None = None) -> str:
        [[east, south]] = self._units(np.array([[x, y]])).tolist()
        turn = "" if angle is None else f"rotate({round(-math.degrees(angle))})"
        return f"translate({east} {south}){turn}"

    def box(self, bounds_m: tuple[float, float, float, float]) -> str:
        """ "x y width height"."""
        west, south, east, north = bounds_m
        [[x, y], [right, bottom]] = self._units(np.array([[west, north], [east, south]])).tolist()
        return f"{x} {y} {right - x} {bottom - y}"

    def lines(self, lines_m: Iterable[FloatArray]) -> str:
        return "".join(self._line(line) for line in lines_m)

    def areas(self, geometry: BaseGeometry) -> str:
        simple = shapely.simplify(geometry, self._tolerance_m)
        rings = [
            np.asarray(ring.coords)[:-1]
            for part in shapely.get_parts(simple)
            if isinstance(part, shapely.Polygon) and not part.is_empty
            for ring in (part.exterior, *part.interiors)
        ]
        return "".join(f"{self._line(ring, simple=True)}z" for ring in rings)

    def _line(self, line_m: FloatArray, *, simple: bool = False) -> str:
        if not simple:
            kept = shapely.simplify(shapely.linestrings(line_m), self._tolerance_m)
            line_m = shapely.get_coordinates(kept)
        units = self._units(line_m)
        steps = np.diff(units, axis=0)
        steps = steps[(steps != 0).any(axis=1)] if len(steps) > 1 else steps
        drawn = " ".join(f"{x} {y}" for x, y in steps.tolist()).replace(" -", "-")
        return f"M{units[0, 0]} {units[0, 1]}l{drawn or '0 0'}"


def _rings(chart: Chart, pen: _Pen, metres: float) -> list[str]:
    """About unseen parts that are too small to be found."""
    rings = []
    least = _SMALL * metres
    for part in chart.unseen:
        west, south, east, north = part.bounds
        if max(east - west, north - south) < least:
            where = pen.at((west + east) / 2, (south + north) / 2)
            rings.append(f'<g transform="{where}"><circle class="k r" r="9"/></g>')
    return rings


def _tracks(chart: Chart, pen: _Pen, metres: float) -> list[str]:
    """A group for each sortie: ways, lanes with a light edge, arrows, and what a finger hits."""
    heads = [_heads(track.lanes, metres) for track in chart.tracks]
    deepest = 3 if sum(map(len, heads)) <= _MOST_ARROWS else 1
    groups = []
    for index, (track, arrow_rows) in enumerate(zip(chart.tracks, heads, strict=True)):
        name = f"l{track.sortie}"
        groups.append(
            f'<g class="s {colour_class(index)}" data-s="{track.sortie}">'
            f"<title>架次 sortie {track.sortie}</title>"
            f'<path class="f" d="{pen.lines(track.ferries)}"/>'
            f'<g class="h"><use href="#{name}"/></g>'
            f'<g class="l"><path id="{name}" d="{pen.lines(track.lanes)}"/></g>'
            + "".join(
                f'<use href="#a" class="a a{level}" transform="{pen.at(x, y, angle)}"/>'
                for level, (x, y, angle) in arrow_rows
                if level <= deepest
            )
            + f'<g class="x"><use href="#{name}"/></g></g>'
        )
    return groups


def _heads(
    lanes: Sequence[FloatArray], metres: float
) -> list[tuple[int, tuple[float, float, float]]]:
    """Arrows with how often (powers of two) the map must be enlarged for them to show."""
    rows = []
    for lane in lanes:
        length = length_m(lane) / metres
        found = arrows(lane, _ARROW_APART * metres, most=60)
        first = 0 if length > 26 else 1 if length > 13 else 2 if length > 6 else 3
        for number, (x, y, angle) in enumerate(found.tolist()):
            if len(found) < 4:
                level = first if number == len(found) // 2 else first + 2
            else:
                level = 0 if number % 4 == 2 else 1 if number % 2 == 0 else 2
            if level <= 3:
                rows.append((level, (x, y, angle)))
    return rows


def _names(chart: Chart, sheet: Sheet, pen: _Pen) -> list[str]:
    """Names at places on the map, moved off them by pixels; the most important first."""

    def lines_of(kind: Kind, index: int) -> tuple[str, ...]:
        match kind:
            case "sortie":
                return (str(chart.tracks[index].sortie),)
            case "site":
                site = chart.places[index]
                return (f"{site.code} {site.name}",)
            case "zone":
                return (chart.zones[index][0] or "禁飞区",)
            case "river":
                river = chart.streams[index]
                return (river.name or river.name_en or river.code,)

    rows = []
    for name in names_on(chart, sheet, lines_of, _LABEL):
        text = clean(name.lines[0])
        at = np.array([name.x, name.y]) * sheet.metres + [sheet.west, sheet.south]
        anchor = _anchor(chart, name, at)
        dx, dy = (at - anchor) / sheet.metres * [1, -1]
        wide = text_width_em(name.lines[0]) * _LABEL
        hidden = "" if name.fits else " off"
        where = pen.at(float(anchor[0]), float(anchor[1]))
        if name.kind == "sortie":
            half = max(9.0, wide / 2 + 3)
            colour = colour_class(name.index)
            most_k = 10 * longest_m(chart.tracks[name.index]) / (LANES_A_NUMBER * 2 * half)
            rows.append(
                f'<g class="n s {colour}{hidden}" data-s="{text}" data-b="0 0 {2 * half:.0f} 18" '
                f'data-k="{most_k:.1f}" '
                f'transform="{where}"><g class="k"><rect x="{-half:.0f}" y="-9" '
                f'width="{2 * half:.0f}" height="18" rx="9"/><text y="4">{text}</text></g></g>'
            )
            continue
        later = "" if name.fits else f' data-k="{10 * sheet.metres * _LATER:.1f}"'
        rows.append(
            f'<g class="n {name.kind}{hidden}"{later} data-b="{dx:.0f} {dy:.0f} {wide + 4:.0f} 17" '
            f'transform="{where}"><text class="k" x="{dx:.0f}" y="{dy + 4:.0f}">{text}</text></g>'
        )
    return rows


def _anchor(chart: Chart, name: Name, at: FloatArray) -> FloatArray:
    """What on the map the name belongs to."""
    match name.kind:
        case "site":
            place = chart.places[name.index]
            return np.array([place.x, place.y])
        case "river":
            line = shapely.linestrings(chart.streams[name.index].centreline_m)
            on = shapely.line_interpolate_point(
                line, shapely.line_locate_point(line, shapely.points(at))
            )
            return np.asarray(shapely.get_coordinates(on)[0])
        case "zone":
            near = shapely.shortest_line(chart.zones[name.index][1], shapely.points(at))
            return np.asarray(shapely.get_coordinates(near)[0])
        case _:
            return at


def _bar(sheet: Sheet, view: tuple[int, int, int, int], k: float) -> str:
    """A scale bar for where no script runs."""
    length_m_, text = scale_length_m(120 * sheet.metres)
    x, y = 20 * k, view[3] - 14 * k
    return (
        f'<g id="bar0"><path d="M{x:.0f} {y - 6 * k:.0f}v{6 * k:.0f}h{10 * length_m_:.0f}'
        f'v{-6 * k:.0f}"/><g transform="translate({x + 5 * length_m_:.0f} {y - 6 * k:.0f})">'
        f'<text class="k">{text}</text></g></g>'
    )
