"""A patrol of the virtual river against what was planted in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from shapely.geometry.base import BaseGeometry

from dispatch.errors import ReportError
from geo.coordinates import LocalProjection
from geo.layers import read_layer
from patrol.area import StudyArea
from patrol.plan import Plan

__all__ = ["Against", "Planted", "against_truth", "compare_patrol"]

# An alert is of a planted thing if it is of its class and lies this close to its outline.
_REACH_M = 8.0
# Share of the swath's half width that is counted as filmed, and reach beyond a lane's ends.
_SEEN_SHARE = 0.85


@dataclass(frozen=True, slots=True)
class Planted:
    """A violation that was planted: where, in the area's metres, and in which community."""

    id: str
    violation: str
    community: str
    centre_m: shapely.Point
    outline_m: BaseGeometry


@dataclass(frozen=True, slots=True, eq=False)
class Against:
    """What a patrol's lanes could see of what was planted, its alerts (rows of cases.json) with
    their places, `other` things that stand there, and how much river was patrolled."""

    planted: list[Planted]
    alerts: list[dict[str, Any]]
    at_m: list[shapely.Point]
    other: list[tuple[str, shapely.Point]]
    river_km: float

    def distance_m(self) -> NDArray[np.float64]:
        """(planted, alerts): from the middle of each planted thing to each alert; infinite where
        that cannot be meant: of another class, or more than 8 m from its outline."""
        table = np.full((len(self.planted), len(self.alerts)), np.inf)
        for i, thing in enumerate(self.planted):
            for j, alert in enumerate(self.alerts):
                same_class = alert["class"] == thing.violation
                if same_class and thing.outline_m.distance(self.at_m[j]) <= _REACH_M:
                    table[i, j] = thing.centre_m.distance(self.at_m[j])
        return table


def against_truth(patrol_dir: Path, area_dir: Path) -> Against:
    """PATROL_DIR/cases.json beside PATROL_DIR/truth.geojson.

    Alerts are the cases (dispatched or waiting for a reviewer). Only what was planted within the
    swath of the planned lanes counts as planted.
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
    lonlat = np.array([[row["lon"], row["lat"]] for row in alerts], dtype=float).reshape(-1, 2)
    at = [shapely.Point(*place) for place in area.projection.forward(lonlat)]
    km = sum(abs(reach.to_m - reach.from_m) for reach in plan.reaches) / 1000
    return Against(planted, alerts, at, other, km)


def compare_patrol(patrol_dir: Path, area_dir: Path) -> dict[str, Any]:
    """Compare a patrol's alerts with what was planted (`against_truth`).

    Matching is one to one within a class (Hungarian), by distance from the planted thing, at most
    8 m from its outline. Gives counts, false alerts a river kilometre, median distance between
    positions in metres, the share of matched alerts whose most probable community is the right
    one, all of it by class too, and the misses.
    """
    both = against_truth(patrol_dir, area_dir)
    planted, alerts, at, other, km = both.planted, both.alerts, both.at_m, both.other, both.river_km
    pairs = _matched(both.distance_m())
    errors = [planted[i].centre_m.distance(at[j]) for i, j in pairs]
    right = [_community(alerts[j]) == planted[i].community for i, j in pairs]
    hits = {j for _, j in pairs}
    false = [j for j in range(len(alerts)) if j not in hits]
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
) -> tuple[list[Planted], list[tuple[str, shapely.Point]]]:
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
            Planted(
                feature.text("id"), feature.text("class"), feature.text("community_code"),
                point, outline,
            )
        )  # fmt: skip
    return planted, other


def _matched(distance_m: NDArray[np.float64]) -> list[tuple[int, int]]:
    possible = np.isfinite(distance_m)
    rows, columns = linear_sum_assignment(np.where(possible, distance_m, 1e6))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if possible[i, j]]


def _community(alert: dict[str, Any]) -> str | None:
    best = max(alert["communities"], key=lambda share: share["probability"], default=None)
    return best["code"] if best else None


def _nearest(at: shapely.Point, other: list[tuple[str, shapely.Point]]) -> str:
    """What stands nearest to a false alert, and how far off, to tell its cause."""
    if not other:
        return ""
    name, point = min(other, key=lambda row: row[1].distance(at))
    return f"{name} {point.distance(at):.0f} m"
