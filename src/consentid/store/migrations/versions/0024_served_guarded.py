"""The texts that were handed out, and who asked to be forgotten, are kept by triggers too.

No serving role could change or remove them; now nobody does by mistake, either.
"""

from typing import Final

from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: None = None
depends_on: None = None

contracts: Final = {
    "served_notices has another trigger, append_only": "0001: no serving role changes any there",
    "erasures has another trigger, append_only": "0010: no role deletes there",
}


def upgrade() -> None:
    """Make the triggers; of an erasure it is noted still when it was carried out."""
    for what in (
        "UPDATE OR DELETE OR TRUNCATE ON served_notices",
        "DELETE OR TRUNCATE ON erasures",
    ):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE {what}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
