"""Who may look at the operators' page: codes that open it once, and the sessions that they open."""

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import operator_codes, operator_sessions


async def add_code(
    connection: AsyncConnection, code_hash: bytes, *, at: Instant, until: Instant
) -> None:
    """Keep a code; it is good once, until an instant."""
    await _add(connection, operator_codes, code_hash, at=at, until=until)


async def spend_code(connection: AsyncConnection, code_hash: bytes, *, at: Instant) -> bool:
    """Whether it was good.  It is no more."""
    ends_at = await connection.scalar(
        delete(operator_codes)
        .where(operator_codes.c.hash == code_hash)
        .returning(operator_codes.c.expires_at)
    )
    return ends_at is not None and ends_at > at


async def add_session(
    connection: AsyncConnection, session_hash: bytes, *, at: Instant, until: Instant
) -> None:
    """Begin a session that ends at an instant, whatever is done in it."""
    await _add(connection, operator_sessions, session_hash, at=at, until=until)


async def is_session(connection: AsyncConnection, session_hash: bytes, *, at: Instant) -> bool:
    """Whether a session goes on."""
    ends_at = await connection.scalar(
        select(operator_sessions.c.expires_at).where(operator_sessions.c.hash == session_hash)
    )
    return ends_at is not None and ends_at > at


async def end_session(connection: AsyncConnection, session_hash: bytes) -> None:
    """End a session now."""
    await connection.execute(
        delete(operator_sessions).where(operator_sessions.c.hash == session_hash)
    )


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Remove what has ended; how many rows."""
    gone = 0
    for table in (operator_codes, operator_sessions):
        gone += (
            await connection.execute(delete(table).where(table.c.expires_at <= before))
        ).rowcount
    return gone


async def _add(
    connection: AsyncConnection, table: Table, hashed: bytes, *, at: Instant, until: Instant
) -> None:
    await connection.execute(insert(table).values(hash=hashed, created_at=at, expires_at=until))
