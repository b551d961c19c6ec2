"""``/introspect``: what a token stands for, as JSON or under signature.

Spec: RFC 7662, RFC 9701.
"""

from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, post
from litestar.di import NamedDependency

from consentid.brandbook.client import AuthMethod
from consentid.flows.context import Context
from consentid.flows.introspect import (
    JWT_TYP,
    IntrospectionOut,
    introspect,
    sign_introspection,
)
from consentid.web.guards import QUERY
from consentid.web.oauth_forms import CLIENT_SECURITY, form_operation
from consentid.web.oauth_requests import (
    NO_STORE,
    read_client_request,
    refuse,
    refuse_client,
)
from consentid.web.responses import OAUTH_ERRORS

MEDIA_TYPE: Final = f"application/{JWT_TYP}"


@post(
    "/introspect",
    status_code=HTTPStatus.OK,
    operation_class=form_operation(
        {"token": None, "token_type_hint": None}, required=["token"], also=MEDIA_TYPE
    ),
    security=CLIENT_SECURITY,
    tags=["OAuth"],
    summary="What a token stands for",
    opt={QUERY: frozenset[str]()},
    responses=OAUTH_ERRORS,
)
async def post_introspect(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[IntrospectionOut]:
    """Tell an authenticated client of its own token; anybody else's is inactive.

    With ``Accept: application/token-introspection+jwt`` the answer is signed for the client.
    """
    asked = await read_client_request(request, context)
    if isinstance(asked, Response):
        return asked
    if asked.client.auth_method == AuthMethod.NONE:
        return await refuse_client(
            request, context, "Only a client that proves who it is may ask about tokens."
        )
    token = asked.fields.get("token")
    if token is None:
        return refuse("invalid_request", "token is missing.")
    found = await introspect(context, asked.client, token)
    headers = {**NO_STORE, "Vary": "Accept"}
    if not _wants_jwt(request):
        return Response(found, headers=headers)
    signed: Any = await sign_introspection(context, asked.client, found)
    return Response(signed.encode(), media_type=MEDIA_TYPE, headers=headers)


def _wants_jwt(request: Request[Any, Any, Any]) -> bool:
    """Whether the signed form is named; ranges with a star take the plain one."""
    ranges = ",".join(request.headers.getall("accept", [])).split(",")
    return any(each.split(";")[0].strip().lower() == MEDIA_TYPE for each in ranges)
