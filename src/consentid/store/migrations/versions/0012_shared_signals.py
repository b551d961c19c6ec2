"""Shared Signals streams: endpoints that their receivers manage, and notices within a stream.

A stream is an endpoint like those of webhooks, so what is sent, retried and given up is in one
place; receivers make and remove theirs over HTTP, which takes the serving role's privileges.
"""

import sqlalchemy as sa
from alembic import context, op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table, the column and the privileges."""
    op.create_table(
        "ssf_streams",
        sa.Column("endpoint_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stream_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("requested", sa.LargeBinary(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("verified_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_no"],
            ["webhook_endpoints.endpoint_no"],
            name=op.f("ssf_streams_endpoint_no_fk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("endpoint_no", name=op.f("ssf_streams_pk")),
        sa.UniqueConstraint("stream_id", name=op.f("ssf_streams_stream_id_uq")),
    )
    op.add_column("webhook_deliveries", sa.Column("notice", sa.LargeBinary(), nullable=True))
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    for privileges, granted in (
        ("SELECT, INSERT, UPDATE, DELETE", "ssf_streams"),
        ("INSERT, DELETE", "webhook_endpoints, webhook_secrets"),
    ):
        op.execute(f'GRANT {privileges} ON {granted} TO "{role}"')
