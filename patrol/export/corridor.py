"""A lane as QGroundControl's corridor scan: a complex item that can be edited there.

Keys and types are those that QGroundControl's loaders check (CorridorScanComplexItem::_loadWorker,
TransectStyleComplexItem::_load, CameraCalc::load, CameraSpec::load, MissionItem::load). The
corridor itself is version 2; the sections in it are written as version 1, which older and newer
loaders take alike (the newer turn `FollowTerrain` and `DistanceToSurfaceRelative` into
`DistanceMode`). `Items` are what is flown. The corridor is half a metre wide, less than any
picture, so that QGroundControl flies its line once and along it when it is edited.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from geo.coordinates import LocalProjection
from patrol.export.reading import Source
from patrol.export.route import CameraFacts, Route
from patrol.mission import FRAME_GLOBAL_RELATIVE_ALT, MissionItem, RoutePoint, on_grid

__all__ = ["camera_facts", "corridor_item", "is_corridor", "simple_item"]

ALTITUDE_RELATIVE = 1  # QGroundControlQmlGlobal::AltitudeModeRelative
_CORRIDOR_WIDTH_M = 0.5
_NO_CAMERA = "Manual (no camera specs)"  # keeps an edited corridor from taking photos
_OWN_CAMERA = "Custom Camera"
_KEYS = {  # of CameraCalc, for the figures of CameraFacts; "camera" is ours
    "name": "camera", "sensor_width_mm": "SensorWidth", "sensor_height_mm": "SensorHeight",
    "focal_mm": "FocalLength", "width_px": "ImageWidth", "height_px": "ImageHeight",
    "interval_s": "MinTriggerInterval", "sidelap_pct": "SideOverlap",
}  # fmt: skip


def simple_item(item: MissionItem, *, nested: bool = False) -> dict[str, Any]:
    """An item as QGroundControl has it; `nested` ones have no altitude keys of their own."""
    params = [item.param1, item.param2, item.param3, item.param4]
    row: dict[str, Any] = {
        "type": "SimpleItem",
        "autoContinue": bool(item.autocontinue),
        "command": item.command,
        "doJumpId": item.seq,
        "frame": item.frame,
        "params": [*params, item.lat_deg, item.lon_deg, item.altitude_m],
    }
    if item.frame == FRAME_GLOBAL_RELATIVE_ALT and not nested:
        row |= {
            "AMSLAltAboveTerrain": None,
            "Altitude": item.altitude_m,
            "AltitudeMode": ALTITUDE_RELATIVE,
        }
    return row


def corridor_item(
    route: Route, points: Sequence[RoutePoint], items: Sequence[MissionItem]
) -> dict[str, Any]:
    """A lane's points, and the items that fly and record it, as a corridor scan.

    `lane` is a key of ours; QGroundControl passes over keys that it does not know.
    """
    line = [[p.position.lat_deg, p.position.lon_deg] for p in points]
    return {
        "type": "ComplexItem",
        "complexItemType": "CorridorScan",
        "version": 2,
        "CorridorWidth": _CORRIDOR_WIDTH_M,
        "EntryPoint": 0,
        "lane": points[0].lane,
        "polyline": line,
        "TransectStyleComplexItem": {
            "version": 1,
            "CameraCalc": _camera_calc(route, max(p.above_launch_m for p in points)),
            "CameraShots": _shots(points, route.trigger_m),
            "CameraTriggerInTurnAround": False,
            "FollowTerrain": False,
            "HoverAndCapture": False,
            "Items": [simple_item(item, nested=True) for item in items],
            "Refly90Degrees": False,
            "TurnAroundDistance": 0,
            "VisualTransectPoints": line,
        },
    }


def _camera_calc(route: Route, height_m: float) -> dict[str, Any]:
    """The camera at this height above launch, the highest of the lane."""
    facts = route.camera or CameraFacts("", 1.0, 1.0, 1.0, 1, 1, 0.0, 0.0)
    cm_px = max(height_m, 1.0) * facts.sensor_width_mm * 100.0 / (facts.width_px * facts.focal_mm)
    ahead_m = facts.height_px * cm_px / 100.0
    side_m = facts.width_px * cm_px / 100.0 * (1.0 - facts.sidelap_pct / 100.0)
    overlap = 100.0 * (1.0 - route.trigger_m / ahead_m)
    return {
        "version": 1,
        "AdjustedFootprintFrontal": route.trigger_m,
        "AdjustedFootprintSide": on_grid(side_m),
        "CameraName": _OWN_CAMERA if route.camera and route.trigger_m > 0 else _NO_CAMERA,
        "DistanceToSurface": height_m,
        "DistanceToSurfaceRelative": True,
        "FixedOrientation": False,
        "FocalLength": facts.focal_mm,
        "FrontalOverlap": on_grid(min(max(overlap, 0.0), 99.0)),
        "ImageDensity": on_grid(cm_px, 6),
        "ImageHeight": facts.height_px,
        "ImageWidth": facts.width_px,
        "Landscape": True,
        "MinTriggerInterval": facts.interval_s,
        "SensorHeight": facts.sensor_height_mm,
        "SensorWidth": facts.sensor_width_mm,
        "SideOverlap": facts.sidelap_pct,
        "ValueSetIsDistance": True,
        "camera": route.camera.name if route.camera else None,
    }


def _shots(points: Sequence[RoutePoint], every_m: float) -> int:
    if every_m <= 0:
        return 0
    here = LocalProjection(points[0].position)
    track = here.forward([(p.position.lon_deg, p.position.lat_deg) for p in points])
    length_m = sum(math.dist(a, b) for a, b in pairwise(track))
    return math.ceil(length_m / every_m)


def is_corridor(row: dict[str, Any], where: str, source: Source) -> bool:
    """Whether a mission item is a corridor; raises PlanFileError for any other complex item."""
    if row.get("type") == "SimpleItem":
        return False
    if row.get("type") != "ComplexItem" or row.get("complexItemType") != "CorridorScan":
        found = f"{row.get('type')} {row.get('complexItemType', '')}"
        source.fail(where, "a SimpleItem or a CorridorScan", found)
    if row.get("version") != 2:
        source.fail(f"{where}.version", "2", row.get("version"))
    return True


def camera_facts(calc: object, where: str, source: Source) -> CameraFacts | None:
    """The camera of a corridor; None where the file has none of ours."""
    row = source.record(calc, where)
    return None if row.get(_KEYS["name"]) is None else source.camera(row, _KEYS, where)
