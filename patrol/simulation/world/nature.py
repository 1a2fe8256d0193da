"""Trees, bushes and other things that grow or lie about, columnar and seeded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from patrol.simulation.world.banks import GREEN, STONE, WATER_UP_M, Bank, Stretch
from patrol.simulation.world.things import Outfall, Trees

__all__ = ["Litter", "grow_trees", "scatter"]

FloatArray = NDArray[np.float64]
_CROWNS = 16
_DEEP_M = 62.0  # trees grow this far from the bank

# Trees a square metre behind the bank, by land use.
_THICK = {"park": 1 / 85, "street": 1 / 420, "village": 1 / 260, "field": 1 / 700, "wild": 1 / 38}

# Things lying flat: kind -> how many a hundred metres of bank, by where they lie.
_LAND = {"manhole": 1.2, "puddle": 0.7, "shrub": 14.0, "rock": 2.5, "box": 1.2}
_WATER = {"leaves": 1.3, "foam": 0.7, "reed": 3.0, "stone": 2.0, "boat": 0.09, "lily": 0.5}

Litter = tuple[str, float, float, float, int]
"""A flat thing: kind, east and north in metres, size in metres, seed."""


def grow_trees(
    banks: Sequence[Bank],
    obstacles: Sequence[BaseGeometry],
    outfalls: Sequence[Outfall],
    rng: np.random.Generator,
) -> Trees:
    """Rows along streets, loose trees by land use, bushes on green banks; clear of obstacles."""
    parts = [np.zeros((0, 6))]  # columns: x, y, radius, up, foot, 1 where it minds obstacles
    for bank in banks:
        for stretch in bank.stretches:
            if stretch.character in ("street", "park") and rng.random() < 0.75:
                parts.append(_avenue(bank, stretch, rng))
            parts.append(_loose(bank, stretch, rng))
            parts.append(_bushes(bank, stretch, rng))
    rows = np.vstack(parts)
    dots = np.asarray(shapely.points(rows[:, :2]))
    tree = shapely.STRtree(list(obstacles))
    reach = np.where(rows[:, 5] > 0, np.minimum(0.6 * rows[:, 2], 2.0), 0.0)
    hit = np.zeros(len(rows), dtype=bool)
    if len(rows) and len(tree.geometries):
        hit[np.unique(tree.query(dots, predicate="dwithin", distance=reach)[0])] = True
    rows = rows[~hit]
    rows = np.vstack([rows, _curtains(outfalls, rng)])
    crown = rng.integers(_CROWNS, size=len(rows))
    return Trees(rows[:, :2], rows[:, 2], rows[:, 3], rows[:, 4], crown)


def _avenue(bank: Bank, stretch: Stretch, rng: np.random.Generator) -> FloatArray:
    """A row of trees of one age along the bank."""
    k = np.arange(stretch.start, stretch.stop, int(rng.integers(3, 6)))
    offset, radius = rng.uniform(4.3, 5.2), float(rng.uniform(1.6, 3.2))
    xy = bank.water_m[k] + bank.normal[k] * (offset + bank.run_m[k])[:, None] * 0.9
    return _rows(rng, xy + rng.normal(0, 0.15, xy.shape), radius, 0.12)


def _loose(bank: Bank, stretch: Stretch, rng: np.random.Generator) -> FloatArray:
    """Trees anywhere behind the bank, as thick as the land use has them."""
    area_m2 = (stretch.stop - stretch.start) * 2.0 * _DEEP_M
    count = rng.poisson(_THICK[stretch.character] * area_m2)
    k = rng.integers(stretch.start, stretch.stop, count)
    back = bank.run_m[k] + rng.uniform(1.5, _DEEP_M, count)
    xy = bank.water_m[k] + bank.normal[k] * back[:, None]
    return _rows(rng, xy, float(rng.uniform(1.5, 3.6)), 0.35)


def _bushes(bank: Bank, stretch: Stretch, rng: np.random.Generator) -> FloatArray:
    """Bushes on the slopes of green banks; they may hang over whatever is there."""
    green = np.flatnonzero(bank.kind[stretch.start : stretch.stop] == GREEN) + stretch.start
    count = int(rng.poisson(0.42 * len(green)))
    if count == 0:
        return np.zeros((0, 6))
    k, back = rng.choice(green, count), rng.uniform(-0.1, 1.1, count)
    xy = bank.water_m[k] + bank.normal[k] * (bank.run_m[k] * back)[:, None]
    radius = rng.uniform(0.5, 1.7, count)
    foot = WATER_UP_M * (1 - np.clip(back, 0, 1))
    columns = [
        xy + rng.normal(0, 0.8, xy.shape),
        radius,
        foot + radius * 0.8,
        foot,
        np.zeros(count),
    ]
    return np.column_stack(columns)


def _rows(rng: np.random.Generator, xy: FloatArray, radius_m: float, spread: float) -> FloatArray:
    n = len(xy)
    radius = np.clip(radius_m * rng.lognormal(0, spread, n), 0.8, 5.0)
    up = 0.9 + radius * rng.uniform(1.2, 2.0, n)
    return np.column_stack([xy, radius, np.minimum(up, 9.0), np.zeros(n), np.ones(n)])


def _curtains(outfalls: Sequence[Outfall], rng: np.random.Generator) -> FloatArray:
    """Bushes that hang over a part of one outfall in four."""
    rows = []
    for outfall in outfalls:
        if rng.random() > 0.25:
            continue
        along = np.array([-outfall.inward[1], outfall.inward[0]])
        side = 1 if rng.random() < 0.5 else -1
        radius = float(rng.uniform(0.9, 1.5))
        width = max(outfall.size_m, outfall.headwall_m) / 2
        at = (
            outfall.root_m
            + along * side * (width * 0.6 + radius * 0.55)
            - outfall.inward * (0.3 + 0.5 * outfall.run_m)
        )
        rows.append([*at, radius, -0.3, -1.2, 0.0])
    return np.array(rows).reshape(-1, 6)


def scatter(
    banks: Sequence[Bank], obstacles: Sequence[BaseGeometry], rng: np.random.Generator
) -> list[Litter]:
    """Flat things on land and water that are no violation."""
    found: list[Litter] = []
    for bank in banks:
        length = float(bank.along_m[-1])
        for table, low, high in ((_LAND, 0.8, 16.0), (_WATER, -0.4, -4.5)):
            for kind, each in table.items():
                for k in rng.integers(0, len(bank.along_m), rng.poisson(each * length / 100)):
                    far = (
                        rng.uniform(low, high) if table is _LAND else -(rng.random() ** 2) * 5 - 0.2
                    )
                    base = bank.top_m[k] if table is _LAND else bank.water_m[k]
                    if kind == "reed" and bank.kind[k] not in (GREEN, STONE):
                        continue
                    x, y = base + bank.normal[k] * far + rng.normal(0, 0.3, 2)
                    size = {"boat": 1.0, "reed": 1.4, "shrub": 0.9, "leaves": 1.6}.get(kind, 1.0)
                    found.append(
                        (
                            kind,
                            float(x),
                            float(y),
                            float(size * rng.uniform(0.6, 1.6)),
                            int(rng.integers(2**31)),
                        )
                    )
    dots = shapely.points([(x, y) for _, x, y, _, _ in found]) if found else np.array([])
    tree = shapely.STRtree(list(obstacles))
    hit = set()
    if found and len(tree.geometries):
        hit = set(np.unique(tree.query(dots, predicate="dwithin", distance=1.6)[0]).tolist())
    return [thing for index, thing in enumerate(found) if index not in hit]
