"""Who read what of a person: counts by client, kind and hour.  Append and add; nobody edits."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import reads


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRow:
    """What one client read of one subject within an hour."""

    subject: SubjectId
    client_id: str
    kind: str
    hour: Instant
    times: int


async def add(connection: AsyncConnection, rows: Sequence[ReadRow]) -> None:
    """Add counts to their hours.  The caller sorts, and names a row once."""
    if not rows:
        return
    statement = insert(reads)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[reads.c.subject_id, reads.c.hour, reads.c.client_id, reads.c.kind],
            set_={"times": reads.c.times + statement.excluded.times},
        ),
        [
            {
                "subject_id": row.subject,
                "client_id": row.client_id,
                "kind": row.kind,
                "hour": row.hour,
                "times": row.times,
            }
            for row in rows
        ],
    )


async def page(
    connection: AsyncConnection,
    subjects: Sequence[SubjectId],
    *,
    before: tuple[Instant, str, str] | None,
    limit: int,
) -> Sequence[ReadRow]:
    """At most ``limit`` rows of some subjects, newest first, older than ``before``.

    Of one person's account and device, the same hour, client and kind are one row, of the first.
    """
    statement = select(
        reads.c.hour, reads.c.client_id, reads.c.kind, func.sum(reads.c.times).label("times")
    ).where(reads.c.subject_id.in_(subjects))
    if before is not None:
        statement = statement.where(
            tuple_(reads.c.hour, reads.c.client_id, reads.c.kind)
            < tuple_(*before, types=(reads.c.hour.type, reads.c.client_id.type, reads.c.kind.type))
        )
    statement = (
        statement.group_by(reads.c.hour, reads.c.client_id, reads.c.kind)
        .order_by(reads.c.hour.desc(), reads.c.client_id.desc(), reads.c.kind.desc())
        .limit(limit)
    )
    return [
        ReadRow(
            subject=subjects[0],
            client_id=row.client_id,
            kind=row.kind,
            hour=row.hour,
            times=int(row.times),
        )
        for row in await connection.execute(statement)
    ]


async def delete_before(connection: AsyncConnection, before: Instant) -> int:
    """Forget what is older; returns how many rows went."""
    gone = await connection.execute(delete(reads).where(reads.c.hour < before))
    return gone.rowcount
