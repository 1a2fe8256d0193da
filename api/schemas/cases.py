"""Cases with their reports, orders and steps, the ledger and the overview."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from api.schemas.base import Body, Line, Public, Utc, Words

__all__ = [
    "CaseDetail",
    "CasePage",
    "CaseSummary",
    "CommunityPublic",
    "CountPublic",
    "DispatchBody",
    "EllipsePublic",
    "EventPublic",
    "HealthPublic",
    "LedgerPublic",
    "OrderPublic",
    "ReasonBody",
    "ReportPublic",
    "SharePublic",
    "StateName",
    "StepBody",
    "SummaryPublic",
    "ViolationName",
]

StateName = Literal[
    "reported", "registered", "dispatched", "accepted", "handled", "verified", "closed", "returned"
]
ViolationName = Literal["outfall", "discharge", "structure", "floating_waste"]


class CommunityPublic(Public):
    code: str
    name: str


class SharePublic(Public):
    """The probability that the thing lies in this community; code null is outside all of them."""

    code: str | None
    name: str
    probability: float


class EllipsePublic(Public):
    """95 %; bearing of the major axis clockwise from north."""

    semi_major_m: float
    semi_minor_m: float
    bearing_deg: float


class OrderPublic(Public):
    number: str
    department: str = Field(description="Code.")
    department_name: str
    department_name_en: str
    dispatched_at: Utc
    accept_by: Utc
    accepted_at: Utc | None
    overdue: bool = Field(description="Still waiting for acceptance after accept_by, as of now.")
    late: bool = Field(description="Not accepted by accept_by, as of now or when it was accepted.")


class ReportPublic(Public):
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


class EventPublic(Public):
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


class CaseSummary(Public):
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


class CasePage(Public):
    total: int
    limit: int
    offset: int
    items: list[CaseSummary]


class CountPublic(Public):
    code: str | None
    name: str
    cases: int
    open: int
    overdue: int


class LedgerPublic(Public):
    """`first_broken` is the index of the first entry that was altered, dropped, added or moved."""

    ok: bool
    entries: int
    head: str
    first_broken: int | None = None
    reason: str | None = None


class SummaryPublic(Public):
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


class HealthPublic(Public):
    status: Literal["ok"] = "ok"
    version: str
    database: str


class StepBody(Body):
    """POST /api/cases/{number}/register | accept | handle | verify | close."""

    actor: Line
    note: Words = ""


class ReasonBody(Body):
    """POST /api/cases/{number}/return: nobody may refuse without a reason."""

    actor: Line
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class DispatchBody(Body):
    """POST /api/cases/{number}/dispatch: to this department, or the one that handles the class."""

    actor: Line
    department: str | None = None
    note: Words = ""
