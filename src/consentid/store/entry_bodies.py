"""What entries of the log speak of that lies nowhere else; what is a person's is sealed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select, text, true
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.groups import by_subject
from consentid.store.tables import entry_bodies

_ADMIN: Final = "kind = 'admin'"  # as the index says it


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyRow:
    """One of them."""

    event_id: UUID
    kind: str
    subject: SubjectId | None
    """Whose; None of what everybody may read."""
    recorded_at: Instant
    commitment: bytes
    """Of what everybody may read it is the digest of what is stored."""
    body: bytes


async def add(connection: AsyncConnection, row: BodyRow) -> None:
    """Keep one, in the transaction that stages its entry."""
    await connection.execute(
        insert(entry_bodies).values(
            event_id=row.event_id,
            kind=row.kind,
            subject_id=row.subject,
            recorded_at=row.recorded_at,
            commitment=None if row.subject is None else row.commitment,
            body=row.body,
        )
    )


async def is_there(connection: AsyncConnection) -> bool:
    """Whether the database is far enough to keep any."""
    return bool(await connection.scalar(text("SELECT to_regclass('entry_bodies') IS NOT NULL")))


async def by_ids(connection: AsyncConnection, ids: Sequence[UUID]) -> Sequence[BodyRow]:
    """Those of some entries."""
    return await _rows(connection, entry_bodies.c.event_id.in_(ids))


async def of_subject(connection: AsyncConnection, subject: SubjectId) -> Sequence[BodyRow]:
    """Those of one person, oldest first."""
    return await _rows(connection, entry_bodies.c.subject_id == subject)


async def of_subjects(
    connection: AsyncConnection, subjects: Collection[SubjectId]
) -> Mapping[SubjectId, Sequence[BodyRow]]:
    """Those of each person, oldest first."""
    rows = await _rows(connection, entry_bodies.c.subject_id.in_(subjects))
    return by_subject((row.subject, row) for row in rows if row.subject is not None)


async def newest_acts(
    connection: AsyncConnection, *, before: UUID | None, limit: int
) -> Sequence[BodyRow]:
    """What was done in the administration, newest first; ``before``: before an entry only."""
    found = (
        select(entry_bodies.c.event_id)
        .where(text(_ADMIN), true() if before is None else entry_bodies.c.event_id < before)
        .order_by(entry_bodies.c.event_id.desc())
        .limit(limit)
    )
    ids = (await connection.scalars(found)).all()
    rows = await by_ids(connection, ids)
    return sorted(rows, key=lambda each: each.event_id, reverse=True)


async def _rows(connection: AsyncConnection, condition: ColumnElement[bool]) -> Sequence[BodyRow]:
    commitment = func.coalesce(entry_bodies.c.commitment, func.sha256(entry_bodies.c.body))
    rows = await connection.execute(
        select(entry_bodies, commitment.label("committed"))
        .where(condition)
        .order_by(entry_bodies.c.recorded_at, entry_bodies.c.event_id)
    )
    return [
        BodyRow(
            event_id=row.event_id,
            kind=row.kind,
            subject=row.subject_id,
            recorded_at=row.recorded_at,
            commitment=row.committed,
            body=row.body,
        )
        for row in rows
    ]
