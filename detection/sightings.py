"""Sightings: tracks of all passes, one for each physical thing, as GeoJSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from detection.placement import View
from detection.tracking import GATE_CHI2, Estimate, Track, estimate
from geo.coordinates import EastNorth, LocalProjection
from geo.layers import Feature, write_layer
from geo.placing import Ellipse, GroundPoint

__all__ = ["Confirmation", "Sighting", "confirmed", "merge", "write_sightings"]

_SAME_PASS_M = 2.0


@dataclass(frozen=True, slots=True)
class Confirmation:
    """When a track is held to be a thing: seen in at least `views` of the frames that showed its
    place (or in all, where fewer did) and in at least `share` of them."""

    views: int = 2
    share: float = 0.34


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One physical thing: where, with its covariance, and the tracks that it was seen in."""

    class_name: str
    point: GroundPoint
    up_m: float
    radius_m: float
    confidence: float
    tracks: tuple[Track, ...]

    @property
    def best(self) -> Track:
        """The track that the evidence is of."""
        return max(self.tracks, key=lambda t: t.pictured.confidence if t.pictured else -1.0)


def confirmed(
    tracks: Sequence[Track], rule: Confirmation, thresholds: Mapping[str, float]
) -> list[Track]:
    """The tracks that are held to be things."""
    return [
        track
        for track in tracks
        if track.hits >= min(rule.views, max(1, track.opportunities))
        and track.hits >= rule.share * track.opportunities
        and track.confidence >= thresholds[track.class_name]
    ]


def merge(tracks: Sequence[Track], projection: LocalProjection) -> list[Sighting]:
    """One sighting for each thing, though several tracks saw it (a second lane or sortie, or a
    track that broke).

    Tracks of a class are joined, nearest first, where their positions agree within their
    covariances (or lie within each other), and no picture shows both. Within one pass the shared
    error cancels, so the gate is narrow. Sorted from north to south.
    """
    sightings: list[Sighting] = []
    for name in sorted({track.class_name for track in tracks}):
        groups = [[track] for track in tracks if track.class_name == name]
        while (pair := _nearest(groups)) is not None:
            first, second = pair
            groups[first] += groups.pop(second)
        sightings += [_sighting(name, group, projection) for group in groups]
    return sorted(
        sightings, key=lambda s: (-s.point.position.north_m, s.point.position.east_m, s.class_name)
    )


def _nearest(groups: list[list[Track]]) -> tuple[int, int] | None:
    """The two groups that are most surely one thing; None where there are none."""
    if len(groups) < 2:
        return None
    estimates = [_joint(group) for group in groups]
    at = np.array([e.ground_m for e in estimates])
    radii = [max(track.radius_m for track in group) for group in groups]
    points = [shapely.Point(*place) for place in at]
    tree = shapely.STRtree(points)
    best, found = math.inf, None
    reach_m = 12.0 + 2 * max(radii)
    for first, second in tree.query(points, predicate="dwithin", distance=reach_m).T:
        if first >= second or _seen_together(groups[first], groups[second]):
            continue
        measure = _difference(
            groups[first], estimates[first], radii[first],
            groups[second], estimates[second], radii[second],
        )  # fmt: skip
        if measure < best:
            best, found = measure, (int(first), int(second))
    return found


def _difference(
    a: list[Track], ea: Estimate, ra: float, b: list[Track], eb: Estimate, rb: float
) -> float:
    """Distance in units of the gate, 1 and more meaning two things: `inf`."""
    offset = ea.ground_m - eb.ground_m
    distance_m = float(np.linalg.norm(offset))
    inside = distance_m <= 0.7 * max(ra, rb)  # a part of the other, seen cut or half hidden
    if {t.recording for t in a} & {t.recording for t in b}:
        gate_m = _SAME_PASS_M + 0.35 * (ra + rb)
        return distance_m / gate_m if distance_m <= gate_m or inside else math.inf
    spread = ea.covariance_m2 + eb.covariance_m2 + np.eye(2) * (0.25 * (ra + rb)) ** 2
    chi2 = float(offset @ np.linalg.solve(spread, offset))
    return chi2 / GATE_CHI2 if chi2 <= GATE_CHI2 or inside else math.inf


def _seen_together(a: list[Track], b: list[Track]) -> bool:
    """Whether some picture shows both, whole: then they are two."""
    mine = {(t.recording, v.shot) for t in a for v in t.views if not v.cut}
    return any((t.recording, v.shot) in mine for t in b for v in t.views if not v.cut)


def _joint(group: Sequence[Track]) -> Estimate:
    """All passes together: each pass solved by itself, then the inverse-covariance mean of the
    passes, whose shared errors are independent of one another."""
    passes: dict[int, list[View]] = {}
    for track in group:
        passes.setdefault(track.recording, []).extend(track.views)
    each = [estimate(views) for _, views in sorted(passes.items())]
    if len(each) == 1:
        return each[0]
    information = np.zeros((2, 2))
    weighted = np.zeros(2)
    for one in each:
        inverse = np.linalg.inv(one.covariance_m2)
        information += inverse
        weighted += inverse @ one.ground_m
    covariance: NDArray[np.float64] = np.linalg.inv(information).astype(np.float64)
    # Only the sum is asked for from here on.
    return Estimate(
        covariance @ weighted, float(np.mean([e.up_m for e in each])), np.zeros((2, 2)), covariance
    )


def _sighting(name: str, group: list[Track], projection: LocalProjection) -> Sighting:
    joint = _joint(group)
    position = EastNorth(float(joint.ground_m[0]), float(joint.ground_m[1]), projection)
    covariance = (joint.covariance_m2 + joint.covariance_m2.T) / 2
    values, vectors = np.linalg.eigh(covariance)
    covariance = vectors @ np.diag(np.maximum(values, 0.3**2)) @ vectors.T
    most = max(group, key=lambda track: track.hits)
    confidence = max(track.confidence for track in group)
    return Sighting(
        name, GroundPoint(position, covariance), joint.up_m, most.radius_m, confidence, tuple(group)
    )


def write_sightings(
    folder: Path,
    sightings: Sequence[Sighting],
    patrol: str,
    sources: Sequence[str],
    clock: Mapping[int, datetime | None],
    evidence: Mapping[int, str],
) -> None:
    """Write sightings.geojson and sighting_ellipses.geojson.

    `sources` names the footage of each recording, `clock` the time of its media time 0,
    `evidence` the picture of each sighting by its position in the list.
    """
    points, ellipses = [], []
    for index, sighting in enumerate(sightings):
        projection = sighting.point.position.projection
        at = projection.to_lonlat(sighting.point.position)
        ellipse = sighting.point.ellipse
        properties = _properties(sighting, index, sources, clock) | {
            "evidence": evidence[index],
            "ellipse": {
                "semi_major_m": round(ellipse.semi_major_m, 2),
                "semi_minor_m": round(ellipse.semi_minor_m, 2),
                "bearing_deg": round(ellipse.bearing_deg, 1),
                "level": 0.95,
            },
        }
        points.append(Feature(shapely.Point(at.lon_deg, at.lat_deg), properties))
        outline = _outline(sighting.point, ellipse, projection)
        brief = {key: properties[key] for key in ("id", "class", "confidence")}
        ellipses.append(Feature(outline, brief))
    write_layer(folder / "sightings.geojson", points, members={"patrol": patrol})
    write_layer(folder / "sighting_ellipses.geojson", ellipses, members={"patrol": patrol})


def _outline(point: GroundPoint, ellipse: Ellipse, projection: LocalProjection) -> shapely.Polygon:
    centre = np.array([point.position.east_m, point.position.north_m])
    return shapely.Polygon(projection.inverse(centre + ellipse.outline_m(48)))


def _properties(
    sighting: Sighting,
    index: int,
    sources: Sequence[str],
    clock: Mapping[int, datetime | None],
) -> dict[str, Any]:
    covariance = sighting.point.covariance_m2
    seen = sorted(
        (clock[t.recording], v.time_s) for t in sighting.tracks for v in t.views
        if clock[t.recording] is not None
    )  # fmt: skip
    times = [start + timedelta(seconds=s) for start, s in seen if start is not None]
    best = sighting.best
    shown = best.pictured or best.views[0]
    return {
        "id": f"S{index + 1:04d}",
        "class": sighting.class_name,
        "confidence": round(sighting.confidence, 3),
        "east_sigma_m": round(math.sqrt(covariance[0, 0]), 3),
        "north_sigma_m": round(math.sqrt(covariance[1, 1]), 3),
        "covariance_m2": [[round(float(v), 4) for v in row] for row in covariance],
        "height_m": round(sighting.up_m, 2),
        "radius_m": round(sighting.radius_m, 2),
        "first_seen": _iso(min(times)) if times else None,
        "last_seen": _iso(max(times)) if times else None,
        "views": sum(track.hits for track in sighting.tracks),
        "passes": len({track.recording for track in sighting.tracks}),
        "best_frame": {
            "video": sources[best.recording],
            "frame_index": shown.shot,
            "time_s": round(shown.time_s, 3),
            "box_px": [round(v, 1) for v in shown.box_px],
        },
        "source_files": sorted({sources[track.recording] for track in sighting.tracks}),
    }


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
