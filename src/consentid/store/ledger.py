"""The log as it is kept: what is in it, every size it had, what was published."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import func, insert, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant, from_datetime, to_datetime
from consentid.store.arrays import fetch, parameters, transposed, unnest
from consentid.store.tables import (
    ledger_checkpoints,
    ledger_entries,
    ledger_logs,
    ledger_trees,
    staged_entries,
)

_ENTRY: Final = ("log_no", "idx", "event_id", "kind", "leaf")
_ADD_ENTRIES: Final = (
    f"INSERT INTO ledger_entries ({', '.join(_ENTRY)})"  # noqa: S608 - names of ours
    f" SELECT * FROM {unnest(ledger_entries, _ENTRY, first=1)}"
)
_TREE: Final = ("log_no", "size", "previous_size", "root", "integrated_at")
_ADD_TREE: Final = (
    f"INSERT INTO ledger_trees ({', '.join(_TREE)})"  # noqa: S608 - names of ours
    f" VALUES ({parameters(ledger_trees, _TREE, first=1)}) ON CONFLICT DO NOTHING RETURNING size"
)
_NEWEST_PUBLISHED: Final = """
SELECT log.log_no, log.origin, log.key, log.continues, log.opened_at, published.size, published.note
FROM ledger_logs AS log JOIN ledger_checkpoints AS published USING (log_no)
WHERE log.log_no = (SELECT max(log_no) FROM ledger_logs)
ORDER BY published.size DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One log.  There is more than one where one had to be continued under another name."""

    log_no: int
    origin: str
    key: str
    """The public key that signs its checkpoints, as C2SP writes it."""
    continues: str | None
    """The last checkpoint of the log that this one continues, as it was signed."""
    opened_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """One entry."""

    event_id: UUID
    kind: str
    leaf: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRow:
    """A size that a log had, and its root."""

    size: int
    previous_size: int | None
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """A checkpoint that was published."""

    size: int
    note: str


async def every_log(connection: AsyncConnection) -> Sequence[LogRow]:
    """All logs, the one that grows last."""
    rows = await connection.execute(select(ledger_logs).order_by(ledger_logs.c.log_no))
    return [
        LogRow(
            log_no=row.log_no,
            origin=row.origin,
            key=row.key,
            continues=row.continues,
            opened_at=row.opened_at,
        )
        for row in rows
    ]


async def newest_log(connection: AsyncConnection) -> LogRow | None:
    """The log that grows, if there is one yet."""
    logs = await every_log(connection)
    return logs[-1] if logs else None


async def add_log(connection: AsyncConnection, log: LogRow) -> None:
    """Begin a log."""
    await connection.execute(
        insert(ledger_logs).values(
            log_no=log.log_no,
            origin=log.origin,
            key=log.key,
            continues=log.continues,
            opened_at=log.opened_at,
        )
    )


async def add_entries(
    connection: AsyncConnection, log_no: int, entries: Sequence[EntryRow], *, first: int
) -> None:
    """Add entries, the first of them at an index."""
    rows = (
        (log_no, first + place, entry.event_id, entry.kind, entry.leaf)
        for place, entry in enumerate(entries)
    )
    await fetch(connection, _ADD_ENTRIES, *transposed(rows, width=len(_ENTRY)))


async def add_tree(connection: AsyncConnection, log_no: int, tree: TreeRow, *, at: Instant) -> bool:
    """Have the log grow from its size to another; False where it grew otherwise meanwhile."""
    row = (log_no, tree.size, tree.previous_size, tree.root, to_datetime(at))
    return bool(await fetch(connection, _ADD_TREE, *row))


async def newest_tree(connection: AsyncConnection, log_no: int) -> TreeRow | None:
    """How large a log is."""
    statement = (
        select(ledger_trees)
        .where(ledger_trees.c.log_no == log_no)
        .order_by(ledger_trees.c.size.desc())
        .limit(1)
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    return TreeRow(size=row.size, previous_size=row.previous_size, root=row.root)


async def newest_checkpoint(connection: AsyncConnection, log_no: int) -> PublishedRow | None:
    """What was published last."""
    statement = (
        select(ledger_checkpoints.c.size, ledger_checkpoints.c.note)
        .where(ledger_checkpoints.c.log_no == log_no)
        .order_by(ledger_checkpoints.c.size.desc())
        .limit(1)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else PublishedRow(size=row.size, note=row.note)


async def newest_published(connection: AsyncConnection) -> tuple[LogRow, PublishedRow] | None:
    """The log that grows, and what it published last; None where that is nothing."""
    rows = await fetch(connection, _NEWEST_PUBLISHED)
    if not rows:
        return None
    row = rows[0]
    log = LogRow(
        log_no=row["log_no"],
        origin=row["origin"],
        key=row["key"],
        continues=row["continues"],
        opened_at=from_datetime(row["opened_at"]),
    )
    return log, PublishedRow(size=row["size"], note=row["note"])


async def entries_from(
    connection: AsyncConnection, log_no: int, first: int, *, limit: int
) -> Sequence[tuple[int, EntryRow]]:
    """Entries with their indices, from one on."""
    statement = (
        select(ledger_entries)
        .where(ledger_entries.c.log_no == log_no, ledger_entries.c.idx >= first)
        .order_by(ledger_entries.c.idx)
        .limit(limit)
    )
    return [
        (row.idx, EntryRow(event_id=row.event_id, kind=row.kind, leaf=row.leaf))
        for row in await connection.execute(statement)
    ]


async def last_index(connection: AsyncConnection, log_no: int) -> int | None:
    """The index of a log's last entry."""
    statement = select(func.max(ledger_entries.c.idx)).where(ledger_entries.c.log_no == log_no)
    return await connection.scalar(statement)


_PLACE: Final = """
SELECT log_no, idx, size, note FROM ledger_entries LEFT JOIN LATERAL (
  SELECT size, note FROM ledger_checkpoints AS published
  WHERE published.log_no = ledger_entries.log_no ORDER BY size DESC LIMIT 1
) AS newest ON idx < size
WHERE event_id = $1
"""


async def find_place(
    connection: AsyncConnection, event_id: UUID
) -> tuple[int, int, PublishedRow | None] | None:
    """In which log an event is, at which index, and the newest checkpoint where that covers it."""
    for row in await fetch(connection, _PLACE, event_id):
        size = row["size"]
        published = None if size is None else PublishedRow(size=size, note=row["note"])
        return row["log_no"], row["idx"], published
    return None


_UNPUBLISHED: Final = """
SELECT given.id FROM unnest($1::uuid[]) WITH ORDINALITY AS given (id, place) WHERE NOT EXISTS (
  SELECT FROM ledger_entries AS entry WHERE entry.event_id = given.id AND EXISTS (
    SELECT FROM ledger_checkpoints AS published
    WHERE published.log_no = entry.log_no AND published.size > entry.idx
  )
) ORDER BY given.place
"""


async def unpublished(connection: AsyncConnection, event_ids: Sequence[UUID]) -> Sequence[UUID]:
    """Those of some events that no published checkpoint covers, in their order."""
    return [row["id"] for row in await fetch(connection, _UNPUBLISHED, list(event_ids))]


_KEY: Final = "kind = 'key'"  # as the index says it


async def lock_keys(connection: AsyncConnection) -> None:
    """Let one transaction at a time see which keys were noted last, and note others."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('consentid.keys'))"))


async def newest_keys(connection: AsyncConnection) -> bytes | None:
    """The newest leaf about keys, staged or not."""
    staged = select(staged_entries.c.leaf).order_by(staged_entries.c.seq.desc())
    logged = select(ledger_entries.c.leaf).order_by(
        ledger_entries.c.log_no.desc(), ledger_entries.c.idx.desc()
    )
    for statement in (staged, logged):
        leaf = await connection.scalar(statement.where(text(_KEY)).limit(1))
        if leaf is not None:
            return leaf
    return None


async def key_entries(connection: AsyncConnection) -> Sequence[UUID]:
    """The entries about keys, in the log or staged for it."""
    found: list[UUID] = []
    for table in (ledger_entries, staged_entries):
        found += await connection.scalars(select(table.c.event_id).where(text(_KEY)))
    return found


async def is_staged(connection: AsyncConnection, event_id: UUID) -> bool:
    """Whether an event waits to be integrated."""
    statement = select(staged_entries.c.seq).where(staged_entries.c.event_id == event_id)
    return await connection.scalar(statement) is not None


async def find_leaves(
    connection: AsyncConnection, event_ids: Collection[UUID]
) -> Mapping[UUID, bytes]:
    """The leaves of events, in a log or waiting for it."""
    statement = union_all(
        *(
            select(table.c.event_id, table.c.leaf).where(table.c.event_id.in_(event_ids))
            for table in (staged_entries, ledger_entries)
        )
    )
    return {row.event_id: row.leaf for row in await connection.execute(statement)}


async def find_catalogue(connection: AsyncConnection, digest: bytes) -> tuple[UUID, bytes] | None:
    """The event and the leaf that brought an applied version into the log."""
    statement = text(
        "SELECT event_id, leaf FROM ledger_entries WHERE kind = 'catalogue'"
        " AND position(convert_to(:commitment, 'UTF8') IN leaf) > 0"
    )
    row = (await connection.execute(statement, {"commitment": digest.hex()})).one_or_none()
    return None if row is None else (row.event_id, row.leaf)
