"""The strict reader of `plan.json`: every problem is one line that names file and field."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon

from geo.camera import Camera
from geo.coordinates import LocalProjection, LonLat
from geo.errors import CoordinateError, GeometryError, TerrainError
from geo.terrain import Terrain
from patrol.errors import PlanFileError, PlanningError
from patrol.plan import (
    FORMAT,
    VERSION,
    Bank,
    BankCoverage,
    Certificate,
    Flight,
    Lane,
    LaunchSite,
    Leg,
    Operation,
    Plan,
    Reach,
    Side,
    Sortie,
    Uncovered,
    Waypoint,
    Zone,
)
from patrol.planning.settings import Capture, Cover, PlanSettings
from patrol.planning.wind import Wind
from patrol.rivers import Breadth, River

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
    """Read and check a plan of version 2. Raises PlanFileError."""
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
    projection = LocalProjection(root.of("projection").of("origin").lonlat())
    certificate = root.of("certificate")
    terrain = root.of("terrain")
    return Plan(
        area=root.of("area").text(),
        settings=_settings(root.of("settings")),
        projection=projection,
        rivers=tuple(_river(row, projection) for row in root.of("rivers").rows(1)),
        launch_sites=tuple(
            LaunchSite(
                row.of("code").text(), row.of("name").text(), row.of("name_en").text(),
                row.of("position").lonlat(),
            )
            for row in root.of("launch_sites").rows(1)
        ),
        no_fly_zones=tuple(_zone(row) for row in root.of("no_fly_zones").rows()),
        reaches=tuple(
            Reach(r.of("river").text(), *_from_to(r)) for r in root.of("reaches").rows(1)
        ),
        lanes=tuple(_lane(row) for row in root.of("lanes").rows(1)),
        sorties=tuple(_sortie(row) for row in root.of("sorties").rows(1)),
        certificate=Certificate(
            tuple(
                BankCoverage(
                    b.of("river").text(), _bank(b.of("bank")), *_from_to(b),
                    b.of("metres").number(0, 1e8), b.of("seen_m").number(0, 1e8),
                )
                for b in certificate.of("banks").rows()
            ),
            tuple(
                Uncovered(
                    u.of("river").text(), _bank(u.of("bank")), *_from_to(u), u.of("reason").text()
                )
                for u in certificate.of("uncovered").rows()
            ),
            certificate.of("area_share").number(0, 1),
        ),
        operation=_operation(root.of("operation")),
        terrain=None if terrain.value is None else _terrain(terrain),
        notes=tuple(note.text() for note in root.of("notes").rows()),
    )  # fmt: skip


def _settings(row: _Field) -> PlanSettings:
    camera, picture, wind = row.of("own_camera"), row.of("picture_px"), row.of("wind")
    own = None
    if camera.value is not None:
        try:
            own = Camera(
                camera.of("name").text(),
                camera.of("width_px").whole(16, 100_000),
                camera.of("height_px").whole(16, 100_000),
                camera.of("focal_px").number(1, 1e7),
                camera.of("k1").number(-100, 100),
                camera.of("k2").number(-100, 100),
            )
        except GeometryError as error:
            raise PlanFileError(f"{camera.where}: {error}") from None
    size = None
    if picture.value is not None:
        width, height = (f.whole(16, 100_000) for f in _exactly_two(picture))
        size = (width, height)
    capture: Capture = (
        "photos" if row.of("capture").one_of("video", "photos") == "photos" else "video"
    )

    def number(name: str) -> float:
        return row.of(name).number(-1e6, 1e6)

    def optional(name: str) -> float | None:
        return None if row.of(name).value is None else number(name)

    if not isinstance(row.of("docks").value, bool):
        row.of("docks").fail("true or false")
    try:
        return PlanSettings(
            camera=row.of("camera").text(),
            own_camera=own,
            capture=capture,
            picture_px=size,
            cover=_cover(row.of("cover")),
            wind=Wind(wind.of("speed_m_s").number(0, 100), wind.of("from_deg").number(-360, 360)),
            docks=row.of("docks").value,
            gsd_m=number("gsd_m"),
            pitch_deg=number("pitch_deg"),
            speed_m_s=number("speed_m_s"),
            strip_m=number("strip_m"),
            inner_m=number("inner_m"),
            sidelap=number("sidelap"),
            frontlap=number("frontlap"),
            battery_wh=optional("battery_wh"),
            reserve_share=number("reserve_share"),
            position_error_m=number("position_error_m"),
            tilt_error_deg=number("tilt_error_deg"),
            zone_clearance_m=number("zone_clearance_m"),
            ceiling_m=number("ceiling_m"),
            clearance_m=number("clearance_m"),
            terrain_tolerance_m=optional("terrain_tolerance_m"),
            swap_s=number("swap_s"),
            crews=row.of("crews").whole(0, 10**6),
            drones=row.of("drones").whole(0, 10**6),
            car_m_s=optional("car_m_s"),
            pack_s=number("pack_s"),
            most_items=row.of("most_items").whole(0, 10**6),
        )
    except PlanningError as error:
        raise PlanFileError(f"{row.where}: {error}; plan again with `patrol plan`") from None


def _cover(field: _Field) -> Cover:
    covers: dict[str, Cover] = {"both": "both", "left": "left", "right": "right", "water": "water"}
    return covers[field.one_of(*covers)]


def _bank(field: _Field) -> Bank:
    return "left" if field.one_of("left", "right") == "left" else "right"


def _river(row: _Field, projection: LocalProjection) -> River:
    line = _line(row.of("centreline"))
    breadths = tuple(_breadth(b) for b in row.of("breadths").rows())
    line_m = shapely.transform(line, projection.forward)
    if not np.isfinite(shapely.get_coordinates(line_m)).all():
        row.of("centreline").fail("places near the projection's origin")
    return River(
        row.of("code").text(), row.of("name").text(), row.of("name_en").text(),
        row.of("width_m").number(0.1, 10_000), line, line_m, breadths,
    )  # fmt: skip


def _breadth(row: _Field) -> Breadth:
    values = row.rows(4)
    if len(values) != 4:
        row.fail("[from_m, to_m, left_m, right_m]")
    return Breadth(*(v.number(0, 1e7) for v in values))


def _line(row: _Field) -> LineString:
    points = [point.lonlat() for point in row.rows(2)]
    line = LineString([(p.lon_deg, p.lat_deg) for p in points])
    if line.length == 0:
        row.fail("a line of at least two distinct points")
    return line


def _operation(row: _Field) -> Operation:
    return Operation(
        operating_s=row.of("operating_s").number(0, 1e9),
        lower_bound_s=row.of("lower_bound_s").number(0, 1e9),
        bound_method=row.of("bound_method").text(),
        flight_s=row.of("flight_s").number(0, 1e9),
        ferry_s=row.of("ferry_s").number(0, 1e9),
        ground_s=row.of("ground_s").number(0, 1e9),
        flights=tuple(
            Flight(
                f.of("crew").whole(1, 10**6), f.of("drone").whole(1, 10**6),
                f.of("sortie").whole(1, 99_999), f.of("site").text(),
                f.of("start_s").number(0, 1e9), f.of("end_s").number(0, 1e9),
            )
            for f in row.of("flights").rows()
        ),
    )  # fmt: skip


def _terrain(row: _Field) -> Terrain:
    try:
        return Terrain.from_document(row.value)
    except TerrainError as error:
        raise PlanFileError(f"{row.where}: {error}; plan again with `patrol plan`") from None


def _exactly_two(field: _Field) -> list[_Field]:
    rows = field.rows(2)
    if len(rows) != 2:
        field.fail("[width, height]")
    return rows


def _from_to(row: _Field) -> tuple[float, float]:
    return row.of("from_m").number(0, 1e7), row.of("to_m").number(0, 1e7)


def _lane(row: _Field) -> Lane:
    side: Side
    match row.of("side").one_of("centre", "left", "right"):
        case "left":
            side = "left"
        case "right":
            side = "right"
        case _:
            side = "centre"
    return Lane(
        row.of("id").text(), row.of("river").text(), side, *_from_to(row), _line(row.of("line")),
        row.of("speed_m_s").number(0.1, 50),
    )  # fmt: skip


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
        ground_msl_m=row.of("ground_msl_m").number(-500, 9000),
        waypoints=tuple(_waypoint(w) for w in row.of("waypoints").rows(1)),
    )


def _waypoint(row: _Field) -> Waypoint:
    leg: Leg = "lane" if row.of("leg").one_of("transit", "lane") == "lane" else "transit"
    lane = row.of("lane")
    if (leg == "lane") != (lane.value is not None):
        lane.fail("the lane's id on a 'lane' leg, null on a 'transit' leg")
    lon, lat = row.of("lon"), row.of("lat")
    position = _Field([lon.value, lat.value], f"{row.where} (lon, lat)").lonlat()
    height_m = row.of("above_launch_m").number(-5000, 5000)
    return Waypoint(position, height_m, leg, lane.text() if lane.value is not None else None)


def _check_references(path: Path, plan: Plan) -> None:
    """What one field alone cannot show: unique ids, lanes that exist, places that are near."""
    for kind, ids in (
        ("river", [river.code for river in plan.rivers]),
        ("lane", [lane.id for lane in plan.lanes]),
        ("sortie", [str(sortie.id) for sortie in plan.sorties]),
    ):
        twice = sorted(name for name, count in Counter(ids).items() if count > 1)
        if twice:
            raise PlanFileError(f"{path}: the {kind} {twice[0]!r} stands twice; ids must differ")
    lengths = {river.code: river.centreline_m.length for river in plan.rivers}
    for index, reach in enumerate(plan.reaches):
        where = f"{path}: reaches[{index}]"
        if reach.river not in lengths:
            raise PlanFileError(f"{where}: there is no river {reach.river!r} in the plan")
        if not reach.from_m < reach.to_m <= lengths[reach.river] + 1.0:
            raise PlanFileError(
                f"{where}: river {reach.river} is {lengths[reach.river]:.0f} m long, found a reach "
                f"from {reach.from_m:g} to {reach.to_m:g} m; plan again with `patrol plan`"
            )
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
