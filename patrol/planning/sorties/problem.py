"""What every way of flying lanes costs: the numbers that the search and the bound work with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from patrol.planning.cover.lanes import LaneLine
from patrol.planning.energy import EnergyModel
from patrol.planning.settings import PlanSettings
from patrol.planning.sorties.routes import Router

__all__ = [
    "FIXED_ITEMS",
    "ITEMS_A_PIECE",
    "Problem",
    "least_climb_m",
    "moves_s",
    "problem_of",
    "swap_s",
]

FloatArray = NDArray[np.float64]

FIXED_ITEMS = 5 + 40  # home, take-off, speed, gimbal, return; corners round no-fly zones
ITEMS_A_PIECE = 4  # camera on and off, speed
_DETOUR = 1.4  # roads are this much longer than the straight line


@dataclass(frozen=True, slots=True)
class Problem:
    """N pieces of lanes and S launch sites.

    A piece can be flown two ways: way 2i is piece i from its start to its end, way 2i + 1 from its
    end to its start. `between_*` (2N, 2N) is from having flown one way to the start of another,
    `out_*` (S, 2N) from a site to the start of a way, `home_*` (2N, S) from its end to a site,
    all with the turns at either end, infinite where there is no way. `work_*` (2N,) is flying it,
    `items` (N,) its mission items. `sortie_*` is what each sortie costs besides, `swap_s` the time
    on the ground between two of one crew, `move_s` (S, S) what moving the crew costs on top.
    """

    between_s: FloatArray
    between_wh: FloatArray
    out_s: FloatArray
    out_wh: FloatArray
    home_s: FloatArray
    home_wh: FloatArray
    work_s: FloatArray
    work_wh: FloatArray
    items: NDArray[np.int64]
    sortie_s: float
    sortie_wh: float
    swap_s: float
    move_s: FloatArray
    most_wh: float
    most_items: int

    @property
    def pieces(self) -> int:
        return len(self.items)

    @property
    def sites(self) -> int:
        return len(self.move_s)

    def alone_wh(self) -> FloatArray:
        """(N,) energy of a sortie that flies one piece alone from the best site."""
        if not self.pieces:
            return np.empty(0)
        whole = (self.out_wh + self.home_wh.T).min(axis=0) + self.work_wh + self.sortie_wh
        return np.asarray(whole.reshape(-1, 2).min(axis=1))


def problem_of(
    pieces: Sequence[LaneLine],
    sites_m: FloatArray,
    settings: PlanSettings,
    router: Router,
    *,
    least: bool = False,
    spare_wh: float = 0.0,
) -> Problem:
    """The costs of flying these pieces (metres) from (S, 2) launch sites.

    What is not known before the sorties are (turns on the way round zones, climbs on the way to
    lanes over terrain) is put at its most, or with `least` at nothing. `spare_wh` is kept back from
    every sortie.
    """
    energy = settings.energy
    points = [shapely.get_coordinates(p.line) for p in pieces]
    ends = np.array([[p[0], p[-1]] for p in points]).reshape(-1, 2, 2)
    inward = np.array([[p[1] - p[0], p[-2] - p[-1]] for p in points]).reshape(-1, 2, 2)
    start, finish = ends.reshape(-1, 2), ends[:, ::-1].reshape(-1, 2)
    enters = _angle(inward.reshape(-1, 2))  # heading of each way's first leg
    leaves = _angle(-inward[:, ::-1].reshape(-1, 2))  # and of its last
    between = _legs(finish, start, leaves, enters, router, energy, least)
    for way in range(len(start)):  # a piece is flown once
        between[:, way, [way, way ^ 1]] = np.inf
    out = _legs(sites_m, start, None, enters, router, energy, least)
    home = _legs(finish, sites_m, leaves, None, router, energy, least)
    span_m = _heights_span_m(pieces)
    if not least:
        out[1] += float(energy.climb_joules(span_m)) / 3600
    work = [_work(p, piece, settings) for p, piece in zip(points, pieces, strict=True)]
    vertical = energy.vertical(least_climb_m(pieces, settings) if least else settings.height_m)
    return Problem(
        between_s=between[0],
        between_wh=between[1],
        out_s=out[0],
        out_wh=out[1],
        home_s=home[0],
        home_wh=home[1],
        work_s=np.array([f[0] for w in work for f in w]),
        work_wh=np.array([f[1] for w in work for f in w]),
        items=np.array([len(p) + ITEMS_A_PIECE for p in points], dtype=np.int64),
        sortie_s=vertical.duration_s,
        sortie_wh=vertical.energy_wh,
        swap_s=swap_s(settings),
        move_s=moves_s(sites_m, settings),
        most_wh=settings.usable_wh - spare_wh,
        most_items=settings.most_items - FIXED_ITEMS,
    )


def swap_s(settings: PlanSettings) -> float:
    """Time on the ground between two sorties; a second drone flies meanwhile."""
    return 0.0 if settings.drones > 1 else settings.swap_s


def least_climb_m(pieces: Sequence[LaneLine], settings: PlanSettings) -> float:
    """What every take-off climbs at least: over terrain a lane may lie far below its site."""
    return max(0.0, settings.height_m - _heights_span_m(pieces))


def moves_s(sites_m: FloatArray, settings: PlanSettings) -> FloatArray:
    """(S, S) seconds that a crew takes from site to site: packing, and the way by car; infinite
    where crews stay, nothing for docks."""
    away = np.hypot(*(sites_m[:, None, :] - sites_m[None, :, :]).transpose(2, 0, 1))
    if settings.docks:
        return np.zeros(away.shape)
    car = settings.car_m_s
    move = np.full(away.shape, np.inf) if car is None else settings.pack_s + _DETOUR * away / car
    np.fill_diagonal(move, 0.0)
    return np.asarray(move)


def _angle(steps: FloatArray) -> FloatArray:
    return np.asarray(np.arctan2(steps[:, 1], steps[:, 0]))


def _heights_span_m(pieces: Sequence[LaneLine]) -> float:
    """How far apart the lowest and the highest of the lanes are; 0 where the ground is flat."""
    heights = [p.heights_m for p in pieces if p.heights_m is not None]
    return float(np.ptp(np.concatenate(heights))) if heights else 0.0


def _work(points: FloatArray, piece: LaneLine, settings: PlanSettings) -> list[tuple[float, float]]:
    """(seconds, watt-hours) flying a piece from its start, and from its end."""
    heights = piece.heights_m
    speed = piece.speed_m_s or settings.speed_m_s
    result = []
    for step in (1, -1):
        flown = settings.energy.along(
            points[::step],
            None if heights is None else heights[::step],
            np.full(len(points) - 1, speed),
        )
        result.append((flown.duration_s, flown.energy_wh))
    return result


def _legs(
    starts: FloatArray,
    ends: FloatArray,
    leaves: FloatArray | None,
    enters: FloatArray | None,
    router: Router,
    energy: EnergyModel,
    least: bool,
) -> FloatArray:
    """(2, N, M) seconds and watt-hours from each start to each end; the turns into and out of a
    straight leg as they are, those round zones at their most, or none with `least`."""
    steps = ends[None, :, :] - starts[:, None, :]
    seconds, watt_hours = (
        cost.reshape(len(starts), len(ends)) for cost in energy.legs(steps.reshape(-1, 2))
    )
    heading = np.arctan2(steps[..., 1], steps[..., 0])
    turns = np.zeros(heading.shape)
    still = np.hypot(steps[..., 0], steps[..., 1]) < 1e-6
    if leaves is not None:
        turns += np.where(still, 0.0, _turn_s(energy, heading - leaves[:, None]))
    if enters is not None:
        turns += np.where(still, 0.0, _turn_s(energy, enters[None, :] - heading))
    if leaves is not None and enters is not None:
        turns += np.where(still, _turn_s(energy, enters[None, :] - leaves[:, None]), 0.0)
    blocked, (round_m, round_s, round_wh) = router.detours(starts, ends, energy)
    if least:  # the shortest way round need not be the quickest in a wind
        round_s = np.maximum(seconds, round_m / energy.speed_m_s)
        round_wh = round_m * energy.cheapest_metre()[1]
    seconds = np.where(blocked, round_s, seconds)
    watt_hours = np.where(blocked, round_wh, watt_hours)
    turns = np.where(blocked, 0.0 if least else 4 * energy.stop_s, turns)
    return np.stack([seconds + turns, watt_hours + turns * energy.turn_w() / 3600])


def _turn_s(energy: EnergyModel, angles: FloatArray) -> FloatArray:
    return energy.turn_s(np.abs((angles + np.pi) % (2 * np.pi) - np.pi))
