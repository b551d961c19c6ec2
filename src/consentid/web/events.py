"""``/v1/events``: each receiver's own feed, as JSON and as server-sent events, and its snapshot.

Spec: CloudEvents 1.0 (structured mode), RFC 7240 section 4.3 (``Prefer: wait``), HTML section 9.2.
"""

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final, TypeAlias, cast

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, QueryParameter
from litestar.response.streaming import ASGIStreamingResponse
from msgspec import Raw

from consentid.brandbook.client import Scope
from consentid.events import asyncapi
from consentid.events.contract import Event, Kind
from consentid.events.filters import Filters
from consentid.flows.authenticate import Caller, authenticate
from consentid.flows.context import Context
from consentid.flows.event_cursor import Position, cursor_of, find_start
from consentid.flows.event_watch import EventWatch
from consentid.flows.note_position import note_position
from consentid.flows.read_events import (
    MOST,
    EventPage,
    follow_events,
    next_cursor,
    read_events,
)
from consentid.flows.show_standings import MOST as MOST_PEOPLE
from consentid.flows.show_standings import SnapshotOut, show_standings
from consentid.kit.errors import ConsentidError, MalformedError
from consentid.web.guards import QUERY, SCOPE, bearer_guard, read_bearer
from consentid.web.responses import DOCUMENT_PROBLEMS, FEED_PROBLEMS
from consentid.web.sending import EVENT_STREAM, PatientStream
from consentid.web.waiting import listening, wanted_wait_s
from consentid.web.words import MAX_REFERENCE, REFERENCE

PATH: Final = "/v1/events"
SCHEMA_PATH: Final = "/schema/events"
_HEADERS: Final = {"Cache-Control": "no-store", "Vary": "Prefer"}
_FILTERS: Final = frozenset({"brand", "purpose", "kind"})
_RETRY: Final = b"retry: 2000\n\n"
_SLUGS: Final = r"^[a-z0-9._:-]+(,[a-z0-9._:-]+)*$"
_STREAM_DESCRIPTION: Final = """\
The same events as `/v1/events`, as they come. Each `id` is a cursor: reconnect with the last one as
`Last-Event-ID`, or pass it as `after` there. An `id` alone is a sign of life, every ten seconds.
The stream ends with the access token: get another, and go on where it ended.
"""

_Reference: TypeAlias = Annotated[
    str | None, QueryParameter(min_length=1, max_length=MAX_REFERENCE, pattern=REFERENCE)
]
_Several: TypeAlias = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=512, pattern=_SLUGS, description="By commas."),
]


class EventsOut(msgspec.Struct, frozen=True, kw_only=True):
    """Events in their order, and where to go on."""

    events: list[Event]
    next: str
    """Pass it as `after`: once all that came with it is done."""
    more: bool
    """Whether more is there already."""


@get(
    PATH,
    guards=[bearer_guard],
    opt={SCOPE: Scope.EVENTS_READ, QUERY: frozenset({"after", "limit"}) | _FILTERS},
    tags=["Events"],
    summary="What changed, in order",
    description=(
        "What follows a cursor, or all that is kept. With `Prefer: wait=25` what would be "
        "empty comes as soon as something does, or after so many seconds. A cursor is good for its "
        "client alone; 410 says that what followed it is kept no more: begin again with "
        "`/v1/events/snapshot`. The events are described at `/schema/events`."
    ),
    responses=FEED_PROBLEMS,
)
async def get_events(  # noqa: PLR0917 - what the framework hands in
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    arriving: NamedDependency[EventWatch],
    caller: NamedDependency[Caller],
    after: _Reference = None,
    brand: _Several = None,
    purpose: _Several = None,
    kind: _Several = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST)] = 200,
    prefer: Annotated[str | None, HeaderParameter(name="Prefer", max_length=256)] = None,
) -> Response[EventsOut]:
    """Answer now, or when there is something new."""
    filters = _filters(brand, purpose, kind)
    start = await _start(context, caller, after)
    with listening(request) as gone:
        page = await read_events(
            context,
            arriving,
            start,
            filters=filters,
            limit=limit,
            wait_s=wanted_wait_s(prefer),
            gone=gone,
        )
    out = EventsOut(
        events=cast("list[Event]", [Raw(each.body) for each in page.events]),
        next=next_cursor(context, page),
        more=not page.is_last,
    )
    return Response(out, headers=_HEADERS)


@get(
    f"{PATH}/stream",
    guards=[bearer_guard],
    opt={SCOPE: Scope.EVENTS_READ, QUERY: frozenset({"after"}) | _FILTERS},
    tags=["Events"],
    summary="What changed, as it comes",
    description=_STREAM_DESCRIPTION,
    media_type=EVENT_STREAM,
    responses={
        **FEED_PROBLEMS,
        200: ResponseSpec(
            str, media_type=EVENT_STREAM, description="Events.", generate_examples=False
        ),
    },
)
async def get_event_stream(  # noqa: PLR0917 - what the framework hands in
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    arriving: NamedDependency[EventWatch],
    caller: NamedDependency[Caller],
    after: _Reference = None,
    brand: _Several = None,
    purpose: _Several = None,
    kind: _Several = None,
    last_event_id: Annotated[
        str | None, HeaderParameter(name="Last-Event-ID", max_length=MAX_REFERENCE)
    ] = None,
) -> ASGIStreamingResponse:
    """Tell it as long as somebody listens."""
    filters = _filters(brand, purpose, kind)
    start = await _start(context, caller, last_event_id or after)

    async def renew() -> Caller:
        found = await authenticate(context, read_bearer(request))
        found.require(Scope.EVENTS_READ)
        return found

    pages = follow_events(context, arriving, start, filters=filters, renew=renew)
    return PatientStream(_told(context, pages))


@get(
    f"{PATH}/snapshot",
    guards=[bearer_guard],
    opt={SCOPE: Scope.EVENTS_READ, QUERY: frozenset({"page", "limit"})},
    tags=["Events"],
    summary="What holds of everybody now",
    description=(
        "Everybody whom the caller's brand or partner has met, page by page, and the cursor to go "
        "on from in `/v1/events` afterwards. Nothing falls between: an event whose `revision` is "
        "below the one that you hold is older than the snapshot."
    ),
    responses=FEED_PROBLEMS,
)
async def get_event_snapshot(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    page: _Reference = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST_PEOPLE)] = 200,
) -> Response[SnapshotOut]:
    """A page of it."""
    found = await show_standings(context, caller, page=page, limit=limit)
    return Response(found, headers=_HEADERS)


@get(
    SCHEMA_PATH,
    tags=["Events"],
    summary="The events, as AsyncAPI 3.0",
    security=[{}],
    responses=DOCUMENT_PROBLEMS,
)
async def get_event_schema(context: NamedDependency[Context]) -> Response[dict[str, Any]]:
    """Made from what the events are made of."""
    async with context.database.glancing() as connection:
        issuer = (await context.book(connection)).group.issuer
    return Response(asyncapi.document(issuer), headers={"Cache-Control": "public, max-age=300"})


async def _start(context: Context, caller: Caller, unverified: str | None) -> Position:
    """Where to go on; whoever comes with a cursor has what was before it."""
    start = await find_start(context, caller, unverified)
    if unverified is not None:
        note_position(context, start)
    return start


def _filters(brand: str | None, purpose: str | None, kind: str | None) -> Filters:
    found = Filters(brands=_parts(brand), purposes=_parts(purpose), kinds=_parts(kind))
    for each in found.kinds:
        if each not in set(Kind):
            known = ", ".join(sorted(Kind))
            raise MalformedError("unknown_kind", f"Events are of kind {known}.", where="kind")
    return found


def _parts(several: str | None) -> tuple[str, ...]:
    return () if several is None else tuple(several.split(","))


async def _told(context: Context, pages: AsyncGenerator[EventPage]) -> AsyncGenerator[bytes]:
    yield _RETRY
    try:
        async for page in pages:
            stream = page.position.stream
            told = [
                b"id: %s\nevent: %s\ndata: %s\n\n"
                % (
                    cursor_of(context, stream, each.seq).encode(),
                    Kind(each.kind).type.encode(),
                    each.body,
                )
                for each in page.events
            ]
            if not told or page.position.seq != page.events[-1].seq:
                told.append(b"id: %s\n\n" % next_cursor(context, page).encode())
            yield b"".join(told)
    except ConsentidError:
        return  # the token ended, or the stream was closed: whoever comes back is told
    finally:
        await pages.aclose()
