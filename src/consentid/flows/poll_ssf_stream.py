"""A receiver fetches the tokens of its stream, and says which it took and which it could not.

What waits is what would be sent: of one person one token at a time, until it is acknowledged, so
that nothing overtakes.  What a receiver could not take is a dead letter, as with a webhook.
Spec: RFC 8936 section 2.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.events.ssf import MOST_SETS, PollIn, PollOut
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.event_watch import EventWatch
from consentid.flows.manage_ssf_streams import find_ssf_stream
from consentid.flows.read_events import open_row
from consentid.flows.write_set import delivery_id_of, set_id_of, stated, write_set
from consentid.kit.errors import ConflictError
from consentid.store import clock, deliveries, delivery_queue, feed
from consentid.store.deliveries import DEAD, DELIVERED, LEFT_OUT, Settled
from consentid.store.feed import Stream
from consentid.store.webhooks import POLLED, Endpoint
from consentid.telemetry.tracing import step

_LOOK_AGAIN_S: Final = 2.0
"""How soon a notice of the stream itself is seen by whoever waits: it wakes nobody."""

_log: Final = logging.getLogger("consentid.webhooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetched:
    out: PollOut
    stream: Stream | None
    """The receiver's feed, as far as it had come."""
    has_queued: bool
    """Whether it came nearer to that: there may be more at once."""


@step("poll_ssf_stream")
async def poll_ssf_stream(
    context: Context,
    watch: EventWatch,
    caller: Caller,
    stream_id: str,
    asked: PollIn,
    *,
    wait_s: float,
    gone: "asyncio.Future[None]",
) -> PollOut:
    """Tokens that wait; where none do, those that come within ``wait_s``.

    Raises:
        ConflictError: this stream's tokens are sent.
        NotFoundError: the caller has no such stream.
        UnavailableError: the database cannot be reached.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    is_patient = asked.max_events > 0 and not asked.return_immediately
    fetched = await _fetch(context, caller, stream_id, asked)
    while is_patient and not fetched.out.sets and fetched.stream is not None:
        left_s = until - loop.time()
        if left_s <= 0 or gone.done():
            break
        if not fetched.has_queued:
            stream = fetched.stream
            with watch.waiting(stream.stream_no, seq=stream.head) as reader:
                if reader is None:
                    break
                await reader.wait(left_s=min(left_s, _LOOK_AGAIN_S), gone=gone)
        fetched = await _fetch(context, caller, stream_id, PollIn(max_events=asked.max_events))
    return fetched.out


async def _fetch(context: Context, caller: Caller, stream_id: str, asked: PollIn) -> _Fetched:
    async with context.database.writing() as connection:
        stream = await find_ssf_stream(connection, caller, stream_id, lock=True)
        endpoint = stream.endpoint
        if stream.method != POLLED:
            raise ConflictError("stream_is_pushed", "The tokens of this stream are sent.")
        await _settle(connection, endpoint, asked)
        feed_stream = await feed.find_stream(connection, endpoint.client_id)
        has_queued = await delivery_queue.queue(connection, polled=endpoint.no) > 0
        most = min(asked.max_events, MOST_SETS)
        sets = await _sets(context, connection, endpoint, most=most) if most else {}
        is_more = endpoint.disabled_at is None and await delivery_queue.is_more(
            connection, endpoint.no, beside=len(sets)
        )
    return _Fetched(
        out=PollOut(sets=sets, more_available=is_more), stream=feed_stream, has_queued=has_queued
    )


async def _settle(connection: AsyncConnection, endpoint: Endpoint, asked: PollIn) -> None:
    taken = {
        id_: "acknowledged"
        for jti in asked.ack
        if (id_ := delivery_id_of(endpoint, jti)) is not None
    }
    refused = {
        id_: each.err
        for jti, each in asked.set_errs.items()
        if (id_ := delivery_id_of(endpoint, jti)) is not None
    }
    await deliveries.settle_by_id(connection, endpoint.no, taken, state=DELIVERED)
    if await deliveries.settle_by_id(connection, endpoint.no, refused, state=DEAD):
        _log.warning("the receiver of stream %d could not take an event", endpoint.no)


async def _sets(
    context: Context, connection: AsyncConnection, endpoint: Endpoint, *, most: int
) -> dict[str, str]:
    """Tokens by their ids; what the stream does not tell is left out on the way."""
    issuer = (await context.book(connection)).group.issuer
    sets: dict[str, str] = {}
    keys: dict[SubjectId, bytes] = {}
    while not sets:
        found = await deliveries.due(connection, {endpoint.no: most})
        left_out: list[Settled] = []
        now = await clock.now(connection)
        for due in found:
            read = None
            if due.event is not None:
                read = open_row(
                    context, due.event, stream_no=due.stream_no, source=issuer, keys=keys
                )
            statement = stated(endpoint, due, read)
            if statement is None:
                is_gone = due.event is None and due.notice is None
                state, why = (DEAD, "expired") if is_gone else (LEFT_OUT, "filtered")
                left_out.append(due.settled(state, why, at=now))
                continue
            sets[set_id_of(endpoint, due.id)] = write_set(
                context, endpoint, due, statement, issuer=issuer, now_s=int(time.time())
            )
        await deliveries.settle(connection, left_out)
        if not left_out:
            break
    return sets
