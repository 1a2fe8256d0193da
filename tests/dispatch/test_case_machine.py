"""The case machine: a table of every step in every state, and random lives of a case."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import DAY, NOON, PLANNING, WATER, dispatched, report

from dispatch.cases import (
    CLOCK_TOLERANCE,
    TRANSITIONS,
    Case,
    Event,
    State,
    Step,
    advance,
    allowed_steps,
    apply,
    dispatch_order,
    open_case,
    replay,
)
from dispatch.errors import CaseError, ReportError

# The shortest way to every state.
WAYS: dict[State, list[Step]] = {
    State.REPORTED: [],
    State.REGISTERED: [Step.REGISTER],
    State.DISPATCHED: [Step.REGISTER, Step.DISPATCH],
    State.ACCEPTED: [Step.REGISTER, Step.DISPATCH, Step.ACCEPT],
    State.RETURNED: [Step.REGISTER, Step.DISPATCH, Step.RETURN],
    State.HANDLED: [Step.REGISTER, Step.DISPATCH, Step.ACCEPT, Step.HANDLE],
    State.VERIFIED: [Step.REGISTER, Step.DISPATCH, Step.ACCEPT, Step.HANDLE, Step.VERIFY],
    State.CLOSED: [Step.REGISTER, Step.DISPATCH, Step.ACCEPT, Step.HANDLE, Step.VERIFY, Step.CLOSE],
}


def take(case: Case, step: Step, minutes: float = 0.0) -> tuple[Case, Event]:
    at = case.changed_at + timedelta(minutes=minutes)
    if step is Step.DISPATCH:
        return dispatch_order(case, WATER, DAY, actor="王", at=at)
    details: dict[str, Any] = {"reason": "不属于本部门"} if step is Step.RETURN else {}
    return advance(case, step, actor="王", at=at, **details)


def in_state(state: State) -> tuple[Case, list[Event]]:
    case, event = open_case("LG-20260520-0001", report(), actor="auto", at=NOON)
    events = [event]
    for step in WAYS[state]:
        case, event = take(case, step, minutes=1)
        events.append(event)
    assert case.state is state
    return case, events


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", Step)
def test_every_step_in_every_state(state: State, step: Step) -> None:
    case, _ = in_state(state)
    if (state, step) in TRANSITIONS:
        after, event = take(case, step)
        assert after.state is TRANSITIONS[state, step] is event.to_state
        assert event.from_state is state
        assert step in allowed_steps(state)
        return
    with pytest.raises(CaseError) as caught:
        take(case, step)
    line = str(caught.value)
    assert "\n" not in line
    assert state.value in line
    assert state.name_zh in line
    for allowed in allowed_steps(state):
        assert allowed.value in line


def test_no_state_is_a_trap_and_none_closes_unverified() -> None:
    reaches_end = {State.CLOSED}
    while True:
        more = {s for (s, _), to in TRANSITIONS.items() if s is not None and to in reaches_end}
        if more <= reaches_end:
            break
        reaches_end |= more
    assert reaches_end == set(State)
    assert {s for (s, _), to in TRANSITIONS.items() if to is State.CLOSED} == {State.VERIFIED}


@pytest.mark.parametrize("state", State)
def test_events_alone_make_the_case_again(state: State) -> None:
    case, events = in_state(state)
    assert replay(events) == case
    assert replay([Event.from_json(event.to_json()) for event in events]) == case
    assert Case.from_json(case.to_json()) == case


def test_an_order_is_to_be_accepted_within_24_hours() -> None:
    case, _ = dispatched()
    order = case.order
    assert order is not None
    assert order.number == "LG-20260520-0001-1"
    assert order.accept_by - order.dispatched_at == timedelta(hours=24)
    assert not order.overdue(NOON + DAY)
    assert order.overdue(NOON + DAY + timedelta(seconds=1))
    taken, _ = advance(case, Step.ACCEPT, actor="王", at=NOON + timedelta(hours=30))
    assert taken.order is not None
    assert not taken.order.overdue(NOON + timedelta(days=9))
    assert taken.order.late(NOON + timedelta(days=9))
    soon, _ = advance(case, Step.ACCEPT, actor="王", at=NOON + timedelta(hours=23))
    assert soon.order is not None
    assert not soon.order.late(NOON + timedelta(days=9))


def test_a_returned_case_gets_a_new_order_in_one_step() -> None:
    case, _ = dispatched()
    later = NOON + timedelta(hours=2)
    case, event = advance(case, Step.RETURN, actor="水务", at=later, reason="属规划")
    assert event.details["reason"] == "属规划"
    case, _ = dispatch_order(case, PLANNING, DAY, actor="街道", at=later)
    assert [order.department for order in case.orders] == ["WATER", "PLAN"]
    assert case.order is not None
    assert case.order.number == "LG-20260520-0001-2"
    assert case.order.accept_by == later + DAY
    assert not case.orders[0].overdue(NOON + timedelta(days=9)), "it was returned in time"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 2001}, "2000"),
        ({"reason": "a\x00b"}, "control"),
        ({"actor": " "}, "actor"),
        ({"actor": "王" * 101}, "actor"),
        ({"actor": "\ud800"}, "actor"),
        ({"at": NOON - timedelta(hours=1)}, "check the clock"),
        ({"at": NOON.replace(tzinfo=None)}, "no zone"),
    ],
)
def test_a_step_with_something_wrong_is_refused(changes: dict[str, Any], says: str) -> None:
    case, _ = dispatched()
    good: dict[str, Any] = {"actor": "王", "at": NOON, "reason": "不属于本部门"}
    with pytest.raises(CaseError, match=says):
        advance(case, Step.RETURN, **(good | changes))


def test_clocks_that_differ_a_little_do_not_stop_work() -> None:
    case, _ = dispatched()
    after, event = advance(case, Step.ACCEPT, actor="王", at=NOON - CLOCK_TOLERANCE)
    assert event.at == after.changed_at == NOON


def test_a_forged_event_does_not_apply() -> None:
    case, events = dispatched()
    _, accept = take(case, Step.ACCEPT)
    order = dict(events[2].details["order"])
    forged = [
        replace(accept, to_state=State.CLOSED),
        replace(accept, case="LG-20260520-0002"),
        replace(accept, from_state=State.REPORTED),
        replace(accept, at=NOON - DAY),
    ]
    for event in forged:
        with pytest.raises(CaseError):
            apply(case, event)
    before, _ = in_state(State.REGISTERED)
    for change in (
        {"accept_by": "2026-05-19T00:00:00Z"},
        {"number": "LG-20260520-0001-7"},
        {"accept_by": 3},
    ):
        event = replace(events[2], at=before.changed_at, details={"order": order | change})
        with pytest.raises((CaseError, ReportError)):
            apply(before, event)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(Step), st.floats(-20, 5000)), max_size=25))
def test_random_lives(steps: list[tuple[Step, float]]) -> None:
    """Whatever is tried in whatever order: a refused step changes nothing, an allowed one does
    what the table says, and the events alone always make the same case."""
    case, first = open_case("LG-20260520-0001", report(), actor="auto", at=NOON)
    events = [first]
    for step, minutes in steps:
        before, seen = case, case.to_json()
        allowed = (case.state, step) in TRANSITIONS and minutes >= -5
        try:
            case, event = take(case, step, minutes)
        except CaseError:
            assert not allowed
            assert case is before
            assert case.to_json() == seen
            continue
        assert allowed
        assert event.at >= before.changed_at
        assert case.state is TRANSITIONS[before.state, step]
        events.append(event)
        assert case.opened_at == NOON
        waits = case.state is State.DISPATCHED
        assert waits <= (case.order is not None and case.order.accepted_at is None)
        if case.state is State.CLOSED:
            assert Step.VERIFY in [e.step for e in events]
    assert replay(events) == case
