"""The keep-in fence of a sortie: the ground that the vehicle has any business over."""

from __future__ import annotations

import shapely
from shapely.geometry import LineString, Polygon

from geo.coordinates import LocalProjection
from patrol.plan import Sortie

__all__ = ["FENCE_M", "keep_in"]

FENCE_M = 80.0
_THINNING_M = 10.0  # autopilots hold some seventy fence points


def keep_in(sortie: Sortie) -> Polygon:
    """A polygon (lon, lat) that stays at least 70 m from every leg, the way home included."""
    home = (sortie.launch.lon_deg, sortie.launch.lat_deg)
    track = [home, *((w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints), home]
    here = LocalProjection(sortie.launch)
    around = shapely.buffer(LineString(here.forward(track)), FENCE_M, quad_segs=2)
    outline = shapely.simplify(Polygon(around.exterior), _THINNING_M)
    return shapely.transform(outline, here.inverse)
