"""Whether it has arrived: how far each system has confirmed, who is late, and who may look.

An event says whether it takes something away, since an unconfirmed withdrawal is what somebody has
to be woken for, and events lie sealed.
"""

from typing import Final

import sqlalchemy as sa
from alembic import context, op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: None = None
depends_on: None = None

_NOW: Final = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Add the columns, the tables and the privileges."""
    # A worker of the release before goes on adding events meanwhile, and knows nothing of this.
    op.add_column(
        "events",
        sa.Column("narrows", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index(
        "events_narrowing_ix",
        "events",
        ["stream_no", "seq"],
        postgresql_where=sa.text("narrows"),
    )
    op.create_index(op.f("events_id_ix"), "events", ["id"])
    op.add_column("webhook_endpoints", sa.Column("delivered_at", _NOW, nullable=True))
    op.create_index(
        "webhook_deliveries_dead_ix",
        "webhook_deliveries",
        ["endpoint_no"],
        postgresql_where=sa.text("state = 'dead'"),
    )
    _make_confirmations()
    _make_operators()
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    for privileges, granted in (
        ("SELECT, INSERT, DELETE", "event_marks, event_confirmations, late_systems"),
        ("SELECT, DELETE", "operator_codes"),
        ("SELECT, INSERT, DELETE", "operator_sessions"),
    ):
        op.execute(f'GRANT {privileges} ON {granted} TO "{role}"')


def _make_confirmations() -> None:
    op.create_table(
        "event_marks",
        sa.Column("stream_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", _NOW, nullable=False),
        sa.PrimaryKeyConstraint("stream_no", "way", "seq", name=op.f("event_marks_pk")),
    )
    op.create_index(op.f("event_marks_at_ix"), "event_marks", ["at"])
    op.create_table(
        "event_confirmations",
        sa.Column("stream_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", _NOW, nullable=False),
        sa.PrimaryKeyConstraint("stream_no", "seq", name=op.f("event_confirmations_pk")),
    )
    op.create_index(op.f("event_confirmations_at_ix"), "event_confirmations", ["at"])
    op.create_table(
        "late_systems",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("since", _NOW, nullable=False),
        sa.PrimaryKeyConstraint("system", name=op.f("late_systems_pk")),
    )


def _make_operators() -> None:
    for name in ("operator_codes", "operator_sessions"):
        op.create_table(
            name,
            sa.Column("hash", sa.LargeBinary(), nullable=False),
            sa.Column("created_at", _NOW, nullable=False),
            sa.Column("expires_at", _NOW, nullable=False),
            sa.PrimaryKeyConstraint("hash", name=op.f(f"{name}_pk")),
        )
