"""``/v1/erasure``: a person is to be forgotten.  ``/v1/admin/erasures``: who waits for it.

Destroying takes a process that was given the owner's database.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from consentid.brandbook.client import Scope
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.own_database import owned
from consentid.flows.request_erasure import ErasureOut, request_erasure
from consentid.flows.restrict_subject import Reason
from consentid.flows.show_erasures import PendingErasuresOut, show_erasures
from consentid.flows.shred_subjects import shred_as_asked
from consentid.flows.staff import SCOPE_OF, Verb
from consentid.flows.stage_act import by_client, noting_of
from consentid.web.admin_clients import WHERE
from consentid.web.guards import QUERY, SCOPE, bearer_guard, read_bearer
from consentid.web.responses import BODY_PROBLEMS, FOUND_PROBLEMS, READ_PROBLEMS

_NO_STORE: Final = {"Cache-Control": "no-store"}
_SHREDDED_AT_ONCE: Final = 100
"""In one request, each in a transaction of its own."""
_After: TypeAlias = Annotated[UUID | None, QueryParameter()]


class ErasureIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why, in the words of GDPR article 17(1); nothing of the person is written here."""

    reason: Reason


class ShreddingIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be destroyed beside what is due."""

    erasure: UUID | None = None
    """One of those that wait, before its time: no proof of what was decided is kept."""


class ShreddedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What was destroyed, for good."""

    shredded: int
    """How many people and devices."""
    more: bool
    """Whether more may be due: ask again."""


@post(
    "/v1/erasure",
    status_code=HTTPStatus.ACCEPTED,
    guards=[bearer_guard],
    opt={SCOPE: Scope.ERASURE, QUERY: frozenset[str]()},
    tags=["Subjects"],
    summary="Forget the person that the access token stands for",
    description=(
        "At once nothing of the person is served, every token, session and device of theirs ends, "
        "and whoever signs in again is somebody new. What they decided stays sealed, out of the "
        "serving processes' reach, until `shred_at`; then its key is destroyed. Sent again with "
        "the same access token it is answered alike, so it takes no `Idempotency-Key`."
    ),
    responses=BODY_PROBLEMS,
)
async def post_erasure(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[ErasureIn],
) -> ErasureOut:
    """Set them aside now; the worker shreds them in time."""
    return await request_erasure(context, caller, data.reason, access_token=read_bearer(request))


@get(
    "/v1/admin/erasures",
    guards=[bearer_guard],
    opt={SCOPE: SCOPE_OF[Verb.SEE_ERASURES], QUERY: frozenset({"after"})},
    tags=["Administration"],
    summary="Erasures that wait for their time",
    description=("Whose they are is not told. What they decided stays sealed until `shred_at`."),
    responses=READ_PROBLEMS,
)
async def get_admin_erasures(
    context: NamedDependency[Context], after: _After = None
) -> Response[PendingErasuresOut]:
    """The first due first."""
    return Response(await show_erasures(context, after=after), headers=_NO_STORE)


@post(
    "/v1/admin/erasures/shred",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt={SCOPE: SCOPE_OF[Verb.SHRED], QUERY: frozenset[str]()},
    tags=["Administration"],
    summary="Destroy what is kept of those who are due, or of one before its time",
    description=(
        f"{WHERE}As the worker does by itself, for good; {_SHREDDED_AT_ONCE} in one request. "
        "Again it destroys what is due by then. 404 for an `erasure` that does not wait, also for "
        "one that was destroyed, so it takes no `Idempotency-Key`."
    ),
    responses={**BODY_PROBLEMS, **FOUND_PROBLEMS},
)
async def post_admin_shredding(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[ShreddingIn],
) -> Response[ShreddedOut]:
    """As ``subjects shred`` does."""
    noted = noting_of(context, by_client(caller.client.client_id))
    async with owned(context) as erasing:
        done = await shred_as_asked(
            context, erasing, noted, before_time=data.erasure, most=_SHREDDED_AT_ONCE
        )
    out = ShreddedOut(shredded=done, more=done == _SHREDDED_AT_ONCE)
    return Response(out, headers=_NO_STORE)
