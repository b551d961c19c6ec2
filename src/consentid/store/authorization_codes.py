"""Authorization codes: 60 seconds, one use, stored hashed.

Redeeming is one statement, so that of any number at once one wins.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import authorization_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCode:
    """What a code stands for."""

    code_hash: bytes
    client_id: str
    subject: SubjectId
    device: SubjectId | None
    session_id: UUID | None
    """The hub session that it was given in; None for a device without login."""
    family: UUID
    """What tokens that come of this code have in common."""
    redirect_uri: str
    scopes: frozenset[str]
    code_challenge: str
    nonce: str | None
    resource: str | None
    auth_time: Instant | None
    acr: str | None
    details: bytes | None
    rests_on: tuple[str, ...] | None = None
    """The purposes granted of the details; None where it rests on none."""
    issued_at: Instant
    expires_at: Instant
    used_at: Instant | None = None


def _code(row: Row[Any]) -> AuthorizationCode:
    return AuthorizationCode(
        code_hash=row.code_hash,
        client_id=row.client_id,
        subject=SubjectId(row.subject_id),
        device=None if row.device_id is None else SubjectId(row.device_id),
        session_id=row.session_id,
        family=row.family,
        redirect_uri=row.redirect_uri,
        scopes=frozenset(row.scopes),
        code_challenge=row.code_challenge,
        nonce=row.nonce,
        resource=row.resource,
        auth_time=row.auth_time,
        acr=row.acr,
        details=row.details,
        rests_on=None if row.rests_on is None else tuple(row.rests_on),
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )


async def add(connection: AsyncConnection, code: AuthorizationCode) -> None:
    """Keep a new code's hash."""
    await connection.execute(
        insert(authorization_codes).values(
            code_hash=code.code_hash,
            client_id=code.client_id,
            subject_id=code.subject,
            device_id=code.device,
            session_id=code.session_id,
            family=code.family,
            redirect_uri=code.redirect_uri,
            scopes=sorted(code.scopes),
            code_challenge=code.code_challenge,
            nonce=code.nonce,
            resource=code.resource,
            auth_time=code.auth_time,
            acr=code.acr,
            details=code.details,
            rests_on=code.rests_on,
            issued_at=code.issued_at,
            expires_at=code.expires_at,
        )
    )


async def redeem(connection: AsyncConnection, code_hash: bytes) -> bool:
    """Use a code, once; false where somebody else did, or it has ended meanwhile.

    The instant kept is that of this very statement: make it the transaction's last, so that who
    came before it came before the commit, or as good as.
    """
    statement = (
        update(authorization_codes)
        .where(
            authorization_codes.c.code_hash == code_hash,
            authorization_codes.c.used_at.is_(None),
        )
        .values(used_at=func.clock_timestamp())
    )
    return (await connection.execute(statement)).rowcount == 1


async def find(connection: AsyncConnection, code_hash: bytes) -> AuthorizationCode | None:
    """The code with this hash, used and expired ones too."""
    row = (
        await connection.execute(
            select(authorization_codes).where(authorization_codes.c.code_hash == code_hash)
        )
    ).one_or_none()
    return None if row is None else _code(row)


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Forget codes that ended before an instant; returns how many.

    Until then a used code that comes again is recognised.
    """
    gone = await connection.execute(
        delete(authorization_codes).where(authorization_codes.c.expires_at < before)
    )
    return gone.rowcount


async def end_of_session(connection: AsyncConnection, session_id: UUID) -> None:
    """Forget the codes of a session that ended, where they were not redeemed yet."""
    await connection.execute(
        delete(authorization_codes).where(
            authorization_codes.c.session_id == session_id,
            authorization_codes.c.used_at.is_(None),
        )
    )
