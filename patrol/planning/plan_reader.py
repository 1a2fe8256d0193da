"""The strict reader of `plan.json`: every problem is one line that names file and field."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from shapely.geometry import LineString, Polygon

from geo.camera import CAMERAS
from geo.coordinates import LocalProjection, LonLat
from geo.errors import CoordinateError
from patrol.errors import PlanFileError
from patrol.plan import (
    FORMAT,
    VERSION,
    Lane,
    Leg,
    Plan,
    Reach,
    Side,
    Sortie,
    Uncovered,
    Waypoint,
    Zone,
)

__all__ = ["read_plan"]

# A patrol drone does not fly further than this from its launch site; beyond it, coordinates are
# wrong (latitude and longitude swapped, most often).
_FARTHEST_M = 50_000.0


@dataclass(frozen=True, slots=True)
class _Field:
    """A JSON value and where it stands, say 'plan.json: sorties[2].waypoints[5].lon'."""

    value: Any
    where: str

    def fail(self, expected: str) -> NoReturn:
        found = json.dumps(self.value, ensure_ascii=False)
        found = found if len(found) <= 60 else f"{found[:57]}..."
        raise PlanFileError(
            f"{self.where}: expected {expected}, found {found}; plan again with `patrol plan`"
        )

    def of(self, key: str) -> _Field:
        if not isinstance(self.value, dict):
            self.fail("an object")
        if key not in self.value:
            raise PlanFileError(f"{self.where}: {key!r} is missing; plan again with `patrol plan`")
        return _Field(self.value[key], f"{self.where}{'' if self._top else '.'}{key}")

    @property
    def _top(self) -> bool:
        return self.where.endswith(": ")

    def rows(self, at_least: int = 0) -> list[_Field]:
        if not isinstance(self.value, list) or len(self.value) < at_least:
            self.fail(f"a list of at least {at_least}" if at_least else "a list")
        return [_Field(row, f"{self.where}[{i}]") for i, row in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value:
            self.fail("a text")
        return self.value

    def one_of(self, *choices: str) -> str:
        if self.value not in choices or not isinstance(self.value, str):
            self.fail(" or ".join(repr(c) for c in choices))
        return self.value

    def number(self, low: float, high: float) -> float:
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail("a number")
        if not (math.isfinite(value) and low <= value <= high):
            self.fail(f"a number from {low:g} to {high:g}")
        return float(value)

    def whole(self, low: int, high: int) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.fail("a whole number")
        if not low <= self.value <= high:
            self.fail(f"a whole number from {low} to {high}")
        return self.value

    def lonlat(self) -> LonLat:
        lon, lat = self._pair()
        try:
            return LonLat(float(lon), float(lat))
        except CoordinateError as error:
            raise PlanFileError(f"{self.where}: {error}") from None

    def _pair(self) -> Sequence[float]:
        pair = self.value
        if (
            not isinstance(pair, list)
            or len(pair) != 2
            or any(isinstance(v, bool) or not isinstance(v, int | float) for v in pair)
        ):
            self.fail("a pair of numbers [lon, lat]")
        return pair


def read_plan(path: Path) -> Plan:
    """Read and check a plan of version 1. Raises PlanFileError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise PlanFileError(f"{path}: no such file; run `patrol plan` first") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PlanFileError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = "the file is empty" if not text.strip() else f"not valid JSON ({error})"
        raise PlanFileError(f"{path}: {what}; plan again with `patrol plan`") from None
    root = _Field(document, f"{path}: ")
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise PlanFileError(
            f"{path}: not a patrol plan (expected 'format': {FORMAT!r}); "
            "give the folder that `patrol plan --out` wrote"
        )
    version = document.get("version")
    if version != VERSION or isinstance(version, bool):
        raise PlanFileError(
            f"{path}: plan version {json.dumps(version)}, this program reads version {VERSION}; "
            "plan again, or update the program"
        )
    plan = _plan(root)
    _check_references(path, plan)
    return plan


def _plan(root: _Field) -> Plan:
    width, height = (f.whole(16, 100_000) for f in _exactly_two(root.of("picture_px")))
    return Plan(
        area=root.of("area").text(),
        camera=root.of("camera").one_of(*CAMERAS),
        picture_px=(width, height),
        gsd_m=root.of("gsd_m").number(1e-4, 10),
        height_agl_m=root.of("height_agl_m").number(1, 1000),
        speed_m_s=root.of("speed_m_s").number(0.1, 50),
        gimbal_pitch_deg=root.of("gimbal_pitch_deg").number(-90, 30),
        strip_m=root.of("strip_m").number(0, 1000),
        battery_wh=root.of("battery_wh").number(1, 100_000),
        reserve_share=root.of("reserve_share").number(0, 0.95),
        coverage_share=root.of("coverage_share").number(0, 1),
        reaches=tuple(
            Reach(r.of("river").text(), *_from_to(r)) for r in root.of("reaches").rows(1)
        ),
        uncovered=tuple(
            Uncovered(u.of("river").text(), *_from_to(u), u.of("reason").text())
            for u in root.of("uncovered").rows()
        ),
        lanes=tuple(_lane(row) for row in root.of("lanes").rows(1)),
        sorties=tuple(_sortie(row) for row in root.of("sorties").rows(1)),
        no_fly_zones=tuple(_zone(row) for row in root.of("no_fly_zones").rows()),
    )


def _exactly_two(field: _Field) -> list[_Field]:
    rows = field.rows(2)
    if len(rows) != 2:
        field.fail("[width, height]")
    return rows


def _from_to(row: _Field) -> tuple[float, float]:
    return row.of("from_m").number(0, 1e7), row.of("to_m").number(0, 1e7)


def _lane(row: _Field) -> Lane:
    points = [point.lonlat() for point in row.of("line").rows(2)]
    line = LineString([(p.lon_deg, p.lat_deg) for p in points])
    if line.length == 0:
        row.of("line").fail("a line of at least two distinct points")
    side: Side
    match row.of("side").one_of("centre", "left", "right"):
        case "left":
            side = "left"
        case "right":
            side = "right"
        case _:
            side = "centre"
    return Lane(row.of("id").text(), row.of("river").text(), side, *_from_to(row), line)


def _zone(row: _Field) -> Zone:
    points = [point.lonlat() for point in row.of("outline").rows(4)]
    outline = Polygon([(p.lon_deg, p.lat_deg) for p in points])
    if not outline.is_valid or outline.area == 0:
        row.of("outline").fail("a ring that does not cross itself")
    return Zone(row.of("name").text(), outline)


def _sortie(row: _Field) -> Sortie:
    return Sortie(
        id=row.of("id").whole(1, 99_999),
        launch_site=row.of("launch_site").text(),
        launch=row.of("launch").lonlat(),
        length_m=row.of("length_m").number(0, 1e6),
        duration_s=row.of("duration_s").number(0, 1e6),
        energy_wh=row.of("energy_wh").number(0, 100_000),
        waypoints=tuple(_waypoint(w) for w in row.of("waypoints").rows(1)),
    )


def _waypoint(row: _Field) -> Waypoint:
    leg: Leg = "lane" if row.of("leg").one_of("transit", "lane") == "lane" else "transit"
    lane = row.of("lane")
    if (leg == "lane") != (lane.value is not None):
        lane.fail("the lane's id on a 'lane' leg, null on a 'transit' leg")
    lon, lat = row.of("lon"), row.of("lat")
    position = _Field([lon.value, lat.value], f"{row.where} (lon, lat)").lonlat()
    height_m = row.of("above_launch_m").number(-500, 1000)
    return Waypoint(position, height_m, leg, lane.text() if lane.value is not None else None)


def _check_references(path: Path, plan: Plan) -> None:
    """What one field alone cannot show: unique ids, lanes that exist, places that are near."""
    for kind, ids in (
        ("lane", [lane.id for lane in plan.lanes]),
        ("sortie", [str(sortie.id) for sortie in plan.sorties]),
    ):
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise PlanFileError(f"{path}: the {kind} {twice[0]!r} stands twice; ids must differ")
    known = {lane.id for lane in plan.lanes}
    for number, sortie in enumerate(plan.sorties):
        where = f"{path}: sorties[{number}]"
        for index, waypoint in enumerate(sortie.waypoints):
            if waypoint.lane is not None and waypoint.lane not in known:
                raise PlanFileError(
                    f"{where}.waypoints[{index}]: there is no lane {waypoint.lane!r} in the plan"
                )
        here = LocalProjection(sortie.launch)
        points = [(w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints]
        distances = np.hypot(*here.forward(points).T)
        far = np.flatnonzero(~(distances <= _FARTHEST_M))  # NaN where the projection gives up
        if far.size:
            raise PlanFileError(
                f"{where}.waypoints[{far[0]}]: more than {_FARTHEST_M / 1000:.0f} km from its "
                "launch site; are longitude and latitude swapped?"
            )
