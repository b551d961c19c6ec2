"""``/v1/admin/webhooks``: programs set up what events are sent to, as ``consentid webhooks`` does.

Whoever may see is told the host of an address and no secret; whoever makes secrets is told them
once.  Each change is in the log as ``client:`` and the program's id.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Meta

from consentid.events.contract import Kind
from consentid.events.filters import Filters
from consentid.flows.administration_out import (
    DeliveriesOut,
    EndpointsOut,
    tell_deliveries,
    tell_endpoints,
)
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.manage_webhooks import (
    add_webhook,
    remove_webhook,
    replay_webhook,
    rotate_webhook,
)
from consentid.flows.staff import SCOPE_OF, Verb
from consentid.flows.stage_act import by_client
from consentid.flows.try_endpoint import office_of
from consentid.flows.webhook_secrets import NewSecrets
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS, FOUND_PROBLEMS, READ_PROBLEMS

_PATH: Final = "/v1/admin/webhooks"
_ONE: Final = f"{_PATH}/{{number:int}}"
_TAGS: Final = ("Administration",)
_NO_STORE: Final = {"Cache-Control": "no-store"}
_LAST: Final = 2_147_483_647
_LAST_SEQUENCE: Final = 2**53 - 1
_HOUR_S: Final = 3_600
_WEEK_H: Final = 168
_PROBLEMS: Final = {**BODY_PROBLEMS, **FOUND_PROBLEMS}

_Number: TypeAlias = Annotated[int, PathParameter(ge=1, le=_LAST)]
_Sequence: TypeAlias = Annotated[int, Meta(ge=1, le=_LAST_SEQUENCE)]
_Slugs: TypeAlias = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=128)]], Meta(max_length=100)
]


class EndpointIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a client's events are to be sent."""

    client_id: Annotated[str, Meta(min_length=1, max_length=128)]
    """Whose events: a client with the scope `events:read`."""
    url: Annotated[str, Meta(min_length=1, max_length=2_048)]
    """`https`, at a public address."""
    brands: _Slugs = []
    """Only of these brands and partners; none: of all."""
    purposes: _Slugs = []
    """Only about these, with all below them; none: about all."""
    kinds: list[Kind] = []
    """Only these kinds of events; none: all."""


class OverlapIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the secrets of before are signed with, too."""

    overlap_hours: Annotated[int, Meta(ge=0, le=_WEEK_H)] = 24


class RangeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers of the client's own sequence, both included."""

    first: _Sequence
    last: _Sequence


class EndpointSecretsOut(msgspec.Struct, frozen=True, kw_only=True):
    """What the receiver needs.  Told this once."""

    endpoint: int
    secret: str
    """For `v1`: both sides hold it."""
    public_key: str
    """For `v1a`: only the hub can sign."""


class ReplayedOut(msgspec.Struct, frozen=True, kw_only=True):
    """How many events are sent again."""

    endpoint: int
    events: int


def _for(verb: Verb, *queries: str) -> dict[str, Any]:
    return {SCOPE: SCOPE_OF[verb], QUERY: frozenset(queries)}


@get(
    _PATH,
    guards=[bearer_guard],
    opt=_for(Verb.SEE_DELIVERIES),
    tags=_TAGS,
    summary="Where events are sent, of all clients",
    responses=READ_PROBLEMS,
)
async def get_admin_endpoints(context: NamedDependency[Context]) -> Response[EndpointsOut]:
    """Webhooks and Shared Signals streams, those that are disabled, too."""
    return Response(await tell_endpoints(context), headers=_NO_STORE)


@post(
    _PATH,
    status_code=HTTPStatus.CREATED,
    guards=[bearer_guard],
    opt=_for(Verb.ADD),
    tags=_TAGS,
    summary="Register an endpoint of a client",
    description=(
        "It hears of what comes from now on, as far as its client may read. Another call makes "
        "another endpoint, so it takes no `Idempotency-Key`."
    ),
    responses=_PROBLEMS,
)
async def post_admin_endpoint_of_client(
    context: NamedDependency[Context], caller: NamedDependency[Caller], data: JSONBody[EndpointIn]
) -> Response[EndpointSecretsOut]:
    """Answers the secrets that it is signed with."""
    added = await add_webhook(
        office_of(context, by_client(caller.client.client_id)),
        client_id=data.client_id,
        url=data.url,
        filters=Filters(
            brands=tuple(data.brands), purposes=tuple(data.purposes), kinds=tuple(data.kinds)
        ),
        allows_http=context.settings.localhost_hosts,
    )
    return _secrets(added.no, added.secrets, HTTPStatus.CREATED)


@delete(
    _ONE,
    guards=[bearer_guard],
    opt=_for(Verb.REMOVE),
    tags=_TAGS,
    summary="Remove an endpoint, its secrets and its log",
    responses=FOUND_PROBLEMS,
)
async def delete_admin_endpoint(
    context: NamedDependency[Context], caller: NamedDependency[Caller], number: _Number
) -> None:
    """For good; what its client may read stays in the feed."""
    await remove_webhook(office_of(context, by_client(caller.client.client_id)), number)


@post(
    f"{_ONE}/secrets",
    status_code=HTTPStatus.CREATED,
    guards=[bearer_guard],
    opt=_for(Verb.ROTATE),
    tags=_TAGS,
    summary="Give an endpoint new secrets",
    description="Until `overlap_hours` are over it is signed with those of before, too.",
    responses=_PROBLEMS,
)
async def post_admin_endpoint_secrets(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    number: _Number,
    data: JSONBody[OverlapIn],
) -> Response[EndpointSecretsOut]:
    """Answers the new ones."""
    made = await rotate_webhook(
        office_of(context, by_client(caller.client.client_id)),
        number,
        overlap_s=data.overlap_hours * _HOUR_S,
    )
    return _secrets(number, made, HTTPStatus.CREATED)


@get(
    f"{_ONE}/deliveries",
    guards=[bearer_guard],
    opt=_for(Verb.SEE_DELIVERIES, "dead"),
    tags=_TAGS,
    summary="The newest deliveries of an endpoint",
    description="At most 100; with `dead=true` only of what was given up.",
    responses=FOUND_PROBLEMS,
)
async def get_admin_deliveries(
    context: NamedDependency[Context],
    number: _Number,
    dead: Annotated[bool, QueryParameter()] = False,
) -> Response[DeliveriesOut]:
    """The newest first."""
    return Response(await tell_deliveries(context, number, dead=dead), headers=_NO_STORE)


@post(
    f"{_ONE}/deliveries",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt=_for(Verb.REPLAY),
    tags=_TAGS,
    summary="Send a range of events again",
    description="With the ids that they have; how many is answered.",
    responses=_PROBLEMS,
)
async def post_admin_deliveries(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    number: _Number,
    data: JSONBody[RangeIn],
) -> ReplayedOut:
    """What is kept of them."""
    count = await replay_webhook(
        office_of(context, by_client(caller.client.client_id)),
        number,
        first=data.first,
        last=data.last,
    )
    return ReplayedOut(endpoint=number, events=count)


def _secrets(number: int, made: NewSecrets, status: HTTPStatus) -> Response[EndpointSecretsOut]:
    out = EndpointSecretsOut(endpoint=number, secret=made.secret, public_key=made.public_key)
    return Response(out, status_code=status, headers=_NO_STORE)


WEBHOOK_HANDLERS: Final = (
    delete_admin_endpoint,
    get_admin_deliveries,
    get_admin_endpoints,
    post_admin_deliveries,
    post_admin_endpoint_of_client,
    post_admin_endpoint_secrets,
)
