"""Figures over all cases, and the ledger's check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter

from api.context import ContextDep
from api.intake import OUTSIDE
from api.schemas import CountPublic, LedgerPublic, SummaryPublic
from dispatch.cases import State
from dispatch.reports import Violation
from dispatch.store import Counts

__all__ = ["router"]

router = APIRouter(tags=["overview"])


@router.get("/summary")
def summary(context: ContextDep) -> SummaryPublic:
    """How many cases stand where, as of now."""
    now = context.clock()
    counts = context.store.counts(now)
    head = context.store.head()
    states: Counter[str] = Counter({state.value: 0 for state in State})
    classes: Counter[str] = Counter({violation.value: 0 for violation in Violation})
    for row in counts:
        states[row.state.value] += row.cases
        classes[row.violation.value] += row.cases
    communities = {area.code: area.name for area in context.district.communities.areas}
    departments = {d.code: d.name for d in context.district.departments.by_code.values()}
    return SummaryPublic(
        at=now,
        patrols=len(context.patrols()),
        cases=sum(row.cases for row in counts),
        open=sum(row.cases for row in counts if row.state is not State.CLOSED),
        overdue=sum(row.overdue for row in counts),
        to_review=states[State.REPORTED.value],
        by_state=dict(states),
        by_class=dict(classes),
        by_community=_grouped(counts, lambda row: row.community, communities, OUTSIDE),
        by_department=_grouped(counts, lambda row: row.department, departments, "未派单 none yet"),
        ledger_entries=head.entries,
        ledger_head=head.hash,
    )


@router.get("/ledger/verify")
def verify(context: ContextDep) -> LedgerPublic:
    """Check every entry of the ledger, and the table of cases against it."""
    verdict = context.store.verify()
    return LedgerPublic(
        ok=verdict.ok,
        entries=verdict.entries,
        head=verdict.head,
        first_broken=verdict.first_broken,
        reason=verdict.reason,
    )


def _grouped(
    counts: Sequence[Counts],
    key: Callable[[Counts], str | None],
    names: Mapping[str, str],
    nothing: str,
) -> list[CountPublic]:
    """The most cases first; a code whose name is not known any more stands for itself."""
    rows: dict[str | None, CountPublic] = {}
    for count in counts:
        code = key(count)
        name = nothing if code is None else names.get(code, code)
        row = rows.setdefault(code, CountPublic(code=code, name=name, cases=0, open=0, overdue=0))
        row.cases += count.cases
        row.open += count.cases if count.state is not State.CLOSED else 0
        row.overdue += count.overdue
    return sorted(rows.values(), key=lambda row: (-row.cases, row.code or "~"))
