"""``/ssf``: receivers manage their Shared Signals streams, and fetch what waits in them.

Spec: OpenID Shared Signals Framework 1.0 sections 7.1 (metadata) and 8.1 (streams), RFC 8936.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from litestar import Request, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from consentid.brandbook.client import Scope
from consentid.events.ssf import (
    POLL,
    PUSH,
    PollIn,
    PollOut,
    StatusIn,
    StatusOut,
    StreamChangeIn,
    StreamIn,
    StreamOut,
    VerificationIn,
)
from consentid.flows.authenticate import Caller
from consentid.flows.change_ssf_status import (
    change_ssf_status,
    read_ssf_status,
    verify_ssf_stream,
)
from consentid.flows.context import Context
from consentid.flows.event_watch import EventWatch
from consentid.flows.manage_ssf_streams import (
    POLL_PATH,
    change_ssf_stream,
    create_ssf_stream,
    list_ssf_streams,
    read_ssf_stream,
    remove_ssf_stream,
)
from consentid.flows.poll_ssf_stream import poll_ssf_stream
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS, DOCUMENT_PROBLEMS, FOUND_PROBLEMS
from consentid.web.waiting import MOST_S, listening

METADATA_PATH: Final = "/.well-known/ssf-configuration"
_STREAMS: Final = "/ssf/streams"
_STATUS: Final = "/ssf/status"
_VERIFY: Final = "/ssf/verify"
_SPEC: Final = "1_0"
_OAUTH: Final = "urn:ietf:rfc:6749"
_TAGS: Final = ("Shared Signals",)
_NO_STORE: Final = {"Cache-Control": "no-store"}
_MANAGES: Final[dict[str, Any]] = {SCOPE: Scope.EVENTS_READ, QUERY: frozenset[str]()}
_NAMES: Final[dict[str, Any]] = {SCOPE: Scope.EVENTS_READ, QUERY: frozenset({"stream_id"})}
_PROBLEMS: Final = {**FOUND_PROBLEMS, **BODY_PROBLEMS}

_STREAM_ID: Final = QueryParameter(min_length=1, max_length=64)
_StreamId: TypeAlias = Annotated[str, _STREAM_ID]


class SsfMetadataOut(msgspec.Struct, frozen=True, kw_only=True):
    """What the transmitter does.  There is no address to add or remove a subject."""

    spec_version: str
    issuer: str
    jwks_uri: str
    delivery_methods_supported: list[str]
    configuration_endpoint: str
    status_endpoint: str
    verification_endpoint: str
    authorization_schemes: list[dict[str, str]]
    default_subjects: str
    """``ALL`` whom the receiver's brand or partner has met, and nobody beside them."""


@get(
    METADATA_PATH,
    tags=_TAGS,
    summary="Metadata of the transmitter",
    security=[{}],
    responses=DOCUMENT_PROBLEMS,
)
async def get_ssf_metadata(context: NamedDependency[Context]) -> Response[SsfMetadataOut]:
    """Where streams are made, and how their tokens come."""
    async with context.database.glancing() as connection:
        issuer = (await context.book(connection)).group.issuer
    base = issuer.rstrip("/")
    found = SsfMetadataOut(
        spec_version=_SPEC,
        issuer=issuer,
        jwks_uri=f"{base}/jwks.json",
        delivery_methods_supported=[PUSH, POLL],
        configuration_endpoint=f"{base}{_STREAMS}",
        status_endpoint=f"{base}{_STATUS}",
        verification_endpoint=f"{base}{_VERIFY}",
        authorization_schemes=[{"spec_urn": _OAUTH}],
        default_subjects="ALL",
    )
    return Response(found, headers={"Cache-Control": "public, max-age=300"})


@post(
    _STREAMS,
    guards=[bearer_guard],
    opt=_MANAGES,
    tags=_TAGS,
    summary="Make a stream",
    responses=_PROBLEMS,
)
async def post_ssf_stream(
    context: NamedDependency[Context], caller: NamedDependency[Caller], data: JSONBody[StreamIn]
) -> Response[StreamOut]:
    """It tells of what comes from now on: pushed, or polled where no delivery is named."""
    made = await create_ssf_stream(context, caller, data)
    return Response(made, status_code=HTTPStatus.CREATED, headers=_NO_STORE)


@get(
    _STREAMS,
    guards=[bearer_guard],
    opt=_NAMES,
    tags=_TAGS,
    summary="Read one's streams",
    responses=FOUND_PROBLEMS,
)
async def get_ssf_streams(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    stream_id: Annotated[str | None, _STREAM_ID] = None,
) -> Response[StreamOut | list[StreamOut]]:
    """The one that is named, or all of them as a list."""
    if stream_id is not None:
        return Response(await read_ssf_stream(context, caller, stream_id), headers=_NO_STORE)
    return Response(list(await list_ssf_streams(context, caller)), headers=_NO_STORE)


@patch(
    _STREAMS,
    guards=[bearer_guard],
    opt=_MANAGES,
    tags=_TAGS,
    summary="Change a stream",
    responses=_PROBLEMS,
)
async def patch_ssf_stream(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[StreamChangeIn],
) -> Response[StreamOut]:
    """What is named becomes another; the rest stays."""
    changed = await change_ssf_stream(context, caller, data, is_whole=False)
    return Response(changed, headers=_NO_STORE)


@put(
    _STREAMS,
    guards=[bearer_guard],
    opt=_MANAGES,
    tags=_TAGS,
    summary="Replace a stream",
    responses=_PROBLEMS,
)
async def put_ssf_stream(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[StreamChangeIn],
) -> Response[StreamOut]:
    """What is not named is taken back."""
    changed = await change_ssf_stream(context, caller, data, is_whole=True)
    return Response(changed, headers=_NO_STORE)


@delete(
    _STREAMS,
    guards=[bearer_guard],
    opt=_NAMES,
    tags=_TAGS,
    summary="Remove a stream",
    responses=FOUND_PROBLEMS,
)
async def delete_ssf_stream(
    context: NamedDependency[Context], caller: NamedDependency[Caller], stream_id: _StreamId
) -> None:
    """With all that waits in it."""
    await remove_ssf_stream(context, caller, stream_id)


@get(
    _STATUS,
    guards=[bearer_guard],
    opt=_NAMES,
    tags=_TAGS,
    summary="Read the status of a stream",
    responses=FOUND_PROBLEMS,
)
async def get_ssf_status(
    context: NamedDependency[Context], caller: NamedDependency[Caller], stream_id: _StreamId
) -> Response[StatusOut]:
    """``paused`` also where we stopped it: ``reason`` says so, and nothing is lost."""
    return Response(await read_ssf_status(context, caller, stream_id), headers=_NO_STORE)


@post(
    _STATUS,
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt=_MANAGES,
    tags=_TAGS,
    summary="Enable, pause or disable a stream",
    responses=_PROBLEMS,
)
async def post_ssf_status(
    context: NamedDependency[Context], caller: NamedDependency[Caller], data: JSONBody[StatusIn]
) -> Response[StatusOut]:
    """What happens in a pause is told after it; what happens while disabled is never told."""
    return Response(await change_ssf_status(context, caller, data), headers=_NO_STORE)


@post(
    _VERIFY,
    status_code=HTTPStatus.NO_CONTENT,
    guards=[bearer_guard],
    opt=_MANAGES,
    tags=_TAGS,
    summary="Ask for a verification event",
    responses=_PROBLEMS,
)
async def post_ssf_verification(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[VerificationIn],
) -> None:
    """It comes through the stream, with the ``state`` that was given."""
    await verify_ssf_stream(context, caller, data)


@post(
    f"{POLL_PATH}/{{stream_id:str}}",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt=_MANAGES,
    tags=_TAGS,
    summary="Fetch tokens, and acknowledge those that were taken",
    responses=_PROBLEMS,
)
async def post_ssf_poll(  # noqa: PLR0917 - what the framework hands in
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    arriving: NamedDependency[EventWatch],
    caller: NamedDependency[Caller],
    stream_id: Annotated[str, PathParameter(min_length=1, max_length=64)],
    data: JSONBody[PollIn],
) -> Response[PollOut]:
    """Waits half a minute for what comes, unless ``returnImmediately`` is set."""
    with listening(request) as gone:
        out = await poll_ssf_stream(
            context, arriving, caller, stream_id, data, wait_s=MOST_S, gone=gone
        )
    return Response(out, headers=_NO_STORE)


SSF_HANDLERS: Final = (
    get_ssf_metadata,
    post_ssf_stream,
    get_ssf_streams,
    patch_ssf_stream,
    put_ssf_stream,
    delete_ssf_stream,
    get_ssf_status,
    post_ssf_status,
    post_ssf_verification,
    post_ssf_poll,
)
