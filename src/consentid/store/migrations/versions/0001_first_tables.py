"""The first tables: catalogues, clients, subjects, decisions, tokens, status lists, journal.

The serving role may read and append decisions, staged entries, the outbox, served events; a trigger
keeps everybody, the owner included, from changing them.  What is applied by an operator
(catalogues, clients, their secrets) the serving role only reads.
"""

from typing import Final

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None

_APPEND_ONLY: Final = ("catalogues", "decisions", "staged_entries", "outbox", "served_events")

_PRIVILEGES: Final = {
    "SELECT": ("catalogues", "clients", "client_secrets", "alembic_version"),
    "SELECT, INSERT": (
        *("decisions", "staged_entries", "outbox", "served_events"),
        # Destroying a subject's key is erasure: no serving role may do it.
        *("devices", "served_notices", "subject_keys"),
    ),
    "SELECT, INSERT, UPDATE": (
        *("subjects", "known_subjects", "account_devices"),
        *("status_lists", "status_indices"),
    ),
    "SELECT, INSERT, DELETE": ("access_tokens", "used_tokens"),
    "SELECT, INSERT, UPDATE, DELETE": (
        *("projections", "signals_seen", "audience_states", "idempotency_keys"),
    ),
}

_REFUSE_CHANGE: Final = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$
"""


def upgrade() -> None:
    """Make the tables, the trigger and the privileges."""
    _make_tables()
    op.execute(_REFUSE_CHANGE)
    for table in _APPEND_ONLY:
        trigger = f"append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        op.execute(f"CREATE TRIGGER {trigger} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    for privileges, tables in _PRIVILEGES.items():
        op.execute(f'GRANT {privileges} ON {", ".join(tables)} TO "{role}"')


def _make_tables() -> None:
    op.create_table(
        "catalogues",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("applied_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("catalogues_pk")),
    )
    op.create_table(
        "clients",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("party_kind", sa.Text(), nullable=False),
        sa.Column("party_slug", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("auth_method", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("collects", sa.Text(), nullable=False),
        sa.Column("surface", sa.Text(), nullable=False),
        sa.Column("token_class", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("client_id", name=op.f("clients_pk")),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("subject_version", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("outbox_pk")),
    )
    op.create_table(
        "served_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("catalogue", sa.Integer(), nullable=False),
        sa.Column("minted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("served_notices_pk")),
    )
    op.create_table(
        "staged_entries",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("staged_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("staged_entries_pk")),
        sa.UniqueConstraint("event_id", name=op.f("staged_entries_event_id_uq")),
    )
    op.create_table(
        "status_lists",
        sa.Column("list_no", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("signed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("list_no", name=op.f("status_lists_pk")),
    )
    op.create_table(
        "subjects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("erased_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("subjects_pk")),
    )
    op.create_table(
        "used_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("used_tokens_pk")),
    )
    op.create_index(op.f("used_tokens_expires_at_ix"), "used_tokens", ["expires_at"], unique=False)
    op.create_table(
        "access_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("issued_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("access_tokens_client_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["subjects.id"], name=op.f("access_tokens_device_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("access_tokens_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("access_tokens_pk")),
    )
    op.create_index(
        op.f("access_tokens_expires_at_ix"), "access_tokens", ["expires_at"], unique=False
    )
    op.create_index(
        op.f("access_tokens_subject_id_ix"), "access_tokens", ["subject_id"], unique=False
    )
    op.create_table(
        "account_devices",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("first_seen_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sealed_told", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["subjects.id"], name=op.f("account_devices_account_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["subjects.id"], name=op.f("account_devices_device_id_fk")
        ),
        sa.PrimaryKeyConstraint("account_id", "device_id", name=op.f("account_devices_pk")),
    )
    op.create_table(
        "audience_states",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("list_no", sa.Integer(), nullable=False),
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("catalogue", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("audience_states_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("subject_id", "audience", name=op.f("audience_states_pk")),
    )
    op.create_index(
        op.f("audience_states_catalogue_subject_id_ix"),
        "audience_states",
        ["catalogue", "subject_id"],
        unique=False,
    )
    op.create_table(
        "client_secrets",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("client_secrets_client_id_fk")
        ),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("client_secrets_pk")),
    )
    op.create_index(
        op.f("client_secrets_client_id_ix"), "client_secrets", ["client_id"], unique=False
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("early", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("late", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("clock_unproven", sa.Boolean(), nullable=False),
        sa.Column("catalogue", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("assurance", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("served", sa.Uuid(), nullable=True),
        sa.Column("signal", sa.Text(), nullable=True),
        sa.Column("adopted_from", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["catalogue"], ["catalogues.version"], name=op.f("decisions_catalogue_fk")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("decisions_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("decisions_pk")),
    )
    op.create_index(
        op.f("decisions_subject_id_recorded_at_id_ix"),
        "decisions",
        ["subject_id", "recorded_at", "id"],
        unique=False,
    )
    op.create_table(
        "devices",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("credential_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("devices_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("devices_pk")),
        sa.UniqueConstraint("credential_hash", name=op.f("devices_credential_hash_uq")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("sealed_answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("idempotency_keys_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("client_id", "route", "key_hash", name=op.f("idempotency_keys_pk")),
    )
    op.create_index(
        op.f("idempotency_keys_created_at_ix"), "idempotency_keys", ["created_at"], unique=False
    )
    op.create_index(
        op.f("idempotency_keys_subject_id_ix"), "idempotency_keys", ["subject_id"], unique=False
    )
    op.create_table(
        "known_subjects",
        sa.Column("identity_hash", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("adult", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("known_subjects_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("identity_hash", name=op.f("known_subjects_pk")),
        sa.UniqueConstraint("subject_id", name=op.f("known_subjects_subject_id_uq")),
    )
    op.create_table(
        "projections",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("projections_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("projections_pk")),
    )
    op.create_table(
        "served_events",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("served", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("layout", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["served"], ["served_notices.id"], name=op.f("served_events_served_fk")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("served_events_pk")),
        sa.UniqueConstraint("served", "event", name=op.f("served_events_served_event_uq")),
    )
    op.create_table(
        "signals_seen",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("signals_seen_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("subject_id", "device_id", "source", name=op.f("signals_seen_pk")),
    )
    op.create_table(
        "status_indices",
        sa.Column("list_no", sa.Integer(), nullable=False),
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("audience", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_published", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_no"], ["status_lists.list_no"], name=op.f("status_indices_list_no_fk")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("status_indices_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("list_no", "idx", name=op.f("status_indices_pk")),
    )
    op.create_index(
        op.f("status_indices_subject_id_ix"), "status_indices", ["subject_id"], unique=False
    )
    op.create_index(
        "status_indices_unpublished_ix",
        "status_indices",
        ["list_no"],
        unique=False,
        postgresql_where="revoked_at IS NOT NULL AND NOT is_published",
    )
    op.create_table(
        "subject_keys",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("subject_keys_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("subject_keys_pk")),
    )
