"""Sessions of persons who are signed in at the hub, and the clients that take part in them.

A session is found by the hash of its cookie; what each client calls it comes of its id.  One whose
time is over signs nobody in, and is known for as long as tokens of it may be renewed: who signs out
then still means what began in it.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Uuid, any_, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import InstantType, hub_sessions, refresh_tokens, session_clients


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSessionRow:
    """One sign-in, in one browser."""

    session_hash: bytes
    id: UUID
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
        id=row.session_id,
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
            session_id=session.id,
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


async def find_known(connection: AsyncConnection, session_hash: bytes) -> HubSessionRow | None:
    """The session with this hash, also where its time is over."""
    statement = select(hub_sessions).where(hub_sessions.c.session_hash == session_hash)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _row(row)


async def find_of_client(
    connection: AsyncConnection, client_id: str, sid: str
) -> HubSessionRow | None:
    """The session that a client takes part in and calls so, also where its time is over."""
    statement = (
        select(hub_sessions)
        .join(session_clients, session_clients.c.session_id == hub_sessions.c.session_id)
        .where(session_clients.c.sid == sid, session_clients.c.client_id == client_id)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _row(row)


async def end(connection: AsyncConnection, session_hash: bytes) -> HubSessionRow | None:
    """End a session; returns what it was, None where there was none.

    The caller goes on with ``leave``, or lets another session carry on under the same id.
    """
    statement = (
        delete(hub_sessions)
        .where(hub_sessions.c.session_hash == session_hash)
        .returning(hub_sessions)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _row(row)


async def end_known(connection: AsyncConnection, known: HubSessionRow) -> HubSessionRow | None:
    """As ``end``, also where the person has signed in again since it was looked up.

    Then it goes on under the same id, behind another cookie.
    """
    session_hash: bytes | None = known.session_hash
    while session_hash is not None:
        ended = await end(connection, session_hash)
        if ended is not None:
            return ended
        session_hash = await connection.scalar(
            select(hub_sessions.c.session_hash).where(
                hub_sessions.c.account_id == known.account, hub_sessions.c.session_id == known.id
            )
        )
    return None


async def of_account(connection: AsyncConnection, account: SubjectId) -> list[HubSessionRow]:
    """All that is known of an account's sessions, the newest first; some may be over."""
    rows = await connection.execute(
        select(hub_sessions)
        .where(hub_sessions.c.account_id == account)
        .order_by(hub_sessions.c.created_at.desc())
    )
    return [_row(row) for row in rows]


async def end_of_portal(
    connection: AsyncConnection,
    *,
    sid_hash: bytes | None,
    identity_hash: bytes | None,
    begun_until: Instant | None = None,
) -> list[HubSessionRow]:
    """End what came of a portal session, or of a portal identity, or of both where both are named.

    ``begun_until``: what began later stays.

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
    if begun_until is not None:
        statement = statement.where(hub_sessions.c.created_at <= begun_until)
    rows = await connection.execute(statement.returning(hub_sessions))
    return [_row(row) for row in rows]


async def join(
    connection: AsyncConnection, session: HubSessionRow, client_id: str, *, sid: str
) -> bool:
    """Let a client take part; false where the session has ended, and nobody would tell the client.

    ``sid`` is what the client calls the session, which cannot end until the caller's transaction
    has.
    """
    is_meant = hub_sessions.c.session_hash == session.session_hash
    return await _join(connection, is_meant, client_id, sid=sid) is not None


async def join_of_account(
    connection: AsyncConnection,
    session_id: UUID,
    *,
    account: SubjectId,
    client_id: str,
    sid: str,
    now: Instant,
) -> HubSessionRow | None:
    """As ``join``, by the session's id; None where it lasts no longer."""
    is_meant = _is_alive(account, now) & (hub_sessions.c.session_id == session_id)
    return await _join(connection, is_meant, client_id, sid=sid)


async def _join(
    connection: AsyncConnection, is_meant: ColumnElement[bool], client_id: str, *, sid: str
) -> HubSessionRow | None:
    statement = select(hub_sessions).where(is_meant).with_for_update(read=True, key_share=True)
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    session = _row(row)
    joined = await connection.execute(
        insert(session_clients)
        .values(session_id=session.id, client_id=client_id, sid=sid)
        .on_conflict_do_nothing()
    )
    if joined.rowcount == 0:  # it takes part already, perhaps since a release that kept no sid
        await connection.execute(
            update(session_clients)
            .where(
                session_clients.c.session_id == session.id,
                session_clients.c.client_id == client_id,
                session_clients.c.sid.is_(None),
            )
            .values(sid=sid)
        )
    return session


async def find_of_family(
    connection: AsyncConnection, family: UUID, *, account: SubjectId, now: Instant
) -> UUID | None:
    """The id of the session that a family of tokens began in, while it lasts."""
    return await connection.scalar(
        select(hub_sessions.c.session_id)
        .join(refresh_tokens, refresh_tokens.c.session_id == hub_sessions.c.session_id)
        .where(
            refresh_tokens.c.family == family,
            refresh_tokens.c.subject_id == account,
            refresh_tokens.c.revoked_at.is_(None),
            _is_alive(account, now),
        )
        .limit(1)
    )


def _is_alive(account: SubjectId, now: Instant) -> ColumnElement[bool]:
    return (hub_sessions.c.account_id == account) & (hub_sessions.c.expires_at > now)


async def leave(connection: AsyncConnection, session_id: UUID) -> list[str]:
    """Forget who took part in a session that has ended; returns the clients, in order."""
    gone = await connection.scalars(
        delete(session_clients)
        .where(session_clients.c.session_id == session_id)
        .returning(session_clients.c.client_id)
    )
    return sorted(gone)


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Forget sessions that ended before an instant, and who took part; returns how many.

    But for those of which tokens may still be renewed: they are looked at again when these end.
    ``before`` is so long ago that no code of theirs can be redeemed any more, nor is any request
    under way that came in their time.
    """
    lasts = func.greatest(hub_sessions.c.expires_at, hub_sessions.c.held_until, type_=InstantType)
    is_due = lasts < before
    lasts_until = (
        select(func.max(refresh_tokens.c.expires_at))
        .where(
            refresh_tokens.c.subject_id == hub_sessions.c.account_id,
            refresh_tokens.c.session_id == hub_sessions.c.session_id,
            refresh_tokens.c.used_at.is_(None),
            refresh_tokens.c.revoked_at.is_(None),
            refresh_tokens.c.expires_at >= before,
        )
        .scalar_subquery()
    )
    await connection.execute(update(hub_sessions).where(is_due).values(held_until=lasts_until))
    gone = await connection.scalars(
        delete(hub_sessions).where(is_due).returning(hub_sessions.c.session_id)
    )
    ids = gone.all()
    # One array: a statement takes no more than 32,767 parameters.
    is_gone = session_clients.c.session_id == any_(literal(ids, ARRAY(Uuid)))
    await connection.execute(delete(session_clients).where(is_gone))
    return len(ids)
