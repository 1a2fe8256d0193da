"""The case machine: a case is what its events make it, and nothing else.

    reported 上报 ─▶ registered 立案 ─▶ dispatched 派单 ─▶ accepted 接单 ─▶ handled 处置
                                          ▲    │              │              │
                                          │    └──────┬───────┴──────────────┤
                                          └──── returned 退回                ▼
                                                               closed 结案 ◀─ verified 核查

`advance` checks a step and gives the new case with its event; `apply` replays an event. Both are
pure: the clock is an argument, and whatever is refused changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from dispatch.departments import Department
from dispatch.errors import CaseError
from dispatch.orders import Order
from dispatch.reports import Report
from dispatch.values import Json, is_plain_text, iso, parse_time

__all__ = [
    "TRANSITIONS",
    "Case",
    "Event",
    "State",
    "Step",
    "advance",
    "allowed_steps",
    "apply",
    "dispatch_order",
    "open_case",
    "replay",
]

MOST_TEXT = 2000
# Clocks of two machines that write to one database differ by a little. A step that seems to be
# earlier than the last by no more than this is taken as simultaneous; more is a wrong clock.
CLOCK_TOLERANCE = timedelta(minutes=5)


class State(StrEnum):
    REPORTED = "reported"
    REGISTERED = "registered"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    HANDLED = "handled"
    VERIFIED = "verified"
    CLOSED = "closed"
    RETURNED = "returned"

    @property
    def name_zh(self) -> str:
        return _STATES_ZH[self]


class Step(StrEnum):
    REPORT = "report"
    REGISTER = "register"
    DISPATCH = "dispatch"
    ACCEPT = "accept"
    HANDLE = "handle"
    VERIFY = "verify"
    CLOSE = "close"
    RETURN = "return"


_STATES_ZH = {
    State.REPORTED: "已上报",
    State.REGISTERED: "已立案",
    State.DISPATCHED: "已派单",
    State.ACCEPTED: "已接单",
    State.HANDLED: "已处置",
    State.VERIFIED: "已核查",
    State.CLOSED: "已结案",
    State.RETURNED: "已退回",
}

TRANSITIONS: Mapping[tuple[State | None, Step], State] = {
    (None, Step.REPORT): State.REPORTED,
    (State.REPORTED, Step.REGISTER): State.REGISTERED,
    (State.REGISTERED, Step.DISPATCH): State.DISPATCHED,
    (State.DISPATCHED, Step.ACCEPT): State.ACCEPTED,
    (State.ACCEPTED, Step.HANDLE): State.HANDLED,
    (State.HANDLED, Step.VERIFY): State.VERIFIED,
    (State.VERIFIED, Step.CLOSE): State.CLOSED,
    # Not ours (before or after accepting it), or what was done does not stand up to checking.
    (State.DISPATCHED, Step.RETURN): State.RETURNED,
    (State.ACCEPTED, Step.RETURN): State.RETURNED,
    (State.HANDLED, Step.RETURN): State.RETURNED,
    (State.RETURNED, Step.DISPATCH): State.DISPATCHED,
}


@dataclass(frozen=True, slots=True)
class Event:
    """One step of one case. `details` is what the step needs: a report, an order, a reason."""

    case: str
    step: Step
    actor: str
    at: datetime
    from_state: State | None
    to_state: State
    details: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        return {
            "case": self.case,
            "step": self.step.value,
            "actor": self.actor,
            "at": iso(self.at),
            "from": self.from_state.value if self.from_state else None,
            "to": self.to_state.value,
            "details": dict(self.details),
        }

    @classmethod
    def from_json(cls, document: Json) -> Event:
        """The event that `to_json` wrote; raises CaseError or ReportError for anything else."""
        try:
            return cls(
                str(document["case"]),
                Step(document["step"]),
                str(document["actor"]),
                parse_time(document["at"], "at"),
                None if document["from"] is None else State(document["from"]),
                State(document["to"]),
                dict(document["details"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CaseError(
                f"a stored event cannot be read ({type(error).__name__}: {error}); "
                "verify the ledger"
            ) from None


@dataclass(frozen=True, slots=True)
class Case:
    """A case as its events have made it; `orders` the earlier ones first."""

    number: str
    report: Report
    state: State
    opened_at: datetime
    changed_at: datetime
    orders: tuple[Order, ...] = ()

    @property
    def order(self) -> Order | None:
        """The latest order, in force unless the case was returned."""
        return self.orders[-1] if self.orders else None

    def to_json(self) -> dict[str, Json]:
        return {
            "number": self.number,
            "report": self.report.to_json(),
            "state": self.state.value,
            "opened_at": iso(self.opened_at),
            "changed_at": iso(self.changed_at),
            "orders": [order.to_json() for order in self.orders],
        }

    @classmethod
    def from_json(cls, document: Json) -> Case:
        """The case that `to_json` wrote; raises CaseError or ReportError for anything else."""
        try:
            return cls(
                str(document["number"]),
                Report.from_json(document["report"]),
                State(document["state"]),
                parse_time(document["opened_at"], "opened_at"),
                parse_time(document["changed_at"], "changed_at"),
                tuple(Order.from_json(order) for order in document["orders"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CaseError(
                f"a stored case cannot be read ({type(error).__name__}: {error}); verify the ledger"
            ) from None


def allowed_steps(state: State | None) -> tuple[Step, ...]:
    """What a case in this state may do next."""
    return tuple(step for (start, step) in TRANSITIONS if start == state)


def open_case(
    number: str, report: Report, *, actor: str, at: datetime, **details: Json
) -> tuple[Case, Event]:
    """Report 上报: the first event of a new case. Raises CaseError."""
    return _taken(
        None, number, Step.REPORT, actor, at, {**details, "report": report.to_json()}
    )  # fmt: skip


def advance(
    case: Case, step: Step, *, actor: str, at: datetime, **details: Json
) -> tuple[Case, Event]:
    """Take a step. `details` go into the event: `order` for dispatch (see `dispatch_order`),
    `reason` for return, `rule` or `note` where there is one.

    Raises CaseError, naming the state and what it allows, and changes nothing.
    """
    return _taken(case, case.number, step, actor, at, details)


def dispatch_order(
    case: Case,
    department: Department,
    within: timedelta,
    *,
    actor: str,
    at: datetime,
    **details: Json,
) -> tuple[Case, Event]:
    """Dispatch 派单 to a department, which has to accept within `within`. Raises CaseError."""
    at = _not_before(case, at)
    order = Order.to(department, f"{case.number}-{len(case.orders) + 1}", at, within)
    return advance(case, Step.DISPATCH, actor=actor, at=at, order=order.to_json(), **details)


def apply(case: Case | None, event: Event) -> Case:
    """The case after the event. Raises CaseError where the machine does not allow it."""
    state = case.state if case else None
    _check(case, event)
    if case is None:
        report = Report.from_json(event.details.get("report"))
        return Case(event.case, report, event.to_state, event.at, event.at)
    orders = case.orders
    if event.step is Step.DISPATCH:
        orders = (*orders, _order_of(case, event))
    elif event.step is Step.ACCEPT:
        orders = (*orders[:-1], orders[-1].accepted(event.at))
    elif event.step is Step.RETURN:
        if not str(event.details.get("reason") or "").strip():
            raise CaseError(
                f"案件 {case.number} {_in(state)}: 退回须说明理由 a return needs its reason"
            )
        orders = (*orders[:-1], orders[-1].ended(event.at))
    return replace(case, state=event.to_state, changed_at=event.at, orders=orders)


def replay(events: Iterable[Event]) -> Case:
    """The case that these events make, in order. Raises CaseError."""
    case = None
    for event in events:
        case = apply(case, event)
    if case is None:
        raise CaseError("a case has at least one event, found none")
    return case


def _taken(
    case: Case | None,
    number: str,
    step: Step,
    actor: str,
    at: datetime,
    details: Mapping[str, Json],
) -> tuple[Case, Event]:
    state = case.state if case else None
    to_state = TRANSITIONS.get((state, step))
    if to_state is None:
        raise CaseError(_not_allowed(number, state, step))
    given = {name: value for name, value in details.items() if value not in (None, "")}
    event = Event(number, step, actor.strip(), _not_before(case, at), state, to_state, given)
    return apply(case, event), event


def _check(case: Case | None, event: Event) -> None:
    state = case.state if case else None
    expected = TRANSITIONS.get((state, event.step))
    if expected is None or event.from_state != state or event.to_state != expected:
        raise CaseError(_not_allowed(event.case, state, event.step))
    if case is not None and event.case != case.number:
        raise CaseError(f"案件 {case.number}: an event of case {event.case} is not its own")
    if not event.case or not 0 < len(event.actor) <= 100 or not is_plain_text(event.actor):
        raise CaseError(
            f"案件 {event.case}: 须写明经办人 the actor must be named in 1 to 100 plain "
            f"characters, found {len(event.actor)}"
        )
    for name in ("reason", "note"):
        text = str(event.details.get(name, ""))
        if len(text) > MOST_TEXT or not is_plain_text(text):
            raise CaseError(
                f"案件 {event.case}: {name} may have at most {MOST_TEXT} characters and no "
                "control characters"
            )
    if case is not None and event.at < case.changed_at:
        raise CaseError(
            f"案件 {case.number}: the step's time {iso(event.at)} is before the last step at "
            f"{iso(case.changed_at)}; check the clock"
        )


def _order_of(case: Case, event: Event) -> Order:
    order = Order.from_json(event.details.get("order"))
    if order.number != f"{case.number}-{len(case.orders) + 1}" or order.accepted_at is not None:
        raise CaseError(f"案件 {case.number}: the order {order.number} is not its next order")
    if not order.dispatched_at == event.at < order.accept_by:
        raise CaseError(
            f"案件 {case.number}: 接单期限 the deadline {iso(order.accept_by)} must lie after "
            f"the dispatch at {iso(event.at)}"
        )
    return order


def _not_before(case: Case | None, at: datetime) -> datetime:
    if at.tzinfo is None:
        raise CaseError(f"the time {at.isoformat()} has no zone; times must be aware")
    at = at.astimezone(UTC)
    if case is not None and case.changed_at - CLOCK_TOLERANCE <= at < case.changed_at:
        return case.changed_at
    return at


def _in(state: State | None) -> str:
    return f"处于{state.name_zh} is {state.value}" if state else "尚未上报 is not reported yet"


def _not_allowed(number: str, state: State | None, step: Step) -> str:
    allowed = ", ".join(allowed_steps(state)) or "无 nothing"
    return f"案件 {number} {_in(state)}: 不能 {step.value} cannot; 可以 allowed: {allowed}"
