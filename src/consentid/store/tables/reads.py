"""Who read what of a person."""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text, Uuid

from consentid.store.tables.metadata import InstantType, metadata

reads: Final = Table(
    "reads",
    metadata,
    Column("subject_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    # Within a subject by time: that is how the person looks at them.
    Column("hour", InstantType, primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("times", BigInteger, nullable=False),
    Index(None, "hour"),
)
