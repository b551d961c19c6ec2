"""Who read what of a person: counts by client, kind and hour.  Append and add; nobody edits."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import HOUR, Instant
from consentid.store.tables import event_streams, events, reads

_HOUR: Final = func.date_trunc("hour", events.c.at, "UTC", type_=reads.c.hour.type)


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
    What lies in a client's feed counts too: it costs the feed nothing, and becomes rows of its own
    when it is removed there.
    """
    noted = select(reads.c.hour, reads.c.client_id, reads.c.kind, reads.c.times).where(
        reads.c.subject_id.in_(subjects)
    )
    told = (
        select(_HOUR, event_streams.c.client_id, literal("event"), literal(1))
        .join(event_streams, event_streams.c.stream_no == events.c.stream_no)
        .where(events.c.subject_id.in_(subjects))
    )
    every = noted.union_all(told).subquery()
    statement = select(
        every.c.hour, every.c.client_id, every.c.kind, func.sum(every.c.times).label("times")
    )
    if before is not None:
        statement = statement.where(
            tuple_(every.c.hour, every.c.client_id, every.c.kind)
            < tuple_(*before, types=(reads.c.hour.type, reads.c.client_id.type, reads.c.kind.type))
        )
    statement = (
        statement.group_by(every.c.hour, every.c.client_id, every.c.kind)
        .order_by(every.c.hour.desc(), every.c.client_id.desc(), every.c.kind.desc())
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


async def within(
    connection: AsyncConnection, kinds: Sequence[str], *, begin: Instant, end: Instant
) -> AsyncGenerator[ReadRow]:
    """What of some kinds was read in the hours of a time, oldest first."""
    rows = await connection.stream(
        select(reads)
        .where(
            reads.c.hour >= Instant(begin - begin % HOUR),
            reads.c.hour <= end,
            reads.c.kind.in_(kinds),
        )
        .order_by(reads.c.hour, reads.c.client_id, reads.c.subject_id, reads.c.kind)
    )
    async for row in rows:
        yield ReadRow(
            subject=SubjectId(row.subject_id),
            client_id=row.client_id,
            kind=row.kind,
            hour=row.hour,
            times=row.times,
        )


async def delete_before(connection: AsyncConnection, before: Instant) -> int:
    """Forget what is older; returns how many rows went."""
    gone = await connection.execute(delete(reads).where(reads.c.hour < before))
    return gone.rowcount
