"""The event feed: each receiver's own sequence, and what goes to its webhooks.

An event lies sealed under its subject's key, so that erasing the subject leaves its place alone.
"""

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
    Uuid,
    false,
)

from consentid.store.tables.metadata import InstantType, metadata

outbox_drained: Final = Table(
    "outbox_drained",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Uuid, nullable=False),
    Column("created_at", InstantType, nullable=False),
    Column("drained_at", InstantType, nullable=False),
    Index(None, "drained_at"),
)

event_streams: Final = Table(
    "event_streams",
    metadata,
    Column("stream_no", Integer, Identity(always=True), primary_key=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False, unique=True),
    Column("head", BigInteger, nullable=False),
    Column("opened_at", InstantType, nullable=False),
)

events: Final = Table(
    "events",
    metadata,
    # No foreign key: a stream is closed at once, and what was in it is removed later.
    Column("stream_no", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # None: the event is about nobody, or must be readable after its subject's key is gone.
    Column("subject_id", Uuid),
    # The same for all events of one subject; another for each brand or partner.
    Column("lane", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("at", InstantType, nullable=False),
    # Whether it takes something away: what a receiver may not miss.
    Column("narrows", Boolean, nullable=False, server_default=false()),
    Index(None, "at"),
    Index(None, "id"),
    Index(None, "subject_id"),
    Index("events_narrowing_ix", "stream_no", "seq", postgresql_where="narrows"),
)

webhook_endpoints: Final = Table(
    "webhook_endpoints",
    metadata,
    Column("endpoint_no", Integer, Identity(always=True), primary_key=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("url", Text, nullable=False),
    # Brands, purposes and kinds, as JSON.
    Column("filters", LargeBinary, nullable=False),
    Column("created_at", InstantType, nullable=False),
    # The last event that was queued for it.
    Column("stream_no", Integer),
    Column("queued_seq", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", InstantType),
    Column("paused_until", InstantType),
    Column("disabled_at", InstantType),
    Column("disabled_why", Text),
    # When it last took one.
    Column("delivered_at", InstantType),
)

ssf_streams: Final = Table(
    "ssf_streams",
    metadata,
    Column(
        "endpoint_no",
        Integer,
        ForeignKey("webhook_endpoints.endpoint_no", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("stream_id", Text, nullable=False, unique=True),
    Column("method", Text, nullable=False),  # push | poll
    # The URIs of events, as JSON.
    Column("requested", LargeBinary, nullable=False),
    Column("description", Text),
    # Why its receiver changed its status.
    Column("reason", Text),
    Column("verified_at", InstantType),
)

webhook_secrets: Final = Table(
    "webhook_secrets",
    metadata,
    Column("secret_no", Integer, Identity(always=True), primary_key=True),
    Column(
        "endpoint_no",
        Integer,
        ForeignKey("webhook_endpoints.endpoint_no", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType),
    Index(None, "endpoint_no"),
)

webhook_deliveries: Final = Table(
    "webhook_deliveries",
    metadata,
    Column(
        "endpoint_no",
        Integer,
        ForeignKey("webhook_endpoints.endpoint_no", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("stream_no", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("lane", BigInteger, nullable=False),
    Column("state", Text, nullable=False),  # pending | delivered | left_out | dead
    Column("attempts", Integer, nullable=False),
    Column("queued_at", InstantType, nullable=False),
    Column("due_at", InstantType, nullable=False),
    Column("settled_at", InstantType),
    Column("outcome", Text),
    Column("took_ms", Integer),
    Column("latency_ms", Integer),
    # What is told of the Shared Signals stream itself, as JSON: there is no event of its place.
    Column("notice", LargeBinary),
    Index(
        "webhook_deliveries_pending_ix",
        *("endpoint_no", "lane", "stream_no", "seq"),
        postgresql_where="state = 'pending'",
    ),
    Index(
        "webhook_deliveries_due_ix",
        *("endpoint_no", "due_at"),
        postgresql_where="state = 'pending'",
    ),
    Index("webhook_deliveries_dead_ix", "endpoint_no", postgresql_where="state = 'dead'"),
    Index(None, "settled_at"),
)
