"""``/backchannel_logout``: the customer portal says that somebody signed out there.

Spec: OpenID Connect Back-Channel Logout 1.0 sections 2.5 and 2.8.
"""

from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, post
from litestar.di import NamedDependency

from consentid.cache.limits import Limit
from consentid.flows.context import Context
from consentid.flows.end_portal_sessions import end_portal_sessions
from consentid.kit.errors import MalformedError, UnauthenticatedError
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.forms import parse_form
from consentid.web.guards import QUERY
from consentid.web.oauth_errors import OAuthError, oauth_error
from consentid.web.strict_bodies import body_of

_NO_STORE: Final = {"Cache-Control": "no-store"}
_FAILURES: Final = Limit(name="backchannel_failures", most=300, window_s=60)


@post(
    "/backchannel_logout",
    status_code=HTTPStatus.OK,
    opt={QUERY: frozenset[str]()},
    include_in_schema=False,
)
async def post_backchannel_logout(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[OAuthError | None]:
    """End the sessions that the logout token names.

    Raises:
        RateLimitedError: too many tokens from this address that do not hold.
    """
    try:
        fields = parse_form(body_of(request) or b"")
        await end_portal_sessions(context, fields.get("logout_token", ""))
    except (MalformedError, UnauthenticatedError) as error:
        await context.limiter.check(_FAILURES, network_of(request), now_s=wall_clock_s())
        return Response(
            oauth_error("invalid_request", error.message),
            status_code=HTTPStatus.BAD_REQUEST,
            headers=dict(_NO_STORE),
        )
    return Response(None, headers=dict(_NO_STORE))
