"""A person signs out of the hub, by themselves or because a client asks for it.

The session ends; consent stays, and the device's own choices govern again.  An ID token that we
issued for this very session proves that the person's own client asks; anything else is put to the
person first.  Nobody is sent anywhere but to an address that the client registered.

Spec: OpenID Connect RP-Initiated Logout 1.0 sections 2 and 3.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, hash_session, session_sid
from consentid.flows.tell_of_end import tell_of_end
from consentid.kit.errors import MalformedError
from consentid.oidc.id_token import HintedToken, read_hinted_token
from consentid.store import clients, clock, hub_sessions
from consentid.store.clients import Client
from consentid.store.hub_sessions import HubSessionRow

FIELDS: Final = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")
_MAX_STATE: Final = 2_048
_MAX_HINT: Final = 8_192
_MAX_CLIENT_ID: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOutRequest:
    """A request that may be followed."""

    book: Book
    client: Client | None
    """Who asks; None where the person came alone."""
    onward: str | None
    """Where the client wants the person afterwards, with its ``state``; None for our own page."""
    is_signed_in: bool
    """Whether there is a session to end, also one whose time is over: pages may hold its tokens."""
    is_proven: bool
    """Whether the client holds an ID token of the session that is to end."""
    sessions: tuple[HubSessionRow, ...]
    """What is to end: the cookie's, and the one that the ID token was issued in.  The browser may
    have forgotten that one, while pages in it went on with their tokens.
    """


async def judge_sign_out(
    context: Context, fields: Mapping[str, str], browser: Browser
) -> SignOutRequest:
    """Judge a request; each field came once.  Nothing is changed.

    Raises:
        MalformedError: the client is unknown, is two, or did not register the address; or the hint
            is no ID token of ours.
    """
    async with context.database.reading() as connection:
        book = await context.book(connection)
        hint = _read_hint(context, book, fields.get("id_token_hint"))
        client = await _find_client(connection, fields.get("client_id"), hint)
        session_hash = hash_session(browser)
        own = (
            None
            if session_hash is None
            else await hub_sessions.find_known(connection, session_hash)
        )
        hinted = (
            await hub_sessions.find_of_client(connection, client.client_id, hint.sid)
            if client is not None and hint is not None and hint.sid is not None
            else None
        )
    session = own or hinted
    return SignOutRequest(
        book=book,
        client=client,
        onward=_onward(client, fields),
        is_signed_in=session is not None,
        is_proven=_is_proven(context, client, hint, session),
        sessions=tuple({each.id: each for each in (own, hinted) if each is not None}.values()),
    )


async def sign_out(
    context: Context, browser: Browser, *, sessions: Collection[HubSessionRow] = ()
) -> None:
    """End the browser's session and those that were found before; whoever is in them is told."""
    async with context.database.writing() as connection:
        known = {each.session_hash: each for each in sessions}
        session_hash = hash_session(browser)
        if session_hash is not None and session_hash not in known:
            own = await hub_sessions.find_known(connection, session_hash)
            known |= {} if own is None else {session_hash: own}
        ended = [
            session
            for _, each in sorted(known.items())
            if (session := await hub_sessions.end_known(connection, each)) is not None
        ]
        if ended:
            now = await clock.now(connection)
            await tell_of_end(context, connection, ended, at=now)


def _read_hint(context: Context, book: Book, unverified: str | None) -> HintedToken | None:
    if unverified is None:
        return None
    keys = {key["kid"]: key for key in context.keyring.public_jwks()["keys"]}
    hint = (
        None
        if len(unverified) > _MAX_HINT
        else read_hinted_token(unverified, keys=keys, issuer=book.group.issuer)
    )
    if hint is None:
        raise MalformedError(
            "id_token_hint_unknown",
            "id_token_hint is not an ID token that we issued.",
            where="id_token_hint",
        )
    return hint


async def _find_client(
    connection: AsyncConnection, client_id: str | None, hint: HintedToken | None
) -> Client | None:
    if client_id is None and hint is None:
        return None
    named = client_id if hint is None else hint.audience
    if named is None or len(named) > _MAX_CLIENT_ID or client_id not in (None, named):
        raise _unknown()
    client = await clients.find(connection, named)
    if client is None:
        raise _unknown()
    return client


def _onward(client: Client | None, fields: Mapping[str, str]) -> str | None:
    wanted, state = fields.get("post_logout_redirect_uri"), fields.get("state")
    if wanted is None:
        return None
    if client is None or wanted not in client.registration.post_logout_redirect_uris:
        raise MalformedError(
            "redirect_uri_unknown",
            "This post_logout_redirect_uri is not registered for the client, letter by letter.",
            where="post_logout_redirect_uri",
        )
    if state is None:
        return wanted
    if len(state) > _MAX_STATE:
        raise MalformedError(
            "state_too_long", f"state is longer than {_MAX_STATE} characters.", where="state"
        )
    return f"{wanted}{'&' if '?' in wanted else '?'}{urlencode({'state': state})}"


def _is_proven(
    context: Context,
    client: Client | None,
    hint: HintedToken | None,
    session: HubSessionRow | None,
) -> bool:
    if client is None or hint is None or session is None:
        return False
    return hint.sid == session_sid(context, session.id, client_id=client.client_id)


def _unknown() -> MalformedError:
    return MalformedError(
        "client_unknown",
        "No site or app is known by this client_id, or the hint is another's.",
        where="client_id",
    )
