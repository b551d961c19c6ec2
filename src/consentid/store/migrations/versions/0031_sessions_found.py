"""Sessions are found by what a client calls them, and by when they are to be forgotten."""

from alembic import op
from sqlalchemy import text

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Build the indexes while others write; what an attempt before left of one is no use."""
    with op.get_context().autocommit_block():
        for name, table, key in (
            ("session_clients_sid_ix", "session_clients", "sid"),
            ("hub_sessions_session_id_ix", "hub_sessions", "session_id"),
            ("hub_sessions_due_ix", "hub_sessions", text("greatest(expires_at, held_until)")),
        ):
            op.drop_index(op.f(name), postgresql_concurrently=True, if_exists=True)
            op.create_index(op.f(name), table, [key], postgresql_concurrently=True)
