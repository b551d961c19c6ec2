"""Sessions are found by what a client calls them."""

from alembic import op

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Build the index while others write; what an attempt before left of it is no use."""
    name = op.f("session_clients_sid_ix")
    with op.get_context().autocommit_block():
        op.drop_index(name, postgresql_concurrently=True, if_exists=True)
        op.create_index(name, "session_clients", ["sid"], postgresql_concurrently=True)
