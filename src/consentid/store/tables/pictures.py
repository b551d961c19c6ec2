"""Pictures of notices as they were shown, which the log commits to."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Uuid

from consentid.store.tables.metadata import metadata

notice_pictures: Final = Table(
    "notice_pictures",
    metadata,
    # The log's entry that speaks of it.
    Column("event_id", Uuid, ForeignKey("entry_bodies.event_id"), primary_key=True),
    # SHA-256 of the notice's canonical text, and of how it was laid out, where that is known.
    Column("notice", LargeBinary, nullable=False),
    Column("layout", LargeBinary),
    # SHA-256 of the image, which is a PNG.
    Column("digest", LargeBinary, nullable=False),
    Column("image", LargeBinary, nullable=False),
    Index(None, "notice"),
)
