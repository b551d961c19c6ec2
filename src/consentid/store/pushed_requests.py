"""Pushed authorization requests: 60 seconds, one use, bound to the client, stored sealed.

Taking one is one statement, so that of any number at once one wins.
"""

from dataclasses import dataclass

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import pushed_requests


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRequest:
    """What a ``request_uri`` stands for."""

    request_hash: bytes
    client_id: str
    sealed: bytes
    created_at: Instant
    expires_at: Instant


async def add(connection: AsyncConnection, pushed: PushedRequest) -> None:
    """Keep a new request under its reference's hash."""
    await connection.execute(
        insert(pushed_requests).values(
            request_hash=pushed.request_hash,
            client_id=pushed.client_id,
            sealed=pushed.sealed,
            created_at=pushed.created_at,
            expires_at=pushed.expires_at,
        )
    )


async def take(
    connection: AsyncConnection, request_hash: bytes, *, client_id: str, now: Instant
) -> bytes | None:
    """Use a client's request, once; None where it is another's, used, expired or unknown."""
    statement = (
        update(pushed_requests)
        .where(
            pushed_requests.c.request_hash == request_hash,
            pushed_requests.c.client_id == client_id,
            pushed_requests.c.used_at.is_(None),
            pushed_requests.c.expires_at > now,
        )
        .values(used_at=now)
        .returning(pushed_requests.c.sealed)
    )
    sealed: bytes | None = (await connection.execute(statement)).scalar_one_or_none()
    return sealed


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Forget requests that ended before an instant; returns how many."""
    gone = await connection.execute(
        delete(pushed_requests).where(pushed_requests.c.expires_at < before)
    )
    return gone.rowcount
