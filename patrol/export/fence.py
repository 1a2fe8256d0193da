"""The fence of a sortie: the ground that the vehicle has any business over, and what lies within
that it must keep out of."""

from __future__ import annotations

import itertools

import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from geo.coordinates import LocalProjection
from patrol.plan import Plan, Sortie

__all__ = ["MOST_CORNERS", "keep_in", "keep_out"]

MOST_CORNERS = 70  # what ArduCopter 4.6 takes in all; older ones say 84
_KEEP_IN_CORNERS = 44
_AWAY_M = 70.0
_THINNING_M = (10.0, 20.0, 40.0, 80.0, 160.0, 320.0)
_ZONE_THINNING_M = (0.0, 2.0, 5.0, 10.0)
_ZONE_AWAY_M = 5.0


def _track(sortie: Sortie, here: LocalProjection) -> LineString:
    home = (sortie.launch.lon_deg, sortie.launch.lat_deg)
    places = [(w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints]
    return LineString(here.forward([home, *places, home]))


def keep_in(sortie: Sortie) -> Polygon:
    """A polygon (lon, lat) that stays at least 70 m from every leg and from the straight way home
    from each, which is what a failsafe flies, with no more corners than autopilots hold: the
    coarser, the further out."""
    here = LocalProjection(sortie.launch)
    track = shapely.get_coordinates(_track(sortie, here))
    fans = [Polygon([track[0], a, b]) for a, b in itertools.pairwise(track)]
    inside = shapely.union_all(
        [_track(sortie, here), *(f for f in fans if f.area > 0)], grid_size=1e-3
    )
    for thinning_m in _THINNING_M:
        around = shapely.buffer(inside, _AWAY_M + thinning_m, quad_segs=2)
        outline = shapely.simplify(Polygon(_whole(around).exterior), thinning_m)
        if len(_whole(outline).exterior.coords) <= _KEEP_IN_CORNERS + 1:
            return shapely.transform(_whole(outline), here.inverse)
    hull = shapely.convex_hull(shapely.buffer(inside, _AWAY_M, quad_segs=1))
    return shapely.transform(_whole(hull), here.inverse)


def _whole(shape: BaseGeometry) -> Polygon:
    """The shape, where it is one polygon, else its hull."""
    hull = shape if isinstance(shape, Polygon) else shape.convex_hull
    assert isinstance(hull, Polygon)
    return hull


def keep_out(plan: Plan, sortie: Sortie, inside: Polygon) -> list[Polygon]:
    """The no-fly zones that reach into the keep-in polygon `inside`, (lon, lat), nearest to the
    way first, made coarser outwards so far as that keeps five metres from the way; those for
    which the autopilot has no corners left are left out."""
    here = LocalProjection(sortie.launch)
    track = _track(sortie, here)
    fence = shapely.transform(inside, here.forward)
    left = MOST_CORNERS - (len(fence.exterior.coords) - 1)
    zones = [shapely.transform(zone.outline, here.forward) for zone in plan.no_fly_zones]
    found = []
    for zone in sorted(zones, key=track.distance):
        if not zone.intersects(fence):
            continue
        shapes = [_coarser(Polygon(zone.exterior), by_m) for by_m in _ZONE_THINNING_M]
        good = [s for s in shapes if s is not None and s.distance(track) >= _ZONE_AWAY_M]
        good = good or [Polygon(zone.exterior)]
        best = min(good, key=lambda s: len(s.exterior.coords))
        corners = len(best.exterior.coords) - 1
        if corners <= left:
            left -= corners
            found.append(shapely.transform(best, here.inverse))
    return found


def _coarser(zone: Polygon, by_m: float) -> Polygon | None:
    """The zone with fewer corners, nowhere smaller."""
    if by_m == 0.0:
        return zone
    wide = shapely.simplify(shapely.buffer(zone, by_m, join_style="mitre"), by_m)
    return wide if isinstance(wide, Polygon) and wide.contains(zone) else None
