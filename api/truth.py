"""A patrol of the virtual river against what was planted in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from scipy.optimize import linear_sum_assignment
from shapely.geometry.base import BaseGeometry

from dispatch.errors import ReportError
from geo.coordinates import LocalProjection
from geo.layers import read_layer
from patrol.area import StudyArea
from patrol.plan import Plan

__all__ = ["compare_patrol"]

# An alert is of a planted thing if it is of its class and lies this close to its outline.
_REACH_M = 8.0
# Share of the swath's half width that is counted as filmed, and reach beyond a lane's ends.
_SEEN_SHARE = 0.85


@dataclass(frozen=True, slots=True)
class _Planted:
    id: str
    violation: str
    community: str
    centre_m: shapely.Point
    outline_m: BaseGeometry


def compare_patrol(patrol_dir: Path, area_dir: Path) -> dict[str, Any]:
    """Compare PATROL_DIR/cases.json with PATROL_DIR/truth.geojson.

    Alerts are the cases (dispatched or waiting for a reviewer). Matching is one to one within a
    class (Hungarian), by distance from the planted thing's outline, at most 8 m. Only what was
    planted within the swath of the planned lanes counts as planted. Gives counts, false alerts a
    river kilometre, median distance between positions in metres, the share of matched alerts
    whose most probable community is the right one, all of it by class too, and the misses.
    """
    area = StudyArea.read(area_dir)
    plan = Plan.read(patrol_dir)
    filmed = _filmed_m(plan, area)
    planted, other = _truth(patrol_dir, area.projection)
    planted = [thing for thing in planted if filmed.contains(thing.centre_m)]
    path = patrol_dir / "cases.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReportError(f"{path}: cannot be read ({error}); run `patrol open-cases`") from None
    alerts = document["cases"] + document["to_review"]
    lonlat = np.array([[row["lon"], row["lat"]] for row in alerts], dtype=float)
    at = [shapely.Point(*place) for place in area.projection.forward(lonlat)]
    pairs = _matched(planted, alerts, at)
    errors = [planted[i].centre_m.distance(at[j]) for i, j in pairs]
    right = [_community(alerts[j]) == planted[i].community for i, j in pairs]
    hits = {j for _, j in pairs}
    false = [j for j in range(len(alerts)) if j not in hits]
    km = sum(abs(reach.to_m - reach.from_m) for reach in plan.reaches) / 1000
    found = {i for i, _ in pairs}
    classes = sorted({thing.violation for thing in planted} | {row["class"] for row in alerts})
    return {
        "planted": len(planted),
        "found": len(pairs),
        "alerts": len(alerts),
        "false_alerts": len(false),
        "river_km": round(km, 3),
        "false_alerts_per_km": round(len(false) / km, 3),
        "position_error_m": round(float(np.median(errors)), 3) if errors else float("nan"),
        "right_community_share": round(float(np.mean(right)), 4) if right else float("nan"),
        "by_class": {
            name: {
                "planted": sum(t.violation == name for t in planted),
                "found": sum(planted[i].violation == name for i, _ in pairs),
                "false": sum(alerts[j]["class"] == name for j in false),
            }
            for name in classes
        },
        "misses": [planted[i].id for i in range(len(planted)) if i not in found],
        "false": [
            {"sighting": alerts[j]["sighting"], "class": alerts[j]["class"],
             "near": _nearest(at[j], other)}
            for j in false
        ],
    }  # fmt: skip


def _filmed_m(plan: Plan, area: StudyArea) -> BaseGeometry:
    """The swath of the planned lanes, in the area's metres."""
    camera = plan.camera_model
    half_m = plan.height_agl_m * camera.width_px / camera.focal_px / 2 * _SEEN_SHARE
    lanes = [shapely.transform(lane.line, area.projection.forward) for lane in plan.lanes]
    swath: BaseGeometry = shapely.union_all(
        [shapely.buffer(lane, half_m, cap_style="flat") for lane in lanes]
    )
    return swath


def _truth(
    patrol_dir: Path, projection: LocalProjection
) -> tuple[list[_Planted], list[tuple[str, shapely.Point]]]:
    """What was planted, and what stands there besides."""
    planted, other = [], []
    for feature in read_layer(patrol_dir / "truth.geojson", ("Point",)):
        point = shapely.transform(feature.geometry, projection.forward)
        assert isinstance(point, shapely.Point)  # read_layer was asked for points
        if not feature.properties.get("planted", True):
            other.append((feature.text("id"), point))
            continue
        ring = np.array(feature.properties["footprint"], dtype=float)
        outline = shapely.Polygon(projection.forward(ring)) if len(ring) >= 3 else point
        planted.append(
            _Planted(
                feature.text("id"), feature.text("class"), feature.text("community_code"),
                point, outline,
            )
        )  # fmt: skip
    return planted, other


def _matched(
    planted: list[_Planted], alerts: list[dict[str, Any]], at: list[shapely.Point]
) -> list[tuple[int, int]]:
    if not planted or not alerts:
        return []
    cost = np.full((len(planted), len(alerts)), 1e6)
    for i, thing in enumerate(planted):
        for j, alert in enumerate(alerts):
            same_class = alert["class"] == thing.violation
            if same_class and thing.outline_m.distance(at[j]) <= _REACH_M:
                cost[i, j] = thing.centre_m.distance(at[j])
    rows, columns = linear_sum_assignment(cost)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if cost[i, j] < 1e6]


def _community(alert: dict[str, Any]) -> str | None:
    best = max(alert["communities"], key=lambda share: share["probability"], default=None)
    return best["code"] if best else None


def _nearest(at: shapely.Point, other: list[tuple[str, shapely.Point]]) -> str:
    """What stands nearest to a false alert, and how far off, to tell its cause."""
    if not other:
        return ""
    name, point = min(other, key=lambda row: row[1].distance(at))
    return f"{name} {point.distance(at):.0f} m"
