"""``/v1/admin``: what administrators see and do, for programs; the same flows as the pages.

A program is a client of its own, whose access token carries the scope of each thing that it does,
and no subject.  What it does is in the log as ``client:`` and its id.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from consentid.flows.administration_out import (
    ActsOut,
    HeldCapturesOut,
    KnownClientsOut,
    VersionsOut,
    tell_acts,
    tell_clients,
    tell_held,
    tell_versions,
)
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.hold_captures import discard_capture, release_capture
from consentid.flows.look_up_person import LookedUpOut, looked_up_out
from consentid.flows.manage_field_devices import FieldDeviceOut, list_devices, revoke_device
from consentid.flows.manage_webhooks import disable_webhook, enable_webhook, redrive_webhook
from consentid.flows.show_propagation import PropagationOut, list_systems
from consentid.flows.staff import SCOPE_OF, Verb
from consentid.flows.stage_act import by_client, noting_of
from consentid.flows.try_endpoint import office_of, try_now
from consentid.kit.errors import NotFoundError
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS, FOUND_PROBLEMS, READ_PROBLEMS
from consentid.web.support_guesses import look_up_counted

_PATH: Final = "/v1/admin"
_TAGS: Final = ("Administration",)
_NO_STORE: Final = {"Cache-Control": "no-store"}
_LAST: Final = 2_147_483_647
_ACT_PROBLEMS: Final = {**BODY_PROBLEMS, **FOUND_PROBLEMS}

_Before: TypeAlias = Annotated[UUID | None, QueryParameter()]
_BeforeVersion: TypeAlias = Annotated[int | None, QueryParameter(ge=1, le=_LAST)]
_Number: TypeAlias = Annotated[int, PathParameter(ge=1, le=_LAST)]


class EndpointActOut(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    endpoint: int
    events: int | None = None
    """How many are tried again."""
    outcome: str | None = None
    """What a test event was answered, or why it was not."""
    is_taken: bool | None = None


class SettledOut(msgspec.Struct, frozen=True, kw_only=True):
    """What a capture is now."""

    capture: str
    state: str


class DevicesOut(msgspec.Struct, frozen=True, kw_only=True):
    """The capture devices of all clients, the latest first."""

    devices: list[FieldDeviceOut]


class SupportCodeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code that a person made in their preference centre, and told."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class NothingIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An act that its address says whole."""


def _for(verb: Verb, *queries: str) -> dict[str, Any]:
    return {SCOPE: SCOPE_OF[verb], QUERY: frozenset(queries)}


@get(
    f"{_PATH}/acts",
    guards=[bearer_guard],
    opt=_for(Verb.SEE_ACTS, "before"),
    tags=_TAGS,
    summary="Who did what",
    description="Every act of an administrator, the newest first; each is an entry of the log.",
    responses=READ_PROBLEMS,
)
async def get_admin_acts(
    context: NamedDependency[Context], before: _Before = None
) -> Response[ActsOut]:
    """As the log has them."""
    return Response(await tell_acts(context, before=before), headers=_NO_STORE)


@get(
    f"{_PATH}/catalogues",
    guards=[bearer_guard],
    opt=_for(Verb.SEE_CATALOGUES, "before"),
    tags=_TAGS,
    summary="Versions of the configuration, and what each changed",
    responses=READ_PROBLEMS,
)
async def get_admin_catalogues(
    context: NamedDependency[Context], before: _BeforeVersion = None
) -> Response[VersionsOut]:
    """The newest first."""
    return Response(await tell_versions(context, before=before), headers=_NO_STORE)


@get(
    f"{_PATH}/clients",
    guards=[bearer_guard],
    opt=_for(Verb.SEE_CLIENTS),
    tags=_TAGS,
    summary="Brands, partners and their clients",
    description=(
        "No secret is told. The role that serves requests cannot write clients and versions: that "
        "takes the command line, or a process with `CONSENTID_ADMIN_DATABASE_URL`."
    ),
    responses=READ_PROBLEMS,
)
async def get_admin_clients(context: NamedDependency[Context]) -> Response[KnownClientsOut]:
    """Those that were disabled, too."""
    return Response(await tell_clients(context), headers=_NO_STORE)


@get(
    f"{_PATH}/systems",
    guards=[bearer_guard],
    opt=_for(Verb.SEE_DELIVERIES),
    tags=_TAGS,
    summary="How far behind every system is",
    description="As `/v1/propagation`, of all brands and partners.",
    responses=READ_PROBLEMS,
)
async def get_admin_systems(context: NamedDependency[Context]) -> Response[PropagationOut]:
    """As it is now."""
    found = await list_systems(context.database, context.settings)
    out = PropagationOut(deadline_s=context.settings.confirm_within_s, systems=list(found))
    return Response(out, headers=_NO_STORE)


@post(
    f"{_PATH}/endpoints/{{number:int}}/{{act:str}}",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt=_for(Verb.REDRIVE),
    tags=_TAGS,
    summary="Enable, disable or try an endpoint, or try again what was given up",
    description="`act` is `enable`, `disable`, `test` or `redrive`. Send `{}`.",
    responses=_ACT_PROBLEMS,
)
async def post_admin_endpoint(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    number: _Number,
    act: Annotated[str, PathParameter(max_length=16)],
    data: JSONBody[NothingIn],
) -> EndpointActOut:
    """As the buttons of the page do."""
    del data
    office = office_of(context, by_client(caller.client.client_id))
    match _known(act, Verb.ENABLE, Verb.DISABLE, Verb.TEST, Verb.REDRIVE):
        case Verb.ENABLE:
            await enable_webhook(office, number)
        case Verb.DISABLE:
            await disable_webhook(office, number)
        case Verb.TEST:
            async with context.database.glancing() as connection:
                issuer = (await context.book(connection)).group.issuer
            tried = await try_now(office, context.settings, number, issuer=issuer)
            return EndpointActOut(endpoint=number, outcome=tried.outcome, is_taken=tried.is_taken)
        case _:
            return EndpointActOut(endpoint=number, events=await redrive_webhook(office, number))
    return EndpointActOut(endpoint=number)


@get(
    f"{_PATH}/captures",
    guards=[bearer_guard],
    opt=_for(Verb.SEE_CAPTURES),
    tags=_TAGS,
    summary="Captures that are held",
    description="They came too fast, and have no effect until somebody has looked.",
    responses=READ_PROBLEMS,
)
async def get_admin_captures(context: NamedDependency[Context]) -> Response[HeldCapturesOut]:
    """The oldest first."""
    return Response(await tell_held(context), headers=_NO_STORE)


@post(
    f"{_PATH}/captures/{{capture:str}}/{{act:str}}",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt=_for(Verb.RELEASE),
    tags=_TAGS,
    summary="Release or discard a capture that is held",
    description="`act` is `release` or `discard`. Send `{}`; again it changes nothing.",
    responses=_ACT_PROBLEMS,
)
async def post_admin_capture(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    capture: Annotated[str, PathParameter(max_length=36)],
    act: Annotated[str, PathParameter(max_length=16)],
    data: JSONBody[NothingIn],
) -> SettledOut:
    """Released, it counts from when it was captured."""
    del data
    by = by_client(caller.client.client_id)
    is_release = _known(act, Verb.RELEASE, Verb.DISCARD) is Verb.RELEASE
    settle = release_capture if is_release else discard_capture
    id_ = _read_id(capture)
    state = None if id_ is None else await settle(context, id_, by=by)
    if state is None:
        raise NotFoundError("capture_unknown", "There is no such capture.", where="capture")
    return SettledOut(capture=str(id_), state=state)


@get(
    f"{_PATH}/devices",
    guards=[bearer_guard],
    opt=_for(Verb.SEE_DEVICES),
    tags=_TAGS,
    summary="Capture devices of all clients",
    responses=READ_PROBLEMS,
)
async def get_admin_devices(context: NamedDependency[Context]) -> Response[DevicesOut]:
    """The latest first."""
    async with context.database.reading() as connection:
        found = await list_devices(connection, None)
    return Response(DevicesOut(devices=list(found)), headers=_NO_STORE)


@delete(
    f"{_PATH}/devices/{{device:str}}",
    guards=[bearer_guard],
    opt=_for(Verb.REVOKE),
    tags=_TAGS,
    summary="Revoke a capture device of any client",
    responses=FOUND_PROBLEMS,
)
async def delete_admin_device(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    device: Annotated[str, PathParameter(max_length=12)],
) -> None:
    """For good; the first time counts."""
    noted = noting_of(context, by_client(caller.client.client_id))
    async with context.database.writing() as connection:
        await revoke_device(connection, noted, device, client_id=None)


@post(
    f"{_PATH}/support",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt=_for(Verb.LOOK_UP),
    tags=_TAGS,
    summary="See what a person chose, by a code of theirs",
    description=(
        "The person makes the code in their preference centre; it is good once, for ten minutes. "
        "They see that the caller looked. 404 for a code that shows nobody; that was a guess, and "
        "guesses are counted."
    ),
    responses=_ACT_PROBLEMS,
)
async def post_admin_support(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[SupportCodeIn],
) -> Response[LookedUpOut]:
    """Read-only, and nothing by which the person could be found again."""
    client_id = caller.client.client_id
    found = await look_up_counted(
        context, data.code, by=by_client(client_id), reader=client_id, languages=()
    )
    return Response(looked_up_out(found), headers=_NO_STORE)


def _read_id(unverified: str) -> UUID | None:
    try:
        return UUID(unverified)
    except ValueError:
        return None


def _known(act: str, *verbs: Verb) -> Verb:
    found = next((each for each in verbs if each == act), None)
    if found is None:
        raise NotFoundError("act_unknown", f"Write one of {', '.join(verbs)}.", where="act")
    return found


ADMINISTRATION_HANDLERS: Final = (
    delete_admin_device,
    get_admin_acts,
    get_admin_captures,
    get_admin_catalogues,
    get_admin_clients,
    get_admin_devices,
    get_admin_systems,
    post_admin_capture,
    post_admin_endpoint,
    post_admin_support,
)
