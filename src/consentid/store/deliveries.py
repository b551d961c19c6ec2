"""What is to be sent to endpoints, and what came of it: a queue that becomes a log.

How something gets there: ``delivery_queue``.  Of one person's events one is under way at a time for
an endpoint: the first that waits.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant, to_datetime
from consentid.store.arrays import fetch, transposed, unnest
from consentid.store.feed import EventRow
from consentid.store.tables import InstantType, webhook_deliveries

PENDING: Final = "pending"
DELIVERED: Final = "delivered"
LEFT_OUT: Final = "left_out"
DEAD: Final = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A delivery that may be tried now."""

    endpoint_no: int
    stream_no: int
    seq: int
    lane: int
    attempts: int
    id: str
    event: EventRow | None
    """None where the event is kept no more, or it is a notice."""
    notice: bytes | None = None

    def settled(self, state: str, outcome: str, *, at: Instant) -> "Settled":
        """It ended without an attempt."""
        return Settled(
            endpoint_no=self.endpoint_no,
            stream_no=self.stream_no,
            seq=self.seq,
            state=state,
            attempts=self.attempts,
            due_at=at,
            outcome=outcome,
            took_ms=0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of one attempt."""

    endpoint_no: int
    stream_no: int
    seq: int
    state: str
    attempts: int
    due_at: Instant
    outcome: str
    took_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A delivery as the log shows it."""

    seq: int
    id: str
    state: str
    attempts: int
    queued_at: Instant
    due_at: Instant
    settled_at: Instant | None
    outcome: str | None
    took_ms: int | None
    latency_ms: int | None


_DUE: Final = text(
    """
    SELECT due.*, events.kind, events.subject_id, events.sealed, events.at, wrapped
    FROM unnest(CAST(:numbers AS int[]), CAST(:rooms AS int[])) AS free (number, room)
    JOIN (
      SELECT endpoint_no AS number, disabled_at, disabled_why FROM webhook_endpoints
    ) AS target USING (number)
    CROSS JOIN LATERAL (
      SELECT endpoint_no, stream_no, seq, lane, attempts, id, notice
      FROM webhook_deliveries AS waiting
      WHERE endpoint_no = free.number AND state = 'pending' AND due_at <= clock_timestamp()
        AND (disabled_at IS NULL OR disabled_why = 'operator' AND notice IS NOT NULL)
        AND NOT EXISTS (
          SELECT FROM webhook_deliveries AS earlier
          WHERE earlier.endpoint_no = free.number AND earlier.lane = waiting.lane
            AND earlier.state = 'pending'
            AND (earlier.stream_no, earlier.seq) < (waiting.stream_no, waiting.seq)
        )
      ORDER BY due_at LIMIT free.room
    ) AS due
    LEFT JOIN events USING (stream_no, seq)
    LEFT JOIN (
      SELECT subject_id, wrapped FROM subject_keys
      JOIN subjects ON subjects.id = subject_keys.subject_id AND erased_at IS NULL
    ) AS keys USING (subject_id)
    """
).columns(at=InstantType)


async def due(connection: AsyncConnection, rooms: Mapping[int, int]) -> list[Due]:
    """What may be tried now, for each endpoint at most so many, those due longest first."""
    rows = await connection.execute(
        _DUE, {"numbers": list(rooms.keys()), "rooms": list(rooms.values())}
    )
    return [
        Due(
            endpoint_no=row.endpoint_no,
            stream_no=row.stream_no,
            seq=row.seq,
            lane=row.lane,
            attempts=row.attempts,
            id=row.id,
            notice=row.notice,
            event=None
            if row.sealed is None
            else EventRow(
                seq=row.seq,
                id=row.id,
                kind=row.kind,
                subject=None if row.subject_id is None else SubjectId(row.subject_id),
                sealed=row.sealed,
                wrapped_key=row.wrapped,
                at=row.at,
            ),
        )
        for row in rows
    ]


_COLUMNS: Final = (
    *("endpoint_no", "stream_no", "seq", "state", "attempts", "due_at", "outcome", "took_ms"),
)
_SETTLE: Final = f"""
WITH settled AS (UPDATE webhook_deliveries AS kept SET
  state = given.state, attempts = given.attempts, due_at = given.due_at, outcome = given.outcome,
  took_ms = given.took_ms,
  settled_at = CASE WHEN given.state <> 'pending' THEN clock_timestamp() END,
  latency_ms = extract(epoch FROM clock_timestamp() - queued_at) * 1000
FROM {unnest(webhook_deliveries, _COLUMNS, first=1)}
WHERE kept.endpoint_no = given.endpoint_no AND kept.stream_no = given.stream_no
  AND kept.seq = given.seq AND kept.state = 'pending'
RETURNING kept.endpoint_no, kept.state)
UPDATE webhook_endpoints SET delivered_at = clock_timestamp()
WHERE endpoint_no IN (SELECT endpoint_no FROM settled WHERE state = 'delivered')
"""  # noqa: S608 - nothing but our own names


async def settle(connection: AsyncConnection, settled: Sequence[Settled]) -> None:
    """Keep what came of attempts."""
    rows = [
        (
            *(each.endpoint_no, each.stream_no, each.seq, each.state, each.attempts),
            *(to_datetime(each.due_at), each.outcome, each.took_ms),
        )
        for each in settled
    ]
    await fetch(connection, _SETTLE, *transposed(rows, width=len(_COLUMNS)))


async def settle_by_id(
    connection: AsyncConnection, endpoint_no: int, outcomes: Mapping[str, str], *, state: str
) -> int:
    """Keep what a receiver said of what it fetched and still waits; of how many it was."""
    found = await connection.execute(
        select(webhook_deliveries).where(
            webhook_deliveries.c.endpoint_no == endpoint_no,
            webhook_deliveries.c.state == PENDING,
            webhook_deliveries.c.id.in_(outcomes),
        )
    )
    settled = [
        Settled(
            endpoint_no=endpoint_no,
            stream_no=row.stream_no,
            seq=row.seq,
            state=state,
            attempts=row.attempts + 1,
            due_at=row.due_at,
            outcome=outcomes[row.id],
            took_ms=0,
        )
        for row in found
    ]
    await settle(connection, settled)
    return len(settled)


async def hasten(connection: AsyncConnection, endpoint_no: int, *, at: Instant) -> None:
    """Let what waits for its next attempt be due: what failed before says nothing any more."""
    await connection.execute(
        update(webhook_deliveries)
        .where(
            webhook_deliveries.c.endpoint_no == endpoint_no,
            webhook_deliveries.c.state == PENDING,
            webhook_deliveries.c.due_at > at,
        )
        .values(due_at=at)
    )


async def leave_out_pending(connection: AsyncConnection, endpoint_no: int, *, at: Instant) -> None:
    """Let what waits go untold: its receiver wants nothing of it."""
    await connection.execute(
        update(webhook_deliveries)
        .where(
            webhook_deliveries.c.endpoint_no == endpoint_no, webhook_deliveries.c.state == PENDING
        )
        .values(state=LEFT_OUT, outcome="disabled", settled_at=at)
    )


async def log(
    connection: AsyncConnection, endpoint_no: int, *, states: Collection[str], most: int
) -> Sequence[LogEntry]:
    """The newest deliveries of an endpoint in some states."""
    columns = [webhook_deliveries.c[name] for name in LogEntry.__slots__]
    rows = await connection.execute(
        select(*columns)
        .where(
            webhook_deliveries.c.endpoint_no == endpoint_no,
            webhook_deliveries.c.state.in_(states),
        )
        .order_by(webhook_deliveries.c.stream_no.desc(), webhook_deliveries.c.seq.desc())
        .limit(most)
    )
    return [LogEntry(**dict(row)) for row in rows.mappings()]


_SET_BACK: Final = text(
    """
    UPDATE webhook_deliveries SET due_at = CASE WHEN outcome IS NULL THEN :at
      ELSE greatest(:at, due_at - CAST(:by_us AS float8) * interval '1 microsecond') END
    WHERE state = 'pending' AND due_at > :at
    """
).bindparams(bindparam("at", type_=InstantType))


async def set_back(connection: AsyncConnection, *, at: Instant, by_us: int) -> None:
    """The clock was set back, perhaps: what was never tried is due, the rest so much earlier."""
    await connection.execute(_SET_BACK, {"at": at, "by_us": by_us})


async def redrive(connection: AsyncConnection, endpoint_no: int, *, at: Instant) -> int:
    """Try again what was given up; how many."""
    again = await connection.execute(
        update(webhook_deliveries)
        .where(webhook_deliveries.c.endpoint_no == endpoint_no, webhook_deliveries.c.state == DEAD)
        .values(state=PENDING, attempts=0, due_at=at, settled_at=None)
    )
    return again.rowcount


async def forget(connection: AsyncConnection, *, before: Instant) -> int:
    """Remove what was settled before an instant."""
    gone = await connection.execute(
        delete(webhook_deliveries).where(webhook_deliveries.c.settled_at < before)
    )
    return gone.rowcount
