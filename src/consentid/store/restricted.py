"""Subjects set aside until proof is needed no more, for whoever has to prove: no serving role."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.store.tables import restricted_subjects


async def find_wrapped_key(connection: AsyncConnection, subject: SubjectId) -> bytes | None:
    """The wrapped key of a subject that was set aside."""
    return await connection.scalar(
        select(restricted_subjects.c.wrapped).where(restricted_subjects.c.subject_id == subject)
    )


async def find_known(connection: AsyncConnection, identity_hash: bytes) -> SubjectId | None:
    """Who was known by a portal identity before."""
    found = await connection.scalar(
        select(restricted_subjects.c.subject_id).where(
            restricted_subjects.c.identity_hash == identity_hash
        )
    )
    return None if found is None else SubjectId(found)


async def every_id(connection: AsyncConnection) -> list[SubjectId]:
    """Whoever is set aside, in order; for audits."""
    rows = await connection.scalars(
        select(restricted_subjects.c.subject_id).order_by(restricted_subjects.c.subject_id)
    )
    return [SubjectId(row) for row in rows]
