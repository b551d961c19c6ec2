"""``/par``: authorization requests pushed by back ends.  Spec: RFC 9126."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency

from consentid.flows.context import Context
from consentid.flows.pushed_requests import push_request
from consentid.oidc.refusal import RefusedRequestError
from consentid.web.guards import QUERY
from consentid.web.oauth_forms import CLIENT_SECURITY, form_operation
from consentid.web.oauth_requests import NO_STORE, read_client_request, refuse
from consentid.web.responses import OAUTH_ERRORS

_FIELDS: Final = {
    "response_type": ["code"],
    "redirect_uri": None,
    "scope": None,
    "code_challenge": None,
    "code_challenge_method": ["S256"],
    "state": None,
    "nonce": None,
    "prompt": None,
    "max_age": None,
    "resource": None,
    "login_hint": None,
    "id_token_hint": None,
    "ui_locales": None,
    "acr_values": None,
    "authorization_details": None,
}


class PushedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What stands for the request at ``/authorize``."""

    request_uri: str
    expires_in: int


@post(
    "/par",
    status_code=HTTPStatus.CREATED,
    operation_class=form_operation(
        _FIELDS, required=["response_type", "redirect_uri", "code_challenge"]
    ),
    security=CLIENT_SECURITY,
    tags=["OAuth"],
    summary="Push an authorization request",
    opt={QUERY: frozenset[str]()},
    responses=OAUTH_ERRORS,
)
async def post_par(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[PushedOut]:
    """Keep a request for a minute; send ``client_id`` and the answer's ``request_uri`` alone."""
    asked = await read_client_request(request, context)
    if isinstance(asked, Response):
        return asked
    try:
        pushed = await push_request(context, asked.client, asked.fields)
    except RefusedRequestError as refused:
        return refuse(refused.error, refused.description)
    return Response(
        PushedOut(request_uri=pushed.request_uri, expires_in=pushed.expires_in_s),
        headers=dict(NO_STORE),
    )
