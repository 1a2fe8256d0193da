"""Cases: find them, look at one, take its next step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query

from api.context import Context, ContextDep
from api.schemas import (
    CaseDetail,
    CasePage,
    CaseSummary,
    CommunityPublic,
    DispatchBody,
    EllipsePublic,
    EventPublic,
    OrderPublic,
    Problem,
    ReasonBody,
    ReportPublic,
    SharePublic,
    StepBody,
)
from dispatch.cases import Case, Event, State, Step, advance, allowed_steps, dispatch_order
from dispatch.ledger import Entry
from dispatch.orders import Order
from dispatch.reports import Report, Violation

__all__ = ["router"]

router = APIRouter(
    prefix="/cases",
    tags=["cases"],
    responses={status: {"model": Problem} for status in (403, 404, 409, 415)},
)


@router.get("")
def cases(
    context: ContextDep,
    state: State | None = None,
    violation: Annotated[Violation | None, Query(alias="class")] = None,
    community: Annotated[str | None, Query(max_length=60)] = None,
    patrol: Annotated[str | None, Query(max_length=120)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> CasePage:
    """Cases that match, the newest first, a page at a time."""
    total, found = context.store.cases(
        state=state,
        violation=violation,
        community=community,
        patrol=patrol,
        limit=limit,
        offset=offset,
    )
    now = context.clock()
    items = [_summary(case, now) for case in found]
    return CasePage(total=total, limit=limit, offset=offset, items=items)


@router.get("/{number}")
def case(context: ContextDep, number: str) -> CaseDetail:
    """A case with its report, its order and every step in the ledger."""
    return _detail(context, number)


@router.post("/{number}/register")
def register(context: ContextDep, number: str, body: StepBody) -> CaseDetail:
    """立案: a reviewer has looked at the report and it stands."""
    return _step(context, number, Step.REGISTER, body)


@router.post("/{number}/dispatch")
def dispatch(context: ContextDep, number: str, body: DispatchBody) -> CaseDetail:
    """派单: order the department that handles the class, or the one named, to act."""
    departments = context.district.departments

    def take(case: Case) -> tuple[Case, Event]:
        department = (
            departments.named(body.department)
            if body.department is not None
            else departments.responsible_for(case.report.violation)
        )
        return dispatch_order(
            case, department, departments.accept_within,
            actor=body.actor, at=context.clock(), note=body.note,
        )  # fmt: skip

    return _taken(context, number, take)


@router.post("/{number}/accept")
def accept(context: ContextDep, number: str, body: StepBody) -> CaseDetail:
    """接单: the department takes the order."""
    return _step(context, number, Step.ACCEPT, body)


@router.post("/{number}/handle")
def handle(context: ContextDep, number: str, body: StepBody) -> CaseDetail:
    """处置: the work is done."""
    return _step(context, number, Step.HANDLE, body)


@router.post("/{number}/verify")
def verify(context: ContextDep, number: str, body: StepBody) -> CaseDetail:
    """核查: somebody has looked on site."""
    return _step(context, number, Step.VERIFY, body)


@router.post("/{number}/close")
def close(context: ContextDep, number: str, body: StepBody) -> CaseDetail:
    """结案."""
    return _step(context, number, Step.CLOSE, body)


@router.post("/{number}/return")
def return_(context: ContextDep, number: str, body: ReasonBody) -> CaseDetail:
    """退回: not ours, or not done properly; with the reason."""

    def take(case: Case) -> tuple[Case, Event]:
        return advance(
            case, Step.RETURN, actor=body.actor, at=context.clock(), reason=body.reason
        )  # fmt: skip

    return _taken(context, number, take)


def _step(context: Context, number: str, step: Step, body: StepBody) -> CaseDetail:
    def take(case: Case) -> tuple[Case, Event]:
        return advance(case, step, actor=body.actor, at=context.clock(), note=body.note)

    return _taken(context, number, take)


def _taken(context: Context, number: str, take: Callable[[Case], tuple[Case, Event]]) -> CaseDetail:
    context.store.step(number, take)
    return _detail(context, number)


def _detail(context: Context, number: str) -> CaseDetail:
    case, entries = context.store.case(number)
    summary = _summary(case, context.clock())
    return CaseDetail(
        **summary.model_dump(by_alias=False),
        report=_report(case.report),
        events=[_event(entry) for entry in entries],
        allowed_steps=[step.value for step in allowed_steps(case.state)],
    )


def _summary(case: Case, now: datetime) -> CaseSummary:
    report, order, share = case.report, case.order, case.report.community
    return CaseSummary(
        number=case.number,
        violation=report.violation.value,
        state=case.state.value,
        to_review=case.state is State.REPORTED,
        overdue=_overdue(case, now),
        lon=report.position.lon_deg,
        lat=report.position.lat_deg,
        confidence=report.confidence,
        community=CommunityPublic(code=share.code, name=share.name) if share.code else None,
        community_probability=share.probability,
        grid=report.grid,
        river=report.river,
        river_name=report.river_name,
        patrol=report.patrol,
        sighting=report.sighting,
        opened_at=case.opened_at,
        changed_at=case.changed_at,
        order=_order(order, now) if order else None,
        evidence_url=_evidence_url(report),
    )


def _overdue(case: Case, now: datetime) -> bool:
    return case.state is State.DISPATCHED and case.order is not None and case.order.overdue(now)


def _order(order: Order, now: datetime) -> OrderPublic:
    return OrderPublic(
        number=order.number,
        department=order.department,
        department_name=order.department_name,
        department_name_en=order.department_name_en,
        dispatched_at=order.dispatched_at,
        accept_by=order.accept_by,
        accepted_at=order.accepted_at,
        overdue=order.overdue(now),
        late=order.late(now),
    )


def _report(report: Report) -> ReportPublic:
    ellipse = report.ellipse
    return ReportPublic(
        patrol=report.patrol,
        sighting=report.sighting,
        violation=report.violation.value,
        confidence=report.confidence,
        lon=report.position.lon_deg,
        lat=report.position.lat_deg,
        covariance_m2=report.covariance_m2,
        ellipse=EllipsePublic(
            semi_major_m=ellipse.semi_major_m,
            semi_minor_m=ellipse.semi_minor_m,
            bearing_deg=ellipse.bearing_deg,
        ),
        communities=[
            SharePublic(code=s.code, name=s.name, probability=s.probability)
            for s in report.communities
        ],
        grid=report.grid,
        river=report.river,
        river_name=report.river_name,
        first_seen=report.first_seen,
        last_seen=report.last_seen,
        views=report.views,
        suspicion=report.suspicion,
        evidence_sha256=report.evidence_sha256,
        evidence_url=_evidence_url(report),
    )


def _event(entry: Entry) -> EventPublic:
    event = entry.event
    details = {name: value for name, value in event.details.items() if name != "report"}
    return EventPublic(
        index=entry.index,
        step=event.step.value,
        actor=event.actor,
        at=event.at,
        from_state=event.from_state.value if event.from_state else None,
        to_state=event.to_state.value,
        details=details,
        hash=entry.hash,
        previous=entry.previous,
    )


def _evidence_url(report: Report) -> str | None:
    if report.evidence is None:
        return None
    name = report.evidence.removeprefix("evidence/")
    return f"/api/patrols/{quote(report.patrol, safe='')}/evidence/{quote(name, safe='')}"
