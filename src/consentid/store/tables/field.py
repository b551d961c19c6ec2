"""Capture devices, the bundles that they sent, and which capture came of which entry."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid

from consentid.store.tables.metadata import InstantType, metadata

field_devices: Final = Table(
    "field_devices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    # What its operators call it: a piece of equipment, nobody's name.
    Column("name", Text, nullable=False),
    Column("code_hash", LargeBinary, nullable=False, unique=True),
    Column("code_expires_at", InstantType, nullable=False),
    # x and y of its P-256 key, once it has enrolled.
    Column("public_key", LargeBinary, unique=True),
    Column("created_at", InstantType, nullable=False),
    Column("enrolled_at", InstantType),
    Column("synced_at", InstantType),
    Column("revoked_at", InstantType),
    # The last bundle of the unbroken chain: its number, and what the next one has to name.
    Column("head_seq", Integer, nullable=False),
    Column("head", LargeBinary, nullable=False),
    # When somebody who captures no faster than may be would have come so far.
    Column("paced_until", InstantType),
    Index(None, "client_id"),
)

field_bundles: Final = Table(
    "field_bundles",
    metadata,
    Column("device_id", Text, ForeignKey("field_devices.id"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("seq", Integer, nullable=False),
    # When it first came: the late end of all that is in it, however long it waits then.
    Column("received_at", InstantType, nullable=False),
    Column("state", Text, nullable=False),  # recorded | waiting | refused
    Column("why", Text),
    # As it came, sealed under a key of the hub's: until it is recorded, or as what was refused.
    Column("sealed", LargeBinary),
    Index(None, "device_id", "state", "seq"),
)

field_entries: Final = Table(
    "field_entries",
    metadata,
    Column("device_id", Text, ForeignKey("field_devices.id"), primary_key=True),
    # The device's own name for it, which makes it one however often it comes.
    Column("entry_id", LargeBinary, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("capture_id", Uuid, nullable=False, unique=True),
    Index(None, "device_id", "seq"),
)
