"""Connectors to brokers and how far each has come; the order of a receiver's own of its people."""

from typing import Final

import sqlalchemy as sa
from alembic import context, op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: None = None
depends_on: None = None

_NOW: Final = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Make the table, the index and the privileges."""
    op.create_table(
        "connectors",
        sa.Column("connector_no", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("created_at", _NOW, nullable=False),
        sa.Column("stream_no", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", _NOW, nullable=True),
        sa.Column("failing_since", _NOW, nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("connectors_client_id_fk")
        ),
        sa.PrimaryKeyConstraint("connector_no", name=op.f("connectors_pk")),
        sa.UniqueConstraint(
            "client_id", "kind", "target", name=op.f("connectors_client_id_kind_target_uq")
        ),
    )
    op.create_index(
        "audience_states_met_ix",
        "audience_states",
        [
            sa.text("split_part(audience, ' ', 1)"),
            sa.text("(md5(split_part(audience, ' ', 1) || subject_id::text)::uuid)"),
            "subject_id",
        ],
    )
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT SELECT, INSERT, UPDATE ON connectors TO "{role}"')
