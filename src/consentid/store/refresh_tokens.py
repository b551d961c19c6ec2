"""Refresh tokens: rotated at each use, stored hashed, ended together as a family.

Using one is one statement, so that of any number at once one wins.  A use names the token that it
gives; where that one never reached its client, it is superseded by the next.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import refresh_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """What a refresh token stands for."""

    token_hash: bytes
    family: UUID
    client_id: str
    subject: SubjectId
    device: SubjectId | None
    session_id: UUID | None
    """The hub session that its family began in, over or not; None for a device without login."""
    scopes: frozenset[str]
    resource: str | None
    auth_time: Instant | None
    acr: str | None
    details: bytes | None
    rests_on: tuple[str, ...] | None = None
    """The purposes granted of the details; None where it rests on none."""
    issued_at: Instant
    expires_at: Instant
    """Unless it is used before; a use gives another."""
    family_expires_at: Instant
    """The end of all tokens that come of one code."""
    used_at: Instant | None = None
    """The latest time: a use whose answer was lost may be repeated."""
    revoked_at: Instant | None = None
    successor_hash: bytes | None = None
    """The token that its latest use gave."""
    used_key_hash: bytes | None = None
    """What its client calls the request of that use, where it does."""
    was_superseded: bool = False
    """Revoked because its predecessor came again before anybody had used it."""
    sealed_name: bytes | None = None
    """What the device calls itself, under the subject's key."""


def _token(row: Row[Any]) -> RefreshToken:
    return RefreshToken(
        token_hash=row.token_hash,
        family=row.family,
        client_id=row.client_id,
        subject=SubjectId(row.subject_id),
        device=None if row.device_id is None else SubjectId(row.device_id),
        session_id=row.session_id,
        scopes=frozenset(row.scopes),
        resource=row.resource,
        auth_time=row.auth_time,
        acr=row.acr,
        details=row.details,
        rests_on=None if row.rests_on is None else tuple(row.rests_on),
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        family_expires_at=row.family_expires_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
        successor_hash=row.successor_hash,
        used_key_hash=row.used_key_hash,
        was_superseded=row.was_superseded,
        sealed_name=row.sealed_name,
    )


async def use(
    connection: AsyncConnection,
    token_hash: bytes,
    *,
    successor_hash: bytes,
    key_hash: bytes | None = None,
    instead_of: bytes | None = None,
) -> bool:
    """Use a token; false where somebody else did, or it has ended meanwhile.

    ``successor_hash`` is what the use gives, ``key_hash`` the client's word for this request.
    ``instead_of`` is the successor that an earlier use
    gave, where the use is repeated; None for the first.

    The instant kept is that of this very statement: make it the transaction's last, so that who
    came before it came before the commit, or as good as.
    """
    statement = (
        update(refresh_tokens)
        .where(
            refresh_tokens.c.token_hash == token_hash,
            refresh_tokens.c.used_at.is_(None)
            if instead_of is None
            else refresh_tokens.c.successor_hash == instead_of,
            refresh_tokens.c.revoked_at.is_(None),
        )
        .values(
            used_at=func.clock_timestamp(),
            successor_hash=successor_hash,
            used_key_hash=key_hash,
        )
    )
    return (await connection.execute(statement)).rowcount == 1


async def supersede(connection: AsyncConnection, token_hash: bytes, *, at: Instant) -> bool:
    """End a token that nobody has used; false where somebody did, or it has ended meanwhile."""
    statement = (
        update(refresh_tokens)
        .where(
            refresh_tokens.c.token_hash == token_hash,
            refresh_tokens.c.used_at.is_(None),
            refresh_tokens.c.revoked_at.is_(None),
        )
        .values(revoked_at=at, was_superseded=True)
    )
    return (await connection.execute(statement)).rowcount == 1


async def find(connection: AsyncConnection, token_hash: bytes) -> RefreshToken | None:
    """The token with this hash, used and ended ones too."""
    row = (
        await connection.execute(
            select(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash)
        )
    ).one_or_none()
    return None if row is None else _token(row)


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Forget tokens of families that ended before an instant; returns how many.

    Until then a used token that comes again is recognised.
    """
    gone = await connection.execute(
        delete(refresh_tokens).where(refresh_tokens.c.family_expires_at < before)
    )
    return gone.rowcount
