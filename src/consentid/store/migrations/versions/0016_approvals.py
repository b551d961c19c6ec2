"""Codes that no person types: the question is addressed to them, and waits at the hub."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: None = None
depends_on: None = None

contracts: Final = {
    "device_codes has another constraint, device_codes_reached": (
        "0007: whoever knows nothing of addressees gives each row a code"
    ),
}


def upgrade() -> None:
    """Add the columns, what keeps the two kinds apart, and how a person's are found."""
    op.alter_column("device_codes", "user_code_hash", nullable=True)
    op.add_column("device_codes", sa.Column("addressee", sa.LargeBinary(), nullable=True))
    op.add_column("device_codes", sa.Column("sealed_request", sa.LargeBinary(), nullable=True))
    op.add_column(
        "device_codes", sa.Column("reported_at", sa.TIMESTAMP(timezone=True), nullable=True)
    )
    op.create_check_constraint(
        "device_codes_reached", "device_codes", "(user_code_hash IS NULL) <> (addressee IS NULL)"
    )
    op.create_index(
        "device_codes_addressee_ix",
        "device_codes",
        ["addressee"],
        postgresql_where=sa.text("addressee IS NOT NULL"),
    )
