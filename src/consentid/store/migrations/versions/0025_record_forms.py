"""Which forms of a record may be written: those that every release which runs can read.

A new installation writes the second at once.  In one that has decisions already, processes of the
release before may run beside this one and could not read it: there a step of the next release
allows it.
"""

import sqlalchemy as sa
from alembic import context, op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table; what a step allows, the serving role only reads."""
    op.create_table(
        "record_forms",
        sa.Column("form", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("form", name=op.f("record_forms_pk")),
    )
    op.execute("INSERT INTO record_forms SELECT 2 WHERE NOT EXISTS (SELECT FROM decisions)")
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT SELECT ON record_forms TO "{role}"')
