"""Each receiver's own sequence of events, in which no number is left out.

A stream belongs to a client.  One that is closed is not opened again: the next has another number,
so a cursor into the old one is told from a place in the new.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.client import Scope
from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant, from_datetime, to_datetime
from consentid.store.arrays import fetch, transposed, unnest
from consentid.store.tables import InstantType, clients, event_streams, events


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A client's stream, and the number of its last event."""

    stream_no: int
    client_id: str
    head: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event at its place."""

    stream_no: int
    seq: int
    id: str
    kind: str
    subject: SubjectId | None
    lane: int
    sealed: bytes
    at: Instant
    narrows: bool
    """Whether it takes something away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event as it lies there, and the key of its subject."""

    seq: int
    id: str
    kind: str
    subject: SubjectId | None
    sealed: bytes
    wrapped_key: bytes | None
    """None where it is about nobody, and where its subject was erased."""
    at: Instant


_COLUMNS: Final = (event_streams.c.stream_no, event_streams.c.client_id, event_streams.c.head)


async def lock_streams(connection: AsyncConnection) -> list[Stream]:
    """The streams of all who may read events; those of others are closed.

    Nobody else adds to a stream until the transaction ends.
    """
    entitled = select(clients.c.client_id).where(
        clients.c.disabled_at.is_(None), clients.c.scopes.contains([Scope.EVENTS_READ])
    )
    await connection.execute(
        delete(event_streams).where(event_streams.c.client_id.not_in(entitled))
    )
    rows = await connection.execute(
        select(*_COLUMNS).order_by(event_streams.c.stream_no).with_for_update()
    )
    return [Stream(stream_no=no, client_id=client, head=head) for no, client, head in rows]


async def find_stream(connection: AsyncConnection, client_id: str) -> Stream | None:
    """A client's stream."""
    found = await connection.execute(
        select(*_COLUMNS).where(event_streams.c.client_id == client_id)
    )
    row = found.one_or_none()
    return None if row is None else Stream(stream_no=row[0], client_id=row[1], head=row[2])


async def open_stream(connection: AsyncConnection, client_id: str, *, at: Instant) -> None:
    """Begin a client's stream, unless it has one."""
    await connection.execute(
        insert(event_streams)
        .values(client_id=client_id, head=0, opened_at=at)
        .on_conflict_do_nothing()
    )


async def oldest_kept(connection: AsyncConnection, stream: Stream) -> int:
    """The number of the oldest event still there; of the next one, where none is."""
    oldest = await connection.scalar(
        select(func.min(events.c.seq)).where(events.c.stream_no == stream.stream_no)
    )
    return stream.head + 1 if oldest is None else oldest


_EVENT_COLUMNS: Final = (
    *("stream_no", "seq", "id", "kind", "subject_id", "lane", "sealed", "at", "narrows"),
)
_ADD: Final = (
    f"INSERT INTO events ({', '.join(_EVENT_COLUMNS)})"  # noqa: S608 - nothing but our own names
    f" SELECT * FROM {unnest(events, _EVENT_COLUMNS, first=1)}"
)


async def add(
    connection: AsyncConnection, new: Sequence[NewEvent], heads: Mapping[int, int]
) -> None:
    """Add events, and note how far each stream has come.  The caller holds the streams."""
    rows = [
        (
            *(each.stream_no, each.seq, each.id, each.kind, each.subject, each.lane, each.sealed),
            *(to_datetime(each.at), each.narrows),
        )
        for each in new
    ]
    await fetch(connection, _ADD, *transposed(rows, width=len(_EVENT_COLUMNS)))
    for stream_no, head in heads.items():
        await connection.execute(
            update(event_streams).where(event_streams.c.stream_no == stream_no).values(head=head)
        )


_PAGE: Final = """
SELECT seq, events.id, events.kind, subject_id, sealed, wrapped, at
FROM (
  SELECT * FROM events
  WHERE stream_no = $1 AND seq > $2 ORDER BY seq LIMIT $3
) AS events
LEFT JOIN (
  SELECT subject_id, wrapped FROM subject_keys
  JOIN subjects ON subjects.id = subject_keys.subject_id AND erased_at IS NULL
) AS keys USING (subject_id)
ORDER BY seq
"""


async def page(
    connection: AsyncConnection, stream_no: int, *, after: int, most: int
) -> list[EventRow]:
    """What follows a place in a stream."""
    return [
        EventRow(
            seq=row["seq"],
            id=row["id"],
            kind=row["kind"],
            subject=row["subject_id"],
            sealed=row["sealed"],
            wrapped_key=row["wrapped"],
            at=from_datetime(row["at"]),
        )
        for row in await fetch(connection, _PAGE, stream_no, after, most)
    ]


_FORGET_OLD: Final = text(
    """
    WITH gone AS (
      DELETE FROM events USING (
        SELECT stream_no, max(seq) AS seq FROM events WHERE at < :before GROUP BY stream_no
      ) AS past
      WHERE events.stream_no = past.stream_no AND events.seq <= past.seq
      RETURNING events.stream_no, subject_id, at
    ), told AS (
      INSERT INTO reads (subject_id, hour, client_id, kind, times)
      SELECT subject_id, date_trunc('hour', at, 'UTC'), client_id, 'event', count(*)
      FROM gone JOIN event_streams USING (stream_no)
      WHERE EXISTS (SELECT FROM subjects WHERE subjects.id = subject_id)
      GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
      ON CONFLICT (subject_id, hour, client_id, kind)
      DO UPDATE SET times = reads.times + excluded.times
    )
    SELECT count(*) FROM gone
    """
).bindparams(bindparam("before", type_=InstantType))
"""From the beginning, even where a clock was set back: what is left has no gap.

Who was told something of a person is shown to them longer than the events are kept.
"""
_FORGET_CLOSED: Final = text(
    """
    WITH RECURSIVE there AS (
      SELECT min(stream_no) AS stream_no FROM events
      UNION ALL
      SELECT (SELECT min(stream_no) FROM events WHERE stream_no > there.stream_no)
      FROM there WHERE stream_no IS NOT NULL
    )
    DELETE FROM events WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM events
      WHERE stream_no IN (
        SELECT stream_no FROM there WHERE NOT EXISTS (
          SELECT FROM event_streams AS open WHERE open.stream_no = there.stream_no
        )
      )
      LIMIT 10000
    ))
    """
)


async def forget(connection: AsyncConnection, *, before: Instant) -> int:
    """Remove events older than an instant, and those of streams that were closed."""
    old = await connection.execute(_FORGET_OLD, {"before": before})
    forgotten: int = old.scalar_one()
    closed = await connection.execute(_FORGET_CLOSED)
    return forgotten + closed.rowcount
