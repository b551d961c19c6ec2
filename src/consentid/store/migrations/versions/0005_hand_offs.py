"""Hand-off codes in links from one brand's page to another's."""

from typing import Final

import sqlalchemy as sa
from alembic import context, op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: None = None
depends_on: None = None

_TABLE: Final = "hand_offs"


def upgrade() -> None:
    """Make the table and the privileges; nothing in it outlives its expiry by long."""
    op.create_table(
        _TABLE,
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("target_brand", sa.Text(), nullable=False),
        sa.Column("family", sa.Uuid(), nullable=False),
        sa.Column("issued_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("hand_offs_client_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("hand_offs_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("hand_offs_pk")),
    )
    op.create_index(op.f("hand_offs_expires_at_ix"), _TABLE, ["expires_at"], unique=False)
    op.create_index(op.f("hand_offs_subject_id_ix"), _TABLE, ["subject_id"], unique=False)
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {_TABLE} TO "{role}"')
