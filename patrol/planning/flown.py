"""What a flight has really seen, from its telemetry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.camera import Pose
from patrol.plan import Certificate, Plan
from patrol.planning.check import certificate_with
from patrol.planning.ground import Ground
from patrol.telemetry import Telemetry

__all__ = ["flown_certificate", "flown_ground"]

FloatArray = NDArray[np.float64]

_EVERY_M = 2.0  # how far the vehicle moves between the pictures that are looked at
_EVERY_S = 1.0
_GPS_ERROR_M = 2.0  # a picture is trusted to within this, sideways


def flown_ground(plan: Plan, telemetry: Telemetry) -> NDArray[np.object_]:
    """(K,) polygons in metres of the plan's projection that the recorded pictures show, at the
    plan's GSD or finer, less what the position may be off by.

    The camera's pose is the recorded one: position, gimbal yaw, pitch and roll; the ground is the
    plan's terrain under the vehicle, level within one picture.
    """
    rows = _pictures(telemetry)
    if not len(rows):
        return np.empty(0, dtype=object)
    ground = Ground(plan.terrain, plan.projection)
    lonlat = np.column_stack([telemetry.lon_deg[rows], telemetry.lat_deg[rows]])
    points = plan.projection.forward(lonlat)
    above = telemetry.above_launch_m[rows]
    if plan.terrain is not None:
        above = telemetry.msl_m[rows] - ground.heights_m(points)
    shown = [
        _shown(plan, point, float(height), telemetry, int(row))
        for point, height, row in zip(points, above, rows, strict=True)
        if np.isfinite(height) and height > 1.0
    ]
    good = [polygon for polygon in shown if polygon is not None and not polygon.is_empty]
    return np.array(good, dtype=object)


def _pictures(telemetry: Telemetry) -> NDArray[np.int64]:
    """Rows while the camera records, a little apart."""
    rows: list[int] = []
    last_s, last = -np.inf, np.array([np.inf, np.inf])
    metre = np.array([np.cos(np.radians(float(np.mean(telemetry.lat_deg)))), 1.0]) * 111_195.0
    for row in np.flatnonzero(telemetry.recording):
        here = np.array([telemetry.lon_deg[row], telemetry.lat_deg[row]]) * metre
        if (
            telemetry.time_s[row] - last_s >= _EVERY_S
            or float(np.hypot(*(here - last))) >= _EVERY_M
        ):
            rows.append(int(row))
            last_s, last = float(telemetry.time_s[row]), here
    return np.array(rows, dtype=np.int64)


def _shown(
    plan: Plan, point: FloatArray, height_m: float, telemetry: Telemetry, row: int
) -> BaseGeometry | None:
    """The ground in one picture, as far as the GSD asked for reaches."""
    camera = plan.camera_model
    pose = Pose(
        float(point[0]),
        float(point[1]),
        height_m,
        float(telemetry.gimbal_yaw_deg[row]),
        float(telemetry.gimbal_pitch_deg[row]),
        float(telemetry.gimbal_roll_deg[row]),
    )
    width, height = camera.width_px, camera.height_px
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)
    rotation = pose.rotation()
    rays = camera.rays(corners) @ rotation  # camera axes to world axes
    deepest_m = plan.settings.gsd_m * 1.02 * camera.focal_px
    down = -rays[:, 2]
    if np.any(down <= 1e-3):
        return None
    ground = pose.position()[None, :2] + rays[:, :2] * (height_m / down)[:, None]
    whole: BaseGeometry = shapely.Polygon(ground)
    forward = rotation[2]
    # Points no deeper than the GSD allows form a half-plane on level ground.
    level = np.array([forward[0], forward[1]])
    reach_m = deepest_m + forward[2] * height_m  # forward . (x, y, -h) <= deepest
    length = float(np.hypot(*level))
    if length < 1e-6:
        if reach_m < 0:
            return None
    else:
        whole = shapely.intersection(whole, _half_plane(pose, level / length, reach_m / length))
    return whole.buffer(-_GPS_ERROR_M) if not whole.is_empty else None


def _half_plane(pose: Pose, ahead: FloatArray, reach_m: float) -> shapely.Polygon:
    """What lies no further than `reach_m` ahead of the camera, as a large square."""
    far = 5_000.0
    across = np.array([-ahead[1], ahead[0]])
    here = pose.position()[:2]
    corners = [
        here + ahead * reach_m + across * far,
        here + ahead * reach_m - across * far,
        here - ahead * far - across * far,
        here - ahead * far + across * far,
    ]
    return shapely.Polygon(corners)


def flown_certificate(plan: Plan, flights: Sequence[Telemetry]) -> Certificate:
    """Which metres of bank these flights have seen, of those that the plan is meant to cover."""
    shown = [flown_ground(plan, telemetry) for telemetry in flights]
    seen = np.concatenate(shown) if shown else np.empty(0, dtype=object)
    return certificate_with(plan, seen)
