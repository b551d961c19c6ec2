"""Who is to be forgotten, who has been, and what stays of decisions: what the log says anyway."""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
)

from consentid.store.tables.metadata import InstantType, metadata

erasures: Final = Table(
    "erasures",
    metadata,
    Column("id", Uuid, primary_key=True),
    # Until the subject is shredded; then nothing here says whose it was.
    Column("subject_id", Uuid, ForeignKey("subjects.id"), unique=True),
    Column("reason", Text, nullable=False),
    Column("asked_by", Text, nullable=False),  # the client, or the operator
    Column("restricted_at", InstantType, nullable=False),
    Column("shred_at", InstantType, nullable=False),
    Column("listed_at", InstantType),
    Column("shredded_at", InstantType),
    # The entry of the log that says what was shredded, and what it commits to.
    Column("event_id", Uuid, unique=True),
    Column("record", LargeBinary),
    CheckConstraint(
        "num_nulls(shredded_at, event_id, record) IN (0, 3)"
        " AND (subject_id IS NULL) = (shredded_at IS NOT NULL)",
        name="erasures_shredded_whole",
    ),
    Index("erasures_pending_ix", "shred_at", postgresql_where="shredded_at IS NULL"),
)

restricted_subjects: Final = Table(
    "restricted_subjects",
    metadata,
    # What proof needs while it may be asked for, out of the serving role's reach.
    Column("subject_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("identity_hash", LargeBinary),
    Column("credential_hash", LargeBinary),
)

# Decisions, and whatever else of a person the log speaks of.
erased_decisions: Final = Table(
    "erased_decisions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("erasure_id", Uuid, ForeignKey("erasures.id"), nullable=False),
    Column("recorded_at", InstantType, nullable=False),
    Column("kind", Text, nullable=False),
    Column("commitment", LargeBinary, nullable=False),
    Index(None, "erasure_id"),
)
