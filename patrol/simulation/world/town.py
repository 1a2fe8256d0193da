"""What people built along the river and may keep: bridges, roads, houses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from patrol.area import StudyArea
from patrol.simulation.world.banks import Bank, Stretch
from patrol.simulation.world.things import Bridge, Building

__all__ = ["Road", "build_bridges", "build_houses", "build_roads"]

FloatArray = NDArray[np.float64]
_ROWS_M = (21.0, 37.0, 54.0)  # how far from the water the rows of houses begin
_LAW_M = 3.0  # ordinary houses keep this far from the management zones


@dataclass(frozen=True, slots=True)
class Road:
    """A paved strip; `surface` is "asphalt", "paving", "soil" or "concrete"."""

    centre_m: LineString
    width_m: float
    surface: str
    outline_m: BaseGeometry


def build_bridges(area: StudyArea, rng: np.random.Generator) -> list[Bridge]:
    """A bridge each few hundred metres, square to the river or a little askew."""
    bridges = []
    for river in area.rivers:
        others = [r for r in area.rivers if r is not river]
        at = float(rng.uniform(90, 300))
        while at < river.centreline_m.length - 40:
            a, b = (
                shapely.get_coordinates(river.centreline_m.interpolate(at + d))[0] for d in (-3, 3)
            )
            middle, heading = (a + b) / 2, (b - a) / np.hypot(*(b - a))
            spot = shapely.Point(middle)
            if all(o.centreline_m.distance(spot) > o.width_m + 30 for o in others):
                turn = rng.normal(0, 0.1)
                axis = np.array([
                    -heading[1] * np.cos(turn) - heading[0] * np.sin(turn),
                    heading[0] * np.cos(turn) - heading[1] * np.sin(turn),
                ])  # fmt: skip
                half = river.width_m / 2 + 6.5
                start, end = middle - axis * half, middle + axis * half
                width = float(rng.choice([2.6, 6.5, 9.0, 13.0]))
                outline = LineString([start, end]).buffer(width / 2, cap_style="flat")
                bridges.append(Bridge(start, end, width, 0.35, outline))
            at += float(rng.uniform(240, 520))
    return bridges


def build_roads(
    banks: Sequence[Bank],
    bridges: Sequence[Bridge],
    opening: BaseGeometry,
    rng: np.random.Generator,
) -> list[Road]:
    """Promenades, roads and tracks along the banks and the approaches of bridges."""
    roads: list[Road] = []
    for bank in banks:
        for stretch in bank.stretches:
            roads += _along(bank, stretch, rng)
    for bridge in bridges:
        axis = (bridge.end_m - bridge.start_m) / np.hypot(*(bridge.end_m - bridge.start_m))
        surface = "asphalt" if bridge.width_m > 4 else "concrete"
        for tip, way in ((bridge.start_m, -axis), (bridge.end_m, axis)):
            line = LineString([tip - way * 1.0, tip + way * 75])
            roads.append(_road(line, bridge.width_m - 0.6, surface))
    clear = opening.buffer(0.3)
    shapely.prepare(clear)
    kept = []
    for road in roads:
        outline = (
            road.outline_m.difference(clear) if clear.intersects(road.outline_m) else road.outline_m
        )
        if outline.area > 4:
            kept.append(Road(road.centre_m, road.width_m, road.surface, outline))
    return kept


def _road(line: LineString, width_m: float, surface: str) -> Road:
    return Road(line, width_m, surface, line.buffer(width_m / 2, cap_style="flat"))


def _along(bank: Bank, stretch: Stretch, rng: np.random.Generator) -> list[Road]:
    line = (
        LineString(bank.water_m[stretch.start : min(stretch.stop + 1, len(bank.water_m))])
        if stretch.stop - stretch.start > 2
        else None
    )
    if line is None:
        return []
    wanted = {
        "park": [(rng.uniform(6.5, 9), rng.uniform(1.8, 3.0), "paving")],
        "street": [
            (5.6, 2.4, "paving"),
            (rng.choice([12.0, 25.0]), rng.uniform(6.5, 8.5), "asphalt"),
        ],
        "village": [(rng.uniform(10, 17), rng.uniform(3.0, 4.2), "concrete")],
        "field": [(rng.uniform(6, 12), rng.uniform(2.2, 3.2), "soil")],
        "wild": [(rng.uniform(6, 9), 0.9, "soil")] if rng.random() < 0.5 else [],
    }[stretch.character]  # fmt: skip
    roads = []
    for offset, width, surface in wanted:
        moved = shapely.offset_curve(line, -float(offset))
        for piece in getattr(moved, "geoms", [moved]):
            if not piece.is_empty and piece.length > 8:
                roads.append(_road(piece, float(width), str(surface)))
    return roads


_KINDS = {
    "street": (0.84, (5.0, 22.0), (9, 24), ("flat", "flat", "flat", "tile", "tin_grey")),
    "village": (0.9, (3.2, 14.0), (7, 15), ("flat", "tile", "flat", "tin_blue", "tin_red", "tile")),
    "field": (0.16, (2.8, 5.0), (6, 18), ("tin_blue", "tin_grey", "tin_rust", "tile")),
    "park": (0.05, (3.0, 5.0), (5, 9), ("tile", "flat")),
    "wild": (0.06, (2.5, 4.5), (5, 12), ("tin_rust", "tin_grey", "tile")),
}  # fmt: skip


def build_houses(
    banks: Sequence[Bank],
    zone: BaseGeometry,
    obstacles: Sequence[BaseGeometry],
    rng: np.random.Generator,
) -> list[Building]:
    """Ordinary houses in rows behind the management zones, clear of `obstacles`."""
    rows = [
        row for bank in banks for stretch in bank.stretches for row in _rows(bank, stretch, rng)
    ]
    if not rows:
        return []
    shapes = np.array([Polygon(corners) for corners, *_ in rows])
    shapely.prepare(zone)
    lawful = ~shapely.dwithin(shapes, zone, _LAW_M)
    blocked = np.zeros(len(rows), dtype=bool)
    tree = shapely.STRtree(list(obstacles))
    blocked[np.unique(tree.query(shapes, predicate="dwithin", distance=0.8)[0])] = True
    kept: list[Building] = []
    own = shapely.STRtree(shapes)
    first, second = own.query(shapes, predicate="dwithin", distance=1.2)
    beside: dict[int, list[int]] = {}
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        if b < a:
            beside.setdefault(a, []).append(b)
    stands = lawful & ~blocked
    for index, (corners, height, roof, seed) in enumerate(rows):
        if stands[index] and any(stands[b] for b in beside.get(index, ())):
            stands[index] = False
        if stands[index]:
            kept.append(
                Building(f"house-{len(kept) + 1:04d}", corners, height, roof, seed, "ordinary")
            )
    return kept


def _rows(
    bank: Bank, stretch: Stretch, rng: np.random.Generator
) -> list[tuple[FloatArray, float, str, int]]:
    share, heights, lengths, roofs = _KINDS[stretch.character]
    found = []
    for begin in _ROWS_M:
        at = bank.along_m[stretch.start]
        stop = bank.along_m[stretch.stop - 1]
        while at < stop:
            length, depth = float(rng.uniform(*lengths)), float(rng.uniform(5.5, 12.0))
            k = int(np.searchsorted(bank.along_m, min(at + length / 2, bank.along_m[-1])))
            if rng.random() < share:
                normal = bank.normal[k]
                turn = rng.normal(0, 0.05)
                out = normal * np.cos(turn) + np.array([-normal[1], normal[0]]) * np.sin(turn)
                along = np.array([-out[1], out[0]])
                centre = bank.water_m[k] + out * (begin + rng.uniform(0, 4) + depth / 2)
                longer, shorter = (along, out) if length >= depth else (out, -along)
                h, w = max(length, depth) / 2, min(length, depth) / 2
                signs = ((-h, -w), (h, -w), (h, w), (-h, w))
                corners = np.array([centre + longer * a + shorter * b for a, b in signs])
                if not Polygon(corners).exterior.is_ccw:
                    corners = corners[[1, 0, 3, 2]]
                found.append((
                    corners, float(rng.uniform(*heights)), roofs[int(rng.integers(len(roofs)))],
                    int(rng.integers(2**31)),
                ))  # fmt: skip
            at += length + float(rng.uniform(1.5, 5))
    return found
