"""``/v1/verify``: whether a consent token may be acted on, at this very instant."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from consentid.brandbook.client import Scope
from consentid.core.decision import MAX_CHOICES
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.verify_token import VerifyOut, verify_token
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS
from consentid.web.words import PurposeText, Reference


class VerifyIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token, and what to look at."""

    token: Annotated[str, Meta(pattern=r"^[^\x00]*$")]
    audience: Annotated[str, Meta(max_length=512, pattern=r"^[\x21-\x7e]+$")] | None = None
    """Defaults to the caller's own; another's is refused."""
    purposes: Annotated[list[PurposeText], Meta(max_length=MAX_CHOICES)] = []
    """Where named, the answer says ``allow`` or ``deny`` for all of them together."""
    at_least: Reference | None = None
    """What a write answered as ``consistency``: the answer is not older than that."""


@post(
    "/v1/verify",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt={SCOPE: Scope.VERIFY, QUERY: frozenset[str]()},
    tags=["Verification"],
    summary="Verify a consent token",
    responses=BODY_PROBLEMS,
)
async def post_verify(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[VerifyIn],
) -> Response[VerifyOut]:
    """A bad token is an answer (``active: false``), never an error."""
    found = await verify_token(
        context,
        caller,
        data.token,
        audience=data.audience,
        purposes=data.purposes,
        at_least=data.at_least,
    )
    return Response(found, headers={"Cache-Control": "no-store"})
