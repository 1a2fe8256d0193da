"""Planting violations whose truth is known: outfalls, their plumes, structures, floating waste."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from patrol.area import River, StudyArea
from patrol.simulation.world.banks import WALL, WATER_UP_M, Bank
from patrol.simulation.world.litter import waste_heap
from patrol.simulation.world.things import Building, Outfall, Plume, Waste

__all__ = ["Ground", "Planted", "plant"]

FloatArray = NDArray[np.float64]

# Shares of the planted things, discharges counted: about half of the outfalls discharge.
_SHARES = {"outfall": 0.34, "structure": 0.245, "floating_waste": 0.245}
_SAME_CLASS_M, _OTHER_CLASS_M, _TRIES = 12.0, 9.0, 60
_CONTRAST = 52.0
_ROOFS = ("tin_blue", "tin_red", "tin_grey", "tin_rust", "tarp", "flat", "tin_blue", "tin_grey")
_PLUMES = (
    (92, 96, 98), (56, 84, 112), (38, 40, 40), (196, 204, 202), (54, 88, 140), (104, 128, 100),
    (150, 156, 150), (48, 66, 84),
)  # fmt: skip
_PIPES = ((168, 174, 176), (132, 138, 140), (52, 66, 96), (62, 62, 64), (150, 160, 168))


@dataclass(frozen=True, slots=True)
class Ground:
    """What planting must respect: `zone` is where building needs a permit, `water` the drawn
    water with its banks, `keep_clear` bridges, roads and permitted structures."""

    water: BaseGeometry
    opening: BaseGeometry
    zone: BaseGeometry
    keep_clear: BaseGeometry


@dataclass(slots=True)
class Planted:
    """The violations of one world."""

    outfalls: list[Outfall] = field(default_factory=list)
    plumes: list[Plume] = field(default_factory=list)
    structures: list[Building] = field(default_factory=list)
    wastes: list[Waste] = field(default_factory=list)


@dataclass(slots=True)
class _Gardener:
    area: StudyArea
    banks: Sequence[Bank]
    ground: Ground
    rng: np.random.Generator
    water_colour: FloatArray
    taken: list[tuple[str, FloatArray]] = field(default_factory=list)

    def free(self, kind: str, at: FloatArray, reach_m: float = 0.0) -> bool:
        return all(
            float(np.hypot(*(at - p))) >= (_SAME_CLASS_M if k == kind else _OTHER_CLASS_M) + reach_m
            for k, p in self.taken
        )

    def spot(self, river: River, index: int, station_m: float) -> tuple[Bank, int] | None:
        """The bank vertex nearest to a station, on a side drawn by lot."""
        found = []
        for bank in self.banks:
            mine = np.flatnonzero((bank.river == index) & (np.abs(bank.station_m - station_m) < 3))
            if len(mine):
                found += [(bank, int(k)) for k in mine]
        if not found:
            return None
        side = self.rng.random() < 0.5
        heading = _heading(river, station_m)
        for bank, k in (found[i] for i in self.rng.permutation(len(found))):
            left = heading[0] * bank.normal[k, 1] - heading[1] * bank.normal[k, 0] > 0
            if left == side:
                return bank, k
        return found[0]


def _heading(river: River, station_m: float) -> FloatArray:
    """Unit vector downstream at a place along the centreline."""
    line = river.centreline_m
    a, b = (
        shapely.get_coordinates(line.interpolate(min(max(station_m + d, 0.0), line.length)))[0]
        for d in (-2.0, 2.0)
    )
    return np.asarray((b - a) / max(float(np.hypot(*(b - a))), 1e-9))


def plant(
    area: StudyArea,
    banks: Sequence[Bank],
    ground: Ground,
    rng: np.random.Generator,
    density_per_km: float,
    water_colour: FloatArray,
) -> Planted:
    """Plant about `density_per_km` violations a river-kilometre, evenly but with jitter.

    `water_colour` (blue, green, red) is what plumes must stand out from.
    """
    gardener = _Gardener(area, banks, ground, rng, water_colour)
    planted = Planted()
    lengths = np.array([r.centreline_m.length for r in area.rivers])
    starts = np.concatenate([[0.0], np.cumsum(lengths)])
    for kind, share in _SHARES.items():
        count = max(1, round(density_per_km * share * float(lengths.sum()) / 1000))
        slot = float(lengths.sum()) / count
        for number in range(count):
            for _ in range(_TRIES):
                at = (number + rng.uniform(0.08, 0.92)) * slot
                index = int(np.clip(np.searchsorted(starts, at, "right") - 1, 0, len(lengths) - 1))
                station = float(at - starts[index])
                if not 12 <= station <= lengths[index] - 12:
                    continue
                spot = gardener.spot(area.rivers[index], index, station)
                if spot is not None and _try(kind, gardener, planted, index, *spot):
                    break
    return planted


def _try(kind: str, gardener: _Gardener, planted: Planted, river: int, bank: Bank, k: int) -> bool:
    if kind == "outfall":
        return _outfall(gardener, planted, river, bank, k)
    if kind == "structure":
        return _structure(gardener, planted, bank, k)
    return _waste(gardener, planted, gardener.area.rivers[river], bank, k)


def _ring(
    centre: FloatArray, along: FloatArray, across: FloatArray, *corners: tuple[float, float]
) -> Polygon:
    return Polygon([centre + along * a + across * b for a, b in corners])


def _outfall(gardener: _Gardener, planted: Planted, river: int, bank: Bank, k: int) -> bool:
    rng, root = gardener.rng, bank.water_m[k]
    near = [bank.kind[(k + d) % len(bank.kind)] for d in (-3, 3)]
    if not gardener.free("outfall", root) or any(x != bank.kind[k] for x in near):
        return False
    if gardener.ground.keep_clear.distance(shapely.Point(root)) < 4:
        return False
    inward, kind, run = -bank.normal[k], int(bank.kind[k]), float(bank.run_m[k])
    culvert = rng.random() < 0.35
    size = float(rng.uniform(1.2, 2.5) if culvert else rng.uniform(0.6, 1.5))
    axis_up = WATER_UP_M + size / 2 + float(rng.uniform(0.05, 0.6))
    back = run * (axis_up - WATER_UP_M) / -WATER_UP_M  # where the slope has the axis' height
    tip = float(rng.uniform(0.5, 1.6 if culvert else 2.5)) - (0.7 * back if kind != WALL else 0.0)
    headwall = float(size + rng.uniform(0.8, 2.2)) if culvert or rng.random() < 0.72 else 0.0
    colour = _PIPES[int(rng.integers(2 if culvert else len(_PIPES)))]
    along = np.array([-inward[1], inward[0]])
    half = max(size, headwall) / 2
    footprint = _ring(
        root, along, inward, (-half, -back - 0.4), (half, -back - 0.4), (half, tip), (-half, tip)
    )
    number = len(planted.outfalls) + 1
    planted.outfalls.append(
        Outfall(
            f"outfall-{number:03d}", root, inward, run, kind, "culvert" if culvert else "pipe",
            size, axis_up, tip, headwall, colour, int(rng.integers(2**31)), footprint,
        )
    )  # fmt: skip
    gardener.taken.append(("outfall", root))
    if rng.random() < 0.5:
        _plume(gardener, planted, gardener.area.rivers[river], bank, k, number, tip)
    return True


def _plume(
    gardener: _Gardener,
    planted: Planted,
    river: River,
    bank: Bank,
    k: int,
    number: int,
    tip_m: float,
) -> None:
    rng, count = gardener.rng, len(bank.along_m)
    tangent = bank.water_m[(k + 1) % count] - bank.water_m[k - 1]
    sense = 1 if tangent @ _heading(river, float(bank.station_m[k])) > 0 else -1
    length = float(min(rng.uniform(6, 25), 2.2 * river.width_m))
    widest = float(min(rng.uniform(1.2, 3.6), 0.16 * river.width_m + 0.16 * length))
    s = np.linspace(0, length, 24)
    steps = (s / 2.0).astype(int)
    part = s / 2.0 - steps
    a, b = (k + sense * steps) % count, (k + sense * (steps + 1)) % count
    base = bank.water_m[a] * (1 - part[:, None]) + bank.water_m[b] * part[:, None]
    normal = bank.normal[a] * (1 - part[:, None]) + bank.normal[b] * part[:, None]
    half = 0.35 + (widest - 0.35) * (1 - np.exp(-2.5 * s / length))
    drift = max(tip_m, 0.2) + (half + rng.uniform(0.2, 1.6)) * (1 - np.exp(-s / (0.22 * length)))
    spine = base - normal * drift[:, None]
    outline = LineString(spine)
    parts = [Polygon(shapely.Point(p).buffer(h)) for p, h in zip(spine, half, strict=True)]
    footprint = shapely.union_all(
        [shapely.union(p, q).convex_hull for p, q in pairwise(parts)]
    ).intersection(gardener.ground.water)
    if footprint.is_empty or not isinstance(footprint, Polygon) or outline.length < 4:
        return
    for _ in range(40):  # one that can be told from the water
        colour = _PLUMES[int(rng.integers(len(_PLUMES)))]
        tinted = np.clip(np.array(colour) + rng.normal(0, 9, 3), 12, 235)
        if float(np.linalg.norm(tinted - gardener.water_colour)) > _CONTRAST:
            break
    planted.plumes.append(
        Plume(
            f"discharge-{len(planted.plumes) + 1:03d}", f"outfall-{number:03d}", spine, half,
            (float(tinted[0]), float(tinted[1]), float(tinted[2])),
            float(rng.uniform(0.62, 0.95)), int(rng.integers(2**31)), footprint,
        )
    )  # fmt: skip
    gardener.taken.append(("discharge", np.asarray(footprint.centroid.coords[0])))


def _structure(gardener: _Gardener, planted: Planted, bank: Bank, k: int) -> bool:
    rng, normal = gardener.rng, bank.normal[k]
    length, width = float(rng.uniform(4, 14)), float(rng.uniform(3, 6.5))
    if width > length:
        length, width = width, length
    turn = rng.normal(0, 0.09)
    along = np.array([-normal[1], normal[0]])
    along, across = (
        along * np.cos(turn) + normal * np.sin(turn), normal * np.cos(turn) - along * np.sin(turn)
    )  # fmt: skip
    centre = bank.top_m[k] + normal * (
        width / 2 + rng.uniform(0.7, max(0.9, 11.5 - width - bank.run_m[k]))
    )
    h, w = length / 2, width / 2
    corners = np.array(
        [centre + along * a + across * b for a, b in ((-h, -w), (h, -w), (h, w), (-h, w))]
    )
    footprint = Polygon(corners)
    ground = gardener.ground
    if not gardener.free("structure", centre, length / 2):
        return False
    if footprint.distance(ground.opening) < 0.4 or footprint.distance(ground.keep_clear) < 2.5:
        return False
    if footprint.intersection(ground.zone).area < 0.93 * footprint.area:
        return False
    if not footprint.exterior.is_ccw:
        corners = corners[::-1]
    planted.structures.append(
        Building(
            f"structure-{len(planted.structures) + 1:03d}", corners, float(rng.uniform(2.2, 6.0)),
            _ROOFS[int(rng.integers(len(_ROOFS)))], int(rng.integers(2**31)), "planted",
        )
    )  # fmt: skip
    gardener.taken.append(("structure", centre))
    return True


def _waste(gardener: _Gardener, planted: Planted, river: River, bank: Bank, k: int) -> bool:
    rng, inward = gardener.rng, -bank.normal[k]
    length = float(rng.uniform(1.5, 8.0))
    width = float(max(1.0, length * rng.uniform(0.28, 0.7)))
    width = min(width, 0.5 * river.width_m)
    reach = rng.uniform(0.1, 1.6) if rng.random() < 0.7 else rng.uniform(0, 0.35 * river.width_m)
    centre = bank.water_m[k] + inward * (width / 2 + reach)
    if not gardener.free("floating_waste", centre, length / 3):
        return False
    angle = float(np.arctan2(inward[1], inward[0]) + np.pi / 2 + rng.normal(0, 0.25))
    seed = int(rng.integers(2**31))
    footprint = waste_heap(seed, centre, length, width, angle).outline_m
    ground = gardener.ground
    if footprint.intersection(ground.water).area < 0.9 * footprint.area:
        return False
    if footprint.distance(ground.keep_clear) < 2:
        return False
    afloat = footprint.intersection(ground.water)
    if not isinstance(afloat, Polygon):
        return False
    planted.wastes.append(
        Waste(
            f"floating_waste-{len(planted.wastes) + 1:03d}",
            centre,
            length,
            width,
            angle,
            seed,
            afloat,
        )
    )
    gardener.taken.append(("floating_waste", centre))
    return True
