"""Sessions of persons who are signed in at the hub, found by the hash of their cookie."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import hub_sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSessionRow:
    """One sign-in, in one browser."""

    session_hash: bytes
    account: SubjectId
    device: SubjectId | None
    """The device in whose browser the person signed in, if it had choices then."""
    auth_time: Instant | None
    """When the portal authenticated the person."""
    acr: str | None
    portal_sid_hash: bytes | None
    identity_hash: bytes
    created_at: Instant
    expires_at: Instant


def _row(row: Row[Any]) -> HubSessionRow:
    return HubSessionRow(
        session_hash=row.session_hash,
        account=SubjectId(row.account_id),
        device=None if row.device_id is None else SubjectId(row.device_id),
        auth_time=row.auth_time,
        acr=row.acr,
        portal_sid_hash=row.portal_sid_hash,
        identity_hash=row.identity_hash,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


async def add(connection: AsyncConnection, session: HubSessionRow) -> None:
    """Keep a new session."""
    await connection.execute(
        insert(hub_sessions).values(
            session_hash=session.session_hash,
            account_id=session.account,
            device_id=session.device,
            auth_time=session.auth_time,
            acr=session.acr,
            portal_sid_hash=session.portal_sid_hash,
            identity_hash=session.identity_hash,
            created_at=session.created_at,
            expires_at=session.expires_at,
        )
    )


async def find(
    connection: AsyncConnection, session_hash: bytes, *, now: Instant
) -> HubSessionRow | None:
    """The session with this hash, while it lasts."""
    statement = select(hub_sessions).where(
        hub_sessions.c.session_hash == session_hash, hub_sessions.c.expires_at > now
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _row(row)


async def end(connection: AsyncConnection, session_hash: bytes) -> HubSessionRow | None:
    """End a session; returns what it was, None where there was none."""
    statement = (
        delete(hub_sessions)
        .where(hub_sessions.c.session_hash == session_hash)
        .returning(hub_sessions)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _row(row)


async def end_of_portal(
    connection: AsyncConnection, *, sid_hash: bytes | None, identity_hash: bytes | None
) -> list[HubSessionRow]:
    """End what came of a portal session, or of a portal identity, or of both where both are named.

    Raises:
        ValueError: neither is named, which would end everybody's.
    """
    if sid_hash is None and identity_hash is None:
        msg = "name a portal session or an identity"
        raise ValueError(msg)
    statement = delete(hub_sessions)
    if sid_hash is not None:
        statement = statement.where(hub_sessions.c.portal_sid_hash == sid_hash)
    if identity_hash is not None:
        statement = statement.where(hub_sessions.c.identity_hash == identity_hash)
    rows = await connection.execute(statement.returning(hub_sessions))
    return [_row(row) for row in rows]


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Forget sessions that ended before an instant; returns how many."""
    gone = await connection.execute(delete(hub_sessions).where(hub_sessions.c.expires_at < before))
    return gone.rowcount
