"""Where Alembic begins: it is given a connection by :mod:`sise.warehouse.migrate`, and no file."""

from __future__ import annotations

from alembic import context

from sise.warehouse.migrate import ours
from sise.warehouse.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=ours,
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
