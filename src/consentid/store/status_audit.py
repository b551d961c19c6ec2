"""Which indices tokens pointed to, and which bits are set, for whoever checks all of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.store.statuses import StatusIndex
from consentid.store.tables import status_indices, status_lists


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldIndex:
    """An index that a subject's tokens point to, or pointed to."""

    status: StatusIndex
    audience: str
    is_revoked: bool


async def indices_of(connection: AsyncConnection, subject: SubjectId) -> Sequence[HeldIndex]:
    """Every index that a subject ever had."""
    rows = await connection.execute(
        select(status_indices)
        .where(status_indices.c.subject_id == subject)
        .order_by(status_indices.c.list_no, status_indices.c.idx)
    )
    return [
        HeldIndex(
            status=StatusIndex(list_no=row.list_no, idx=row.idx),
            audience=row.audience,
            is_revoked=row.revoked_at is not None,
        )
        for row in rows
    ]


async def published(connection: AsyncConnection, list_no: int) -> tuple[bytes, frozenset[int]]:
    """A list's bits, and the indices whose bits are to be set in it."""
    bits = await connection.scalar(
        select(status_lists.c.bits).where(status_lists.c.list_no == list_no)
    )
    ended = await connection.scalars(
        select(status_indices.c.idx).where(
            status_indices.c.list_no == list_no, status_indices.c.is_published
        )
    )
    return bits or b"", frozenset(ended)
