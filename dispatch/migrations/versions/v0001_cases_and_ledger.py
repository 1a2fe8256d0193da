"""Cases, and the append-only ledger that they are computed from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE = [
    """
    CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no entry may be changed'); END
    """,
    """
    CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no entry may be removed'); END
    """,
    # Also stops INSERT OR REPLACE, for which SQLite does not run delete triggers.
    """
    CREATE TRIGGER ledger_in_order BEFORE INSERT ON ledger
    WHEN NEW.position <> (SELECT COALESCE(MAX(position) + 1, 0) FROM ledger)
      OR NEW.previous <> COALESCE(
           (SELECT hash FROM ledger ORDER BY position DESC LIMIT 1), NEW.previous)
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: an entry goes to its end'); END
    """,
]

_POSTGRESQL = [
    """
    CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'the ledger is append-only: % is not allowed', TG_OP;
    END $$
    """,
    """
    CREATE FUNCTION ledger_goes_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE last record;
    BEGIN
      SELECT position, hash INTO last FROM ledger ORDER BY position DESC LIMIT 1;
      IF NEW.position <> COALESCE(last.position + 1, 0)
         OR NEW.previous <> COALESCE(last.hash, NEW.previous) THEN
        RAISE EXCEPTION 'the ledger is append-only: an entry goes to its end';
      END IF;
      RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE ON ledger
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only()
    """,
    """
    CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()
    """,
    """
    CREATE TRIGGER ledger_in_order BEFORE INSERT ON ledger
    FOR EACH ROW EXECUTE FUNCTION ledger_goes_in_order()
    """,
]


def upgrade() -> None:
    op.create_table(
        "ledger",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("case_number", sa.String(40), nullable=False, index=True),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False, unique=True),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
    )
    op.create_table(
        "cases",
        sa.Column("number", sa.String(40), primary_key=True),
        sa.Column("series", sa.String(30), nullable=False),
        sa.Column("serial", sa.Integer, nullable=False),
        sa.Column("patrol", sa.String(120), nullable=False, index=True),
        sa.Column("violation", sa.String(30), nullable=False, index=True),
        sa.Column("community", sa.String(60), nullable=True, index=True),
        sa.Column("department", sa.String(60), nullable=True, index=True),
        sa.Column("state", sa.String(20), nullable=False, index=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("accept_by", sa.DateTime(timezone=True), nullable=True, index=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("series", "serial"),
    )
    dialect = op.get_bind().dialect.name
    for statement in _POSTGRESQL if dialect == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("cases")
    op.drop_table("ledger")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_is_append_only()")
        op.execute("DROP FUNCTION ledger_goes_in_order()")
