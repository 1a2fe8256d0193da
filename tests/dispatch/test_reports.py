"""Reports: what cannot be is refused, and what was reported already is recognised."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import DAY, NOON, report

from dispatch.errors import ReportError
from dispatch.reports import CommunityShare, Report, Violation, already_reported, covariance_of


def test_a_report_is_read_as_it_was_written() -> None:
    timeless = report(first_seen=None, last_seen=None)
    for written in (report(), timeless):
        assert Report.from_json(written.to_json()) == written
    assert timeless.same_thing(report())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"confidence": 1.5}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"first_seen": NOON}, "before first_seen"),
        ({"last_seen": NOON.replace(tzinfo=None)}, "zone"),
        ({"last_seen": None}, "go together"),
        ({"views": 0}, "views"),
        ({"communities": ()}, "community"),
        ({"communities": (CommunityShare("1", "a", 1.2),)}, "community"),
        ({"sighting": ""}, "1 to 120"),
        ({"patrol": "p" * 121}, "1 to 120"),
        ({"suspicion": "a\x00b"}, "control characters"),
        ({"communities": (CommunityShare("1", "\ud800", 1.0),)}, "control characters"),
        ({"covariance_m2": ((1.0, 2.0), (2.0, 1.0))}, "positive"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ReportError, match=says) as caught:
        report(**change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "rows",
    [
        None,
        3,
        "x",
        [],
        [[1]],
        [[1, 0]],
        [[1, 0], [0]],
        [[1, 0, 0], [0, 1, 0]],
        [["a", 0], [0, 1]],
        [[float("nan"), 0], [0, 1]],
        [[1e400, 0], [0, 1]],
        [[-1, 0], [0, 1]],
        [[0, 0], [0, 0]],
        [[1, 0.5], [0.1, 1]],
        [[1e12, 0], [0, 1]],
        [[1, {}], [0, 1]],
        {"a": 1},
    ],
)
def test_a_covariance_that_is_none(rows: Any) -> None:
    with pytest.raises(ReportError, match=r"covariance|ellipse") as caught:
        covariance_of(rows, "sightings.geojson: feature 1")
    assert "feature 1" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (report(1.0, 1.0), True),
        (report(4.0, 0.0), True),
        (report(20.0, 0.0), False),
        (report(violation=Violation.DISCHARGE), False),
        (
            report(
                first_seen=NOON - DAY + timedelta(minutes=20),
                last_seen=NOON - DAY + timedelta(minutes=21),
            ),
            True,
        ),
        (report(first_seen=NOON - timedelta(hours=2), last_seen=NOON), False),
    ],
)
def test_the_same_thing(other: Report, same: bool) -> None:
    assert report().same_thing(other) is same
    assert other.same_thing(report()) is same


def test_a_second_intake_finds_every_one() -> None:
    close_together = [report(i * 1.5, sighting=f"S{i}") for i in range(6)]
    assert already_reported(close_together, close_together) == list(range(6))


def test_numbered_anew_and_seen_elsewhere() -> None:
    known = [report(0, sighting="S1"), report(100, sighting="S2"), report(200, sighting="S3")]
    new = [report(100.5, sighting="S1"), report(0.5, sighting="S2"), report(300, sighting="S3")]
    assert already_reported(new, known) == [1, 0, None]


def test_another_patrol_reports_for_itself() -> None:
    assert already_reported([report(patrol="patrol-2")], [report()]) == [None]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 50), st.sampled_from(Violation)), max_size=8), st.data())
def test_each_known_one_is_repeated_at_most_once(
    things: list[tuple[float, Violation]], data: st.DataObject
) -> None:
    made = [
        report(east, violation=violation, sighting=f"S{i}")
        for i, (east, violation) in enumerate(things)
    ]
    split = data.draw(st.integers(0, len(made)))
    found = [index for index in already_reported(made[split:], made[:split]) if index is not None]
    assert len(set(found)) == len(found)
    for new, index in zip(made[split:], already_reported(made[split:], made[:split]), strict=True):
        assert index is None or new.violation == made[index].violation
