"""Captures: what others say that people said, until the person says so themselves."""

from typing import Final

import sqlalchemy as sa
from alembic import context, op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: None = None
depends_on: None = None

_NOW: Final = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Make the table and the serving role's privileges."""
    op.create_table(
        "captures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("operator_hash", sa.LargeBinary(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("evidence_hash", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("early", _NOW, nullable=False),
        sa.Column("late", _NOW, nullable=False),
        sa.Column("clock_unproven", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", _NOW, nullable=False),
        sa.Column("expires_at", _NOW, nullable=False),
        sa.Column("ended_at", _NOW, nullable=True),
        sa.CheckConstraint(
            "(wrapped_key IS NOT NULL) = (subject_id IS NULL AND sealed IS NOT NULL)",
            name="captures_one_key",
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("captures_client_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("captures_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("captures_pk")),
        sa.UniqueConstraint("client_id", "key_hash", name=op.f("captures_client_id_key_hash_uq")),
        sa.UniqueConstraint("evidence_hash", name=op.f("captures_evidence_hash_uq")),
    )
    op.create_index(op.f("captures_subject_id_ix"), "captures", ["subject_id"])
    op.create_index(
        op.f("captures_client_id_recorded_at_id_ix"),
        "captures",
        ["client_id", "recorded_at", "id"],
    )
    op.create_index(
        "captures_open_ix",
        "captures",
        ["expires_at"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "captures_held_ix",
        "captures",
        ["recorded_at"],
        postgresql_where=sa.text("state = 'held'"),
    )
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON captures TO "{role}"')
