"""What was shown, what was chosen, and what follows: decisions, projections, signals."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from consentid.store.tables.metadata import InstantType, metadata

projections: Final = Table(
    "projections",
    metadata,
    Column("subject_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

decisions: Final = Table(
    "decisions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subject_id", Uuid, ForeignKey("subjects.id"), nullable=False),
    Column("recorded_at", InstantType, nullable=False),
    Column("early", InstantType, nullable=False),
    Column("late", InstantType, nullable=False),
    Column("clock_unproven", Boolean, nullable=False),
    Column("catalogue", Integer, ForeignKey("catalogues.version"), nullable=False),
    Column("client_id", Text, nullable=False),
    Column("assurance", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("served", Uuid),
    Column("signal", Text),
    Column("adopted_from", Uuid),
    Column("sealed", LargeBinary, nullable=False),
    Column("commitment", LargeBinary, nullable=False),
    Index(None, "subject_id", "recorded_at", "id"),
)

signals_seen: Final = Table(
    "signals_seen",
    metadata,
    Column("subject_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    # The device on which it was seen; the subject itself where none is known.
    Column("device_id", Uuid, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("is_on", Boolean, nullable=False),
    Index(None, "device_id"),
)

served_notices: Final = Table(
    "served_notices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("notice_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("language", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("catalogue", Integer, nullable=False),
    Column("minted_at", InstantType, nullable=False),
)

served_events: Final = Table(
    "served_events",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("served", Uuid, ForeignKey("served_notices.id"), nullable=False),
    Column("event", Text, nullable=False),  # shown | dismissed
    Column("layout", LargeBinary),
    Column("at", InstantType, nullable=False),
    UniqueConstraint("served", "event"),
)
