"""The outbox, as the pump empties it: a row leaves with the transaction that carries it on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import outbox, outbox_drained, subject_keys, subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """What was left to be told."""

    seq: int
    event_id: UUID
    kind: str
    subject: SubjectId | None
    sealed: bytes | None
    told: bytes | None
    at: Instant


async def take(connection: AsyncConnection, *, most: int) -> Sequence[OutboxRow]:
    """The oldest rows, which nobody else gets unless this transaction fails."""
    columns = (outbox.c.seq, outbox.c.event_id, outbox.c.created_at)
    oldest = select(*columns, func.clock_timestamp()).order_by(outbox.c.seq).limit(most)
    taken = await connection.scalars(
        insert(outbox_drained)
        .from_select(["seq", "event_id", "created_at", "drained_at"], oldest)
        .on_conflict_do_nothing()
        .returning(outbox_drained.c.seq)
    )
    seqs = taken.all()
    if not seqs:
        return []
    rows = await connection.execute(delete(outbox).where(outbox.c.seq.in_(seqs)).returning(outbox))
    return [
        OutboxRow(
            seq=row.seq,
            event_id=row.event_id,
            kind=row.kind,
            subject=None if row.subject_id is None else SubjectId(row.subject_id),
            sealed=row.sealed,
            told=row.told,
            at=row.created_at,
        )
        for row in sorted(rows, key=lambda row: row.seq)
    ]


async def wrapped_keys(
    connection: AsyncConnection, of: Collection[SubjectId]
) -> Mapping[SubjectId, bytes]:
    """The keys of those who are not erased."""
    rows = await connection.execute(
        select(subject_keys.c.subject_id, subject_keys.c.wrapped)
        .join(subjects, subjects.c.id == subject_keys.c.subject_id)
        .where(subject_keys.c.subject_id.in_(of), subjects.c.erased_at.is_(None))
    )
    return {SubjectId(subject): wrapped for subject, wrapped in rows}


async def forget_drained(connection: AsyncConnection, *, before: Instant) -> int:
    """Forget what was carried on long ago; returns how many."""
    gone = await connection.execute(
        delete(outbox_drained).where(outbox_drained.c.drained_at < before)
    )
    return gone.rowcount
