"""What a person lets support see: a code of theirs, once."""

from typing import Final

from sqlalchemy import Column, ForeignKey, LargeBinary, Table, Uuid

from consentid.store.tables.metadata import InstantType, metadata

support_codes: Final = Table(
    "support_codes",
    metadata,
    # Another one ends the one before.
    Column("subject_id", Uuid, ForeignKey("subjects.id", ondelete="CASCADE"), primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
)
