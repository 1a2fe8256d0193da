"""What any ground station gets of one sortie, in no format's own terms.

Every number is on the grid that the files carry (1e-8 degrees, mm, mm/s), so that what is read
back can be compared exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from geo.coordinates import LonLat
from patrol.errors import PlanFileError
from patrol.export.fence import keep_in
from patrol.mission import (
    LEAST_TAKE_OFF_M,
    RoutePoint,
    grid_position,
    on_grid,
    one_line,
    route_points,
    take_off_m,
    trigger_m,
)
from patrol.plan import Plan, Sortie
from patrol.planning.settings import Capture, PlanSettings

__all__ = [
    "CameraFacts",
    "RallyPoint",
    "Ring",
    "Route",
    "RoutePoint",
    "Runs",
    "ZoneRing",
    "bare",
    "lane_runs",
    "launch_of",
    "numbered_lanes",
    "route_of",
    "with_lanes",
]

Ring = tuple[LonLat, ...]  # a polygon's corners, not closed
Runs = list[tuple[int, int]]

# Widths of the sensors behind `geo.camera.CAMERAS` (makers' sheets). A camera is known in pixels;
# ground stations want millimetres, and only ratios matter to them.
_SENSOR_MM = {
    "m3e": 17.3, "m3t": 6.4, "m30t": 6.4, "m4e": 17.3, "p4rtk": 13.2, "mini4pro": 9.6,
}  # fmt: skip
_FULL_FRAME_MM = 36.0


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """A camera as survey planners describe it; `sidelap_pct` is what neighbouring lanes share."""

    name: str
    sensor_width_mm: float
    sensor_height_mm: float
    focal_mm: float
    width_px: int
    height_px: int
    interval_s: float
    sidelap_pct: float


@dataclass(frozen=True, slots=True)
class RallyPoint:
    """Where else a failsafe may bring the vehicle, and how high it goes there."""

    position: LonLat
    above_launch_m: float


@dataclass(frozen=True, slots=True)
class ZoneRing:
    """A polygon to stay out of."""

    name: str
    ring: Ring


@dataclass(frozen=True, slots=True)
class Route:
    """One sortie. What a format does not carry is None, empty or 0 after reading.

    `name` is the file's. `take_off_m` is climbed to before anything else, `cruise_m_s` flown to
    the first waypoint and between lanes. `ground_msl_m` is the ground's height at the launch site
    (0: not known). `trigger_m` is the distance from photo to photo, 0 for video. `aircraft` is a
    code of `geo.camera.CAMERAS`.
    """

    name: str
    home: LonLat | None
    take_off_m: float
    cruise_m_s: float
    pitch_deg: float
    trigger_m: float
    points: tuple[RoutePoint, ...]
    ground_msl_m: float = 0.0
    fence: Ring = ()
    zones: tuple[ZoneRing, ...] = ()
    rally: tuple[RallyPoint, ...] = ()
    aircraft: str | None = None
    camera: CameraFacts | None = None

    @property
    def capture(self) -> Capture:
        return "photos" if self.trigger_m > 0 else "video"


def route_of(plan: Plan, sortie: Sortie) -> Route:
    """The route of a sortie; its name is `sortie-NN`."""
    points = route_points(plan, sortie)
    home = grid_position(sortie.launch)
    highest = max(point.above_launch_m for point in points)
    return Route(
        name=f"sortie-{sortie.id:02d}",
        home=home,
        take_off_m=take_off_m(points),
        cruise_m_s=on_grid(plan.settings.speed_m_s),
        pitch_deg=on_grid(plan.settings.pitch_deg),
        trigger_m=trigger_m(plan),
        points=points,
        ground_msl_m=on_grid(sortie.ground_msl_m),
        fence=ring_of(keep_in(sortie).exterior.coords),
        zones=tuple(
            ZoneRing(one_line(zone.name), ring_of(zone.outline.exterior.coords))
            for zone in plan.no_fly_zones
        ),
        rally=(RallyPoint(home, max(highest, LEAST_TAKE_OFF_M)),),
        aircraft=plan.settings.camera,
        camera=_facts(plan.settings),
    )


def ring_of(coordinates: Iterable[Sequence[float]]) -> Ring:
    """A closed ring of (lon, lat) as corners on the files' grid."""
    return tuple(grid_position(LonLat(c[0], c[1])) for c in list(coordinates)[:-1])


def _facts(settings: PlanSettings) -> CameraFacts:
    camera = settings.camera_model
    sensor_mm = _FULL_FRAME_MM if settings.own_camera else _SENSOR_MM[settings.camera]
    pixel_mm = sensor_mm / camera.width_px
    return CameraFacts(
        name=one_line(camera.name),
        sensor_width_mm=sensor_mm,
        sensor_height_mm=on_grid(pixel_mm * camera.height_px, 4),
        focal_mm=on_grid(pixel_mm * camera.focal_px, 4),
        width_px=camera.width_px,
        height_px=camera.height_px,
        interval_s=settings.aircraft.photo_interval_s,
        sidelap_pct=on_grid(100 * settings.sidelap, 2),
    )


def launch_of(route: Route, what: str) -> LonLat:
    """The route's launch site; raises PlanFileError where it came without one."""
    if route.home is None:
        raise PlanFileError(f"{route.name}: {what} needs a launch site and the route has none")
    return route.home


def lane_runs(points: Sequence[RoutePoint]) -> Runs:
    """(first, last) indices of the points of each stretch that is captured."""
    runs: Runs = []
    begin: int | None = None
    for index, point in enumerate(points):
        if begin is None and point.capture:
            begin = index
        elif begin is not None and not point.capture:
            runs.append((begin, index))
            begin = None
    return runs


def with_lanes(points: Sequence[RoutePoint], names: Sequence[str]) -> tuple[RoutePoint, ...]:
    """The points with the captured stretches named, and no other lanes."""
    named = [replace(point, lane=None) for point in points]
    for (first, last), name in zip(lane_runs(points), names, strict=True):
        for index in range(first, last + 1):
            named[index] = replace(named[index], lane=name)
    return tuple(named)


def numbered_lanes(points: Sequence[RoutePoint]) -> tuple[RoutePoint, ...]:
    """The points with the lanes called lane-1, lane-2 …: for formats that do not name them."""
    return with_lanes(points, [f"lane-{i + 1}" for i in range(len(lane_runs(points)))])


def bare(route: Route) -> Route:
    """The route without fence, zones, rally points, camera and the lanes' names."""
    points = numbered_lanes(route.points)
    captures = any(point.capture for point in points)
    return replace(
        route,
        points=points,
        trigger_m=route.trigger_m if captures else 0.0,
        ground_msl_m=0.0, fence=(), zones=(), rally=(), aircraft=None, camera=None,
    )  # fmt: skip
