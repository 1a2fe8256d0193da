"""The plan as map features: lanes, and the transit legs between them."""

from __future__ import annotations

from itertools import pairwise

from shapely.geometry import LineString

from geo.layers import Feature
from patrol.plan import Plan, Sortie

__all__ = ["lane_features"]


def lane_features(plan: Plan) -> list[Feature]:
    """Lines in WGS-84. `kind` is "lane" (with `lane`, `river`, `side`) or "transit"; `sortie`
    says who flies it."""
    flown_by = {
        waypoint.lane: sortie.id for sortie in plan.sorties for waypoint in sortie.waypoints
    }
    features = [
        Feature(
            lane.line,
            {
                "kind": "lane",
                "lane": lane.id,
                "river": lane.river,
                "side": lane.side,
                "from_m": round(lane.from_m, 1),
                "to_m": round(lane.to_m, 1),
                "sortie": flown_by.get(lane.id),
            },
        )
        for lane in plan.lanes
    ]
    for sortie in plan.sorties:
        features += [
            Feature(line, {"kind": "transit", "sortie": sortie.id}) for line in _transits(sortie)
        ]
    return features


def _transits(sortie: Sortie) -> list[LineString]:
    """From the launch site to the first lane, from lane to lane, and back."""
    home = (sortie.launch.lon_deg, sortie.launch.lat_deg)
    stops: list[tuple[tuple[float, float], str | None]] = [(home, None)]
    stops += [((w.position.lon_deg, w.position.lat_deg), w.lane) for w in sortie.waypoints]
    stops.append((home, None))
    lines: list[LineString] = []
    current: list[tuple[float, float]] = []
    for (here, lane), (there, next_lane) in pairwise(stops):
        if lane is not None and lane == next_lane:
            continue
        current = current or [here]
        current.append(there)
        if next_lane is not None or there is stops[-1][0]:
            line = LineString(current)
            lines += [line] if line.length > 0 else []
            current = []
    if current:
        lines.append(LineString(current))
    return lines
