"""Small patrols to fly often."""

from __future__ import annotations

import math
import random
import tempfile
from pathlib import Path

from shapely.geometry import LineString, Point

from geo.coordinates import LocalProjection, LonLat
from geo.layers import Feature, write_layer
from patrol.area import StudyArea
from patrol.plan import Plan
from patrol.planning.planner import plan_area
from patrol.planning.settings import PlanSettings

__all__ = ["short_river_plan"]


def short_river_plan(seed: int, length_m: float = 500.0) -> Plan:
    """One sortie over a bending river of about this length near Huangpu."""
    rng = random.Random(seed)
    here = LocalProjection(LonLat(113.459, 23.106))
    points = [(60.0, 60.0)]
    heading = rng.uniform(0.5, 1.2)
    while math.dist(points[0], points[-1]) < length_m * 0.8 and len(points) < 40:
        heading += rng.uniform(-0.35, 0.35)
        east, north = points[-1]
        points.append((east + 40.0 * math.sin(heading), north + 40.0 * math.cos(heading)))
    river = LineString(here.inverse(points))
    site = Point(here.inverse([(0.0, 0.0)])[0])
    with tempfile.TemporaryDirectory(prefix="river") as name:
        folder = Path(name)
        write_layer(
            folder / "rivers.geojson",
            [Feature(river, {"code": "R1", "name": "短涌", "name_en": "Short", "width_m": 12})],
        )
        write_layer(
            folder / "launch_sites.geojson",
            [Feature(site, {"code": "L1", "name": "起降点", "name_en": "Site"})],
        )
        area = StudyArea.read(folder)
        return plan_area(area, PlanSettings(speed_m_s=8.0))
