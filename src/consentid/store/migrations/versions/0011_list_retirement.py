"""Status lists that are left: when that began, and where a row's earlier tokens still point.

A list that nobody's tokens point to any more keeps its number and loses the rest; a trigger refuses
whoever would forget a place in any other.
"""

from typing import Final

import sqlalchemy as sa
from alembic import context, op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: None = None
depends_on: None = None

contracts: Final = {
    "status_indices has another trigger, places_stay": "0001: no serving role could delete there",
}

_REFUSE_FORGETTING: Final = """
CREATE FUNCTION refuse_forgetting_places() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM gone JOIN status_lists USING (list_no) WHERE left_at IS NULL) THEN
    RAISE EXCEPTION 'a place goes with its list only'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END
$$
"""


def upgrade() -> None:
    """Add the columns, an index, and the privilege to forget the places of a list that was left."""
    for name in ("leaving_at", "left_at"):
        op.add_column("status_lists", sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=True))
    op.create_index(
        "status_lists_leaving_ix",
        "status_lists",
        ["list_no"],
        postgresql_where=sa.text("leaving_at IS NOT NULL"),
    )
    for name in ("former_list_no", "former_idx"):
        op.add_column("audience_states", sa.Column(name, sa.Integer(), nullable=True))
    op.execute(_REFUSE_FORGETTING)
    op.execute(
        "CREATE TRIGGER places_stay AFTER DELETE ON status_indices"
        " REFERENCING OLD TABLE AS gone FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_forgetting_places()"
    )
    role = str(context.config.attributes["serving_role"]).replace('"', '""')
    op.execute(f'GRANT DELETE ON status_indices TO "{role}"')
