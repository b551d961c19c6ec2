"""``/revoke``: end a token.  Spec: RFC 7009."""

from http import HTTPStatus
from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency

from consentid.flows.context import Context
from consentid.flows.revoke_token import revoke_token
from consentid.kit.errors import MalformedError
from consentid.web.guards import QUERY
from consentid.web.oauth_forms import CLIENT_SECURITY, form_operation
from consentid.web.oauth_requests import NO_STORE, read_client_request, refuse
from consentid.web.responses import OAUTH_ERRORS


@post(
    "/revoke",
    status_code=HTTPStatus.OK,
    operation_class=form_operation({"token": None, "token_type_hint": None}, required=["token"]),
    security=CLIENT_SECURITY,
    tags=["OAuth"],
    summary="End a token",
    opt={QUERY: frozenset[str]()},
    responses=OAUTH_ERRORS,
)
async def post_revoke(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[None]:
    """End an access token, or a refresh token with all its kin.  Consent is not touched."""
    asked = await read_client_request(request, context)
    if isinstance(asked, Response):
        return asked
    token = asked.fields.get("token")
    if token is None:
        return refuse("invalid_request", "token is missing.")
    try:
        await revoke_token(context, asked.client, token)
    except MalformedError as error:
        return refuse(error.code, error.message)
    return Response(None, headers=dict(NO_STORE))
