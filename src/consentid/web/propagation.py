"""``/v1/propagation`` and ``/v1/events/confirm``: whether it has arrived, and who says so."""

from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from consentid.brandbook.client import Scope
from consentid.flows.authenticate import Caller
from consentid.flows.confirm_events import ConfirmedOut, confirm_events, confirm_upto
from consentid.flows.context import Context
from consentid.flows.show_propagation import (
    ChangeOut,
    PropagationOut,
    show_change,
    show_propagation,
)
from consentid.kit.errors import MalformedError
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import FOUND_PROBLEMS, READ_PROBLEMS, WRITE_PROBLEMS
from consentid.web.words import Reference

PATH: Final = "/v1/propagation"
_MOST_IDS: Final = 500
_HEADERS: Final = {"Cache-Control": "no-store"}
_ID: Final = r"^[A-Za-z0-9_-]{22}$"


class ConfirmIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has arrived: all up to a cursor, or some events by their ids."""

    cursor: Reference | None = None
    ids: (
        Annotated[
            list[Annotated[str, msgspec.Meta(pattern=_ID)]],
            msgspec.Meta(min_length=1, max_length=_MOST_IDS),
        ]
        | None
    ) = None


@get(
    PATH,
    guards=[bearer_guard],
    opt={SCOPE: Scope.PROPAGATION_READ, QUERY: frozenset[str]()},
    tags=["Events"],
    summary="How far behind each system is",
    description=(
        "The systems of the caller's own brand or partner. A webhook has confirmed what it "
        "answered by 2xx, a reader of `/v1/events` all before the cursor that it came back with, "
        "and each what it called back by `/v1/events/confirm`."
    ),
    responses=READ_PROBLEMS,
)
async def get_propagation(
    context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> Response[PropagationOut]:
    """As it is now."""
    return Response(await show_propagation(context, caller), headers=_HEADERS)


@get(
    f"{PATH}/{{event:str}}",
    guards=[bearer_guard],
    opt={SCOPE: Scope.PROPAGATION_READ, QUERY: frozenset[str]()},
    tags=["Events"],
    summary="Where one change has arrived",
    description="By the `id` of an event; its own brand's or partner's systems that were to hear.",
    responses=FOUND_PROBLEMS,
)
async def get_change(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    event: Annotated[str, PathParameter(max_length=64)],
) -> Response[ChangeOut]:
    """System by system."""
    return Response(await show_change(context, caller, event), headers=_HEADERS)


@post(
    "/v1/events/confirm",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt={SCOPE: Scope.EVENTS_READ, QUERY: frozenset[str]()},
    tags=["Events"],
    summary="Say that events have arrived",
    description=(
        "For who has them by another way, or wants to say so before it reads on. Of what comes by "
        "webhook, too. Send `cursor` (all before it) or `ids`. Sent again it changes nothing, so "
        "it takes no `Idempotency-Key`."
    ),
    responses=WRITE_PROBLEMS,
)
async def post_confirmation(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[ConfirmIn],
) -> ConfirmedOut:
    """Only of what the caller itself was told."""
    if data.cursor is not None and data.ids is None:
        return await confirm_upto(context, caller, data.cursor)
    if data.ids is not None and data.cursor is None:
        return await confirm_events(context, caller, data.ids)
    raise MalformedError("invalid_body", "Send one of cursor and ids.", where="body")
