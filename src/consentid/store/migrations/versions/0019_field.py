"""Capture devices, and the bundles that they bring."""

from typing import Final

import sqlalchemy as sa
from alembic import context, op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: None = None
depends_on: None = None

_NOW: Final = sa.TIMESTAMP(timezone=True)
_TABLES: Final = ("field_devices", "field_bundles", "field_entries")


def upgrade() -> None:
    """Make the tables and the serving role's privileges."""
    op.create_table(
        "field_devices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("code_expires_at", _NOW, nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", _NOW, nullable=False),
        sa.Column("enrolled_at", _NOW, nullable=True),
        sa.Column("synced_at", _NOW, nullable=True),
        sa.Column("revoked_at", _NOW, nullable=True),
        sa.Column("head_seq", sa.Integer(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("paced_until", _NOW, nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("field_devices_client_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("field_devices_pk")),
        sa.UniqueConstraint("code_hash", name=op.f("field_devices_code_hash_uq")),
        sa.UniqueConstraint("public_key", name=op.f("field_devices_public_key_uq")),
    )
    op.create_index(op.f("field_devices_client_id_ix"), "field_devices", ["client_id"])
    op.create_table(
        "field_bundles",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("received_at", _NOW, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["field_devices.id"], name=op.f("field_bundles_device_id_fk")
        ),
        sa.PrimaryKeyConstraint("device_id", "digest", name=op.f("field_bundles_pk")),
    )
    op.create_index(
        op.f("field_bundles_device_id_state_seq_ix"),
        "field_bundles",
        ["device_id", "state", "seq"],
    )
    op.create_table(
        "field_entries",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("capture_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["field_devices.id"], name=op.f("field_entries_device_id_fk")
        ),
        sa.PrimaryKeyConstraint("device_id", "entry_id", name=op.f("field_entries_pk")),
        sa.UniqueConstraint("capture_id", name=op.f("field_entries_capture_id_uq")),
    )
    op.create_index(op.f("field_entries_device_id_seq_ix"), "field_entries", ["device_id", "seq"])
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    for table in _TABLES:
        op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO "{role}"')
