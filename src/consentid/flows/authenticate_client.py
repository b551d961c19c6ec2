"""Find out which client is calling an OAuth endpoint, in the one way that it registered.

All endpoints authenticate alike: HTTP Basic, a signed assertion, or, for a public client, its id
alone.  An assertion's mark of use commits by itself, before anything else is judged, so that one
that was seen in a failed request is not good for another.

Spec: RFC 6749 sections 2.3 and 3.2.1, RFC 7521 section 4.2, RFC 7523, RFC 10070.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.client import AuthMethod
from consentid.flows.context import Context
from consentid.flows.register_client import hash_secret
from consentid.kit.errors import MalformedError, UnauthenticatedError
from consentid.kit.instants import Instant
from consentid.oidc import client_assertion
from consentid.oidc.client_assertion import ASSERTION_TYPE, Assertion, RefusedAssertionError
from consentid.store import access_tokens, clients, clock
from consentid.store.clients import Client

CREDENTIAL_FIELDS: Final = frozenset({"client_assertion", "client_assertion_type", "client_secret"})
"""What authenticates, and is no part of the request itself."""
_MARK: Final = b"client_assertion\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicCredentials:
    """What HTTP Basic carried.  Spec: RFC 6749 section 2.3.1."""

    client_id: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request says of who sends it.  Nothing in it is to be believed yet."""

    form: Mapping[str, str]
    basic: BasicCredentials | None
    proven_client_id: str | None = None
    """Whose assertion was verified, and used up, for this very request."""


async def authenticate_client(context: Context, credentials: Credentials) -> Client:
    """The client that sends a request, proven; a public one is believed its id.

    Raises:
        UnauthenticatedError: ``invalid_client``: unknown, or its proof does not hold.
        MalformedError: ``invalid_request``: two ways at once, or a secret in the body.
    """
    proven = await use_assertion(context, credentials)
    async with context.database.reading() as connection:
        found = await find_client(connection, proven, now=await clock.now(connection))
    if found is None:
        raise refused("The client is unknown, or did not prove who it is in the registered way.")
    return found


async def use_assertion(context: Context, credentials: Credentials) -> Credentials:
    """Verify a client assertion, where there is one, and use it up.

    Raises:
        UnauthenticatedError, MalformedError: see ``authenticate_client``.
    """
    check_one_way(credentials)
    unverified = credentials.form.get("client_assertion")
    if unverified is None:
        return credentials
    try:
        proof = await _verify(context, unverified)
    except RefusedAssertionError as error:
        raise refused(f"The client assertion does not hold: {error}.") from error
    if credentials.form.get("client_id", proof.client_id) != proof.client_id:
        raise refused("client_id names another client than the assertion.")
    return Credentials(
        form=credentials.form, basic=credentials.basic, proven_client_id=proof.client_id
    )


async def _verify(context: Context, unverified: str) -> Assertion:
    read = client_assertion.read(unverified)
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        client = await clients.find(connection, read.unverified_client_id)
        if client is None or client.auth_method != AuthMethod.PRIVATE_KEY_JWT:
            raise RefusedAssertionError("its client is unknown, or does not sign")
        book = await context.book(connection)
        proof = client_assertion.verify(
            read, keys=keys_of(client), issuer=book.group.issuer, now=now
        )
        mark = hashlib.sha256(_MARK + f"{proof.client_id}\0{proof.jti}".encode()).digest()
        if not await access_tokens.mark_used(connection, mark, expires_at=proof.forget_at):
            raise RefusedAssertionError("it was used before")
    return proof


def check_one_way(credentials: Credentials) -> None:
    """Insist on one way of authenticating.  Spec: RFC 6749 section 2.3.

    Raises:
        MalformedError: ``invalid_request``.
    """
    form, basic = credentials.form, credentials.basic
    if "client_secret" in form:
        raise _malformed("Send the secret by HTTP Basic, never in the body.")
    has_assertion = "client_assertion" in form
    if has_assertion != ("client_assertion_type" in form):
        raise _malformed("client_assertion and client_assertion_type go together.")
    if has_assertion and basic is not None:
        raise _malformed("Authenticate in one way only.")
    if has_assertion and form["client_assertion_type"] != ASSERTION_TYPE:
        raise _malformed(f"client_assertion_type is {ASSERTION_TYPE}.")
    if basic is not None and form.get("client_id", basic.client_id) != basic.client_id:
        raise _malformed("client_id names another client.")


async def find_client(
    connection: AsyncConnection, credentials: Credentials, *, now: Instant
) -> Client | None:
    """The client whose credentials hold, by the one method that it registered; None for none."""
    _, client_id = claim_of(credentials)
    claimed = None if client_id is None else await clients.find(connection, client_id)
    return await prove(connection, credentials, claimed, now=now)


def claim_of(credentials: Credentials) -> tuple[AuthMethod, str | None]:
    """Which client a request says it is from, and how it would prove that."""
    if credentials.proven_client_id is not None:
        return AuthMethod.PRIVATE_KEY_JWT, credentials.proven_client_id
    if credentials.basic is not None:
        return AuthMethod.CLIENT_SECRET_BASIC, credentials.basic.client_id
    return AuthMethod.NONE, credentials.form.get("client_id")


async def prove(
    connection: AsyncConnection, credentials: Credentials, claimed: Client | None, *, now: Instant
) -> Client | None:
    """The client that ``claim_of`` named and that was found, where its credentials hold.

    A secret is looked at also where there is no such client: both take as long, so that time does
    not tell which clients there are.
    """
    basic = credentials.basic
    if basic is not None and not await _is_secret(connection, basic, now=now):
        return None
    method, _ = claim_of(credentials)
    return claimed if claimed is not None and claimed.auth_method == method else None


async def _is_secret(
    connection: AsyncConnection, unverified: BasicCredentials, *, now: Instant
) -> bool:
    given = hash_secret(unverified.secret)
    known = await clients.secret_hashes(connection, unverified.client_id, at=now)
    # Every hash is compared, so that time tells nothing of which one it was.
    return sum(hmac.compare_digest(given, each) for each in known) > 0


def refused(message: str) -> UnauthenticatedError:
    """The client did not authenticate.  Spec: RFC 6749 section 5.2."""
    return UnauthenticatedError("invalid_client", message)


def keys_of(client: Client) -> Mapping[str, Mapping[str, str]]:
    """A client's registered public keys by name, each with its algorithm."""
    return {key.kid: {**key.members, "alg": key.alg} for key in client.registration.keys}


def _malformed(message: str) -> MalformedError:
    return MalformedError("invalid_request", message)
