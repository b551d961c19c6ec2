"""``/v1/devices``, ``/v1/state``, ``/v1/history``: a subject, seen by one brand or partner."""

from http import HTTPStatus
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, JSONBody, QueryParameter
from msgspec import Meta

from consentid.brandbook.client import Scope
from consentid.cache.limits import Limit
from consentid.core.decision import SignalSource
from consentid.flows.authenticate import Caller, authenticate, hash_token
from consentid.flows.change_watch import ChangeWatch
from consentid.flows.context import Context
from consentid.flows.create_device import DeviceOut, create_device, find_page_client
from consentid.flows.follow_state import follow_state
from consentid.flows.history import HistoryOut, show_history
from consentid.flows.note_signals import note_signals
from consentid.flows.show_state import StateOut
from consentid.kit.errors import MalformedError
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.guards import (
    QUERY,
    SCOPE,
    bearer_guard,
    bearer_or_page_guard,
    find_caller,
    read_bearer,
    token_missing,
)
from consentid.web.requests import (
    IdempotencyKey,
    is_global_privacy_control,
    repeatable_of,
)
from consentid.web.responses import READ_PROBLEMS, WRITE_PROBLEMS
from consentid.web.validators import is_known
from consentid.web.waiting import listening, wanted_wait_s
from consentid.web.words import MAX_REFERENCE, REFERENCE

_DEVICES: Final = Limit(name="devices", most=6_000, window_s=60)
_PAGE_DEVICES: Final = Limit(name="page_devices", most=600, window_s=60)
"""Of one network: a provider may put many thousand phones behind one address."""
_MIN_PAGE_KEY: Final = 22
"""128 bits in base64url."""


ClientIdText: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")
]


class DeviceIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the device's choices are made."""

    client_id: ClientIdText | None = None
    """A page's public client, where its script has no access token yet."""

    origin: Annotated[str, Meta(max_length=255, pattern=r"^[\x21-\x7e]+$")] | None = None
    """A registered origin of the brand; the device is bound to it."""


@post(
    "/v1/devices",
    status_code=HTTPStatus.CREATED,
    guards=[bearer_or_page_guard],
    opt={SCOPE: Scope.DECISIONS_WRITE, QUERY: frozenset[str]()},
    tags=["Subjects"],
    summary="Make a device subject",
    security=[{"access_token": []}, {}],
    responses=WRITE_PROBLEMS,
)
async def post_device(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    data: JSONBody[DeviceIn],
    idempotency_key: IdempotencyKey,
) -> DeviceOut:
    """Make a device at its first explicit choice.  The credential is told this once.

    A page's script that has no access token yet says `client_id` instead; its Origin has to be
    registered for that client's brand or partner, and its key has to be a secret of its own.
    """
    caller = find_caller(request)
    if caller is None:
        caller = await _page_client(request, context, data, idempotency_key)
    elif data.client_id is not None:
        raise MalformedError(
            "client_id_needless", "The access token says which client it is.", where="client_id"
        )
    await context.limiter.check(_DEVICES, caller.client.client_id, now_s=wall_clock_s())
    return await create_device(
        context,
        caller,
        origin=_origin(request, data.origin),
        request=repeatable_of(request, context, caller, "devices", idempotency_key),
    )


async def _page_client(
    request: Request[Any, Any, Any], context: Context, data: DeviceIn, idempotency_key: str
) -> Caller:
    """The client of a page whose script has no access token yet.

    Raises:
        UnauthenticatedError: it does not say which.
        ForbiddenError: see ``find_page_client``.
        MalformedError: whoever guesses the key would be answered with the same device.
        RateLimitedError: too many from one network.
    """
    if data.client_id is None:
        raise token_missing()
    await context.limiter.check(_PAGE_DEVICES, network_of(request), now_s=wall_clock_s())
    caller = await find_page_client(
        context, unverified_client_id=data.client_id, origin=request.headers["origin"]
    )
    caller.require(Scope.DECISIONS_WRITE)
    if len(idempotency_key) < _MIN_PAGE_KEY:
        raise MalformedError(
            "idempotency_key_guessable",
            f"Without an access token the key is a secret: at least {_MIN_PAGE_KEY} random "
            "characters, such as a UUID.",
            where="Idempotency-Key",
        )
    return caller


def _origin(request: Request[Any, Any, Any], told: str | None) -> str | None:
    """Where the device is: what a browser says of itself outweighs what the body says.

    Raises:
        MalformedError: both are there and differ.
    """
    sent = request.headers.get("origin")
    if sent is not None and told is not None and sent != told:
        raise MalformedError(
            "origin_contradicted", "The Origin header names another origin.", where="origin"
        )
    return sent or told


@get(
    "/v1/state",
    guards=[bearer_guard],
    opt={SCOPE: Scope.DECISIONS_READ, QUERY: frozenset({"at_least"})},
    tags=["Subjects"],
    summary="What holds now, what may be asked, and why",
    description=(
        "The effective state per purpose for the token's subject at the caller's brand. With "
        "`If-None-Match` and `Prefer: wait=25` the answer comes as soon as the state is another "
        "than that, and is 304 where it still is the same after so many seconds (RFC 7240). It "
        "comes at once, without `Preference-Applied`, where too many wait already."
    ),
    responses={
        **READ_PROBLEMS,
        304: ResponseSpec(None, description="It still is what `If-None-Match` names."),
    },
)
async def get_state(  # noqa: PLR0917 - what the framework hands in
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    changes: NamedDependency[ChangeWatch],
    caller: NamedDependency[Caller],
    at_least: Annotated[
        str | None, QueryParameter(min_length=1, max_length=MAX_REFERENCE, pattern=REFERENCE)
    ] = None,
    prefer: Annotated[str | None, HeaderParameter(name="Prefer", max_length=256)] = None,
) -> Response[StateOut | None]:
    """Answer now, or when there is something new."""
    if is_global_privacy_control(request):
        await note_signals(context, caller, [SignalSource.GPC])
    wait_s = wanted_wait_s(prefer)

    async def renew() -> Caller:
        found = await authenticate(context, read_bearer(request))
        found.require(Scope.DECISIONS_READ)
        return found

    with listening(request) as gone:
        followed = await follow_state(
            context,
            changes,
            caller,
            token=hash_token(read_bearer(request)),
            at_least=at_least,
            is_known=lambda etag: is_known(request, etag),
            wait_s=wait_s,
            gone=gone,
            renew=renew,
        )
    headers = {"ETag": followed.etag, "Cache-Control": "no-store", "Vary": "Prefer"}
    if followed.has_waited:
        headers["Preference-Applied"] = f"wait={wait_s}"
    if is_known(request, followed.etag):
        return Response(None, status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(followed.state, headers=headers)


@get(
    "/v1/history",
    guards=[bearer_guard],
    opt={SCOPE: Scope.DECISIONS_READ, QUERY: frozenset({"cursor", "limit"})},
    tags=["Subjects"],
    summary="The subject's decisions, newest first",
    responses=READ_PROBLEMS,
)
async def get_history(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    cursor: Annotated[
        str | None, QueryParameter(min_length=1, max_length=MAX_REFERENCE, pattern=REFERENCE)
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
) -> HistoryOut:
    """A page of what the caller's brand or partner may see."""
    return await show_history(context, caller, cursor=cursor, limit=limit)
