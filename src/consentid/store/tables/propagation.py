"""Whether it has arrived: what systems confirm, who is late, and which operators look at it."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from consentid.store.tables.metadata import InstantType, metadata

event_marks: Final = Table(
    "event_marks",
    metadata,
    # No foreign key: a stream is closed at once, and what is known of it is removed later.
    Column("stream_no", Integer, primary_key=True, autoincrement=False),
    # By which way a system has all events up to one: the feed, a connector, a call of its own.
    Column("way", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", InstantType, nullable=False),
    Index(None, "at"),
)

event_confirmations: Final = Table(
    "event_confirmations",
    metadata,
    Column("stream_no", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", InstantType, nullable=False),
    Index(None, "at"),
)

late_systems: Final = Table(
    "late_systems",
    metadata,
    Column("system", Text, primary_key=True),
    Column("since", InstantType, nullable=False),
)

operator_codes: Final = Table(
    "operator_codes",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
)

operator_sessions: Final = Table(
    "operator_sessions",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
)
