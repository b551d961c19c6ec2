"""The log: its entries, its full tiles, every size it had, what was published.  All append-only.

Beside it, what entries speak of that lies nowhere else.

Each size names the one before it, and no size follows two: whoever would add to a tree that grew
meanwhile is refused by the database, whatever they believe to hold.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from consentid.store.tables.metadata import InstantType, metadata

ledger_logs: Final = Table(
    "ledger_logs",
    metadata,
    Column("log_no", Integer, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False, unique=True),
    Column("key", Text, nullable=False),
    Column("continues", Text),
    Column("opened_at", InstantType, nullable=False),
)

ledger_entries: Final = Table(
    "ledger_entries",
    metadata,
    # Of a log there is: a trigger asks it once for all that a statement adds.
    Column("log_no", Integer, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Index("ledger_entries_keys_ix", "log_no", "idx", postgresql_where="kind = 'key'"),
)

ledger_tiles: Final = Table(
    "ledger_tiles",
    metadata,
    Column("log_no", Integer, ForeignKey("ledger_logs.log_no"), primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
)

ledger_trees: Final = Table(
    "ledger_trees",
    metadata,
    Column("log_no", Integer, ForeignKey("ledger_logs.log_no"), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("previous_size", BigInteger),
    Column("root", LargeBinary, nullable=False),
    Column("integrated_at", InstantType, nullable=False),
    UniqueConstraint("log_no", "previous_size"),
    ForeignKeyConstraint(
        ["log_no", "previous_size"],
        ["ledger_trees.log_no", "ledger_trees.size"],
        name="ledger_trees_previous_size_fk",
    ),
    CheckConstraint("previous_size < size", name="ledger_trees_grows"),
)

ledger_checkpoints: Final = Table(
    "ledger_checkpoints",
    metadata,
    Column("log_no", Integer, primary_key=True),
    Column("size", BigInteger, primary_key=True),
    Column("note", Text, nullable=False),
    Column("published_at", InstantType, nullable=False),
    ForeignKeyConstraint(
        ["log_no", "size"],
        ["ledger_trees.log_no", "ledger_trees.size"],
        name="ledger_checkpoints_size_fk",
    ),
)

entry_bodies: Final = Table(
    "entry_bodies",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    # Whose: the body is sealed under their key, and the commitment takes a salt from it.
    Column("subject_id", Uuid, ForeignKey("subjects.id")),
    Column("recorded_at", InstantType, nullable=False),
    Column("commitment", LargeBinary),
    Column("body", LargeBinary, nullable=False),
    CheckConstraint("(subject_id IS NULL) = (commitment IS NULL)", name="entry_bodies_salted"),
    Index(None, "subject_id"),
    Index("entry_bodies_admin_ix", "event_id", postgresql_where="kind = 'admin'"),
)
