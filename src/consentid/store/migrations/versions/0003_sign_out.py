"""Sessions as clients know them, who took part in them, and what is still to be told of their end.

Also what tokens rest on: the purposes whose withdrawal ends them.
"""

from typing import Final

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: None = None
depends_on: None = None

_TABLES: Final = ("session_clients", "logout_notices")
_RESTING: Final = ("authorization_codes", "refresh_tokens", "device_codes", "access_tokens")


def upgrade() -> None:
    """Make the tables, the columns and the privileges."""
    _name_sessions()
    for table in _RESTING:
        op.add_column(table, sa.Column("rests_on", postgresql.ARRAY(sa.Text()), nullable=True))
    _make_tables()
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(_TABLES)} TO "{role}"')


def _name_sessions() -> None:
    """Give each session a name that outlives its cookie; codes of a minute ago keep none."""
    op.add_column(
        "hub_sessions",
        sa.Column(
            "session_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
    )
    op.alter_column("hub_sessions", "session_id", server_default=None)
    op.drop_column("authorization_codes", "session_hash")
    op.add_column("authorization_codes", sa.Column("session_id", sa.Uuid(), nullable=True))
    op.add_column("refresh_tokens", sa.Column("session_id", sa.Uuid(), nullable=True))


def _make_tables() -> None:
    op.create_table(
        "session_clients",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("session_clients_client_id_fk")
        ),
        sa.PrimaryKeyConstraint("session_id", "client_id", name=op.f("session_clients_pk")),
    )
    op.create_table(
        "logout_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("queued_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("logout_notices_client_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("logout_notices_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("logout_notices_pk")),
    )
    op.create_index(op.f("logout_notices_due_at_ix"), "logout_notices", ["due_at"], unique=False)
    op.create_index(
        op.f("logout_notices_subject_id_ix"), "logout_notices", ["subject_id"], unique=False
    )
