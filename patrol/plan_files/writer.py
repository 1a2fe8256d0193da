"""`plan.json`: a plan as text, rounded so that writing what was read changes nothing."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from geo.camera import Camera
from geo.coordinates import LonLat
from patrol.plan import FORMAT, VERSION, Plan, Sortie
from patrol.planning.settings import PlanSettings
from patrol.planning.wind import Wind
from patrol.rivers import River

__all__ = ["plan_text"]


def plan_text(plan: Plan) -> str:
    """The file's text; same plan, same bytes."""
    return json.dumps(_document(plan), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _document(plan: Plan) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "area": plan.area,
        "settings": _settings(plan.settings),
        "projection": {"origin": _place(plan.projection.origin)},
        "rivers": [_river(river) for river in plan.rivers],
        "launch_sites": [
            {"code": s.code, "name": s.name, "name_en": s.name_en, "position": _place(s.position)}
            for s in plan.launch_sites
        ],
        "no_fly_zones": [
            {"name": zone.name, "outline": _line(zone.outline.exterior)}
            for zone in plan.no_fly_zones
        ],
        "reaches": [
            {"river": r.river, "from_m": round(float(r.from_m), 2), "to_m": round(float(r.to_m), 2)}
            for r in plan.reaches
        ],
        "lanes": [
            {
                "id": lane.id,
                "river": lane.river,
                "side": lane.side,
                "from_m": round(lane.from_m, 2),
                "to_m": round(lane.to_m, 2),
                "speed_m_s": round(float(lane.speed_m_s), 3),
                "line": _line(lane.line),
            }
            for lane in plan.lanes
        ],
        "sorties": [_sortie(sortie) for sortie in plan.sorties],
        "certificate": {
            "area_share": round(plan.certificate.area_share, 6),
            "banks": [
                {
                    "river": b.river,
                    "bank": b.bank,
                    "from_m": round(b.from_m, 2),
                    "to_m": round(b.to_m, 2),
                    "metres": round(b.metres, 2),
                    "seen_m": round(b.seen_m, 2),
                }
                for b in plan.certificate.banks
            ],
            "uncovered": [
                {
                    "river": u.river,
                    "bank": u.bank,
                    "from_m": round(u.from_m, 2),
                    "to_m": round(u.to_m, 2),
                    "reason": u.reason,
                }
                for u in plan.certificate.uncovered
            ],
        },
        "operation": {
            "operating_s": round(plan.operation.operating_s, 2),
            "lower_bound_s": round(plan.operation.lower_bound_s, 2),
            "bound_method": plan.operation.bound_method,
            "flight_s": round(plan.operation.flight_s, 2),
            "ferry_s": round(plan.operation.ferry_s, 2),
            "ground_s": round(plan.operation.ground_s, 2),
            "flights": [
                {
                    "crew": f.crew,
                    "drone": f.drone,
                    "sortie": f.sortie,
                    "site": f.site,
                    "start_s": round(f.start_s, 2),
                    "end_s": round(f.end_s, 2),
                }
                for f in plan.operation.flights
            ],
        },
        "terrain": None if plan.terrain is None else plan.terrain.to_document(),
        "notes": list(plan.notes),
    }


def _settings(settings: PlanSettings) -> dict[str, Any]:
    """Every field by its own name; the camera's and the wind's nested."""
    return _fields(settings)


def _fields(value: PlanSettings | Camera | Wind) -> dict[str, Any]:
    return {f.name: _value(getattr(value, f.name), str(f.type)) for f in fields(value)}


def _value(value: Any, kind: str) -> Any:
    match value:
        case Camera() | Wind():
            return _fields(value)
        case int() | float() if kind.startswith("float"):
            return float(f"{value:.9g}")
        case tuple():
            return list(value)
    return value


def _river(river: River) -> dict[str, Any]:
    return {
        "code": river.code,
        "name": river.name,
        "name_en": river.name_en,
        "width_m": round(river.width_m, 3),
        "centreline": _line(river.centreline),
        "breadths": [
            [round(v, 3) for v in (b.from_m, b.to_m, b.left_m, b.right_m)] for b in river.breadths
        ],
    }


def _sortie(sortie: Sortie) -> dict[str, Any]:
    return {
        "id": sortie.id,
        "launch_site": sortie.launch_site,
        "launch": _place(sortie.launch),
        "ground_msl_m": round(sortie.ground_msl_m, 3),
        "length_m": round(sortie.length_m, 2),
        "duration_s": round(sortie.duration_s, 2),
        "energy_wh": round(sortie.energy_wh, 3),
        "waypoints": [
            {
                "lon": round(w.position.lon_deg, 8),
                "lat": round(w.position.lat_deg, 8),
                "above_launch_m": round(w.above_launch_m, 3),
                "leg": w.leg,
                "lane": w.lane,
            }
            for w in sortie.waypoints
        ],
    }


def _place(position: LonLat) -> list[float]:
    return [round(position.lon_deg, 8), round(position.lat_deg, 8)]


def _line(geometry: BaseGeometry) -> list[list[float]]:
    return [[round(float(x), 8), round(float(y), 8)] for x, y in shapely.get_coordinates(geometry)]
