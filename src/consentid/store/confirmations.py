"""How far each system has confirmed what it was told: one by one, or all up to a place.

A mark says that by a way all events up to one have arrived: whoever comes back to the feed with a
cursor leaves one, a connector leaves its own, and a system may call back.  What is called back
counts by whichever way the events went.  A webhook that was taken is a settled delivery, no mark.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.arrays import fetch, transposed
from consentid.store.tables import InstantType

FEED: Final = "feed"
CALLED_BACK: Final = "call"
"""No way of its own."""

_MARK: Final = """
INSERT INTO event_marks (stream_no, way, seq, at)
SELECT stream_no, $1, least(given.seq, head), clock_timestamp()
FROM unnest($2::int[], $3::bigint[]) AS given (stream_no, seq)
JOIN event_streams USING (stream_no)
WHERE NOT EXISTS (
  SELECT FROM event_marks AS kept
  WHERE kept.stream_no = given.stream_no AND kept.way = $1
    AND kept.seq >= least(given.seq, head)
)
ON CONFLICT DO NOTHING
"""


async def mark(connection: AsyncConnection, way: str, upto: Mapping[int, int]) -> None:
    """By a way, all events of some streams up to a place have arrived; a step back is none."""
    await fetch(connection, _MARK, way, *transposed(upto.items(), width=2))


_CONFIRM: Final = """
WITH known AS (
  SELECT seq, id FROM events WHERE stream_no = $1 AND id = ANY ($2::text[])
), new AS (
  INSERT INTO event_confirmations (stream_no, seq, at)
  SELECT $1, seq, clock_timestamp() FROM known ON CONFLICT DO NOTHING
)
SELECT id FROM known
"""


async def confirm(connection: AsyncConnection, stream_no: int, ids: Sequence[str]) -> set[str]:
    """Some events have arrived, and not all before them; which of them there are."""
    return {row["id"] for row in await fetch(connection, _CONFIRM, stream_no, list(ids))}


_THIN: Final = text(
    """
    DELETE FROM event_marks AS kept
    WHERE at < :now - interval '1 hour' AND at > :now - interval '3 hours'
      AND EXISTS (
        SELECT FROM event_marks AS later
        WHERE (later.stream_no, later.way) = (kept.stream_no, kept.way) AND later.seq > kept.seq
          AND date_trunc('minute', later.at) = date_trunc('minute', kept.at)
      ) AND EXISTS (
        SELECT FROM event_marks AS first
        WHERE (first.stream_no, first.way) = (kept.stream_no, kept.way) AND first.seq < kept.seq
      )
    """
).bindparams(bindparam("now", type_=InstantType))
_FORGET: Final = (
    text(
        """
        DELETE FROM event_marks AS kept
        WHERE at < :before AND EXISTS (
          SELECT FROM event_marks AS later
          WHERE (later.stream_no, later.way) = (kept.stream_no, kept.way) AND later.seq > kept.seq
        ) AND EXISTS (
          SELECT FROM event_marks AS first
          WHERE (first.stream_no, first.way) = (kept.stream_no, kept.way) AND first.seq < kept.seq
        )
        """
    ),
    text("DELETE FROM event_confirmations WHERE at < :before"),
    text(
        """
        DELETE FROM event_marks AS kept WHERE :before < now() AND NOT EXISTS (
          SELECT FROM event_streams AS open WHERE open.stream_no = kept.stream_no
        )
        """
    ),
)


async def forget(connection: AsyncConnection, *, before: Instant, now: Instant) -> int:
    """Remove what was confirmed before an instant, and marks of streams that were closed.

    The first mark of a way stays, since it says from where on the system hears, and the last.
    Of an hour ago one mark a minute is enough.
    """
    gone = (await connection.execute(_THIN, {"now": now})).rowcount
    for statement in _FORGET:
        bound = statement.bindparams(bindparam("before", type_=InstantType))
        gone += (await connection.execute(bound, {"before": before})).rowcount
    return gone
