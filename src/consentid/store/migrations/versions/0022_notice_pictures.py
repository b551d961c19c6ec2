"""Pictures of notices as they were shown: append-only, as the log that commits to them."""

import sqlalchemy as sa
from alembic import context, op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table, its trigger and the serving role's privileges."""
    op.create_table(
        "notice_pictures",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("notice", sa.LargeBinary(), nullable=False),
        sa.Column("layout", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["entry_bodies.event_id"], name=op.f("notice_pictures_event_id_fk")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("notice_pictures_pk")),
    )
    op.create_index(op.f("notice_pictures_notice_ix"), "notice_pictures", ["notice"])
    # What is compressed already does not compress.
    op.execute("ALTER TABLE notice_pictures ALTER COLUMN image SET STORAGE EXTERNAL")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON notice_pictures"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT SELECT, INSERT ON notice_pictures TO "{role}"')
