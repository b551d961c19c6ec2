"""The log's entries are held together by what is asked once for many, not for each of them.

That an entry is of a log is asked once for a statement, as its foreign key asked it of each: logs
are never changed and never removed.  A log has no size without the entries up to it: whoever has it
grow commits both, or neither.  What leaves the staged entries is looked for one by one in an index:
planned while the log was small, the whole of it was read once it had grown.
"""

from typing import Final

from alembic import op

revision: str = "0028"
down_revision: str | None = "0025"
branch_labels: None = None
depends_on: None = None

contracts: Final = {
    "ledger_entries has another trigger, of_a_log": "0008: a foreign key said the same",
    "ledger_trees has another constraint, whole": "0008: every release adds both at once",
    "ledger_trees has another trigger, whole": "0008: the same, as PostgreSQL tells it",
}

_REFUSE_STRAYS: Final = """
CREATE FUNCTION refuse_strays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM (SELECT DISTINCT log_no FROM added) AS given
    WHERE NOT EXISTS (SELECT FROM ledger_logs AS log WHERE log.log_no = given.log_no)
  ) THEN
    RAISE EXCEPTION 'an entry is of a log' USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END
$$
"""
_REFUSE_GAPS: Final = """
CREATE FUNCTION refuse_gaps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.size <> coalesce(NEW.previous_size, 0) + (
    SELECT count(*) FROM ledger_entries AS entry
    WHERE entry.log_no = NEW.log_no
      AND entry.idx >= coalesce(NEW.previous_size, 0) AND entry.idx < NEW.size
  ) THEN
    RAISE EXCEPTION 'a log of % entries lacks some of them', NEW.size
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END
$$
"""
_REFUSE_LOSS: Final = """
CREATE OR REPLACE FUNCTION refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM gone WHERE NOT EXISTS (
      SELECT FROM ledger_entries AS kept
      WHERE kept.event_id = gone.event_id AND kept.kind = gone.kind AND kept.leaf = gone.leaf
      OFFSET 0  -- keeps it from becoming a join
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
    """Make the triggers, and let the foreign key go."""
    op.execute(_REFUSE_STRAYS)
    op.execute(
        "CREATE TRIGGER of_a_log AFTER INSERT ON ledger_entries"
        " REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_strays()"
    )
    op.drop_constraint(op.f("ledger_entries_log_no_fk"), "ledger_entries", type_="foreignkey")
    op.execute(_REFUSE_GAPS)
    op.execute(
        "CREATE CONSTRAINT TRIGGER whole AFTER INSERT ON ledger_trees"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_gaps()"
    )
    op.execute(_REFUSE_LOSS)
