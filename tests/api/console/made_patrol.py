"""An analysed patrol of the Luogang study area, made up: what the console is shown in tests.

Only what analysis writes is made up here (sightings, pictures, the flown track); the cases are
opened by `patrol open-cases` and the console is served by `patrol serve`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import shapely
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from api.commands import app
from geo.placing import Ellipse
from patrol.area import StudyArea
from patrol.plan import Plan, Sortie
from patrol.rivers import River
from patrol.telemetry import Telemetry

PATROL = "luogang-0520"
SEEN_AT = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
_CLASSES = ("outfall", "discharge", "structure", "floating_waste")
_WATER = (96, 128, 124)
_BANK = (134, 146, 104)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `stop` ends it, as its operator would."""

    url: str
    stop: Callable[[], None]

    def get(self, path: str) -> Any:
        answer = httpx.get(f"{self.url}{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()


def patrol(*words: str | Path) -> dict[str, Any]:
    """Run `patrol WORDS --json` in this process and give what it printed."""
    done = CliRunner().invoke(app, [*map(str, words), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def make_patrol(folder: Path, area: Path, *, sightings: int = 14, seed: int = 5) -> Path:
    """A patrol's folder: planned by the program, its flight and sightings made up along the rivers."""
    rng = np.random.default_rng(seed)
    study = StudyArea.read(area)
    features = [
        _sighting(study, i, study.rivers[i % len(study.rivers)], (i + 1) / (sightings + 2), rng)
        for i in range(sightings)
    ]
    (folder / "evidence").mkdir(parents=True)
    for feature in features:
        properties = feature["properties"]
        _picture(folder / properties["evidence"], properties["class"], rng)
    document = {
        "type": "FeatureCollection",
        "patrol": PATROL,
        "generated": "2026-05-20T01:40:00Z",
        "features": features,
    }
    (folder / "sightings.geojson").write_text(
        json.dumps(document, ensure_ascii=False), encoding="utf-8"
    )
    patrol("plan", area, "--out", folder)
    for sortie in Plan.read(folder).sorties:
        _flight(study, sortie).write(folder / "flight" / f"sortie-{sortie.id:02d}.parquet")
    return folder


def open_cases(folder: Path, area: Path, now: datetime) -> list[str]:
    """The numbers of the cases that were opened, some late for acceptance, most of them not."""
    whole = json.loads((folder / "sightings.geojson").read_text(encoding="utf-8"))
    early = whole | {"features": whole["features"][:3]}
    opened: list[str] = []
    for document, at in ((early, now - timedelta(hours=27)), (whole, now - timedelta(hours=5))):
        (folder / "sightings.geojson").write_text(json.dumps(document), encoding="utf-8")
        done = patrol(
            "open-cases", folder, "--area", area, "--now", at.isoformat(timespec="seconds")
        )
        opened += done["opened"]
    return opened


def _sighting(
    study: StudyArea, index: int, river: River, share: float, rng: np.random.Generator
) -> dict[str, Any]:
    """A sighting at this share of the river's length; the last one is unsure, one far away."""
    violation = _CLASSES[index % len(_CLASSES)]
    line = river.centreline_m
    here, ahead = line.interpolate([share, min(share + 0.01, 1.0)], normalized=True)
    bearing = math.atan2(ahead.y - here.y, ahead.x - here.x)
    aside_m = {"outfall": 0.5, "discharge": 0.3, "structure": 0.9, "floating_waste": 0.1}[violation]
    side_m = aside_m * river.width_m * (1 if index % 2 else -1)
    if violation == "structure":
        side_m = math.copysign(river.width_m / 2 + 8, side_m)
    if index == 2:
        side_m = 150.0  # a structure outside of the management zone: no violation
    east = here.x - side_m * math.sin(bearing)
    north = here.y + side_m * math.cos(bearing)
    [[lon, lat]] = study.projection.inverse([(east, north)])
    ee, nn = rng.uniform(0.6, 5.0, 2).tolist()
    en = float(rng.uniform(-0.6, 0.6)) * math.sqrt(ee * nn)
    covariance = [[ee, en], [en, nn]]
    ellipse = Ellipse.from_covariance(covariance)
    name = f"S{index + 1:04d}"
    seen = SEEN_AT + timedelta(seconds=70 * index)
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [float(lon), float(lat)]},
        "properties": {
            "id": name,
            "class": violation,
            "confidence": 0.41 if index % 7 == 6 else round(float(rng.uniform(0.62, 0.97)), 3),
            "covariance_m2": covariance,
            "ellipse": {
                "semi_major_m": ellipse.semi_major_m,
                "semi_minor_m": ellipse.semi_minor_m,
                "bearing_deg": ellipse.bearing_deg,
                "level": 0.95,
            },
            "first_seen": seen.isoformat().replace("+00:00", "Z"),
            "last_seen": (seen + timedelta(seconds=5)).isoformat().replace("+00:00", "Z"),
            "views": 9,
            "radius_m": 1.5,
            "evidence": f"evidence/{name}.jpg",
        },
    }


def _picture(path: Path, violation: str, rng: np.random.Generator) -> None:
    """A bank, the water and a thing with its box: enough to be seen as a picture."""
    width, height = 960, 540
    pixels = np.empty((height, width, 3), np.int16)
    pixels[:] = _BANK
    edge = 250 + (18 * np.sin(np.arange(width) / 90)).astype(int)
    pixels[np.arange(height)[:, None] > edge[None, :]] = _WATER
    pixels += rng.integers(-14, 15, (height, width, 1), dtype=np.int16)
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    thing = (430, 215, 540, 300)
    colours = {"outfall": "#5b5a57", "discharge": "#6b5a35", "structure": "#3f6fa8"}
    draw.ellipse(thing, fill=colours.get(violation, "#d9d4c3"))
    draw.rectangle((405, 190, 565, 325), outline="#ff3b30", width=4)
    picture.save(path, quality=85)


def _flight(study: StudyArea, sortie: Sortie) -> Telemetry:
    """The sortie as planned, but 3 m off: a moment each second."""
    stops = [sortie.launch, *(point.position for point in sortie.waypoints), sortie.launch]
    planned = [(stop.lon_deg, stop.lat_deg) for stop in stops]
    line = shapely.LineString(study.projection.forward(planned) + 3)
    count = int(line.length / 8)
    places = shapely.get_coordinates(line.interpolate(np.linspace(0, line.length, count)))
    lonlat = study.projection.inverse(places)
    zero = np.zeros(count)
    return Telemetry(
        time_s=SEEN_AT.timestamp() + np.arange(count, dtype=float),
        lon_deg=lonlat[:, 0], lat_deg=lonlat[:, 1],
        above_launch_m=zero + 47.7, msl_m=zero + 67.7, ground_speed_m_s=zero + 8,
        roll_deg=zero, pitch_deg=zero, yaw_deg=zero,
        gimbal_roll_deg=zero, gimbal_pitch_deg=zero - 90, gimbal_yaw_deg=zero,
        battery_pct=np.linspace(98, 61, count),
        mission_item=np.arange(count), recording=np.ones(count, dtype=bool),
    )  # fmt: skip
