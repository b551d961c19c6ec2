"""Staff who sign in at their own issuer: their sessions, and what pseudonyms stand for."""

from typing import Final

from sqlalchemy import Column, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from consentid.store.tables.metadata import InstantType, metadata

staff_members: Final = Table(
    "staff_members",
    metadata,
    # HMAC of issuer and subject there.
    Column("who", LargeBinary, primary_key=True),
    Column("sealed_name", LargeBinary),
    Column("seen_at", InstantType, nullable=False),
)

staff_sessions: Final = Table(
    "staff_sessions",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("who", LargeBinary, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
)
