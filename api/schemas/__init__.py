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

from api.schemas.base import FeatureCollection, Problem
from api.schemas.cases import (
    CaseDetail,
    CasePage,
    CaseSummary,
    CommunityPublic,
    CountPublic,
    DispatchBody,
    EllipsePublic,
    EventPublic,
    HealthPublic,
    LedgerPublic,
    OrderPublic,
    ReasonBody,
    ReportPublic,
    SharePublic,
    StateName,
    StepBody,
    SummaryPublic,
    ViolationName,
)
from api.schemas.flight import (
    CommandBody,
    CommandPublic,
    FlightEnd,
    FlightEvent,
    FlightHead,
    FlightPublic,
    FlightSortie,
    FlightState,
    Position,
    Trail,
    VehiclePublic,
)
from api.schemas.patrols import (
    AreaLayers,
    AreaPublic,
    DepartmentPublic,
    PatrolDetail,
    PatrolSummary,
    PlanSummary,
    SortieSummary,
)

__all__ = [
    "AreaLayers",
    "AreaPublic",
    "CaseDetail",
    "CasePage",
    "CaseSummary",
    "CommandBody",
    "CommandPublic",
    "CommunityPublic",
    "CountPublic",
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
