"""``/ssf/events``: the customer portal tells what became of an account or a session.

Spec: RFC 8935 sections 2.1 to 2.4; OpenID Shared Signals Framework 1.0 section 6.1.1.
"""

from http import HTTPStatus
from typing import Any, Final

from litestar import MediaType, Request, Response, post
from litestar.di import NamedDependency

from consentid.cache.limits import Limit
from consentid.events.ssf import SetError
from consentid.flows.context import Context
from consentid.flows.receive_portal_event import receive_portal_event
from consentid.kit.errors import MalformedError, UnauthenticatedError
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.guards import QUERY
from consentid.web.problems import problem_of
from consentid.web.set_errors import DELIVERY_PATH, set_error_of
from consentid.web.strict_bodies import body_of

_NO_STORE: Final = {"Cache-Control": "no-store"}
_FAILURES: Final = Limit(name="portal_event_failures", most=300, window_s=60)


@post(
    DELIVERY_PATH,
    status_code=HTTPStatus.ACCEPTED,
    opt={QUERY: frozenset[str]()},
    include_in_schema=False,
)
async def post_portal_event(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[SetError] | Response[bytes]:
    """Do what the token tells before it is acknowledged.

    Raises:
        NotFoundError: nothing of the kind is heard here.
        RateLimitedError: too many tokens from this address that do not hold.
        UnavailableError: it could not be done now: the portal tries again.
    """
    try:
        # What is no ASCII is no token.
        await receive_portal_event(context, (body_of(request) or b"").decode("ascii", "replace"))
    except (MalformedError, UnauthenticatedError) as error:
        await context.limiter.check(_FAILURES, network_of(request), now_s=wall_clock_s())
        told = set_error_of(problem_of(error))
        return Response(
            told,
            status_code=HTTPStatus.BAD_REQUEST,
            headers={**_NO_STORE, "Content-Language": "en"},
        )
    return Response(
        b"", status_code=HTTPStatus.ACCEPTED, media_type=MediaType.TEXT, headers=dict(_NO_STORE)
    )
