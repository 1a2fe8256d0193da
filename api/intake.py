"""From detection to dispatch: the sightings of a patrol become reports, cases and orders."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from dispatch.cases import Case, State, Step, advance, dispatch_order, open_case
from dispatch.departments import Departments
from dispatch.errors import ReportError
from dispatch.ledger import Head
from dispatch.reports import CommunityShare, Report, Violation, already_reported, covariance_of
from dispatch.store import Store, Writer
from dispatch.values import iso, parse_time_or_none
from geo.communities import Area, AreaMap
from geo.coordinates import EastNorth, LonLat
from geo.errors import LayerError
from geo.layers import Feature, read_layer
from geo.placing import GroundPoint
from geo.suspicion import judge_at_water, judge_structure
from patrol.area import StudyArea

__all__ = ["Dismissed", "District", "Intake", "Sightings", "cases_document", "open_cases"]

REGISTER_FROM = 0.5
"""Confidence from which a sighting is registered without waiting for a reviewer."""

OUTSIDE = "区外 outside"
_FARTHEST_M = 10_000.0  # farther from every river of the area is a wrong area or coordinate
# A river is not as wide everywhere as its layer says; an outfall may stand back in a sloping bank.
_WATER_REACH_M, _BANK_REACH_M = 3.0, 8.0
_PATROL_ID = re.compile(r"[^/\\\x00-\x1f]{1,120}")
_EVIDENCE = re.compile(r"evidence/[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class District:
    """What the map and the law say: who lives where, what may stand where, who answers."""

    area: StudyArea
    communities: AreaMap
    grids: AreaMap | None
    zones: AreaMap | None
    permitted: AreaMap | None
    departments: Departments
    water: AreaMap
    banks: AreaMap

    @classmethod
    def read(cls, folder: Path) -> District:
        """Read a study area's folder. Raises AreaError, LayerError or DepartmentError."""
        area = StudyArea.read(folder)
        return cls(
            area=area,
            communities=AreaMap.read(folder / "communities.geojson"),
            grids=_layer_if_there(folder / "grids.geojson"),
            zones=_layer_if_there(folder / "management_zones.geojson"),
            permitted=_layer_if_there(folder / "permitted_structures.geojson"),
            departments=Departments.read(folder / "departments.json"),
            water=_rivers(area, _WATER_REACH_M),
            banks=_rivers(area, _BANK_REACH_M),
        )


@dataclass(frozen=True, slots=True)
class Sightings:
    """A sightings file: the patrol that it is of, and one point feature a sighting."""

    patrol: str
    features: tuple[Feature, ...]
    folder: Path

    @classmethod
    def read(cls, folder: Path) -> Sightings:
        """Read PATROL_DIR/sightings.geojson. Raises ReportError or LayerError."""
        if not folder.is_dir():
            raise ReportError(f"{folder}: no such patrol folder")
        path = folder / "sightings.geojson"
        if not path.exists():
            raise ReportError(f"{path}: no such file; run `patrol analyze {folder}` first")
        features = read_layer(path, ("Point",), allow_empty=True)
        patrol = json.loads(path.read_text(encoding="utf-8-sig")).get("patrol")
        if not isinstance(patrol, str) or not _PATROL_ID.fullmatch(patrol):
            raise ReportError(
                f"{path}: the member 'patrol' must be the patrol's name, 1 to 120 characters "
                f"without slashes, found {patrol!r:.60}"
            )
        ids = [feature.text("id") for feature in features]
        if len(set(ids)) != len(ids):
            twice = next(name for name in ids if ids.count(name) > 1)
            raise ReportError(f"{path}: the sighting {twice!r:.60} stands twice; ids must differ")
        return cls(patrol, tuple(features), folder)


@dataclass(frozen=True, slots=True)
class Dismissed:
    """A sighting that is no violation, and why."""

    sighting: str
    violation: Violation
    reason: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What came of a patrol: numbers of the cases opened now and of those it had already."""

    patrol: str
    opened: tuple[str, ...]
    known: tuple[str, ...]
    dismissed: tuple[Dismissed, ...]


def open_cases(
    sightings: Sightings,
    district: District,
    store: Store,
    *,
    now: datetime,
    register_from: float = REGISTER_FROM,
) -> Intake:
    """Open a case for every sighting that has none yet, all of them or, on any error, none.

    What is at least `register_from` sure is registered by rule and dispatched to the department
    that handles its class; the rest stays reported until a reviewer has looked. Raises
    ReportError, LayerError, CaseError or StoreError.
    """
    reports, dismissed = _reports(sightings, district)
    departments = district.departments
    series = f"{departments.case_prefix}-{now.astimezone(departments.zone):%Y%m%d}"
    opened: list[str] = []
    known: list[str] = []
    with store.writing() as writer:
        had = writer.reports(sightings.patrol)
        repeats = already_reported(reports, [report for _, report in had])
        for report, repeated in zip(reports, repeats, strict=True):
            if repeated is not None:
                known.append(had[repeated][0])
                continue
            number = writer.next_number(series)
            _open(writer, number, report, departments, now, register_from)
            opened.append(number)
    return Intake(sightings.patrol, tuple(opened), tuple(known), tuple(dismissed))


def _open(
    writer: Writer,
    number: str,
    report: Report,
    departments: Departments,
    now: datetime,
    register_from: float,
) -> None:
    case, event = open_case(number, report, actor="auto", at=now)
    writer.append(case, event)
    if report.confidence < register_from:
        return
    rule = f"confidence {report.confidence:.3f} >= {register_from:.3f}"
    case, event = advance(case, Step.REGISTER, actor="auto", at=now, rule=rule)
    writer.append(case, event)
    department = departments.responsible_for(report.violation)
    rule = f"{report.violation.value} is handled by {department.code}"
    case, event = dispatch_order(
        case, department, departments.accept_within, actor="auto", at=now, rule=rule
    )
    writer.append(case, event)


def _reports(sightings: Sightings, district: District) -> tuple[list[Report], list[Dismissed]]:
    reports, dismissed = [], []
    for feature in sightings.features:
        violation = _violation(feature)
        position, point = _ground_point(feature, district)
        suspected, why = _suspicion(violation, point, district)
        if suspected:
            reports.append(_report(sightings, feature, violation, position, point, why, district))
        else:
            dismissed.append(Dismissed(feature.text("id"), violation, why))
    return reports, dismissed


def _report(
    sightings: Sightings,
    feature: Feature,
    violation: Violation,
    position: LonLat,
    point: GroundPoint,
    why: str,
    district: District,
) -> Report:
    at = shapely.Point(point.position.east_m, point.position.north_m)
    shares = district.communities.shares(point)
    grids = district.grids.shares(point) if district.grids else []
    river = min(district.area.rivers, key=lambda r: r.centreline_m.distance(at))
    evidence, digest = _evidence(sightings.folder, feature)
    try:
        return Report(
            patrol=sightings.patrol,
            sighting=feature.text("id"),
            violation=violation,
            confidence=feature.number("confidence"),
            position=position,
            covariance_m2=covariance_of(point.covariance_m2.tolist(), feature.source),
            communities=tuple(
                CommunityShare(s.area.code, s.area.name, round(s.probability, 4))
                if s.area
                else CommunityShare(None, OUTSIDE, round(s.probability, 4))
                for s in shares
            ),
            grid=next((share.area.code for share in grids if share.area), None),
            river=river.code,
            river_name=river.name,
            first_seen=_time(feature, "first_seen"),
            last_seen=_time(feature, "last_seen"),
            views=_whole(feature, "views"),
            suspicion=why,
            evidence=evidence,
            evidence_sha256=digest,
        )
    except ReportError as error:
        raise ReportError(f"{feature.source}: {error}") from None


def _suspicion(violation: Violation, point: GroundPoint, district: District) -> tuple[bool, str]:
    """Whether it is held to be a violation, and why: only where the map says that it can be."""
    if violation is not Violation.STRUCTURE:
        place = district.banks if violation is Violation.OUTFALL else district.water
        judged = judge_at_water(point, place)
        if not judged.suspected:
            return False, f"不在水边 not at the water: {judged.reason}"
        return True, f"航拍发现{violation.name_zh} {violation.value} seen from the air"
    if district.zones is None:
        raise ReportError(
            f"{district.area.folder / 'management_zones.geojson'}: missing, or without a zone; "
            "without it no structure can be judged"
        )
    judged = judge_structure(point, district.zones, district.permitted)
    verdict = "河道管理范围内未经许可的建筑物" if judged.suspected else "不属违建"
    return judged.suspected, f"{verdict} {judged.reason}"


def cases_document(store: Store, intake: Intake) -> dict[str, Any]:
    """cases.json: every case of the patrol as it stands, the same text for the same state."""
    _, cases = store.cases(patrol=intake.patrol)
    rows = sorted(cases, key=lambda case: case.number)
    head: Head = store.head()
    return {
        "format": "river-patrol/cases",
        "version": 1,
        "patrol": intake.patrol,
        "ledger": {"entries": head.entries, "head": head.hash},
        "cases": [_row(case) for case in rows if case.order],
        "to_review": [_row(case) for case in rows if case.state is State.REPORTED],
        "dismissed": [
            {"sighting": row.sighting, "class": row.violation.value, "reason": row.reason}
            for row in intake.dismissed
        ],
    }


def _row(case: Case) -> dict[str, Any]:
    report, order = case.report, case.order
    return {
        "number": case.number,
        "class": report.violation.value,
        "class_name": report.violation.name_zh,
        "state": case.state.value,
        "state_name": case.state.name_zh,
        "sighting": report.sighting,
        "confidence": report.confidence,
        "lon": report.position.lon_deg,
        "lat": report.position.lat_deg,
        "communities": [
            {"code": s.code, "name": s.name, "probability": s.probability}
            for s in report.communities
        ],
        "grid": report.grid,
        "river": report.river,
        "river_name": report.river_name,
        "suspicion": report.suspicion,
        "evidence": report.evidence,
        "opened_at": iso(case.opened_at),
        "order": order.to_json() if order else None,
    }


def _rivers(area: StudyArea, reach_m: float) -> AreaMap:
    """The rivers, `reach_m` wider on either side than their stated width."""
    rows = []
    for river in area.rivers:
        outline = shapely.buffer(river.centreline_m, river.width_m / 2 + reach_m)
        geometry = shapely.transform(outline, area.projection.inverse)
        rows.append(Area(river.code, river.name, geometry, Feature(geometry, {})))
    return AreaMap(rows, area.projection)


def _layer_if_there(path: Path) -> AreaMap | None:
    """A polygon layer; None where the file is not there or has no features."""
    if not path.exists() or not read_layer(path, allow_empty=True):
        return None
    return AreaMap.read(path)


def _violation(feature: Feature) -> Violation:
    name = feature.text("class")
    try:
        return Violation(name)
    except ValueError:
        raise ReportError(
            f"{feature.source}: the class {name!r:.60} is not known; "
            f"expected {', '.join(v.value for v in Violation)}"
        ) from None


def _ground_point(feature: Feature, district: District) -> tuple[LonLat, GroundPoint]:
    """The sighting's position, and the same with its covariance in the area's projection."""
    point = feature.geometry
    assert isinstance(point, shapely.Point)  # read_layer was asked for points
    projection = district.area.projection
    [[east_m, north_m]] = projection.forward([(point.x, point.y)])
    at = shapely.Point(east_m, north_m)
    away_m = min(river.centreline_m.distance(at) for river in district.area.rivers)
    if not away_m <= _FARTHEST_M:  # NaN where the projection cannot reach
        raise ReportError(
            f"{feature.source}: the sighting at {point.x:g}, {point.y:g} is "
            f"{away_m / 1000:.0f} km from the rivers of {district.area.folder}; is it the right "
            "--area, or are the coordinates wrong?"
        )
    covariance = covariance_of(feature.properties.get("covariance_m2"), feature.source)
    place = EastNorth(float(east_m), float(north_m), projection)
    return LonLat(point.x, point.y), GroundPoint(place, np.array(covariance))


def _time(feature: Feature, name: str) -> datetime | None:
    return parse_time_or_none(feature.properties.get(name), f"{feature.source}: {name}")


def _whole(feature: Feature, name: str) -> int:
    number = feature.number(name)
    if number != int(number):
        raise LayerError(f"{feature.source}: {name!r} must be a whole number, found {number:g}")
    return int(number)


def _evidence(folder: Path, feature: Feature) -> tuple[str | None, str | None]:
    """The evidence picture's path in the patrol's folder, and its SHA-256."""
    name = feature.properties.get("evidence")
    if name is None:
        return None, None
    if not isinstance(name, str) or not _EVIDENCE.fullmatch(name):
        raise ReportError(
            f"{feature.source}: evidence must be a path such as evidence/S0001.jpg, "
            f"found {name!r:.60}"
        )
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise ReportError(
            f"{folder / name}: the evidence cannot be read ({error.strerror}); "
            "run `patrol analyze` again"
        ) from None
    return name, hashlib.sha256(data).hexdigest()
