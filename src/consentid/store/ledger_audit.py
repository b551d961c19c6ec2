"""The log beside what it speaks of, page by page, for whoever checks all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec
from sqlalchemy import exists, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.ledger import EntryRow
from consentid.store.shredding import KIND
from consentid.store.tables import (
    catalogues,
    decisions,
    entry_bodies,
    erased_decisions,
    ledger_checkpoints,
    ledger_entries,
    ledger_logs,
    ledger_tiles,
    ledger_trees,
    staged_entries,
)


class _Timed(msgspec.Struct, frozen=True):
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedRow(EntryRow):
    """An entry that waits, and its place in the queue."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRow:
    """A size that a log had, and what was published for it."""

    size: int
    previous_size: int | None
    root: bytes
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedRow:
    """What a decision, or whatever else a leaf is about, says of itself outside the log."""

    commitment: bytes
    recorded_at: Instant
    kind: str


async def heads_after(
    connection: AsyncConnection, log_no: int, size: int, *, limit: int
) -> Sequence[HeadRow]:
    """The sizes that a log had beyond one, the smallest first."""
    published = (ledger_checkpoints.c.log_no == ledger_trees.c.log_no) & (
        ledger_checkpoints.c.size == ledger_trees.c.size
    )
    statement = (
        select(
            ledger_trees.c.size,
            ledger_trees.c.previous_size,
            ledger_trees.c.root,
            ledger_checkpoints.c.note,
        )
        .join_from(ledger_trees, ledger_checkpoints, published, isouter=True)
        .where(ledger_trees.c.log_no == log_no, ledger_trees.c.size > size)
        .order_by(ledger_trees.c.size)
        .limit(limit)
    )
    return [
        HeadRow(size=row.size, previous_size=row.previous_size, root=row.root, note=row.note)
        for row in await connection.execute(statement)
    ]


async def stray_checkpoint(connection: AsyncConnection, log_no: int) -> int | None:
    """A size that a checkpoint was published for, and that the log never had."""
    had = exists().where(
        ledger_trees.c.log_no == ledger_checkpoints.c.log_no,
        ledger_trees.c.size == ledger_checkpoints.c.size,
    )
    statement = select(func.min(ledger_checkpoints.c.size)).where(
        ledger_checkpoints.c.log_no == log_no, ~had
    )
    return await connection.scalar(statement)


async def stray_tile(
    connection: AsyncConnection, log_no: int, *, counts: Sequence[int]
) -> tuple[int, int] | None:
    """A tile beyond those that a log has, by level and number; ``counts`` says how many."""
    statement = (
        select(ledger_tiles.c.level, func.max(ledger_tiles.c.number))
        .where(ledger_tiles.c.log_no == log_no)
        .group_by(ledger_tiles.c.level)
    )
    for level, last in await connection.execute(statement):
        if not 0 <= level < len(counts) or last >= counts[level]:
            return level, last
    return None


async def below_zero(connection: AsyncConnection, log_no: int) -> Sequence[tuple[str, int]]:
    """What a log is said to have before its beginning: one of each kind, and where."""
    parts = {
        "entry": (ledger_entries, ledger_entries.c.idx),
        "tile": (ledger_tiles, ledger_tiles.c.number),
        "size": (ledger_trees, ledger_trees.c.size),
    }
    statement = union_all(
        *(
            select(literal(what).label("what"), func.min(place).label("place")).where(
                table.c.log_no == log_no, place < 0
            )
            for what, (table, place) in parts.items()
        )
    )
    rows = await connection.execute(statement)
    return [(row.what, row.place) for row in rows if row.place is not None]


async def committed(
    connection: AsyncConnection, ids: Sequence[UUID]
) -> Mapping[UUID, CommittedRow]:
    """What these decisions committed to, erased ones too; those not there are left out."""
    statement = union_all(
        select(
            decisions.c.id, decisions.c.commitment, decisions.c.recorded_at, KIND.label("kind")
        ).where(decisions.c.id.in_(ids)),
        select(
            erased_decisions.c.id,
            erased_decisions.c.commitment,
            erased_decisions.c.recorded_at,
            erased_decisions.c.kind,
        ).where(erased_decisions.c.id.in_(ids)),
    )
    return {
        row.id: CommittedRow(commitment=row.commitment, recorded_at=row.recorded_at, kind=row.kind)
        for row in await connection.execute(statement)
    }


async def first_time(connection: AsyncConnection, kinds: Sequence[str]) -> Instant | None:
    """When the logs first said something of these kinds, as the entry itself has it."""
    leaf = await connection.scalar(
        select(ledger_entries.c.leaf)
        .where(ledger_entries.c.kind.in_(kinds))
        .order_by(ledger_entries.c.log_no, ledger_entries.c.idx)
        .limit(1)
    )
    return None if leaf is None else Instant(msgspec.json.decode(leaf, type=_Timed).time)


async def catalogue_times(connection: AsyncConnection) -> Mapping[bytes, Instant]:
    """When each version was applied, by its digest."""
    rows = await connection.execute(select(catalogues.c.digest, catalogues.c.applied_at))
    return {row.digest: row.applied_at for row in rows}


async def stray_logs(connection: AsyncConnection) -> Sequence[tuple[str, int]]:
    """Logs that something is said to be of, and that are not there: what, and the number."""
    parts = {
        "entries": ledger_entries,
        "tiles": ledger_tiles,
        "sizes": ledger_trees,
        "checkpoints": ledger_checkpoints,
    }
    there = select(ledger_logs.c.log_no)
    statement = union_all(
        *(
            select(literal(what).label("what"), table.c.log_no)
            .where(table.c.log_no.not_in(there))
            .distinct()
            for what, table in parts.items()
        )
    )
    return [(row.what, row.log_no) for row in await connection.execute(statement)]


async def unlogged(
    connection: AsyncConnection, after: UUID, *, limit: int
) -> tuple[Sequence[UUID], UUID | None]:
    """Of a page of what logs are to speak of, what is in none nor staged, and where it ends."""
    every = union_all(
        select(decisions.c.id).where(decisions.c.id > after),
        select(entry_bodies.c.event_id).where(entry_bodies.c.event_id > after),
    ).subquery()
    page = select(every.c.id).order_by(every.c.id).limit(limit).subquery()
    in_log = exists().where(ledger_entries.c.event_id == page.c.id)
    is_staged = exists().where(staged_entries.c.event_id == page.c.id)
    statement = select(page.c.id, ~in_log & ~is_staged).order_by(page.c.id)
    rows = (await connection.execute(statement)).all()
    return [id_ for id_, is_missing in rows if is_missing], rows[-1][0] if rows else None


async def staged_after(connection: AsyncConnection, seq: int, *, limit: int) -> Sequence[StagedRow]:
    """What waits, beyond a place in the queue."""
    statement = (
        select(
            staged_entries.c.seq,
            staged_entries.c.event_id,
            staged_entries.c.kind,
            staged_entries.c.leaf,
        )
        .where(staged_entries.c.seq > seq)
        .order_by(staged_entries.c.seq)
        .limit(limit)
    )
    return [
        StagedRow(seq=row.seq, event_id=row.event_id, kind=row.kind, leaf=row.leaf)
        for row in await connection.execute(statement)
    ]


async def entry_count(connection: AsyncConnection) -> int:
    """How many entries all logs have."""
    return (await connection.execute(select(func.count()).select_from(ledger_entries))).scalar_one()
