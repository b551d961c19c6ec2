"""``/token``.  Spec: RFC 6749 section 3.2 and 5, RFC 8693."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency

from consentid.brandbook.client import GrantType
from consentid.flows.answer_token_request import answer_token_request
from consentid.flows.context import Context
from consentid.flows.oauth.request import TokenRequest
from consentid.flows.oauth.token_types import (
    ACCESS_TOKEN,
    CONSENT_TOKEN,
    DEVICE_CREDENTIAL,
    ID_TOKEN,
)
from consentid.kit.errors import MalformedError, UnauthenticatedError
from consentid.web.guards import QUERY
from consentid.web.oauth_forms import CLIENT_SECURITY, form_operation
from consentid.web.oauth_requests import (
    NO_STORE,
    read_credentials,
    refuse,
    refuse_client,
)
from consentid.web.responses import OAUTH_ERRORS


class ContradictionOut(msgspec.Struct, frozen=True, kw_only=True):
    """Where the account and the device say different things, told once."""

    purpose: str
    account_says_yes: bool


class TokenOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the token endpoint answers."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str | None = None
    issued_token_type: str | None = None
    consent_token: str | None = None
    id_token: str | None = None
    refresh_token: str | None = None
    authorization_details: list[dict[str, Any]] | None = None
    """What was granted of the details asked for.  Spec: RFC 9396 section 7."""
    adopted: int | None = None
    """How many of the device's decisions the account adopted at this sign-in."""
    contradictions: list[ContradictionOut] | None = None


_FIELDS: Final = {
    "grant_type": [str(grant) for grant in GrantType],
    "scope": None,
    "code": None,
    "redirect_uri": None,
    "code_verifier": None,
    "refresh_token": None,
    "idempotency_key": None,
    "device_code": None,
    "auth_req_id": None,
    "referrer": None,
    "subject_token": None,
    "subject_token_type": [ID_TOKEN, DEVICE_CREDENTIAL, CONSENT_TOKEN, ACCESS_TOKEN],
    "actor_token": None,
    "actor_token_type": [DEVICE_CREDENTIAL],
    "requested_token_type": [ACCESS_TOKEN, CONSENT_TOKEN],
    "audience": None,
    "resource": None,
    "nonce": None,
}


@post(
    "/token",
    status_code=HTTPStatus.OK,
    operation_class=form_operation(_FIELDS, required=["grant_type"]),
    security=CLIENT_SECURITY,
    tags=["OAuth"],
    summary="Get an access token or a consent token",
    opt={QUERY: frozenset[str]()},
    responses=OAUTH_ERRORS,
)
async def token(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[TokenOut]:
    """Judge the grant: credentials, or the exchange of an ID token, a credential or a token."""
    try:
        credentials = read_credentials(request)
        if "grant_type" not in credentials.form:
            return refuse("invalid_request", "grant_type is missing.")
        answer = await answer_token_request(
            context,
            TokenRequest(
                form=credentials.form,
                basic=credentials.basic,
                origin=request.headers.get("origin"),
            ),
        )
    except UnauthenticatedError as error:
        return await refuse_client(request, context, error.message)
    except MalformedError as error:
        return refuse(error.code, error.message)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return await refuse_client(
            request, context, "The client is unknown, or its secret is wrong."
        )
    if "error" in answer.body:
        return refuse(answer.body["error"], answer.body.get("error_description", ""))
    body: Any = answer.body
    return Response(body, headers=dict(NO_STORE))
