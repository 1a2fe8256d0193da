"""Reports and departments for the tests of dispatch, and the clock that they start at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.cases import Case, Event, Step, advance, dispatch_order, open_case
from dispatch.departments import Department
from dispatch.reports import CommunityShare, Report, Violation
from geo.coordinates import LocalProjection, LonLat

HOME = LocalProjection(LonLat(113.46, 23.1))
NOON = datetime(2026, 5, 20, 4, tzinfo=UTC)
DAY = timedelta(hours=24)
WATER = Department("WATER", "区水务局", "Water Bureau")
PLANNING = Department("PLAN", "区城管执法局", "Urban Management")


def report(east_m: float = 0.0, north_m: float = 0.0, **changes: Any) -> Report:
    """A report of an outfall with a round ellipse of 2 m standard deviation."""
    [[lon, lat]] = HOME.inverse([(east_m, north_m)])
    base = Report(
        patrol="patrol-1",
        sighting="S0001",
        violation=Violation.OUTFALL,
        confidence=0.9,
        position=LonLat(float(lon), float(lat)),
        covariance_m2=((4.0, 0.0), (0.0, 4.0)),
        communities=(
            CommunityShare("440112012001", "西社区", 0.8),
            CommunityShare(None, "区外 outside", 0.2),
        ),
        grid="G1",
        river="R1",
        river_name="中心涌",
        first_seen=NOON - DAY,
        last_seen=NOON - DAY + timedelta(seconds=4),
        views=8,
        suspicion="outfall seen from the air",
        evidence="evidence/S0001.jpg",
        evidence_sha256="ab" * 32,
    )
    return replace(base, **changes)


def dispatched(number: str = "LG-20260520-0001", **changes: Any) -> tuple[Case, list[Event]]:
    """A case that has been dispatched to WATER at NOON, and its three events."""
    case, first = open_case(number, report(**changes), actor="auto", at=NOON)
    case, second = advance(case, Step.REGISTER, actor="auto", at=NOON, rule="sure")
    case, third = dispatch_order(case, WATER, DAY, actor="auto", at=NOON)
    return case, [first, second, third]
