"""How Alembic runs here: one connection that the caller opened, one transaction per step."""

from alembic import context
from sqlalchemy import Connection

from consentid.store.tables import metadata

connection = context.config.attributes["connection"]
if not isinstance(connection, Connection):
    msg = "migrations run by `consentid migrate`, which opens the connection"
    raise TypeError(msg)

context.configure(
    connection=connection,
    target_metadata=metadata,
    transaction_per_migration=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
