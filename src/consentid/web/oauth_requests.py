"""What OAuth's endpoints have in common: forms read strictly, clients known, answers not stored.

Spec: RFC 6749 sections 2.3, 3.2 and 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response

from consentid.cache.limits import Limit
from consentid.flows.authenticate_client import (
    CREDENTIAL_FIELDS,
    Credentials,
    authenticate_client,
)
from consentid.flows.context import Context
from consentid.kit.errors import MalformedError, UnauthenticatedError
from consentid.store.clients import Client
from consentid.web.callers import network_of, wall_clock_s
from consentid.web.forms import parse_basic, parse_form
from consentid.web.oauth_errors import CLIENT_CHALLENGE, oauth_error
from consentid.web.strict_bodies import body_of

NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FAILURES: Final = Limit(name="token_failures", most=100, window_s=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRequest:
    """A form that an authenticated client sent."""

    client: Client
    fields: Mapping[str, str]
    """Without what authenticated the client."""


async def read_client_request(
    request: Request[Any, Any, Any], context: Context
) -> ClientRequest | Response[Any]:
    """The form and who sends it, or the answer that refuses it.

    Raises:
        RateLimitedError: one failed attempt too many from this address.
    """
    try:
        credentials = read_credentials(request)
        client = await authenticate_client(context, credentials)
    except UnauthenticatedError as error:
        return await refuse_client(request, context, error.message)
    except MalformedError as error:
        return refuse(error.code, error.message)
    own = {name: value for name, value in credentials.form.items() if name not in CREDENTIAL_FIELDS}
    return ClientRequest(client=client, fields=own)


def read_credentials(request: Request[Any, Any, Any]) -> Credentials:
    """The form, and what the request says of who sends it.

    Raises:
        MalformedError: the form is not sound.
        UnauthenticatedError: the Authorization header is not.
    """
    return Credentials(
        form=parse_form(body_of(request) or b""),
        basic=parse_basic(request.headers.getall("authorization", [])),
    )


async def refuse_client(
    request: Request[Any, Any, Any], context: Context, description: str
) -> Response[Any]:
    """Refuse a client that did not authenticate, and count the failure.

    Raises:
        RateLimitedError: it was one too many from this address.
    """
    await context.limiter.check(_FAILURES, network_of(request), now_s=wall_clock_s())
    response = refuse("invalid_client", description, status=HTTPStatus.UNAUTHORIZED)
    response.headers["WWW-Authenticate"] = CLIENT_CHALLENGE
    return response


def refuse(
    error: str, description: str, *, status: HTTPStatus = HTTPStatus.BAD_REQUEST
) -> Response[Any]:
    """Refuse in OAuth's words."""
    return Response(oauth_error(error, description), status_code=status, headers=dict(NO_STORE))
