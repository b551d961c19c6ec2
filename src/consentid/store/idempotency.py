"""Idempotency keys: the same request sent twice counts once.

The row is inserted first in the deciding transaction, so a second sender waits for the first one's
commit and then finds its answer.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import idempotency_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A key within its scope: one client, one route."""

    client_id: str
    route: str
    key_hash: bytes

    @property
    def place(self) -> tuple[str, str, bytes]:
        """Where it stands among all keys."""
        return self.client_id, self.route, self.key_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRequest:
    """What came first under a key."""

    request_digest: bytes
    subject: SubjectId | None
    sealed_answer: bytes | None


async def claim(
    connection: AsyncConnection, key: IdempotencyKey, *, request_digest: bytes, at: Instant
) -> FirstRequest | None:
    """Take a key.  None where it is ours, otherwise what took it first."""
    statement = (
        insert(idempotency_keys)
        .values(
            client_id=key.client_id,
            route=key.route,
            key_hash=key.key_hash,
            request_digest=request_digest,
            created_at=at,
        )
        .on_conflict_do_nothing()
        .returning(idempotency_keys.c.client_id)
    )
    row = None
    while row is None:
        if (await connection.execute(statement)).one_or_none() is not None:
            return None
        # None again where the reaper took it in between: then the key is free.
        found = await connection.execute(select(idempotency_keys).where(*_is(key)))
        row = found.one_or_none()
    return FirstRequest(
        request_digest=row.request_digest,
        subject=None if row.subject_id is None else SubjectId(row.subject_id),
        sealed_answer=row.sealed_answer,
    )


async def save_answer(
    connection: AsyncConnection, key: IdempotencyKey, *, subject: SubjectId, sealed_answer: bytes
) -> None:
    """Keep the answer, sealed under the subject's key."""
    await connection.execute(
        update(idempotency_keys)
        .where(*_is(key))
        .values(subject_id=subject, sealed_answer=sealed_answer)
    )


async def delete_before(connection: AsyncConnection, instant: Instant) -> int:
    """Forget keys older than an instant; returns how many."""
    gone = await connection.execute(
        delete(idempotency_keys).where(idempotency_keys.c.created_at < instant)
    )
    return gone.rowcount


def _is(key: IdempotencyKey) -> tuple[ColumnElement[bool], ...]:
    table = idempotency_keys.c
    return (
        table.client_id == key.client_id,
        table.route == key.route,
        table.key_hash == key.key_hash,
    )
