"""The event feed and webhooks: each receiver's own sequence, and what is sent of it.

An outbox row leaves once it is carried on, and by no other way: a trigger refuses whoever deletes
what ``outbox_drained`` does not name.
"""

from typing import Final

import sqlalchemy as sa
from alembic import context, op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: None = None
depends_on: None = None

_REFUSE_UNDRAINED: Final = """
CREATE FUNCTION refuse_undrained() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM gone WHERE NOT EXISTS (
      SELECT FROM outbox_drained AS kept
      WHERE kept.seq = gone.seq AND kept.event_id = gone.event_id
    )
  ) THEN
    RAISE EXCEPTION 'an outbox row leaves into the feed only'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END
$$
"""
_NOW: Final = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Make the tables, the trigger and the privileges."""
    op.add_column("outbox", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    op.add_column("outbox", sa.Column("told", sa.LargeBinary(), nullable=True))
    _make_feed()
    _make_webhooks()
    op.execute("DROP TRIGGER append_only ON outbox")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON outbox"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(_REFUSE_UNDRAINED)
    op.execute(
        "CREATE TRIGGER nothing_lost AFTER DELETE ON outbox"
        " REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION refuse_undrained()"
    )
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    for privileges, granted in (
        ("DELETE", "outbox"),
        ("SELECT, INSERT, DELETE", "outbox_drained, events"),
        ("SELECT, INSERT, UPDATE, DELETE", "event_streams, webhook_deliveries"),
        ("SELECT, UPDATE", "webhook_endpoints"),
        ("SELECT", "webhook_secrets"),
    ):
        op.execute(f'GRANT {privileges} ON {granted} TO "{role}"')


def _make_feed() -> None:
    op.create_table(
        "outbox_drained",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", _NOW, nullable=False),
        sa.Column("drained_at", _NOW, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("outbox_drained_pk")),
    )
    op.create_index(op.f("outbox_drained_drained_at_ix"), "outbox_drained", ["drained_at"])
    op.create_table(
        "event_streams",
        sa.Column("stream_no", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", _NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("event_streams_client_id_fk")
        ),
        sa.PrimaryKeyConstraint("stream_no", name=op.f("event_streams_pk")),
        sa.UniqueConstraint("client_id", name=op.f("event_streams_client_id_uq")),
    )
    op.create_table(
        "events",
        sa.Column("stream_no", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("lane", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", _NOW, nullable=False),
        sa.PrimaryKeyConstraint("stream_no", "seq", name=op.f("events_pk")),
    )
    op.create_index(op.f("events_at_ix"), "events", ["at"])


def _make_webhooks() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("endpoint_no", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("filters", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _NOW, nullable=False),
        sa.Column("stream_no", sa.Integer(), nullable=True),
        sa.Column("queued_seq", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", _NOW, nullable=True),
        sa.Column("paused_until", _NOW, nullable=True),
        sa.Column("disabled_at", _NOW, nullable=True),
        sa.Column("disabled_why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("webhook_endpoints_client_id_fk")
        ),
        sa.PrimaryKeyConstraint("endpoint_no", name=op.f("webhook_endpoints_pk")),
    )
    op.create_table(
        "webhook_secrets",
        sa.Column("secret_no", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("endpoint_no", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _NOW, nullable=False),
        sa.Column("expires_at", _NOW, nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_no"],
            ["webhook_endpoints.endpoint_no"],
            name=op.f("webhook_secrets_endpoint_no_fk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("secret_no", name=op.f("webhook_secrets_pk")),
    )
    op.create_index(op.f("webhook_secrets_endpoint_no_ix"), "webhook_secrets", ["endpoint_no"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("endpoint_no", sa.Integer(), nullable=False),
        sa.Column("stream_no", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("lane", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("queued_at", _NOW, nullable=False),
        sa.Column("due_at", _NOW, nullable=False),
        sa.Column("settled_at", _NOW, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("took_ms", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_no"],
            ["webhook_endpoints.endpoint_no"],
            name=op.f("webhook_deliveries_endpoint_no_fk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "endpoint_no", "stream_no", "seq", name=op.f("webhook_deliveries_pk")
        ),
    )
    op.create_index(
        "webhook_deliveries_pending_ix",
        "webhook_deliveries",
        ["endpoint_no", "lane", "stream_no", "seq"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "webhook_deliveries_due_ix",
        "webhook_deliveries",
        ["endpoint_no", "due_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(op.f("webhook_deliveries_settled_at_ix"), "webhook_deliveries", ["settled_at"])
