"""Which indices tokens pointed to, and which bits are set, for whoever checks all of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.groups import by_subject
from consentid.store.statuses import StatusIndex
from consentid.store.tables import status_indices, status_lists


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldIndex:
    """An index that a subject's tokens point to, or pointed to."""

    status: StatusIndex
    audience: str
    is_revoked: bool


async def indices_of(
    connection: AsyncConnection, subjects: Collection[SubjectId]
) -> Mapping[SubjectId, Sequence[HeldIndex]]:
    """Every index that each subject ever had."""
    rows = await connection.execute(
        select(status_indices)
        .where(status_indices.c.subject_id.in_(subjects))
        .order_by(status_indices.c.list_no, status_indices.c.idx)
    )
    return by_subject((row.subject_id, _held(row)) for row in rows)


def _held(row: Row[*tuple[Any, ...]]) -> HeldIndex:
    return HeldIndex(
        status=StatusIndex(list_no=row.list_no, idx=row.idx),
        audience=row.audience,
        is_revoked=row.revoked_at is not None,
    )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in a status list that was taken."""

    subject: SubjectId | None
    """Whose tokens point there; None for a decoy."""
    audience: str
    ended_at: Instant | None


async def find(connection: AsyncConnection, status: StatusIndex) -> Place | None:
    """Whose a place is, or was; None where nobody took it."""
    row = (
        await connection.execute(
            select(status_indices).where(
                status_indices.c.list_no == status.list_no, status_indices.c.idx == status.idx
            )
        )
    ).one_or_none()
    if row is None:
        return None
    subject = None if row.subject_id is None else SubjectId(row.subject_id)
    return Place(subject=subject, audience=row.audience or "", ended_at=row.revoked_at)


async def ended_at(connection: AsyncConnection, list_no: int) -> Mapping[int, Instant] | None:
    """When each place of a list ended that did; None of a list that there is not."""
    known = select(status_lists.c.list_no).where(status_lists.c.list_no == list_no)
    if await connection.scalar(known) is None:
        return None
    rows = await connection.execute(
        select(status_indices.c.idx, status_indices.c.revoked_at).where(
            status_indices.c.list_no == list_no, status_indices.c.revoked_at.is_not(None)
        )
    )
    return {row.idx: row.revoked_at for row in rows}
