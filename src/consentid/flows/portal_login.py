"""Hand a person over to the customer portal, on the way of an interaction or from a page of ours.

Where they return to is sealed with the hand-over, and is a page of ours: never an address.

Each hand-over has a ``state`` of its own: good once, for ten minutes, in the browser that began it.
``finish_portal_login`` takes the person back.

Spec: OpenID Connect Core section 3.1.2.1, RFC 6749 section 10.12, RFC 7636, RFC 9700.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeAlias, TypeVar

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, hash_browser, new_secret
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key
from consentid.kit.errors import ForbiddenError, UnavailableError
from consentid.kit.instants import MINUTE, Instant
from consentid.net.portal import PortalMetadata, PortalUnaskedError
from consentid.net.portal_login import PortalLogin
from consentid.store import clock, portal_logins

LIFETIME_M: Final = 10
CALLBACK: Final = "/login/callback"
_SEALED: Final = b"portal-login/1\0"
_MAX_STATE: Final = 64
_LOGIN: Final = "login"
_CREATE: Final = "create"


class ToInteraction(msgspec.Struct, frozen=True, kw_only=True, tag="interaction"):
    """The person returns to what a client asked."""

    id: str


class ToPreferences(msgspec.Struct, frozen=True, kw_only=True, tag="preferences"):
    """The person returns to the preference centre."""

    kept: Mapping[str, str] = {}
    """What its address carries on; judged there as if it came fresh from the browser."""


T = TypeVar("T")

BackTo: TypeAlias = ToInteraction | ToPreferences
"""Where a person returns to."""


class HandOver(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of one hand-over, sealed."""

    issuer: str
    client_id: str
    redirect_uri: str
    nonce: str
    verifier: str
    asked_at: int
    """An instant."""
    back: BackTo
    max_age_s: int | None = None
    is_fresh: bool = False
    """Whether the person was to sign in anew."""
    is_proof: bool = False
    """Whether coming back shows that the person proved who they are, or made an account, just now:
    whoever was signed in at the portal already was not to be let through."""


async def asking_the_portal(context: Context, attempt: Callable[[], Awaitable[T]]) -> T:
    """Run what may hand somebody over, in a transaction of its own; once more where it has to wait.

    Where the portal's addresses are not at hand, the transaction is given up, the portal is asked
    with no connection held, and the second attempt finds what it said, or that it said nothing.
    """
    try:
        return await attempt()
    except PortalUnaskedError as unasked:
        with contextlib.suppress(UnavailableError):
            await context.portal.metadata(unasked.issuer)
    return await attempt()


async def start(
    context: Context,
    connection: AsyncConnection,
    *,
    browser: Browser,
    back: BackTo,
    prompt: Iterable[str] = (),
    max_age_s: int | None = None,
    login_hint: str | None = None,
    ui_locales: Iterable[str] = (),
    acr_values: Iterable[str] = (),
) -> str:
    """Begin a hand-over; the address to send the browser to.  The caller commits first.

    ``back`` is where the person returns; an interaction was begun in this browser.  The caller runs
    in ``asking_the_portal``, since nobody waits for the portal in a transaction.

    Raises:
        ForbiddenError: the browser presents no secret to bind the hand-over to.
        PortalUnaskedError: the portal has to be asked first.
        UnavailableError: the portal cannot be asked for its addresses, or we are no client of it.
    """
    browser_hash = hash_browser(browser)
    if browser_hash is None:
        raise ForbiddenError(
            "browser_unknown", "This browser did not begin here: go back and open the page again."
        )
    book = await context.book(connection)
    now = await clock.now(connection)
    asked = frozenset(prompt)
    state = new_secret(context)
    hand_over = HandOver(
        issuer=book.group.portal.issuer,
        client_id=book.group.portal.client_id,
        redirect_uri=f"{book.group.issuer}{CALLBACK}",
        nonce=new_secret(context),
        verifier=new_secret(context),
        asked_at=now,
        back=back,
        max_age_s=max_age_s,
        is_fresh=_LOGIN in asked,
        is_proof=not asked.isdisjoint({_LOGIN, _CREATE}),
    )
    extra = {
        "prompt": " ".join(sorted(asked)),
        "max_age": "" if max_age_s is None else str(max_age_s),
        "login_hint": login_hint or "",
        "ui_locales": " ".join(ui_locales),
        "acr_values": " ".join(acr_values),
    }
    metadata = context.portal.metadata_at_hand(hand_over.issuer)
    url = _client(context, hand_over, metadata).authorization_url(
        state=state,
        nonce=hand_over.nonce,
        verifier=hand_over.verifier,
        extra={name: value for name, value in extra.items() if value},
    )
    await portal_logins.add(
        connection,
        state_hash=hash_token(state),
        browser_hash=browser_hash,
        sealed=_seal(context, state, hand_over),
        at=now,
        expires_at=Instant(now + LIFETIME_M * MINUTE),
    )
    return url


async def take_hand_over(context: Context, unverified_state: str, browser: Browser) -> HandOver:
    """Use a hand-over up.

    Raises:
        ForbiddenError: the state is unknown, used, expired, or another browser's.
    """
    browser_hash = hash_browser(browser)
    sealed: bytes | None = None
    if browser_hash is not None and 0 < len(unverified_state) <= _MAX_STATE:
        async with context.database.writing() as connection:
            sealed = await portal_logins.take(
                connection,
                state_hash=hash_token(unverified_state),
                browser_hash=browser_hash,
                at=await clock.now(connection),
            )
    if sealed is None:
        raise ForbiddenError(
            "login_unknown",
            "This sign-in was not begun in this browser, is over, or took too long: start again.",
            where="state",
        )
    opened = wrapping.open_sealed(
        derived_key(context.keyring.master, Job.REFERENCE), sealed, aad=_aad(unverified_state)
    )
    return msgspec.msgpack.decode(opened, type=HandOver)


async def portal_of(context: Context, hand_over: HandOver) -> PortalLogin:
    """We as the portal's client, as we were when the hand-over began.

    Raises:
        UnavailableError: the portal cannot be asked for its addresses, or we are no client of it.
    """
    return _client(context, hand_over, await context.portal.metadata(hand_over.issuer))


def _client(context: Context, hand_over: HandOver, metadata: PortalMetadata) -> PortalLogin:
    secret = context.settings.portal_client_secret
    if secret is None:
        raise UnavailableError(
            "portal_secret_missing",
            "Signing in is not set up here: set CONSENTID_PORTAL_CLIENT_SECRET_FILE.",
            retry_after_s=60,
        )
    return PortalLogin(
        http=context.portal.http,
        metadata=metadata,
        client_id=hand_over.client_id,
        secret=secret,
        redirect_uri=hand_over.redirect_uri,
    )


def _seal(context: Context, state: str, hand_over: HandOver) -> bytes:
    return wrapping.seal(
        derived_key(context.keyring.master, Job.REFERENCE),
        msgspec.msgpack.encode(hand_over),
        nonce=context.randomness(wrapping.NONCE_BYTES),
        aad=_aad(state),
    )


def _aad(state: str) -> bytes:
    return _SEALED + hash_token(state)
