"""Televisions: what one calls itself is kept sealed, and a refresh whose answer was lost is told.

Codes that wait are dropped with the name they had in clear: their devices ask for another.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Change the columns; tokens that were used before now have no successor that is known."""
    op.execute("DELETE FROM device_codes")
    op.drop_column("device_codes", "device_name")
    op.add_column("device_codes", sa.Column("sealed_name", sa.LargeBinary(), nullable=True))
    op.add_column("refresh_tokens", sa.Column("sealed_name", sa.LargeBinary(), nullable=True))
    op.add_column("refresh_tokens", sa.Column("successor_hash", sa.LargeBinary(), nullable=True))
    op.add_column("refresh_tokens", sa.Column("used_key_hash", sa.LargeBinary(), nullable=True))
    op.add_column(
        "refresh_tokens",
        sa.Column("was_superseded", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
