"""Connectors: which receiver's events a broker gets, and the last that it has."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from consentid.store.tables.metadata import InstantType, metadata

connectors: Final = Table(
    "connectors",
    metadata,
    Column("connector_no", Integer, Identity(always=True), primary_key=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("kind", Text, nullable=False),  # nats
    Column("target", Text, nullable=False),
    Column("created_at", InstantType, nullable=False),
    # The last event that the broker acknowledged; 0 and 0 before the first.
    Column("stream_no", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("moved_at", InstantType),
    Column("failing_since", InstantType),
    Column("failure", Text),
    UniqueConstraint("client_id", "kind", "target"),
)
