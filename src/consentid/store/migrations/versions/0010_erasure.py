"""Erasure: whom the serving role may set aside, and only a role of its own may shred.

A decision leaves only into ``erased_decisions``, with what the log says of it anyway, and only once
its subject's key is gone; a trigger refuses whoever would have it otherwise.
"""

from typing import Final

import sqlalchemy as sa
from alembic import context, op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: None = None
depends_on: None = None

_SET_ASIDE: Final = """
CREATE FUNCTION set_aside(whom uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM erasures WHERE subject_id = whom AND shredded_at IS NULL
  ) THEN
    RAISE EXCEPTION 'nobody asked for this erasure' USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO restricted_subjects (subject_id, wrapped, identity_hash, credential_hash)
    SELECT subject_id, wrapped, known_subjects.identity_hash, devices.credential_hash
    FROM subject_keys
    LEFT JOIN known_subjects USING (subject_id) LEFT JOIN devices USING (subject_id)
    WHERE subject_id = whom;
  DELETE FROM known_subjects WHERE subject_id = whom;
  DELETE FROM devices WHERE subject_id = whom;
  DELETE FROM subject_keys WHERE subject_id = whom;
END
$$
"""
_DEVICES: Final = (
    *("access_tokens", "account_devices", "authorization_codes", "hub_sessions"),
    *("refresh_tokens", "signals_seen"),
)
_REFUSE_FORGETTING: Final = """
CREATE FUNCTION refuse_forgetting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM gone) OR EXISTS (
    SELECT FROM gone WHERE NOT EXISTS (
      SELECT FROM erased_decisions AS kept JOIN erasures ON erasures.id = kept.erasure_id
      WHERE kept.id = gone.id AND kept.recorded_at = gone.recorded_at
      AND kept.commitment = gone.commitment AND erasures.subject_id = gone.subject_id
    )
    OR EXISTS (SELECT FROM subject_keys WHERE subject_keys.subject_id = gone.subject_id)
    OR EXISTS (SELECT FROM restricted_subjects AS aside WHERE aside.subject_id = gone.subject_id)
  ) THEN
    RAISE EXCEPTION 'a decision leaves into an erasure only, and without a key'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END
$$
"""


def upgrade() -> None:
    """Make the tables, the functions, the triggers and the serving role's privileges."""
    _make_tables()
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON erased_decisions"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute("DROP TRIGGER append_only ON decisions")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON decisions"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(_REFUSE_FORGETTING)
    op.execute(
        "CREATE TRIGGER nothing_forgotten AFTER DELETE ON decisions"
        " REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION refuse_forgetting()"
    )
    op.execute(_SET_ASIDE)
    op.execute("REVOKE ALL ON FUNCTION set_aside FROM PUBLIC")
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT EXECUTE ON FUNCTION set_aside TO "{role}"')
    op.execute(f'GRANT SELECT, INSERT ON erasures TO "{role}"')
    op.execute(f'GRANT SELECT ON erased_decisions TO "{role}"')


def _make_tables() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("restricted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("shred_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("listed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("shredded_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "num_nulls(shredded_at, event_id, record) IN (0, 3)"
            " AND (subject_id IS NULL) = (shredded_at IS NOT NULL)",
            name="erasures_shredded_whole",
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("erasures_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("erasures_pk")),
        sa.UniqueConstraint("event_id", name=op.f("erasures_event_id_uq")),
        sa.UniqueConstraint("subject_id", name=op.f("erasures_subject_id_uq")),
    )
    op.create_index(
        "erasures_pending_ix",
        "erasures",
        ["shred_at"],
        unique=False,
        postgresql_where="shredded_at IS NULL",
    )
    op.create_table(
        "restricted_subjects",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("identity_hash", sa.LargeBinary(), nullable=True),
        sa.Column("credential_hash", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("restricted_subjects_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("restricted_subjects_pk")),
    )
    op.create_table(
        "erased_decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasures.id"], name=op.f("erased_decisions_erasure_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("erased_decisions_pk")),
    )
    op.create_index(
        op.f("erased_decisions_erasure_id_ix"), "erased_decisions", ["erasure_id"], unique=False
    )
    for table in _DEVICES:
        op.create_index(op.f(f"{table}_device_id_ix"), table, ["device_id"], unique=False)
    op.create_index(
        "ledger_entries_keys_ix",
        "ledger_entries",
        ["log_no", "idx"],
        unique=False,
        postgresql_where="kind = 'key'",
    )
    op.create_index(op.f("devices_expires_at_ix"), "devices", ["expires_at"], unique=False)
    op.create_index(op.f("events_subject_id_ix"), "events", ["subject_id"], unique=False)
