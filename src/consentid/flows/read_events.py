"""A consumer reads on in its own sequence, and waits where it has come to the end."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from consentid.core.decision import SubjectId
from consentid.events.contract import ErasedData, ErasedEvent, sequence_of
from consentid.events.filters import Filters
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.event_cursor import Position, cursor_of
from consentid.flows.event_seal import open_event
from consentid.flows.event_watch import EventWatch
from consentid.keyring import wrapping
from consentid.kit.errors import GoneError
from consentid.kit.instants import DAY, Instant, to_rfc3339
from consentid.store import feed
from consentid.store.feed import EventRow
from consentid.telemetry.tracing import step

MOST: Final = 1_000
"""Events of one answer, and events that are looked at for it."""
HEARTBEAT_S: Final = 10.0
_AT_ONCE: Final = 100
"""Opened before somebody else is served."""
_encoder: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An event and its place."""

    seq: int
    id: str
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Some events, and where to go on."""

    events: Sequence[Read]
    position: Position
    """After all that was looked at, wanted or not."""
    is_last: bool
    """Whether nothing follows yet."""


@step("read_events")
async def read_events(
    context: Context,
    watch: EventWatch,
    position: Position,
    *,
    filters: Filters,
    limit: int,
    wait_s: float,
    gone: "asyncio.Future[None] | None" = None,
) -> EventPage:
    """What follows a position; where nothing does, what comes within ``wait_s``.

    Raises:
        GoneError: the stream was closed.
        UnavailableError: the database cannot be reached.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    while True:
        page = await read_page(context, position, filters, limit=limit)
        position, left_s = page.position, until - loop.time()
        if page.events or not page.is_last or left_s <= 0:
            return page
        if not await _is_more(watch, position, left_s=left_s, gone=gone):
            return page


async def follow_events(
    context: Context,
    watch: EventWatch,
    position: Position,
    *,
    filters: Filters,
    renew: Callable[[], Awaitable[Caller]],
) -> AsyncGenerator[EventPage]:
    """Page by page, as long as the process lives and the caller may read.

    A page without events is a sign of life, and says how far all has been looked at.

    Raises:
        UnauthenticatedError, ForbiddenError: the access token ended meanwhile.
        GoneError: the stream was closed.
    """
    loop = asyncio.get_running_loop()
    told_at = loop.time()
    while not watch.is_stopped:
        page = await read_page(context, position, filters, limit=MOST)
        position = page.position
        left_s = told_at + HEARTBEAT_S - loop.time()
        if page.events or left_s <= 0:
            await renew()
            yield page
            told_at = loop.time()
        elif page.is_last:
            await _is_more(watch, position, left_s=left_s, gone=None)


async def _is_more(
    watch: EventWatch,
    position: Position,
    *,
    left_s: float,
    gone: "asyncio.Future[None] | None",
) -> bool:
    """Whether something came before the time was over."""
    with watch.waiting(position.stream.stream_no, seq=position.seq) as reader:
        if reader is None:
            return False
        return await reader.wait(left_s=left_s, gone=gone) and not watch.is_stopped


async def read_page(
    context: Context, position: Position, filters: Filters, *, limit: int
) -> EventPage:
    """What there is after a position.

    Raises:
        GoneError: the stream was closed.
        UnavailableError: the database cannot be reached.
    """
    stream = position.stream
    most = limit if filters.is_empty else MOST
    async with context.database.glancing() as connection:
        source = (await context.book(connection)).group.issuer
        rows = await feed.page(connection, stream.stream_no, after=position.seq, most=most)
        if not rows and await feed.find_stream(connection, stream.client_id) is None:
            raise stream_closed()
    found: list[Read] = []
    keys: dict[SubjectId, bytes] = {}
    seq = position.seq
    for place, row in enumerate(rows):
        if len(found) == limit:
            break
        seq = row.seq
        read = open_row(context, row, stream_no=stream.stream_no, source=source, keys=keys)
        if filters.wants(read.kind, read.body):
            found.append(read)
        if place % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
    return EventPage(
        events=found,
        position=Position(stream=stream, seq=seq),
        is_last=len(rows) < most and (not rows or seq == rows[-1].seq),
    )


def stream_closed() -> GoneError:
    """Nobody may read it any more; who may again begins another."""
    return GoneError("cursor_expired", "This stream was closed: begin again.", where="after")


def open_row(
    context: Context,
    row: EventRow,
    *,
    stream_no: int,
    source: str,
    keys: dict[SubjectId, bytes],
) -> Read:
    """An event as it is told now; of who was erased its place alone."""
    if row.subject is not None and row.wrapped_key is None:
        erased = ErasedEvent(
            id=row.id,
            source=source,
            time=to_rfc3339(Instant(row.at - row.at % DAY)),
            sequence=sequence_of(row.seq),
            data=ErasedData(),
        )
        return Read(seq=row.seq, id=row.id, kind="erased", body=_encoder.encode(erased))
    key: bytes | None = None
    if row.subject is not None and row.wrapped_key is not None:
        key = keys.get(row.subject)
        if key is None:
            key = wrapping.unwrap(context.keyring.master, row.subject.bytes, row.wrapped_key)
            keys[row.subject] = key
    body = open_event(context, key, row.sealed, stream_no=stream_no, seq=row.seq)
    return Read(seq=row.seq, id=row.id, kind=row.kind, body=body)


def next_cursor(context: Context, page: EventPage) -> str:
    """Where to go on after a page."""
    return cursor_of(context, page.position.stream, page.position.seq)
