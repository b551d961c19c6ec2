"""A link's hand-off code takes along who is signed in, in the session that it names."""

import sqlalchemy as sa
from alembic import op

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the column: the release before makes codes of devices alone, and redeems no others."""
    op.add_column("hand_offs", sa.Column("session_id", sa.Uuid(), nullable=True))
