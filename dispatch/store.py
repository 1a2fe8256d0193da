"""Cases and ledger in a database: SQLite (WAL) by default, PostgreSQL by URL.

The ledger is the truth; the table of cases is computed from it, for finding them quickly, and
`Store.verify` compares the two. Writers take turns (a lock on the whole ledger), so that every
transaction sees its end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic.util.exc import CommandError
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

from dispatch.cases import Case, Event, State, apply
from dispatch.database import WRITES, make_engine, parse_url, reason, shown, upgrade
from dispatch.errors import DispatchError, NoSuchCaseError, StoreError
from dispatch.ledger import GENESIS, Entry, Head, Verdict, entry_after, verify
from dispatch.reports import Report, Violation
from dispatch.values import canonical_json

__all__ = ["Counts", "Store", "Writer"]

_LEDGER_LOCK = 0x72697672  # any constant: the key of PostgreSQL's advisory lock


class _Utc(sa.TypeDecorator[datetime]):
    """Aware UTC in and out, also where the database keeps no zone (SQLite)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# As the newest migration leaves them; the constraints and triggers are there.
_metadata = sa.MetaData()
_ledger = sa.Table(
    "ledger",
    _metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("case_number", sa.String(40)),
    sa.Column("event", sa.Text),
    sa.Column("previous", sa.String(64)),
    sa.Column("hash", sa.String(64)),
)
_cases = sa.Table(
    "cases",
    _metadata,
    sa.Column("number", sa.String(40), primary_key=True),
    sa.Column("series", sa.String(30)),
    sa.Column("serial", sa.Integer),
    sa.Column("patrol", sa.String(120)),
    sa.Column("violation", sa.String(30)),
    sa.Column("community", sa.String(60)),
    sa.Column("department", sa.String(60)),
    sa.Column("state", sa.String(20)),
    sa.Column("opened_at", _Utc),
    sa.Column("accept_by", _Utc),
    sa.Column("document", sa.Text),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cases share these four; `accept_by_passed` of them wait beyond their deadline."""

    state: State
    violation: Violation
    community: str | None
    department: str | None
    cases: int
    overdue: int


class Store:
    """An open database. Safe to use from several threads; close it when done."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> Store:
        """Open a database and bring its tables up to date; a new SQLite file is made.

        `url` is SQLAlchemy's, as sqlite:///cases.db or postgresql://user:password@host/name.
        Raises StoreError, one line that shows no password.
        """
        parsed = parse_url(url)
        try:
            engine = make_engine(parsed)
        except (ImportError, NoSuchModuleError) as error:
            raise StoreError(
                f"{shown(parsed)}: the database driver is not there ({error}); "
                "for PostgreSQL: pip install 'psycopg[binary]'"
            ) from None
        store = cls(engine)
        try:
            with store._locked() as connection:
                upgrade(connection, parsed)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """One transaction: all of what the block writes is kept, or, if it raises, nothing."""
        with self._locked() as connection:
            yield Writer(connection)

    def step(self, number: str, take: Callable[[Case], tuple[Case, Event]]) -> Case:
        """Take one step of one case: `take` gets the case as it is and gives case and event.

        Raises NoSuchCaseError where the case is not there, CaseError where the machine refuses.
        """
        with self.writing() as writer:
            case, event = take(writer.case(number))
            writer.append(case, event)
            return case

    def case(self, number: str) -> tuple[Case, list[Entry]]:
        """A case, replayed from its ledger entries, which come along. Raises NoSuchCaseError
        where there is none, and StoreError where they do not replay."""
        with self._reading() as connection:
            return _replayed(connection, number)

    def cases(
        self,
        *,
        state: State | None = None,
        violation: Violation | None = None,
        community: str | None = None,
        patrol: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[int, list[Case]]:
        """How many cases match, and those from `offset`, the newest first."""
        wanted = {"state": state, "violation": violation, "community": community, "patrol": patrol}
        where = [_cases.c[name] == value for name, value in wanted.items() if value is not None]
        newest = (_cases.c.opened_at.desc(), _cases.c.series.desc(), _cases.c.serial.desc())
        rows = sa.select(_cases.c.document).where(*where).order_by(*newest)
        with self._reading() as connection:
            count = sa.select(sa.func.count()).select_from(_cases).where(*where)
            total = connection.execute(count).scalar_one()
            page = connection.execute(rows.limit(limit).offset(offset)).scalars().all()
        return total, [_case_of(text) for text in page]

    def counts(self, now: datetime) -> list[Counts]:
        """Cases counted by state, class, community and department; overdue as of `now`."""
        keys = (_cases.c.state, _cases.c.violation, _cases.c.community, _cases.c.department)
        late = sa.and_(_cases.c.state == State.DISPATCHED.value, _cases.c.accept_by < now)
        query = sa.select(
            *keys, sa.func.count(), sa.func.sum(sa.case((late, 1), else_=0))
        ).group_by(*keys)
        with self._reading() as connection:
            rows = connection.execute(query).all()
        return [
            Counts(State(state), Violation(violation), community, department, cases, int(overdue))
            for state, violation, community, department, cases, overdue in rows
        ]

    def counts_by_patrol(self) -> dict[str, int]:
        query = sa.select(_cases.c.patrol, sa.func.count()).group_by(_cases.c.patrol)
        with self._reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def head(self) -> Head:
        with self._reading() as connection:
            return _head(connection)

    def entries(self) -> list[Entry]:
        """The whole ledger in order."""
        with self._reading() as connection:
            return [_entry(row) for row in connection.execute(_ledger_rows())]

    def verify(self, expected: Head | None = None) -> Verdict:
        """Check the chain, then that the table of cases is what the events make."""
        with self._reading() as connection:
            entries = [_entry(row) for row in connection.execute(_ledger_rows())]
            verdict = verify(entries, expected)
            if not verdict.ok:
                return verdict
            rows = {
                row.number: (_without_series(row)) for row in connection.execute(sa.select(_cases))
            }
        replayed: dict[str, Case] = {}
        last: dict[str, int] = {}
        for entry in entries:
            try:
                replayed[entry.case] = apply(replayed.get(entry.case), entry.event)
            except DispatchError as error:
                return _broken(verdict, entry.index, f"is a step that is not allowed: {error}")
            last[entry.case] = entry.index
        for number, case in replayed.items():
            if rows.pop(number, None) != _columns(case):
                return _broken(
                    verdict, last[number], f"and the table of cases disagree about {number}"
                )
        if rows:
            return _broken(verdict, verdict.entries, f"has no event of the case {min(rows)}")
        return verdict

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _locked(self) -> Iterator[Connection]:
        with self._translated(), self._engine.connect() as plain:
            connection = plain.execution_options(**{WRITES: True})
            with connection.begin():
                if self.dialect == "postgresql":
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LEDGER_LOCK)))
                yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, CommandError) as error:
            raise StoreError(f"{shown(self._engine.url)}: {reason(error)}") from None


class Writer:
    """What one transaction writes; see `Store.writing`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def next_number(self, series: str) -> str:
        """The next case number of a series such as LG-20260520: LG-20260520-0001."""
        newest = sa.select(sa.func.max(_cases.c.serial)).where(_cases.c.series == series)
        return f"{series}-{(self._connection.execute(newest).scalar() or 0) + 1:04d}"

    def reports(self, patrol: str) -> list[tuple[str, Report]]:
        """Case number and report of everything that this patrol reported, oldest first."""
        query = (
            sa.select(_cases.c.number, _cases.c.document)
            .where(_cases.c.patrol == patrol)
            .order_by(_cases.c.series, _cases.c.serial)
        )
        return [(number, _case_of(text).report) for number, text in self._connection.execute(query)]

    def case(self, number: str) -> Case:
        """The case as its events make it; raises NoSuchCaseError for none."""
        return _replayed(self._connection, number)[0]

    def append(self, case: Case, event: Event) -> Entry:
        """Put an event at the end of the ledger, and the case that it makes into the table."""
        entry = entry_after(_head(self._connection), event)
        self._connection.execute(
            _ledger.insert().values(
                position=entry.index,
                case_number=entry.case,
                event=entry.text,
                previous=entry.previous,
                hash=entry.hash,
            )
        )
        columns = _columns(case)
        if event.from_state is None:
            series, _, serial = case.number.rpartition("-")
            self._connection.execute(
                _cases.insert().values(series=series, serial=int(serial), **columns)
            )
        else:
            done = self._connection.execute(
                _cases.update().where(_cases.c.number == case.number).values(**columns)
            )
            if done.rowcount != 1:
                raise StoreError(f"the case {case.number} is in the ledger but not in its table")
        return entry


def _columns(case: Case) -> dict[str, Any]:
    order = case.order
    return {
        "number": case.number,
        "patrol": case.report.patrol,
        "violation": case.report.violation.value,
        "community": case.report.community.code,
        "department": order.department if order else None,
        "state": case.state.value,
        "opened_at": case.opened_at,
        "accept_by": order.accept_by if order else None,
        "document": canonical_json(case.to_json()),
    }


def _without_series(row: sa.Row[Any]) -> dict[str, Any]:
    return {k: v for k, v in row._mapping.items() if k not in ("series", "serial")}


def _case_of(text: str) -> Case:
    try:
        return Case.from_json(json.loads(text))
    except (ValueError, DispatchError) as error:
        raise StoreError(f"a row of the table of cases cannot be read ({error})") from None


def _ledger_rows() -> sa.Select[Any]:
    return sa.select(_ledger).order_by(_ledger.c.position)


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(row.position, row.case_number, row.event, row.previous, row.hash)


def _head(connection: Connection) -> Head:
    query = sa.select(_ledger.c.position, _ledger.c.hash).order_by(_ledger.c.position.desc())
    row = connection.execute(query.limit(1)).first()
    return Head(row.position + 1, row.hash) if row else Head(0, GENESIS)


def _replayed(connection: Connection, number: str) -> tuple[Case, list[Entry]]:
    rows = connection.execute(_ledger_rows().where(_ledger.c.case_number == number))
    entries = [_entry(row) for row in rows]
    if not entries:
        raise NoSuchCaseError(f"没有这个案件: there is no case {number!r:.60}")
    case: Case | None = None
    try:
        for entry in entries:
            case = apply(case, entry.event)
    except DispatchError as error:
        raise StoreError(
            f"the ledger entries of {number} do not replay ({error}); verify the ledger"
        ) from None
    assert case is not None
    return case, entries


def _broken(verdict: Verdict, index: int, reason: str) -> Verdict:
    return Verdict(verdict.entries, verdict.head, index, reason)
