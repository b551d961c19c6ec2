"""Hand-overs to the portal under way, by the hash of their ``state``, each bound to one browser."""

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import portal_logins


async def add(
    connection: AsyncConnection,
    *,
    state_hash: bytes,
    browser_hash: bytes,
    sealed: bytes,
    at: Instant,
    expires_at: Instant,
) -> None:
    """Keep a new one."""
    await connection.execute(
        insert(portal_logins).values(
            state_hash=state_hash,
            browser_hash=browser_hash,
            sealed=sealed,
            created_at=at,
            expires_at=expires_at,
        )
    )


async def take(
    connection: AsyncConnection, *, state_hash: bytes, browser_hash: bytes, at: Instant
) -> bytes | None:
    """Use one up and answer what it holds, sealed.

    None where there is none, where it was used or has expired, or where it is another browser's;
    the last leaves it to its own.
    """
    statement = (
        update(portal_logins)
        .where(
            portal_logins.c.state_hash == state_hash,
            portal_logins.c.browser_hash == browser_hash,
            portal_logins.c.used_at.is_(None),
            portal_logins.c.expires_at > at,
        )
        .values(used_at=at)
        .returning(portal_logins.c.sealed)
    )
    return await connection.scalar(statement)


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Forget those that ended before an instant; returns how many."""
    gone = await connection.execute(
        delete(portal_logins).where(portal_logins.c.expires_at < before)
    )
    return gone.rowcount
