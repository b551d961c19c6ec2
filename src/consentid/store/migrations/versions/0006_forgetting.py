"""Let a person have a device forgotten: its link to the account goes, its credential runs out."""

from alembic import context, op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Grant what that takes."""
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT UPDATE (expires_at) ON devices TO "{role}"')
    op.execute(f'GRANT DELETE ON account_devices TO "{role}"')
