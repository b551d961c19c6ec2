"""Signing keys that were revoked before their time, and since when they were in wrong hands."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import revoked_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedKey:
    """One key."""

    kid: str
    stolen_at: Instant
    """From then on somebody else may have signed with it."""
    revoked_at: Instant


async def add(connection: AsyncConnection, key: RevokedKey) -> bool:
    """Revoke a key for good; false where it was before, which stays as it was."""
    statement = (
        insert(revoked_keys)
        .values(kid=key.kid, stolen_at=key.stolen_at, revoked_at=key.revoked_at)
        .on_conflict_do_nothing()
        .returning(revoked_keys.c.kid)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def every(connection: AsyncConnection) -> Sequence[RevokedKey]:
    """All of them, in the order in which they were revoked."""
    rows = await connection.execute(
        select(revoked_keys).order_by(revoked_keys.c.revoked_at, revoked_keys.c.kid)
    )
    return [
        RevokedKey(kid=row.kid, stolen_at=row.stolen_at, revoked_at=row.revoked_at) for row in rows
    ]
