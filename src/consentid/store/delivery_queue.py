"""What becomes a delivery: events of the feed, in their order, and what a stream tells of itself.

Such a notice lies among the deliveries at a place where no event is.
"""

from typing import Final

from sqlalchemy import Integer, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import InstantType

QUEUED_AT_ONCE: Final = 500

_QUEUE: Final = text(
    """
    WITH held AS (
      SELECT endpoint_no, streams.stream_no,
        CASE WHEN endpoints.stream_no = streams.stream_no THEN queued_seq ELSE 0 END AS queued
      FROM webhook_endpoints AS endpoints
      JOIN event_streams AS streams USING (client_id)
      WHERE disabled_at IS NULL
        AND (endpoints.stream_no, queued_seq) IS DISTINCT FROM (streams.stream_no, streams.head)
        AND CASE WHEN CAST(:polled AS int) IS NULL THEN NOT EXISTS (
          SELECT FROM ssf_streams AS shared
          WHERE shared.endpoint_no = endpoints.endpoint_no AND method = 'poll'
        ) ELSE endpoints.endpoint_no = :polled END
      ORDER BY endpoint_no
      FOR NO KEY UPDATE OF endpoints
    ), new AS (
      SELECT endpoint_no, events.stream_no, seq, id, lane, at
      FROM held
      CROSS JOIN LATERAL (
        SELECT * FROM events WHERE events.stream_no = held.stream_no AND seq > queued
        ORDER BY seq LIMIT :most
      ) AS events
    ), added AS (
      INSERT INTO webhook_deliveries
        (endpoint_no, stream_no, seq, id, lane, state, attempts, queued_at, due_at)
      SELECT endpoint_no, stream_no, seq, id, lane, 'pending', 0, at, at FROM new
      ON CONFLICT DO NOTHING
    )
    UPDATE webhook_endpoints SET stream_no = upto.stream_no, queued_seq = upto.seq
    FROM (
      SELECT endpoint_no, stream_no, max(seq) AS seq FROM new GROUP BY endpoint_no, stream_no
    ) AS upto
    WHERE webhook_endpoints.endpoint_no = upto.endpoint_no
    """
)


async def queue(connection: AsyncConnection, *, polled: int | None = None) -> int:
    """Queue what has come into the streams of enabled endpoints; how many of these it concerned.

    ``polled``: one whose receiver is here to fetch it.  The others are those that are sent to.
    """
    given = {"most": QUEUED_AT_ONCE, "polled": polled}
    return (await connection.execute(_QUEUE, given)).rowcount


_IS_MORE: Final = text(
    """
    SELECT :beside < (
      SELECT count(*) FROM (
        SELECT FROM webhook_deliveries
        WHERE endpoint_no = :endpoint_no AND state = 'pending' LIMIT :beside + 1
      ) AS pending
    ) OR EXISTS (
      SELECT FROM webhook_endpoints AS endpoint
      JOIN event_streams AS streams USING (client_id)
      JOIN events ON events.stream_no = streams.stream_no AND events.seq > CASE
        WHEN endpoint.stream_no = streams.stream_no THEN queued_seq ELSE 0 END
      WHERE endpoint_no = :endpoint_no
    )
    """
).bindparams(bindparam("beside", type_=Integer), bindparam("endpoint_no", type_=Integer))


async def is_more(connection: AsyncConnection, endpoint_no: int, *, beside: int) -> bool:
    """Whether more waits than so many, in the queue or to be queued."""
    given = {"endpoint_no": endpoint_no, "beside": beside}
    return bool(await connection.scalar(_IS_MORE, given))


_ADD_NOTICE: Final = text(
    """
    INSERT INTO webhook_deliveries
      (endpoint_no, stream_no, seq, id, lane, state, attempts, queued_at, due_at, notice)
    SELECT :endpoint_no, 0, coalesce(max(seq), 0) + 1,
      replace(CAST(gen_random_uuid() AS text), '-', ''), 0, 'pending', 0, :at, :at, :notice
    FROM webhook_deliveries WHERE endpoint_no = :endpoint_no AND stream_no = 0
    """
).bindparams(bindparam("at", type_=InstantType))


async def add_notice(
    connection: AsyncConnection, endpoint_no: int, *, notice: bytes, at: Instant
) -> None:
    """Queue what a stream tells of itself.  The caller holds the stream."""
    given = {"endpoint_no": endpoint_no, "notice": notice, "at": at}
    await connection.execute(_ADD_NOTICE, given)


_REPLAY: Final = text(
    """
    INSERT INTO webhook_deliveries AS kept
      (endpoint_no, stream_no, seq, id, lane, state, attempts, queued_at, due_at)
    SELECT endpoint_no, events.stream_no, seq, id, lane, 'pending', 0, :at, :at
    FROM webhook_endpoints
    JOIN event_streams AS streams USING (client_id)
    JOIN events ON events.stream_no = streams.stream_no
    WHERE endpoint_no = :endpoint_no AND seq BETWEEN :first AND :last
    ON CONFLICT (endpoint_no, stream_no, seq) DO UPDATE SET
      state = 'pending', attempts = 0, queued_at = :at, due_at = :at, settled_at = NULL
    WHERE kept.state <> 'pending'
    """
).bindparams(bindparam("at", type_=InstantType))


async def replay(
    connection: AsyncConnection, endpoint_no: int, *, first: int, last: int, at: Instant
) -> int:
    """Send a range of the stream again, as far as it is kept; how many events."""
    given = {"endpoint_no": endpoint_no, "first": first, "last": last, "at": at}
    return (await connection.execute(_REPLAY, given)).rowcount
