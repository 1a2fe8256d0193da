"""Sightings: things placed on the ground, as GeoJSON that opens in QGIS."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from detection.merging import Group
from detection.passes import Pass
from detection.placement import View
from geo.coordinates import EastNorth, LocalProjection
from geo.layers import Feature, write_layer
from geo.placing import GroundPoint

__all__ = ["Sighting", "counts", "place_groups", "write_sightings"]

# No position from a drone's picture is known better than this, whatever the sums say.
_LEAST_SIGMA_M = 0.3
_OUTLINE_POINTS = 48


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One physical thing: where, with its covariance, how sure, and the views that it is from.

    `up_m` is the height of its middle above the launch site, `radius_m` half its diagonal;
    `best` the recording's number and the view that shows it best.
    """

    id: str
    class_name: str
    point: GroundPoint
    up_m: float
    radius_m: float
    confidence: float
    views: tuple[tuple[int, View], ...]
    best: tuple[int, View]


def place_groups(groups: Sequence[Group], projection: LocalProjection) -> list[Sighting]:
    """Groups of tracks as sightings, numbered in their order."""
    return [_sighting(f"S{n:04d}", group, projection) for n, group in enumerate(groups, 1)]


def _sighting(name: str, group: Group, projection: LocalProjection) -> Sighting:
    east, north = (float(value) for value in group.joint.ground_m)
    covariance = (group.joint.covariance_m2 + group.joint.covariance_m2.T) / 2
    values, vectors = np.linalg.eigh(covariance)
    covariance = vectors @ np.diag(np.maximum(values, _LEAST_SIGMA_M**2)) @ vectors.T
    views = group.views
    return Sighting(
        name, group.class_name, GroundPoint(EastNorth(east, north, projection), covariance),
        group.joint.up_m, group.radius_m, group.confidence, tuple(views),
        max(views, key=lambda row: _worth(row[1])),
    )  # fmt: skip


def _worth(view: View) -> float:
    """How well a view shows its thing: surely, near the picture's middle, and whole."""
    return view.confidence - 0.25 * view.off_axis - (0.5 if view.cut else 0.0)


def write_sightings(
    folder: Path, sightings: Sequence[Sighting], patrol: str, passes: Sequence[Pass]
) -> None:
    """Write sightings.geojson and sighting_ellipses.geojson."""
    ends = [one.ends for one in passes if one.ends is not None]
    members = {"patrol": patrol, "generated": _iso(max(ends)) if ends else None}
    points, ellipses = [], []
    for sighting in sightings:
        projection = sighting.point.position.projection
        at = projection.to_lonlat(sighting.point.position)
        properties = _properties(sighting, passes)
        points.append(Feature(shapely.Point(at.lon_deg, at.lat_deg), properties))
        brief = {key: properties[key] for key in ("id", "class", "confidence")}
        ellipses.append(Feature(_outline(sighting.point), brief))
    write_layer(folder / "sightings.geojson", points, members=members)
    write_layer(folder / "sighting_ellipses.geojson", ellipses, members=members)


def _outline(point: GroundPoint) -> shapely.Polygon:
    """The 95 % ellipse as a WGS-84 polygon."""
    centre = np.array([point.position.east_m, point.position.north_m])
    outline = centre + point.ellipse.outline_m(_OUTLINE_POINTS)
    return shapely.Polygon(point.position.projection.inverse(outline))


def _properties(sighting: Sighting, passes: Sequence[Pass]) -> dict[str, Any]:
    covariance, ellipse = sighting.point.covariance_m2, sighting.point.ellipse
    times = [time for row in sighting.views if (time := _time(row, passes)) is not None]
    recording, best = sighting.best
    return {
        "id": sighting.id,
        "class": sighting.class_name,
        "confidence": round(sighting.confidence, 3),
        "east_sigma_m": round(math.sqrt(covariance[0, 0]), 3),
        "north_sigma_m": round(math.sqrt(covariance[1, 1]), 3),
        "covariance_m2": [[round(float(v), 4) for v in row] for row in covariance],
        "ellipse": {
            "semi_major_m": round(ellipse.semi_major_m, 2),
            "semi_minor_m": round(ellipse.semi_minor_m, 2),
            "bearing_deg": round(ellipse.bearing_deg, 1),
            "level": 0.95,
        },
        "height_m": round(sighting.up_m, 2),
        "radius_m": round(sighting.radius_m, 2),
        "first_seen": _iso(min(times)) if times else None,
        "last_seen": _iso(max(times)) if times else None,
        "views": len({(number, view.shot) for number, view in sighting.views}),
        "passes": len({number for number, _ in sighting.views}),
        "best_frame": {
            "video": passes[recording].file_of(best.shot),
            "frame_index": best.shot,
            "time_s": round(best.time_s, 3),
            "box_px": [round(v, 1) for v in best.box_px],
        },
        "evidence": f"evidence/{sighting.id}.jpg",
        "source_files": sorted(
            {passes[number].file_of(view.shot) for number, view in sighting.views}
        ),
    }


def _time(row: tuple[int, View], passes: Sequence[Pass]) -> datetime | None:
    number, view = row
    clock = passes[number].clock
    return None if clock is None else clock + timedelta(seconds=view.time_s)


def counts(sightings: Sequence[Sighting], names: Sequence[str]) -> Mapping[str, int]:
    """How many sightings there are of each class."""
    return {name: sum(s.class_name == name for s in sightings) for name in names}


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
