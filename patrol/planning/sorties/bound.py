"""A proven lower bound on the operating time: no way of flying the lanes is quicker.

It holds wherever lanes are cut and shared out between sorties. The legs between lanes are
shortcut past every cut: by the triangle inequality that makes none longer, and what is left joins
lane ends, each an odd number of times, and launch sites, twice for each sortie: the postman's
parity (J. Edmonds, E. Johnson, Mathematical Programming 5, 1973). Sorties are as many as the
energy of all of it takes; a leg between a site and a cut costs the way to the nearest lane; groups
of lanes that nothing joins to the rest are made to pay the way there, as they turn up. Solved by
CP-SAT, whose own proven bound counts, wherever it stopped. Where lanes are many, each is reached
from what lies nearest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations

import numpy as np
import shapely
from numpy.typing import NDArray
from ortools.sat.python import cp_model
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from patrol.planning.cover.lanes import LaneLine
from patrol.planning.settings import PlanSettings
from patrol.planning.sorties.problem import least_climb_m, moves_s, swap_s
from patrol.planning.sorties.routes import Router

__all__ = ["Bound", "lower_bound"]

FloatArray = NDArray[np.float64]

_MOST_LANES = 30
_ROUNDS = 12
_DETERMINISTIC_TIME = 2.0  # of CP-SAT, some seconds a round
_SCALE = 100
_SITE_SETS_UP_TO = 5


@dataclass(frozen=True, slots=True)
class Bound:
    """Seconds that no operation of these lanes can beat, and how that was proven."""

    seconds: float
    method: str


def lower_bound(
    lanes: Sequence[LaneLine], sites_m: FloatArray, settings: PlanSettings, router: Router
) -> Bound:
    """The bound for whole lanes (metres) from (S, 2) sites, round the router's zones."""
    if not lanes:
        return Bound(0.0, "nothing to fly")
    costs = _Costs.of(lanes, sites_m, settings)
    simple = _simple(costs)
    if len(lanes) > _MOST_LANES or len(sites_m) > _MOST_LANES:
        return Bound(simple, "nearest neighbours")
    return Bound(max(simple, _solved(costs, router)), "parity of lane ends, CP-SAT")


@dataclass(frozen=True, slots=True)
class _Costs:
    """What lanes (N,), sites and sorties cost at least. `lane_*` are without turns, in the better
    direction; `metre_*` is the cheapest metre in any, `round_wh` that of a round trip."""

    lines: NDArray[np.object_]
    sites_m: FloatArray
    settings: PlanSettings
    lane_s: FloatArray
    lane_wh: FloatArray
    metre_s: float
    metre_wh: float
    round_wh: float
    sortie_s: float
    sortie_wh: float

    @classmethod
    def of(cls, lanes: Sequence[LaneLine], sites_m: FloatArray, settings: PlanSettings) -> _Costs:
        energy = settings.energy
        steps = [np.diff(shapely.get_coordinates(lane.line), axis=0) for lane in lanes]
        both = [[energy.legs(s), energy.legs(-s)] for s in steps]
        least = np.array([[np.minimum(a[k], b[k]).sum() for k in (0, 1)] for a, b in both])
        fixed = energy.vertical(least_climb_m(lanes, settings))
        return cls(
            np.array([lane.line for lane in lanes], dtype=object),
            sites_m,
            settings,
            least[:, 0],
            least[:, 1],
            *energy.cheapest_metre(),
            energy.cheapest_round_metre_wh(),
            fixed.duration_s,
            fixed.energy_wh,
        )

    @property
    def room_wh(self) -> float:
        """What a sortie may spend besides taking off and landing."""
        return max(self.settings.usable_wh - self.sortie_wh, 1e-9)

    @property
    def site_points(self) -> NDArray[np.object_]:
        return np.asarray(shapely.points(self.sites_m))

    @property
    def teams(self) -> int:
        """How many work at the same time."""
        return len(self.sites_m) if self.settings.docks else self.settings.crews


def _apart(some: NDArray[np.object_], others: NDArray[np.object_]) -> FloatArray:
    """(N, M) distances in metres."""
    return np.asarray(shapely.distance(some[:, None], others[None, :]))


def _simple(costs: _Costs) -> float:
    """Every lane is reached from the nearest other lane or site, every sortie has its fixed cost,
    and there are as many as all that energy takes."""
    count = len(costs.lines)
    shapes = np.concatenate([costs.lines, costs.site_points])
    (own, _), far = shapely.STRtree(shapes).query_nearest(
        costs.lines, exclusive=True, all_matches=False, return_distance=True
    )
    near = np.full(count, np.inf)
    np.minimum.at(near, own, far)
    near[~np.isfinite(near)] = 0.0
    wh = float((costs.lane_wh + near * costs.metre_wh).sum())
    round_m = float(shapely.length(costs.lines).sum() + near.sum())
    wh = max(wh, round_m * costs.round_wh)
    sorties = max(1, math.ceil(wh / costs.room_wh - 1e-9))
    total = float((costs.lane_s + near * costs.metre_s).sum()) + sorties * costs.sortie_s
    total += max(0, sorties - costs.teams) * swap_s(costs.settings)
    return total / costs.teams


def _hops(points_m: FloatArray, costs: _Costs, router: Router) -> FloatArray:
    """(2, P, P) least seconds and watt-hours between places, in the better direction, without
    turns; infinite where zones leave no way."""
    energy = costs.settings.energy
    steps = points_m[None, :, :] - points_m[:, None, :]
    shape = steps.shape[:2]
    seconds, watt_hours = (c.reshape(shape) for c in energy.legs(steps.reshape(-1, 2)))
    blocked, (round_m, _, _) = router.detours(points_m, points_m, energy)
    # The shortest way round need not be the quickest in a wind.
    seconds = np.where(blocked, np.maximum(seconds, round_m * costs.metre_s), seconds)
    watt_hours = np.where(blocked, round_m * costs.metre_wh, watt_hours)
    return np.stack([np.minimum(seconds, seconds.T), np.minimum(watt_hours, watt_hours.T)])


def _down(value: float) -> int:
    """Scaled so that the bound stays one."""
    return math.floor(value * _SCALE)


class _Model:
    """The relaxation as a CP-SAT model. Nodes: lane i's ends 2i and 2i + 1, then the sites."""

    def __init__(self, costs: _Costs, router: Router) -> None:
        self.costs, self.model = costs, cp_model.CpModel()
        self.count, self.sites = len(costs.lines), len(costs.sites_m)
        ends = shapely.get_coordinates(
            shapely.get_point(np.repeat(costs.lines, 2), np.tile([0, -1], self.count))
        )
        self.places = np.vstack([ends, costs.sites_m])
        hop_s, hop_wh = _hops(self.places, costs, router)
        self.hop_s = hop_s
        model, most = self.model, 2 * self.count + 4
        self.edges = {
            (u, v): model.NewIntVar(0, 2, f"y{u},{v}")
            for u, v in combinations(range(len(self.places)), 2)
            if math.isfinite(hop_s[u, v]) and not (u >= 2 * self.count and v >= 2 * self.count)
        }
        touching: list[list[cp_model.IntVar]] = [[] for _ in self.places]
        for (u, v), edge in self.edges.items():
            touching[u].append(edge)
            touching[v].append(edge)
        for node in range(2 * self.count):  # odd
            pairs = model.NewIntVar(0, most, f"h{node}")
            model.Add(sum(touching[node]) == 1 + 2 * pairs)
        to_lane = _apart(costs.site_points, costs.lines).min(axis=1)
        flights, used, cuts_s, cuts_wh = [], [], [], []
        for s in range(self.sites):
            flown, there = model.NewIntVar(0, most, f"k{s}"), model.NewBoolVar(f"u{s}")
            to_cut = model.NewIntVar(0, 2 * most, f"z{s}")
            model.Add(sum(touching[2 * self.count + s]) + to_cut == 2 * flown)
            model.Add(flown >= 1).OnlyEnforceIf(there)
            model.Add(flown == 0).OnlyEnforceIf(there.Not())
            flights.append(flown)
            used.append(there)
            cuts_s.append(_down(to_lane[s] * costs.metre_s) * to_cut)
            cuts_wh.append(_down(to_lane[s] * costs.metre_wh) * to_cut)
        total = model.NewIntVar(1, most, "sorties")
        model.Add(sum(flights) == total)
        energy = sum(_down(hop_wh[e]) * y for e, y in self.edges.items()) + sum(cuts_wh)
        lanes_wh = _down(float(costs.lane_wh.sum()))
        model.Add(lanes_wh + energy <= math.ceil(costs.room_wh * _SCALE) * total)
        # All of a sortie's legs make a round.
        hop_m = _apart(
            np.asarray(shapely.points(self.places)), np.asarray(shapely.points(self.places))
        )
        round_wh = sum(_down(float(hop_m[e]) * costs.round_wh) * y for e, y in self.edges.items())
        round_wh += _down(float(shapely.length(costs.lines).sum()) * costs.round_wh)
        model.Add(round_wh + sum(cuts_wh) <= math.ceil(costs.room_wh * _SCALE) * total)
        swaps = model.NewIntVar(0, most, "swaps")
        model.Add(swaps >= total - costs.teams)
        self.apart = model.NewIntVar(0, _down(1e6), "apart")
        model.Minimize(
            _down(float(costs.lane_s.sum()))
            + sum(_down(hop_s[e]) * y for e, y in self.edges.items())
            + sum(cuts_s)
            + _down(costs.sortie_s) * total
            + _down(swap_s(costs.settings)) * swaps
            + self.apart
            + self._moves(used)
        )

    def _moves(self, used: Sequence[cp_model.IntVar]) -> cp_model.LinearExpr | int:
        """What moving the crews between the sites used costs at least."""
        settings = self.costs.settings
        move = moves_s(self.costs.sites_m, settings)
        if settings.docks or not np.any(move > 0):
            return 0
        if not np.isfinite(move).all():  # nobody moves
            self.model.Add(sum(used) <= settings.crews)
            return 0
        if settings.crews == 1 and self.sites <= _SITE_SETS_UP_TO:
            sets = [c for n in range(1, self.sites + 1) for c in combinations(range(self.sites), n)]
            chosen = [self.model.NewBoolVar(f"set{k}") for k in range(len(sets))]
            self.model.AddExactlyOne(chosen)
            for sites, pick in zip(sets, chosen, strict=True):
                for s, there in enumerate(used):
                    self.model.AddImplication(pick, there if s in sites else there.Not())
            return sum(
                _down(_shortest_round(sites, move)) * pick
                for sites, pick in zip(sets, chosen, strict=True)
            )
        extra = self.model.NewIntVar(0, self.sites, "moves")
        self.model.Add(extra >= sum(used) - settings.crews)
        return _down(float(move[move > 0].min())) * extra

    def connect(self, group: Sequence[int]) -> None:
        """Either a leg joins this group of lanes to the rest, or what joined them was shortcut
        at a cut, and cost more than the shortcut. One such cost counts: it may be shared."""
        inside = {2 * i + end for i in group for end in (0, 1)}
        crossing = [y for (u, v), y in self.edges.items() if (u in inside) != (v in inside)]
        cut = self.model.NewBoolVar(f"w{len(self.model.Proto().constraints)}")
        self.model.Add(sum(crossing) >= 1).OnlyEnforceIf(cut.Not())
        self.model.Add(self.apart >= _down(self._least_extra_s(group))).OnlyEnforceIf(cut)

    def _least_extra_s(self, group: Sequence[int]) -> float:
        """How much longer than their shortcuts legs that join the group to the rest at cuts are,
        at least: between two places on one side (a site is outside) by way of a cut on the other;
        between sites by way of a cut in the group; or round by cuts alone."""
        costs = self.costs
        own = np.isin(np.arange(self.count), group)
        place_inside = np.r_[np.repeat(own, 2), np.zeros(self.sites, dtype=bool)]
        places = np.asarray(shapely.points(self.places))
        mine, others = costs.lines[own], costs.lines[~own]
        extra = []
        for lines, side in ((others, place_inside), (mine, ~place_inside)):
            if len(lines) and side.any():
                far_s = _apart(places[side], lines).min(axis=1) * costs.metre_s
                by_way_s = far_s[:, None] + far_s[None, :]
                shortcut_s = self.hop_s[np.ix_(side, side)]
                extra.append(float(np.maximum(by_way_s - shortcut_s, 0.0).min()))
        if len(others):
            extra.append(2 * float(_apart(mine, others).min()) * costs.metre_s)
        to_mine = _apart(costs.site_points, mine).min(axis=1)
        to_any = _apart(costs.site_points, costs.lines).min(axis=1)
        extra.append(float((to_mine - to_any).min()) * costs.metre_s)
        return min(extra)


def _shortest_round(sites: Sequence[int], move_s: FloatArray) -> float:
    """The shortest way from site to site, begun anywhere."""
    return min(
        sum(float(move_s[a, b]) for a, b in pairwise(order)) for order in permutations(sites)
    )


def _solved(costs: _Costs, router: Router) -> float:
    made = _Model(costs, router)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1  # the same bound each time
    solver.parameters.max_deterministic_time = _DETERMINISTIC_TIME
    best = 0.0
    for _ in range(_ROUNDS):
        status = solver.Solve(made.model)
        if status == cp_model.INFEASIBLE:
            break
        best = max(best, solver.BestObjectiveBound() / _SCALE)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            break
        groups = _groups(made, solver)
        if not groups:
            break
        for group in groups:
            made.connect(group)
    return best / costs.teams


def _groups(made: _Model, solver: cp_model.CpSolver) -> list[list[int]]:
    """Groups of lanes that no leg of the solution joins to a site."""
    site = made.count  # all sites are one place here
    legs = [
        [min(u // 2, site), min(v // 2, site)]
        for (u, v), edge in made.edges.items()
        if solver.Value(edge) > 0
    ]
    rows, columns = np.array(legs).T
    joined = coo_array((np.ones(len(legs)), (rows, columns)), shape=(site + 1, site + 1))
    _, group = connected_components(joined, directed=False)
    return [np.flatnonzero(group == g).tolist() for g in np.unique(group) if g != group[site]]
