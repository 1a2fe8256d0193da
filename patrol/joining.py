"""Reaches as they stand in a file, joined into rivers.

A survey cuts a river into reaches at bridges and district borders, draws some of them the other
way round, some twice, and leaves gaps between them. `join_rivers` makes one centreline of what
belongs together. Nothing goes missing silently: every metre of a reach is within `SAME_M` of a
centreline, or a note tells of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from geo.coordinates import LocalProjection
from geo.layers import Feature
from patrol.errors import AreaError
from patrol.rivers import Breadth
from patrol.stretches import Stretch, crossing, without_duplicates

__all__ = ["MAX_GAP_M", "SHORTEST_M", "JoinedRiver", "join_rivers"]

MAX_GAP_M = 50.0
SHORTEST_M = 10.0  # a shorter piece beside others is not a river of its own
_EXACT_M = 0.05  # ends this near are one point
_NOTED_M = 2.5  # gaps up to here are how exactly anybody draws


@dataclass(frozen=True, slots=True)
class JoinedRiver:
    """A river put together from reaches, in WGS-84 and in metres.

    `breadths` follow one another from 0 to the centreline's length; a side is NaN where no reach
    says how wide the river is.
    """

    code: str
    name: str
    name_en: str
    centreline: LineString
    centreline_m: LineString
    breadths: tuple[Breadth, ...]
    source: str


def join_rivers(
    features: Sequence[Feature], projection: LocalProjection, *, max_gap_m: float = MAX_GAP_M
) -> tuple[list[JoinedRiver], list[str]]:
    """Join the reaches of each river; returns the rivers in file order, and notes (Chinese /
    English) on what was done.

    Features (LineString or MultiLineString, lon, lat) with the same `code`, or the same `name`
    where they have no code, are reaches of one river. Duplicates, also partial and up to
    `SAME_M` apart, count once. Ends up to `max_gap_m` apart are linked, nearest and straightest
    first, where the bridge crosses no other reach. The river runs the way its longest reach does.
    What stays apart (wider gaps, branches, the two halves of a loop) becomes rivers CODE-1,
    CODE-2 …. Rivers without a code get R1, R2 …. `width_m`, or `left_m` and `right_m`, of a
    reach become its breadths; where duplicates differ, and across a bridge, the wider counts.
    Raises AreaError for a line that crosses itself, a code of two names, a width that is none,
    and LayerError for one that is no number.
    """
    rivers: list[JoinedRiver] = []
    notes: list[str] = []
    for code, rows in _grouped(features, notes).items():
        joined, said = _join(code, rows, projection, max_gap_m)
        rivers += joined
        notes += said
    return rivers, notes


def _grouped(features: Sequence[Feature], notes: list[str]) -> dict[str, list[Feature]]:
    """The features of each river by its code, in file order."""
    names: dict[str, str] = {}  # by code
    for row in features:
        code, name = row.text("code", ""), row.text("name", "")
        if not code:
            continue
        known = names.get(code, "")
        if known and name and known != name:
            raise AreaError(
                f"{row.source}: the code {code!r} stands for two rivers, {known!r} and {name!r}; "
                "codes must differ"
            )
        names[code] = known or name
    owners: dict[str, list[str]] = {}
    for code, name in names.items():
        owners.setdefault(name, []).append(code)
    free = (own for n in count(1) if (own := f"R{n}") not in names)
    by_name: dict[str, str] = {}
    groups: dict[str, list[Feature]] = {}
    for row in features:
        code, name = row.text("code", ""), row.text("name", "")
        if not code:
            if name and len(owners.get(name, ())) == 1:
                code = owners[name][0]
            elif name and name in by_name:
                code = by_name[name]
            else:
                code = by_name[name] = next(free)
                notes.append(
                    f"{name or row.source}: 没有编号, 编为 {code} / has no code, is now {code}"
                )
        groups.setdefault(code, []).append(row)
    return groups


def _reaches(rows: Sequence[Feature], projection: LocalProjection) -> list[Stretch]:
    reaches: list[Stretch] = []
    for row in rows:
        left, right = _sides(row)
        for part in shapely.get_parts(row.geometry).tolist():
            line = shapely.transform(part, projection.forward)
            xy = shapely.get_coordinates(line)
            keep = np.r_[True, np.any(np.diff(xy, axis=0) != 0, axis=1)]
            if keep.sum() < 2:
                continue  # one point of a line of several parts has no length
            reach = Stretch.of(xy[keep], left, right, len(reaches))
            _must_be_simple(reach.line, projection, row.source)
            reaches.append(reach)
    return reaches


def _sides(row: Feature) -> tuple[float, float]:
    """How far the water reaches left and right, NaN where the reach does not say."""
    if row.properties.get("left_m") is not None or row.properties.get("right_m") is not None:
        left, right = row.number("left_m"), row.number("right_m")
        if min(left, right) < 0 or not 1 <= left + right <= 2000:
            raise AreaError(
                f"{row.source}: left_m and right_m must be 0 or more and together 1 to 2000 "
                f"metres, found {left:g} and {right:g}"
            )
        return left, right
    if row.properties.get("width_m") is None:
        return float("nan"), float("nan")
    width = row.number("width_m")
    if not 1 <= width <= 2000:
        raise AreaError(f"{row.source}: width_m must be 1 to 2000 metres, found {width:g}")
    return width / 2, width / 2


def _must_be_simple(line: LineString, projection: LocalProjection, source: str) -> None:
    where = crossing(line)
    if where is not None:
        [[lon, lat]] = projection.inverse(where)
        raise AreaError(
            f"{source}: the centreline crosses itself at {lon:.6f}, {lat:.6f}; "
            "draw it once, from one end to the other"
        )


def _join(
    code: str, rows: Sequence[Feature], projection: LocalProjection, max_gap_m: float
) -> tuple[list[JoinedRiver], list[str]]:
    first = rows[0]
    name = next((n for row in rows if (n := row.text("name", ""))), code)
    english = next((n for row in rows if (n := row.text("name_en", ""))), name)
    reaches = _reaches(rows, projection)
    if not reaches:
        raise AreaError(f"{first.source}: the centreline has no length")
    label = f"{code} {name}" if name != code else code
    notes: list[str] = []
    kept, twice_m = without_duplicates(reaches)
    if twice_m > 0:
        notes.append(
            f"{label}: 重复的河段 {twice_m:.0f} 米只计一次 / {twice_m:.0f} m drawn twice count once"
        )
    chains, gaps = _chains(kept, max_gap_m)
    if gaps:
        shown = ", ".join(f"{gap:.1f}" for gap in sorted(gaps, reverse=True)[:10])
        notes.append(
            f"{label}: 补接断开 {len(gaps)} 处 ({shown} 米) / bridged {len(gaps)} gaps ({shown} m)"
        )
    if len(kept) > len(chains):
        notes.append(
            f"{label}: {len(kept)} 段合为 {len(chains)} 条中心线 / "
            f"{len(kept)} reaches made {len(chains)} centrelines"
        )
    lines = [half for chain in chains for half in _opened(chain, label, notes)]
    long = [line for line in lines if line.length_m >= SHORTEST_M]
    if long and len(long) < len(lines):
        lost_m = sum(line.length_m for line in lines) - sum(line.length_m for line in long)
        notes.append(
            f"{label}: 略去短于 {SHORTEST_M:g} 米的零散线段, 共 {lost_m:.1f} 米 / left out scraps "
            f"under {SHORTEST_M:g} m, {lost_m:.1f} m in all"
        )
        lines = long
    codes = [code] if len(lines) == 1 else [f"{code}-{n}" for n in range(1, len(lines) + 1)]
    if len(lines) > 1:
        notes.append(
            f"{label}: 有分叉、环或大于 {max_gap_m:g} 米的断开, 分为 {', '.join(codes)} / "
            f"branches, loops or gaps over {max_gap_m:g} m, now {', '.join(codes)}"
        )
    rivers = []
    for own, line in zip(codes, lines, strict=True):
        _must_be_simple(line.line, projection, first.source)
        whole = first.geometry if len(rows) == len(reaches) == len(lines) == 1 else None
        rivers.append(
            JoinedRiver(
                own, name, english,
                whole if isinstance(whole, LineString)
                else shapely.transform(line.line, projection.inverse),
                line.line, line.breadths, first.source,
            )
        )  # fmt: skip
    return rivers, notes


def _opened(chain: Stretch, label: str, notes: list[str]) -> list[Stretch]:
    """A chain that closes on itself, as its two halves; any other as it is."""
    apart_m = float(np.hypot(*(chain.xy[0] - chain.xy[-1])))
    if apart_m > _NOTED_M or chain.length_m < 4 * _NOTED_M:
        return [chain]
    notes.append(f"{label}: 首尾相接成环, 从中分开 / closes on itself, cut in two")
    half = chain.length_m / 2
    return [chain.cut(0.0, half), chain.cut(half, chain.length_m)]


def _chains(reaches: list[Stretch], max_gap_m: float) -> tuple[list[Stretch], list[float]]:
    """Link reaches end to end; returns the chains, and the gaps bridged that are worth a note."""
    links, gaps = _links(reaches, max_gap_m)
    chains = []
    seen: set[int] = set()
    for start in range(len(reaches)):
        if start in seen:
            continue
        # Walk back to one end of the chain this reach is in, then forward through it.
        at, side, walked = start, 0, set[int]()
        while (at, side) in links and at not in walked:
            walked.add(at)
            at, side = links[at, side]
            side = 1 - side
        ordered = []
        side = 1 - side  # leave the first reach by its other end
        while True:
            seen.add(at)
            ordered.append((at, side == 1))
            if (at, side) not in links:
                break
            at, side = links[at, side]
            side = 1 - side
        longest = max(ordered, key=lambda item: (reaches[item[0]].length_m, -item[0]))
        if not longest[1]:
            ordered = [(i, not ahead) for i, ahead in reversed(ordered)]
        parts = [reaches[i] if ahead else reaches[i].reversed() for i, ahead in ordered]
        chain = parts[0]
        for part in parts[1:]:
            chain = chain.followed_by(part, _EXACT_M)
        chains.append(replace(chain, order=min(part.order for part in parts)))
    return sorted(chains, key=lambda chain: chain.order), gaps


End = tuple[int, int]


def _links(reaches: list[Stretch], max_gap_m: float) -> tuple[dict[End, End], list[float]]:
    """Which end (reach, 0 its first or 1 its last point) is joined to which; and the gaps."""
    count = len(reaches)
    lines = np.array([reach.line for reach in reaches], dtype=object)
    xy = np.array([reach.xy[k] for reach in reaches for k in (0, -1)])
    out = np.array([reach.outward(k) for reach in reaches for k in (0, 1)])
    points = np.asarray(shapely.points(xy))
    tree, line_tree = shapely.STRtree(points), shapely.STRtree(lines)
    one, two = tree.query(points, predicate="dwithin", distance=max_gap_m)
    pick = one // 2 < two // 2
    one, two = one[pick], two[pick]
    between = xy[two] - xy[one]
    gap = np.hypot(between[:, 0], between[:, 1])
    along = between / np.maximum(gap, 1e-9)[:, None]
    turn = 2 - (out[one] * along).sum(axis=1) + (out[two] * along).sum(axis=1)
    through = 1 + (out[one] * out[two]).sum(axis=1)
    # Nearest first; a bridge that doubles back counts as up to three times as long.
    cost = gap * (1 + turn / 2) + through
    mouths = _mouths(reaches, points, line_tree)
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    links: dict[End, End] = {}
    gaps: list[float] = []
    for k in np.argsort(cost, kind="stable").tolist():
        i, j = int(one[k]), int(two[k])
        a, b = divmod(i, 2), divmod(j, 2)
        if a in links or b in links or root(a[0]) == root(b[0]):
            continue
        if gap[k] > _NOTED_M and (i in mouths or j in mouths or _blocked(xy[i], xy[j], line_tree)):
            continue
        links[a], links[b] = b, a
        parent[root(a[0])] = root(b[0])
        if gap[k] > _NOTED_M:
            gaps.append(float(gap[k]))
    return links, gaps


def _mouths(
    reaches: list[Stretch], points: NDArray[np.object_], line_tree: shapely.STRtree
) -> set[int]:
    """The ends that touch another reach between its ends: a branch begins there, no gap."""
    found = set()
    for i, j in line_tree.query(points, predicate="dwithin", distance=_NOTED_M).T.tolist():
        if i // 2 != j:
            here = reaches[j].line.project(points[i])
            if _NOTED_M < here < reaches[j].length_m - _NOTED_M:
                found.add(i)
    return found


def _blocked(
    start: NDArray[np.float64], end: NDArray[np.float64], line_tree: shapely.STRtree
) -> bool:
    """Whether a bridge would cross a reach."""
    step = (end - start) * 1e-3
    bridge = LineString([start + step, end - step])
    return len(line_tree.query(bridge, predicate="intersects")) > 0
