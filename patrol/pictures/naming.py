"""Names and numbers on the map: what stands where, for any size of sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString
from shapely.geometry import box as rectangle
from shapely.geometry.base import BaseGeometry

from patrol.pictures.chart import Chart, Stream, Track, length_m, middles
from patrol.pictures.labels import Avoids, Box, Wish, place, text_width_em

__all__ = ["LANES_A_NUMBER", "Name", "Sheet", "longest_m", "names_on"]

FloatArray = NDArray[np.float64]
Kind = Literal["sortie", "site", "zone", "river"]
Spots = list[tuple[float, float]]

_SHARES = (0.5, 0.35, 0.65, 0.2, 0.8, 0.1, 0.9)
_CROWDED = 0.7  # signs this small: better no name than one across lanes
_MARK = 11.0  # a launch site's sign
LANES_A_NUMBER = 2.5  # a number hides a lane that is shorter than so many of it


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of `width` x `height` units that shows the chart from `west` and `south` on, so
    many metres a unit; y grows northwards."""

    west: float
    south: float
    metres: float
    width: float
    height: float

    @classmethod
    def holding(
        cls,
        bounds: tuple[float, float, float, float],
        width: float,
        height: float,
        margin: float,
        above: float | None = None,
    ) -> Sheet:
        """The bounds in the middle, with a margin of so many units at least; `above` is that
        above and below."""
        west, south, east, north = bounds
        free = height - 2 * (margin if above is None else above)
        metres = max((east - west) / (width - 2 * margin), (north - south) / free)
        return cls(
            (west + east - width * metres) / 2,
            (south + north - height * metres) / 2,
            metres,
            width,
            height,
        )

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        return (
            self.west,
            self.south,
            self.west + self.width * self.metres,
            self.south + self.height * self.metres,
        )

    def units(self, points_m: FloatArray) -> FloatArray:
        """(N, 2) metres to units from the lower left corner."""
        return np.asarray((points_m - [self.west, self.south]) / self.metres)


@dataclass(frozen=True, slots=True)
class Name:
    """A label at its middle, in the sheet's units. `index` is its place among the chart's
    tracks, places, zones or streams. `fits`: it is one of those that the sheet has room for; the
    others stand where they would like to."""

    kind: Kind
    index: int
    lines: tuple[str, ...]
    x: float
    y: float
    fits: bool


def names_on(
    chart: Chart,
    sheet: Sheet,
    lines_of: Callable[[Kind, int], Sequence[str]],
    size: float,
    taken: Sequence[Box] = (),
) -> tuple[Name, ...]:
    """The labels, and which of them the sheet has room for: sorties' numbers, launch sites,
    zones, rivers.

    `lines_of` gives the text of each (none: no label); `size` is the height of letters, units.
    """
    wishes: list[Wish] = []
    texts: dict[str, tuple[Kind, int, tuple[str, ...]]] = {}
    hidden: set[str] = set()
    spots: Spots
    crowded = chart.sign_size < _CROWDED
    mark = _MARK * chart.sign_size
    marks = sheet.units(np.array([[p.x, p.y] for p in chart.places]).reshape(-1, 2))
    for kind, index in _in_order(chart):
        lines = tuple(line for line in lines_of(kind, index) if line)
        if not lines:
            continue
        width = max(map(text_width_em, lines)) * size + 4
        height = 1.25 * size * len(lines) + 2
        match kind:
            case "sortie":
                width = height = max(width, height) + 2
                spots = _on_track(chart.tracks[index], sheet)
            case "site":
                spots = _beside(marks[index], width, height, mark / 2 + 1)
            case "zone":
                spots = _on_zone(chart.zones[index][1], sheet, width, height)
            case "river":
                spots = _on_river(chart.streams[index], sheet, width, height)
        if not spots:
            continue
        key = f"{kind}{index}"
        texts[key] = kind, index, lines
        avoids: Avoids = "never" if kind == "sortie" else "always" if crowded else "rather"
        wishes.append(Wish(key, width, height, tuple(spots), avoids))
        if (
            kind == "sortie"
            and longest_m(chart.tracks[index]) < LANES_A_NUMBER * width * sheet.metres
        ):
            hidden.add(key)
    boxes = [*taken, *(Box(x, y, mark, mark) for x, y in marks.tolist())]
    lines_m = [line for track in chart.tracks for line in (*track.lanes, *track.ferries)]
    drawn = [LineString(sheet.units(line)) for line in lines_m]
    tree = shapely.STRtree([*drawn, *_edges(chart, sheet)])

    def on_lines(box: Box) -> bool:
        x, y, half, high = box.x, box.y, box.width / 2 + 1, box.height / 2 + 1
        area = rectangle(x - half, y - high, x + half, y + high)
        return len(tree.query(area, predicate="intersects")) > 0

    placed = {
        p.key: p
        for p in place(
            [w for w in wishes if w.key not in hidden], boxes, sheet.width, sheet.height, on_lines
        )
    }
    names = []
    for wish in wishes:
        spot = placed.get(wish.key)
        x, y = (spot.x, spot.y) if spot else wish.middles[0]
        names.append(Name(*texts[wish.key], x, y, fits=spot is not None))
    return tuple(names)


def _in_order(chart: Chart) -> list[tuple[Kind, int]]:
    """What is to be named, the most important first."""
    used = sorted(range(len(chart.places)), key=lambda i: not chart.places[i].used)
    lengths = [sum(float(np.ptp(r, axis=0).sum()) for r in s.reaches_m) for s in chart.streams]
    longest = sorted(range(len(chart.streams)), key=lambda i: -lengths[i])
    order: list[tuple[Kind, int]] = [("sortie", i) for i in range(len(chart.tracks))]
    order += [("site", i) for i in used]
    order += [("zone", i) for i in range(len(chart.zones))]
    return order + [("river", i) for i in longest if chart.streams[i].reaches_m]


def longest_m(track: Track) -> float:
    """The length of a sortie's longest lane."""
    return max(map(length_m, track.lanes), default=0.0)


def _on_track(track: Track, sheet: Sheet) -> Spots:
    if not track.lanes:
        return []
    longest = max(track.lanes, key=length_m)
    return [(x, y) for x, y in sheet.units(middles(longest, _SHARES)).tolist()]


def _on_zone(zone: BaseGeometry, sheet: Sheet, width: float, height: float) -> Spots:
    inside = shapely.intersection(zone, rectangle(*sheet.bounds))
    if inside.is_empty:
        return []
    at = sheet.units(shapely.get_coordinates(inside.representative_point()))[0]
    west, south, east, north = (value / sheet.metres for value in inside.bounds)
    roomy = east - west > width + 4 and north - south > 2 * height
    on = [(float(at[0]), float(at[1]))] if roomy else []
    return on + _around(at, width, height, (east - west) / 2, (north - south) / 2)


def _on_river(stream: Stream, sheet: Sheet, width: float, height: float) -> Spots:
    """Beside the river on either hand, off its water; else on it."""
    longest = max(stream.reaches_m, key=lambda r: float(np.ptp(r, axis=0).sum()))
    line = sheet.units(longest)
    half = stream.water.area / max(length_m(stream.centreline_m), 1.0) / 2
    ahead = middles(line, [s + 0.01 for s in _SHARES]) - middles(line, [s - 0.01 for s in _SHARES])
    length = np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9)
    left = np.column_stack([-ahead[:, 1], ahead[:, 0]]) / length[:, None]
    reach = half / sheet.metres + np.abs(left) @ [width / 2, height / 2]
    on = middles(line, _SHARES)
    beside = [
        on + hand * (reach + off)[:, None] * left for off in (7.0, 18.0) for hand in (1.0, -1.0)
    ]
    return [(float(x), float(y)) for x, y in np.vstack([*beside, on])]


def _beside(at: FloatArray, width: float, height: float, off: float) -> Spots:
    """Right, left, above, below, and the corners."""
    return _around(at, width, height, off, off)


def _around(at: FloatArray, width: float, height: float, across: float, up: float) -> Spots:
    """Beside something that reaches so far across and up from its middle."""
    x, y = float(at[0]), float(at[1])
    dx, dy = across + width / 2 + 1, up + height / 2 + 1
    corners = [(x + i * dx, y + j * dy) for i in (1, -1) for j in (1, -1)]
    return [(x + dx, y), (x - dx, y), (x, y + dy), (x, y - dy), *corners]


def _edges(chart: Chart, sheet: Sheet) -> list[BaseGeometry]:
    """The outlines of zones as far as the sheet shows them."""
    view = rectangle(*sheet.bounds)
    edges = [shapely.intersection(shapely.boundary(zone), view) for _, zone in chart.zones]
    return [shapely.transform(edge, sheet.units) for edge in edges if not edge.is_empty]
