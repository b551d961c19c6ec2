"""What entries of the log speak of that lies nowhere else, so that an audit can open them.

A body of somebody's is sealed under their key, and leaves as a decision does: into an erasure only,
with what the log says of it anyway.
"""

from typing import Final

import sqlalchemy as sa
from alembic import context, op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: None = None
depends_on: None = None

_REFUSE_FORGETTING: Final = """
CREATE FUNCTION refuse_forgetting_bodies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM gone) OR EXISTS (
    SELECT FROM gone WHERE NOT EXISTS (
      SELECT FROM erased_decisions AS kept JOIN erasures ON erasures.id = kept.erasure_id
      WHERE kept.id = gone.event_id AND kept.recorded_at = gone.recorded_at
      AND kept.commitment = gone.commitment AND erasures.subject_id = gone.subject_id
    )
    OR EXISTS (SELECT FROM subject_keys WHERE subject_keys.subject_id = gone.subject_id)
    OR EXISTS (SELECT FROM restricted_subjects AS aside WHERE aside.subject_id = gone.subject_id)
  ) THEN
    RAISE EXCEPTION 'a body leaves into an erasure only, and without a key'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END
$$
"""


def upgrade() -> None:
    """Make the table, the triggers and the serving role's privileges."""
    op.create_table(
        "entry_bodies",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "(subject_id IS NULL) = (commitment IS NULL)", name="entry_bodies_salted"
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("entry_bodies_subject_id_fk")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("entry_bodies_pk")),
    )
    op.create_index(op.f("entry_bodies_subject_id_ix"), "entry_bodies", ["subject_id"])
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON entry_bodies"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(_REFUSE_FORGETTING)
    op.execute(
        "CREATE TRIGGER nothing_forgotten AFTER DELETE ON entry_bodies"
        " REFERENCING OLD TABLE AS gone FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_forgetting_bodies()"
    )
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT SELECT, INSERT ON entry_bodies TO "{role}"')
