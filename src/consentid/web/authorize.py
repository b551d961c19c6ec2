"""``/authorize``: a client sends a person's browser here.

Each parameter comes once, in the query or in a form, never in both.  A form is answered by the same
request as GET: browsers keep our cookies from a POST that another site makes.  What cannot be told
to a client is told to the person.

Spec: OpenID Connect Core section 3.1.2.1, RFC 6749 section 3.1, RFC 9700 section 4.12 (303).
"""

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from consentid.cache.limits import Limit
from consentid.flows.authorize import authorize
from consentid.flows.context import Context
from consentid.kit.errors import MalformedError
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.cookies import Cookie, jar_of
from consentid.web.forms import parse_form
from consentid.web.strict_bodies import body_of

MAX_BYTES: Final = 16_384
"""Of all parameters together.  A browser's address line carries no more everywhere."""
_AUTHORIZATIONS: Final = Limit(name="authorizations", most=3_000, window_s=60)
_NO_STORE: Final = {"Cache-Control": "no-store"}


@get(
    "/authorize",
    tags=["OpenID Connect"],
    summary="Ask for a person's choices, and for a code",
    include_in_schema=False,
)
async def get_authorize(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[None]:
    """Send the browser on: to the client with an answer, to a page of ours, or to the portal."""
    query = request.scope["query_string"]
    _check_size(query)
    fields = parse_form(query)
    await context.limiter.check(_AUTHORIZATIONS, network_of(request), now_s=wall_clock_s())
    jar = await jar_of(context)
    authorized = await authorize(context, fields, jar.read(request))
    response = _send_to(authorized.redirect)
    if authorized.browser_secret is not None:
        jar.put(response, Cookie.BROWSER, authorized.browser_secret)
    return response


@post("/authorize", status_code=HTTPStatus.SEE_OTHER, include_in_schema=False)
async def post_authorize(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[None]:
    """Turn a form into the same request as GET, with which the browser sends our cookies."""
    query = request.scope["query_string"]
    body = body_of(request) or b""
    both = b"&".join(part for part in (query, body) if part)
    _check_size(both)
    fields = parse_form(both)
    async with context.database.reading() as connection:
        book = await context.book(connection)
    return _send_to(f"{book.group.issuer.rstrip('/')}/authorize?{urlencode(fields)}")


def _check_size(parameters: bytes) -> None:
    if len(parameters) > MAX_BYTES:
        raise MalformedError(
            "invalid_request", f"All parameters together are at most {MAX_BYTES} bytes."
        )


def _send_to(address: str) -> Response[None]:
    return Response(
        None,
        status_code=HTTPStatus.SEE_OTHER,
        headers={"Location": address, **_NO_STORE},
    )
