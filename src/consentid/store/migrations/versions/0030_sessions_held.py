"""A session is known while tokens of it are renewed, and found by what a client calls it."""

import sqlalchemy as sa
from alembic import op

revision: str = "0030"
down_revision: str | None = "0029"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the columns: the release before fills neither."""
    op.add_column("hub_sessions", sa.Column("held_until", sa.DateTime(timezone=True)))
    op.add_column("session_clients", sa.Column("sid", sa.Text()))
