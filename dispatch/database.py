"""Opening a database for `dispatch.store`: engines, transactions and migrations."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from dispatch.errors import StoreError

__all__ = ["WRITES", "make_engine", "parse_url", "reason", "shown", "upgrade"]

WRITES = "river_patrol_writes"
"""Execution option of a connection whose transaction takes SQLite's write lock at once."""

_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_BUSY_S = 10.0


def parse_url(text: str) -> URL:
    """A SQLAlchemy URL of one of the two databases; raises StoreError for any other."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreError(
            "the database URL cannot be read; expected sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST/NAME"
        ) from None
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise StoreError(f"{backend}: expected a database URL of sqlite:// or postgresql://")
    return url


def make_engine(url: URL) -> Engine:
    """An engine whose transactions are real ones on SQLite too, and its file in WAL mode."""
    if url.get_backend_name() == "postgresql":
        return sa.create_engine(url, pool_pre_ping=True)
    if url.database and url.database != ":memory:" and not Path(url.database).parent.is_dir():
        raise StoreError(f"{Path(url.database).parent}: no such folder for the database")
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_S})
    sa.event.listen(engine, "connect", _on_connect)
    sa.event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    # Python's sqlite3 would begin transactions late and end them before DDL; _on_begin does it.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def upgrade(connection: Connection, url: URL) -> None:
    """Bring the tables up to date inside the connection's transaction. Raises StoreError."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"{shown(url)}: its tables come from another version of this program ({error}); "
            "upgrade the program or give another --database"
        ) from None


def shown(url: URL) -> str:
    return (
        url.database or "memory" if url.get_backend_name() == "sqlite" else url.render_as_string()
    )


def reason(error: Exception) -> str:
    """What the database said, in one line, and what to do."""
    text = str(error.orig) if isinstance(error, DBAPIError) and error.orig else str(error)
    with suppress(IndexError):
        text = text.strip().splitlines()[0]
    hints = {
        "unable to open": "check the path and its permissions",
        "not a database": "the file is something else; give another --database",
        "database is locked": "another process is writing; try again",
        "readonly": "the file or its folder may not be written",
    }
    hint = next((hint for words, hint in hints.items() if words in text), "is it the right one?")
    return f"the database says {text!r}; {hint}"
