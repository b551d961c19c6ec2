"""The log: entries, tiles, sizes, checkpoints, all append-only.

What was staged waits until it is in the log, and leaves by no other way: the serving role may
delete it from now on, and a trigger refuses whoever deletes what the log does not have.
"""

from typing import Final

import sqlalchemy as sa
from alembic import context, op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: None = None
depends_on: None = None

_TABLES: Final = (
    *("ledger_logs", "ledger_entries", "ledger_tiles", "ledger_trees", "ledger_checkpoints"),
)

_REFUSE_LOSS: Final = """
CREATE FUNCTION refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM gone WHERE NOT EXISTS (
      SELECT FROM ledger_entries AS kept
      WHERE kept.event_id = gone.event_id AND kept.kind = gone.kind AND kept.leaf = gone.leaf
    )
  ) THEN
    RAISE EXCEPTION 'a staged entry leaves into the log only'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END
$$
"""


def upgrade() -> None:
    """Make the tables, the triggers and the privileges."""
    _make_tables()
    # Hashes do not compress: no time is spent on trying.
    op.execute("ALTER TABLE ledger_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL")
    for table in _TABLES:
        trigger = f"append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        op.execute(f"CREATE TRIGGER {trigger} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    op.execute("DROP TRIGGER append_only ON staged_entries")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON staged_entries"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(_REFUSE_LOSS)
    op.execute(
        "CREATE TRIGGER nothing_lost AFTER DELETE ON staged_entries"
        " REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION refuse_loss()"
    )
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT SELECT, INSERT ON {", ".join(_TABLES)} TO "{role}"')
    op.execute(f'GRANT DELETE ON staged_entries TO "{role}"')


def _make_tables() -> None:
    op.create_table(
        "ledger_logs",
        sa.Column("log_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("continues", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("log_no", name=op.f("ledger_logs_pk")),
        sa.UniqueConstraint("origin", name=op.f("ledger_logs_origin_uq")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("log_no", sa.Integer(), nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["log_no"], ["ledger_logs.log_no"], name=op.f("ledger_entries_log_no_fk")
        ),
        sa.PrimaryKeyConstraint("log_no", "idx", name=op.f("ledger_entries_pk")),
        sa.UniqueConstraint("event_id", name=op.f("ledger_entries_event_id_uq")),
    )
    op.create_table(
        "ledger_tiles",
        sa.Column("log_no", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["log_no"], ["ledger_logs.log_no"], name=op.f("ledger_tiles_log_no_fk")
        ),
        sa.PrimaryKeyConstraint("log_no", "level", "number", name=op.f("ledger_tiles_pk")),
    )
    op.create_table(
        "ledger_trees",
        sa.Column("log_no", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("previous_size", sa.BigInteger(), nullable=True),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("integrated_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("previous_size < size", name="ledger_trees_grows"),
        sa.ForeignKeyConstraint(
            ["log_no"], ["ledger_logs.log_no"], name=op.f("ledger_trees_log_no_fk")
        ),
        sa.ForeignKeyConstraint(
            ["log_no", "previous_size"],
            ["ledger_trees.log_no", "ledger_trees.size"],
            name="ledger_trees_previous_size_fk",
        ),
        sa.PrimaryKeyConstraint("log_no", "size", name=op.f("ledger_trees_pk")),
        sa.UniqueConstraint(
            "log_no", "previous_size", name=op.f("ledger_trees_log_no_previous_size_uq")
        ),
    )
    op.create_table(
        "ledger_checkpoints",
        sa.Column("log_no", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("published_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["log_no", "size"],
            ["ledger_trees.log_no", "ledger_trees.size"],
            name="ledger_checkpoints_size_fk",
        ),
        sa.PrimaryKeyConstraint("log_no", "size", name=op.f("ledger_checkpoints_pk")),
    )
