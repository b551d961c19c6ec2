"""Signing keys that were revoked before their time, for every process to heed within a second.

Kept for ever: when a key was in wrong hands is what a signature of then is judged by.
"""

import sqlalchemy as sa
from alembic import context, op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table and its guard; what operators apply, the serving role only reads."""
    op.create_table(
        "revoked_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("stolen_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("revoked_keys_pk")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON revoked_keys"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT SELECT ON revoked_keys TO "{role}"')
