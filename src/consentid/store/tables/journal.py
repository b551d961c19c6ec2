"""What a transaction leaves for others: answers to repeat, ledger entries, events."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
)

from consentid.store.tables.metadata import InstantType, metadata

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key_hash", LargeBinary, primary_key=True),
    Column("request_digest", LargeBinary, nullable=False),
    Column("subject_id", Uuid, ForeignKey("subjects.id")),
    Column("sealed_answer", LargeBinary),
    Column("created_at", InstantType, nullable=False),
    Index(None, "created_at"),
    Index(None, "subject_id"),
)

staged_entries: Final = Table(
    "staged_entries",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("staged_at", InstantType, nullable=False),
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject_id", Uuid),
    Column("subject_version", BigInteger),
    # What came of it for each audience, sealed under the subject's key.
    Column("sealed", LargeBinary),
    # What is told of it though its subject's key is gone, sealed under a key of ours.
    Column("told", LargeBinary),
    Column("created_at", InstantType, nullable=False),
)
