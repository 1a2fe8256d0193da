"""Run by Alembic: the connection comes from `dispatch.store`, inside its transaction."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], target_metadata=None
)  # fmt: skip
with context.begin_transaction():
    context.run_migrations()
