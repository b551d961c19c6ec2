"""Codes by which a person lets support see what they chose: one each, hashed, good once."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import support_codes


async def put(
    connection: AsyncConnection,
    subject: SubjectId,
    code_hash: bytes,
    *,
    at: Instant,
    until: Instant,
) -> None:
    """Keep a code of somebody's; the one before is good no more."""
    values = {"hash": code_hash, "created_at": at, "expires_at": until}
    await connection.execute(
        insert(support_codes)
        .values(subject_id=subject, **values)
        .on_conflict_do_update(index_elements=["subject_id"], set_=values)
    )


async def find(connection: AsyncConnection, code_hash: bytes, *, at: Instant) -> SubjectId | None:
    """Whose a code is; None where it is not good."""
    found = await connection.scalar(
        select(support_codes.c.subject_id).where(
            support_codes.c.hash == code_hash, support_codes.c.expires_at > at
        )
    )
    return None if found is None else SubjectId(found)


async def spend(connection: AsyncConnection, code_hash: bytes) -> bool:
    """Whether it was still there.  It is good no more.  The caller holds its subject's lock."""
    gone = await connection.execute(delete(support_codes).where(support_codes.c.hash == code_hash))
    return gone.rowcount > 0


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Remove what has ended; how many rows."""
    gone = delete(support_codes).where(support_codes.c.expires_at <= before)
    return (await connection.execute(gone)).rowcount
