"""Opaque access tokens, stored hashed; and tokens of others that are good for one use."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import access_tokens, clients, used_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """What an access token stands for."""

    token_hash: bytes
    client_id: str
    subject: SubjectId | None
    device: SubjectId | None
    """The device on which a known subject is signed in."""
    scopes: frozenset[str]
    issued_at: Instant
    expires_at: Instant
    family: UUID | None = None
    """What tokens that come of one code have in common."""
    rests_on: tuple[str, ...] | None = None
    """The purposes granted of its authorization details; None where it rests on none."""


async def add(connection: AsyncConnection, token: AccessToken) -> None:
    """Keep a new token's hash."""
    await connection.execute(
        insert(access_tokens).values(
            token_hash=token.token_hash,
            client_id=token.client_id,
            subject_id=token.subject,
            device_id=token.device,
            scopes=sorted(token.scopes),
            family=token.family,
            rests_on=token.rests_on,
            issued_at=token.issued_at,
            expires_at=token.expires_at,
        )
    )


async def find(connection: AsyncConnection, token_hash: bytes) -> AccessToken | None:
    """The token with this hash, expired or not; None where its client may not be used."""
    statement = (
        select(access_tokens)
        .join(clients, clients.c.client_id == access_tokens.c.client_id)
        .where(access_tokens.c.token_hash == token_hash, clients.c.disabled_at.is_(None))
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    return AccessToken(
        token_hash=row.token_hash,
        client_id=row.client_id,
        subject=None if row.subject_id is None else SubjectId(row.subject_id),
        device=None if row.device_id is None else SubjectId(row.device_id),
        scopes=frozenset(row.scopes),
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        family=row.family,
        rests_on=None if row.rests_on is None else tuple(row.rests_on),
    )


async def revoke(
    connection: AsyncConnection, token_hash: bytes, *, client_id: str
) -> SubjectId | None:
    """End a client's token, another client's stays; whose it was, if anybody's."""
    return await connection.scalar(
        delete(access_tokens)
        .where(access_tokens.c.token_hash == token_hash, access_tokens.c.client_id == client_id)
        .returning(access_tokens.c.subject_id)
    )


async def end_family(connection: AsyncConnection, family: UUID) -> None:
    """End all access tokens that came of one code."""
    await connection.execute(delete(access_tokens).where(access_tokens.c.family == family))


async def mark_used(connection: AsyncConnection, token_hash: bytes, *, expires_at: Instant) -> bool:
    """Mark a one-use token; false where it was used before."""
    statement = (
        insert(used_tokens)
        .values(token_hash=token_hash, expires_at=expires_at)
        .on_conflict_do_nothing()
        .returning(used_tokens.c.token_hash)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def was_used(connection: AsyncConnection, token_hash: bytes) -> bool:
    """Whether a one-use token was marked."""
    statement = select(used_tokens.c.token_hash).where(used_tokens.c.token_hash == token_hash)
    return (await connection.execute(statement)).one_or_none() is not None


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Forget tokens that ended before an instant; returns how many."""
    gone = await connection.execute(
        delete(access_tokens).where(access_tokens.c.expires_at < before)
    )
    used = await connection.execute(delete(used_tokens).where(used_tokens.c.expires_at < before))
    return gone.rowcount + used.rowcount
