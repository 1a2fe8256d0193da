"""A dispatch order 派单: which department, and until when it has to accept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dispatch.departments import Department
from dispatch.errors import CaseError
from dispatch.values import Json, iso, parse_time, parse_time_or_none

__all__ = ["Order"]


@dataclass(frozen=True, slots=True)
class Order:
    """One order to one department. A case that was returned gets a further one.

    `ended_at` is when the case was returned from this department, if it was.
    """

    number: str
    department: str
    department_name: str
    department_name_en: str
    dispatched_at: datetime
    accept_by: datetime
    accepted_at: datetime | None = None
    ended_at: datetime | None = None

    @classmethod
    def to(cls, department: Department, number: str, at: datetime, within: timedelta) -> Order:
        """An order dispatched at `at`, to be accepted within `within` of elapsed time."""
        if within <= timedelta(0):
            raise CaseError(f"order {number}: the time to accept must be positive, found {within}")
        return cls(
            number, department.code, department.name, department.name_en, at, at + within
        )  # fmt: skip

    def accepted(self, at: datetime) -> Order:
        return replace(self, accepted_at=at)

    def ended(self, at: datetime) -> Order:
        return replace(self, ended_at=at)

    def overdue(self, at: datetime) -> bool:
        """Whether it still waits for acceptance after its deadline, at this time."""
        return self.accepted_at is None and self.ended_at is None and at > self.accept_by

    def late(self, at: datetime) -> bool:
        """Whether it was not answered in time: accepted or returned after the deadline, or
        still waiting after it."""
        answers = [t for t in (self.accepted_at, self.ended_at) if t is not None]
        return min(answers, default=at) > self.accept_by

    def to_json(self) -> dict[str, Json]:
        return {
            "number": self.number,
            "department": self.department,
            "department_name": self.department_name,
            "department_name_en": self.department_name_en,
            "dispatched_at": iso(self.dispatched_at),
            "accept_by": iso(self.accept_by),
            "accepted_at": iso(self.accepted_at) if self.accepted_at else None,
            "ended_at": iso(self.ended_at) if self.ended_at else None,
        }

    @classmethod
    def from_json(cls, document: Json) -> Order:
        """The order that `to_json` wrote; raises CaseError or ReportError for anything else."""
        try:
            return cls(
                number=str(document["number"]),
                department=str(document["department"]),
                department_name=str(document["department_name"]),
                department_name_en=str(document["department_name_en"]),
                dispatched_at=parse_time(document["dispatched_at"], "dispatched_at"),
                accept_by=parse_time(document["accept_by"], "accept_by"),
                accepted_at=parse_time_or_none(document["accepted_at"], "accepted_at"),
                ended_at=parse_time_or_none(document["ended_at"], "ended_at"),
            )
        except (KeyError, TypeError) as error:
            raise CaseError(
                f"a stored order cannot be read ({type(error).__name__}: {error}); "
                "verify the ledger"
            ) from None
