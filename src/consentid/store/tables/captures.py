"""What others say that people said, sealed under the person's key, or until then its own."""

from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from consentid.store.tables.metadata import InstantType, metadata

captures: Final = Table(
    "captures",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("party", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("channel", Text, nullable=False),
    # Who keyed it in, by a keyed hash of the client's own name for them.
    Column("operator_hash", LargeBinary, nullable=False),
    # What it is known again by, if it is sent twice: by its key, and by its evidence.
    Column("key_hash", LargeBinary, nullable=False),
    Column("evidence_hash", LargeBinary, unique=True),
    Column("digest", LargeBinary, nullable=False),
    # Null while nobody knows whose it is: an opaque placeholder.
    Column("subject_id", Uuid, ForeignKey("subjects.id")),
    # The placeholder's own key; null once the person's key seals it, and once it is shredded.
    Column("wrapped_key", LargeBinary),
    Column("sealed", LargeBinary),
    Column("early", InstantType, nullable=False),
    Column("late", InstantType, nullable=False),
    Column("clock_unproven", Boolean, nullable=False),
    Column("recorded_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Column("ended_at", InstantType),
    UniqueConstraint("client_id", "key_hash"),
    CheckConstraint(
        "(wrapped_key IS NOT NULL) = (subject_id IS NULL AND sealed IS NOT NULL)",
        name="captures_one_key",
    ),
    Index(None, "subject_id"),
    Index(None, "client_id", "recorded_at", "id"),
    Index("captures_open_ix", "expires_at", postgresql_where="ended_at IS NULL"),
    Index("captures_held_ix", "recorded_at", postgresql_where="state = 'held'"),
)
