"""The outbox of mails: taken by one at a time, and gone once they are sent or too old."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import mails


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRow:
    """A mail on its way."""

    id: UUID
    wrapped: bytes
    sealed: bytes
    attempts: int
    """How often it was taken, this time included."""


async def add(
    connection: AsyncConnection,
    id_: UUID,
    *,
    wrapped: bytes,
    sealed: bytes,
    at: Instant,
    until: Instant,
) -> None:
    """Queue a mail."""
    await connection.execute(
        insert(mails).values(
            id=id_, wrapped=wrapped, sealed=sealed, attempts=0, due_at=at, expires_at=until
        )
    )


async def take(
    connection: AsyncConnection, *, at: Instant, until: Instant, most: int
) -> Sequence[MailRow]:
    """Take some that are due; nobody else does ``until`` an instant, also if we die meanwhile."""
    due = (
        select(mails.c.id)
        .where(mails.c.due_at <= at, mails.c.expires_at > at)
        .order_by(mails.c.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    taken = await connection.execute(
        update(mails)
        .where(mails.c.id.in_(due.scalar_subquery()))
        .values(attempts=mails.c.attempts + 1, due_at=until)
        .returning(mails.c.id, mails.c.wrapped, mails.c.sealed, mails.c.attempts)
    )
    return [
        MailRow(id=row.id, wrapped=row.wrapped, sealed=row.sealed, attempts=row.attempts)
        for row in taken
    ]


async def put_off(connection: AsyncConnection, id_: UUID, *, until: Instant) -> None:
    """Have it tried again at an instant."""
    await connection.execute(update(mails).where(mails.c.id == id_).values(due_at=until))


async def forget(connection: AsyncConnection, id_: UUID) -> None:
    """It is sent, or never will be."""
    await connection.execute(delete(mails).where(mails.c.id == id_))


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Remove what nobody took in time; how many."""
    gone = await connection.execute(delete(mails).where(mails.c.expires_at <= before))
    return gone.rowcount
