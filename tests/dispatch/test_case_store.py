"""The store on SQLite, and on PostgreSQL where RIVER_PATROL_POSTGRES names a database."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from samples import DAY, NOON, WATER, report

from dispatch.cases import (
    Case,
    Event,
    State,
    Step,
    advance,
    allowed_steps,
    dispatch_order,
    open_case,
)
from dispatch.database import parse_url
from dispatch.errors import CaseError, NoSuchCaseError, StoreError
from dispatch.ledger import Head
from dispatch.reports import Violation
from dispatch.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'cases.db'}"
        return
    server = os.environ.get("RIVER_PATROL_POSTGRES")
    if not server:
        pytest.skip("RIVER_PATROL_POSTGRES does not name a PostgreSQL database to test on")
    schema = f"test_{uuid.uuid4().hex}"
    engine = sa.create_engine(parse_url(server))
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
    yield f"{server}?options=-csearch_path%3D{schema}"
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


def keep(store: Store, sighting: str = "S0001", violation: Violation = Violation.OUTFALL) -> str:
    """Open and dispatch a case; returns its number."""
    with store.writing() as writer:
        number = writer.next_number("LG-20260520")
        seen = report(sighting=sighting, violation=violation)
        case, event = open_case(number, seen, actor="auto", at=NOON)
        writer.append(case, event)
        case, event = advance(case, Step.REGISTER, actor="auto", at=NOON)
        writer.append(case, event)
        writer.append(*dispatch_order(case, WATER, DAY, actor="auto", at=NOON))
    return number


def test_what_was_written_is_there_after_reopening(url: str) -> None:
    with Store.open(url) as store:
        numbers = [keep(store, f"S{i}") for i in range(3)]
        head = store.head()
    with Store.open(url) as store:
        assert numbers == [f"LG-20260520-000{i}" for i in (1, 2, 3)]
        total, cases = store.cases()
        assert total == 3
        assert [case.number for case in cases] == numbers[::-1]
        case, entries = store.case(numbers[1])
        assert case == cases[1]
        assert case.report == report(sighting="S1")
        assert [entry.event.step for entry in entries] == [
            Step.REPORT,
            Step.REGISTER,
            Step.DISPATCH,
        ]
        assert head.entries == 9
        assert store.verify(head).ok


def test_cases_are_found_by_what_they_are(store: Store) -> None:
    keep(store, "S1")
    second = keep(store, "S2", Violation.STRUCTURE)
    store.step(second, lambda case: advance(case, Step.ACCEPT, actor="王", at=NOON))
    assert store.cases(state=State.ACCEPTED)[0] == 1
    assert store.cases(violation=Violation.OUTFALL)[1][0].report.sighting == "S1"
    assert store.cases(community="440112012001")[0] == 2
    assert store.cases(community="nowhere") == (0, [])
    assert store.cases(patrol="patrol-1", limit=1, offset=1)[1][0].report.sighting == "S1"
    assert store.counts_by_patrol() == {"patrol-1": 2}


def test_overdue_is_counted_at_a_clock(store: Store) -> None:
    keep(store, "S1")
    taken = keep(store, "S2")
    store.step(taken, lambda case: advance(case, Step.ACCEPT, actor="王", at=NOON))
    assert sum(row.overdue for row in store.counts(NOON + DAY)) == 0
    late = store.counts(NOON + DAY + timedelta(seconds=1))
    assert sum(row.overdue for row in late) == 1
    assert {row.department for row in late} == {"WATER"}


def test_a_refused_step_and_a_failed_transaction_leave_nothing(store: Store) -> None:
    number = keep(store)
    head = store.head()
    with pytest.raises(CaseError, match="dispatched"):
        store.step(number, lambda case: advance(case, Step.CLOSE, actor="王", at=NOON))
    with pytest.raises(NoSuchCaseError):
        store.step("LG-1", lambda case: advance(case, Step.CLOSE, actor="王", at=NOON))

    def crash_halfway() -> None:
        with store.writing() as writer:
            writer.append(*open_case(writer.next_number("LG"), report(), actor="auto", at=NOON))
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        crash_halfway()
    assert store.head() == head
    assert store.cases()[0] == 1
    assert store.verify().ok


def test_nobody_changes_the_ledger_through_the_database(store: Store) -> None:
    keep(store)
    head = store.head()
    statements = [
        "UPDATE ledger SET event = '{}' WHERE position = 1",
        "DELETE FROM ledger WHERE position = 2",
        "DELETE FROM ledger",
        "INSERT INTO ledger VALUES (9, 'x', '{}', 'a', 'b')",
        "INSERT INTO ledger VALUES (3, 'x', '{}', 'a', 'b')",
    ]
    if store.dialect == "sqlite":
        statements.append("INSERT OR REPLACE INTO ledger VALUES (1, 'x', '{}', 'a', 'b')")
    else:
        statements.append("TRUNCATE ledger")
    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), store._engine.begin() as raw:
            raw.exec_driver_sql(statement)
    assert store.head() == head
    assert store.verify(head).ok


def test_two_writers_at_once_number_and_link_without_a_gap(url: str) -> None:
    failures: list[BaseException] = []

    def work(store: Store, worker: int) -> None:
        try:
            for index in range(8):
                keep(store, f"S{worker}-{index}")
        except BaseException as error:  # noqa: BLE001 - reported by the test below
            failures.append(error)

    with Store.open(url) as one, Store.open(url) as two:
        threads = [
            threading.Thread(target=work, args=(store, i))
            for i, store in enumerate((one, two, one))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert one.verify().ok
        assert sorted(c.number for c in two.cases()[1]) == [
            f"LG-20260520-{i:04d}" for i in range(1, 25)
        ]


@pytest.mark.parametrize(
    ("damage", "broken", "says"),
    [
        ("UPDATE ledger SET event = replace(event, 'auto', 'evil') WHERE position = 4", 4, "altered"),
        ("UPDATE ledger SET previous = 'x' WHERE position = 2", 2, "continue"),
        ("UPDATE ledger SET hash = 'x' WHERE position = 0", 0, "altered"),
        ("UPDATE ledger SET case_number = 'LG-9' WHERE position = 3", 3, "another case"),
        ("DELETE FROM ledger WHERE position = 3", 3, "missing"),
        ("DELETE FROM ledger WHERE position >= 7", 6, "disagree"),
        ("INSERT INTO ledger VALUES (9, 'x', '{}', 'a', 'b')", 9, "continue"),
        ("UPDATE cases SET state = 'closed' WHERE number LIKE '%0002'", 5, "disagree"),
        ("UPDATE cases SET document = '{}' WHERE number LIKE '%0001'", 2, "disagree"),
        ("DELETE FROM cases WHERE number LIKE '%0003'", 8, "disagree"),
        ("DELETE FROM ledger", 0, "missing"),
        ("UPDATE cases SET number = 'LG-7' WHERE number LIKE '%0003'", 8, "disagree"),
    ],
)  # fmt: skip
def test_tampering_with_the_file_is_found(
    tmp_path: Path, damage: str, broken: int, says: str
) -> None:
    """Somebody with the file and a SQLite shell drops the triggers and changes something."""
    path = tmp_path / "cases.db"
    with Store.open(f"sqlite:///{path}") as store:
        for sighting in ("S1", "S2", "S3"):
            keep(store, sighting)
        head = store.head()
    shell = sqlite3.connect(path)
    for trigger in ("ledger_no_update", "ledger_no_delete", "ledger_in_order"):
        shell.execute(f"DROP TRIGGER {trigger}")
    assert shell.execute(damage).rowcount > 0
    shell.commit()
    shell.close()
    with Store.open(f"sqlite:///{path}") as store:
        verdict = store.verify(None if "disagree" in says else head)
        assert not verdict.ok
        assert verdict.first_broken == broken
        assert says in str(verdict.reason)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("sqlite:///{tmp}/none/cases.db", "no such folder"),
        ("sqlite:///{tmp}", "unable to open"),
        ("sqlite:///{tmp}/text.txt", "not a database"),
        ("sqlite:///{tmp}/other.db", "another version"),
        ("mysql://me:secret@host/name", "expected a database URL"),
        ("nonsense", "cannot be read"),
        ("", "cannot be read"),
        ("postgresql://me:secret@127.0.0.1:1/name", "postgresql"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path, given: str, says: str) -> None:
    (tmp_path / "text.txt").write_text("hello, this is no database at all\n" * 99)
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    other.execute("INSERT INTO alembic_version VALUES ('9999')")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match=says) as caught:
        Store.open(given.format(tmp=tmp_path))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_migrations_run_both_ways(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    from dispatch import database

    url = f"sqlite:///{tmp_path / 'cases.db'}"
    with Store.open(url) as store:
        keep(store)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(database._MIGRATIONS))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()
    with Store.open(url) as store:
        assert store.head() == Head()
        keep(store)
        assert store.verify().ok


class Lives(RuleBasedStateMachine):
    """Several cases in one database, through random steps, crashes and restarts."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "cases.db"
        self.store = Store.open(f"sqlite:///{self.path}")
        self.model: dict[str, Case] = {}
        self.heads = [Head()]
        self.now = NOON

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @rule(minutes=st.integers(0, 3000))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def reported(self) -> None:
        with self.store.writing() as writer:
            number = writer.next_number("LG-20260520")
            seen = report(sighting=f"S{len(self.model)}")
            case, event = open_case(number, seen, actor="auto", at=self.now)
            writer.append(case, event)
        assert number not in self.model
        self.model[number] = case

    @precondition(lambda self: self.model)
    @rule(data=st.data(), step=st.sampled_from([s for s in Step if s is not Step.REPORT]))
    def stepped(self, data: st.DataObject, step: Step) -> None:
        number = data.draw(st.sampled_from(sorted(self.model)))
        before = self.model[number]

        def take(case: Case) -> tuple[Case, Event]:
            assert case == before
            if step is Step.DISPATCH:
                return dispatch_order(case, WATER, DAY, actor="街道", at=self.now)
            details = {"reason": "不属于本部门"} if step is Step.RETURN else {}
            return advance(case, step, actor="王", at=self.now, **details)

        try:
            self.model[number] = self.store.step(number, take)
        except CaseError:
            assert step not in allowed_steps(before.state)
        else:
            assert step in allowed_steps(before.state)

    @rule()
    def crashed(self) -> None:
        with pytest.raises(RuntimeError):
            self._open_and_crash()

    def _open_and_crash(self) -> None:
        with self.store.writing() as writer:
            number = writer.next_number("LG-20260520")
            writer.append(*open_case(number, report(), actor="auto", at=self.now))
            raise RuntimeError("the power went")

    @rule()
    def restarted(self) -> None:
        self.store.close()
        self.store = Store.open(f"sqlite:///{self.path}")

    @invariant()
    def all_is_kept_and_verifies(self) -> None:
        if not hasattr(self, "store"):
            return
        assert {case.number: case for case in self.store.cases()[1]} == self.model
        for head in (self.heads[0], self.heads[-1]):
            assert self.store.verify(head).ok
        if self.store.head() != self.heads[-1]:
            self.heads.append(self.store.head())
        late = sum(row.overdue for row in self.store.counts(self.now))
        assert late == sum(
            case.state is State.DISPATCHED
            and case.order is not None
            and case.order.overdue(self.now)
            for case in self.model.values()
        )


Lives.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLives = Lives.TestCase
