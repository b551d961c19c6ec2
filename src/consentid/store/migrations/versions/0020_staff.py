"""Staff who sign in at their own issuer, and a way to find what they did."""

from typing import Final

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: None = None
depends_on: None = None

_NOW: Final = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Add the tables, the index and the privileges."""
    op.create_table(
        "staff_members",
        sa.Column("who", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=True),
        sa.Column("seen_at", _NOW, nullable=False),
        sa.PrimaryKeyConstraint("who", name=op.f("staff_members_pk")),
    )
    # Not with the sessions of codes: a process of the release before lets each of those do all.
    op.create_table(
        "staff_sessions",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("who", sa.LargeBinary(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", _NOW, nullable=False),
        sa.Column("expires_at", _NOW, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("staff_sessions_pk")),
    )
    op.create_index(
        "entry_bodies_admin_ix",
        "entry_bodies",
        ["event_id"],
        postgresql_where=sa.text("kind = 'admin'"),
    )
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    for privileges, table in (
        ("SELECT, INSERT, UPDATE, DELETE", "staff_members"),
        ("SELECT, INSERT, DELETE", "staff_sessions"),
    ):
        op.execute(f'GRANT {privileges} ON {table} TO "{role}"')
