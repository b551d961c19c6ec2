"""Shared Signals streams: endpoints that their receivers manage themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store import webhooks
from consentid.store.tables import event_streams, ssf_streams, webhook_endpoints
from consentid.store.webhooks import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class SsfStream:
    """A stream, and the endpoint that it is."""

    endpoint: Endpoint
    stream_id: str
    method: str
    requested: bytes
    """The URIs of events, as JSON."""
    description: str | None
    reason: str | None
    """Why its receiver changed its status."""
    verified_at: Instant | None
    """When its receiver last asked for a verification event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a receiver chooses."""

    method: str
    url: str
    requested: bytes
    description: str | None


async def add(connection: AsyncConnection, number: int, stream_id: str, wanted: Wanted) -> None:
    """Make an endpoint a stream."""
    await connection.execute(
        insert(ssf_streams).values(
            endpoint_no=number,
            stream_id=stream_id,
            method=wanted.method,
            requested=wanted.requested,
            description=wanted.description,
        )
    )


async def change(connection: AsyncConnection, number: int, wanted: Wanted) -> None:
    """Change what its receiver chose."""
    await connection.execute(
        update(webhook_endpoints)
        .where(webhook_endpoints.c.endpoint_no == number)
        .values(url=wanted.url)
    )
    await connection.execute(
        update(ssf_streams)
        .where(ssf_streams.c.endpoint_no == number)
        .values(method=wanted.method, requested=wanted.requested, description=wanted.description)
    )


async def of_client(
    connection: AsyncConnection, client_id: str, stream_id: str | None = None, *, lock: bool = False
) -> Sequence[SsfStream]:
    """A client's streams in the order they were made, or the one of that id.

    ``lock``: nobody else changes them until the transaction ends.
    """
    wanted = (
        select(ssf_streams)
        .join(webhook_endpoints)
        .where(webhook_endpoints.c.client_id == client_id)
        .order_by(ssf_streams.c.endpoint_no)
    )
    if stream_id is not None:
        wanted = wanted.where(ssf_streams.c.stream_id == stream_id)
    if lock:  # the endpoint first, as ``webhooks.hold`` has it
        wanted = wanted.with_for_update(of=[webhook_endpoints, ssf_streams], key_share=True)
    rows = (await connection.execute(wanted)).mappings().all()
    found = [(await webhooks.find(connection, row["endpoint_no"]), row) for row in rows]
    return [
        SsfStream(
            endpoint=endpoint,
            **{name: row[name] for name in SsfStream.__slots__ if name != "endpoint"},
        )
        for endpoint, row in found
        if endpoint is not None
    ]


async def hold_client(connection: AsyncConnection, client_id: str) -> None:
    """Let nobody else count or make a client's streams until the transaction ends."""
    await connection.execute(
        select(event_streams.c.stream_no)
        .where(event_streams.c.client_id == client_id)
        .with_for_update()
    )


async def note_status(connection: AsyncConnection, number: int, *, reason: str | None) -> None:
    """Keep why its receiver changed its status."""
    await connection.execute(
        update(ssf_streams).where(ssf_streams.c.endpoint_no == number).values(reason=reason)
    )


async def note_verified(connection: AsyncConnection, number: int, *, at: Instant) -> None:
    """Keep when its receiver last asked for a verification event."""
    await connection.execute(
        update(ssf_streams).where(ssf_streams.c.endpoint_no == number).values(verified_at=at)
    )


_SKIP: Final = text(
    """
    UPDATE webhook_endpoints AS endpoint SET stream_no = streams.stream_no, queued_seq = head
    FROM event_streams AS streams
    WHERE endpoint_no = :number AND streams.client_id = endpoint.client_id
    """
)


async def skip(connection: AsyncConnection, number: int) -> None:
    """Begin after what has come until now."""
    await connection.execute(_SKIP, {"number": number})
