"""Which pieces of lanes are flown in which sortie, in what order and direction, from which site.

All orders where pieces are few. Else a vehicle routing problem for OR-Tools (every piece two
nodes, one for each direction, of which one is visited; a vehicle for each possible sortie from
each site; energy and mission items as capacities; guided local search), whose order is then split
anew (`split`), moved about and shaken (2-opt, Or-opt, double bridge; H. Lourenço, O. Martin,
T. Stützle, Iterated Local Search, 2003). Limits count solutions and tries, so that the same input
gives the same plan; the time limit is a backstop.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray
from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from patrol.planning.sorties.problem import Problem
from patrol.planning.sorties.split import Route, Splitter

__all__ = ["assign"]

_ALL_ORDERS_UP_TO = 6  # 720 orders
_ALL_SUBSETS_UP_TO = 3  # sites
_EFFORT = 200_000  # orders tried in a search times the square of the pieces
_SOLUTIONS = 300
_SECONDS = 8
_EPSILON_S = 1e-6
_NO_WAY = 10**8


def assign(problem: Problem, seed: int = 0) -> tuple[Route, ...]:
    """Sorties that fly every piece once, in the least total time found, in flying order.

    Every piece must be flyable alone (`Problem.alone_wh`); raises ValueError where one is not.
    """
    count = problem.pieces
    if count == 0:
        return ()
    split = Splitter(problem)
    given = tuple(range(count))
    if count <= _ALL_ORDERS_UP_TO:
        best = min(permutations(given), key=split.cost)
    else:
        starts = {given, _nearest_chain(problem)}
        for sites in _site_sets(problem):
            starts.add(_routed(problem, sites, min(starts, key=split.cost), split))
        best = _improved(split, sorted(starts, key=split.cost)[:3], count, random.Random(seed))
    if not math.isfinite(split.cost(best)):
        raise ValueError("a piece cannot be flown alone from any site")
    return split.routes(best)


def _site_sets(problem: Problem) -> list[tuple[int, ...]]:
    """Sets of sites worth trying: a crew that moves pays for each site once more."""
    sites = tuple(range(problem.sites))
    moves_cost = bool(np.any(problem.move_s > 0))
    if not moves_cost:
        return [sites]
    if problem.sites <= _ALL_SUBSETS_UP_TO:
        sets = [c for n in range(1, problem.sites + 1) for c in combinations(sites, n)]
    else:
        sets = [(s,) for s in sites] + [sites]
    return [chosen for chosen in sets if len(chosen) == 1 or _can_move(problem, chosen)]


def _can_move(problem: Problem, sites: tuple[int, ...]) -> bool:
    return bool(np.isfinite(problem.move_s[np.ix_(sites, sites)]).all())


def _nearest_chain(problem: Problem) -> tuple[int, ...]:
    """From the first site always on to the piece with the nearest end: a start for the search."""
    left, order = set(range(problem.pieces)), list[int]()
    hop = problem.out_s[0]
    while left:
        ways = [2 * i + end for i in left for end in (0, 1)]
        way = min(ways, key=lambda w: (float(hop[w]), w))
        order.append(way // 2)
        left.remove(way // 2)
        hop = problem.between_s[way]
    return tuple(order)


def _scaled(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Hundredths, whole numbers, with a number that forbids for infinity."""
    return np.asarray(
        np.where(np.isfinite(values), np.ceil(np.nan_to_num(values, posinf=0.0) * 100), _NO_WAY)
    ).astype(np.int64)


def _matrices(problem: Problem) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(2N + S, 2N + S) seconds and watt-hours in hundredths from node to node: ways, then sites;
    flying a way counts on arriving at it, what a sortie costs besides on leaving the site."""
    ways, sites = 2 * problem.pieces, problem.sites
    result = []
    for between, out, home, work, fixed in (
        (problem.between_s, problem.out_s, problem.home_s, problem.work_s, 0.0),
        (problem.between_wh, problem.out_wh, problem.home_wh, problem.work_wh, problem.sortie_wh),
    ):
        cost = np.zeros((ways + sites, ways + sites))
        cost[:ways, :ways] = between + work[None, :]
        cost[ways:, :ways] = out + work[None, :] + fixed
        cost[:ways, ways:] = home
        result.append(_scaled(cost))
    return result[0], result[1]


def _routed(
    problem: Problem, sites: Sequence[int], start: tuple[int, ...], split: Splitter
) -> tuple[int, ...]:
    """The order of OR-Tools' best solution with sorties from these sites; `start` where there is
    none."""
    ways = 2 * problem.pieces
    nodes = [*range(ways), *(ways + site for site in sites)]
    seconds, watt_hours = (table[np.ix_(nodes, nodes)] for table in _matrices(problem))
    least = float(problem.work_wh.reshape(-1, 2).min(axis=1).sum())
    room = max(problem.most_wh - problem.sortie_wh, 1e-6)
    each = min(problem.pieces, math.ceil(1.5 * least / room) + 2)
    bases = [ways + site for site in range(len(sites)) for _ in range(each)]
    manager = pywrapcp.RoutingIndexManager(len(nodes), len(bases), bases, bases)
    routing = pywrapcp.RoutingModel(manager)
    time = routing.RegisterTransitMatrix(seconds.tolist())
    routing.SetArcCostEvaluatorOfAllVehicles(time)
    routing.SetFixedCostOfAllVehicles(round((problem.sortie_s + problem.swap_s) * 100))
    energy = routing.RegisterTransitMatrix(watt_hours.tolist())
    routing.AddDimension(energy, 0, math.floor(problem.most_wh * 100), True, "energy")
    items = np.zeros(len(nodes), dtype=np.int64)
    items[:ways] = np.repeat(problem.items, 2)
    count = routing.RegisterUnaryTransitVector(items.tolist())
    routing.AddDimension(count, 0, int(problem.most_items), True, "items")
    for piece in range(problem.pieces):
        pair = [manager.NodeToIndex(2 * piece), manager.NodeToIndex(2 * piece + 1)]
        routing.AddDisjunction(pair)  # exactly one of the two
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = (
        routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    )
    parameters.local_search_metaheuristic = (
        routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    )
    parameters.solution_limit = _SOLUTIONS
    parameters.time_limit.FromSeconds(_SECONDS)
    solution = routing.SolveWithParameters(parameters)
    if solution is None:
        return start
    order: list[int] = []
    for vehicle in range(len(bases)):
        index = solution.Value(routing.NextVar(routing.Start(vehicle)))
        while not routing.IsEnd(index):
            order.append(manager.IndexToNode(index) // 2)
            index = solution.Value(routing.NextVar(index))
    found = tuple(order)
    return found if split.cost(found) < math.inf else start


def _improved(
    split: Splitter, starts: Sequence[tuple[int, ...]], count: int, rng: random.Random
) -> tuple[int, ...]:
    """The best order found by moves and shakes from these."""
    most = min(2_000, max(200, _EFFORT // count**2))
    tries = 0

    def better(order: tuple[int, ...]) -> tuple[int, ...]:
        """Move by move as long as one of them helps and there are tries left."""
        nonlocal tries
        best, helped = split.cost(order), True
        while helped and tries < most:
            helped = False
            for move in _moves(count, rng, most):
                candidate = tuple(order[i] for i in move)
                tries += 1
                value = split.cost(candidate)
                if value < best - _EPSILON_S:
                    order, best, helped = candidate, value, True
                if tries >= most:
                    break
        return order

    best = min((better(order) for order in starts), key=split.cost)
    while tries < most:
        a, b, c = sorted(rng.sample(range(1, count), 3))
        shaken = best[:a] + best[b:c] + best[a:b] + best[c:]  # the double bridge: 2-opt resists it
        best = min(best, better(shaken), key=split.cost)
    return best


def _moves(count: int, rng: random.Random, most: int) -> list[tuple[int, ...]]:
    """Moves as orders of positions: runs turned round, runs of up to three moved; a sample where
    there are very many."""
    order = tuple(range(count))
    spans = [(i, j) for i in range(count - 1) for j in range(i + 2, count + 1)]
    shifts = [
        (i, run, k)
        for run in (1, 2, 3)
        for i in range(count - run + 1)
        for k in range(count - run + 1)
        if k != i
    ]
    if len(spans) + len(shifts) > most:
        spans = rng.sample(spans, min(len(spans), most // 2))
        shifts = rng.sample(shifts, min(len(shifts), most // 2))
    turned = [order[:i] + order[i:j][::-1] + order[j:] for i, j in spans]
    moved = []
    for i, run, k in shifts:
        rest, piece = order[:i] + order[i + run :], order[i : i + run]
        moved.append(rest[:k] + piece + rest[k:])
    return turned + moved
