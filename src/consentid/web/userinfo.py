"""``/userinfo``: who an access token stands for, and nothing about them.

Spec: OpenID Connect Core section 5.3, RFC 6750 sections 2.1, 2.2 and 3.
"""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from consentid.flows.authenticate import authenticate
from consentid.flows.context import Context
from consentid.flows.show_userinfo import show_userinfo
from consentid.kit.errors import MalformedError
from consentid.web.forms import parse_form
from consentid.web.guards import QUERY, read_bearer
from consentid.web.responses import BEARER_ERRORS
from consentid.web.strict_bodies import body_of

_NO_STORE: Final = {"Cache-Control": "no-store"}


class UserinfoOut(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, as one brand or partner knows them."""

    sub: str
    """The same as in the ID token and in the consent token.  22 characters."""


@get(
    "/userinfo",
    opt={QUERY: frozenset[str]()},
    tags=["OpenID Connect"],
    summary="The pairwise sub of an access token's subject",
    responses=BEARER_ERRORS,
)
async def get_userinfo(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[UserinfoOut]:
    """The access token comes in the ``Authorization`` header."""
    return await _answer(context, read_bearer(request))


@post(
    "/userinfo",
    status_code=HTTPStatus.OK,
    opt={QUERY: frozenset[str]()},
    tags=["OpenID Connect"],
    summary="The same by POST",
    responses=BEARER_ERRORS,
)
async def post_userinfo(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[UserinfoOut]:
    """The access token comes in the ``Authorization`` header or in the form, not in both."""
    in_form = parse_form(body_of(request) or b"").get("access_token")
    if in_form is None:
        return await _answer(context, read_bearer(request))
    if request.headers.getall("authorization", []):
        raise MalformedError(
            "invalid_request", "Send the access token in one way only.", where="access_token"
        )
    return await _answer(context, in_form)


async def _answer(context: Context, unverified_token: str) -> Response[UserinfoOut]:
    caller = await authenticate(context, unverified_token)
    sub = await show_userinfo(context, caller)
    return Response(UserinfoOut(sub=sub), headers=dict(_NO_STORE))
