"""Codes by which a person lets support see what they chose."""

from typing import Final

import sqlalchemy as sa
from alembic import context, op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: None = None
depends_on: None = None

_NOW: Final = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Make the table and the serving role's privileges."""
    op.create_table(
        "support_codes",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _NOW, nullable=False),
        sa.Column("expires_at", _NOW, nullable=False),
        # A process of the release before erases people without knowing of these.
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["subjects.id"],
            name=op.f("support_codes_subject_id_fk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("support_codes_pk")),
        sa.UniqueConstraint("hash", name=op.f("support_codes_hash_uq")),
    )
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON support_codes TO "{role}"')
