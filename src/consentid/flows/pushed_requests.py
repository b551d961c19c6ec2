"""Take in an authorization request from a client's back end, and hand it out once, later.

A pushed request is judged when it is pushed: what ``take`` returns may be answered.  The reference
has 256 random bits and is stored hashed; the request itself lies sealed under it.

Spec: RFC 9126, RFC 9396.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.client import ApplicationType, GrantType
from consentid.core.party import PartyKind
from consentid.flows.authenticate import hash_token
from consentid.flows.authenticate_client import CREDENTIAL_FIELDS
from consentid.flows.context import Context
from consentid.flows.issue_code import granted_scopes
from consentid.flows.judge_details import DETAILS, judge_details
from consentid.flows.target import registered_audiences
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key
from consentid.kit import base64url
from consentid.kit.instants import SECOND, Instant
from consentid.oidc.authorization_request import MAX_STATE, AuthorizationRequest, parse_request
from consentid.oidc.prompt import Prompt
from consentid.oidc.redirect import is_registered
from consentid.oidc.refusal import RefusedRequestError
from consentid.store import clock, pushed_requests
from consentid.store.clients import Client
from consentid.store.pushed_requests import PushedRequest

LIFETIME_S: Final = 60
URN: Final = "urn:ietf:params:oauth:request_uri:"
_REFERENCE_BYTES: Final = 32
_MAX_URI: Final = 256
_LABEL: Final = b"consentid/pushed/1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What the client sends to ``/authorize`` instead of its parameters."""

    request_uri: str
    expires_in_s: int


async def push_request(context: Context, client: Client, fields: Mapping[str, str]) -> Pushed:
    """Judge and keep a request of an authenticated client.

    Raises:
        RefusedRequestError: as ``/authorize`` would refuse it, or ``unauthorized_client``,
            ``invalid_authorization_details``.
    """
    reference = base64url.encode(context.randomness(_REFERENCE_BYTES))
    request_uri = f"{URN}{reference}"
    request_hash = hash_token(request_uri)
    async with context.database.writing() as connection:
        book = await context.book(connection)
        request = judge(book, client, fields)
        now = await clock.now(connection)
        await pushed_requests.add(
            connection,
            PushedRequest(
                request_hash=request_hash,
                client_id=client.client_id,
                sealed=wrapping.seal(
                    derived_key(context.keyring.master, Job.REFERENCE),
                    msgspec.msgpack.encode(request),
                    nonce=context.randomness(wrapping.NONCE_BYTES),
                    aad=_LABEL + request_hash,
                ),
                created_at=now,
                expires_at=Instant(now + LIFETIME_S * SECOND),
            ),
        )
    return Pushed(request_uri=request_uri, expires_in_s=LIFETIME_S)


async def take(
    context: Context, connection: AsyncConnection, client: Client, unverified_uri: str
) -> AuthorizationRequest:
    """Hand out what a client pushed, once.  The caller commits, whatever comes of the request.

    Parameters beside ``request_uri`` count for nothing.

    Raises:
        RefusedRequestError: ``invalid_request_uri``: another client's, used, expired, or no
            reference of ours; addresses elsewhere are never fetched.
    """
    if len(unverified_uri) > _MAX_URI or not unverified_uri.startswith(URN):
        raise _unknown()
    request_hash = hash_token(unverified_uri)
    sealed = await pushed_requests.take(
        connection, request_hash, client_id=client.client_id, now=await clock.now(connection)
    )
    if sealed is None:
        raise _unknown()
    body = wrapping.open_sealed(
        derived_key(context.keyring.master, Job.REFERENCE), sealed, aad=_LABEL + request_hash
    )
    return msgspec.msgpack.decode(body, type=AuthorizationRequest)


def must_push(client: Client) -> bool:
    """Whether a client's requests come through ``/par`` only: every partner's do."""
    return (
        client.party.kind is PartyKind.PARTNER
        or client.registration.require_pushed_authorization_requests
    )


def judge(book: Book, client: Client, fields: Mapping[str, str]) -> AuthorizationRequest:
    """Judge a pushed request by the rules of ``/authorize``.

    Raises:
        RefusedRequestError: see ``push_request``.
    """
    registration = client.registration
    if GrantType.AUTHORIZATION_CODE not in registration.grant_types:
        raise RefusedRequestError(
            "unauthorized_client", "This client is not registered for authorization_code."
        )
    if "request_uri" in fields:
        raise RefusedRequestError("invalid_request", "request_uri cannot be pushed.")
    own = {name: value for name, value in fields.items() if name not in CREDENTIAL_FIELDS}
    if own.setdefault("client_id", client.client_id) != client.client_id:
        raise RefusedRequestError("invalid_request", "client_id names another client.")
    if "redirect_uri" not in own:
        raise RefusedRequestError("invalid_request", "redirect_uri is missing.")
    is_native = registration.application_type == ApplicationType.NATIVE
    if not is_registered(own["redirect_uri"], registration.redirect_uris, is_native=is_native):
        raise RefusedRequestError("invalid_request", "redirect_uri is not one that is registered.")
    if len(own.get("state", "")) > MAX_STATE:
        raise RefusedRequestError("invalid_request", f"state is longer than {MAX_STATE}.")
    request = parse_request(own, audiences=registered_audiences(book, client))
    _check_age(client, request)
    granted_scopes(client, request.scopes)
    if DETAILS not in own:
        return request
    judged = judge_details(book, client, own[DETAILS], resource=request.resource)
    if judged.on_behalf_of is not None and Prompt.NONE in request.prompt:
        raise RefusedRequestError(
            "invalid_request", "Asking for a brand needs the person: no none."
        )
    return msgspec.structs.replace(
        request,
        resource=judged.resource,
        details=judged.encoded,
        purposes=judged.purposes,
        on_behalf_of=judged.on_behalf_of,
    )


def _check_age(client: Client, request: AuthorizationRequest) -> None:
    """Refuse a partner what tells it, asked often enough, when somebody signed in."""
    if request.max_age_s is not None and client.party.kind is PartyKind.PARTNER:
        raise RefusedRequestError("invalid_request", "A partner asks by prompt=login, not max_age.")


def _unknown() -> RefusedRequestError:
    return RefusedRequestError(
        "invalid_request_uri",
        "request_uri is none that this client was given at /par in the last minute, unused.",
    )
