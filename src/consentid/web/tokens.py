"""``/token``.  Spec: RFC 6749 section 3.2 and 5, RFC 8693."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from consentid.cache.limits import Limit
from consentid.flows.answer_token_request import answer_token_request
from consentid.flows.context import Context
from consentid.flows.oauth.client import CLIENT_CREDENTIALS, TOKEN_EXCHANGE
from consentid.flows.oauth.request import TokenRequest
from consentid.flows.oauth.token_types import (
    ACCESS_TOKEN,
    CONSENT_TOKEN,
    DEVICE_CREDENTIAL,
    ID_TOKEN,
)
from consentid.kit.errors import MalformedError, UnauthenticatedError
from consentid.web.callers import address_of, wall_clock_s
from consentid.web.forms import parse_basic, parse_form
from consentid.web.guards import QUERY
from consentid.web.oauth_errors import CLIENT_CHALLENGE, oauth_error
from consentid.web.responses import OAUTH_ERRORS
from consentid.web.strict_bodies import body_of

_FAILURES: Final = Limit(name="token_failures", most=100, window_s=60)
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


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
    adopted: int | None = None
    """How many of the device's decisions the account adopted at this sign-in."""
    contradictions: list[ContradictionOut] | None = None


_FIELDS: Final = {
    "grant_type": [CLIENT_CREDENTIALS, TOKEN_EXCHANGE],
    "scope": None,
    "client_id": None,
    "subject_token": None,
    "subject_token_type": [ID_TOKEN, DEVICE_CREDENTIAL, CONSENT_TOKEN, ACCESS_TOKEN],
    "actor_token": None,
    "actor_token_type": [DEVICE_CREDENTIAL],
    "requested_token_type": [ACCESS_TOKEN, CONSENT_TOKEN],
    "audience": None,
    "resource": None,
    "nonce": None,
}


@dataclass
class _TokenOperation(Operation):
    """The operation with its form, which is parsed by ``forms`` and not by the framework."""

    def __post_init__(self) -> None:
        """Describe the form."""
        self.request_body = RequestBody(
            required=True,
            content={
                "application/x-www-form-urlencoded": OpenAPIMediaType(
                    schema=Schema(
                        type=OpenAPIType.OBJECT,
                        required=["grant_type"],
                        properties={
                            name: Schema(type=OpenAPIType.STRING, enum=known)
                            for name, known in _FIELDS.items()
                        },
                    )
                )
            },
        )


@post(
    "/token",
    status_code=HTTPStatus.OK,
    operation_class=_TokenOperation,
    security=[{"client": []}],
    tags=["OAuth"],
    summary="Get an access token or a consent token",
    opt={QUERY: frozenset[str]()},
    responses=OAUTH_ERRORS,
)
async def token(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[TokenOut]:
    """Answer a token request: client credentials, or the exchange of a portal ID token or of a
    device credential.
    """
    try:
        asked = TokenRequest(
            form=parse_form(body_of(request) or b""),
            basic=parse_basic(request.headers.getall("authorization", [])),
            origin=request.headers.get("origin"),
        )
    except UnauthenticatedError as error:
        return await _refuse_client(request, context, error.message)
    except MalformedError as error:
        return _refuse(error.code, error.message)
    if "client_secret" in asked.form or "client_assertion" in asked.form:
        return _refuse("invalid_request", "Authenticate by HTTP Basic, in one way only.")
    if asked.basic is not None and asked.form.get("client_id", asked.basic.client_id) != (
        asked.basic.client_id
    ):
        return _refuse("invalid_request", "client_id names another client.")
    answer = await answer_token_request(context, asked)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return await _refuse_client(
            request, context, "The client is unknown, or its secret is wrong."
        )
    if "error" in answer.body:
        return _refuse(answer.body["error"], answer.body.get("error_description", ""))
    return Response(answer.body, headers=dict(_NO_STORE))


async def _refuse_client(
    request: Request[Any, Any, Any], context: Context, description: str
) -> Response[Any]:
    """Refuse a client that did not authenticate, and count the failure.

    Raises:
        RateLimitedError: it was one too many from this address.
    """
    await context.limiter.check(_FAILURES, address_of(request), now_s=wall_clock_s())
    response = _refuse("invalid_client", description, status=HTTPStatus.UNAUTHORIZED)
    response.headers["WWW-Authenticate"] = CLIENT_CHALLENGE
    return response


def _refuse(
    error: str, description: str, *, status: HTTPStatus = HTTPStatus.BAD_REQUEST
) -> Response[Any]:
    return Response(oauth_error(error, description), status_code=status, headers=dict(_NO_STORE))
