"""The map on paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.patches import Ellipse, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from patrol.pictures import colours
from patrol.pictures.chart import Chart, Track, arrows, length_m
from patrol.pictures.fonts import Fonts
from patrol.pictures.labels import Box
from patrol.pictures.naming import Kind, Sheet, names_on
from patrol.pictures.words import Said, scale_length_m
from patrol.planning.wind import Wind

__all__ = ["draw_map", "outline"]

FloatArray = NDArray[np.float64]

_LABEL = 6.8
_ARROW_APART, _ARROW = 44.0, 4.6
_SHORTEST_WITH_ARROW = 12.0
_CORNER = 124.0, 56.0
_CORNERS = ((True, True), (False, True), (True, False), (False, False))
_SMALL = 7.0  # unseen parts smaller than this are ringed


def draw_map(
    axes: Any, chart: Chart, fonts: Fonts, wind: Wind, width: float, height: float
) -> None:
    """Fill axes of `width` x `height` points."""
    sheet, corners = _sheet_with_corners(chart, width, height)
    west, south, east, north = sheet.bounds
    axes.set(xlim=(west, east), ylim=(south, north), xticks=(), yticks=(), facecolor=colours.LAND)
    for spine in axes.spines.values():
        spine.set(color=colours.RULE, linewidth=0.8)
    waters = [outline(part) for stream in chart.streams for part in polygons(stream.water)]
    water = {"facecolors": colours.WATER, "edgecolors": colours.WATER_EDGE}
    axes.add_collection(PathCollection(waters, lw=0.4, zorder=1, **water), autolim=False)
    axes.add_collection(
        LineCollection(
            [s.centreline_m for s in chart.streams], colors=colours.CENTRELINE, lw=0.4,
            linestyles=(0, (6, 2, 1, 2)), zorder=2,
        ),
        autolim=False,
    )  # fmt: skip
    for _, zone in chart.zones:
        for part in polygons(zone):
            style = {"fc": "none", "ec": colours.ZONE, "lw": 1.0, "zorder": 3}
            axes.add_artist(PathPatch(outline(part), hatch="////", hatch_linewidth=0.5, **style))
    _draw_unseen(axes, chart, sheet)
    for index, track in enumerate(chart.tracks):
        _draw_track(axes, track, colours.sortie_colour(index), sheet, chart.sign_size)
    for used, fill in ((False, colours.HALO), (True, colours.INK)):
        sites = [(p.x, p.y) for p in chart.places if p.used is used]
        if sites:
            axes.plot(
                *np.array(sites).T, "^", ms=8.0 * chart.sign_size, mfc=fill, mew=1.0, ls="none",
                zorder=8, mec=colours.HALO if used else colours.MUTED,
            )  # fmt: skip
    taken = _draw_furniture(axes, sheet, fonts, wind, corners)
    _draw_names(axes, chart, sheet, fonts, taken)


def _sheet_with_corners(
    chart: Chart, width: float, height: float
) -> tuple[Sheet, list[tuple[bool, bool]]]:
    """The sheet, and the corners (right?, top?) for north and for the scale: where nothing is,
    else the map makes room above and below."""
    shown = [line for track in chart.tracks for line in (*track.lanes, *track.ferries)]
    shown += [line for stream in chart.streams for line in stream.reaches_m]
    shown += [np.array([[p.x, p.y]]) for p in chart.places]
    sheet = Sheet.holding(chart.bounds, width, height, margin=14.0)
    lines = [LineString(sheet.units(np.vstack([line, line[-1:]]))) for line in shown]
    tree = shapely.STRtree(lines)
    free = [
        corner
        for corner in _CORNERS
        if not len(tree.query(_corner(sheet, *corner), predicate="intersects"))
    ]
    if len(free) < 2:
        sheet, free = Sheet.holding(chart.bounds, width, height, 14.0, _CORNER[1] + 4), [*_CORNERS]
    return sheet, [free[0], free[-1]]


def _corner(sheet: Sheet, right: bool, top: bool) -> BaseGeometry:
    width, height = _CORNER
    x, y = right * (sheet.width - width), top * (sheet.height - height)
    return shapely.box(x, y, x + width, y + height)


def _draw_unseen(axes: Any, chart: Chart, sheet: Sheet) -> None:
    style = {"fc": colours.UNSEEN, "ec": colours.UNSEEN_EDGE, "lw": 1.0, "zorder": 4}
    for part in chart.unseen:
        for polygon in polygons(part):
            axes.add_artist(PathPatch(outline(polygon), **style))
        west, south, east, north = part.bounds
        if max(east - west, north - south) < _SMALL * sheet.metres:
            ring = 2 * _SMALL * chart.sign_size * sheet.metres
            centre = ((west + east) / 2, (south + north) / 2)
            axes.add_artist(
                Ellipse(centre, ring, ring, fc="none", ec=colours.UNSEEN_EDGE, lw=1.2, zorder=7)
            )


def _draw_track(axes: Any, track: Track, colour: str, sheet: Sheet, size: float) -> None:
    axes.add_collection(
        LineCollection(
            list(track.ferries), colors=colour, lw=0.7, linestyles=(0, (4, 2.5)), alpha=0.8,
            zorder=5,
        ),
        autolim=False,
    )  # fmt: skip
    lanes = list(track.lanes)
    halo = {"capstyle": "round", "joinstyle": "round"}
    axes.add_collection(
        LineCollection(lanes, colors=colours.HALO, lw=2.8, zorder=5.5, **halo), autolim=False
    )
    axes.add_collection(
        LineCollection(lanes, colors=colour, lw=1.5, zorder=6, **halo), autolim=False
    )
    heads = [
        _head(x, y, angle, _ARROW * size * sheet.metres)
        for lane in lanes
        if length_m(lane) > _SHORTEST_WITH_ARROW * sheet.metres
        for x, y, angle in arrows(lane, _ARROW_APART * sheet.metres).tolist()
    ]
    axes.add_collection(
        PolyCollection(heads, fc=colour, ec=colours.HALO, lw=0.5, zorder=6.5), autolim=False
    )


def _head(x: float, y: float, angle: float, size: float) -> FloatArray:
    """An arrow's head, its middle here."""
    shape = np.array([[0.75, 0.0], [-0.6, 0.6], [-0.25, 0.0], [-0.6, -0.6]]) * size
    cos, sin = math.cos(angle), math.sin(angle)
    return np.asarray(shape @ np.array([[cos, sin], [-sin, cos]]) + [x, y])


def _draw_furniture(
    axes: Any, sheet: Sheet, fonts: Fonts, wind: Wind, corners: Sequence[tuple[bool, bool]]
) -> list[Box]:
    """Scale bar, north, wind; returns the room that they take."""
    inside = {"transform": _units(axes, sheet), "zorder": 10}

    def panel(x: float, y: float, width: float, height: float) -> Box:
        axes.add_artist(
            FancyBboxPatch(
                (x, y), width, height, boxstyle="round,pad=0,rounding_size=3", fc=colours.HALO,
                ec=colours.RULE, lw=0.6, alpha=0.94, transform=inside["transform"], zorder=9,
            )
        )  # fmt: skip
        return Box(x + width / 2, y + height / 2, width, height)

    def write(x: float, y: float, text: str, size: float = 6.5, *, bold: bool = False) -> None:
        font = fonts.sized(size, bold=bold)
        axes.text(
            x, y, fonts.text(text), fontproperties=font, color=colours.INK, ha="center",
            va="center", parse_math=False, **inside,
        )  # fmt: skip

    shown_m, label = scale_length_m(90 * sheet.metres)
    bar = shown_m / sheet.metres
    (compass_right, compass_top), (right, top) = corners
    x = sheet.width - bar - 26 if right else 6.0
    y = sheet.height - 27 if top else 6.0
    boxes = [panel(x, y, bar + 20, 21)]
    ends = [x + 10, x + 10, x + 10 + bar, x + 10 + bar]
    axes.plot(ends, [y + 9, y + 5, y + 5, y + 9], color=colours.INK, lw=1.1, **inside)
    write(x + 10 + bar / 2, y + 14, label)
    windy = wind.speed_m_s > 0
    width = 74.0 if windy else 30.0
    left = sheet.width - 6 - width if compass_right else 6.0
    base = sheet.height - 50 if compass_top else 6.0
    boxes.append(panel(left, base, width, 44))
    x = left + 15
    axes.add_artist(
        Polygon([(x, base + 30), (x - 6, base + 6), (x, base + 11)], fc=colours.INK, **inside)
    )
    axes.add_artist(
        Polygon(
            [(x, base + 30), (x + 6, base + 6), (x, base + 11)], fc=colours.HALO,
            ec=colours.INK, lw=0.6, **inside,
        )
    )  # fmt: skip
    write(x, base + 36.5, fonts.first(Said("北", "N")), 7.5, bold=True)
    if windy:
        x, y = left + 51, base + 26
        east, north = wind.east_north_m_s
        along = math.atan2(north, east)
        dx, dy = 11 * math.cos(along), 11 * math.sin(along)
        axes.plot(
            [x - dx, x + 0.6 * dx], [y - dy, y + 0.6 * dy], color=colours.INK, lw=1.3, **inside
        )
        axes.add_artist(
            Polygon(_head(x + 0.7 * dx, y + 0.7 * dy, along, 6), fc=colours.INK, **inside)
        )
        write(x, base + 7, f"{fonts.first(Said('风', 'wind'))} {wind.speed_m_s:g} m/s", 6.2)
    return boxes


def _draw_names(axes: Any, chart: Chart, sheet: Sheet, fonts: Fonts, taken: Sequence[Box]) -> None:
    def lines_of(kind: Kind, index: int) -> tuple[str, ...]:
        match kind:
            case "sortie":
                return (str(chart.tracks[index].sortie),)
            case "site":
                site = chart.places[index]
                name = fonts.named(site.name, site.name_en)
                return (f"{fonts.text(site.code)} {name}".strip(),)
            case "zone":
                name = fonts.text(chart.zones[index][0])
                generic = fonts.first(Said("禁飞区", "no-fly zone"))
                return (name if any(c.isalnum() for c in name) else generic,)
            case "river":
                river = chart.streams[index]
                return (fonts.named(river.name, river.name_en, river.code),)

    inside = {"transform": _units(axes, sheet)}
    halo = [withStroke(linewidth=2.0, foreground=colours.HALO)]
    inks = {"site": colours.INK, "zone": colours.ZONE, "river": colours.WATER_INK}
    for name in names_on(chart, sheet, lines_of, _LABEL, taken):
        if not name.fits:
            continue
        bold = name.kind in ("sortie", "site")
        font = fonts.sized(_LABEL, bold=bold)
        text = "\n".join(name.lines)
        if name.kind == "sortie":
            colour = colours.sortie_colour(name.index)
            wide = max(11.0, 4.6 * len(text) + 4)
            axes.add_artist(
                Ellipse((name.x, name.y), wide, 11.0, fc=colour, ec=colours.HALO, lw=1.0,
                        zorder=11, **inside)
            )  # fmt: skip
            style: dict[str, Any] = {"color": colours.HALO, "zorder": 12}
        else:
            style = {"color": inks[name.kind], "zorder": 9.5, "path_effects": halo}
        axes.text(
            name.x, name.y, text, fontproperties=font, ha="center", va="center",
            parse_math=False, **inside, **style,
        )  # fmt: skip


def _units(axes: Any, sheet: Sheet) -> Any:
    """From the sheet's points to the axes."""
    return Affine2D().scale(1 / sheet.width, 1 / sheet.height) + axes.transAxes


def polygons(geometry: BaseGeometry) -> list[shapely.Polygon]:
    return [p for p in shapely.get_parts(geometry) if isinstance(p, shapely.Polygon)]


def outline(polygon: shapely.Polygon) -> Path:
    """A polygon with its holes as one path."""
    rings = [polygon.exterior, *polygon.interiors]
    return Path.make_compound_path(*(Path(np.asarray(ring.coords), closed=True) for ring in rings))
