"""Made-up sightings, and analysed patrols in folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely

from detection.comparison.patrols import BestView, Thing
from geo.coordinates import LocalProjection, LonLat
from geo.layers import Feature, write_layer

HERE = LocalProjection(LonLat(113.459, 23.106))


def thing(
    name: str,
    class_name: str,
    at_m: tuple[float, float],
    *,
    radius_m: float = 2.0,
    sigma_m: float = 1.5,
    views: int = 3,
) -> Thing:
    [[lon, lat]] = HERE.inverse([at_m])
    return Thing(
        name, class_name, float(lon), float(lat), np.asarray(at_m, float),
        np.eye(2) * sigma_m**2, -1.5, radius_m, 0.9, views,
        BestView("footage/a.mp4", 3, 1.5, (10.0, 10.0, 40.0, 40.0)),
    )  # fmt: skip


def write_patrol(folder: Path, things: Sequence[Thing], *, name: str = "20260520-abc") -> Path:
    """What `patrol analyze` leaves, without the footage."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        Feature(
            shapely.Point(t.lon_deg, t.lat_deg),
            {
                "id": t.id,
                "class": t.class_name,
                "confidence": t.confidence,
                "covariance_m2": t.covariance_m2.tolist(),
                "height_m": t.up_m,
                "radius_m": t.radius_m,
                "views": t.views,
                "best_frame": {
                    "video": t.best.file,
                    "frame_index": t.best.shot,
                    "time_s": t.best.time_s,
                    "box_px": list(t.best.box_px),
                },
            },
        )
        for t in things
    ]
    members = {"patrol": name, "generated": "2026-05-20T01:00:00.000Z"}
    write_layer(folder / "sightings.geojson", rows, members=members)
    manifest = {"format": "river-patrol/manifest", "version": 1, "patrol": name}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
