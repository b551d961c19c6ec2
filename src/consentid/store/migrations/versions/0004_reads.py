"""Who read what of a person, by the hour."""

import sqlalchemy as sa
from alembic import context, op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table and its privileges."""
    op.create_table(
        "reads",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("hour", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("reads_subject_id_fk")),
        sa.PrimaryKeyConstraint("subject_id", "hour", "client_id", "kind", name=op.f("reads_pk")),
    )
    op.create_index(op.f("reads_hour_ix"), "reads", ["hour"], unique=False)
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON reads TO "{role}"')
