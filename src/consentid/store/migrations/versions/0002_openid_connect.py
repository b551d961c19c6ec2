"""The doors of OpenID Connect and OAuth: sessions, interactions, codes, refresh tokens."""

from typing import Final

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: None = None
depends_on: None = None

_TABLES: Final = (
    *("hub_sessions", "interactions", "portal_logins", "pushed_requests"),
    *("authorization_codes", "refresh_tokens", "device_codes"),
)


def upgrade() -> None:
    """Make the tables and the privileges; nothing in them outlives its expiry by long."""
    _make_tables()
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(_TABLES)} TO "{role}"')


def _make_tables() -> None:
    op.create_table(
        "portal_logins",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("portal_logins_pk")),
    )
    op.create_index(
        op.f("portal_logins_expires_at_ix"), "portal_logins", ["expires_at"], unique=False
    )
    op.create_table(
        "authorization_codes",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("session_hash", sa.LargeBinary(), nullable=True),
        sa.Column("family", sa.Uuid(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("code_challenge", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=True),
        sa.Column("resource", sa.Text(), nullable=True),
        sa.Column("auth_time", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("acr", sa.Text(), nullable=True),
        sa.Column("details", sa.LargeBinary(), nullable=True),
        sa.Column("issued_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("authorization_codes_client_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["subjects.id"], name=op.f("authorization_codes_device_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("authorization_codes_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("authorization_codes_pk")),
    )
    op.create_index(
        op.f("authorization_codes_expires_at_ix"),
        "authorization_codes",
        ["expires_at"],
        unique=False,
    )
    op.create_index(
        op.f("authorization_codes_subject_id_ix"),
        "authorization_codes",
        ["subject_id"],
        unique=False,
    )
    op.create_table(
        "device_codes",
        sa.Column("device_code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("resource", sa.Text(), nullable=True),
        sa.Column("details", sa.LargeBinary(), nullable=True),
        sa.Column("device_name", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("auth_time", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("acr", sa.Text(), nullable=True),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        sa.Column("polled_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("device_codes_client_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("device_codes_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("device_code_hash", name=op.f("device_codes_pk")),
        sa.UniqueConstraint("user_code_hash", name=op.f("device_codes_user_code_hash_uq")),
    )
    op.create_index(
        op.f("device_codes_expires_at_ix"), "device_codes", ["expires_at"], unique=False
    )
    op.create_index(
        op.f("device_codes_subject_id_ix"), "device_codes", ["subject_id"], unique=False
    )
    op.create_table(
        "hub_sessions",
        sa.Column("session_hash", sa.LargeBinary(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("auth_time", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("acr", sa.Text(), nullable=True),
        sa.Column("portal_sid_hash", sa.LargeBinary(), nullable=True),
        sa.Column("identity_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["subjects.id"], name=op.f("hub_sessions_account_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["subjects.id"], name=op.f("hub_sessions_device_id_fk")
        ),
        sa.PrimaryKeyConstraint("session_hash", name=op.f("hub_sessions_pk")),
    )
    op.create_index(
        op.f("hub_sessions_account_id_ix"), "hub_sessions", ["account_id"], unique=False
    )
    op.create_index(
        op.f("hub_sessions_expires_at_ix"), "hub_sessions", ["expires_at"], unique=False
    )
    op.create_index(
        op.f("hub_sessions_identity_hash_ix"), "hub_sessions", ["identity_hash"], unique=False
    )
    op.create_index(
        op.f("hub_sessions_portal_sid_hash_ix"), "hub_sessions", ["portal_sid_hash"], unique=False
    )
    op.create_table(
        "interactions",
        sa.Column("interaction_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("finished_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("interactions_client_id_fk")
        ),
        sa.PrimaryKeyConstraint("interaction_hash", name=op.f("interactions_pk")),
    )
    op.create_index(
        op.f("interactions_expires_at_ix"), "interactions", ["expires_at"], unique=False
    )
    op.create_table(
        "pushed_requests",
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("pushed_requests_client_id_fk")
        ),
        sa.PrimaryKeyConstraint("request_hash", name=op.f("pushed_requests_pk")),
    )
    op.create_index(
        op.f("pushed_requests_expires_at_ix"), "pushed_requests", ["expires_at"], unique=False
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("family", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("resource", sa.Text(), nullable=True),
        sa.Column("auth_time", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("acr", sa.Text(), nullable=True),
        sa.Column("details", sa.LargeBinary(), nullable=True),
        sa.Column("issued_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("family_expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("refresh_tokens_client_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["subjects.id"], name=op.f("refresh_tokens_device_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("refresh_tokens_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("refresh_tokens_pk")),
    )
    op.create_index(
        op.f("refresh_tokens_expires_at_ix"), "refresh_tokens", ["expires_at"], unique=False
    )
    op.create_index(op.f("refresh_tokens_family_ix"), "refresh_tokens", ["family"], unique=False)
    op.create_index(
        op.f("refresh_tokens_subject_id_ix"), "refresh_tokens", ["subject_id"], unique=False
    )
    op.add_column("access_tokens", sa.Column("family", sa.Uuid(), nullable=True))
    op.create_index(op.f("access_tokens_family_ix"), "access_tokens", ["family"], unique=False)
    op.add_column(
        "clients", sa.Column("registration", sa.LargeBinary(), server_default="{}", nullable=False)
    )
