"""QGroundControl `.plan` (JSON) and `.waypoints` ("QGC WPL 110", tab separated).

Field names and values from QGroundControl's developer guide, "Plan file format" (version 1) and
MAVLink's "Plain-text file format"; Mission Planner, MAVProxy and pymavlink read the latter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shapely.geometry import Polygon

from geo.files import write_text
from patrol.export.fence import keep_in
from patrol.mission import FRAME_GLOBAL_RELATIVE_ALT, MissionItem, mission_items
from patrol.plan import Plan, Sortie

__all__ = ["FORMATS", "export_sorties", "plan_text", "waypoints_text"]

_FIRMWARE_ARDUPILOT = 3  # MAV_AUTOPILOT_ARDUPILOTMEGA
_VEHICLE_QUADROTOR = 2  # MAV_TYPE_QUADROTOR
_ALTITUDE_RELATIVE = 1  # QGroundControlQmlGlobal::AltitudeModeRelative
_COORDINATE_DECIMALS = 8


def plan_text(plan: Plan, sortie: Sortie) -> str:
    """A sortie as QGroundControl's plan: mission, keep-in fence, no-fly zones as exclusion
    polygons, and the launch site as rally point."""
    home, *rest = mission_items(plan, sortie)
    document = {
        "fileType": "Plan",
        "version": 1,
        "groundStation": "QGroundControl",
        "mission": {
            "version": 2,
            "firmwareType": _FIRMWARE_ARDUPILOT,
            "vehicleType": _VEHICLE_QUADROTOR,
            "globalPlanAltitudeMode": _ALTITUDE_RELATIVE,
            "cruiseSpeed": round(plan.speed_m_s, 3),
            "hoverSpeed": round(plan.speed_m_s, 3),
            "plannedHomePosition": [home.lat_deg, home.lon_deg, home.altitude_m],
            "items": [_simple_item(item) for item in rest],
        },
        "geoFence": {
            "version": 2,
            "circles": [],
            "polygons": [
                _polygon(keep_in(sortie), inclusion=True),
                *(_polygon(z.outline, inclusion=False) for z in plan.no_fly_zones),
            ],
        },
        "rallyPoints": {
            "version": 2,
            "points": [[home.lat_deg, home.lon_deg, round(plan.height_agl_m, 3)]],
        },
    }
    return json.dumps(document, indent=4, allow_nan=False) + "\n"


def _simple_item(item: MissionItem) -> dict[str, Any]:
    params = [item.param1, item.param2, item.param3, item.param4]
    row: dict[str, Any] = {
        "type": "SimpleItem",
        "autoContinue": bool(item.autocontinue),
        "command": item.command,
        "doJumpId": item.seq,
        "frame": item.frame,
        "params": [*params, item.lat_deg, item.lon_deg, item.altitude_m],
    }
    if item.frame == FRAME_GLOBAL_RELATIVE_ALT:
        row |= {
            "AMSLAltAboveTerrain": None,
            "Altitude": item.altitude_m,
            "AltitudeMode": _ALTITUDE_RELATIVE,
        }
    return row


def _polygon(outline: Polygon, *, inclusion: bool) -> dict[str, Any]:
    """An outline (lon, lat) as QGroundControl has it: lat, lon, and not closed."""
    points = [
        [round(lat, _COORDINATE_DECIMALS), round(lon, _COORDINATE_DECIMALS)]
        for lon, lat in outline.exterior.coords
    ]
    return {"version": 1, "inclusion": inclusion, "polygon": points[:-1]}


def waypoints_text(plan: Plan, sortie: Sortie) -> str:
    """A sortie as text: one item a line, home first and marked as the current one."""
    rows = ["QGC WPL 110"]
    for item in mission_items(plan, sortie):
        fields = [str(n) for n in (item.seq, item.current, item.frame, item.command)]
        fields += [f"{p:.6f}" for p in (item.param1, item.param2, item.param3, item.param4)]
        fields += [f"{degrees:.8f}" for degrees in (item.lat_deg, item.lon_deg)]
        fields += [f"{item.altitude_m:.6f}", str(item.autocontinue)]
        rows.append("\t".join(fields))
    return "\n".join(rows) + "\n"


FORMATS: dict[str, Callable[[Plan, Sortie], str]] = {
    "plan": plan_text,
    "waypoints": waypoints_text,
}


def export_sorties(plan: Plan, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write `sortie-NN.FORMAT` for each sortie and format; returns the paths.

    Files of these formats from an earlier plan with more sorties are removed, so that nobody
    flies them.
    """
    texts = {
        folder / f"sortie-{sortie.id:02d}.{name}": FORMATS[name](plan, sortie)
        for sortie in plan.sorties
        for name in formats
    }
    for path, text in texts.items():
        write_text(path, text)
    for name in formats:
        for path in folder.glob(f"sortie-*.{name}"):
            if path not in texts:
                path.unlink()
    return list(texts)
