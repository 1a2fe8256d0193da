"""The JSON that the API speaks: what the console and other clients read and write.

Times are ISO 8601 in UTC with a trailing Z; positions are WGS-84 degrees, longitude first; a
violation's class is `class` in JSON and `violation` in code (Python keeps the word to itself).

    GET  /api/health                                  HealthPublic
    GET  /api/summary                                 SummaryPublic
    GET  /api/area                                    AreaPublic
    GET  /api/patrols                                 list[PatrolSummary]
    GET  /api/patrols/{id}                            PatrolDetail
    GET  /api/patrols/{id}/lanes.geojson              GeoJSON
    GET  /api/patrols/{id}/track.geojson              GeoJSON: one LineString a sortie {sortie, ...}
    GET  /api/patrols/{id}/sightings.geojson          GeoJSON
    GET  /api/patrols/{id}/sighting_ellipses.geojson  GeoJSON
    GET  /api/patrols/{id}/evidence/{name}            image/jpeg
    GET  /api/patrols/{id}/flight                     FlightPublic: the flight as it stands now
    GET  /api/patrols/{id}/flight/live?after=         text/event-stream (see api/routes/live.py)
    POST /api/patrols/{id}/flight/commands            CommandBody -> 202 CommandPublic
    GET  /api/cases?state=&class=&community=&limit=&offset=   CasePage (newest first)
    GET  /api/cases/{number}                          CaseDetail
    POST /api/cases/{number}/register|accept|handle|verify|close   StepBody -> CaseDetail
    POST /api/cases/{number}/return                   ReasonBody -> CaseDetail
    POST /api/cases/{number}/dispatch                 DispatchBody -> CaseDetail
    GET  /api/ledger/verify                           LedgerPublic

Errors are `Problem`: 404 not there, 409 a step that the state does not allow or no flight to
command, 422 a wrong field.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from patrol.flight.desk import Action

__all__ = [
    "AreaPublic",
    "CaseDetail",
    "CasePage",
    "CaseSummary",
    "CommandBody",
    "CommandPublic",
    "CommunityPublic",
    "DepartmentPublic",
    "DispatchBody",
    "EllipsePublic",
    "EventPublic",
    "FeatureCollection",
    "FlightEnd",
    "FlightEvent",
    "FlightHead",
    "FlightPublic",
    "FlightSortie",
    "FlightState",
    "HealthPublic",
    "LedgerPublic",
    "OrderPublic",
    "PatrolDetail",
    "PatrolSummary",
    "PlanSummary",
    "Position",
    "Problem",
    "ReasonBody",
    "ReportPublic",
    "SharePublic",
    "SortieSummary",
    "StateName",
    "StepBody",
    "SummaryPublic",
    "Trail",
    "VehiclePublic",
    "ViolationName",
]

StateName = Literal[
    "reported", "registered", "dispatched", "accepted", "handled", "verified", "closed", "returned"
]
ViolationName = Literal["outfall", "discharge", "structure", "floating_waste"]


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Utc = Annotated[datetime, PlainSerializer(_utc, return_type=str, when_used="json")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class _Public(BaseModel):
    """Sent: fields by their JSON names."""

    model_config = ConfigDict(serialize_by_alias=True)


class _Body(BaseModel):
    """Received: a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Problem(_Public):
    """Every error: one line, Chinese first."""

    detail: str


class FeatureCollection(_Public):
    """GeoJSON (RFC 7946); a layer that the area does not have is an empty collection."""

    model_config = ConfigDict(extra="allow")

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[dict[str, Any]]


class DepartmentPublic(_Public):
    code: str
    name: str
    name_en: str
    handles: list[str] = Field(description="Classes of violation that it is responsible for.")


class AreaLayers(_Public):
    rivers: FeatureCollection
    communities: FeatureCollection
    grids: FeatureCollection
    management_zones: FeatureCollection
    permitted_structures: FeatureCollection
    launch_sites: FeatureCollection
    no_fly_zones: FeatureCollection


class AreaPublic(_Public):
    """The study area: what the map draws before anything has been flown."""

    name: str
    bounds: tuple[float, float, float, float] = Field(description="West, south, east, north.")
    layers: AreaLayers
    departments: list[DepartmentPublic]
    accept_hours: float


class SortieSummary(_Public):
    id: int
    launch_site: str
    launch: tuple[float, float] = Field(description="Longitude, latitude.")
    length_m: float
    duration_s: float
    energy_wh: float
    waypoints: int


class PlanSummary(_Public):
    area: str
    camera: str
    gsd_m: float
    height_agl_m: float
    speed_m_s: float
    coverage_share: float = Field(description="Share of the corridor that the lanes see.")
    lanes: int
    sorties: list[SortieSummary]


class PatrolSummary(_Public):
    id: str
    planned: bool
    flown: bool
    analysed: bool
    sightings: int | None = Field(description="null until analysed.")
    cases: int
    first_seen: Utc | None = None
    last_seen: Utc | None = None


class PatrolDetail(PatrolSummary):
    plan: PlanSummary | None


class FlightSortie(_Public):
    """A sortie that the flight means to fly."""

    id: int
    launch_site: str | None = None
    planned_m: float | None = None
    planned_s: float | None = None


class FlightHead(_Public):
    """What flies: the first line of live.jsonl, or the last such, where it was taken over."""

    id: str
    patrol: str | None = None
    simulated: bool = False
    vehicles: int
    sorties: list[FlightSortie] = []
    started: Utc | None = None


class FlightState(_Public):
    """How a sortie stands: checking, loading, arming, takeoff, mission, paused, returning,
    landing, landed, lost, pilot or done."""

    vehicle: int
    sortie: int | None = None
    time: Utc | None = Field(None, description="The vehicle's clock.")
    state: str
    text: str = ""


class Position(_Public):
    """Where a vehicle is and how far it has come; null is what it has not told."""

    vehicle: int
    sortie: int | None = None
    time: Utc | None = Field(None, description="The vehicle's clock.")
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    above_launch_m: float | None = None
    yaw_deg: float | None = Field(None, description="Clockwise from north.")
    ground_speed_m_s: float | None = None
    battery_pct: float | None = None
    mode: str | None = None
    armed: bool | None = None
    item: int | None = Field(None, description="Of the mission, being flown to.")
    items: int | None = None
    flown_m: float | None = None
    planned_m: float | None = None
    recording: bool | None = None
    link: str | None = Field(None, description="ok or silent.")


class FlightEvent(_Public):
    n: int = Field(description="Its line in live.jsonl.")
    vehicle: int | None = None
    sortie: int | None = None
    time: Utc | None = Field(None, description="The vehicle's clock.")
    level: str
    text: str


class FlightEnd(_Public):
    """`code` is the exit code of patrol fly: 0 complete."""

    outcome: str
    code: int
    seen_share: float | None = None


class VehiclePublic(_Public):
    vehicle: int
    state: FlightState | None
    position: Position | None


class Trail(_Public):
    """What a vehicle has flown of a sortie, thinned to about half a metre."""

    vehicle: int
    sortie: int | None
    line: list[tuple[float, float]] = Field(description="Longitude, latitude.")


class FlightPublic(_Public):
    """The last or running flight of a patrol; `flight` null is none yet."""

    running: bool
    flight: FlightHead | None
    vehicles: list[VehiclePublic]
    events: list[FlightEvent] = Field(description="The last 50, oldest first.")
    trails: list[Trail]
    end: FlightEnd | None = Field(description="null while it runs, and where it was cut off.")
    quiet_s: float | None = Field(description="Seconds since the flight last told anything.")
    cursor: str = Field(description="Where the stream goes on after this: its `after`.")


class CommunityPublic(_Public):
    code: str
    name: str


class SharePublic(_Public):
    """The probability that the thing lies in this community; code null is outside all of them."""

    code: str | None
    name: str
    probability: float


class EllipsePublic(_Public):
    """95 %; bearing of the major axis clockwise from north."""

    semi_major_m: float
    semi_minor_m: float
    bearing_deg: float


class OrderPublic(_Public):
    number: str
    department: str = Field(description="Code.")
    department_name: str
    department_name_en: str
    dispatched_at: Utc
    accept_by: Utc
    accepted_at: Utc | None
    overdue: bool = Field(description="Still waiting for acceptance after accept_by, as of now.")
    late: bool = Field(description="Not accepted by accept_by, as of now or when it was accepted.")


class ReportPublic(_Public):
    """上报: what was seen where, as it was handed in."""

    patrol: str
    sighting: str
    violation: ViolationName = Field(serialization_alias="class")
    confidence: float
    lon: float
    lat: float
    covariance_m2: tuple[tuple[float, float], tuple[float, float]]
    ellipse: EllipsePublic
    communities: list[SharePublic] = Field(description="Most probable first.")
    grid: str | None
    river: str | None = Field(description="Code of the nearest river.")
    river_name: str | None
    first_seen: Utc | None = Field(description="null where the footage does not tell.")
    last_seen: Utc | None
    views: int
    suspicion: str = Field(description="Why it is held to be a violation, in one line.")
    evidence_sha256: str | None
    evidence_url: str | None


class EventPublic(_Public):
    """One step of a case, as it stands in the ledger."""

    index: int = Field(description="Position in the ledger, from 0.")
    step: str
    actor: str
    at: Utc
    from_state: StateName | None
    to_state: StateName
    details: dict[str, Any] = Field(
        description="rule, reason, note, department, accept_by ... as the step has them."
    )
    hash: str
    previous: str


class CaseSummary(_Public):
    number: str
    violation: ViolationName = Field(serialization_alias="class")
    state: StateName
    to_review: bool = Field(description="Reported, and waiting for a reviewer's word.")
    overdue: bool
    lon: float
    lat: float
    confidence: float
    community: CommunityPublic | None = Field(description="Most probable; null is outside.")
    community_probability: float
    grid: str | None
    river: str | None
    river_name: str | None
    patrol: str
    sighting: str
    opened_at: Utc
    changed_at: Utc
    order: OrderPublic | None
    evidence_url: str | None


class CaseDetail(CaseSummary):
    report: ReportPublic
    events: list[EventPublic]
    allowed_steps: list[str] = Field(description="What may be posted next: accept, return ...")


class CasePage(_Public):
    total: int
    limit: int
    offset: int
    items: list[CaseSummary]


class CountPublic(_Public):
    code: str | None
    name: str
    cases: int
    open: int
    overdue: int


class LedgerPublic(_Public):
    """`first_broken` is the index of the first entry that was altered, dropped, added or moved."""

    ok: bool
    entries: int
    head: str
    first_broken: int | None = None
    reason: str | None = None


class SummaryPublic(_Public):
    at: Utc
    patrols: int
    cases: int
    open: int
    overdue: int
    to_review: int
    by_state: dict[str, int]
    by_class: dict[str, int]
    by_community: list[CountPublic]
    by_department: list[CountPublic]
    ledger_entries: int
    ledger_head: str


class HealthPublic(_Public):
    status: Literal["ok"] = "ok"
    version: str
    database: str


class StepBody(_Body):
    """POST /api/cases/{number}/register | accept | handle | verify | close."""

    actor: Line
    note: Words = ""


class ReasonBody(_Body):
    """POST /api/cases/{number}/return: nobody may refuse without a reason."""

    actor: Line
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class DispatchBody(_Body):
    """POST /api/cases/{number}/dispatch: to this department, or the one that handles the class."""

    actor: Line
    department: str | None = None
    note: Words = ""


class CommandBody(_Body):
    """POST /api/patrols/{id}/flight/commands: to one vehicle, or to all that fly (null)."""

    action: Action
    vehicle: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None


class CommandPublic(_Public):
    """The command was handed over; what came of it is an `answer` in the stream, by this id."""

    id: str
    action: Action
    vehicle: int | None
