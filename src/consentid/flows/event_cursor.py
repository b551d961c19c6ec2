"""Where a consumer is in its stream: a sealed reference, good for that consumer alone."""

from dataclasses import dataclass

import msgspec

from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.kit.errors import BadCursorError, GoneError, MalformedError
from consentid.store import clock, feed
from consentid.store.feed import Stream


class _Place(msgspec.Struct, frozen=True, array_like=True):
    stream_no: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A consumer's stream, and the last event that it has."""

    stream: Stream
    seq: int


async def stream_of(context: Context, caller: Caller) -> Stream:
    """A caller's stream, begun now where it has none.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    return await stream_of_client(context, caller.client.client_id)


async def stream_of_client(context: Context, client_id: str) -> Stream:
    """A client's stream, begun now where it has none.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.glancing() as connection:
        found = await feed.find_stream(connection, client_id)
    if found is not None:
        return found
    async with context.database.writing() as connection:
        await feed.open_stream(connection, client_id, at=await clock.now(connection))
        found = await feed.find_stream(connection, client_id)
    if found is None:
        msg = "a stream that was opened in this transaction is not there"
        raise RuntimeError(msg)
    return found


async def find_start(context: Context, caller: Caller, unverified: str | None) -> Position:
    """Where to go on; before the oldest event that is kept, where no cursor says.

    Raises:
        BadCursorError: it is another consumer's, or of a place that there is not yet.
        GoneError: what came after it is kept no more.
        UnavailableError: the database cannot be reached.
    """
    stream = await stream_of(context, caller)
    async with context.database.glancing() as connection:
        oldest = await feed.oldest_kept(connection, stream)
    if unverified is None:
        return Position(stream=stream, seq=oldest - 1)
    try:
        place = open_reference(
            context, ReferenceKind.EVENTS, unverified, holder=stream.client_id, into=_Place
        )
    except MalformedError as error:
        raise BadCursorError(
            "bad_cursor",
            "This is no cursor that this client was given: send it as you received it.",
            where="after",
        ) from error
    return position_at(stream, stream_no=place.stream_no, seq=place.seq, oldest=oldest)


def position_at(stream: Stream, *, stream_no: int, seq: int, oldest: int) -> Position:
    """A place that somebody kept, in what is there now.

    Raises:
        BadCursorError: there is no such place yet.
        GoneError: what came after it is kept no more.
    """
    if stream_no > stream.stream_no or (stream_no == stream.stream_no and seq > stream.head):
        raise BadCursorError(
            "cursor_ahead",
            "This cursor is ahead of all events, as after the database was restored: "
            "begin again with /v1/events/snapshot.",
            where="after",
        )
    if stream_no < stream.stream_no or seq < oldest - 1:
        raise GoneError(
            "cursor_expired",
            "What followed this cursor is kept no more: begin again with /v1/events/snapshot, "
            "and go on from its cursor.",
            where="after",
        )
    return Position(stream=stream, seq=seq)


def cursor_of(context: Context, stream: Stream, seq: int) -> str:
    """The cursor of whoever has read up to a place."""
    place = _Place(stream_no=stream.stream_no, seq=seq)
    return seal_reference(context, ReferenceKind.EVENTS, holder=stream.client_id, content=place)
