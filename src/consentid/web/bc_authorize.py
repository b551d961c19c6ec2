"""``/bc-authorize``: an agent's system asks a person who answers on a screen of their own.

Spec: OpenID CIBA Core 1.0 sections 7.1 and 7.3, poll mode.
"""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency

from consentid.cache.limits import Limit
from consentid.flows.context import Context
from consentid.flows.request_approval import INTERVAL_S, request_approval
from consentid.oidc.backchannel_request import Hint
from consentid.oidc.refusal import RefusedRequestError
from consentid.web.callers import wall_clock_s
from consentid.web.guards import QUERY
from consentid.web.oauth_forms import CLIENT_SECURITY, form_operation
from consentid.web.oauth_requests import NO_STORE, read_client_request, refuse
from consentid.web.responses import OAUTH_ERRORS

_REQUESTS: Final = Limit(name="approval_requests", most=300, window_s=60)
"""Of one client: agents by the hundred, and no machine that tries everybody."""
_FIELDS: Final = {
    "scope": None,
    **dict.fromkeys(Hint),
    "binding_message": None,
    "requested_expiry": None,
    "authorization_details": None,
    "capture": None,
    "resource": None,
}


class ApprovalRequestOut(msgspec.Struct, frozen=True, kw_only=True):
    """What the client polls with."""

    auth_req_id: str
    expires_in: int
    interval: int


@post(
    "/bc-authorize",
    status_code=HTTPStatus.OK,
    operation_class=form_operation(_FIELDS, required=["scope", "binding_message"]),
    security=CLIENT_SECURITY,
    tags=["OAuth"],
    summary="Ask a person who approves on a screen of their own",
    opt={QUERY: frozenset[str]()},
    responses=OAUTH_ERRORS,
)
async def post_bc_authorize(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[ApprovalRequestOut]:
    """Keep a question for a person named by one hint; it waits at ``/approvals``.

    Whether there is such a person makes no difference to the answer.
    """
    asked = await read_client_request(request, context)
    if isinstance(asked, Response):
        return asked
    await context.limiter.check(_REQUESTS, asked.client.client_id, now_s=wall_clock_s())
    try:
        made = await request_approval(context, asked.client, asked.fields)
    except RefusedRequestError as refused:
        return refuse(refused.error, refused.description)
    return Response(
        ApprovalRequestOut(
            auth_req_id=made.auth_req_id, expires_in=made.expires_in_s, interval=INTERVAL_S
        ),
        headers=dict(NO_STORE),
    )
