"""Mails on their way: what is sent is sealed, and forgotten once it is."""

from typing import Final

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Uuid

from consentid.store.tables.metadata import InstantType, metadata

mails: Final = Table(
    "mails",
    metadata,
    Column("id", Uuid, primary_key=True),
    # Each has a key of its own: with the row it is destroyed.
    Column("wrapped", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    # When it is tried next; later than now while somebody tries it.
    Column("due_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Index(None, "due_at"),
)
