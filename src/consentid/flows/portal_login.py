"""Hand a person over to the customer portal, on the way of an interaction or from a page of ours.

Staff are handed over to their own issuer in the same way, and come back by another address.

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

from consentid.brandbook.book import Book
from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, hash_browser, new_secret
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key
from consentid.kit.errors import ForbiddenError, UnavailableError
from consentid.kit.instants import MINUTE, Instant
from consentid.net.portal_keys import PortalKeys, PortalMetadata, PortalUnaskedError
from consentid.net.portal_login import PortalLogin
from consentid.store import clock, portal_logins

LIFETIME_M: Final = 10
CALLBACK: Final = "/login/callback"
STAFF_CALLBACK: Final = "/operations/callback"
_SEALED: Final = b"portal-login/1\0"
_MAX_STATE: Final = 64
_CUSTOMER_SCOPE: Final = "openid"
_STAFF_SCOPE: Final = "openid profile"
_LOGIN: Final = "login"
_CREATE: Final = "create"


class ToInteraction(msgspec.Struct, frozen=True, kw_only=True, tag="interaction"):
    """The person returns to what a client asked."""

    id: str


class ToPreferences(msgspec.Struct, frozen=True, kw_only=True, tag="preferences"):
    """The person returns to the preference centre."""

    kept: Mapping[str, str] = {}
    """What its address carries on; judged there as if it came fresh from the browser."""


class ToApprovals(msgspec.Struct, frozen=True, kw_only=True, tag="approvals"):
    """The person returns to what waits for them."""

    language: str


class ToLink(msgspec.Struct, frozen=True, kw_only=True, tag="link"):
    """The person returns to the link that they opened."""

    sealed: str
    """What stands in its fragment; judged there as if it came fresh from the browser."""


class ToOperations(msgspec.Struct, frozen=True, kw_only=True, tag="operations"):
    """One of the staff returns to the administration."""


T = TypeVar("T")

BackTo: TypeAlias = ToInteraction | ToPreferences | ToApprovals | ToLink
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
    back: BackTo | ToOperations
    max_age_s: int | None = None
    is_fresh: bool = False
    """Whether the person was to sign in anew."""
    is_proof: bool = False
    """Whether coming back shows that the person proved who they are, or made an account, just now:
    whoever was signed in at the portal already was not to be let through."""


async def asking_the_portal(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run what may hand somebody over, in a transaction of its own; once more where it has to wait.

    Where the portal's addresses are not at hand, the transaction is given up, the portal is asked
    with no connection held, and the second attempt finds what it said, or that it said nothing.
    """
    try:
        return await attempt()
    except PortalUnaskedError as unasked:
        with contextlib.suppress(UnavailableError):
            await unasked.portal.metadata(unasked.issuer)
    return await attempt()


async def start(
    context: Context,
    connection: AsyncConnection,
    *,
    browser: Browser,
    back: BackTo | ToOperations,
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
    issuer, client_id, callback = _door(context, book, back)
    hand_over = HandOver(
        issuer=issuer,
        client_id=client_id,
        redirect_uri=f"{book.group.issuer}{callback}",
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
    metadata = portal_keys(context, back).metadata_at_hand(hand_over.issuer)
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
        raise login_unknown()
    opened = wrapping.open_sealed(
        derived_key(context.keyring.master, Job.REFERENCE), sealed, aad=_aad(unverified_state)
    )
    return msgspec.msgpack.decode(opened, type=HandOver)


def login_unknown() -> ForbiddenError:
    """Nobody is waiting for this answer here."""
    return ForbiddenError(
        "login_unknown",
        "This sign-in was not begun in this browser, is over, or took too long: start again.",
        where="state",
    )


def portal_keys(context: Context, back: BackTo | ToOperations) -> PortalKeys:
    """Whom to ask: the customers' portal, or the issuer of staff."""
    return context.staff if isinstance(back, ToOperations) else context.portal


async def portal_of(context: Context, hand_over: HandOver) -> PortalLogin:
    """We as the portal's client, as we were when the hand-over began.

    Raises:
        UnavailableError: the portal cannot be asked for its addresses, or we are no client of it.
    """
    asked = portal_keys(context, hand_over.back)
    return _client(context, hand_over, await asked.metadata(hand_over.issuer))


def _door(context: Context, book: Book, back: BackTo | ToOperations) -> tuple[str, str, str]:
    """Who is asked, what we are called there, and where people come back."""
    if not isinstance(back, ToOperations):
        return book.group.portal.issuer, book.group.portal.client_id, CALLBACK
    chosen = context.settings
    if chosen.staff_issuer is None or chosen.staff_client_id is None:
        raise UnavailableError(
            "staff_issuer_missing",
            "Staff cannot sign in here: set CONSENTID_STAFF_ISSUER.",
            retry_after_s=60,
        )
    return chosen.staff_issuer, chosen.staff_client_id, STAFF_CALLBACK


def _client(context: Context, hand_over: HandOver, metadata: PortalMetadata) -> PortalLogin:
    chosen = context.settings
    is_staff = isinstance(hand_over.back, ToOperations)
    secret = chosen.staff_client_secret if is_staff else chosen.portal_client_secret
    if secret is None:
        name = "STAFF" if is_staff else "PORTAL"
        raise UnavailableError(
            "portal_secret_missing",
            f"Signing in is not set up here: set CONSENTID_{name}_CLIENT_SECRET_FILE.",
            retry_after_s=60,
        )
    return PortalLogin(
        http=context.portal.http,
        metadata=metadata,
        client_id=hand_over.client_id,
        secret=secret,
        redirect_uri=hand_over.redirect_uri,
        scope=_STAFF_SCOPE if is_staff else _CUSTOMER_SCOPE,
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
