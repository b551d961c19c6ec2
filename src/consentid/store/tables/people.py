"""Subjects, what they are known by, and the key that their records are sealed under."""

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Index, LargeBinary, Table, Text, Uuid

from consentid.store.tables.metadata import InstantType, metadata

subjects: Final = Table(
    "subjects",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),  # known | device
    Column("created_at", InstantType, nullable=False),
    Column("erased_at", InstantType),
)

known_subjects: Final = Table(
    "known_subjects",
    metadata,
    # HMAC of (issuer, sub) of the portal: the portal's own identifiers are not kept.
    Column("identity_hash", LargeBinary, primary_key=True),
    Column("subject_id", Uuid, ForeignKey("subjects.id"), nullable=False, unique=True),
    Column("adult", Boolean, nullable=False),
)

devices: Final = Table(
    "devices",
    metadata,
    Column("subject_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    Column("credential_hash", LargeBinary, nullable=False, unique=True),
    Column("client_id", Text, nullable=False),
    Column("origin", Text),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Index(None, "expires_at"),
)

account_devices: Final = Table(
    "account_devices",
    metadata,
    Column("account_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    Column("device_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    Column("first_seen_at", InstantType, nullable=False),
    # The contradictions that the person was told of, sealed under the account's key.
    Column("sealed_told", LargeBinary),
    Index(None, "device_id"),
)

subject_keys: Final = Table(
    "subject_keys",
    metadata,
    Column("subject_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)
