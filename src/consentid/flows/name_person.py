"""Whom a client means by a hint: its own word for a person, from a token that proves it may use it.

An ID token of ours for this client (expired or not), a token that the client signed, or, for the
clients that may exchange them, an ID token of the portal: judged, and used up, as at an exchange.
An address, a number or a name is never looked up: there is nothing here to look it up in.

Spec: OpenID CIBA Core 1.0 sections 7.1 and 13.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.flows.authenticate_client import keys_of
from consentid.flows.context import Context
from consentid.flows.portal_identity import portal_audience
from consentid.flows.sign_in import sign_in
from consentid.kit.errors import MalformedError, UnauthenticatedError
from consentid.kit.instants import Instant
from consentid.net.portal import verify_id_token
from consentid.net.portal_keys import KeySource
from consentid.oidc.backchannel_request import Hint
from consentid.oidc.client_assertion import ExpiredAssertionError, RefusedAssertionError
from consentid.oidc.id_token import read_hint
from consentid.oidc.login_hint_token import verify_login_hint
from consentid.oidc.refusal import RefusedRequestError
from consentid.store.clients import Client
from consentid.tokens.pairwise import pairwise_sub


def named_by_token(
    context: Context, book: Book, client: Client, hint: Hint, unverified: str, *, now: Instant
) -> str | None:
    """The client's word for whom an ID token of ours, or a token of its own, names.

    None where only the portal can have issued it.

    Raises:
        RefusedRequestError: ``invalid_request``, ``expired_login_hint_token``.
    """
    issuer = book.group.issuer
    keys = {key["kid"]: key for key in context.keyring.public_jwks()["keys"]}
    sub = read_hint(unverified, keys=keys, issuer=issuer, audience=client.client_id)
    if sub is not None:
        return sub
    if hint is Hint.ID_TOKEN:
        if portal_audience(book, client) is None:
            raise _refused("it is no ID token that we issued to this client")
        return None
    try:
        return verify_login_hint(
            unverified, client_id=client.client_id, keys=keys_of(client), issuer=issuer, now=now
        )
    except ExpiredAssertionError as error:
        raise RefusedRequestError("expired_login_hint_token", "The hint has expired.") from error
    except RefusedAssertionError as error:
        raise _refused(str(error)) from error


async def named_by_portal(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    client: Client,
    unverified: str,
    *,
    keys: KeySource,
    now: Instant,
) -> str:
    """The client's word for whom an ID token of the portal names.  The caller commits.

    Raises:
        RefusedRequestError: ``invalid_request``: it does not hold for this client, is too old, or
            was used before.
        UnavailableError: the portal's keys cannot be had.
    """
    try:
        identity = await verify_id_token(
            unverified,
            keys=keys,
            issuer=book.group.portal.issuer,
            audience=portal_audience(book, client) or "",
            now=now,
        )
        signed_in = await sign_in(
            context, connection, book, identity, party=client.party, device=None, at=now
        )
    except (MalformedError, UnauthenticatedError) as error:
        raise _refused(
            "it is no ID token that holds for this client; each is good for five minutes, once"
        ) from error
    subject = signed_in.session.subject.id
    return pairwise_sub(context.keyring.pairwise, str(client.party), subject.bytes)


def _refused(why: str) -> RefusedRequestError:
    return RefusedRequestError("invalid_request", f"The hint names nobody: {why}.")
