"""``/v1/handoffs``: a code for a link from one brand's page to another's."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from consentid.brandbook.client import Scope
from consentid.cache.limits import Limit
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.hand_off import HandOffOut, make_hand_off
from consentid.web.callers import wall_clock_s
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS

_HAND_OFFS: Final = Limit(name="hand_offs", most=60, window_s=60)
"""Of one subject: nobody follows more than a link a second."""


class HandOffIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the link leads."""

    origin: Annotated[str, Meta(max_length=255, pattern=r"^[\x21-\x7e]+$")]
    """A registered origin of another of the group's brands."""


@post(
    "/v1/handoffs",
    status_code=HTTPStatus.CREATED,
    guards=[bearer_guard],
    opt={SCOPE: Scope.DECISIONS_READ, QUERY: frozenset[str]()},
    tags=["Subjects"],
    summary="Make a code for a link to another brand's page",
    responses=BODY_PROBLEMS,
)
async def post_hand_off(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[HandOffIn],
) -> Response[HandOffOut]:
    """A code that takes the visitor along: for one use, within a minute, and for that link alone.

    The page's own Origin has to be registered for the caller's brand: whoever redeems the code has
    to have come from there.
    """
    await context.limiter.check(_HAND_OFFS, str(caller.subject), now_s=wall_clock_s())
    made = await make_hand_off(
        context, caller, origin=request.headers.get("origin", ""), target=data.origin
    )
    return Response(made, headers={"Cache-Control": "no-store"})
